"""Runs the gateway's roles as threads: a role that fails is told of, counted and started again, the others go on."""

import logging
import random
import threading
import time
from typing import Protocol

import msgspec

log = logging.getLogger(__name__)
FIRST_WAIT_S, LONGEST_WAIT_S, STEADY_S = 0.5, 30.0, 60.0


class Role(Protocol):
    """Something that works until it is told to stop."""

    def run(self, stop: threading.Event, /) -> None:
        """Work; return soon after `stop` is set. An exception means: start me again."""
        ...


class RoleState(msgspec.Struct, frozen=True):
    """How one role is: `restarts` since the start, and the last failure in words ("" = none)."""

    name: str
    alive: bool
    restarts: int
    last_error: str


class _Supervised:
    def __init__(self, name: str, role: Role) -> None:
        self.name, self.role = name, role
        self.stop = threading.Event()
        self.restarts = 0
        self.last_error = ""
        self.thread = threading.Thread(target=self._work, name=name, daemon=True)

    def _work(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self.stop.is_set():
            began_s = time.monotonic()
            try:
                self.role.run(self.stop)
            except Exception as error:  # the one place where a role's unforeseen failure must not end the gateway
                self.last_error = f"{type(error).__name__}: {error}"
                log.error("role_failed role=%s error=%s", self.name, self.last_error, exc_info=True)
            if self.stop.is_set():
                return
            self.restarts += 1
            wait_s = FIRST_WAIT_S if time.monotonic() - began_s > STEADY_S else min(2 * wait_s, LONGEST_WAIT_S)
            self.stop.wait(wait_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret


class Supervisor:
    """Starts roles in the order they were added and stops them in reverse, each joined before the next is told."""

    def __init__(self) -> None:
        self._roles: list[_Supervised] = []

    def add(self, name: str, role: Role) -> None:
        """Name a role; call before `start`."""
        self._roles.append(_Supervised(name, role))

    def start(self) -> None:
        """Start every role."""
        for role in self._roles:
            role.thread.start()

    def stop(self, timeout_s: float = 10.0) -> list[str]:
        """Stop every role, last added first; names of those that did not end in `timeout_s` each."""
        late = []
        for role in reversed(self._roles):
            role.stop.set()
            if role.thread.is_alive():
                role.thread.join(timeout_s)
            if role.thread.is_alive():
                late.append(role.name)
        return late

    def states(self) -> list[RoleState]:
        """How each role is now."""
        return [RoleState(r.name, r.thread.is_alive(), r.restarts, r.last_error) for r in self._roles]

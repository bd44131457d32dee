"""The demo's processes: each started by us, watched, and stopped by its own id. None outlives this process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

STOP_S = 15.0
_MOST_RESTARTS = 3


class Child:
    """One program: its command, and how often it was started."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.starts = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None


class Processes:
    """Starts `python -m …` programs in `folder`; `processes.json` there holds their ids, `logs/` what they say.

    Each is held on a leash (`gateway.broker.leash`): it ends when this process ends, however that happens.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._children: dict[str, Child] = {}

    def start(self, name: str, *module_and_arguments: str) -> None:
        """Start a program that is to run until it is stopped."""
        child = Child(name, _leashed(module_and_arguments), self._folder / "logs" / f"{name}.log")
        self._children[name] = child
        self._launch(child)

    def _launch(self, child: Child) -> None:
        child.starts += 1
        with child.log.open("ab") as log:
            child.process = subprocess.Popen(
                child.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for us, we tell them
            )
        ids = {one.name: one.process.pid for one in self._children.values() if one.process is not None}
        (self._folder / "processes.json").write_text(json.dumps(ids, indent=1))

    def ask(self, *module_and_arguments: str, timeout_s: float = 60.0) -> tuple[int, str, str]:
        """Exit status, answer and complaint of a program that ends by itself; status 124 where it did not in time."""
        try:
            done = subprocess.run(
                _leashed(module_and_arguments),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=self._folder,
                env=self._environment,
                timeout=timeout_s,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return 124, "", f"no answer within {timeout_s:.0f} s"
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")

    def mend(self) -> list[str]:
        """Start again what ended by itself, a few times; what was started again, and what is given up (`name!`)."""
        told = []
        for child in self._children.values():
            if child.process is None or child.alive:
                continue
            if child.starts > _MOST_RESTARTS:
                child.process = None
                told.append(f"{child.name}!")
            else:
                self._launch(child)
                told.append(child.name)
        return told

    def lost(self) -> list[str]:
        """Programs that have ended and are not started again."""
        return [child.name for child in self._children.values() if not child.alive]

    def said(self, name: str) -> str:
        """What a program said so far."""
        path = self._folder / "logs" / f"{name}.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def stop(self, names: Iterable[str] | None = None) -> list[str]:
        """Stop these programs, or all, together; SIGKILL for those still there after 15 s, whose names are returned."""
        wanted = [self._children[name] for name in (self._children if names is None else names)]
        for child in wanted:
            if child.process is not None and child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        deadline_s = time.monotonic() + STOP_S
        late = []
        for child in wanted:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.0, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait(STOP_S)
                late.append(child.name)
            child.process = None
        return late


def _leashed(module_and_arguments: Sequence[str]) -> list[str]:
    python = [sys.executable, "-m"]
    return [*python, "gateway.broker.leash", str(os.getpid()), *python, *module_and_arguments]

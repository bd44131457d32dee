"""Slows down guessing, per account and per address, without locking anybody out for long.

After three failures each further one doubles the wait, from 1 s up to one minute; an hour without failure forgets.
Guessing from elsewhere cannot lock an account at the gateway's own keyboard: from a loopback address only the address
counts. Kept in memory: a restart forgets, which costs an attacker more than it gives.
"""

import threading
from collections.abc import Callable

FREE_FAILURES, FIRST_US, LONGEST_US, FORGET_US = 3, 1_000_000, 60_000_000, 3_600_000_000
_MOST_KEYS = 10_000
_HERE = ("127.0.0.1", "::1")


class Throttle:
    """Failures and waits by key; a key is an account or an address."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._lock = threading.Lock()
        self._failures: dict[str, tuple[int, int]] = {}  # key → (failures, µs of the last)

    def wait_s(self, login: str, address: str) -> float:
        """Seconds until this pair may try again; 0 where it may now."""
        now_us = self._now_us()
        with self._lock:
            until_us = max((self._until_us(key) for key in _keys(login, address)), default=0)
        return max(0, until_us - now_us) / 1e6

    def _until_us(self, key: str) -> int:
        failures, last_us = self._failures.get(key, (0, 0))
        if failures < FREE_FAILURES:
            return 0
        return last_us + min(LONGEST_US, FIRST_US << min(failures - FREE_FAILURES, 10))

    def failed(self, login: str, address: str) -> None:
        """Count a failure of this pair."""
        now_us = self._now_us()
        with self._lock:
            if len(self._failures) > _MOST_KEYS:
                self._failures = {k: v for k, v in self._failures.items() if now_us - v[1] < LONGEST_US}
            for key in _keys(login, address):
                failures, last_us = self._failures.get(key, (0, 0))
                self._failures[key] = (failures + 1 if now_us - last_us < FORGET_US else 1, now_us)

    def succeeded(self, login: str, address: str) -> None:
        """Forget the failures of this pair."""
        with self._lock:
            for key in _keys(login, address):
                self._failures.pop(key, None)


def _keys(login: str, address: str) -> list[str]:
    return [f"address {address}", *([] if address in _HERE else [f"login {login}"])]

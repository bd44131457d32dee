"""Waits for what another process or thread does, without guessing how long it takes."""

import threading
import time
from collections.abc import Callable


def wait_until(predicate: Callable[[], bool], timeout_s: float = 30.0, every_s: float = 0.05) -> None:
    """Return as soon as `predicate()` is true; AssertionError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not predicate():
        assert time.monotonic() < deadline, f"not true after {timeout_s} s: {predicate}"
        pause.wait(every_s)

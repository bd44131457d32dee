"""Pseudo-terminals under lasting names: a serial port that any program may open, with a simulated device behind it."""

import contextlib
import os
import select
import tty
from pathlib import Path

MOST_BYTES = 4096


class Terminal:
    """One pseudo-terminal, reached through the symbolic link `name`.

    Nobody listens until a program opens it: `opened` says whether one has. What is written meanwhile is lost, as on a
    real line; what no reader takes is lost too, counted in `lost_bytes`.
    """

    def __init__(self, name: Path) -> None:
        self._name = name
        self._near, far = os.openpty()
        tty.setraw(far)
        name.parent.mkdir(parents=True, exist_ok=True)
        name.unlink(missing_ok=True)
        name.symlink_to(os.ttyname(far))
        os.close(far)  # from now on the near end hears a hang-up until somebody opens the far end
        os.set_blocking(self._near, False)
        self._poll = select.poll()
        self._poll.register(self._near, 0)
        self.lost_bytes = 0

    def fileno(self) -> int:
        """Descriptor of the device's end."""
        return self._near

    @property
    def opened(self) -> bool:
        """Whether a program has the far end open now."""
        return not any(event & select.POLLHUP for _, event in self._poll.poll(0))

    def read(self) -> bytes:
        """What was sent to the device; empty where nothing was, or nobody is there."""
        with contextlib.suppress(OSError):  # BlockingIOError: nothing yet; EIO: closed meanwhile
            return os.read(self._near, MOST_BYTES)
        return b""

    def write(self, data: bytes) -> None:
        """Say something to whoever listens."""
        written = 0
        with contextlib.suppress(OSError):
            written = os.write(self._near, data)
        self.lost_bytes += len(data) - written

    def close(self) -> None:
        """Let go of the terminal and its name; safe to call twice."""
        if self._near >= 0:
            os.close(self._near)
            self._near = -1
            self._name.unlink(missing_ok=True)

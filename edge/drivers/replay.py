"""A capture file, spoken again: the same frames, with the times they were heard at.

How far it was taken in is kept with the readings, in one commit: after a crash nothing is repeated and nothing skipped.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec

from edge import capture
from edge.drivers import Ear
from edge.errors import LinkError
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Frame

_LONGEST_PAUSE_S = 3600.0


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A capture file. `speed`: 1 as it was, 60 sixty times as fast, 0 as fast as the outbox takes it."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    path: Annotated[str, msgspec.Meta(min_length=1)]
    speed: Annotated[float, msgspec.Meta(ge=0)] = 0.0

    def devices(self) -> tuple[()]:
        """The capture names them."""
        return ()

    def links(self) -> tuple[str, ...]:
        """No device stands in its table."""
        return ()

    def anchored(self, folder: Path) -> "Replay":
        """The same capture, its path absolute."""
        return msgspec.structs.replace(self, path=str((folder / self.path).resolve()))

    def resumes(self) -> str:
        """Each file of each link has its own position."""
        return f"{self.name}:{self.path}"

    def frames(self, ear: Ear) -> Iterator[Frame]:
        """Frames from `ear.position` (a byte offset) to the end of the file; a line that is none is rejected."""
        with _opened(self.path) as file:
            file.seek(ear.position)
            before_us: int | None = None
            while not ear.stop.is_set() and (line := file.readline(capture.MAX_LINE_BYTES)):
                try:
                    frame = capture.decode(line)
                except DecodeError as error:
                    ear.position = file.tell()
                    ear.reject(error.code, error.detail, line)
                    continue
                if self.speed and before_us is not None:
                    ear.stop.wait(min(_LONGEST_PAUSE_S, max(0, frame.time_us - before_us) / 1e6 / self.speed))
                before_us = frame.time_us
                if ear.stop.is_set():
                    return
                ear.position = file.tell()
                yield frame


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as error:
        raise LinkError(f"{path}: {error.strerror}", retryable=False) from error


DRIVER = Replay

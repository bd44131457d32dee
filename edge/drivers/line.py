"""Lines of ASCII from one device: load cells, ultrasonic depth sensors, weather stations.

    [ text ][ \\r\\n | \\n | \\r | NUL ]

The text itself is the codec's affair. The sensor speaks when it likes; nothing is asked.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from edge import ports
from edge.drivers import Ear
from firmware_bridge.reading import Frame, Id

_ENDS = b"\r\n\0"


class Lines:
    """Bytes in any chunking → whole lines; bounded memory. Clock in, no clock inside.

    A line longer than `max_bytes` is noise up to its end. Half a line followed by `gap_s` of silence is noise.
    """

    def __init__(self, max_bytes: int, gap_s: float) -> None:
        self._max_bytes = max_bytes
        self._gap_s = gap_s
        self._pending = bytearray()
        self._too_long = False
        self._last_s = 0.0

    def feed(self, chunk: bytes, now_s: float) -> tuple[list[bytes], list[tuple[str, bytes]]]:
        """Lines that became whole, and (reason, bytes) of what was thrown away."""
        lines: list[bytes] = []
        noise: list[tuple[str, bytes]] = []
        if self._pending and now_s - self._last_s > self._gap_s:
            noise.append(("line-cut", bytes(self._pending)))
            self._pending.clear()
            self._too_long = False
        if chunk:
            self._last_s = now_s
        for byte in chunk:
            if byte in _ENDS:
                self._end(lines, noise)
            elif len(self._pending) < self._max_bytes:
                self._pending.append(byte)
            else:
                self._too_long = True
        return lines, noise

    def _end(self, lines: list[bytes], noise: list[tuple[str, bytes]]) -> None:
        line, too_long = bytes(self._pending), self._too_long
        self._pending.clear()
        self._too_long = False
        if too_long:
            noise.append(("line-too-long", line))
        elif line.strip():
            lines.append(line)


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """The one device on the line. `interval_s`: at most one line in so long is taken; 0 takes every line."""

    id: Id
    model: str
    interval_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A serial line on which one device says lines of text.

    `max_bytes`: a longer line is noise. `gap_s`: half a line followed by so long a silence is noise.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    port: Annotated[str, msgspec.Meta(min_length=1)]
    device: tuple[Device, ...]
    baud: Annotated[int, msgspec.Meta(ge=50, le=4_000_000)] = 9600
    parity: ports.Parity = "N"
    max_bytes: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 256
    gap_s: Annotated[float, msgspec.Meta(gt=0)] = 2.0

    def __post_init__(self) -> None:
        """A line belongs to one device."""
        if len(self.device) != 1:
            raise ValueError(f"exactly one [[driver.device]] on a line, not {len(self.device)}")

    def devices(self) -> tuple[Device, ...]:
        """The one device."""
        return self.device

    def links(self) -> tuple[str, ...]:
        """Models that speak lines."""
        return ("line",)

    def anchored(self, folder: Path) -> "Line":
        """Ports do not count from a folder."""
        del folder
        return self

    def resumes(self) -> str:
        """A line has no position."""
        return ""

    def frames(self, ear: Ear) -> Iterator[Frame]:
        """Each whole line, stamped when its end was heard."""
        device = self.device[0]
        lines = Lines(self.max_bytes, self.gap_s)
        next_us = 0
        with ports.opened(self.port, ports.Line(baud=self.baud, parity=self.parity)) as port:
            while not ear.stop.is_set():
                chunk = port.read(1024, timeout_s=0.25)
                now_us = ear.now_us()
                whole, noise = lines.feed(chunk, now_us / 1e6)
                for reason, raw in noise:
                    ear.reject(reason, f"{len(raw)} bytes that are no line", raw, device.id)
                for line in whole:
                    if now_us >= next_us or now_us < next_us - 2e6 * device.interval_s:
                        next_us = now_us + round(device.interval_s * 1e6)
                        yield Frame(device=device.id, model=device.model, payload=line, time_us=now_us)


DRIVER = Line

"""The devices' ends of the terminals: what each does as time passes. Clocks come in; nothing here waits."""

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from edge.simulator.homes import Home
from edge.simulator.sensors import Encoded, Probe
from edge.simulator.terminals import Terminal
from firmware_bridge import modbus
from firmware_bridge.errors import FrameError
from firmware_bridge.reading import Frame

_SETTLE_US = 500_000  # a program that opens a port throws away what it finds in it
_TURN_US = 50_000  # half a request followed by so much silence is noise
_APART_US = 150_000  # a receiver takes equal telegrams within 100 ms for one
_AHEAD_US = 60_000_000


class Desk(Protocol):
    """One simulated link."""

    terminal: Terminal

    def step(self, now_us: int) -> None:
        """Do what is due at this moment."""
        ...


class Listener:
    """Tells when somebody has had a terminal open for long enough to hear what is said now."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._since_us = 0

    def ready(self, now_us: int) -> bool:
        """True half a second after the opening, until the closing."""
        if not self._terminal.opened:
            self._since_us = 0
            return False
        self._since_us = self._since_us or now_us
        return now_us - self._since_us >= _SETTLE_US


class BusDesk:
    """An RS-485 pair: each unit answers what it is asked, others keep silent, noise is passed over."""

    def __init__(self, port: Path, probes: Mapping[int, Probe]) -> None:
        self.terminal = Terminal(port)
        self._probes = probes
        self._heard = bytearray()
        self._last_us = 0

    def step(self, now_us: int) -> None:
        """Answer every whole request that has arrived."""
        chunk = self.terminal.read()
        if now_us - self._last_us > _TURN_US:
            self._heard.clear()
        if chunk:
            self._last_us = now_us
            self._heard += chunk
        while len(self._heard) >= modbus.REQUEST_BYTES:
            try:
                request = modbus.parse_request(bytes(self._heard[: modbus.REQUEST_BYTES]))
            except FrameError:
                del self._heard[0]
                continue
            del self._heard[: modbus.REQUEST_BYTES]
            probe = self._probes.get(request.unit)
            if probe is not None:
                self.terminal.write(probe.answer(request.function, request.first, request.count, now_us))


class LineDesk:
    """A sensor that says a line each `every_us`, whoever listens."""

    def __init__(self, port: Path, sensor: Encoded, every_us: int) -> None:
        self.terminal = Terminal(port)
        self._listener = Listener(self.terminal)
        self._sensor, self._every_us = sensor, every_us
        self._next_us = 0

    def step(self, now_us: int) -> None:
        """Say the line that is due."""
        if self._listener.ready(now_us) and now_us >= self._next_us:
            self._next_us = now_us + self._every_us
            self.terminal.write(self._sensor.payload(now_us) + b"\r\n")


class RadioDesk:
    """A dongle that hands over what its home's parts transmit from `from_us` on.

    What is transmitted before the first listener has come is handed over when it comes: live goes on where the past
    ended. Later, a closed port loses telegrams, as the air does.
    """

    def __init__(self, port: Path, home: Home, from_us: int) -> None:
        self.terminal = Terminal(port)
        self._listener = Listener(self.terminal)
        self._home = home
        self._known_us = from_us
        self._coming: deque[Frame] = deque()
        self._was_heard = False
        self._last_us = 0

    def step(self, now_us: int) -> None:
        """Hand over the telegram that is due, one at a time."""
        if now_us >= self._known_us:
            self._coming.extend(self._home.frames(self._known_us, now_us + _AHEAD_US))
            self._known_us = now_us + _AHEAD_US
        ready = self._listener.ready(now_us)
        if not ready and not self._was_heard:
            return
        self._was_heard = True
        if self._coming and self._coming[0].time_us <= now_us and now_us - self._last_us >= _APART_US:
            frame = self._coming.popleft()
            self._last_us = now_us
            if ready:
                self.terminal.write(frame.payload)

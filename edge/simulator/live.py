"""The town from now on: every device at its terminal, and the network server that publishes uplinks."""

import select
import threading
from collections.abc import Callable
from pathlib import Path

from edge import capture
from edge.simulator.desks import BusDesk, Desk, LineDesk, RadioDesk
from edge.simulator.lorawan import TOLD_BY_RADIO, NetworkServer, topic, uplink
from edge.simulator.past import UPLINKS
from edge.simulator.sensors import heard
from edge.simulator.world import World
from firmware_bridge import codecs
from firmware_bridge.reading import Frame

LINE_EVERY_US = 10_000_000
UPLINK_EVERY_US = 60_000_000
TALLY = "uplinks.count"
FIRST_START_US = 120_000_000
_TICK_MS = 40


def desks(world: World, now_us: int) -> list[Desk]:
    """Every device's end of its terminal; the terminals exist from now on.

    A dongle goes on where the past ended, unless that is long ago: then this is not the first start, and it was heard.
    """
    start_us = world.plan.start_us
    from_us = start_us if now_us - start_us < FIRST_START_US else now_us
    found: list[Desk] = [BusDesk(bus.port, bus.probes) for bus in world.buses]
    found += [LineDesk(talker.port, talker.sensor, LINE_EVERY_US) for talker in world.talkers]
    found += [RadioDesk(radio.port, radio.home, from_us) for radio in world.radios]
    return found


def serve(found: list[Desk], now_us: Callable[[], int], stop: threading.Event) -> None:
    """Let time pass at these desks until `stop`; the terminals are gone afterwards."""
    try:
        while not stop.is_set():
            for desk in found:
                desk.step(now_us())
            _wait(found)
    finally:
        for desk in found:
            desk.terminal.close()


def _wait(found: list[Desk]) -> None:
    """Until somebody says something to a device, at most one tick."""
    poll = select.poll()
    for desk in found:
        if desk.terminal.opened:
            poll.register(desk.terminal.fileno(), select.POLLIN)
    poll.poll(_TICK_MS)


class Transmitter:
    """Publishes the captured uplinks once, then goes on each minute; `tally` keeps how many readings were acknowledged.

    Started again it finds the tally and goes on from now. A `tally` that is not there yet says: publish the past first.
    """

    def __init__(self, world: World, captures: Path, server: NetworkServer, now_us: Callable[[], int]) -> None:
        self._uplinkers = world.uplinkers
        self._start_us = world.plan.start_us
        self._addresses = {one.sensor.device: one.dev_eui for one in world.uplinkers}
        self._captured, self._tally = captures / UPLINKS, captures / TALLY
        self._server, self._now_us = server, now_us
        self._past = dict.fromkeys(self._addresses, 0)

    def run(self, stop: threading.Event) -> None:
        """Until `stop`."""
        frames = [capture.decode(line) for line in self._captured.read_bytes().splitlines()]
        self._past = {device: sum(frame.device == device for frame in frames) for device in self._addresses}
        self._server.start()
        try:
            if not self._tally.exists():
                numbers = dict.fromkeys(self._addresses, 0)
                self._send([(frame, _next(numbers, frame.device)) for frame in frames], stop)
            next_us = self._now_us()
            while not stop.wait(max(0.0, (next_us - self._now_us()) / 1e6)):
                now_us = self._now_us()
                minute = (now_us - self._start_us) // UPLINK_EVERY_US + 1
                self._send(
                    [(heard(one.sensor, now_us), self._past[one.sensor.device] + minute) for one in self._uplinkers],
                    stop,
                )
                next_us += UPLINK_EVERY_US
        finally:
            self._server.close()

    def _send(self, numbered: list[tuple[Frame, int]], stop: threading.Event) -> None:
        messages = []
        for frame, number in numbered:
            dev_eui = self._addresses[frame.device]
            messages.append((topic(dev_eui), uplink(dev_eui, frame, number)))
        if self._server.publish(messages, stop):
            before = int(self._tally.read_text("ascii")) if self._tally.exists() else 0
            readings = sum(len(codecs.decode(f.model, f.port, f.payload)) + TOLD_BY_RADIO for f, _ in numbered)
            self._tally.write_text(str(before + readings), "ascii")


def _next(numbers: dict[str, int], device: str) -> int:
    numbers[device] += 1
    return numbers[device]

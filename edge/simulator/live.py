"""The town from now on: every device at its terminal, and the network server that publishes uplinks."""

import select
import threading
from collections.abc import Callable
from pathlib import Path

from edge import capture
from edge.simulator.desks import BusDesk, Desk, LineDesk, RadioDesk
from edge.simulator.lorawan import NetworkServer, topic, uplink
from edge.simulator.past import UPLINKS
from edge.simulator.sensors import heard
from edge.simulator.world import World
from firmware_bridge.reading import Frame

LINE_EVERY_US = 10_000_000
UPLINK_EVERY_US = 60_000_000
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


def transmit(
    world: World, folder: Path, server: NetworkServer, now_us: Callable[[], int], stop: threading.Event
) -> None:
    """Publish the captured uplinks, then go on each minute, until `stop`."""
    addresses = {one.sensor.device: one.dev_eui for one in world.uplinkers}
    counts = dict.fromkeys(addresses, 0)

    def message(frame: Frame) -> tuple[str, bytes]:
        dev_eui = addresses[frame.device]
        counts[frame.device] += 1
        return topic(dev_eui), uplink(dev_eui, frame, counts[frame.device])

    server.start()
    try:
        with (folder / UPLINKS).open("rb") as file:
            server.publish([message(capture.decode(line)) for line in file], stop)
        next_us = now_us()
        while not stop.wait(max(0.0, (next_us - now_us()) / 1e6)):
            server.publish([message(heard(one.sensor, now_us())) for one in world.uplinkers], stop)
            next_us += UPLINK_EVERY_US
    finally:
        server.close()

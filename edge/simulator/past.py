"""Writes the past: one capture file a node, as a recorder on each Pi would have left it, and one of all uplinks."""

from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

from edge import capture
from edge.simulator.lorawan import TOLD_BY_RADIO
from edge.simulator.noise import seed_of, uniform
from edge.simulator.sensors import Sensor, heard
from edge.simulator.world import World
from firmware_bridge import codecs
from firmware_bridge.reading import Frame

POLL_US = 600_000_000
UPLINK_US = 1_200_000_000
DAY_US = 86_400_000_000
UPLINKS = "uplinks.jsonl"


def began_us(world: World) -> int:
    """When the past begins."""
    return world.plan.start_us - world.plan.days * DAY_US


def write(world: World, folder: Path) -> int:
    """Write every capture up to the start; the number of readings they will become."""
    readings = 0
    for node, path in world.captures.items():
        readings += _write(path, node_frames(world, node, began_us(world), world.plan.start_us))
    uplinks = uplink_frames(world, began_us(world), world.plan.start_us)
    return readings + _write(folder / UPLINKS, uplinks) + TOLD_BY_RADIO * len(uplinks)


def node_frames(world: World, node: str, from_us: int, to_us: int) -> list[Frame]:
    """What a node's drivers hear in [from_us, to_us), in order."""
    frames: list[Frame] = []
    for bus in world.buses:
        if bus.node == node:
            for probe in bus.probes.values():
                frames += _polled(probe, POLL_US, from_us, to_us)
    for talker in world.talkers:
        if talker.node == node:
            frames += _polled(talker.sensor, POLL_US, from_us, to_us)
    for radio in world.radios:
        if radio.node == node:
            frames += radio.home.frames(from_us, to_us)
    return sorted(frames, key=attrgetter("time_us"))


def uplink_frames(world: World, from_us: int, to_us: int) -> list[Frame]:
    """What the LoRaWAN devices say in [from_us, to_us), in order."""
    frames = [frame for one in world.uplinkers for frame in _polled(one.sensor, UPLINK_US, from_us, to_us)]
    return sorted(frames, key=attrgetter("time_us"))


def _polled(sensor: Sensor, every_us: int, from_us: int, to_us: int) -> Iterator[Frame]:
    """One frame in `every_us`, counted back from `to_us`, each device a few seconds beside the others."""
    phase_us = round(4e6 * uniform(seed_of("phase", sensor.device), 0))
    for time_us in range(to_us - phase_us - (to_us - phase_us - from_us) // every_us * every_us, to_us, every_us):
        yield heard(sensor, time_us)


def _write(path: Path, frames: list[Frame]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.writelines(capture.encode(frame) for frame in frames)
    return sum(len(codecs.decode(frame.model, frame.port, frame.payload)) for frame in frames)

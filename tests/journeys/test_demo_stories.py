"""Whatever the hour and the seed: three stories are told within five minutes, and nothing else alarms in fifteen.

The simulated world is fed to the gateway's own judge with the clock in the test's hand: the same bytes, codecs, window,
rules and ledger as in the demo, without its processes.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.simulator import past
from edge.simulator.sensors import heard
from edge.simulator.world import World
from firmware_bridge import codecs
from firmware_bridge.reading import Column, Frame
from gateway import rules, settings
from gateway.alerts.ledger import Ledger
from gateway.demo import folder
from gateway.demo.running import STEP_S
from gateway.demo.stories import Story
from gateway.demo.town import TENANT, Ports, Size
from gateway.records import open_records
from gateway.snow import depth_cm
from gateway.store import Entry
from gateway.watch import Watch
from gateway.window import Window

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
NOON_US = 1_800_068_400_000_000  # 2027-01-16, 12:00 in Japan


class Judged:
    """One town under judgement; `now_us` is the only clock there is."""

    def __init__(self, root: Path, start_us: int, loaded: settings.Settings, ledger: Ledger) -> None:
        self.now_us = start_us
        self.start_us = start_us
        self.settings = loaded
        self.world = World(root / "simulation.toml")
        self.ledger = ledger
        parts = (loaded.site, loaded.device, loaded.node)
        self.window = Window(*parts, zone=loaded.town.zone, now_us=self.clock, monotonic_s=self.steady)
        self.watch = Watch(
            self.window,
            rules.load(),
            *parts,
            ledger,
            step_s=STEP_S,
            now_us=self.clock,
            monotonic_s=self.steady,
        )
        self._mounts = {device.id: device.mount_mm for device in loaded.device}
        self._number = 0

    def clock(self) -> int:
        return self.now_us

    def steady(self) -> float:
        return (self.now_us - self.start_us) / 1e6

    def hear(self, source: str, frames: Sequence[Frame]) -> None:
        found: dict[tuple[str, str], Column] = {}
        for frame in frames:
            for reading in codecs.decode(frame.model, frame.port, frame.payload):
                key = (frame.device, reading.quantity)
                column = found.setdefault(key, Column(*key, [], []))
                column.times_us.append(frame.time_us)
                column.values.append(reading.value)
        self._take(source, [*found.values(), *self._depths(found)])

    def hear_health(self) -> None:
        for node in self.settings.node:
            self._take(node.id, [Column(node.id, "cpu_temperature_c", [self.now_us], [45.0])])

    def _depths(self, found: dict[tuple[str, str], Column]) -> Iterator[Column]:
        for (device, quantity), column in found.items():
            mount_mm = self._mounts.get(device)
            if quantity == "distance_mm" and mount_mm:
                yield Column(device, "snow_depth_cm", column.times_us, [depth_cm(x, mount_mm) for x in column.values])

    def _take(self, source: str, columns: list[Column]) -> None:
        if columns:
            self._number += 1
            self.window.take(
                [Entry(id=self._number, tenant=TENANT, source=source, received_us=self.now_us, columns=columns)]
            )

    def live_through(self, from_us: int, to_us: int) -> None:
        """Everything the town says in [from_us, to_us), at the demo's own pace."""
        said: dict[str, list[Frame]] = defaultdict(list)
        for bus in self.world.buses:
            for probe in bus.probes.values():
                said[bus.node] += [heard(probe, t) for t in _times(from_us, to_us, 30)]
        for talker in self.world.talkers:
            said[talker.node] += [heard(talker.sensor, t) for t in _times(from_us, to_us, 10)]
        for radio in self.world.radios:
            said[radio.node] += radio.home.frames(from_us, to_us)
        for one in self.world.uplinkers:
            said["chirpstack"] += [heard(one.sensor, t) for t in _times(from_us, to_us, 60)]
        for source, frames in said.items():
            self.hear(source, frames)
        if _times(from_us, to_us, 60):
            self.hear_health()


def _times(from_us: int, to_us: int, every_s: int) -> range:
    every_us = every_s * 1_000_000
    return range(-(-from_us // every_us) * every_us, to_us, every_us)


@contextmanager
def town(root: Path, size: Size, start_us: int) -> Iterator[tuple[Judged, list[Story]]]:
    stories = folder.write(folder.prepare(root), size, Ports(page=1, broker=2, smtp=3), STEP_S, start_us)
    loaded = settings.load(root / "satomori.toml")
    engine = open_records(root / "var" / "records.db")
    try:
        judged = Judged(root, start_us, loaded, Ledger(engine, loaded.town.zone))
        for node in judged.world.captures:
            judged.hear(node, past.node_frames(judged.world, node, past.began_us(judged.world), start_us))
        judged.hear("chirpstack", past.uplink_frames(judged.world, past.began_us(judged.world), start_us))
        yield judged, stories
    finally:
        engine.dispose()


def told(judged: Judged, minutes: float) -> dict[tuple[str, str], float]:
    """(rule, subject) → minutes after the start at which it was told, of everything told so long."""
    found: dict[tuple[str, str], float] = {}
    step_us = 10_000_000
    while judged.now_us < judged.start_us + minutes * MINUTE_US:
        before_us, judged.now_us = judged.now_us, judged.now_us + step_us
        judged.live_through(before_us, judged.now_us)
        judged.watch.step(judged.now_us)
        for alert in judged.ledger.open():
            if alert.fired_us:
                found.setdefault((alert.rule, alert.subject), (judged.now_us - judged.start_us) / MINUTE_US)
    return found


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("hour", [0, 3.4, 6.1, 9.9, 12, 18.2])
def test_three_stories_are_told_and_nothing_else(tmp_path: Path, seed: int, hour: float) -> None:
    start_us = NOON_US + round(hour * HOUR_US) + seed * 217_000_000
    with town(tmp_path / "town", Size(seed=seed), start_us) as (judged, stories):
        found = told(judged, 15.5)
    assert set(found) == {(story.rule, story.subject) for story in stories}
    assert len(stories) == 3
    assert max(found.values()) < 5
    for story in stories:
        announced = (story.told_us - start_us) / MINUTE_US
        assert found[story.rule, story.subject] <= announced + 0.75

"""Movement in homes on a grid of minutes, and in which minutes a home could be heard at all.

A movement is a motion or button event, or a *change* of a door contact or counter: a contact that repeats its state as
a sign of life is not one. A home is heard while a node that reads one of its devices, or a device that an inlet brings,
has said anything within three of its intervals (by the time of measurement: what arrives late was heard then).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firmware_bridge import codecs
from firmware_bridge.reading import Column, SeriesKey
from gateway.detect import Block, Grid
from gateway.rings import Marks
from gateway.settings import Device, Node, Site

STEP_US = 60_000_000
EVENTS = frozenset({"motion", "button"})
CHANGES = frozenset({"contact_open", "open_count"})
ACTIVE = EVENTS | CHANGES
_INTERVALS = 3
_INLET_INTERVAL_S = 1200.0


def interval_s(device: Device) -> float:
    """How often a device reports: its own setting, else its model's; 0 where only events make it speak."""
    if device.interval_s > 0:
        return device.interval_s
    model = codecs.models().get(device.model)
    return model[0].interval_s if model else 0.0


class Activity:
    """Marks of the devices and nodes of homes; everything else is passed over."""

    def __init__(self, sites: Sequence[Site], devices: Sequence[Device], nodes: Sequence[Node], days: float) -> None:
        self.columns = math.ceil(days * 86400e6 / STEP_US)
        self.homes = [site.id for site in sites if site.kind == "home"]
        homes = set(self.homes)
        self._devices: dict[str, list[str]] = {home: [] for home in self.homes}
        self._origins: dict[str, dict[str, int]] = {home: {} for home in self.homes}
        node_s = {node.id: node.interval_s for node in nodes}
        for device in devices:
            if device.site in homes:
                self._devices[device.site].append(device.id)
                every_s = node_s.get(device.node, 60.0) if device.node else interval_s(device) or _INLET_INTERVAL_S
                reach = max(2, math.ceil(_INTERVALS * every_s / 60))
                self._origins[device.site][device.node or device.id] = reach
        self._followed = {device for group in self._devices.values() for device in group}
        self._heard_from = {origin for group in self._origins.values() for origin in group}
        self._moved: Marks[str] = Marks(STEP_US, self.columns)
        self._heard: Marks[str] = Marks(STEP_US, self.columns)
        self._last: dict[str, tuple[int, str, str]] = {}  # of a device: when, itself, its series
        self._states: dict[tuple[str, str, int], tuple[int, float]] = {}

    @property
    def span_s(self) -> float:
        """How much of the past is kept."""
        return self.columns * STEP_US / 1e6

    def follows(self, device: str) -> bool:
        """Whether the device looks at a home."""
        return device in self._followed

    def hears(self, origin: str) -> bool:
        """Whether it is by this node, or this device of an inlet, that a home is heard."""
        return origin in self._heard_from

    def take(self, source: str, column: Column, times: Sequence[int], values: Sequence[float]) -> None:
        """Take in a column of one source; `times` and `values` are those of it that can be believed."""
        for origin in {source, column.device} & self._heard_from:
            self._heard.mark(origin, _minutes(times))
        if column.device not in self._followed or column.quantity not in ACTIVE:
            return
        moved = self._movements(column, times, values)
        if moved:
            self._moved.mark(column.device, _minutes(moved))
            series = str(SeriesKey("", column.device, column.quantity, column.channel))
            newest = (max(moved), column.device, series)
            self._last[column.device] = max(newest, self._last.get(column.device, newest))

    def last(self, home: str) -> tuple[int, str, str]:
        """Time, device and series of the last movement of a home; 0, "" and "" where there is none."""
        return max((self._last[d] for d in self._devices.get(home, []) if d in self._last), default=(0, "", ""))

    def block(self, columns: int, now_us: int, offset_us: int) -> tuple[list[str], Block, Grid]:
        """Homes × minutes that end with the minute of `now_us`."""
        end = now_us // STEP_US
        block = np.full((len(self.homes), columns), np.nan)
        for row, home in enumerate(self.homes):
            moved = np.zeros(columns, dtype=np.uint8)
            for device in self._devices[home]:
                moved |= self._moved.row(device, columns, end)
            heard = moved > 0
            for origin, reach in self._origins[home].items():
                heard |= _stretched(self._heard.row(origin, columns + reach, end), reach)
            block[row, heard] = moved[heard]
        return list(self.homes), block, Grid((end - columns + 1) * STEP_US, STEP_US, offset_us)

    def _movements(self, column: Column, times: Sequence[int], values: Sequence[float]) -> list[int]:
        pairs = sorted(zip(times, values, strict=True))
        if column.quantity in EVENTS:
            return [t for t, x in pairs if x > 0]
        key = (column.device, column.quantity, column.channel)
        known = self._states.get(key)
        before = known[1] if known and known[0] < pairs[0][0] else None  # an older batch is compared with itself only
        moved = []
        for t, x in pairs:
            if before is not None and x != before:
                moved.append(t)
            before = x
        if known is None or pairs[-1][0] > known[0]:
            self._states[key] = pairs[-1]
        return moved


def _minutes(times: Sequence[int]) -> NDArray[np.int64]:
    return np.array([t // STEP_US for t in times], dtype=np.int64)


def _stretched(marks: NDArray[np.uint8], reach: int) -> NDArray[np.bool_]:
    """Where a mark lies at most `reach` columns back; the first `reach` columns are cut off."""
    at = np.arange(marks.size, dtype=np.int64)
    last = np.maximum.accumulate(np.where(marks > 0, at, -reach - 1))
    near: NDArray[np.bool_] = (at - last <= reach)[reach:]
    return near

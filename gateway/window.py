"""The recent past, ready to be judged: `[series × time]` blocks, one grid a quantity, and the activity of homes.

The forwarder's thread gives it entries (`take`), the judge's thread takes blocks out; at start it is filled from the
store (`seed`). Measured and received are kept apart: a reading counts where it was measured, so late data corrects the
past and never looks like "heard now". Times more than 5 minutes ahead are counted as suspect and left out.

Grids: levels 10 minutes, `days` long; a node's or device's own health, states and events only the newest values;
movement in homes one minute, `activity_days` long.
"""

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import Column, SeriesKey
from gateway.activity import ACTIVE, Activity
from gateway.detect import Block, Grid
from gateway.rings import Ring
from gateway.settings import Device, Node, Site
from gateway.store import Entry, Store

STEP_S = 600.0
FUTURE_US = 300_000_000
LATE_US = 900_000_000
SHALLOW = frozenset(
    {
        "battery_v",
        "battery_pct",
        "rssi_dbm",
        "snr_db",
        "cpu_temperature_c",
        "disk_free_mb",
        "disk_written_kb",
        "memory_rss_mb",
        "outbox_depth",
        "frames_rejected",
    }
)
_SHALLOW_COLUMNS = 4
_DAY_S = 86400.0


class Window:
    """`zone`: whose hours a day has. `late` counts readings older than 15 minutes, `suspect` those from the future."""

    def __init__(
        self,
        sites: Sequence[Site] = (),
        devices: Sequence[Device] = (),
        nodes: Sequence[Node] = (),
        *,
        zone: ZoneInfo | None = None,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        monotonic_s: Callable[[], float] = time.monotonic,
        days: float = 15.0,
        activity_days: float = 29.0,
    ) -> None:
        self._zone = zone or ZoneInfo("Asia/Tokyo")
        self._now_us = now_us
        self._monotonic_s = monotonic_s
        self._days = days
        self._lock = threading.RLock()
        self._rings: dict[str, Ring[SeriesKey]] = {}
        self._heard_us: dict[str, int] = {}
        self._received_us: dict[str, int] = {}
        self._fresh_s = monotonic_s()
        self._activity = Activity(sites, devices, nodes, activity_days)
        self._node_of = {device.id: device.node for device in devices}
        self.late = 0
        self.suspect = 0

    def take(self, entries: Sequence[Entry]) -> None:
        """Take in what the forwarder has just read from the journal."""
        now_us = self._now_us()
        with self._lock:
            for entry in entries:
                self._received_us[entry.source] = max(self._received_us.get(entry.source, 0), entry.received_us)
                if abs(now_us - entry.received_us) < FUTURE_US:
                    self._fresh_s = self._monotonic_s()
            self._put(((entry.tenant, entry.source, column) for entry in entries for column in entry.columns), now_us)

    def seed(self, store: Store, now_us: int) -> int:
        """Fill the window from the store; how many readings it got."""
        taken = 0
        signs: set[str] = set()  # of each node one series is enough to know when it was heard
        for key in store.series():
            span_s = self.columns(key.quantity) * STEP_S
            moves = key.quantity in ACTIVE and self._activity.follows(key.device)
            if moves or (self._activity.hears(key.device) and key.device not in signs):
                signs.add(key.device)
                span_s = self._activity.span_s
            times_us, values = store.read(key, now_us - int(span_s * 1e6), now_us + FUTURE_US, limit=1_000_000)
            if times_us.size:
                taken += times_us.size
                column = Column(key.device, key.quantity, times_us.tolist(), values.tolist(), key.channel)
                source = self._node_of.get(key.device) or key.device
                with self._lock:
                    self._put([(key.tenant, source, column)], now_us)
        self.late = 0
        return taken

    def block(self, quantity: str, columns: int, now_us: int | None = None) -> tuple[list[SeriesKey], Block, Grid]:
        """Keys, values and grid of every series of a quantity; the last column is the one that holds now."""
        now_us = self._now_us() if now_us is None else now_us
        with self._lock:
            ring = self._ring(quantity)
            end = now_us // ring.step_us
            grid = Grid((end - columns + 1) * ring.step_us, ring.step_us, self.offset_us(now_us))
            return list(ring.rows.keys), ring.block(columns, end), grid

    def columns(self, quantity: str) -> int:
        """How many columns of a quantity are kept."""
        with self._lock:
            return self._ring(quantity).columns

    def row(self, key: SeriesKey, columns: int, now_us: int | None = None) -> tuple[Block, Grid]:
        """[1 × columns] of one series, to explain it."""
        now_us = self._now_us() if now_us is None else now_us
        with self._lock:
            ring = self._ring(key.quantity)
            end = now_us // ring.step_us
            grid = Grid((end - columns + 1) * ring.step_us, ring.step_us, self.offset_us(now_us))
            return ring.row(key, columns, end), grid

    def place(self, key: SeriesKey) -> int:
        """The row of a series in the blocks of its quantity, −1 where it was never heard."""
        with self._lock:
            row = self._ring(key.quantity).rows.find(key)
            return -1 if row is None else row

    def measured_us(self, key: SeriesKey) -> int:
        """When the newest reading of a series was measured; 0 = never."""
        with self._lock:
            ring = self._ring(key.quantity)
            row = ring.rows.find(key)
            return 0 if row is None else int(ring.time_us[row])

    def activity(self, columns: int | None = None, now_us: int | None = None) -> tuple[list[str], Block, Grid]:
        """Homes × minutes: 1 something moved, 0 heard and quiet, NaN not heard. None: everything kept."""
        now_us = self._now_us() if now_us is None else now_us
        with self._lock:
            return self._activity.block(columns or self._activity.columns, now_us, self.offset_us(now_us))

    def last_activity(self, home: str) -> tuple[int, str, str]:
        """Time, device and series of a home's last movement; 0, "" and "" where none is in the window."""
        with self._lock:
            return self._activity.last(home)

    def latest(self) -> dict[SeriesKey, tuple[int, float]]:
        """Newest time and value of every series."""
        with self._lock:
            return {
                key: (int(t), float(x))
                for ring in self._rings.values()
                for key, t, x in zip(ring.rows.keys, ring.time_us.tolist(), ring.value.tolist(), strict=False)
            }

    def heard_us(self, device: str) -> int:
        """When the newest reading of a device (or of a node, about itself) was measured; 0 = never."""
        return self._heard_us.get(device, 0)

    def received_us(self, source: str) -> int:
        """When the newest message of a source arrived; 0 = never."""
        return self._received_us.get(source, 0)

    def quiet_s(self) -> float:
        """Seconds, on the monotonic clock, since anything at all arrived (or since the start)."""
        return self._monotonic_s() - self._fresh_s

    def offset_us(self, now_us: int) -> int:
        """Local time minus UTC at that moment."""
        offset = datetime.fromtimestamp(now_us // 1_000_000, self._zone).utcoffset()
        return int(offset.total_seconds() * 1e6) if offset else 0

    def _put(self, columns: Iterable[tuple[str, str, Column]], now_us: int) -> None:
        found: dict[str, tuple[list[int], list[int], list[float]]] = defaultdict(lambda: ([], [], []))
        limit_us, late_us = now_us + FUTURE_US, now_us - LATE_US
        for tenant, source, column in columns:
            times, values = column.times_us, column.values
            if max(times) > limit_us:
                good = [(t, x) for t, x in zip(times, values, strict=True) if t <= limit_us]
                self.suspect += len(times) - len(good)
                if not good:
                    continue
                times, values = [t for t, _ in good], [x for _, x in good]
            newest = max(times)
            if newest > self._heard_us.get(column.device, 0):
                self._heard_us[column.device] = newest
            if min(times) < late_us:
                self.late += sum(1 for t in times if t < late_us)
            row = self._ring(column.quantity).rows.number(
                SeriesKey(tenant, column.device, column.quantity, column.channel)
            )
            rows, all_times, all_values = found[column.quantity]
            rows.extend([row] * len(times))
            all_times.extend(times)
            all_values.extend(values)
            self._activity.take(source, column, times, values)
        for quantity, (rows, all_times, all_values) in found.items():
            self._ring(quantity).put(_ints(rows), _ints(all_times), np.array(all_values, dtype=np.float64))

    def _ring(self, quantity: str) -> Ring[SeriesKey]:
        ring = self._rings.get(quantity)
        if ring is None:
            level = QUANTITIES[quantity].kind == "gauge" if quantity in QUANTITIES else True
            deep = level and quantity not in SHALLOW
            columns = math.ceil(self._days * _DAY_S / STEP_S) if deep else _SHALLOW_COLUMNS
            ring = self._rings[quantity] = Ring(int(STEP_S * 1e6), columns)
        return ring


def _ints(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)

"""The InfluxDB 2.x store, through influxdb-client: our own lines, written synchronously, answered for one by one.

    204        taken
    400, 422   never sent again unchanged: halved until the bad line stands alone, which is put aside with the reason
               (what was good of a partial write is stored already; sending it again changes nothing)
    413        halved
    429, 5xx   StoreError, retryable, with the server's Retry-After; so are timeouts and refused connections
    401, 403, 404 and the rest   StoreError, not retryable: somebody has to look

InfluxDB cannot say what it had already: `Written.new` counts repetitions too.
"""

import threading
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_bridge import points
from firmware_bridge.reading import Column, SeriesKey
from gateway.sqlitefile import SqliteFile
from gateway.store import SUSPECT_TIME, Entry, Latest, Written, flux, rejects
from gateway.store.influx_server import InfluxServer, RefusedError
from gateway.store.line_protocol import LAST_US, LineEncoder, LineError

MAX_LINES = 5000
MAX_BYTES = 2 * 1024 * 1024
TIMEOUT_S = 10.0


class _Lines:
    """Lines to write, and which entry's readings they are."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._starts: list[int] = []
        self._entries: list[tuple[Entry, list[int] | None]] = []

    def add(self, entry: Entry, lines: list[str], places: list[int] | None) -> None:
        """`places`: which of the entry's readings the lines are; None for all of them."""
        self._starts.append(len(self.lines))
        self._entries.append((entry, places))
        self.lines += lines

    def reject(self, index: int, reason: str) -> rejects.Reject:
        """The reading of a line, as a reject."""
        number = bisect_right(self._starts, index) - 1
        entry, places = self._entries[number]
        offset = index - self._starts[number]
        return rejects.of(entry, places[offset] if places else offset, reason)


class InfluxStore:
    """See `gateway.store.Store` and the module. `aside`: the SQLite file for readings that InfluxDB never takes."""

    def __init__(
        self, url: str, org: str, bucket: str, token: str, aside: Path, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._server = InfluxServer(url, org, bucket, token, timeout_s)
        self._aside = SqliteFile(aside, rejects.SCHEMA)
        self._encoder = LineEncoder()
        self._lock = threading.RLock()
        self._latest: dict[SeriesKey, Latest | None] | None = None

    @property
    def name(self) -> str:
        """See Store."""
        return "influx"

    def ensure(self, keep_days: int = 0) -> None:
        """Create the bucket where it is missing; `keep_days` 0 keeps for ever. StoreError where that cannot be."""
        self._server.ensure_bucket(self._server.bucket, keep_days)

    def ensure_hourly(self) -> None:
        """Create the bucket `<bucket>-hourly` and the task that fills it with count, min, mean and max of each hour."""
        target = f"{self._server.bucket}-hourly"
        self._server.ensure_bucket(target, 0)
        self._server.ensure_task(target, flux.downsampling(self._server.bucket, target), "1h")

    def append(self, entries: Sequence[Entry]) -> Written:
        """See Store and the module."""
        offered, aside = _Lines(), list[rejects.Reject]()
        for entry in entries:
            aside += self._encode(entry, offered)
        readings = len(offered.lines) + len(aside)
        start = 0
        for end in _chunks(offered.lines):
            aside += self._send(offered, start, end)
            start = end
        if aside:
            with self._aside.writing() as db:
                rejects.keep(db, aside)
        self._renew(entries)
        return Written(new=readings - len(aside), rejected=len(aside))

    def _encode(self, entry: Entry, offered: _Lines) -> list[rejects.Reject]:
        try:
            offered.add(entry, self._encoder.encode(entry), None)
        except LineError:
            return self._encode_apart(entry, offered)
        return []

    def _encode_apart(self, entry: Entry, offered: _Lines) -> list[rejects.Reject]:
        """The slow way, for an entry in which something cannot be written: each reading for itself."""
        aside: list[rejects.Reject] = []
        kept: dict[tuple[str, str, int], list[int]] = {}
        place = 0
        for column in entry.columns:
            good, bad = rejects.sift(entry, place, column)
            aside += bad
            kept.setdefault((column.device, column.quantity, column.channel), []).extend(place + one for one in good)
            place += len(column.times_us)
        for places in kept.values():
            sound = msgspec.structs.replace(entry, columns=[rejects.reading(entry, one) for one in places])
            try:
                offered.add(entry, self._encoder.encode(sound), places)
            except LineError as error:
                aside += [rejects.of(entry, one, str(error)) for one in places]
        return aside

    def _send(self, offered: _Lines, start: int, end: int) -> list[rejects.Reject]:
        """Write lines `start` … `end`, halving what is refused; rejects for the lines that are refused alone."""
        if start == end:
            return []
        try:
            self._server.write("\n".join(offered.lines[start:end]))
        except RefusedError as error:
            if end - start == 1:
                return [offered.reject(start, str(error))]
            middle = (start + end) // 2
            return self._send(offered, start, middle) + self._send(offered, middle, end)
        return []

    def _renew(self, entries: Sequence[Entry]) -> None:
        with self._lock:
            if self._latest is None:
                return
            for entry in entries:
                for column in entry.columns:
                    key = SeriesKey(entry.tenant, column.device, column.quantity, column.channel)
                    _offer(self._latest, key, _newest(column, entry.quality))

    def series(self) -> list[SeriesKey]:
        """See Store."""
        with self._lock:
            return sorted(self._loaded())

    def latest(self) -> dict[SeriesKey, Latest]:
        """See Store. Asked of InfluxDB once, kept in memory afterwards."""
        with self._lock:
            return {key: latest for key, latest in self._loaded().items() if latest is not None}

    def _loaded(self) -> dict[SeriesKey, Latest | None]:
        if self._latest is None:
            found: dict[SeriesKey, Latest | None] = {}
            for row in self._rows(flux.newest(), 0, LAST_US):
                quality = int(row.get(points.QUALITY) or 0)
                _offer(found, _key(row), _unless_suspect(Latest(int(row["t"]) // 1000, float(row["_value"]), quality)))
            self._latest = found
        return self._latest

    def read(
        self, key: SeriesKey, start_us: int, end_us: int, limit: int = 100_000, *, suspect: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """See Store."""
        text = flux.read(key.channel, suspect)
        rows = list(self._rows(text, start_us, end_us, key, p_limit=limit))
        rows.reverse()
        times_us = np.fromiter((int(row["t"]) // 1000 for row in rows), np.int64, len(rows))
        return times_us, np.fromiter((float(row["x"]) for row in rows), np.float64, len(rows))

    def count(self, start_us: int, end_us: int) -> dict[SeriesKey, int]:
        """See Store."""
        found: dict[SeriesKey, int] = {}
        for row in self._rows(flux.count(), start_us, end_us):
            key = _key(row)
            found[key] = found.get(key, 0) + int(row["_value"])
        return found

    def rejected(self, start_us: int, end_us: int) -> dict[SeriesKey, int]:
        """See Store."""
        with self._aside.reading() as db:
            return rejects.count(db, start_us, end_us)

    def hourly(self, key: SeriesKey, start_us: int, end_us: int) -> NDArray[np.float64]:
        """See Store. Computed by InfluxDB from the raw points."""
        hours: dict[int, dict[str, float]] = {}
        for row in self._rows(flux.hourly(key.channel), start_us, end_us, key):
            hours.setdefault(int(row["t"]) // 1000, {})[row["f"]] = float(row["x"])
        table = [(t, h["count"], h["min"], h["mean"], h["max"]) for t, h in sorted(hours.items())]
        return np.array(table, np.float64).reshape(-1, 5)

    def _rows(
        self, text: str, start_us: int, end_us: int, key: SeriesKey | None = None, **more: int
    ) -> Iterator[Mapping[str, str]]:
        start_us, end_us = max(0, start_us), min(end_us, LAST_US)
        if start_us >= end_us:
            return iter(())
        bound: dict[str, object] = {"p_start": start_us * 1000, "p_stop": end_us * 1000, **more}
        if key is not None:
            bound |= {"p_measurement": key.quantity, "p_tenant": key.tenant, "p_device": key.device}
            bound["p_channel"] = str(key.channel)
        return self._server.rows(text, bound)

    def prune(self, before_us: int) -> int:
        """Nothing to do: InfluxDB deletes by its bucket's retention, see `ensure`."""
        del before_us
        return 0

    def close(self) -> None:
        """See Store."""
        self._server.close()
        self._aside.close()


def _key(row: Mapping[str, str]) -> SeriesKey:
    channel = int(row.get(points.CHANNEL) or 0)
    return SeriesKey(row[points.TENANT], row[points.DEVICE], row["_measurement"], channel)


def _newest(column: Column, quality: int) -> Latest | None:
    newest_us = max(column.times_us)
    return _unless_suspect(Latest(newest_us, column.values[column.times_us.index(newest_us)], quality))


def _unless_suspect(latest: Latest) -> Latest | None:
    return None if latest.quality & SUSPECT_TIME else latest


def _offer(table: dict[SeriesKey, Latest | None], key: SeriesKey, latest: Latest | None) -> None:
    known = table.setdefault(key, latest)
    if latest is not None and (known is None or latest.time_us >= known.time_us):
        table[key] = latest


def _chunks(lines: Sequence[str]) -> Iterator[int]:
    """Where to cut so that no request is over the limits; the last end is the end of the lines."""
    if len(lines) <= MAX_LINES and sum(map(len, lines)) + len(lines) <= MAX_BYTES:
        yield len(lines)
        return
    size = count = 0
    for index, line in enumerate(lines):
        if count and (count >= MAX_LINES or size + len(line) >= MAX_BYTES):
            yield index
            size = count = 0
        size += len(line) + 1
        count += 1
    yield len(lines)

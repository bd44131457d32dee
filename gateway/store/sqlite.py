"""The embedded store: raw points, hourly roll-ups and rejects in one SQLite file.

A point's key is (series, time, source), where the source is the entry's fingerprint and the reading's place in it: the
same entry offered again changes nothing, and two values of one series and time are both kept. Roll-ups are computed
when somebody asks for them, only for the hours that changed since.
"""

import threading
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path
from sqlite3 import Connection

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.reading import Column, SeriesKey
from gateway.sqlitefile import SqliteFile
from gateway.store import SUSPECT_TIME, Entry, Latest, Written, rejects

HOUR_US = 3_600_000_000
PLACE_BITS = 13  # readings of one entry, derived ones included

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS series (
  id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, device TEXT NOT NULL, quantity TEXT NOT NULL, channel INTEGER NOT NULL,
  UNIQUE (tenant, device, quantity, channel));
CREATE TABLE IF NOT EXISTS point (
  series INTEGER NOT NULL, time_us INTEGER NOT NULL, source INTEGER NOT NULL, value REAL NOT NULL,
  quality INTEGER NOT NULL, PRIMARY KEY (series, time_us, source)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hourly (
  series INTEGER NOT NULL, hour_us INTEGER NOT NULL, count INTEGER NOT NULL, low REAL NOT NULL, mean REAL NOT NULL,
  high REAL NOT NULL, PRIMARY KEY (series, hour_us)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dirty (
  series INTEGER NOT NULL, hour_us INTEGER NOT NULL, PRIMARY KEY (series, hour_us)) WITHOUT ROWID;
"""
    + rejects.SCHEMA
)
_READ = (
    "SELECT time_us, value FROM point WHERE series = ? AND time_us >= ? AND time_us < ? AND quality & ? = 0"
    " ORDER BY time_us DESC, source DESC LIMIT ?"
)
_NEWEST = (
    "SELECT time_us, value, quality FROM point WHERE series = ? AND quality & ? = 0"
    " ORDER BY time_us DESC, source DESC LIMIT 1"
)
_COUNT = "SELECT count(*) FROM point WHERE series = ? AND time_us >= ? AND time_us < ?"
_PRUNE = "DELETE FROM point WHERE series = ? AND time_us >= ? AND time_us < ?"
_DIRTY = "SELECT series, hour_us, hour_us + ?, ? FROM dirty WHERE series = ? AND hour_us >= ? AND hour_us < ?"
_CLEAN = "DELETE FROM dirty WHERE series = ? AND hour_us >= ? AND hour_us < ?"
_HOURLY = (
    "SELECT hour_us, count, low, mean, high FROM hourly WHERE series = ? AND hour_us >= ? AND hour_us < ?"
    " ORDER BY hour_us"
)
_ROLL_UP = (
    "INSERT OR REPLACE INTO hourly SELECT ?1, ?2, count(*), min(value), avg(value), max(value) FROM point"
    " WHERE series = ?1 AND time_us >= ?2 AND time_us < ?3 AND quality & ?4 = 0 HAVING count(*) > 0"
)


class SqliteStore:
    """See `gateway.store.Store` and the module. `set_aside`: a broken file found at the start, kept under that name."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA)
        self.set_aside = self._file.set_aside
        self._lock = threading.RLock()
        self._ids: dict[tuple[str, str, str, int], int] = {}
        self._keys: dict[int, SeriesKey] = {}
        self._latest: dict[int, Latest] | None = None
        with self._file.reading() as db:
            for row in db.execute("SELECT id, tenant, device, quantity, channel FROM series"):
                self._ids[row[1:]] = row[0]
                self._keys[row[0]] = SeriesKey(*row[1:])

    @property
    def name(self) -> str:
        """See Store."""
        return "sqlite"

    def append(self, entries: Sequence[Entry]) -> Written:
        """See Store. One transaction; about 1 µs a reading."""
        with self._lock:
            work = _Append()
            known = len(self._ids)
            try:
                with self._file.writing() as db:
                    for entry in entries:
                        self._collect(db, work, entry)
                    written = work.write(db)
            except BaseException:
                self._forget_series(known)
                raise
            if self._latest is not None:
                _renew(self._latest, work.newest)
        return written

    def _collect(self, db: Connection, work: "_Append", entry: Entry) -> None:
        place = (entry.fingerprint or entry.id) << PLACE_BITS
        first = place
        for column in entry.columns:
            series = self._series_id(db, entry.tenant, column)
            places: Sequence[int] = range(place, place + len(column.times_us))
            place += len(column.times_us)
            if rejects.sound(column):
                work.add(series, column, places, entry.quality)
                continue
            good, bad = rejects.sift(entry, places[0] - first, column)
            work.rejects += bad
            work.add(series, rejects.only(column, good), [places[index] for index in good], entry.quality)

    def _series_id(self, db: Connection, tenant: str, column: Column) -> int:
        key = (tenant, column.device, column.quantity, column.channel)
        series = self._ids.get(key)
        if series is None:
            db.execute("INSERT INTO series VALUES (NULL, ?, ?, ?, ?)", key)
            series = int(db.execute("SELECT last_insert_rowid()").fetchone()[0])
            self._ids[key] = series
            self._keys[series] = SeriesKey(*key)
        return series

    def _forget_series(self, known: int) -> None:
        for key in list(self._ids)[known:]:
            del self._keys[self._ids.pop(key)]

    def _id_of(self, key: SeriesKey) -> int:
        return self._ids.get((key.tenant, key.device, key.quantity, key.channel), 0)

    def series(self) -> list[SeriesKey]:
        """See Store."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT id FROM series WHERE EXISTS (SELECT 1 FROM point WHERE point.series = series.id)"
            ).fetchall()
        return sorted(self._keys[series] for (series,) in rows)

    def read(
        self, key: SeriesKey, start_us: int, end_us: int, limit: int = 100_000, *, suspect: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """See Store."""
        hidden = 0 if suspect else SUSPECT_TIME
        with self._file.reading() as db:
            rows = db.execute(_READ, (self._id_of(key), start_us, end_us, hidden, limit)).fetchall()
        rows.reverse()
        times_us = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        return times_us, np.fromiter((row[1] for row in rows), np.float64, len(rows))

    def latest(self) -> dict[SeriesKey, Latest]:
        """See Store. Kept in memory after the first call."""
        with self._lock:
            if self._latest is None:
                with self._file.reading() as db:
                    found = {series: _newest(db, series) for series in self._keys}
                self._latest = {series: latest for series, latest in found.items() if latest is not None}
            return {self._keys[series]: latest for series, latest in self._latest.items()}

    def count(self, start_us: int, end_us: int) -> dict[SeriesKey, int]:
        """See Store."""
        with self._lock:
            keys = dict(self._keys)
        found = {}
        with self._file.reading() as db:
            for series, key in keys.items():
                number = db.execute(_COUNT, (series, start_us, end_us)).fetchone()[0]
                if number:
                    found[key] = number
        return found

    def rejected(self, start_us: int, end_us: int) -> dict[SeriesKey, int]:
        """See Store."""
        with self._file.reading() as db:
            return rejects.count(db, start_us, end_us)

    def hourly(self, key: SeriesKey, start_us: int, end_us: int) -> NDArray[np.float64]:
        """See Store. Hours that changed since they were last asked for are computed now."""
        in_range = (self._id_of(key), start_us, end_us)
        with self._file.reading() as db:
            dirty = db.execute(_DIRTY, (HOUR_US, SUSPECT_TIME, *in_range)).fetchone()
        if dirty:
            self._roll_up(*in_range)
        with self._file.reading() as db:
            rows = db.execute(_HOURLY, in_range).fetchall()
        return np.array(rows, np.float64).reshape(-1, 5)

    def _roll_up(self, series: int, start_us: int, end_us: int) -> None:
        in_range = (series, start_us, end_us)
        with self._file.writing() as db:
            db.executemany(_ROLL_UP, db.execute(_DIRTY, (HOUR_US, SUSPECT_TIME, *in_range)).fetchall())
            db.execute(_CLEAN, in_range)

    def prune(self, before_us: int) -> int:
        """See Store. Whole hours only, so that no roll-up is ever computed from half of its points."""
        before_us -= before_us % HOUR_US
        deleted = 0
        for series in list(self._keys):
            self._roll_up(series, 0, before_us)
            with self._file.writing() as db:
                deleted += db.execute(_PRUNE, (series, 0, before_us)).rowcount
        return deleted

    def close(self) -> None:
        """See Store."""
        self._file.close()


class _Append:
    """What one append will write."""

    def __init__(self) -> None:
        self.rejects: list[rejects.Reject] = []
        self.newest: dict[int, Latest] = {}
        self._rows: list[tuple[int, int, int, float, int]] = []
        self._hours: set[tuple[int, int]] = set()

    def add(self, series: int, column: Column, places: Sequence[int], quality: int) -> None:
        """Sound readings of one series."""
        times_us = column.times_us
        if len(times_us) == 1:
            newest_us = times_us[0]
            self._rows.append((series, newest_us, places[0], column.values[0], quality))
            self._hours.add((series, newest_us - newest_us % HOUR_US))
        elif times_us:
            self._rows.extend(zip(repeat(series), times_us, places, column.values, repeat(quality), strict=False))
            newest_us = max(times_us)
            hours = {time_us - time_us % HOUR_US for time_us in times_us}
            self._hours.update([(series, hour_us) for hour_us in hours])
        else:
            return
        known = self.newest.get(series)
        if not quality & SUSPECT_TIME and (known is None or newest_us >= known.time_us):
            self.newest[series] = Latest(newest_us, column.values[times_us.index(newest_us)], quality)

    def write(self, db: Connection) -> Written:
        """All of it, in few statements."""
        new = db.executemany("INSERT OR IGNORE INTO point VALUES (?, ?, ?, ?, ?)", self._rows).rowcount
        if new:
            db.executemany("INSERT OR IGNORE INTO dirty VALUES (?, ?)", self._hours)
        aside = rejects.keep(db, self.rejects) if self.rejects else 0
        return Written(new, len(self._rows) - new + len(self.rejects) - aside, aside)


def _renew(latest: dict[int, Latest], newest: dict[int, Latest]) -> None:
    for series, one in newest.items():
        known = latest.get(series)
        if known is None or one.time_us >= known.time_us:
            latest[series] = one


def _newest(db: Connection, series: int) -> Latest | None:
    row = db.execute(_NEWEST, (series, SUSPECT_TIME)).fetchone()
    return Latest(*row) if row else None

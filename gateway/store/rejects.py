"""Readings that a store will never take, put aside with the reason: they hold up nobody and are not forgotten."""

import math
from collections.abc import Iterable
from sqlite3 import Connection
from typing import NamedTuple

from firmware_bridge.reading import Column, SeriesKey
from gateway.store import Entry

FIRST_US, END_US = 1, (1 << 63) // 1000  # what 64 bits of nanoseconds hold, for both stores
ROWS = 100_000  # the newest so many are kept

SCHEMA = """
CREATE TABLE IF NOT EXISTS rejected (
  id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER NOT NULL, ordinal INTEGER NOT NULL,
  tenant TEXT NOT NULL, device TEXT NOT NULL, quantity TEXT NOT NULL, channel INTEGER NOT NULL,
  time_us INTEGER NOT NULL, value TEXT NOT NULL, reason TEXT NOT NULL, UNIQUE (entry, ordinal));
"""


class Reject(NamedTuple):
    """One reading put aside: the entry's identity and the reading's place in it, its series, and why."""

    entry: int
    ordinal: int
    tenant: str
    device: str
    quantity: str
    channel: int
    time_us: int
    value: str
    reason: str


def sound(column: Column) -> bool:
    """Whether every reading of a column has a finite value and a time that a store holds; usually one pass."""
    times_us, values = column.times_us, column.values
    if len(times_us) == 1:
        return math.isfinite(values[0]) and FIRST_US <= times_us[0] < END_US
    if not times_us:
        return True
    if not math.isfinite(sum(values)) and not all(map(math.isfinite, values)):
        return False
    return min(times_us) >= FIRST_US and max(times_us) < END_US


def sift(entry: Entry, ordinal: int, column: Column) -> tuple[list[int], list[Reject]]:
    """Places in a column that are sound, and rejects for the others; `ordinal` is the column's first place."""
    good: list[int] = []
    bad: list[Reject] = []
    for place, (time_us, value) in enumerate(zip(column.times_us, column.values, strict=True)):
        if math.isfinite(value) and FIRST_US <= time_us < END_US:
            good.append(place)
        else:
            reason = "wanted a finite value and a time in µs"
            bad.append(_reject(entry, ordinal + place, only(column, [place]), reason))
    return good, bad


def only(column: Column, places: list[int]) -> Column:
    """The column with these places only."""
    times_us = [column.times_us[place] for place in places]
    values = [column.values[place] for place in places]
    return Column(column.device, column.quantity, times_us, values, column.channel)


def reading(entry: Entry, ordinal: int) -> Column:
    """One reading of an entry, by its place among all of them, as a column."""
    for column in entry.columns:
        if ordinal < len(column.times_us):
            return only(column, [ordinal])
        ordinal -= len(column.times_us)
    raise IndexError(f"entry {entry.id} has no reading {ordinal}")


def of(entry: Entry, ordinal: int, reason: str) -> Reject:
    """The reject for one reading of an entry."""
    return _reject(entry, ordinal, reading(entry, ordinal), reason)


def _reject(entry: Entry, ordinal: int, one: Column, reason: str) -> Reject:
    return Reject(
        entry.fingerprint or entry.id,
        ordinal,
        entry.tenant,
        one.device,
        one.quantity,
        one.channel,
        max(-END_US, min(END_US, one.times_us[0])),
        repr(one.values[0]),
        reason[:500],
    )


def keep(db: Connection, rejects: Iterable[Reject]) -> int:
    """Put them aside; how many were not there yet."""
    added = db.executemany("INSERT OR IGNORE INTO rejected VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rejects).rowcount
    db.execute("DELETE FROM rejected WHERE id <= (SELECT max(id) FROM rejected) - ?", (ROWS,))
    return added


def count(db: Connection, start_us: int, end_us: int) -> dict[SeriesKey, int]:
    """How many lie aside of each series, by the time they claim."""
    rows = db.execute(
        "SELECT tenant, device, quantity, channel, count(*) FROM rejected WHERE time_us >= ? AND time_us < ?"
        " GROUP BY 1, 2, 3, 4",
        (start_us, end_us),
    )
    return {SeriesKey(*row[:4]): row[4] for row in rows}

"""Readings → rows of the outbox: which readings travel in one batch. Pure.

Readings that wait together are packed together, but events apart from gauges (a full disk drops gauges first), live
readings apart from old ones (live ones overtake a backlog), and times of an unbelieved clock apart from believed ones.
"""

from collections.abc import Iterable

import msgspec

from edge.clock import Belief
from edge.nouns import Taken
from firmware_bridge.envelope import FIRST_US, LAST_US, MAX_COLUMNS
from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import Column

MAX_ROW_READINGS = 500
OLD_US = 120_000_000


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One batch to be: columns and what decides its way. `offset_us` as in Taken."""

    event: bool
    live: bool
    offset_us: int | None
    columns: list[Column]
    readings: int


_Kind = tuple[bool, bool, int | None]
_Series = tuple[str, str, int]


class _Open:
    """A row being filled."""

    def __init__(self) -> None:
        self.columns: dict[_Series, Column] = {}
        self.readings = 0

    def has_room(self, series: _Series) -> bool:
        return self.readings < MAX_ROW_READINGS and (series in self.columns or len(self.columns) < MAX_COLUMNS)

    def add(self, series: _Series, time_us: int, value: float) -> None:
        column = self.columns.get(series)
        if column is None:
            device, quantity, channel = series
            column = self.columns[series] = Column(
                device=device, quantity=quantity, channel=channel, times_us=[], values=[]
            )
        column.times_us.append(time_us)
        column.values.append(value)
        self.readings += 1


def is_event(quantity: str) -> bool:
    """True for what happened (motion, a button, a door, water): dropped last, committed at once."""
    return QUANTITIES[quantity].kind in ("event", "state")


def pack(taken: Iterable[Taken], now_us: int) -> list[Row]:
    """Rows of at most 500 readings and 64 series each; the order of arrival is kept within a kind."""
    rows: list[Row] = []
    open_rows: dict[_Kind, _Open] = {}
    for one in taken:
        for reading in one.readings:
            time_us = one.time_us - round(reading.age_s * 1e6)
            live = one.offset_us is not None or now_us - time_us < OLD_US
            kind = (is_event(reading.quantity), live, one.offset_us)
            series = (one.device, reading.quantity, reading.channel)
            row = open_rows.setdefault(kind, _Open())
            if not row.has_room(series):
                rows.append(_closed(kind, row))
                row = open_rows[kind] = _Open()
            row.add(series, time_us, reading.value)
    rows += [_closed(kind, row) for kind, row in open_rows.items()]
    return rows


def _closed(kind: _Kind, row: _Open) -> Row:
    event, live, offset_us = kind
    return Row(event=event, live=live, offset_us=offset_us, columns=list(row.columns.values()), readings=row.readings)


def believed(taken: Taken, belief: Belief) -> Taken:
    """The same readings; their time put right where the clock became believed since they were taken."""
    if taken.offset_us is None or not belief.believed:
        return taken
    return msgspec.structs.replace(taken, time_us=taken.time_us + belief.offset_us - taken.offset_us, offset_us=None)


def size_bytes(row: Row) -> int:
    """Bytes the row will take at most on disk, sealed."""
    return (400 + 110 * len(row.columns) + 42 * row.readings) * 4 // 3


def shifted(columns: list[Column], by_us: int) -> list[Column]:
    """The same columns, every time later by `by_us`."""
    return [
        msgspec.structs.replace(column, times_us=[time_us + by_us for time_us in column.times_us]) for column in columns
    ]


def can_travel(time_us: int) -> bool:
    """True for a time the envelope carries: 2020 to 2100."""
    return FIRST_US <= time_us < LAST_US

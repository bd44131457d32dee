"""One stream: what is settled of a (source, epoch), and how many readings it brought."""

import json
from sqlite3 import Connection
from typing import Any

import msgspec

from gateway.journal.arrivals import Arrival, stream_base
from gateway.journal.coverage import Coverage

UPDATE = (
    "UPDATE stream SET mark = ?, ranges = ?, top_seq = ?, read_total = ?, readings = ?, last_us = ?, resync = ?"
    " WHERE id = ?"
)


class StreamState(msgspec.Struct, frozen=True):
    """A stream for a page or an account, its fields in the order of the table's columns.

    `mark`: every seq to it is settled; `ranges`: so are these above it. `read_total`: the node's own count of readings
    at `top_seq`; `readings`: committed here. Times are µs UTC of reception. `resync` 1: it is asked to come again.
    """

    id: int
    kind: str
    source: str
    epoch: str
    mark: int
    ranges: list[tuple[int, int]]
    top_seq: int
    read_total: int
    readings: int
    first_us: int
    last_us: int
    resync: int


class Stream:
    """A stream as the journal's writer keeps it in memory between commits."""

    def __init__(self, state: StreamState) -> None:
        self.id = state.id
        self.coverage = Coverage(state.mark, state.ranges)
        self.top_seq = state.top_seq
        self.read_total = state.read_total
        self.readings = state.readings
        self.last_us = state.last_us
        self.resync = state.resync
        self.base = stream_base(state.source, state.epoch)

    def take(self, arrival: Arrival, readings: int) -> None:
        """Settle an arrival's number and count its readings."""
        self.coverage.add(arrival.seq, arrival.seq)
        self.readings += readings
        self.last_us = max(self.last_us, arrival.received_us)
        if arrival.seq > self.top_seq:
            self.top_seq, self.read_total = arrival.seq, arrival.read_total

    def changed(self) -> tuple[object, ...]:
        """Values for `UPDATE`."""
        ranges = self.coverage.ranges()
        text = json.dumps(ranges) if ranges else "[]"
        mark = self.coverage.mark
        return (mark, text, self.top_seq, self.read_total, self.readings, self.last_us, self.resync, self.id)


def open_stream(db: Connection, arrival: Arrival, resync: bool) -> Stream:
    """The stream of an arrival, begun where it is new."""
    key = (arrival.source, arrival.epoch)
    db.execute(
        "INSERT OR IGNORE INTO stream VALUES (NULL, ?, ?, ?, 0, '[]', 0, 0, 0, ?, ?, ?)",
        (arrival.kind, *key, arrival.received_us, arrival.received_us, int(resync)),
    )
    return Stream(state_of(db.execute("SELECT * FROM stream WHERE source = ? AND epoch = ?", key).fetchone()))


def state_of(row: tuple[Any, ...]) -> StreamState:
    """A stream of its row."""
    ranges = [(int(first), int(last)) for first, last in json.loads(row[5])]
    return StreamState(*(*row[:5], ranges, *row[6:]))

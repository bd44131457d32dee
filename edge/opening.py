"""Opening an outbox that may be damaged: the file is moved aside, a new one begun, and what can be read goes into it.

A salvaged row that the gateway had not confirmed gets a new seq in the new epoch; the damaged file stays as evidence.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from edge import outbox_file
from edge.clock import Belief, boottime_us
from edge.errors import OutboxBrokenError
from edge.nouns import Owner, Rejected, Taken
from edge.outbox import Outbox
from edge.ranges import Ranges
from firmware_bridge import envelope
from firmware_bridge.errors import EnvelopeError
from firmware_bridge.reading import Column, Reading

log = logging.getLogger("edge.outbox")
_columns = msgspec.json.Decoder(list[Column])


class Salvage(msgspec.Struct, frozen=True):
    """What came of a damaged file: where it lies now, and how many of its rows could be read and not be read."""

    aside: Path
    saved_rows: int
    lost_rows: int


def newest_us(path: Path) -> int:
    """When the outbox's newest row was made; 0 where that cannot be read. No clock may start before it."""
    if not path.exists():
        return 0
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.DatabaseError:
        return 0
    try:
        rows = _rows(connection, "SELECT created_us, seq FROM batch ORDER BY seq DESC LIMIT 1")
        return rows[0][0] if rows else 0
    finally:
        connection.close()


def open_outbox(path: Path, owner: Owner, belief: Belief, make: Callable[[], Outbox]) -> Outbox:
    """`make()`, on a new file where the old one is damaged."""
    try:
        return make()
    except OutboxBrokenError as error:
        log.error("outbox_damaged error=%s", error)
    return renew(path, owner, belief, make)[0]


def renew(path: Path, owner: Owner, belief: Belief, make: Callable[[], Outbox]) -> tuple[Outbox, Salvage]:
    """Begin a new epoch and carry over what waits: after damage, or after an old image was restored."""
    aside = outbox_file.move_aside(path)
    outbox = make()
    saved = lost = 0
    for seq, taken in _readable(aside, owner):
        if taken:
            outbox.put(taken, (), belief)
            saved += 1
        else:
            lost += 1
            log.error("row_lost seq=%d file=%s", seq, aside)
    log.warning("outbox_renewed aside=%s saved=%d lost=%d", aside, saved, lost)
    told = Rejected(
        time_us=belief.offset_us + boottime_us(),
        link="outbox",
        reason="outbox-renewed",
        detail=f"{saved} waiting rows saved, {lost} unreadable; the old file is {aside.name}",
        payload=b"",
    )
    outbox.put((), (told,), belief)
    return outbox, Salvage(aside, saved, lost)


def _readable(aside: Path, owner: Owner) -> Iterator[tuple[int, list[Taken]]]:
    """(seq, readings) of each unconfirmed row; no readings where the row cannot be read."""
    connection = sqlite3.connect(aside, isolation_level=None)
    try:
        confirmed = Ranges(_rows(connection, "SELECT first, last FROM confirmed"))
        newest = max((row[0] for row in _rows(connection, "SELECT max(seq) FROM batch") if row[0]), default=0)
        oldest = max(confirmed.mark + 1, newest - 1_000_000)
        for seq in range(oldest, newest + 1):
            if seq in confirmed:
                continue
            try:
                row = connection.execute(
                    "SELECT seq, held, readings, read_total, crc, body FROM batch WHERE seq=?", (seq,)
                ).fetchone()
            except (sqlite3.DatabaseError, UnicodeDecodeError):
                yield seq, []
                continue
            if row is not None:
                yield seq, _taken(owner, *row)
    finally:
        connection.close()


def _rows(connection: sqlite3.Connection, statement: str) -> list[tuple[int, int]]:
    try:
        return connection.execute(statement).fetchall()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return []


def _taken(owner: Owner, seq: int, held: int, readings: int, read_total: int, crc: int, body: bytes) -> list[Taken]:
    if not isinstance(body, bytes) or outbox_file.checksum(seq, readings, read_total, body) != crc:
        return []
    try:
        columns = _columns.decode(body) if held else envelope.decode(body, lambda _: owner.key).columns
    except (msgspec.DecodeError, EnvelopeError):
        return []
    return [
        Taken(device=column.device, readings=(Reading(column.quantity, value, column.channel),), time_us=time_us)
        for column in columns
        for time_us, value in zip(column.times_us, column.values, strict=True)
    ]

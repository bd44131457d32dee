"""What an outbox holds, read from its file while its agent may be running."""

import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from edge import outbox_file
from edge.ranges import Ranges


class Report(msgspec.Struct, kw_only=True):
    """Counts of one outbox. `read_total` = confirmed + waiting + dropped readings, always.

    `held_rows` wait for the clock to be believed. `confirmed_seq`: everything up to it is at the gateway.
    `oldest_waiting_us`: when the oldest waiting row was made; None where nothing waits.
    """

    node: str
    epoch: str
    last_seq: int
    confirmed_seq: int
    read_total: int
    confirmed_readings: int
    waiting_rows: int
    waiting_readings: int
    held_rows: int
    oldest_waiting_us: int | None
    dropped: dict[str, int]
    rejected: dict[str, int]
    dead_rows: int
    gaps_untold: int
    file_bytes: int


class Refusal(msgspec.Struct, kw_only=True):
    """One frame that gave no reading."""

    time_us: int
    link: str
    device: str
    model: str
    port: int
    reason: str
    detail: str
    hex: str


def report(path: Path) -> Report:
    """Counts of the outbox at `path`. OutboxError where there is none, or it cannot be read."""
    connection = outbox_file.read_only(path)
    try:
        connection.execute("BEGIN")
        return _report(path, connection)
    except sqlite3.DatabaseError as error:
        raise outbox_file.translated(error, path) from error
    finally:
        connection.close()


def refusals(path: Path, limit: int = 20) -> list[Refusal]:
    """The last frames that gave no reading, newest first."""
    connection = outbox_file.read_only(path)
    try:
        found = connection.execute(
            "SELECT time_us, link, device, model, port, reason, detail, hex FROM rejected ORDER BY id DESC LIMIT ?",
            (limit,),
        ).fetchall()
    except sqlite3.DatabaseError as error:
        raise outbox_file.translated(error, path) from error
    finally:
        connection.close()
    names = Refusal.__struct_fields__
    return [Refusal(**dict(zip(names, row, strict=True))) for row in found]


def _report(path: Path, connection: sqlite3.Connection) -> Report:
    facts = dict(connection.execute("SELECT name, value FROM fact"))
    counters = dict(connection.execute("SELECT name, value FROM counter"))
    confirmed = Ranges(connection.execute("SELECT first, last FROM confirmed"))
    newest = connection.execute("SELECT seq, read_total FROM batch ORDER BY seq DESC LIMIT 1").fetchone() or (0, 0)
    waiting = [
        row
        for row in connection.execute(
            "SELECT seq, readings, held, created_us FROM batch WHERE seq>? ORDER BY seq", (confirmed.mark,)
        )
        if row[0] not in confirmed
    ]
    read_total = max(newest[1], counters.get("read_total", 0))
    dropped = _named(counters, "dropped:")
    waiting_readings = sum(row[1] for row in waiting)
    untold: Any = connection.execute("SELECT count(*) FROM gap WHERE carrier IS NULL").fetchone()[0]
    return Report(
        node=facts["node"],
        epoch=facts["epoch"],
        last_seq=max(newest[0], counters.get("last_seq", 0)),
        confirmed_seq=confirmed.mark,
        read_total=read_total,
        confirmed_readings=read_total - waiting_readings - sum(dropped.values()),
        waiting_rows=len(waiting),
        waiting_readings=waiting_readings,
        held_rows=sum(row[2] for row in waiting),
        oldest_waiting_us=min((row[3] for row in waiting), default=None),
        dropped=dropped,
        rejected=_named(counters, "rejected:"),
        dead_rows=counters.get("dead", 0),
        gaps_untold=untold,
        file_bytes=path.stat().st_size,
    )


def _named(counters: dict[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): value for name, value in counters.items() if name.startswith(prefix)}

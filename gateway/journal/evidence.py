"""What the journal can say about itself: quarantine, counters, gaps, what was sent. Read only; for pages and accounts.

Counters are kept by the hour they were counted in, readings by the hour they were measured in; a range is
[start_us, end_us) and is taken in whole hours.
"""

from typing import NamedTuple

from gateway.journal import Journal

HOUR_US = 3_600_000_000


class Quarantined(NamedTuple):
    """One message that could not be read or believed. `head` is its first 1 KiB, `size` what it had.

    `code`: size, json, mac, node-unknown, device-unknown, topic-node, conflict … `source` is "" for an unknown one.
    """

    id: int
    received_us: int
    topic: str
    source: str
    code: str
    detail: str
    size: int
    head: bytes


class Lost(NamedTuple):
    """A gap that a node declared: `readings` of it never came, `arrived` came after all. `hour_us`: of the telling."""

    source: str
    epoch: str
    first: int
    last: int
    readings: int
    reason: str
    hour_us: int
    arrived: int


def quarantined(journal: Journal, limit: int = 100, before_id: int = 1 << 62) -> list[Quarantined]:
    """The newest quarantined messages, newest first; `before_id` pages on. The newest 10,000 are kept."""
    rows = journal.rows("SELECT * FROM quarantine WHERE id < ? ORDER BY id DESC LIMIT ?", (before_id, limit))
    return [Quarantined(*row) for row in rows]


def counters(journal: Journal, start_us: int = 0, end_us: int = 1 << 62) -> dict[tuple[str, str], int]:
    """Counters by (name, source) as counted in the range; for ever where none is given.

    Names: accepted, duplicate, quarantined:<code>, ignored-retained, ignored-event, state; besides
    unconfirmed (QoS 0) and unsealed (a watched home's node that does not encrypt).
    """
    rows = journal.rows(
        "SELECT name, source, sum(value) FROM counter WHERE hour >= ? AND hour < ? GROUP BY 1, 2",
        (start_us // HOUR_US, -(-end_us // HOUR_US)),
    )
    return {(name, source): value for name, source, value in rows}


def gaps(journal: Journal, start_us: int = 0, end_us: int = 1 << 62) -> list[Lost]:
    """Gaps that nodes declared, in the order of their hours."""
    rows = journal.rows(
        "SELECT s.source, s.epoch, g.first, g.last, g.readings, g.reason, g.hour * ?, g.arrived"
        " FROM gap g JOIN stream s ON s.id = g.stream WHERE g.hour >= ? AND g.hour < ?"
        " ORDER BY g.hour, s.source, g.first",
        (HOUR_US, start_us // HOUR_US, -(-end_us // HOUR_US)),
    )
    return [Lost(*row) for row in rows]


def sent(journal: Journal, start_us: int, end_us: int) -> dict[tuple[str, str], int]:
    """Readings in the journal by (source, device), measured in the range."""
    rows = journal.rows(
        "SELECT s.source, t.device, sum(t.readings) FROM sent t JOIN stream s ON s.id = t.stream"
        " WHERE t.hour >= ? AND t.hour < ? GROUP BY 1, 2",
        (start_us // HOUR_US, -(-end_us // HOUR_US)),
    )
    return {(source, device): readings for source, device, readings in rows}


def declared_lost(journal: Journal) -> dict[int, int]:
    """Readings that nodes declared lost and that did not come after all, by stream."""
    rows = journal.rows("SELECT stream, sum(max(readings - arrived, 0)) FROM gap GROUP BY 1")
    return dict(rows)


def waiting(journal: Journal, after_id: int) -> dict[str, int]:
    """Readings by source in the entries after `after_id`: what a reader with that cursor does not have yet."""
    rows = journal.rows(
        "SELECT s.source, sum(e.readings) FROM entry e JOIN stream s ON s.id = e.stream WHERE e.id > ? GROUP BY 1",
        (after_id,),
    )
    return dict(rows)

"""Messages of devices that nobody has entered yet: kept whole, listed, read again once the settings name the device.

At most 2,000 messages are kept and of one device the newest 200, so that a talkative one leaves room for the others;
the counters know of all. `Ingest.adopt` reads them again.
"""

from collections.abc import Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING, NamedTuple

from gateway.journal.arrivals import Refusal

if TYPE_CHECKING:
    from gateway.journal import Journal

MOST, MOST_OF_ONE = 2_000, 200


class Stranger(NamedTuple):
    """One message as it came: `kind` is its inlet, `origin` what that calls the device."""

    id: int
    received_us: int
    kind: str
    origin: str
    topic: str
    payload: bytes


class Listed(NamedTuple):
    """One device that nobody has entered: how many of its messages are kept, and the newest of them."""

    kind: str
    origin: str
    messages: int
    first_us: int
    last_us: int
    topic: str
    payload: bytes


def waiting(journal: "Journal", after_id: int = 0, limit: int = 200) -> list[Stranger]:
    """The next messages after `after_id`, oldest first."""
    rows = journal.rows("SELECT * FROM stranger WHERE id > ? ORDER BY id LIMIT ?", (after_id, limit))
    return [Stranger(*row) for row in rows]


def listed(journal: "Journal") -> list[Listed]:
    """Every device that nobody has entered, the one heard last first."""
    rows = journal.rows(
        "SELECT s.kind, s.origin, g.messages, g.first_us, g.last_us, s.topic, s.payload FROM stranger s JOIN"
        " (SELECT max(id) AS id, count(*) AS messages, min(received_us) AS first_us, max(received_us) AS last_us"
        " FROM stranger GROUP BY origin) g ON g.id = s.id ORDER BY s.id DESC"
    )
    return [Listed(*row) for row in rows]


def keep(db: Connection, refusals: Sequence[Refusal]) -> None:
    """Keep those of strangers; part of a commit."""
    rows = [(one.received_us, one.kind, one.origin, one.topic, one.payload) for one in refusals if one.kind]
    if not rows:
        return
    db.executemany("INSERT INTO stranger VALUES (NULL, ?, ?, ?, ?, ?)", rows)
    db.executemany(
        "DELETE FROM stranger WHERE origin = ?1 AND id <="
        " (SELECT id FROM stranger WHERE origin = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        [(origin, MOST_OF_ONE) for origin in {row[2] for row in rows}],
    )
    db.execute("DELETE FROM stranger WHERE id <= (SELECT id FROM stranger ORDER BY id DESC LIMIT 1 OFFSET ?)", (MOST,))


def forget(db: Connection, ids: Sequence[int]) -> None:
    """They are strangers no more; part of a commit."""
    if ids:
        db.executemany("DELETE FROM stranger WHERE id = ?", [(one,) for one in ids])

"""What the outbox keeps beside its rows: frames that gave no reading, rows nobody will take, and the counts of both."""

from collections import Counter
from collections.abc import Sequence

from edge.nouns import Rejected
from edge.outbox_file import Database

KEPT_REJECTED = 200
KEPT_DEAD = 100
KEPT_A_COMMIT = 20
KEPT_BYTES = 1024


class Kept:
    """The tables `rejected`, `dead` and `counter`; every call happens inside its caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counters(self) -> dict[str, int]:
        """Every count by its name."""
        return dict(self._database.execute("SELECT name, value FROM counter"))

    def count(self, name: str, by: int) -> None:
        """Add to a count."""
        self._database.execute(
            "INSERT INTO counter VALUES(?,?) ON CONFLICT(name) DO UPDATE SET value=value+excluded.value", (name, by)
        )

    def note(self, name: str, value: int) -> None:
        """Set a count."""
        self._database.execute("INSERT OR REPLACE INTO counter VALUES(?,?)", (name, value))

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Count all of them; keep at most 20 a commit, the last 200 in all, with their first 1024 bytes."""
        if not rejected:
            return
        for reason, times in Counter(one.reason for one in rejected).items():
            self.count(f"rejected:{reason}", times)
        self._database.executemany(
            "INSERT INTO rejected(time_us, link, device, model, port, reason, detail, hex) VALUES(?,?,?,?,?,?,?,?)",
            [
                (r.time_us, r.link, r.device, r.model, r.port, r.reason, r.detail[:300], r.payload[:KEPT_BYTES].hex())
                for r in rejected[-KEPT_A_COMMIT:]
            ],
        )
        self._database.execute("DELETE FROM rejected WHERE id <= (SELECT max(id) FROM rejected) - ?", (KEPT_REJECTED,))

    def bury(self, seq: int, reason: str, body: bytes) -> None:
        """Keep a row that can never be delivered; the last 100 of them."""
        self._database.execute("INSERT OR REPLACE INTO dead VALUES(?,?,?)", (seq, reason, body))
        self._database.execute(
            "DELETE FROM dead WHERE seq IN (SELECT seq FROM dead ORDER BY seq DESC LIMIT -1 OFFSET ?)", (KEPT_DEAD,)
        )
        self.count("dead", 1)

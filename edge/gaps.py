"""The outbox's book of what will never come: each dropped row is in it until a batch has told the gateway."""

from edge.kept import Kept
from edge.outbox_file import Database
from firmware_bridge.reading import Gap

MAX_CARRIED = 64


class Gaps:
    """The `gap` table; every call happens inside its caller's transaction."""

    def __init__(self, database: Database, kept: Kept) -> None:
        self._database = database
        self._kept = kept

    def add(self, first: int, last: int, readings: int, reason: str) -> None:
        """Write down that `first`…`last` will never come; adjoining gaps of one reason that nobody told yet are joined.

        A gap that a dropped batch should have told waits for another carrier.
        """
        self._database.execute("UPDATE gap SET carrier=NULL WHERE carrier BETWEEN ? AND ?", (first, last))
        before = self._database.execute(
            "SELECT first, last, readings, reason, carrier FROM gap WHERE first<? ORDER BY first DESC LIMIT 1", (first,)
        ).fetchone()
        if before and (before[1], before[3], before[4]) == (first - 1, reason, None):
            self._database.execute(
                "UPDATE gap SET last=?, readings=? WHERE first=?", (last, before[2] + readings, before[0])
            )
        else:
            self._database.execute(
                "INSERT OR IGNORE INTO gap(first, last, readings, reason) VALUES(?,?,?,?)",
                (first, last, readings, reason),
            )
        self._kept.count(f"dropped:{reason}", readings)

    def carry(self, seq: int) -> list[Gap]:
        """Gaps that batch `seq` tells: at most 64 of those nobody told yet."""
        found = self._database.execute(
            "SELECT first, last, readings, reason FROM gap WHERE carrier IS NULL ORDER BY first LIMIT ?", (MAX_CARRIED,)
        ).fetchall()
        self._database.executemany("UPDATE gap SET carrier=? WHERE first=?", [(seq, row[0]) for row in found])
        return [Gap(*row) for row in found]

    def forget(self, up_to: int) -> None:
        """Take out gaps whose carriers, all up to seq `up_to`, are confirmed and past the grace window."""
        self._database.execute("DELETE FROM gap WHERE carrier<=?", (up_to,))

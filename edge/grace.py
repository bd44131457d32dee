"""Confirmed rows are kept for a grace window, so that a gateway restored from yesterday's backup can ask again.

A mark says "from this time on, everything up to that seq was confirmed"; one is written an hour at most, and what an
old enough mark covers may go.
"""

from edge.gaps import Gaps
from edge.outbox_file import Database

_MARK_US = 3_600_000_000


class Grace:
    """The `mark` table, and the deleting of what is past the window; inside its caller's transaction."""

    def __init__(self, database: Database, gaps: Gaps, window_us: int) -> None:
        self._database = database
        self._gaps = gaps
        self._window_us = window_us

    def sweep(self, now_us: int, confirmed: int, newest: int, limit: int) -> None:
        """Delete at most `limit` rows up to `confirmed` that are past the window, never the `newest`."""
        last_mark = self._database.one("SELECT max(time_us) FROM mark")
        if last_mark is None or abs(now_us - last_mark) >= min(_MARK_US, max(1, self._window_us)):
            self._database.execute("INSERT OR REPLACE INTO mark VALUES(?,?)", (now_us, confirmed))
        past = self._database.one("SELECT max(seq) FROM mark WHERE time_us<=?", (now_us - self._window_us,))
        if not past:
            return
        past = min(past, confirmed, newest - 1)
        self._database.execute(
            "DELETE FROM batch WHERE seq IN (SELECT seq FROM batch WHERE seq<=? ORDER BY seq LIMIT ?)", (past, limit)
        )
        self._gaps.forget(past)
        self._database.execute("DELETE FROM mark WHERE seq<?", (past,))

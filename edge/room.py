"""How much room the outbox has left, and what has to go when there is none.

`max_page_count` keeps the file well below the disk's end, because a full disk refuses even to delete. Should the disk
fill up all the same, a ballast file is given up, so that there is room to delete in.
"""

import os
from contextlib import suppress
from pathlib import Path

from edge.errors import OutboxError
from edge.outbox_file import PAGE_BYTES, Database
from edge.ranges import Ranges

SPARE_PAGES = 24
VICTIMS = 64
BALLAST_BYTES = 1 << 20


class Room:
    """Counts pages and chooses victims; deletes nothing itself."""

    def __init__(self, database: Database, path: Path) -> None:
        self._database = database
        self._ballast = Path(f"{path}.ballast")
        self.keep_ballast()

    def has(self, size_bytes: int) -> bool:
        """True where rows of that size fit without growing past the limit."""
        wanted = size_bytes * 5 // (4 * PAGE_BYTES) + SPARE_PAGES
        return self._pragma("max_page_count") - self._pragma("page_count") + self._pragma("freelist_count") >= wanted

    def is_slack(self) -> bool:
        """True where a quarter of the file, and more than a megabyte, is unused."""
        free = self._pragma("freelist_count")
        return free * PAGE_BYTES > 1 << 20 and free * 4 > self._pragma("page_count")

    def victims(self, confirmed: Ranges, below: int) -> list[tuple[int, int, bool]]:
        """(seq, readings, is confirmed) of the rows to drop next, all below seq `below`; empty where none is left."""
        kept_for_grace = self._database.execute(
            "SELECT seq, readings FROM batch WHERE seq<=? AND seq<? ORDER BY seq LIMIT ?",
            (confirmed.mark, below, VICTIMS),
        ).fetchall()
        if kept_for_grace:
            return [(seq, readings, True) for seq, readings in kept_for_grace]
        for event in (0, 1):
            found = self._database.execute(
                "SELECT seq, readings FROM batch WHERE event=? AND seq<? ORDER BY seq LIMIT ?", (event, below, VICTIMS)
            ).fetchall()
            if found:
                return [(seq, readings, seq in confirmed) for seq, readings in found]
        return []

    def free_disk(self) -> None:
        """Make what room can be made on a full disk: the ballast goes, and the journal is folded into the file."""
        self._ballast.unlink(missing_ok=True)
        with suppress(OutboxError):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def keep_ballast(self) -> None:
        """Set a megabyte aside, where the disk has at least ten times that."""
        with suppress(OSError):
            if self._ballast.exists():
                return
            disk = os.statvfs(self._ballast.parent)
            if disk.f_bavail * disk.f_frsize < 10 * BALLAST_BYTES:
                return
            with self._ballast.open("xb") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)

    def _pragma(self, name: str) -> int:
        return int(self._database.one(f"PRAGMA {name}"))

"""How much of the past has arrived: counted in the gateway's own journal, drawn as a bar or said in lines."""

import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TextIO

_COUNT = """
SELECT (SELECT coalesce(sum(readings), 0) FROM stream)
     - (SELECT coalesce(sum(readings), 0) FROM entry
        WHERE id > coalesce((SELECT entry FROM cursor WHERE name = 'store'), 0)),
       (SELECT coalesce(max(id), 0) FROM entry) - coalesce((SELECT entry FROM cursor WHERE name = 'store'), 0)
"""
_WIDTH = 30
_LINE_EVERY_S = 5.0


def stored(journal: Path) -> tuple[int, int]:
    """Readings that went through journal and store, and messages still between the two; (0, 0) without a file."""
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=5)) as db:
            readings, waiting = db.execute(_COUNT).fetchone()
    except sqlite3.Error:
        return 0, 0
    return int(readings), int(waiting)


class Bar:
    """A bar on a terminal, a line now and then elsewhere. `total`: readings expected."""

    def __init__(self, total: int, out: TextIO = sys.stdout) -> None:
        self._total = max(1, total)
        self._out = out
        self._drawn = out.isatty()
        self._next_s = 0.0

    def show(self, count: int, *, last: bool = False) -> None:
        """Say how far it is; `last` ends the line."""
        share = min(1.0, count / self._total)
        text = f"2週間分 / two weeks: {share:4.0%}  {min(count, self._total):,} / {self._total:,}"
        if self._drawn:
            done = round(share * _WIDTH)
            end = "\n" if last else ""
            self._out.write(f"\r  [{'█' * done}{'·' * (_WIDTH - done)}] {text}{end}")
        elif last or time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _LINE_EVERY_S
            self._out.write(f"  {text}\n")
        self._out.flush()

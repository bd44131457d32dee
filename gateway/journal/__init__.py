"""The journal: every message the gateway ever promised to keep, as it came, in the order it was committed.

    Arrival ─commit→ entry (id 1, 2, 3 …) ─read→ Raw, by anybody with a named cursor

A message has the key (source, epoch, seq) and a hash. The same key again with the same hash is a duplicate; with
another hash it is a conflict (a cloned card, a restored outbox): quarantined, counted, never merged. A sealed payload
stays sealed here. Per (source, epoch) a *stream* remembers which numbers are settled, gaps that the node declared
included, how many readings were committed and how many the node says it took. One process owns the file.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from gateway.journal import strangers
from gateway.journal.arrivals import Arrival, Raw, Refusal, Verdict
from gateway.journal.commit import Commit
from gateway.journal.recent import Recent
from gateway.journal.streams import Stream, StreamState, open_stream, state_of
from gateway.sqlitefile import SqliteFile

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stream (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, source TEXT NOT NULL, epoch TEXT NOT NULL,
  mark INTEGER NOT NULL, ranges TEXT NOT NULL, top_seq INTEGER NOT NULL, read_total INTEGER NOT NULL,
  readings INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, resync INTEGER NOT NULL,
  UNIQUE (source, epoch));
CREATE TABLE IF NOT EXISTS entry (
  id INTEGER PRIMARY KEY AUTOINCREMENT, stream INTEGER NOT NULL REFERENCES stream, seq INTEGER NOT NULL,
  sha256 BLOB NOT NULL, received_us INTEGER NOT NULL, readings INTEGER NOT NULL, read_total INTEGER NOT NULL,
  payload BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS entry_key ON entry (stream, seq);
CREATE TABLE IF NOT EXISTS gap (
  stream INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, readings INTEGER NOT NULL,
  reason TEXT NOT NULL, hour INTEGER NOT NULL, arrived INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (stream, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (
  stream INTEGER NOT NULL, device TEXT NOT NULL, hour INTEGER NOT NULL, readings INTEGER NOT NULL,
  PRIMARY KEY (stream, device, hour)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (
  name TEXT NOT NULL, source TEXT NOT NULL, hour INTEGER NOT NULL, value INTEGER NOT NULL,
  PRIMARY KEY (name, source, hour)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursor (name TEXT PRIMARY KEY, entry INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine (
  id INTEGER PRIMARY KEY AUTOINCREMENT, received_us INTEGER NOT NULL, topic TEXT NOT NULL, source TEXT NOT NULL,
  code TEXT NOT NULL, detail TEXT NOT NULL, size INTEGER NOT NULL, head BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS stranger (
  id INTEGER PRIMARY KEY AUTOINCREMENT, received_us INTEGER NOT NULL, kind TEXT NOT NULL, origin TEXT NOT NULL,
  topic TEXT NOT NULL, payload BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS stranger_origin ON stranger (origin, id);
"""


class Journal:
    """See the module. Any thread may call anything; writers wait for each other.

    StoreError (retryable) from `commit`: nothing was committed, offer the same again. `set_aside` names the file that
    was found broken at the start: then every stream is asked to come again (`resync`).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = SqliteFile(path, SCHEMA)
        self.set_aside = self._file.set_aside
        self.recent = Recent()
        self._lock = threading.RLock()
        self._news = threading.Condition()
        self._streams: dict[tuple[str, str], Stream] = {}
        self._cursors: dict[str, int] = {}
        self._dirty: set[str] = set()
        with self._file.writing() as db:
            if self.set_aside is not None:
                db.execute("INSERT OR REPLACE INTO meta VALUES ('reborn', 1)")
            self._reborn = db.execute("SELECT 1 FROM meta WHERE name = 'reborn'").fetchone() is not None
            self._last_id = _last_id(db)

    @property
    def last_id(self) -> int:
        """Number of the newest entry, 0 in an empty journal."""
        return self._last_id

    def commit(
        self,
        arrivals: Sequence[Arrival],
        refusals: Sequence[Refusal] = (),
        counts: Mapping[tuple[str, str], int] | None = None,
        *,
        now_us: int,
        adopted: Sequence[int] = (),
    ) -> list[Verdict]:
        """Keep all of it in one transaction; a verdict for each arrival, in order.

        `counts`: what else to add to the persistent counters, by (name, source). They count for the hour of `now_us`.
        `adopted`: strangers (see `gateway.journal.strangers`) that are none any more.
        """
        with self._lock:
            work = Commit(self._last_id, counts or {})
            try:
                with self._file.writing() as db:
                    verdicts = [work.admit(db, self._stream(db, arrival), arrival) for arrival in arrivals]
                    work.refusals.extend(refusals)
                    work.write(db, now_us)
                    strangers.forget(db, adopted)
                    self._write_cursors(db)
            except BaseException:
                self._streams.clear()
                raise
            self._dirty.clear()
            before = self._last_id
            for entry, readings in work.entries:
                self.recent.add(before, entry, readings)
                before = entry.id
            self._last_id = work.last_id
        if work.entries:
            with self._news:
                self._news.notify_all()
        return verdicts

    def _stream(self, db: Connection, arrival: Arrival) -> Stream:
        key = (arrival.source, arrival.epoch)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = open_stream(db, arrival, self._reborn)
        return stream

    def settled(self, source: str, epoch: str) -> tuple[int, list[tuple[int, int]], bool]:
        """(mark, ranges above it, whether the source shall offer everything after the mark again).

        The last is said once: it is taken back with the stream's next commit.
        """
        with self._lock:
            stream = self._streams[source, epoch]
            resync, stream.resync = bool(stream.resync), 0
            return stream.coverage.mark, stream.coverage.ranges(), resync

    def ask_again(self) -> None:
        """After a restore or a lost broker session: the next receipt of every stream asks for what follows its mark."""
        with self._lock, self._file.writing() as db:
            db.execute("UPDATE stream SET resync = 1")
            for stream in self._streams.values():
                stream.resync = 1

    def read(self, after_id: int, limit: int, max_bytes: int = 1_000_000) -> list[Raw]:
        """The next entries after `after_id` as they lie there; fewer where they are large, but at least one."""
        found: list[Raw] = []
        size = 0
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT e.id, s.kind, s.source, s.epoch, e.seq, e.received_us, e.payload"
                " FROM entry e JOIN stream s ON s.id = e.stream WHERE e.id > ? ORDER BY e.id LIMIT ?",
                (after_id, limit),
            )
            for row in rows:
                found.append(Raw(*row))
                size += len(row[-1])
                if size >= max_bytes:
                    break
            rows.close()
        return found

    def wait(self, after_id: int, timeout_s: float) -> bool:
        """Whether there is an entry after `after_id`; waits up to `timeout_s` for one."""
        with self._news:
            return self._news.wait_for(lambda: self._last_id > after_id, timeout_s)

    def cursor(self, name: str) -> int:
        """Entry up to which the reader of that name has come; 0 at first."""
        with self._lock:
            if name not in self._cursors:
                with self._file.reading() as db:
                    row = db.execute("SELECT entry FROM cursor WHERE name = ?", (name,)).fetchone()
                self._cursors[name] = row[0] if row else 0
            return self._cursors[name]

    def move_cursor(self, name: str, entry_id: int) -> None:
        """Remember how far a reader has come; written with the next commit, or by `flush`."""
        with self._lock:
            self._cursors[name] = entry_id
            self._dirty.add(name)

    def flush(self) -> None:
        """Write moved cursors now. A reader whose move was lost reads the same entries again."""
        with self._lock:
            if self._dirty:
                with self._file.writing() as db:
                    self._write_cursors(db)
                self._dirty.clear()

    def _write_cursors(self, db: Connection) -> None:
        if self._dirty:
            rows = [(name, self._cursors[name]) for name in self._dirty]
            db.executemany("INSERT OR REPLACE INTO cursor VALUES (?, ?)", rows)

    def prune(self, before_us: int, through_id: int, limit: int = 10_000) -> int:
        """Delete the payloads received before `before_us` that every reader has (up to `through_id`); how many.

        What is settled stays settled: their numbers are still duplicates when they come again.
        """
        with self._lock, self._file.writing() as db:
            return db.execute(
                "DELETE FROM entry WHERE id IN"
                " (SELECT id FROM entry WHERE id <= ? AND received_us < ? ORDER BY id LIMIT ?)",
                (through_id, before_us, limit),
            ).rowcount

    def streams(self) -> list[StreamState]:
        """Every stream, by source and age."""
        with self._file.reading() as db:
            rows = db.execute("SELECT * FROM stream ORDER BY source, id").fetchall()
        return [state_of(row) for row in rows]

    def rows(self, sql: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query of `gateway.journal.evidence`, which knows the schema."""
        with self._file.reading() as db:
            return db.execute(sql, tuple(values)).fetchall()

    def close(self) -> None:
        """Write what is left and close; safe to call twice."""
        with self._lock:
            if self._dirty:
                self.flush()
            self._file.close()


def _last_id(db: Connection) -> int:
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entry'").fetchone()
    return int(row[0]) if row else 0

"""The outbox's file: one SQLite database, opened by one process, moved aside when it is damaged.

batch      one row a seq; `held` while its times are not believed (then `body` is columns, else the frozen payload)
gap        seqs that will never come, and which batch tells the gateway so (`carrier`)
confirmed  ranges of seqs the gateway has committed
mark       (time, seq): from when on everything up to seq was confirmed; what is older than the grace window may go
rejected   the last frames that gave no reading, with their bytes and the reason
dead       payloads the broker will not take
counter, position, fact   counts, where resuming drivers stand, who this outbox belongs to
"""

import fcntl
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edge.errors import OutboxBrokenError, OutboxBusyError, OutboxError, OutboxFullError

PAGE_BYTES = 4096
VERSION = 1
_SCHEMA = """
CREATE TABLE batch(seq INTEGER PRIMARY KEY, event INTEGER NOT NULL, held INTEGER NOT NULL, readings INTEGER NOT NULL,
  read_total INTEGER NOT NULL, created_us INTEGER NOT NULL, boot TEXT, offset_us INTEGER, crc INTEGER NOT NULL,
  body BLOB NOT NULL) STRICT;
CREATE TABLE gap(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, readings INTEGER NOT NULL, reason TEXT NOT NULL,
  carrier INTEGER) STRICT;
CREATE TABLE confirmed(first INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT;
CREATE TABLE mark(time_us INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
CREATE TABLE rejected(id INTEGER PRIMARY KEY AUTOINCREMENT, time_us INTEGER NOT NULL, link TEXT NOT NULL,
  device TEXT NOT NULL, model TEXT NOT NULL, port INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
  hex TEXT NOT NULL) STRICT;
CREATE TABLE dead(seq INTEGER PRIMARY KEY, reason TEXT NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE position(driver TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE fact(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
"""


class Lock:
    """Holds an outbox for this process: by a handle of the operating system, so a crash leaves nothing behind."""

    def __init__(self, path: Path) -> None:
        self.is_released = False
        self._handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            raise OutboxBusyError(f"{path}: another satomori-edge has this outbox open; stop it first") from error

    def release(self) -> None:
        """Let others have it."""
        self.is_released = True
        os.close(self._handle)


class Database:
    """The open database: durable at every commit, never larger than `max_mb`. Every failure is an OutboxError."""

    def __init__(self, path: Path, max_mb: float) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(max_mb)
        except OutboxError:
            self._connection.close()
            raise

    def _prepare(self, max_mb: float) -> None:
        self.execute(f"PRAGMA page_size={PAGE_BYTES}")
        self.execute("PRAGMA auto_vacuum=INCREMENTAL")
        self.execute("PRAGMA journal_mode=WAL")
        self.execute("PRAGMA synchronous=FULL")
        self.execute("PRAGMA cache_size=-512")
        self.execute("PRAGMA wal_autocheckpoint=250")
        self.execute(f"PRAGMA journal_size_limit={1 << 20}")
        if not self.one("SELECT count(*) FROM sqlite_master"):
            with self.transaction():
                for statement in _SCHEMA.split(";"):
                    self.execute(statement)
                self.execute(f"PRAGMA user_version={VERSION}")
            self.path.chmod(0o600)
        self._check()
        self.execute(f"PRAGMA max_page_count={self._most_bytes(max_mb) // PAGE_BYTES}")

    def _most_bytes(self, max_mb: float) -> int:
        """The configured limit, or what the disk has now, less half of it (at most 16 MB) for the journal."""
        disk = os.statvfs(self.path.parent)
        free_bytes = disk.f_bavail * disk.f_frsize
        used_bytes = self.path.stat().st_size
        return min(int(max_mb * (1 << 20)), used_bytes + free_bytes - min(16 << 20, free_bytes // 2))

    def _check(self) -> None:
        version = self.one("PRAGMA user_version")
        if version > VERSION:
            raise OutboxError(f"{self.path}: written by a newer satomori-edge (version {version}; this is {VERSION})")
        if version != VERSION:
            raise OutboxBrokenError(f"{self.path}: wanted an outbox of version {VERSION}, got {version}")
        answer = self.one("PRAGMA quick_check(1)")
        if answer != "ok":
            raise OutboxBrokenError(f"{self.path}: {answer}")

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        with self.translation():
            return self._connection.execute(statement, values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row."""
        with self.translation():
            self._connection.executemany(statement, rows)

    def one(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """First value of the first row; None where there is no row."""
        with self.translation():
            row = self._connection.execute(statement, values).fetchone()
            return row[0] if row else None

    def shrink(self) -> None:
        """Give a megabyte of unused pages back to the disk."""
        with self.translation():
            self._connection.executescript("PRAGMA incremental_vacuum(256)")  # `execute` would stop after one page

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block is on disk when it ends, or nothing of it."""
        try:
            self.execute("BEGIN IMMEDIATE")
            yield
            self.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def translation(self) -> Iterator[None]:
        """For reading rows of a cursor: damage shows as late as that."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise translated(error, self.path) from error
        except UnicodeDecodeError as error:
            raise OutboxBrokenError(f"{self.path}: text that is none: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def checksum(seq: int, readings: int, read_total: int, body: bytes) -> int:
    """CRC-32 over what a row must not get wrong: SQLite itself does not notice a changed byte inside a value."""
    return zlib.crc32(body, zlib.crc32(f"{seq} {readings} {read_total}".encode()))


def read_only(path: Path) -> sqlite3.Connection:
    """Look into an outbox while its agent runs. OutboxError where there is none."""
    if not path.exists():
        raise OutboxError(f"{path}: no outbox here yet; `satomori-edge run` makes it")
    try:
        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0, isolation_level=None)
    except sqlite3.DatabaseError as error:
        raise translated(error, path) from error


def move_aside(path: Path) -> Path:
    """Give a damaged file another name, with its journal, and return that name: it is evidence, and may be salvaged."""
    number = time.time_ns() // 1_000_000
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        piece = Path(f"{path}{suffix}")
        if piece.exists():
            piece.rename(f"{aside}{suffix}")
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return aside


def translated(error: sqlite3.DatabaseError, path: Path) -> OutboxError:
    """Our error for one of SQLite's; damage and lack of room are told apart."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return OutboxBrokenError(f"{path}: {error}")
    if code == sqlite3.SQLITE_FULL:
        return OutboxFullError(f"{path}: {error}")
    return OutboxError(f"{path}: {error}")

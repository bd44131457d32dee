"""One SQLite file as the gateway's rooms use it: WAL, one writer, a few readers, mode 0600, never fatal when broken."""

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

from gateway.errors import StoreError

log = logging.getLogger(__name__)
BUSY_MS = 10_000


class SqliteFile:
    """Opens or creates `path` with `schema`, a script of CREATE … IF NOT EXISTS.

    A file that is not a database any more is renamed to `<name>.broken-<n>` and a new one begun: `set_aside` tells. A
    file of a newer `version` is refused. `synchronous=FULL` and WAL: what was committed survives a power cut.
    Every sqlite3 error becomes StoreError: retryable for what can pass (full disk, lock, I/O), else not.
    """

    def __init__(self, path: Path, schema: str, version: int = 1) -> None:
        self.path = path
        self.set_aside: Path | None = None
        self._lock = threading.RLock()
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._closed = False
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._writer = self._create(schema, version)
        except sqlite3.OperationalError as error:
            raise StoreError(f"{path}: {error}", retryable=True) from error
        except sqlite3.DatabaseError as error:
            self.set_aside = _rename(path)
            log.error("file_broken path=%s kept_as=%s error=%s", path, self.set_aside, error)
            self._writer = self._create(schema, version)

    def _create(self, schema: str, version: int) -> sqlite3.Connection:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = self._connect()
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            found = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if found > version:
                raise StoreError(
                    f"{self.path} was written by a newer version ({found}); this one reads up to {version}",
                    retryable=False,
                )
            connection.executescript(f"BEGIN IMMEDIATE; {schema}; PRAGMA user_version = {version}; COMMIT")
        except (sqlite3.Error, StoreError):
            connection.close()
            raise
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000, cached_statements=256
        )
        for pragma in ("synchronous = FULL", "wal_autocheckpoint = 4000", "journal_size_limit = 67108864"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction of the only writer: committed at the end, rolled back on any exception."""
        with self._lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                    self._writer.execute("COMMIT")
                except BaseException:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise _translated(self.path, error) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with, one a thread at a time."""
        try:
            try:
                connection = self._idle.get_nowait()
            except Empty:
                connection = self._connect()
                connection.execute("PRAGMA query_only = ON")
            try:
                yield connection
            finally:
                self._idle.put(connection)
                if self._closed:
                    self._close_idle()
        except sqlite3.Error as error:
            raise _translated(self.path, error) from error

    def close(self) -> None:
        """Close every connection; safe to call twice."""
        with self._lock:
            self._closed = True
            self._writer.close()
            self._close_idle()

    def _close_idle(self) -> None:
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return


def _translated(path: Path, error: sqlite3.Error) -> StoreError:
    return StoreError(f"{path}: {error}", retryable=isinstance(error, sqlite3.OperationalError))


def _rename(path: Path) -> Path:
    number = 1
    while (kept := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return path.rename(kept)

"""The audit: who saw or did what, when, from where, with which result; every row carries the hash of the one before.

Changing or deleting a row breaks the chain there, and `verify` says where. Rows cut off at the end can only be noticed
by somebody who wrote down an earlier `head`. No password, token or name of a resident ever stands in a row.
"""

import hashlib
import json
import threading
from collections.abc import Callable

import msgspec
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.people.tables import audit_table

BEGINNING = "0" * 64
_LONGEST = 200
_TRIES = 20
_COALESCE_US = 60_000_000


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `object` is an id such as `home a-07`; `result` is `ok` or why not."""

    id: int
    time_us: int
    actor: str
    source: str
    action: str
    object: str
    result: str
    previous: str
    hash: str


class Verified(msgspec.Struct, frozen=True):
    """`rows` were checked; `broken_id` is the first row that does not follow from the one before, 0 where all do."""

    rows: int
    broken_id: int = 0


class Audit:
    """See the module."""

    def __init__(self, engine: Engine, now_us: Callable[[], int]) -> None:
        self._engine = engine
        self._now_us = now_us
        self._lock = threading.Lock()
        self._lately: dict[tuple[str, str, str], int] = {}

    def write(self, actor: str, action: str, subject: str, result: str = "ok", source: str = "") -> None:
        """Append a row. Control characters are written escaped, so that one row stays one line."""
        fields: dict[str, int | str] = {
            "time_us": self._now_us(),
            "actor": _plain(actor),
            "source": _plain(source),
            "action": _plain(action),
            "object": _plain(subject),
            "result": _plain(result),
        }
        with self._lock:
            for attempt in range(_TRIES):
                try:
                    self._append(fields)
                except IntegrityError:  # another process wrote in between
                    if attempt == _TRIES - 1:
                        raise
                else:
                    return

    def _append(self, fields: dict[str, int | str]) -> None:
        with self._engine.begin() as connection:
            previous = connection.execute(
                select(audit_table.c.hash).order_by(audit_table.c.id.desc()).limit(1)
            ).scalar_one_or_none()
            row = {**fields, "previous": previous or BEGINNING}
            connection.execute(insert(audit_table).values(**row, hash=_hash(row)))

    def view(self, actor: str, subject: str, source: str = "") -> None:
        """Write that somebody looked at it; once a minute for the same pair, however often a page asks again."""
        key, now_us = (actor, subject, source), self._now_us()
        with self._lock:
            if now_us - self._lately.get(key, -_COALESCE_US) < _COALESCE_US:
                return
            self._lately = {k: t for k, t in self._lately.items() if now_us - t < _COALESCE_US}
            self._lately[key] = now_us
        self.write(actor, "view", subject, source=source)

    def rows(self, limit: int = 200, subject: str | None = None) -> list[Row]:
        """The newest rows, newest first; of one object where it is given."""
        query = select(audit_table).order_by(audit_table.c.id.desc()).limit(limit)
        if subject is not None:
            query = query.where(audit_table.c.object == subject)
        with self._engine.connect() as connection:
            return [Row(**{str(k): v for k, v in row.items()}) for row in connection.execute(query).mappings()]

    def head(self) -> str:
        """Hash of the newest row: note it elsewhere, and a shortened audit is noticed."""
        newest = self.rows(1)
        return newest[0].hash if newest else BEGINNING

    def verify(self) -> Verified:
        """Follow the whole chain."""
        previous, count = BEGINNING, 0
        with self._engine.connect() as connection:
            for row in connection.execute(select(audit_table).order_by(audit_table.c.id)).mappings():
                fields = {str(k): v for k, v in row.items() if k not in ("id", "hash")}
                if row["previous"] != previous or _hash(fields) != row["hash"]:
                    return Verified(count, row["id"])
                previous, count = row["hash"], count + 1
        return Verified(count)


def _hash(fields: dict[str, int | str]) -> str:
    text = json.dumps(fields, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)[:_LONGEST]

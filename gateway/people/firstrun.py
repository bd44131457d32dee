"""The first run: while nobody can sign in, a one-time code lets the first admin choose login and password."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, delete, insert, select

from gateway.people.nouns import User
from gateway.people.secret import digest, same
from gateway.people.tables import first_run_table
from gateway.people.users import Users

FILE = "first-run-code"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
_GROUPS, _GROUP = 5, 5  # 25 letters out of 31: 123 bits


class FirstRun:
    """See the module. The code's hash is in the records; the code itself only in a file of mode 0600."""

    def __init__(self, engine: Engine, users: Users, now_us: Callable[[], int]) -> None:
        self._engine = engine
        self._users = users
        self._now_us = now_us
        self._file: Path | None = None

    def open(self) -> bool:
        """Whether nobody can sign in yet."""
        return self._users.count() == 0

    def code(self, data_dir: Path) -> str | None:
        """The code to print: the one in `<data_dir>/first-run-code`, or a new one. None where users exist."""
        self._file = data_dir / FILE
        if not self.open():
            self._file.unlink(missing_ok=True)
            return None
        if self._file.exists():
            written = self._file.read_text("ascii").strip()
            if self._fits(written):
                return written
        code = "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
        with self._engine.begin() as connection:
            connection.execute(delete(first_run_table))
            connection.execute(insert(first_run_table).values(id=1, code=digest(code), made_us=self._now_us()))
        _write(self._file, code)
        return code

    def _fits(self, code: str) -> bool:
        with self._engine.connect() as connection:
            stored = connection.execute(select(first_run_table.c.code)).scalar_one_or_none()
        return stored is not None and same(stored, digest(code))

    def use(self, code: str, login: str, password: str) -> User | None:
        """Make the first admin and burn the code; None where the code is wrong or used. RecordsError as `Users.add`."""
        tidy = code.strip().casefold()
        with self._engine.begin() as connection:
            burnt = connection.execute(delete(first_run_table).where(first_run_table.c.code == digest(tidy)))
            if burnt.rowcount != 1 or not self.open():
                connection.rollback()
                return None
            user = self._users.add_with(connection, login, "admin", password)
        if self._file is not None:
            self._file.unlink(missing_ok=True)
        return user


def _write(path: Path, code: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(code + "\n")

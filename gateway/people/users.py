"""Users: login, role and a hashed password. No user exists that nobody made."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.errors import RecordsError
from gateway.people.nouns import ROLES, Role, User
from gateway.people.passwords import Passwords, complaint
from gateway.people.tables import session_table, user_table

LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,30}\Z")
WHY_NOT = {
    "short": "at least 8 characters",
    "long": "at most 256 characters",
    "login": "something other than the login",
    "repeated": "something that does not repeat itself",
    "run": "something other than a row of keys",
    "common": "something that is not on every list of passwords",
}


class PasswordRefused(RecordsError):  # noqa: N818 - the name is what a caller is told
    """A password that is too easy; `.why` is a key of `WHY_NOT`. Caught by forms and commands."""

    def __init__(self, why: str) -> None:
        super().__init__(f"password: wanted {WHY_NOT[why]}")
        self.why = why


class Users:
    """See the module. Changing a role or password, or disabling, ends every session of that user."""

    def __init__(self, engine: Engine, passwords: Passwords, now_us: Callable[[], int]) -> None:
        self._engine = engine
        self._passwords = passwords
        self._now_us = now_us

    def add(self, login: str, role: str, password: str) -> User:
        """A new user. RecordsError for a login that is taken or not of `LOGIN`, or a role there is not."""
        with self._engine.begin() as connection:
            return self.add_with(connection, login, role, password)

    def add_with(self, connection: Connection, login: str, role: str, password: str) -> User:
        """Like `add`, in a transaction that is already open."""
        if not LOGIN.match(login):
            raise RecordsError(f"login: wanted 2 to 31 of a-z 0-9 . _ -, got {login!r}")
        if role not in ROLES:
            raise RecordsError(f"role: wanted one of {', '.join(ROLES)}, got {role!r}")
        user = User(login=login, role=role, made_us=self._now_us())
        row = {**msgspec.structs.asdict(user), "password": self._hash(login, password)}
        try:
            connection.execute(insert(user_table).values(**row))
        except IntegrityError as error:
            raise RecordsError(f"login: {login} is taken") from error
        return user

    def _hash(self, login: str, password: str) -> str:
        why = complaint(password, login)
        if why:
            raise PasswordRefused(why)
        return self._passwords.hash(password)

    def check(self, login: str, password: str) -> User | None:
        """The user where login and password fit and the account is active; the same time is spent on a no."""
        with self._engine.connect() as connection:
            row = connection.execute(select(user_table).where(user_table.c.login == login)).mappings().first()
        good = self._passwords.check(row["password"] if row else None, password)
        return _user(row) if row is not None and good and not row["disabled_us"] else None

    def get(self, login: str) -> User | None:
        """That user, disabled or not; None where there is none."""
        with self._engine.connect() as connection:
            row = connection.execute(select(user_table).where(user_table.c.login == login)).mappings().first()
        return _user(row) if row is not None else None

    def list(self) -> list[User]:
        """Every user, by login."""
        with self._engine.connect() as connection:
            return [
                _user(row) for row in connection.execute(select(user_table).order_by(user_table.c.login)).mappings()
            ]

    def count(self) -> int:
        """How many there are, disabled ones too."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(user_table)).scalar_one())

    def set_role(self, login: str, role: str) -> None:
        """Give another role. RecordsError for an unknown user or role."""
        if role not in ROLES:
            raise RecordsError(f"role: wanted one of {', '.join(ROLES)}, got {role!r}")
        self._change(login, role=role)

    def set_password(self, login: str, password: str) -> None:
        """Give another password. RecordsError for an unknown user, PasswordRefused for one too easy."""
        self._change(login, password=self._hash(login, password))

    def disable(self, login: str) -> None:
        """End the account; its sessions die at once. RecordsError for an unknown user."""
        self._change(login, disabled_us=self._now_us())

    def enable(self, login: str) -> None:
        """Open the account again. RecordsError for an unknown user."""
        self._change(login, disabled_us=0)

    def _change(self, login: str, **values: object) -> None:
        with self._engine.begin() as connection:
            changed = connection.execute(update(user_table).where(user_table.c.login == login).values(**values))
            if not changed.rowcount:
                raise RecordsError(f"login: there is no user {login!r}")
            connection.execute(delete(session_table).where(session_table.c.login == login))


def _user(row: Any) -> User:
    role: Role = row["role"]
    return User(login=row["login"], role=role, made_us=row["made_us"], disabled_us=row["disabled_us"])

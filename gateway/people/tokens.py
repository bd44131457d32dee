"""Tokens for machines: a secret shown once, its hash here, with scopes and an end; only in the Authorization header."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.errors import RecordsError
from gateway.people.nouns import SCOPES, Scope, Token
from gateway.people.secret import digest, fresh
from gateway.people.tables import token_table

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,40}\Z")
PREFIX = "satomori_"
MOST_DAYS = 3660
DAY_US = 86_400_000_000
_USED_EVERY_US = 60_000_000


class Tokens:
    """See the module."""

    def __init__(self, engine: Engine, now_us: Callable[[], int]) -> None:
        self._engine = engine
        self._now_us = now_us

    def add(self, name: str, scopes: Sequence[str], days: int) -> str:
        """A new token; the secret, which is told this once. RecordsError for a wrong or taken name, scope or length."""
        if not NAME.match(name):
            raise RecordsError(f"token: wanted a name of 2 to 41 of a-z 0-9 . _ -, got {name!r}")
        wrong = [scope for scope in scopes if scope not in SCOPES]
        if wrong or not scopes:
            raise RecordsError(f"scope: wanted one or more of {', '.join(SCOPES)}, got {', '.join(wrong) or 'none'}")
        if set(scopes) == {"acknowledge"}:
            raise RecordsError("scope: wanted a read scope beside acknowledge, since only what is seen can be taken")
        if not 1 <= days <= MOST_DAYS:
            raise RecordsError(f"days: wanted 1 to {MOST_DAYS}, got {days}")
        secret, now_us = PREFIX + fresh(), self._now_us()
        row = {"id": digest(secret), "name": name, "scopes": sorted(set(scopes)), "made_us": now_us}
        row |= {"expires_us": now_us + days * DAY_US, "used_us": 0, "revoked_us": 0}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(token_table).values(**row))
        except IntegrityError as error:
            raise RecordsError(f"token: the name {name} is taken") from error
        return secret

    def get(self, secret: str) -> Token | None:
        """The token of a secret, where it is neither over nor revoked; notes that it was used."""
        now_us, key = self._now_us(), digest(secret)
        with self._engine.connect() as connection:
            row = connection.execute(select(token_table).where(token_table.c.id == key)).mappings().first()
        if row is None or row["revoked_us"] or row["expires_us"] <= now_us:
            return None
        if now_us - row["used_us"] >= _USED_EVERY_US:
            with self._engine.begin() as connection:
                connection.execute(update(token_table).where(token_table.c.id == key).values(used_us=now_us))
        return _token(row)

    def list(self) -> list[Token]:
        """Every token, by name, without its secret."""
        with self._engine.connect() as connection:
            return [
                _token(row) for row in connection.execute(select(token_table).order_by(token_table.c.name)).mappings()
            ]

    def revoke(self, name: str) -> None:
        """End a token at once. RecordsError where there is none of that name."""
        with self._engine.begin() as connection:
            changed = connection.execute(
                update(token_table).where(token_table.c.name == name).values(revoked_us=self._now_us())
            )
        if not changed.rowcount:
            raise RecordsError(f"token: there is none called {name!r}")


def _token(row: Any) -> Token:
    scopes: tuple[Scope, ...] = tuple(row["scopes"])
    return Token(
        name=row["name"],
        scopes=scopes,
        made_us=row["made_us"],
        expires_us=row["expires_us"],
        used_us=row["used_us"],
        revoked_us=row["revoked_us"],
    )

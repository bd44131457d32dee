"""Sessions: a random secret in the cookie, its hash here; dead after 30 idle minutes, after 12 hours, at logout."""

from collections.abc import Callable

from sqlalchemy import Engine, delete, insert, select, update

from gateway.people.nouns import Session, User
from gateway.people.secret import digest, fresh
from gateway.people.tables import session_table, user_table

IDLE_US, ABSOLUTE_US = 30 * 60 * 1_000_000, 12 * 3600 * 1_000_000
_SEEN_EVERY_US = 20_000_000


class Sessions:
    """See the module. A session of a user who is disabled meanwhile is none any more."""

    def __init__(self, engine: Engine, now_us: Callable[[], int]) -> None:
        self._engine = engine
        self._now_us = now_us

    def open(self, user: User) -> str:
        """A new session; the secret for the cookie. Sessions that are over are swept out."""
        secret, now_us = fresh(), self._now_us()
        with self._engine.begin() as connection:
            connection.execute(
                delete(session_table).where(
                    (session_table.c.seen_us < now_us - IDLE_US) | (session_table.c.made_us < now_us - ABSOLUTE_US)
                )
            )
            connection.execute(
                insert(session_table).values(id=digest(secret), login=user.login, made_us=now_us, seen_us=now_us)
            )
        return secret

    def get(self, secret: str) -> Session | None:
        """The session of a cookie, where it lives."""
        return self.by_id(digest(secret))

    def by_id(self, session_id: str) -> Session | None:
        """The session of a hash, where it lives; asking does not keep it alive."""
        query = (
            select(session_table, user_table.c.role)
            .join(user_table, user_table.c.login == session_table.c.login)
            .where(session_table.c.id == session_id, user_table.c.disabled_us == 0)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        now_us = self._now_us()
        if row is None or now_us - row["seen_us"] > IDLE_US or now_us - row["made_us"] > ABSOLUTE_US:
            return None
        return Session(**{name: row[name] for name in Session.__struct_fields__})

    def touch(self, session: Session) -> None:
        """Its user did something: the idle time begins anew."""
        now_us = self._now_us()
        if now_us - session.seen_us >= _SEEN_EVERY_US:
            with self._engine.begin() as connection:
                connection.execute(update(session_table).where(session_table.c.id == session.id).values(seen_us=now_us))

    def close(self, session_id: str) -> None:
        """End it; ending one that is over is no mistake."""
        with self._engine.begin() as connection:
            connection.execute(delete(session_table).where(session_table.c.id == session_id))

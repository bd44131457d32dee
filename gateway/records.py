"""Records that people edit or answer for: alerts, users, tokens, audit. SQLAlchemy Core; a SQLite file by default.

Each room declares its own tables on `metadata` and gets the engine handed to it. Schema changes are numbered steps in
`MIGRATIONS`; a file written by a newer version is refused, never guessed at.
"""

from pathlib import Path

from sqlalchemy import Engine, MetaData, create_engine, event, inspect, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.errors import RecordsError

metadata = MetaData()
MIGRATIONS: tuple[
    tuple[str, ...], ...
] = ()  # step n takes a file of version n to n + 1; version 1 is `metadata` itself
VERSION = 1 + len(MIGRATIONS)


def open_records(path: Path) -> Engine:
    """Engine on the records file, created or migrated to this version. RecordsError for a file from the future."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": 10})
    event.listen(engine, "connect", _durable)
    with engine.begin() as connection:
        fresh = not inspect(connection).get_table_names()
        version = int(connection.execute(text("PRAGMA user_version")).scalar_one())
        if version > VERSION:
            raise RecordsError(f"{path} was written by a newer version ({version}); this one reads up to {VERSION}")
        if not fresh:
            for step in MIGRATIONS[max(version, 1) - 1 :]:
                for statement in step:
                    connection.execute(text(statement))
        metadata.create_all(connection)
        connection.execute(text(f"PRAGMA user_version = {VERSION}"))
    return engine


def _durable(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()

"""The outbox's tables in the records file."""

from sqlalchemy import JSON, BigInteger, Column, Integer, String, Table

from gateway.records import metadata

message_table = Table(
    "message",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("notifier", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("source", String, nullable=False),  # what it is gathered by
    Column("alerts", JSON, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("state", String, nullable=False, index=True),  # waiting, sent, stopped, failed
    Column("error", String, nullable=False),
    Column("done_us", BigInteger, nullable=False),
)
cursor_table = Table(
    "message_cursor", metadata, Column("id", Integer, primary_key=True), Column("event_id", Integer, nullable=False)
)

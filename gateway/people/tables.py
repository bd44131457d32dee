"""Tables of this room. Secrets are stored as hashes only; times are µs UTC, 0 = not yet."""

from sqlalchemy import JSON, BigInteger, Column, Integer, String, Table

from gateway.records import metadata

user_table = Table(
    "user",
    metadata,
    Column("login", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("password", String, nullable=False),  # argon2id, with its own salt and cost
    Column("made_us", BigInteger, nullable=False),
    Column("disabled_us", BigInteger, nullable=False),
)
session_table = Table(
    "session",
    metadata,
    Column("id", String, primary_key=True),  # SHA-256 of the cookie's secret
    Column("login", String, nullable=False, index=True),
    Column("made_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
)
token_table = Table(
    "token",
    metadata,
    Column("id", String, primary_key=True),  # SHA-256 of the secret
    Column("name", String, nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger, nullable=False),
)
first_run_table = Table(
    "first_run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code", String, nullable=False),  # SHA-256 of the code
    Column("made_us", BigInteger, nullable=False),
)
audit_table = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("time_us", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
    Column("source", String, nullable=False),
    Column("action", String, nullable=False),
    Column("object", String, nullable=False),
    Column("result", String, nullable=False),
    Column("previous", String, nullable=False, unique=True),  # two rows after the same one: a fork, refused
    Column("hash", String, nullable=False),
)

"""What moves inside the agent: from drivers into the outbox, and out of it."""

import hmac

import msgspec

from firmware_bridge.reading import Reading


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What one frame gave.

    `offset_us`: the clock's offset while nobody believed it, None where the time is believed (or a capture's own).
    `position`: where the driver that resumes stands now, by its key.
    """

    device: str
    readings: tuple[Reading, ...]
    time_us: int
    offset_us: int | None = None
    position: tuple[str, int] | None = None


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that gave no reading, and why. `link` is the driver's name; `device` may be unknown."""

    time_us: int
    link: str
    reason: str
    detail: str
    payload: bytes
    device: str = ""
    model: str = ""
    port: int = 0


class Committed(msgspec.Struct, frozen=True):
    """A row that is on disk: its seq and how many readings it holds."""

    seq: int
    readings: int


class Ready(msgspec.Struct, frozen=True):
    """A row that may be sent: its seq and its payload, always the same bytes."""

    seq: int
    payload: bytes


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Whose outbox it is: decides topic and signature, and whether payloads are sealed."""

    tenant: str
    node: str
    key: bytes
    sealed: bool = False

    def mark(self) -> str:
        """Tells one key from another without giving it away."""
        return hmac.digest(self.key, b"outbox", "sha256").hex()[:16]

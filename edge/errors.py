"""Everything that can go wrong on a Pi.

EdgeError
├── SettingsError   the configuration has mistakes, all of them listed; shown by `satomori-edge check` and at start
├── LinkError       a port that cannot be opened, read or written; .retryable says whether waiting can help
└── OutboxError     the outbox cannot keep what it is given
    ├── OutboxBusyError  another process holds it; shown to whoever started the second
    ├── OutboxFullError  no room, although everything that may be dropped was dropped; the agent keeps trying
    └── OutboxBrokenError  the file is damaged; the agent opens anew, which salvages what can be read
"""

import msgspec


class EdgeError(Exception):
    """A failure with words for a person."""


class Mistake(msgspec.Struct, frozen=True):
    """One mistake in a configuration: file, key, what was wanted, what was got."""

    file: str
    key: str
    wanted: str
    got: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.file}: {self.key}: wanted {self.wanted}, got {self.got}"


class SettingsError(EdgeError):
    """A configuration that cannot be used; `mistakes` holds every one of them."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(m) for m in mistakes))
        self.mistakes = mistakes


class LinkError(EdgeError):
    """A link that is not there or went away. Raised by drivers and ports, caught by the agent."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


class OutboxError(EdgeError):
    """What should be kept cannot be kept. Caught by the agent, which keeps it in memory and tries again."""


class OutboxBusyError(OutboxError):
    """Another process has this outbox open."""


class OutboxFullError(OutboxError):
    """The disk has no room for one more row."""


class OutboxBrokenError(OutboxError):
    """SQLite says the file is damaged, or not a database."""

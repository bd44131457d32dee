"""Everything that can go wrong at the gateway.

GatewayError
├── SettingsError   the configuration has mistakes, all of them listed; shown by `satomori check` and at start
├── BrokerError     the broker cannot be started or reached; the supervisor retries
├── StoreError      nothing is known to be written; .retryable says whether the same entries may be offered again
├── NotifyError     a message was not delivered; .retryable says whether trying again can help
└── RecordsError    an alert, user or token that does not exist, or may not change that way; shown to the caller
"""

import msgspec


class GatewayError(Exception):
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


class SettingsError(GatewayError):
    """A configuration that cannot be used; `mistakes` holds every one of them."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(m) for m in mistakes))
        self.mistakes = mistakes


class BrokerError(GatewayError):
    """The broker cannot be started or reached. Caught by the supervisor."""


class StoreError(GatewayError):
    """A write whose outcome is unknown (`retryable`), or that the store will never take. Caught by the forwarder.

    `retry_after_s`: how long the store asked to be left alone, 0 where it said nothing.
    """

    def __init__(self, message: str, *, retryable: bool, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class NotifyError(GatewayError):
    """A message that was not delivered. Caught by the notification outbox."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class RecordsError(GatewayError):
    """Asked for a record that does not exist, or for a change it does not allow. Caught by the API and the commands."""

"""One secret a node: 32 random bytes, from which its other secrets are derived. Nothing here reads or writes a file."""

import hmac

from firmware_bridge.errors import EnvelopeError

KEY_BYTES = 32


def parse_key(text: str) -> bytes:
    """Key from its file's text: 64 hex digits, white space around them allowed. EnvelopeError `key` otherwise."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError as error:
        raise EnvelopeError("key", "wanted 64 hex digits in the key file, got something else") from error
    if len(key) != KEY_BYTES:
        raise EnvelopeError("key", f"wanted 64 hex digits in the key file, got {2 * len(key)}")
    return key


def mqtt_password(key: bytes) -> str:
    """The node's broker password; its user name is the node id. Knowing it does not give the key."""
    return hmac.digest(key, b"mqtt", "sha256").hex()[:32]

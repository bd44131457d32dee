"""Random secrets and the hash under which they are stored."""

import hashlib
import hmac
import secrets

SECRET_BYTES = 32


def fresh() -> str:
    """256 random bits, safe in a cookie and a header."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> str:
    """What is stored of a secret. A random secret needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def form_token(secret: str) -> str:
    """The token that forms of this browser carry; it tells nothing about the secret."""
    return hashlib.sha256(b"form:" + secret.encode("utf-8", "surrogatepass")).hexdigest()[:43]


def same(one: str, other: str) -> bool:
    """Compare without telling by the time where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))

"""Secrets in files of mode 0600: made once, read afterwards, never printed."""

import os
import secrets
from pathlib import Path


def read_or_make(path: Path, size_bytes: int = 24) -> str:
    """The secret in `path`; made of `size_bytes` random bytes (as hex) where there is none yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(size_bytes) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path.read_text("ascii").strip()

"""The demo's mailbox: a folder of `.eml` files, as the town's mail server would have delivered them."""

import email
from email import policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

import msgspec

_LONGEST = 20_000


class Letter(msgspec.Struct, frozen=True):
    """One mail. `time_us` 0 where its date cannot be read."""

    subject: str
    to: str
    time_us: int
    text: str


def letters(folder: Path, limit: int = 50) -> list[Letter]:
    """The newest mails, newest first; an empty list where there is no folder yet."""
    if not folder.is_dir():
        return []
    files = sorted(folder.glob("*.eml"), key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    return [_letter(path) for path in files[:limit]]


def _letter(path: Path) -> Letter:
    message = email.message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=policy.default)
    body = message.get_body(("plain",)) if isinstance(message, EmailMessage) else None
    try:
        time_us = round(parsedate_to_datetime(str(message["Date"])).timestamp() * 1e6)
    except (ValueError, TypeError):
        time_us = 0
    text = str(body.get_content()) if body is not None else ""
    return Letter(str(message["Subject"] or ""), str(message["To"] or ""), time_us, text[:_LONGEST])

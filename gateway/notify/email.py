"""E-mail over SMTP: one plain mail a recipient, Japanese first, English below.

The subject says how urgent it is and the alert's number, nothing personal. `Message-ID` is made of the message's key,
so that a mail delivered twice is shown once. A refusal with 4xx, a server that is away, slow, or
lets us not in: try again. A refusal with 5xx: it will never take this mail.
"""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from gateway.alerts import Severity
from gateway.errors import NotifyError
from gateway.notify.message import Message

_ADDRESS = re.compile(r"^[^\s@<>,;:\"\\()\[\]]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Email(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`security`: starttls (587), tls (465) or none; a password is never sent in clear to another computer.

    `password_file` and `ca_file` stand beside the configuration; `ca_file` is for a server with its own certificate.
    """

    name: str
    host: str
    sender: str
    to: Annotated[list[str], msgspec.Meta(min_length=1)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    timezone: str = "Asia/Tokyo"
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 20.0
    severities: tuple[Severity, ...] = ("urgent", "watch", "tech")

    def __post_init__(self) -> None:
        """ValueError for an address that is none (a line break in it could add headers), or a password in clear."""
        for address in (self.sender, *self.to):
            if not _ADDRESS.fullmatch(address) or not address.isascii():
                raise ValueError(f"an address like duty@example.jp, got {address!r}")
        if self.username and self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("security starttls or tls where a username is given")

    def notify(self, message: Message, /) -> None:
        """Send it to every recipient. NotifyError names those who were refused."""
        refused: dict[str, tuple[int, str]] = {}
        try:
            with self._session() as session:
                for address in self.to:
                    self._send(session, message, address, refused)
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            said = f"{self.host} said {error.smtp_code} {_text(error.smtp_error)}"
            raise NotifyError(said, retryable=error.smtp_code < 500) from error
        except (OSError, smtplib.SMTPException) as error:  # away, slow, or a password or certificate to be put right
            raise NotifyError(f"{self.host}:{self.port}: {error}", retryable=True) from error
        if refused:
            said = "; ".join(f"{address}: {code} {text}" for address, (code, text) in refused.items())
            raise NotifyError(f"refused by {self.host}: {said}", retryable=any(c < 500 for c, _ in refused.values()))

    def mail(self, message: Message, address: str) -> EmailMessage:
        """The mail as it is sent."""
        zone = ZoneInfo(self.timezone)
        mail = EmailMessage()
        mail["From"] = self.sender
        mail["To"] = address
        mail["Subject"] = " ".join(f"{message.subject('ja')} / {message.subject('en')}".split())  # one line, whatever
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.made_us // 1_000_000, UTC))
        mail["Message-ID"] = f"<{message.key}@{self.sender.rsplit('@', 1)[1]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{message.text('ja', zone)}\n\n----\n\n{message.text('en', zone)}\n", charset="utf-8")
        return mail

    def _send(self, session: smtplib.SMTP, message: Message, address: str, refused: dict[str, tuple[int, str]]) -> None:
        try:
            session.send_message(self.mail(message, address))
        except smtplib.SMTPRecipientsRefused as error:
            code, text = error.recipients[address]
            refused[address] = (code, _text(text))

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.security == "tls":
            session: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_s, context=context)
        else:
            session = smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
        with session:
            if self.security == "starttls":
                session.starttls(context=context)
            if self.username:
                session.login(self.username, self._password())
            yield session

    def _password(self) -> str:
        return Path(self.password_file).read_text("utf-8").strip() if self.password_file else ""


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said

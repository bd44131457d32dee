"""A local mailbox: a real SMTP server on loopback that writes each message into a folder as `.eml`."""

import itertools
import logging
import time
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """Keeps what arrives; `port` is the one it listens on. Made with port 0 it takes a free one."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._controller = Controller(self, hostname="127.0.0.1", port=port, ready_timeout=10)

    def start(self) -> None:
        """Listen, in a thread of its own; what it says of every connection is not for whoever watches."""
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        self._controller.start()

    def stop(self) -> None:
        """Listen no more."""
        self._controller.stop()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd
        """Write one message; the name sorts by time of arrival."""
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{next(self._numbers):03d}.eml"
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        draft = self._folder / f".{name}"
        draft.write_bytes(content)
        draft.rename(self._folder / name)
        return "250 kept"

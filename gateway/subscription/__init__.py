"""The gateway's own MQTT connection: messages in, acknowledged only after the journal's commit; receipts out.

Driven by this role's own thread: read what has come, commit it in one transaction, acknowledge in the order of
arrival, publish the receipts. Every connection is a new object, so a late acknowledgement can never reach another
connection. The session is persistent: fixed client id (the user name), no clean start, its expiry given on every
connect. A file lock keeps a second gateway away from the client id.
"""

import fcntl
import logging
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gateway.errors import BrokerError, StoreError
from gateway.ingest import Ingest, Message, Publication
from gateway.subscription.connection import Connection
from gateway.subscription.garbage import collect_seldom
from gateway.subscription.packets import Delivery

log = logging.getLogger(__name__)
WAIT_S, GATHER_S = 0.5, 0.05  # for a first message, and then for more of them to commit together
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0  # the broker is ours and near: a short wait hurts nobody


class Subscription:
    """See the module. Read by others: `connected`, `last_message_us`, `session_lost` (times the broker had forgotten
    us), `trouble` (why the journal takes nothing now, "" where it does).
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str,
        password: str,
        tenant: str,
        ingest: Ingest,
        *,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        lock_path: Path | None = None,
    ) -> None:
        self.connected = False
        self.last_message_us = 0
        self.session_lost = 0
        self.trouble = ""
        self._address = (host, port)
        self._username, self._password = username, password
        self._tenant = tenant
        self._ingest = ingest
        self._now_us = now_us
        self._lock_path = lock_path or ingest.journal.path.with_suffix(".lock")
        self._sessions = 0

    def run(self, stop: threading.Event) -> None:
        """Stay connected until `stop`. BrokerError where another process is this gateway already."""
        collect_seldom()
        with _Lock(self._lock_path):
            wait_s = FIRST_WAIT_S
            while not stop.is_set():
                began_s = time.monotonic()
                try:
                    self._converse(stop)
                except (OSError, BrokerError, ValueError) as error:
                    log.warning("broker_lost address=%s:%d error=%s", *self._address, error)
                finally:
                    self.connected = False
                wait_s = (
                    FIRST_WAIT_S if time.monotonic() - began_s > LONGEST_WAIT_S else min(2 * wait_s, LONGEST_WAIT_S)
                )
                stop.wait(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

    def _converse(self, stop: threading.Event) -> None:
        connection = Connection()
        try:
            resumed = connection.open(*self._address, self._username, self._password, self._ingest.topics, stop)
            if resumed is None:
                return
            self.connected = True
            log.info("broker_connected address=%s:%d session_present=%s", *self._address, resumed)
            if not resumed and self._sessions:
                self.session_lost += 1
                self._ingest.journal.ask_again()
            self._sessions += 1
            while not stop.is_set() and connection.alive:
                self._turn(connection, stop)
            if connection.reason:
                raise BrokerError(connection.reason)
        finally:
            connection.close()

    def _turn(self, connection: Connection, stop: threading.Event) -> None:
        deliveries = connection.receive(WAIT_S, GATHER_S)
        if not deliveries:
            return
        self.last_message_us = self._now_us()
        receipts = self._commit([_plain(delivery) for delivery in deliveries], connection, stop)
        if receipts is not None:
            connection.acknowledge(deliveries)
            for receipt in receipts:
                connection.publish(receipt.topic, receipt.payload)

    def _commit(
        self, messages: list[Message], connection: Connection, stop: threading.Event
    ) -> list[Publication] | None:
        """Receipts; None where we stop, or the connection breaks, before the journal would take them."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                receipts = self._ingest.take(messages)
            except StoreError as error:
                if not self.trouble:
                    log.error("journal_refuses error=%s", error)
                self.trouble = str(error)
                connection.exchange(0.0)  # answers pings meanwhile
                if stop.wait(wait_s) or not connection.alive:
                    return None
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                continue
            if self.trouble:
                log.info("journal_takes_again")
                self.trouble = ""
            return receipts


class _Lock:
    """One process may be this gateway; the system takes the lock back when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1

    def __enter__(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            raise BrokerError(f"another gateway already works with {self._path.parent}; two would fight") from error

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)


def _plain(delivery: Delivery) -> Message:
    try:
        topic = delivery.topic.decode()
    except UnicodeDecodeError:
        topic = "(not UTF-8)"
    return Message(topic, delivery.payload, delivery.retain, delivery.qos)

"""The gateway's own MQTT connection: messages in, acknowledged only after the journal's commit; receipts out.

paho in manual acknowledgement, driven by this role's own thread: read what has come, commit it in one transaction,
acknowledge in the order of arrival, publish the receipts. Every connection is a new client object, so a late
acknowledgement can never reach another connection. The session is persistent: fixed client id (the user name),
`clean_start` false, its expiry given on every connect. A file lock keeps a second gateway away from the client id.
"""

import fcntl
import logging
import os
import random
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.errors import BrokerError, StoreError
from gateway.ingest import Ingest, Message, Publication

log = logging.getLogger(__name__)
RECEIVE_MAXIMUM = 1000
MAX_INBOX = 2 * RECEIVE_MAXIMUM
MAX_COMMIT_BYTES = 8 * 1024 * 1024
GATHER_S = 0.05  # how long messages are gathered for one commit
SESSION_EXPIRY_S = 30 * 86_400
KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 10.0
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
        connection = Connection(self._username, self._password)
        try:
            resumed = connection.open(*self._address, self._ingest.topics, stop)
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
        finally:
            connection.close()

    def _turn(self, connection: "Connection", stop: threading.Event) -> None:
        messages = connection.receive(GATHER_S)
        if not messages:
            return
        self.last_message_us = self._now_us()
        receipts = self._commit([_plain(message) for message in messages], connection, stop)
        if receipts is not None:
            connection.acknowledge(messages)
            connection.publish(receipts)

    def _commit(
        self, messages: list[Message], connection: "Connection", stop: threading.Event
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
                if stop.wait(wait_s) or not connection.keep_alive():
                    return None
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                continue
            if self.trouble:
                log.info("journal_takes_again")
                self.trouble = ""
            return receipts


class Connection:
    """One connection of one paho client; `alive` until it breaks."""

    def __init__(self, username: str, password: str) -> None:
        self.alive = False
        self._inbox: list[MQTTMessage] = []
        self._accepted: bool | None = None
        self._granted: list[Any] | None = None
        self._reason = ""
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=username,
            protocol=MQTTv5,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        self._client.username_pw_set(username, password)
        self._client.connect_timeout = CONNECT_TIMEOUT_S
        self._client.max_inflight_messages_set(RECEIVE_MAXIMUM)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_socket_register_write = _nothing  # packets wait for `_exchange`, not for each other

    def _on_connect(self, _client: Client, _data: object, flags: Any, reason: Any, _properties: object) -> None:
        self._reason = str(reason)
        self.alive = not reason.is_failure
        self._accepted = bool(flags.session_present) if self.alive else None

    def _on_subscribe(self, _client: Client, _data: object, _mid: int, reasons: list[Any], _properties: object) -> None:
        self._granted = reasons

    def _on_disconnect(self, *_told: object) -> None:
        self.alive = False

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._inbox.append(message)

    def open(self, host: str, port: int, topics: list[str], stop: threading.Event) -> bool | None:
        """Connect and subscribe; whether the broker still knew our session, None where `stop` came first.

        BrokerError where it refuses the connection or a topic, OSError where nobody answers.
        """
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho has no types there
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect(host, port, KEEPALIVE_S, clean_start=False, properties=properties)
        self.alive = True
        if not self._await(lambda: self._accepted is not None, stop):
            return None if stop.is_set() else self._refuse(f"connection refused: {self._reason or 'no answer'}")
        self._client.subscribe([(topic, 1) for topic in topics])
        if not self._await(lambda: self._granted is not None, stop):
            return None if stop.is_set() else self._refuse("no answer to our subscription")
        for topic, reason in zip(topics, self._granted or [], strict=True):
            if reason.is_failure or reason.value != 1:
                self._refuse(f"{topic}: wanted QoS 1, got {reason}")
        return bool(self._accepted)

    def _refuse(self, what: str) -> bool:
        raise BrokerError(what)

    def _await(self, answered: Callable[[], bool], stop: threading.Event) -> bool:
        deadline_s = time.monotonic() + CONNECT_TIMEOUT_S
        while not answered():
            if stop.is_set() or not self.alive or time.monotonic() > deadline_s:
                return False
            self._exchange(0.1)
        return True

    def receive(self, gather_s: float) -> list[MQTTMessage]:
        """What has come, in order: waits up to half a second for the first, then gathers for `gather_s`."""
        if not self._inbox:
            self._exchange(0.5)
        deadline_s = time.monotonic() + gather_s
        while self._inbox and self.alive and not self._full():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
            self._exchange(left_s)
        messages, self._inbox = self._inbox, []
        return messages

    def _full(self) -> bool:
        return len(self._inbox) >= RECEIVE_MAXIMUM or sum(len(m.payload) for m in self._inbox) >= MAX_COMMIT_BYTES

    def _exchange(self, timeout_s: float) -> None:
        sock = self._client.socket()
        if sock is None:
            self.alive = False
            return
        want = [sock] if self._client.want_write() else []
        readable, writable, _ = select.select([sock], want, [], timeout_s)
        if writable:
            self._client.loop_write()
        if readable:
            self._read()
        if self._client.loop_misc() != MQTT_ERR_SUCCESS:
            self.alive = False

    def _read(self) -> None:
        while len(self._inbox) < MAX_INBOX:
            before = len(self._inbox)
            if self._client.loop_read() != MQTT_ERR_SUCCESS:
                self.alive = False
                return
            if len(self._inbox) == before:
                return

    def keep_alive(self) -> bool:
        """Answer pings while the journal takes nothing; whether the connection still lives."""
        self._exchange(0.0)
        return self.alive

    def acknowledge(self, messages: list[MQTTMessage]) -> None:
        """In the order of arrival, to the connection that delivered them."""
        for message in messages:
            self._client.ack(message.mid, message.qos)
        self._flush()

    def publish(self, publications: list[Publication]) -> None:
        """Receipts, QoS 1 and retained. One that is lost comes with the next commit of its node."""
        for publication in publications:
            if self.alive:
                self._client.publish(publication.topic, publication.payload, qos=1, retain=True)
        self._flush()

    def _flush(self) -> None:
        if self.alive and self._client.want_write():
            self._client.loop_write()

    def close(self) -> None:
        """Say goodbye where anybody listens; the session stays."""
        if self.alive:
            self._client.disconnect()
            self._flush()
        self.alive = False
        sock = self._client.socket()
        if sock is not None:
            sock.close()


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


def _plain(message: MQTTMessage) -> Message:
    try:
        topic = message.topic
    except UnicodeDecodeError:
        topic = "(not UTF-8)"
    return Message(topic, bytes(message.payload), message.retain, message.qos)


def _nothing(*_: object) -> None:
    """paho asks to be woken for writing; `_exchange` looks by itself."""

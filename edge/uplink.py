"""Outbox → broker, until the gateway's receipt: connects, sends, listens, and connects again.

One thread, `run`; it owns the connection and the sender. Others only call `wake` and read `is_connected`.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable

import msgspec

from edge.errors import LinkError
from edge.nouns import Owner
from edge.outbox import Outbox
from edge.sender import Limits, Sender
from edge.session import Acknowledged, Arrived, Connected, Event, Server, Session
from firmware_bridge import envelope
from firmware_bridge.errors import EnvelopeError

log = logging.getLogger("edge.uplink")
CONNACK_S = 10.0
GOODBYE_S = 1.0
_STEADY_S = 20.0
_DOUBT = "no receipt for long: connecting anew"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What the node tells of itself on its state topic."""

    version: str
    model: str


class Uplink:
    """See the module. `clock` says synced or estimated; `now_us` the time."""

    def __init__(
        self,
        outbox: Outbox,
        owner: Owner,
        server: Server,
        limits: Limits,
        about: About,
        *,
        now_us: Callable[[], int],
        running_us: Callable[[], int],
        clock: Callable[[], str],
        reconnect_max_s: float = 60.0,
    ) -> None:
        self._outbox = outbox
        self._owner = owner
        self._server = server
        self._about = about
        self._now_us = now_us
        self._clock = clock
        self._reconnect_max_s = reconnect_max_s
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._sender = Sender(outbox, limits, running_us)
        self._told_clock = ""
        self._lost_reason = ""
        self.is_connected = False
        self.refused = 0
        self.bytes_sent = 0

    def wake(self) -> None:
        """Something was put into the outbox, or the end has come."""
        try:
            os.write(self._wake_write, b"\0")
        except BlockingIOError:
            return  # the pipe is full of wake-ups already

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`; never raises for a broker that is away, only for an outbox that is broken."""
        attempt = 0
        while not stop.is_set():
            began_s = time.monotonic()
            session = Session(self._server, self._topic("state"), self._state(online=False), self._wake_read)
            try:
                session.open()
                self._serve(session, stop)
            except LinkError as error:
                self._lost(str(error))
            finally:
                self._sender.ended(session.ended_by_broker)
                self.is_connected = False
                session.close()
            attempt = 0 if time.monotonic() - began_s > _STEADY_S else attempt + 1
            longest_s = min(self._reconnect_max_s, 2.0 ** min(attempt, 10) / 2)
            stop.wait(longest_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads nodes in time, no secret

    @property
    def rewinds(self) -> int:
        """How often everything unconfirmed was offered again for want of a receipt."""
        return self._sender.rewinds

    def close(self) -> None:
        """Let the wake-up pipe go, after `run` has ended."""
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _serve(self, session: Session, stop: threading.Event) -> None:
        until_s = time.monotonic() + CONNACK_S
        while not self.is_connected:
            if stop.is_set():
                return
            if time.monotonic() > until_s:
                raise LinkError(f"no answer to CONNECT within {CONNACK_S:.0f} s")
            for event in session.step(0.25):
                self._hear(session, event)
        while not stop.is_set():
            self._tell_clock(session)
            while (row := self._sender.next_row()) is not None:
                self._sender.sent(row, session.publish(self._topic("data"), row.payload))
                self.bytes_sent += len(row.payload)
            for event in session.step(0.5 if self._sender.is_idle else 0.05):
                self._hear(session, event)
            if self._sender.check():
                raise LinkError(_DOUBT)
        self._say_goodbye(session)

    def _hear(self, session: Session, event: Event) -> None:
        if isinstance(event, Connected):
            self._sender.begin(event.receive_maximum, event.max_packet_bytes)
            session.subscribe(self._topic("receipt"))
            session.subscribe(self._topic("cmd"))
            self._told_clock = ""
            self.is_connected = True
            if self._lost_reason != _DOUBT:  # the sender has said so already, once
                log.info("uplink_connected host=%s port=%d", self._server.host, self._server.port)
            self._lost_reason = ""
        elif isinstance(event, Acknowledged):
            self._sender.acknowledged(event.mid, event.reason)
        elif event.topic == self._topic("receipt"):
            self._hear_receipt(event)
        else:
            self.refused += 1
            log.warning("command_unknown topic=%s bytes=%d", event.topic, len(event.payload))

    def _hear_receipt(self, event: Arrived) -> None:
        if not event.payload:
            return  # a retained receipt that was cleared
        try:
            receipt = envelope.decode_receipt(event.payload, self._owner.key)
            if receipt.node != self._owner.node:
                raise EnvelopeError("node", f"wanted a receipt for {self._owner.node}, got one for {receipt.node}")
        except EnvelopeError as error:
            self.refused += 1
            log.error("receipt_refused code=%s detail=%s", error.code, error.detail)
            return
        self._sender.receipt(receipt)

    def _tell_clock(self, session: Session) -> None:
        clock = self._clock()
        if clock != self._told_clock:
            session.publish(self._topic("state"), self._state(online=True), retain=True)
            self._told_clock = clock

    def _say_goodbye(self, session: Session) -> None:
        try:
            mid = session.publish(self._topic("state"), self._state(online=False), retain=True)
            until_s = time.monotonic() + GOODBYE_S
            while (left_s := until_s - time.monotonic()) > 0:
                for event in session.step(min(left_s, 0.1)):
                    self._hear(session, event)
                    if isinstance(event, Acknowledged) and event.mid == mid:
                        return
        except LinkError:
            return  # the last will says it for us

    def _lost(self, reason: str) -> None:
        if reason not in (self._lost_reason, _DOUBT):
            log.warning("uplink_lost error=%s", reason)
        self._lost_reason = reason

    def _topic(self, leaf: str) -> str:
        return envelope.topic(self._owner.tenant, self._owner.node, leaf)

    def _state(self, *, online: bool) -> bytes:
        return msgspec.json.encode(
            {
                "v": envelope.VERSION,
                "online": online,
                "version": self._about.version,
                "model": self._about.model,
                "clock": self._clock(),
                "time_us": self._now_us(),
            }
        )

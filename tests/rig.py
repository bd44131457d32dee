"""A small gateway core for tests: registry, journal, ingest, and the roles as threads; and a node that talks to it."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from parts import TENANT, RunningBroker
from waiting import wait_until

from firmware_bridge import envelope
from firmware_bridge.credentials import mqtt_password
from firmware_bridge.reading import Batch, Column, Gap
from gateway.forwarder import Forwarder
from gateway.ingest import Ingest, Message
from gateway.inlets import inlets
from gateway.journal import Journal
from gateway.registry import Registry
from gateway.settings import Device, Node, Site
from gateway.store import Store
from gateway.subscription import Subscription

EPOCH = "00112233445566ff"
NOW_US = 1_800_000_000_000_000
KEY = bytes(range(32))


def now_us() -> int:
    """The wall clock, for tests that run against real processes."""
    return time.time_ns() // 1000


def a_registry(
    nodes: Sequence[str] = ("n-01", "n-02"), devices: Sequence[Device] = (), keys: Mapping[str, bytes] | None = None
) -> Registry:
    """A town with these nodes, every one with `KEY` where `keys` does not say."""
    site = Site(id="field-1", kind="field", label_ja="北の畑", label_en="North field")
    own = dict.fromkeys(nodes, KEY) if keys is None else keys
    return Registry(TENANT, [Node(id=node) for node in nodes], [site], devices, own)


def a_batch(seq: int, node: str = "n-01", epoch: str = EPOCH, **changes: Any) -> Batch:
    """A batch of two series with one reading each; `read_total` as if every batch had two."""
    time_us = NOW_US + seq * 1_000_000
    columns = [
        Column("field1-soil", "soil_moisture_vwc_pct", [time_us], [20.0 + seq % 7]),
        Column("field1-soil", "soil_temperature_c", [time_us], [4.5]),
    ]
    fields: dict[str, Any] = {"clock": "synced", "read_total": 2 * seq, "columns": columns, "gaps": []}
    return Batch(node=node, epoch=epoch, seq=seq, **(fields | changes))


def a_message(seq: int, key: bytes = KEY, **changes: Any) -> Message:
    """The message of `a_batch`."""
    batch = a_batch(seq, **changes)
    return Message(envelope.topic(TENANT, batch.node, "data"), envelope.encode(batch, key))


def a_gap(first: int, last: int, readings: int) -> Gap:
    """A gap as a node with a full disk declares it."""
    return Gap(first, last, readings, "disk-full")


def an_ingest(folder: Path, registry: Registry | None = None, now: Callable[[], int] = lambda: NOW_US) -> Ingest:
    """Ingest on a journal of its own; close `.journal` at the end."""
    return Ingest(Journal(folder / "journal.db"), registry or a_registry(), inlets(), now)


@contextmanager
def running(*roles: Any) -> Iterator[None]:
    """Roles as threads, stopped in reverse; pytest fails the test where one ends with an exception."""
    with ExitStack() as stack:
        for role in roles:
            stop = threading.Event()
            thread = threading.Thread(target=role.run, args=(stop,), name=type(role).__name__)
            thread.start()
            stack.callback(_end, thread, stop)
        yield


def _end(thread: threading.Thread, stop: threading.Event) -> None:
    stop.set()
    thread.join(20)
    assert not thread.is_alive(), thread.name


@contextmanager
def a_gateway(
    folder: Path, broker: RunningBroker, store: Store, registry: Registry, listeners: Sequence[Any] = ()
) -> Iterator[tuple[Subscription, Ingest, Forwarder]]:
    """Subscription and forwarder at work on a journal in `folder`."""
    ingest = an_ingest(folder, registry, now_us)
    subscription = Subscription("127.0.0.1", broker.port, "gateway", broker.passwords["gateway"], TENANT, ingest)
    forwarder = Forwarder(ingest.journal, store, registry, listeners, now_us)
    try:
        with running(subscription, forwarder):
            wait_until(lambda: subscription.connected, 15)
            yield subscription, ingest, forwarder
    finally:
        ingest.journal.close()


def passwords(*nodes: str) -> dict[str, str]:
    """Broker users: the gateway, Home Assistant, every inlet's server, and these nodes with `KEY`."""
    users = {name: os.urandom(8).hex() for name in ("gateway", "homeassistant", "homeassistant-out")} | {
        f"inlet-{name}": os.urandom(8).hex() for name in inlets()
    }
    return users | {node: mqtt_password(KEY) for node in nodes}


class Talker:
    """A client of the broker that remembers what it hears and how it was answered; `lasting` keeps its session."""

    def __init__(
        self,
        broker: RunningBroker,
        username: str,
        password: str | None = None,
        client_id: str = "",
        lasting: bool = False,
        patience_s: float = 10,
    ) -> None:
        self._patience_s = patience_s
        self._lasting = lasting
        self._properties = Properties(PacketTypes.CONNECT)
        self._properties.SessionExpiryInterval = 3600 if lasting else 0
        self.heard: list[mqtt.MQTTMessage] = []
        self.acknowledged: dict[int, int] = {}
        self.refused = ""
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=client_id or username, protocol=mqtt.MQTTv5
        )
        self.client.username_pw_set(username, broker.passwords[username] if password is None else password)
        self.client.on_message = lambda _c, _d, message: self.heard.append(message)
        self.client.on_publish = self._published
        self.client.on_connect = self._connected
        self._broker = broker

    def _published(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        self.acknowledged[mid] = reason.value

    def _connected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.refused = str(reason) if reason.is_failure else ""

    def __enter__(self) -> "Talker":
        self.client.connect("127.0.0.1", self._broker.port, clean_start=not self._lasting, properties=self._properties)
        self.client.loop_start()
        try:
            wait_until(lambda: self.client.is_connected() or bool(self.refused), self._patience_s)
        except AssertionError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        self.client._reset_sockets()  # paho leaves its wake-up sockets to the garbage collector

    def hear(self, topic: str) -> None:
        """Subscribe, and be sure that the broker knows."""
        granted: list[int] = []
        self.client.on_subscribe = lambda *_: granted.append(1)
        self.client.subscribe(topic, 1)
        wait_until(lambda: bool(granted), 10)

    def say(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> int:
        """Publish; the reason code of the broker's answer (0 for QoS 0)."""
        told = self.client.publish(topic, payload, qos, retain)
        if qos == 0:
            return 0
        wait_until(lambda: told.mid in self.acknowledged, 10)
        return self.acknowledged[told.mid]

    def say_all(self, place: str, payloads: Sequence[bytes]) -> None:
        """Publish all of them with QoS 1; the broker has them all at the end."""
        for told in [self.client.publish(place, payload, 1) for payload in payloads]:
            told.wait_for_publish(20)

    def receipts(self) -> list[envelope.Receipt]:
        """The receipts heard so far."""
        return [
            envelope.decode_receipt(m.payload, KEY) for m in self.heard if m.topic.endswith("/receipt") and m.payload
        ]

"""MQTT messages → journal → receipts. Every message has exactly one counted outcome, and none is lost in silence.

    accepted · duplicate · quarantined:<code> (conflict is one) · ignored-retained · ignored-event · state

Counted besides: unconfirmed (sent with QoS 0), unsealed (a watched home's node that does not encrypt).

What cannot be read is kept in quarantine with its reason and acknowledged like any other: one poison message never
blocks a node. Nothing here knows MQTT; `gateway.subscription` does.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple

import msgspec

from firmware_bridge import envelope
from firmware_bridge.errors import BridgeError, DecodeError, EnvelopeError
from firmware_bridge.reading import Column
from gateway.inlets import Identity, Inlet, matches
from gateway.journal import Journal, strangers
from gateway.journal.arrivals import Arrival, Refusal, extent_of
from gateway.journal.entries import quality_of
from gateway.registry import Registry

MAX_RANGES = 64
MAX_SERIES_A_SOURCE = 512
MAX_STATE_BYTES = 4096


class Message(NamedTuple):
    """One message as the broker handed it over. `qos` 0: the sender asked for no promise."""

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1


class NodeState(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of itself on `…/state`; `heard_us` is our clock."""

    v: Literal[1]
    online: bool
    version: Annotated[str, msgspec.Meta(max_length=64)] = ""
    model: Annotated[str, msgspec.Meta(max_length=120)] = ""
    clock: Annotated[str, msgspec.Meta(max_length=16)] = ""
    time_us: int = 0
    heard_us: int = 0


class Publication(NamedTuple):
    """A receipt to publish, QoS 1, retained."""

    topic: str
    payload: bytes


class Ingest:
    """Turns messages into journal entries. `states` holds the last state message of every node heard of."""

    def __init__(
        self, journal: Journal, registry: Registry, inlets: Mapping[str, Inlet], now_us: Callable[[], int]
    ) -> None:
        self.journal = journal
        self.registry = registry
        self.states: dict[str, NodeState] = {}
        self._inlets = inlets
        self._now_us = now_us
        self._lock = threading.Lock()
        self._series: dict[str, set[tuple[str, str, int]]] = {}

    @property
    def topics(self) -> list[str]:
        """The MQTT filters whose messages belong here."""
        own = [envelope.topic(self.registry.tenant, "+", leaf) for leaf in ("data", "state")]
        return own + [topic for inlet in self._inlets.values() for topic in inlet.TOPICS]

    def take(self, messages: Sequence[Message]) -> list[Publication]:
        """Commit all of them in one transaction, then the receipts to publish, one a (node, epoch) touched.

        StoreError: nothing was committed; offer the same messages again. Only afterwards may they be acknowledged.
        """
        with self._lock:
            arrivals, _ = self._take(messages)
        return [
            self._receipt(*key) for key in dict.fromkeys((a.source, a.epoch) for a in arrivals if a.kind == "batch")
        ]

    def take_one(self, message: Message) -> Refusal | None:
        """Commit one message that did not come over MQTT; why it was refused, None where it was not. StoreError."""
        with self._lock:
            _, refusals = self._take([message])
        return refusals[0] if refusals else None

    def adopt(self) -> int:
        """Read again what came from devices that nobody had entered then; how many messages have a device now.

        Done at every start, because a device gets its name in the settings, and these are read at the start. Each
        message counts as received when it came. It leaves the strangers in the very transaction that makes it an entry
        (or a duplicate, or a refusal of its codec), so that it becomes one entry, also when this process is killed.
        """
        adopted = last_id = 0
        while waiting := strangers.waiting(self.journal, last_id):
            last_id = waiting[-1].id
            arrivals: list[Arrival] = []
            refusals: list[Refusal] = []
            known: list[int] = []
            for one in waiting:
                found = self._sorted(Message(one.topic, one.payload), one.received_us)
                if isinstance(found, Refusal) and found.code == "device-unknown":
                    continue
                known.append(one.id)
                if isinstance(found, Arrival):
                    arrivals.append(found)
                elif isinstance(found, Refusal):
                    refusals.append(found)
            self.journal.commit(arrivals, refusals, now_us=self._now_us(), adopted=known)
            adopted += len(known)
        return adopted

    def _take(self, messages: Sequence[Message]) -> tuple[list[Arrival], list[Refusal]]:
        now_us = self._now_us()
        arrivals: list[Arrival] = []
        refusals: list[Refusal] = []
        counts: Counter[tuple[str, str]] = Counter()
        for message in messages:
            found = self._sorted(message, now_us)
            if isinstance(found, Arrival):
                arrivals.append(found)
                self._note(found, message.qos, counts)
            elif isinstance(found, Refusal):
                refusals.append(found)
            else:
                counts[found, self._source_of(message.topic)] += 1
        self.journal.commit(arrivals, refusals, counts, now_us=now_us)
        return arrivals, refusals

    def _sorted(self, message: Message, now_us: int) -> Arrival | Refusal | str:
        try:
            return self._understand(message, now_us)
        except BridgeError as error:
            source = self._source_of(message.topic)
            return Refusal(message.topic, message.payload, now_us, source, error.code, error.detail)

    def _note(self, arrival: Arrival, qos: int, counts: Counter[tuple[str, str]]) -> None:
        if qos == 0:
            counts["unconfirmed", arrival.source] += 1
        node = self.registry.nodes.get(arrival.source)
        if node is not None and node.sealed and b'"sealed":' not in arrival.payload:
            counts["unsealed", arrival.source] += 1

    def _understand(self, message: Message, now_us: int) -> Arrival | Refusal | str:
        if message.topic.startswith(envelope.ROOT):
            return self._own(message, now_us)
        for name, inlet in self._inlets.items():
            if any(matches(topic, message.topic) for topic in inlet.TOPICS):
                return self._foreign(name, inlet, message, now_us)
        raise EnvelopeError("topic", f"nobody here reads {message.topic[:100]!r}")

    def _own(self, message: Message, now_us: int) -> Arrival | str:
        tenant, node, leaf = envelope.parse_topic(message.topic)
        if tenant != self.registry.tenant:
            raise EnvelopeError("tenant", f"wanted {self.registry.tenant}, got {tenant!r}")
        if leaf == "state":
            return self._state(node, message.payload, now_us)
        if leaf != "data":
            raise EnvelopeError("topic", f"nobody here reads {leaf!r}")
        if message.retain:
            return "ignored-retained"
        batch = envelope.decode(message.payload, self.registry.key_of)
        if batch.node != node:
            raise EnvelopeError("topic-node", f"topic says {node!r}, payload says {batch.node!r}")
        self._limit_series(node, batch.columns)
        extent = extent_of(batch.columns)
        return Arrival(
            kind="batch",
            source=node,
            epoch=batch.epoch,
            seq=batch.seq,
            sha256=sha256(message.payload).digest(),
            topic=message.topic,
            payload=message.payload,
            received_us=now_us,
            tenant=tenant,
            columns=batch.columns,
            extent=extent,
            quality=quality_of(extent.newest_us, batch.clock, now_us),
            read_total=batch.read_total,
            gaps=batch.gaps,
        )

    def _state(self, node: str, payload: bytes, now_us: int) -> str:
        if node not in self.registry.nodes:
            raise EnvelopeError("node-unknown", f"no node {node!r} is enrolled here")
        if len(payload) > MAX_STATE_BYTES:
            raise EnvelopeError("size", f"wanted at most {MAX_STATE_BYTES} bytes of state, got {len(payload)}")
        try:
            state = msgspec.json.decode(payload, type=NodeState)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise EnvelopeError("json", str(error)) from error
        self.states[node] = msgspec.structs.replace(state, heard_us=now_us)
        return "state"

    def _foreign(self, name: str, inlet: Inlet, message: Message, now_us: int) -> Arrival | Refusal | str:
        if message.retain:
            return "ignored-retained"
        identity: Identity | None = inlet.identify(message.topic, message.payload)
        if identity is None:
            return "ignored-event"
        try:
            columns = inlet.decode(message.payload, self.registry, identity.source, now_us)
        except DecodeError as error:
            if error.code != "device-unknown":
                raise
            told = (message.topic, message.payload, now_us, name, error.code, error.detail)
            return Refusal(*told, kind=name, origin=identity.source)
        self._limit_series(identity.source, columns)
        extent = extent_of(columns)
        return Arrival(
            kind=name,
            source=identity.source,
            epoch=identity.epoch,
            seq=identity.seq,
            sha256=sha256(identity.content or b"%d " % now_us + message.payload).digest(),
            topic=message.topic,
            payload=message.payload,
            received_us=now_us,
            tenant=self.registry.tenant,
            columns=columns,
            extent=extent,
            quality=quality_of(extent.newest_us, "synced", now_us),
        )

    def _limit_series(self, source: str, columns: list[Column]) -> None:
        known = self._series.setdefault(source, set())
        new = [key for c in columns if (key := (c.device, c.quantity, c.channel)) not in known]
        if new:
            if len(known) + len(new) > MAX_SERIES_A_SOURCE:
                raise EnvelopeError("series-limit", f"{source} names more than {MAX_SERIES_A_SOURCE} series")
            known.update(new)

    def _source_of(self, topic: str) -> str:
        parts = topic.split("/", 5)
        if topic.startswith(envelope.ROOT) and len(parts) > 3 and parts[3] in self.registry.nodes:
            return parts[3]
        return next((name for name, i in self._inlets.items() if any(matches(t, topic) for t in i.TOPICS)), "")

    def _receipt(self, node: str, epoch: str) -> Publication:
        mark, ranges, resync = self.journal.settled(node, epoch)
        receipt = envelope.Receipt(node=node, epoch=epoch, seq=mark, ranges=ranges[:MAX_RANGES], resync=resync)
        key = self.registry.key_of(node)
        assert key is not None, "a batch was verified with this key a moment ago"  # noqa: S101 - tells the type checker
        return Publication(envelope.topic(self.registry.tenant, node, "receipt"), envelope.encode_receipt(receipt, key))

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import TENANT
from rig import EPOCH, KEY, NOW_US, a_batch, a_message, a_registry, an_ingest

from firmware_bridge import envelope
from firmware_bridge.reading import Column
from gateway.ingest import MAX_SERIES_A_SOURCE, Ingest, Message
from gateway.inlets import inlets
from gateway.journal import evidence
from gateway.journal.entries import unpack
from gateway.settings import Node
from gateway.store import ESTIMATED_TIME, SUSPECT_TIME

DATA = envelope.topic(TENANT, "n-01", "data")
MINUTE_US = 60_000_000


@pytest.fixture
def ingest(tmp_path: Path) -> Any:
    made = an_ingest(tmp_path)
    yield made
    made.journal.close()


def outcomes(ingest: Ingest) -> Counter[tuple[str, str]]:
    return Counter(evidence.counters(ingest.journal))


def forged(change: dict[str, Any]) -> bytes:
    """A batch whose fields were changed and that was signed again with the node's own key."""
    fields = json.loads(envelope.encode(a_batch(1), KEY)) | change
    fields.pop("mac")
    return envelope._sign(json.dumps({k: v for k, v in fields.items() if v is not ...}).encode(), KEY)


def test_a_batch_is_answered_with_a_signed_receipt_for_its_node(ingest: Ingest) -> None:
    (receipt,) = ingest.take([a_message(1), a_message(2), a_message(4)])
    assert receipt.topic == envelope.topic(TENANT, "n-01", "receipt")
    told = envelope.decode_receipt(receipt.payload, KEY)
    assert (told.node, told.epoch, told.seq, told.ranges) == ("n-01", EPOCH, 2, [(4, 4)])


def test_one_receipt_a_node_and_epoch_touched(ingest: Ingest) -> None:
    messages = [a_message(1), a_message(1, node="n-02"), a_message(1, epoch="ab" * 8), a_message(2)]
    receipts = ingest.take(messages)
    told = [envelope.decode_receipt(receipt.payload, KEY) for receipt in receipts]
    assert [(t.node, t.epoch[:2], t.seq) for t in told] == [("n-01", "00", 2), ("n-02", "00", 1), ("n-01", "ab", 1)]


def test_a_receipt_names_at_most_64_ranges_and_the_rest_comes_later(ingest: Ingest) -> None:
    (receipt,) = ingest.take([a_message(seq) for seq in range(2, 400, 2)])
    told = envelope.decode_receipt(receipt.payload, KEY)
    assert (told.seq, len(told.ranges), told.ranges[0]) == (0, 64, (2, 2))


@pytest.mark.parametrize(
    ("topic", "payload", "code"),
    [
        (DATA, b"", "size"),
        (DATA, b"x" * (envelope.MAX_BYTES + 1), "size"),
        (DATA, b"not json", "json"),
        (DATA, b'{"v":NaN}', "json"),
        (DATA, b"[" * 60_000, "json"),
        (DATA, '{"v":1}'.encode("utf-16"), "json"),
        (DATA, b"\xef\xbb\xbf{}", "json"),
        (DATA, forged({"seq": 0}), "json"),
        (DATA, forged({"seq": 2**53}), "json"),
        (DATA, forged({"epoch": ...}), "json"),
        (DATA, forged({"admin": True}), "json"),
        (DATA, forged({"node": "n-99"}), "node-unknown"),
        (DATA, forged({"s": [{"d": "d1", "q": "motion", "t": [1_000], "x": [1.0]}]}), "time"),
        (DATA, forged({"s": [{"d": "d1", "q": "motion", "t": [NOW_US], "x": ["1.5"]}]}), "json"),
        (DATA, forged({"s": [{"d": "d1", "q": "motion", "t": [NOW_US], "x": [True]}]}), "json"),
        (DATA, forged({"s": [{"d": "a/+/#", "q": "motion", "t": [NOW_US], "x": [1.0]}]}), "json"),
        (DATA, envelope.encode(a_batch(1), b"z" * 32), "mac"),
        (DATA, envelope.encode(a_batch(1, node="n-02"), KEY), "topic-node"),
        ("satomori/1/999999/n-01/data", envelope.encode(a_batch(1), KEY), "tenant"),
        ("satomori/1/014729/n-01/receipt", b"{}", "topic"),
        ("satomori/1//n-01/data", b"{}", "topic"),
        ("satomori/2/014729/n-01/data", b"{}", "topic"),
        ("a" + "/x" * 30_000, b"{}", "topic"),
        ("", b"{}", "topic"),
    ],
)
def test_e31_what_cannot_be_believed_is_kept_with_its_reason(
    ingest: Ingest, topic: str, payload: bytes, code: str
) -> None:
    assert ingest.take([Message(topic, payload)]) == []
    (kept,) = evidence.quarantined(ingest.journal)
    assert kept.code == code
    assert kept.head == payload[:1024]
    assert kept.size == len(payload)
    assert sum(outcomes(ingest).values()) == 1


def test_f38_one_poisonous_message_holds_up_nobody(ingest: Ingest) -> None:
    (receipt,) = ingest.take([a_message(1), Message(DATA, b"poison"), a_message(2)])
    assert envelope.decode_receipt(receipt.payload, KEY).seq == 2


def test_e26_a_retained_batch_is_an_old_one_and_not_taken(ingest: Ingest) -> None:
    assert ingest.take([a_message(1)._replace(retain=True)]) == []
    assert ingest.journal.last_id == 0
    assert outcomes(ingest) == {("ignored-retained", "n-01"): 1}


def test_qos_0_is_taken_and_told_of(ingest: Ingest) -> None:
    ingest.take([a_message(1)._replace(qos=0)])
    assert outcomes(ingest) == {("accepted", "n-01"): 1, ("unconfirmed", "n-01"): 1}


@pytest.mark.parametrize(
    ("ahead_us", "clock", "quality"),
    [
        (5 * MINUTE_US, "synced", 0),
        (5 * MINUTE_US + 1, "synced", SUSPECT_TIME),
        (0, "estimated", ESTIMATED_TIME),
        (3600 * 24 * 1_000_000, "estimated", SUSPECT_TIME | ESTIMATED_TIME),
        (-30 * 24 * 3600 * 1_000_000, "synced", 0),
    ],
)
def test_a_time_in_the_future_is_kept_and_marked(ingest: Ingest, ahead_us: int, clock: str, quality: int) -> None:
    columns = [Column("d1", "motion", [NOW_US, NOW_US + ahead_us], [1.0, 0.0])]
    ingest.take([a_message(1, columns=columns, clock=clock)])
    (fresh,) = ingest.journal.recent.after(0, 100)
    assert fresh.quality == quality
    (raw,) = ingest.journal.read(0, 10)
    assert unpack(raw, ingest.registry, inlets()) == fresh, "decoded today or on a later day: the same"


def test_a_sealed_batch_lies_sealed_in_the_journal(ingest: Ingest) -> None:
    columns = [Column("home1-hall", "motion", [NOW_US], [1.0])]
    payload = envelope.encode(a_batch(1, columns=columns), KEY, sealed=True)
    ingest.take([Message(DATA, payload)])
    (raw,) = ingest.journal.read(0, 10)
    assert raw.payload == payload
    assert b"motion" not in raw.payload
    assert ingest.journal.recent.after(0, 10)[0].columns == columns
    stored = (ingest.journal.path.read_bytes(), ingest.journal.path.with_name("journal.db-wal").read_bytes())
    assert not any(b"motion" in content for content in stored)


def test_a_watched_home_that_does_not_seal_is_told_of(tmp_path: Path) -> None:
    registry = a_registry()
    registry.nodes["n-01"] = Node(id="n-01", sealed=True)
    ingest = an_ingest(tmp_path, registry)
    ingest.take([a_message(1), Message(DATA, envelope.encode(a_batch(2), KEY, sealed=True))])
    assert outcomes(ingest) == {("accepted", "n-01"): 2, ("unsealed", "n-01"): 1}
    ingest.journal.close()


def test_a_node_cannot_name_series_without_end(ingest: Ingest) -> None:
    for seq in range(1, 11):
        columns = [Column(f"d{seq}-{i}", "motion", [NOW_US], [1.0]) for i in range(64)]
        ingest.take([a_message(seq, columns=columns)])
    assert outcomes(ingest)["quarantined:series-limit", "n-01"] == 2
    assert ingest.journal.last_id == MAX_SERIES_A_SOURCE // 64


def test_a_node_says_how_it_is(ingest: Ingest) -> None:
    topic = envelope.topic(TENANT, "n-01", "state")
    told = {"v": 1, "online": True, "version": "0.1.0", "model": "Pi 4", "clock": "synced", "time_us": NOW_US}
    ingest.take([Message(topic, json.dumps(told).encode(), retain=True)])
    assert ingest.states["n-01"].online
    ingest.take([Message(topic, b'{"v":1,"online":false}')])
    assert not ingest.states["n-01"].online
    assert ingest.states["n-01"].heard_us == NOW_US
    for bad in (b"{}", b"x" * 5000, b'{"v":1,"online":"yes"}'):
        ingest.take([Message(topic, bad)])
    ingest.take([Message(envelope.topic(TENANT, "n-77", "state"), b'{"v":1,"online":true}')])
    assert not ingest.states["n-01"].online
    assert list(ingest.states) == ["n-01"]
    assert len(evidence.quarantined(ingest.journal)) == 4


topics = st.sampled_from(
    [DATA, envelope.topic(TENANT, "n-01", "state"), "application/1/device/a84041000181c061/event/up", "x/y", ""]
) | st.text(max_size=60)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(leaves, lambda c: st.lists(c, max_size=4) | st.dictionaries(st.text(max_size=6), c, max_size=4))
fields = st.dictionaries(st.sampled_from(["v", "node", "epoch", "seq", "clock", "n", "s", "gaps", "sealed"]), anything)
payloads = (
    st.binary(max_size=300)
    | anything.map(lambda value: json.dumps(value).encode())
    | fields.map(lambda change: forged({k: v for k, v in change.items() if k != "mac"}))
)


@given(st.lists(st.tuples(topics, payloads, st.booleans(), st.integers(0, 1)), max_size=5))
def test_any_message_has_exactly_one_outcome_and_the_next_good_one_is_taken(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, bytes, bool, int]]
) -> None:
    ingest = an_ingest(tmp_path_factory.mktemp("any"))
    ingest.take([Message(*one) for one in drawn])
    counted = outcomes(ingest)
    assert sum(n for (name, _), n in counted.items() if name != "unconfirmed") == len(drawn)
    good = a_message(77, epoch="aa" * 8)
    assert len(ingest.take([good])) == 1
    ingest.journal.close()

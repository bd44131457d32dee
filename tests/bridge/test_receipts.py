import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import envelope
from firmware_bridge.errors import EnvelopeError
from firmware_bridge.reading import Batch, Column

KEY = bytes(range(32))
OTHER = bytes(32)
NODE = "field-1"
EPOCH = "00c0ffee00c0ffee"
NOW_US = 1_790_000_000_000_000
BATCH = Batch(
    node=NODE,
    epoch=EPOCH,
    seq=7,
    clock="synced",
    read_total=1,
    columns=[Column("soil-1", "soil_temperature_c", [NOW_US], [-1.25])],
)


RECEIPTS = st.builds(
    lambda seq, steps, resync: envelope.Receipt(
        node=NODE,
        epoch=EPOCH,
        seq=seq,
        ranges=[(seq + 3 * i + 2, seq + 3 * i + 2 + i % 2) for i in range(steps)],
        resync=resync,
    ),
    st.integers(0, 2**52),
    st.integers(0, envelope.MAX_RANGES),
    st.booleans(),
)


@given(RECEIPTS)
def test_a_receipt_survives_the_wire(receipt: envelope.Receipt) -> None:
    assert envelope.decode_receipt(envelope.encode_receipt(receipt, KEY), KEY) == receipt


@pytest.mark.parametrize("ranges", [[(9, 8)], [(7, 9)], [(10, 12), (12, 13)], [(20, 21), (10, 11)]])
def test_a_receipt_with_ranges_out_of_order_is_refused_on_both_sides(ranges: list[tuple[int, int]]) -> None:
    receipt = envelope.Receipt(node=NODE, epoch=EPOCH, seq=7, ranges=ranges)
    with pytest.raises(EnvelopeError, match="shape"):
        envelope.encode_receipt(receipt, KEY)
    raw = json.dumps({"v": 1, "node": NODE, "epoch": EPOCH, "seq": 7, "ranges": ranges})
    with pytest.raises(EnvelopeError, match="shape"):
        envelope.decode_receipt(envelope._sign(raw.encode(), KEY), KEY)


@pytest.mark.parametrize("payload", [b"", b"{}", b"null", b'{"v":1}', b"\xff\xfe", b"[" * 5000])
def test_another_receipt_is_a_named_error(payload: bytes) -> None:
    with pytest.raises(EnvelopeError):
        envelope.decode_receipt(payload, KEY)


def test_a_receipt_of_another_key_is_refused_and_never_passes_for_a_batch() -> None:
    payload = envelope.encode_receipt(envelope.Receipt(node=NODE, epoch=EPOCH, seq=7), KEY)
    with pytest.raises(EnvelopeError, match="mac"):
        envelope.decode_receipt(payload, OTHER)
    with pytest.raises(EnvelopeError, match="json"):
        envelope.decode(payload, {NODE: KEY}.get)
    for sealed in (False, True):
        with pytest.raises(EnvelopeError, match="json"):
            envelope.decode_receipt(envelope.encode(BATCH, KEY, sealed=sealed), KEY)


def test_a_topic_is_written_and_read() -> None:
    assert envelope.topic("014729", NODE, "data") == "satomori/1/014729/field-1/data"
    assert envelope.parse_topic("satomori/1/014729/field-1/receipt") == ("014729", NODE, "receipt")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "satomori/1/014729/field-1",
        "satomori/1/014729/field-1/data/more",
        "satomori/1/014729//data",
        "satomori/1//field-1/data",
        "satomori/2/014729/field-1/data",
        "satomori/1/014729/+/data",
        "satomori/1/014729/#/data",
        "satomori/1/14729/field-1/data",
        "satomori/1/014729/field-1/data\n",
        "satomori/1/014729/field-1/admin",
        "satomori/1/０14729/field-1/data",
        "/" * 30_000,
        "satomori/1/014729/" + "x" * 60_000 + "/data",
    ],
)
def test_another_topic_is_refused_shortly(text: str) -> None:
    with pytest.raises(EnvelopeError, match="topic") as caught:
        envelope.parse_topic(text)
    assert len(caught.value.detail) < 300

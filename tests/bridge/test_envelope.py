import base64
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import envelope
from firmware_bridge.errors import EnvelopeError
from firmware_bridge.reading import Batch, Column, Gap

KEY = bytes(range(32))
OTHER = bytes(32)
NODE = "field-1"
EPOCH = "00c0ffee00c0ffee"
NOW_US = 1_790_000_000_000_000
KEYS = {NODE: KEY, "home-1": OTHER}

TIMES = st.integers(envelope.FIRST_US, envelope.LAST_US - 1)
VALUES = st.floats(allow_nan=False, allow_infinity=False)
IDS = st.from_regex(r"[a-z0-9][a-z0-9-]{1,30}", fullmatch=True)
COLUMNS = st.builds(
    lambda device, quantity, pairs, channel: Column(
        device, quantity, [p[0] for p in pairs], [p[1] for p in pairs], channel
    ),
    IDS,
    st.from_regex(r"[a-z][a-z0-9_]{1,40}", fullmatch=True),
    st.lists(st.tuples(TIMES, VALUES), min_size=1, max_size=5),
    st.integers(0, 255),
)
GAPS = st.builds(
    lambda first, more, readings: Gap(first, first + more, readings, "outbox-full"),
    st.integers(1, 2**40),
    st.integers(0, 100),
    st.integers(0, 10**6),
)
BATCHES = st.builds(
    Batch,
    node=st.just(NODE),
    epoch=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    seq=st.integers(1, 2**53 - 1),
    clock=st.sampled_from(["synced", "estimated"]),
    read_total=st.integers(0, 2**53 - 1),
    columns=st.lists(COLUMNS, max_size=5),
    gaps=st.lists(GAPS, max_size=3),
)


def batch(**changes: Any) -> Batch:
    facts: dict[str, Any] = {
        "node": NODE,
        "epoch": EPOCH,
        "seq": 7,
        "clock": "synced",
        "read_total": 42,
        "columns": [Column("soil-1", "soil_temperature_c", [NOW_US, NOW_US + 60_000_000], [-1.25, -1.5])],
    }
    return Batch(**facts | changes)


def signed(document: str | bytes, key: bytes = KEY) -> bytes:
    raw = document.encode() if isinstance(document, str) else document
    return envelope._sign(raw, key)


def document(**changes: Any) -> str:
    fields: dict[str, Any] = {
        "v": 1,
        "node": NODE,
        "epoch": EPOCH,
        "seq": 7,
        "clock": "synced",
        "n": 2,
        "s": [{"d": "soil-1", "q": "soil_temperature_c", "t": [NOW_US], "x": [1.5]}],
    }
    return json.dumps({key: value for key, value in (fields | changes).items() if value is not ...}, allow_nan=True)


def code_of(payload: bytes) -> str:
    with pytest.raises(EnvelopeError) as caught:
        envelope.decode(payload, KEYS.get)
    assert caught.value.detail
    return caught.value.code


@given(BATCHES, st.booleans())
def test_a_batch_survives_the_wire_plain_and_sealed(sent: Batch, sealed: bool) -> None:
    payload = envelope.encode(sent, KEY, sealed=sealed)
    assert envelope.decode(payload, KEYS.get) == sent
    assert envelope.encode(sent, KEY, sealed=sealed) == payload
    assert envelope.identify(payload) == (sent.node, sent.epoch, sent.seq)


def test_the_hand_written_document_is_what_encode_writes() -> None:
    assert envelope.decode(signed(document()), KEYS.get).columns[0].values == [1.5]
    plain = json.loads(envelope.encode(batch(), KEY))
    assert list(plain) == ["v", "node", "epoch", "seq", "clock", "n", "s", "mac"]


def test_a_sealed_batch_shows_no_device_no_quantity_and_no_time() -> None:
    payload = envelope.encode(batch(), KEY, sealed=True)
    assert list(json.loads(payload)) == ["v", "node", "epoch", "seq", "sealed", "mac"]
    for secret in (b"soil", b"clock", str(NOW_US).encode()[:10]):
        assert secret not in payload
        assert secret not in base64.b64decode(json.loads(payload)["sealed"])


@given(st.binary(max_size=400))
def test_any_bytes_are_a_named_error(noise: bytes) -> None:
    for payload in (noise, signed(noise + b"}")):
        code_of(payload)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["v", "node", "epoch", "seq", "clock", "n", "s", "gaps", "sealed"]),
)
def test_any_json_in_any_field_is_a_batch_or_a_named_error(value: Any, field: str) -> None:
    try:
        got = envelope.decode(signed(document(**{field: value})), KEYS.get)
    except EnvelopeError as error:
        named = error.code
        assert named
    else:
        assert all(math.isfinite(x) for column in got.columns for x in column.values)


# --- the catalogue of bad JSON: every one signed with the right key, so only its content can be refused


def values(raw: str) -> bytes:
    return signed(document().replace("[1.5]", f"[{raw}]"))


@pytest.mark.parametrize(
    "raw",
    ["NaN", "Infinity", "-Infinity", "1e999", '"1.5"', "true", "null", "[1]", "{}", "", "0x10", "1_0", "01", "+1"],
)
def test_what_is_no_finite_number_is_refused(raw: str) -> None:
    assert code_of(values(raw)) in ("json", "shape")


def test_a_number_of_5000_digits_is_refused() -> None:
    assert code_of(values("1" + "0" * 5000)) == "json"
    assert code_of(signed(document().replace('"seq": 7', '"seq": 1' + "0" * 5000))) == "json"


@pytest.mark.parametrize("raw", ["-0.0", "5e-324", "9223372036854775808", "1E+2"])
def test_odd_but_finite_numbers_are_kept(raw: str) -> None:
    assert envelope.decode(values(raw), KEYS.get).columns[0].values == [float(raw)]


def test_a_key_that_stands_twice_takes_its_last_value() -> None:
    twice = document().replace('"seq": 7', '"seq": 7, "seq": 8')
    assert envelope.decode(signed(twice), KEYS.get).seq == 8


@pytest.mark.parametrize("depth", [900, 100_000])
def test_deep_json_is_refused_without_harm(depth: int) -> None:
    deep = "[" * depth
    assert code_of(signed(document().replace("[1.5]", deep))[: envelope.MAX_BYTES]) == "json"
    assert code_of(signed('{"z":' + deep + "}")[: envelope.MAX_BYTES]) == "json"


@pytest.mark.parametrize("payload", [b"", b" " * (envelope.MAX_BYTES + 1), b"x" * 1_000_000])
def test_no_payload_and_too_much_payload_are_refused_by_size(payload: bytes) -> None:
    assert code_of(payload) == "size"


@pytest.mark.parametrize(
    "raw",
    [
        document().encode("utf-16"),
        b"\xef\xbb\xbf" + document().encode(),
        document().encode().replace(b"soil-1", b"soil-\xff"),
        document().replace("soil-1", "soil-\\ud800").encode(),
        document().replace("soil-1", "soil-\\u0000").encode(),
        document().replace("soil-1", "soil-1\\n").encode(),
    ],
    ids=["utf-16", "byte order mark", "invalid utf-8", "lone surrogate", "NUL", "line feed at the end"],
)
def test_other_encodings_and_control_characters_are_refused(raw: bytes) -> None:
    assert code_of(signed(raw)) == "json"


@pytest.mark.parametrize(
    "changes",
    [
        {"admin": True},
        {"v": 2},
        {"v": ...},
        {"node": "Field-1"},
        {"node": "x" * 40},
        {"node": f"{NODE}\n"},
        {"epoch": ...},
        {"epoch": "12"},
        {"epoch": EPOCH + "\n"},
        {"seq": ...},
        {"seq": 0},
        {"seq": -1},
        {"seq": 2**53},
        {"seq": 1.5},
        {"seq": "7"},
        {"clock": "wrong"},
        {"clock": ...},
        {"clock": ..., "s": ...},
        {"n": -1},
        {"s": {}},
        {"s": [{}]},
        {"s": [{"d": "soil-1", "q": "soil_ph", "t": [NOW_US], "x": [1], "unit": "pH"}]},
        {"s": [{"d": "soil-1", "q": "soil_ph", "t": [1.5], "x": [1]}]},
        {"s": [{"d": "soil-1", "q": "soil_ph", "t": [NOW_US], "x": [1], "c": 256}]},
        {"s": [{"d": "soil-1", "q": "SOIL", "t": [NOW_US], "x": [1]}]},
        {"s": [{"d": "soil-1", "q": "soil_ph", "t": [NOW_US], "x": [1]}] * (envelope.MAX_COLUMNS + 1)},
        {"gaps": [{"first": 1, "last": 2, "readings": 3, "reason": "Full"}]},
        {"gaps": [{"first": 0, "last": 2, "readings": 3, "reason": "full"}]},
        {"gaps": [{"first": 1, "last": 1, "readings": 0, "reason": "full"}] * (envelope.MAX_GAPS + 1)},
        {"sealed": "AAAA"},
    ],
)
def test_another_shape_is_refused(changes: dict[str, Any]) -> None:
    assert code_of(signed(document(**changes))) == "json"


@pytest.mark.parametrize(
    ("times", "xs", "code"),
    [
        ([], [], "shape"),
        ([NOW_US], [], "shape"),
        ([NOW_US], [1, 2], "shape"),
        ([NOW_US] * 5000, [1] * 5000, "shape"),
        ([NOW_US // 10**6], [1], "time"),
        ([NOW_US // 1000], [1], "time"),
        ([NOW_US * 1000], [1], "time"),
        ([-1], [1], "time"),
        ([0], [1], "time"),
        ([2**63], [1], "time"),
        ([envelope.LAST_US], [1], "time"),
        ([NOW_US, envelope.LAST_US], [1, 1], "time"),
    ],
)
def test_lengths_and_times_have_limits(times: list[int], xs: list[int], code: str) -> None:
    column = {"d": "soil-1", "q": "soil_ph", "t": times, "x": xs}
    payload = signed(document(s=[column]).replace(" ", ""))
    if len(payload) <= envelope.MAX_BYTES:
        assert code_of(payload) == code
    with pytest.raises(EnvelopeError):
        envelope.encode(batch(columns=[Column("soil-1", "soil_ph", times, [float(x) for x in xs])]), KEY)


def test_a_time_error_names_the_time_that_is_wrong() -> None:
    late = [Column("soil-1", "soil_ph", [NOW_US, envelope.LAST_US], [1.0, 1.0])]
    with pytest.raises(EnvelopeError, match=f"got {envelope.LAST_US}"):
        envelope.encode(batch(columns=late), KEY)


def test_a_backward_gap_is_refused() -> None:
    assert code_of(signed(document(gaps=[{"first": 5, "last": 4, "readings": 1, "reason": "full"}]))) == "shape"


@pytest.mark.parametrize(
    "changes",
    [
        {"node": "Not An Id"},
        {"epoch": "short"},
        {"seq": 0},
        {"columns": [Column("soil-1", "soil_ph", [NOW_US], [math.nan])]},
        {"columns": [Column("soil-1", "soil_ph", [NOW_US], [math.inf])]},
        {"columns": [Column("Soil 1", "soil_ph", [NOW_US], [1.0])]},
        {"columns": [Column("soil-1", "soil_ph", [NOW_US], [1.0])] * 65},
        {"gaps": [Gap(3, 2, 1, "full")]},
        {
            "columns": [
                Column(f"soil-{i}", "soil_ph", list(range(NOW_US, NOW_US + 64)), [math.pi] * 64) for i in range(64)
            ]
        },
    ],
)
@pytest.mark.parametrize("sealed", [False, True])
def test_the_sender_refuses_what_the_receiver_would(changes: dict[str, Any], sealed: bool) -> None:
    with pytest.raises(EnvelopeError):
        envelope.encode(batch(**changes), KEY, sealed=sealed)


# --- who said it


def test_a_forged_mac_another_nodes_key_and_an_unknown_node_are_refused() -> None:
    payload = envelope.encode(batch(), KEY)
    flipped = payload.replace(b"-1.25", b"-1.26")
    assert code_of(flipped) == "mac"
    assert code_of(envelope.encode(batch(), OTHER)) == "mac"
    assert code_of(envelope.encode(batch(node="home-1"), KEY)) == "mac"
    assert code_of(envelope.encode(batch(node="nobody"), KEY)) == "node-unknown"
    assert code_of(payload[: -len('"}')] + b'0"}') in ("json", "mac")


def test_the_mac_is_the_last_field_or_none() -> None:
    payload = envelope.encode(batch(), KEY)
    moved = json.loads(payload)
    mac = moved.pop("mac")
    assert code_of(json.dumps({"mac": mac, **moved}, separators=(",", ":")).encode()) == "mac"
    assert code_of(document().encode()) == "mac"
    assert code_of(payload + b" ") == "mac"


@given(st.data())
def test_no_flipped_bit_is_taken(data: st.DataObject) -> None:
    payload = bytearray(envelope.encode(batch(), KEY, sealed=data.draw(st.booleans())))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    code_of(bytes(payload))


def test_a_sealed_part_moved_to_another_record_does_not_open() -> None:
    sealed = json.loads(envelope.encode(batch(), KEY, sealed=True))["sealed"]
    for changes in ({"seq": 8}, {"epoch": "1" * 16}):
        wire = document(clock=..., n=..., s=..., sealed=sealed, **changes)
        assert code_of(signed(wire)) == "seal"
    for broken in ("", "A" * 24, "not base64!", "ÄÖ"):
        assert code_of(signed(document(clock=..., n=..., s=..., sealed=broken))) == "seal"


def test_a_sealed_part_with_rubbish_inside_is_a_named_error() -> None:
    wire = envelope._Wire(v=1, node=NODE, epoch=EPOCH, seq=7)
    for inside in (b"", b"{}", b"[" * 5000, b"\xff"):
        sealed = envelope._seal(wire, inside, KEY)
        assert code_of(signed(document(clock=..., n=..., s=..., sealed=sealed))) == "json"

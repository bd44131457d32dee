import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import framing
from firmware_bridge.errors import FrameError

PAYLOAD = st.binary(min_size=1, max_size=600)


def chunked(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


@given(st.binary(max_size=1030))
def test_cobs_takes_out_every_zero_and_gives_everything_back(data: bytes) -> None:
    encoded = framing.cobs_encode(data)
    assert 0 not in encoded
    assert len(encoded) <= len(data) + 1 + len(data) // 254
    assert framing.cobs_decode(encoded) == data


@pytest.mark.parametrize(
    ("plain", "encoded"),
    [
        ("", "01"),
        ("00", "0101"),
        ("0000", "010101"),
        ("11220033", "0311220233"),
        ("11223344", "0511223344"),
        ("11000000", "0211010101"),
    ],
)
def test_cobs_gives_the_published_examples(plain: str, encoded: str) -> None:
    assert framing.cobs_encode(bytes.fromhex(plain)).hex() == encoded


@pytest.mark.parametrize("size", [253, 254, 255, 508, 509, 1024])
def test_cobs_keeps_runs_at_the_block_length(size: int) -> None:
    data = bytes(1 + index % 255 for index in range(size))
    for whole in (data, data + b"\0", b"\0" + data, data + b"\0" + data[:5]):
        assert framing.cobs_decode(framing.cobs_encode(whole)) == whole


def test_a_frame_has_its_published_bytes() -> None:
    assert framing.encode(b"123456789").hex() == "0c31323334353637383929b100"


@given(st.lists(PAYLOAD, max_size=6), st.lists(st.integers(0, 4000), max_size=12))
def test_any_chunking_gives_the_same_payloads(payloads: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(framing.encode(payload) for payload in payloads)
    framer = framing.Framer()
    heard = [payload for chunk in chunked(stream, cuts) for payload in framer.feed(chunk)]
    assert heard == payloads
    assert framer.rejected == 0


@given(st.binary(max_size=200), st.lists(PAYLOAD, min_size=1, max_size=4))
def test_noise_costs_at_most_the_frame_it_touches(noise: bytes, payloads: list[bytes]) -> None:
    framer = framing.Framer()
    heard = framer.feed(noise + b"".join(framing.encode(payload) for payload in payloads))
    assert heard[-len(payloads) + 1 :] == payloads[1:] if len(payloads) > 1 else True
    assert len(heard) >= len(payloads) - 1


@given(st.binary(max_size=200), PAYLOAD)
def test_a_zero_before_the_frame_makes_noise_cost_nothing(noise: bytes, payload: bytes) -> None:
    assert framing.Framer().feed(noise + b"\0" + framing.encode(payload))[-1:] == [payload]


@given(PAYLOAD, PAYLOAD, st.data())
def test_a_lost_byte_costs_that_frame_and_at_most_the_next(first: bytes, second: bytes, data: st.DataObject) -> None:
    stream = framing.encode(first) + framing.encode(second) + framing.encode(b"after")
    at = data.draw(st.integers(0, len(framing.encode(first)) - 1))
    assert framing.Framer().feed(stream[:at] + stream[at + 1 :])[-1] == b"after"


@given(st.binary(max_size=3000))
def test_any_bytes_never_raise_and_never_pile_up(noise: bytes) -> None:
    framer = framing.Framer()
    for byte in noise:
        framer.feed(bytes((byte,)))
        assert len(framer._pending) <= framing._MAX_ENCODED


def test_endless_bytes_without_an_end_keep_no_memory_and_count_once() -> None:
    framer = framing.Framer()
    for _ in range(100):
        assert framer.feed(b"\xaa" * 10_000) == []
        assert len(framer._pending) <= framing._MAX_ENCODED
    assert framer.feed(b"\0" + framing.encode(b"alive")) == [b"alive"]
    assert framer.rejected == 1


def test_the_longest_payload_passes_and_one_more_byte_does_not() -> None:
    longest = b"\x01" * framing.MAX_PAYLOAD
    assert framing.Framer().feed(framing.encode(longest)) == [longest]
    for wrong in (b"", longest + b"\x01"):
        with pytest.raises(FrameError, match="size"):
            framing.encode(wrong)


@pytest.mark.parametrize(
    ("encoded", "code"),
    [(b"\x05ab", "cobs"), (b"\x02a", "short"), (b"\x04abc", "crc"), (b"\x03a\0", "cobs"), (b"", "short")],
)
def test_a_broken_frame_is_named(encoded: bytes, code: str) -> None:
    with pytest.raises(FrameError) as caught:
        framing.decode(encoded)
    assert caught.value.code == code


def test_empty_frames_are_nothing() -> None:
    framer = framing.Framer()
    assert framer.feed(b"\0\0\0") == []
    assert framer.rejected == 0

"""The radio frame of our own nodes: what is sealed opens with its key, once, and nothing else does."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge import nodeframe
from firmware_bridge.errors import FrameError
from firmware_bridge.nodeframe import Heard, Receiver, Said

KEY, OTHER = bytes(range(16)), bytes(range(16, 32))
SAID = Said(net=0x5A01, node=17, epoch=3, seq=9, payload=b"\x42\x01\x09\x29")

SAIDS = st.builds(
    Said,
    net=st.integers(0, 0xFFFF),
    node=st.integers(1, 0xFFFE),
    epoch=st.integers(0, 0xFFFFFFFF),
    seq=st.integers(0, 0xFFFF),
    kind=st.integers(1, 127),
    payload=st.binary(min_size=1, max_size=nodeframe.MAX_PAYLOAD),
)


def refusal(work: Callable[..., object], *words: Any) -> str:
    with pytest.raises(FrameError) as caught:
        work(*words)
    assert caught.value.detail
    return caught.value.code


def receiver(**more: Any) -> Receiver:
    return Receiver(0x5A01, {17: KEY}, **more)


def test_a_frame_has_the_bytes_the_page_draws() -> None:
    frame = nodeframe.encode(SAID, KEY, tells_epoch=True)
    assert frame[:13].hex(" ") == "18 5a 01 00 11 00 09 81 04 00 00 00 03"
    assert len(frame) == 13 + 4 + 8
    assert nodeframe.encode(SAID, KEY, tag_bytes=4)[:9].hex(" ") == "14 5a 01 00 11 00 09 01 04"
    assert nodeframe.encode_clear(SAID)[:9].hex(" ") == "10 5a 01 00 11 00 09 01 04"


def test_the_seal_is_ccm_with_the_nonce_and_the_header_as_documented() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    frame = nodeframe.encode(SAID, KEY, tells_epoch=True)
    nonce = bytes.fromhex("5a01 0011 00000003 0009")
    assert AESCCM(KEY, 8).decrypt(nonce, frame[13:], frame[:13]) == SAID.payload


@given(SAIDS, st.sampled_from(nodeframe.TAG_BYTES), st.booleans())
def test_what_is_sealed_opens(said: Said, tag_bytes: int, tells_epoch: bool) -> None:
    frame = nodeframe.encode(said, KEY, tag_bytes=tag_bytes, tells_epoch=tells_epoch)
    assert nodeframe.decode(frame, KEY, [said.epoch]) == said
    assert said.payload not in frame or len(said.payload) < 4


@given(SAIDS, st.data())
def test_one_bit_of_difference_opens_nothing(said: Said, data: st.DataObject) -> None:
    frame = bytearray(nodeframe.encode(said, KEY, tells_epoch=True))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    assert refusal(nodeframe.decode, bytes(frame), KEY, [said.epoch]) in {
        "forged",
        "version",
        "header",
        "length",
        "clear-text",
    }


@settings(max_examples=300)
@given(st.binary(max_size=250))
def test_any_bytes_are_refused_by_name(data: bytes) -> None:
    one = receiver(takes_clear=True, heard={17: Heard(1, 1)})
    for frame in (data, b"\x18\x5a\x01\x00\x11" + data, b"\x10\x5a\x01\x00\x11" + data):
        assert refusal(one.open, frame)


def test_a_clear_frame_is_read_on_a_bench_only() -> None:
    frame = nodeframe.encode_clear(SAID, tells_epoch=True)
    said = receiver(takes_clear=True).open(frame)
    assert (said.payload, said.epoch, said.is_genuine) == (SAID.payload, 3, False)
    assert refusal(receiver().open, frame) == "clear-text"
    assert refusal(receiver(takes_clear=True).open, frame[:-1] + b"\0") == "crc"


def test_what_has_no_place_in_a_frame_is_refused_before_it_is_sealed() -> None:
    for more, code in (
        ({"payload": b""}, "size"),
        ({"payload": bytes(177)}, "size"),
        ({"node": 0}, "header"),
        ({"node": 0xFFFF}, "header"),
        ({"kind": 0}, "header"),
        ({"kind": 128}, "header"),
        ({"net": 0x10000}, "header"),
        ({"seq": 0x10000}, "header"),
        ({"epoch": 2**32}, "header"),
    ):
        values: dict[str, Any] = {"net": 1, "node": 1, "epoch": 1, "seq": 1, "payload": b"x"} | more
        said = Said(**values)
        assert refusal(nodeframe.encode, said, KEY) == code
    assert refusal(nodeframe.encode, SAID, KEY[:15]) == "key"
    with pytest.raises(FrameError, match="tag"):
        nodeframe.encode(SAID, KEY, tag_bytes=5)


def test_a_receiver_says_why_it_refuses() -> None:
    one = receiver(heard={17: Heard(3, 0)})
    told = {
        "net-foreign": nodeframe.encode(Said(net=1, node=17, epoch=3, seq=9, payload=b"x"), KEY),
        "sender-unknown": nodeframe.encode(Said(net=0x5A01, node=18, epoch=3, seq=9, payload=b"x"), KEY),
        "tag-short": nodeframe.encode(SAID, KEY, tag_bytes=6),
        "forged": nodeframe.encode(SAID, OTHER, tells_epoch=True),
        "short": b"\x18",
    }
    for code, frame in told.items():
        assert refusal(one.open, frame) == code
    assert receiver(min_tag_bytes=4).open(nodeframe.encode(SAID, KEY, tag_bytes=6, tells_epoch=True)) == SAID
    assert refusal(receiver().open, nodeframe.encode(SAID, KEY)) == "epoch-unknown"


def test_the_last_epoch_there_is_can_be_heard() -> None:
    said = Said(net=0x5A01, node=17, epoch=0xFFFFFFFF, seq=1, payload=b"x")
    one = receiver(heard={17: Heard(0xFFFFFFFF, 0)})
    assert one.open(nodeframe.encode(said, KEY)) == said
    assert refusal(one.open, nodeframe.encode(said, OTHER)) == "forged"


def test_opening_changes_nothing_and_taking_remembers() -> None:
    one = receiver()
    frame = nodeframe.encode(SAID, KEY, tells_epoch=True)
    one.take(one.open(frame))
    assert one.heard == {17: Heard(3, 9)}
    assert refusal(one.take, one.open(frame)) == "replay"
    assert one.heard == {17: Heard(3, 9)}


def after(known: Heard | None, epoch: int, seq: int) -> Heard | None:
    """The window with this frame, or None where it is a replay."""
    try:
        return Heard(epoch, seq) if known is None else known.after(epoch, seq)
    except FrameError:
        return None


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 100)), max_size=80))
def test_the_window_takes_no_frame_twice_and_no_epoch_back(heard: list[tuple[int, int]]) -> None:
    taken: list[tuple[int, int]] = []
    known: Heard | None = None
    for epoch, seq in heard:
        fresh = after(known, epoch, seq)
        if fresh is None:
            newest = max(taken)
            assert (epoch, seq) in taken or epoch < newest[0] or seq <= newest[1] - nodeframe.WINDOW
        else:
            known = fresh
            taken.append((epoch, seq))
    assert len(set(taken)) == len(taken)
    assert [epoch for epoch, _ in taken] == sorted(epoch for epoch, _ in taken)


def test_the_bridge_pays_for_cryptography_only_where_something_is_sealed() -> None:
    code = "import sys, firmware_bridge.nodeframe, firmware_bridge.e220; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

"""The E220-900T22S(JP): registers as its manual has them, and frames found among whatever its UART says."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import e220, nodeframe
from firmware_bridge.e220 import Packets, Piece, Registers
from firmware_bridge.errors import FrameError

KEY = bytes(range(16))


def test_the_high_byte_of_an_address_is_its_high_byte() -> None:
    assert e220.write_command(Registers(address=0x1234)) == bytes.fromhex("c0 00 06 12 34 70 00 00 c3")
    assert e220.addressed(0x1234, 5, b"hi") == bytes.fromhex("12 34 05 68 69")
    assert e220.parse_registers(bytes.fromhex("12 34 70 00 00 c3")).address == 0x1234


def test_the_factory_settings_are_read() -> None:
    factory = e220.parse_registers(bytes.fromhex("00 00 70 00 00 03"))
    assert factory == Registers(address=0, rssi_byte=False, fixed=False)
    assert (factory.uart_baud, factory.spreading, factory.bandwidth_khz, factory.power_dbm) == (9600, 9, 125, 13)


def test_every_air_rate_has_its_published_code() -> None:
    codes = {(khz, sf): e220.air_rate_code(khz, sf) for khz, last in e220.SLOWEST.items() for sf in range(5, last + 1)}
    assert [codes[125, sf] for sf in range(5, 10)] == [0, 4, 8, 12, 16]
    assert [codes[250, sf] for sf in range(5, 11)] == [1, 5, 9, 13, 17, 21]
    assert [codes[500, sf] for sf in range(5, 12)] == [2, 6, 10, 14, 18, 22, 26]
    for khz, spreading in ((125, 10), (250, 11), (500, 12), (125, 4), (62, 7)):
        with pytest.raises(ValueError, match="SF5–SF9 at 125 kHz"):
            e220.air_rate_code(khz, spreading)


REGISTERS = st.fixed_dictionaries(
    {
        "address": st.integers(0, 0xFFFF),
        "channel": st.integers(0, 30),
        "bandwidth_khz": st.sampled_from([125, 250, 500]),
        "spreading": st.integers(5, 9),
        "uart_baud": st.sampled_from(e220.UART_BAUDS),
        "sub_packet_bytes": st.sampled_from(e220.SUB_PACKETS),
        "ambient_rssi": st.booleans(),
        "power_dbm": st.sampled_from(e220.POWERS_DBM),
        "rssi_byte": st.booleans(),
        "fixed": st.booleans(),
        "wor_cycle_ms": st.sampled_from(range(500, 3001, 500)),
    }
)


@given(REGISTERS)
def test_registers_written_and_read_are_the_same(values: dict[str, object]) -> None:
    registers = msgspec.convert(values, Registers)
    data = registers.to_bytes()
    assert len(data) == e220.REGISTERS_BYTES
    assert e220.parse_registers(data) == registers


@given(st.binary(max_size=8))
def test_any_registers_are_read_or_refused_by_name(data: bytes) -> None:
    with contextlib.suppress(FrameError):
        assert e220.parse_registers(data).to_bytes()[:3] == data[:3]


def test_a_key_is_written_and_never_read() -> None:
    assert e220.write_command(Registers(key=0xBEEF))[:3] == bytes.fromhex("c0 00 08")
    assert Registers(key=0xBEEF).to_bytes()[6:] == b"\xbe\xef"


def test_channels_end_where_the_bandwidth_says() -> None:
    for khz, last in e220.LAST_CHANNEL.items():
        values: dict[str, Any] = {"bandwidth_khz": khz, "spreading": 7}
        Registers(**values, channel=last)
        with pytest.raises(ValueError, match=f"channel 0 to {last}"):
            Registers(**values, channel=last + 1)
    assert [e220.frequency_mhz(channel) for channel in (0, 15, 37)] == [920.6, 923.6, 928.0]


def test_answers_are_waited_for_understood_or_refused() -> None:
    assert e220.read_command() == bytes.fromhex("c1 00 06")
    whole = bytes.fromhex("c1 00 06 12 34 70 00 00 c3")
    assert e220.parse_answer(whole, 0, 6) == whole[3:]
    for heard, code in ((whole[:-1], "short"), (b"", "short"), (b"\xff\xff\xff", "refused"), (b"\xc1\x01", "answer")):
        with pytest.raises(FrameError, match=code):
            e220.parse_answer(heard, 0, 6)


def test_signal_strengths_are_negative() -> None:
    assert [e220.rssi_dbm(value) for value in (0x00, 0x80, 0xB0, 0xFF)] == [-256, -128, -80, -1]
    assert e220.AMBIENT_REQUEST.hex(" ") == "c0 c1 c2 c3 00 02"
    assert e220.parse_ambient(bytes.fromhex("c1 00 02 90 b0")) == (-112, -80)


def test_the_makers_own_figure_for_the_air_time_is_met() -> None:
    assert 51_000 <= e220.modulation(500, 5).airtime_us(200) <= 52_000
    with pytest.raises(ValueError, match="not SF10 at 125 kHz"):
        e220.modulation(125, 10)


def sealed(seq: int, payload: bytes = b"x") -> bytes:
    said = nodeframe.Said(net=1, node=17, epoch=3, seq=seq, payload=payload)
    return nodeframe.encode(said, KEY, tells_epoch=True)


def packets(**more: bool) -> Packets:
    one = nodeframe.Receiver(1, {17: KEY})

    def opens(raw: bytes) -> bool:
        try:
            one.open(raw)
        except FrameError:
            return False
        return True

    return Packets(opens, has_rssi=more.get("has_rssi", True), gap_us=100_000)


def heard(one: Packets, chunks: list[bytes]) -> list[Piece]:
    pieces = [piece for at, chunk in enumerate(chunks) for piece in one.feed(chunk, at)]
    return pieces + list(one.feed(b"", 10_000_000))


PARTS = st.lists(
    st.one_of(
        st.binary(max_size=30).map(lambda noise: (noise, False)),
        st.tuples(st.integers(0, 9), st.binary(min_size=1, max_size=176)).map(lambda one: (sealed(*one), True)),
        st.tuples(st.integers(0, 9), st.integers(0, 20)).map(lambda one: (sealed(one[0])[: one[1]], False)),
    ),
    max_size=8,
)


@given(PARTS, st.data())
def test_frames_are_found_in_any_chunking_behind_any_noise_and_every_byte_is_told(
    parts: list[tuple[bytes, bool]], data: st.DataObject
) -> None:
    line = b"".join(part + (b"\xb0" if is_frame else b"") for part, is_frame in parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(line)), max_size=8)))
    chunks = [line[a:b] for a, b in zip([0, *cuts], [*cuts, len(line)], strict=True)]
    pieces = heard(packets(), chunks)
    wanted = [part for part, is_frame in parts if is_frame]
    assert [piece.raw for piece in pieces if piece.is_frame] == wanted
    assert {piece.rssi_dbm for piece in pieces if piece.is_frame} <= {-80}
    told = b"".join(piece.raw + (b"\xb0" if piece.is_frame else b"") for piece in pieces)
    assert told == line


def test_without_an_rssi_byte_a_frame_is_told_at_once() -> None:
    one = packets(has_rssi=False)
    assert [piece.raw for piece in one.feed(sealed(1) + sealed(2), 0)] == [sealed(1), sealed(2)]


def test_a_frame_whose_rssi_byte_never_comes_is_told_after_the_gap() -> None:
    one = packets()
    assert list(one.feed(sealed(1), 0)) == []
    assert list(one.feed(b"", 100_000)) == []
    assert [(piece.raw, piece.rssi_dbm) for piece in one.feed(b"", 100_001)] == [(sealed(1), None)]


def test_endless_noise_is_bounded_and_told() -> None:
    one = packets()
    told = sum(
        len(piece.raw) for at in range(300) for piece in one.feed(b"\x18\x00\x01\x00\x11\x00\x00\x01\x08" * 30, at)
    )
    assert 300 * 270 - Packets.MOST <= told <= 300 * 270

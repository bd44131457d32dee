import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import esp3
from firmware_bridge.crc import crc8
from firmware_bridge.errors import DecodeError

CONTACT = bytes.fromhex("55 00 07 02 0a 0a 21 04 00 1a 2e 09 ff 01 37 90")
ROCKER = bytes.fromhex("55 00 07 02 0a 0a 20 00 2d a8 bb 85 58 01 34 99")  # zoe6120.com/2018/11/15/175
ERP1 = bytes.fromhex("55000A0701EBA5000055080181B7440001FFFFFFFF2D0075")  # github.com/kipe/enocean
PACKETS = [esp3.parse_packet(raw) for raw in (CONTACT, ROCKER, ERP1)]
KINDS = st.sampled_from([esp3.RADIO_ERP1, 2, 4, 5, esp3.RADIO_ERP2])
PACKET = st.builds(esp3.Packet, KINDS, st.binary(min_size=1, max_size=60), st.binary(max_size=20))


def feed_all(chunks: list[bytes]) -> tuple[list[esp3.Packet], esp3.Esp3Framer]:
    framer = esp3.Esp3Framer()
    heard = [packet for chunk in chunks for packet in framer.feed(chunk)]
    return heard, framer


@given(PACKET)
def test_a_packet_is_its_bytes_and_back(packet: esp3.Packet) -> None:
    assert esp3.parse_packet(packet.to_bytes()) == packet


@given(st.lists(PACKET, max_size=6), st.lists(st.integers(0, 1000), max_size=10))
def test_any_chunking_gives_the_same_packets(packets: list[esp3.Packet], cuts: list[int]) -> None:
    stream = b"".join(packet.to_bytes() for packet in packets)
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    heard, framer = feed_all([stream[a:b] for a, b in itertools.pairwise(edges)])
    assert heard == packets
    assert framer.rejected == 0


def test_one_bad_length_costs_no_telegram() -> None:
    framer = esp3.Esp3Framer()
    heard = framer.feed(bytes.fromhex("55 ff ff ff") + 100 * CONTACT)
    assert heard == [PACKETS[0]] * 100
    assert framer.rejected == 1


@given(st.binary(max_size=80))
def test_telegrams_behind_any_noise_are_found_at_the_latest_when_the_line_is_quiet(noise: bytes) -> None:
    framer = esp3.Esp3Framer()
    heard = framer.feed(noise + 3 * CONTACT) + framer.quiet()
    assert heard[-3:] == [PACKETS[0]] * 3


@given(st.integers(0, len(CONTACT) - 1))
def test_a_lost_byte_costs_one_telegram(at: int) -> None:
    framer = esp3.Esp3Framer()
    heard = framer.feed(CONTACT[:at] + CONTACT[at + 1 :] + 2 * ROCKER) + framer.quiet()
    assert heard == [PACKETS[1]] * 2


@given(st.integers(0, len(CONTACT) - 1), st.integers(0, 7))
def test_a_flipped_bit_costs_one_telegram_and_counts_once(at: int, bit: int) -> None:
    spoilt = bytearray(CONTACT)
    spoilt[at] ^= 1 << bit
    framer = esp3.Esp3Framer()
    heard = framer.feed(bytes(spoilt) + 2 * ROCKER) + framer.quiet()
    assert heard == [PACKETS[1]] * 2
    assert framer.rejected == 1


def test_a_packet_inside_a_claimed_longer_one_is_found_by_rescanning() -> None:
    head = bytes((0, 40, 0, 10))
    liar = bytes((esp3.SYNC,)) + head + bytes((crc8(head),)) + 2 * CONTACT + bytes(20)
    framer = esp3.Esp3Framer()
    assert framer.feed(liar) == [PACKETS[0]] * 2


def test_sync_bytes_inside_the_payload_are_payload() -> None:
    packet = esp3.Packet(10, b"\x55" * 30, b"\x55\x55")
    heard, framer = feed_all([bytes((byte,)) for byte in packet.to_bytes() + CONTACT])
    assert heard == [packet, PACKETS[0]]
    assert framer.rejected == 0


@given(st.binary(max_size=3000))
def test_any_bytes_never_raise_and_never_pile_up(noise: bytes) -> None:
    framer = esp3.Esp3Framer()
    for start in range(0, len(noise), 7):
        framer.feed(noise[start : start + 7])
        assert len(framer._pending) <= esp3.MAX_PACKET + 7
    framer.quiet()
    assert framer._pending == b""


def test_a_length_over_the_cap_is_not_waited_for() -> None:
    head = (esp3.MAX_DATA + 1).to_bytes(2, "big") + b"\0\x0a"
    framer = esp3.Esp3Framer()
    assert framer.feed(b"\x55" + head + bytes((crc8(head),)) + CONTACT) == [PACKETS[0]]


@given(st.binary(max_size=120))
def test_any_payload_is_a_telegram_or_a_named_error(payload: bytes) -> None:
    for packet in (
        esp3.Packet(esp3.RADIO_ERP1, payload),
        esp3.Packet(esp3.RADIO_ERP2, payload + bytes((crc8(payload),))),
    ):
        try:
            esp3.parse_telegram(packet)
        except DecodeError as error:
            named = error.code
            assert named


@given(
    st.sampled_from([1, 2]),
    st.sampled_from([esp3.RPS, esp3.ONE_BS, esp3.FOUR_BS, esp3.VLD, esp3.UTE]),
    st.binary(min_size=1, max_size=14),
    st.sampled_from(["04001a2e", "002da8bb", "ffffffff"]),
    st.integers(1, 254),
)
def test_telegrams_survive_both_radios(erp: int, rorg: int, data: bytes, sender: str, strength: int) -> None:
    told = esp3.parse_telegram(
        esp3.parse_packet(
            esp3.encode_telegram(
                esp3.Telegram(
                    sender=sender, rorg=rorg, data=data, dbm=-float(strength), erp=erp, learn=rorg == esp3.UTE
                )
            )
        )
    )
    assert (told.sender, told.rorg, told.data, told.dbm, told.erp) == (sender, rorg, data, -float(strength), erp)
    assert told.status == (0 if erp == 1 else None)


def test_captured_telegrams_tell_their_sender_and_strength() -> None:
    rocker = esp3.parse_telegram(PACKETS[1])
    assert (rocker.sender, rocker.rorg, rocker.data, rocker.dbm) == ("002da8bb", esp3.RPS, b"\x85", -52.0)
    european = esp3.parse_telegram(PACKETS[2])
    assert (european.sender, european.rorg, european.dbm, european.erp) == ("0181b744", esp3.FOUR_BS, -45.0, 1)


def test_a_japanese_teach_in_has_a_48_bit_sender_that_is_the_same_device() -> None:
    raw = esp3.encode_telegram(esp3.Telegram(sender="04001a2e", rorg=esp3.ONE_BS, data=b"\0", learn=True))
    packet = esp3.parse_packet(raw)
    assert packet.data[0] == 0x61
    telegram = esp3.parse_telegram(packet)
    assert (telegram.sender, telegram.learn, telegram.dbm) == ("04001a2e", True, None)


def test_a_destination_and_a_24_bit_sender_are_understood() -> None:
    for body, sender in (
        ("41 04001a2e 11223344 09", "04001a2e"),
        ("01 2da8bb 09 09 09", "002da8bb"),
        ("61 123404001a2e 09", "123404001a2e"),
    ):
        data = bytes.fromhex(body)
        packet = esp3.Packet(esp3.RADIO_ERP2, data + bytes((crc8(data),)))
        assert esp3.parse_telegram(packet).sender == sender


def test_a_packet_can_be_sent_as_another_device() -> None:
    moved = esp3.readdressed(CONTACT, "04001a99")
    telegram = esp3.parse_telegram(esp3.parse_packet(moved))
    assert (telegram.sender, telegram.data, telegram.dbm) == ("04001a99", b"\x09", -55.0)


def test_what_erp2_has_no_number_for_is_not_sent() -> None:
    with pytest.raises(DecodeError, match="erp2-type"):
        esp3.encode_telegram(esp3.Telegram(sender="04001a2e", rorg=0x31, data=b"\0"))


def test_repeated_addresses_beyond_the_known_four_are_named() -> None:
    data = bytes.fromhex("81 04001a2e 09 09")
    with pytest.raises(DecodeError, match="erp2-address"):
        esp3.parse_telegram(esp3.Packet(esp3.RADIO_ERP2, data + bytes((crc8(data),))))

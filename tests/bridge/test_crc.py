import pytest

from firmware_bridge import crc, credentials
from firmware_bridge.errors import EnvelopeError

CHECK = b"123456789"


def test_checksums_have_their_published_check_values() -> None:
    assert crc.crc16_modbus(CHECK) == 0x4B37
    assert crc.crc16_ccitt(CHECK) == 0x29B1
    assert crc.crc16_kermit(CHECK) == 0x2189
    assert crc.crc8(CHECK) == 0xF4
    assert crc.xor8(CHECK) == 0x31


def test_modbus_crc_stands_on_the_wire_low_byte_first() -> None:
    assert crc.crc16_modbus(bytes.fromhex("1234234534564567")).to_bytes(2, "little") == bytes.fromhex("E2DB")


def test_checksums_of_nothing_are_their_start_values() -> None:
    assert (crc.crc16_modbus(b""), crc.crc16_ccitt(b""), crc.crc8(b""), crc.xor8(b"")) == (0xFFFF, 0xFFFF, 0, 0)


def test_a_key_file_is_64_hex_digits() -> None:
    assert credentials.parse_key(" " + "ab" * 32 + "\n") == b"\xab" * 32


@pytest.mark.parametrize("text", ["", "ab" * 31, "ab" * 33, "zz" * 32, "ab" * 31 + "a", "\uff11" * 64])
def test_another_key_file_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(EnvelopeError, match="key") as caught:
        credentials.parse_key(text)
    assert text == "" or text not in str(caught.value)


def test_the_broker_password_is_derived_and_does_not_show_the_key() -> None:
    key = bytes(range(32))
    password = credentials.mqtt_password(key)
    assert len(password) == 32
    assert password == credentials.mqtt_password(key)
    assert password != credentials.mqtt_password(bytes(32))
    assert password not in key.hex()

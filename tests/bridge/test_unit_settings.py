import pytest

from firmware_bridge import codecs, explain, modbus
from firmware_bridge.errors import DecodeError, FrameError

SET_UNIT_2 = bytes.fromhex("01 10 07 d0 00 01 02 00 02 42 c1")  # github.com/myduino/Industrial-Soil-Sensor-RS485


def written(unit: int, register: int) -> bytes:
    head = bytes((unit, modbus.WRITE)) + register.to_bytes(2, "big") + b"\x00\x01"
    return head + modbus.crc16_modbus(head).to_bytes(2, "little")


def test_a_soil_probe_is_renumbered_by_its_documented_frame() -> None:
    settings = codecs.models()["generic/rs485-soil-7in1"][0].settings
    assert settings is not None
    assert modbus.write_request(1, settings.address_register, 2) == SET_UNIT_2
    assert settings.baud_codes == {2400: 0, 4800: 1, 9600: 2}
    assert modbus.write_request(2, settings.baud_register, settings.baud_codes[9600])[7:9] == b"\x00\x02"


@pytest.mark.parametrize("unit", [1, 2])
def test_the_answer_may_come_from_the_old_number_or_the_new(unit: int) -> None:
    modbus.check_written(SET_UNIT_2, written(unit, 0x07D0))


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (b"", "short"),
        (written(1, 0x07D0)[:-1], "short"),
        (written(1, 0x07D0)[:-1] + b"\0", "crc"),
        (written(1, 0x07D1), "register"),
        (modbus.read_request(1, 3, 0x07D0, 1), "function"),
    ],
)
def test_an_answer_that_does_not_confirm_is_named(reply: bytes, code: str) -> None:
    with pytest.raises(FrameError) as caught:
        modbus.check_written(SET_UNIT_2, reply)
    assert caught.value.code == code


def test_a_refusal_is_told_with_its_reason() -> None:
    with pytest.raises(DecodeError, match="modbus-exception-2: illegal register"):
        modbus.check_written(SET_UNIT_2, modbus.encode_exception(1, modbus.WRITE, 2))


@pytest.mark.parametrize(("unit", "register", "value"), [(0, 1, 1), (248, 1, 1), (1, 70000, 1), (1, 1, -1)])
def test_what_cannot_be_written_is_refused_before_it_is_sent(unit: int, register: int, value: int) -> None:
    with pytest.raises(FrameError):
        modbus.write_request(unit, register, value)


def test_a_profile_says_how_its_unit_is_renumbered_only_where_a_source_does() -> None:
    assert explain.describe(codecs.models()["womaster/es107"][0])["settings"] == {
        "address_register": 0x07D0,
        "baud_register": 0x07D1,
        "baud_codes": {"2400": 0, "4800": 1, "9600": 2},
    }
    assert explain.describe(codecs.models()["seeed/s-soil-mtec-02"][0])["settings"] is None

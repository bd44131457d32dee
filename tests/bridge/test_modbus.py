import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import modbus
from firmware_bridge.errors import BridgeError, DecodeError, FrameError

REQUEST = modbus.read_request(1, 3, 0, 3)
REPLY = bytes.fromhex("01 03 06 01 ef 01 44 00 04 b5 59")  # github.com/myduino/Industrial-Soil-Sensor-RS485


def test_requests_have_their_captured_bytes() -> None:
    assert REQUEST.hex(" ") == "01 03 00 00 00 03 05 cb"
    assert modbus.read_request(1, 3, 0, 4).hex(" ") == "01 03 00 00 00 04 44 09"
    assert modbus.read_request(17, 3, 0x7C, 2).hex() == "1103007c00020743"  # pymodbus test_framer.py


def test_a_reply_gives_the_registers_asked() -> None:
    assert modbus.parse_response(REQUEST, REPLY) == [0x01EF, 0x0144, 4]
    assert modbus.response_length(REQUEST) == len(REPLY)


def test_pymodbus_frames_are_read() -> None:
    assert modbus.parse_reply(bytes.fromhex("110304008D008EFBBD")) == modbus.Reply(17, 3, (0x8D, 0x8E))
    assert modbus.encode_response(17, 3, [0x8D, 0x8E]) == bytes.fromhex("110304008D008EFBBD")
    assert modbus.encode_exception(17, 3, 2) == bytes.fromhex("118302C134")
    assert modbus.parse_request(bytes.fromhex("FF03007C0002100D")) == modbus.Request(255, 3, 0x7C, 2)


@given(st.integers(1, 247), st.sampled_from([3, 4]), st.lists(st.integers(0, 65535), min_size=1, max_size=125))
def test_what_a_device_answers_is_what_the_asker_reads(unit: int, function: int, registers: list[int]) -> None:
    request = modbus.read_request(unit, function, 7, len(registers))
    reply = modbus.encode_response(unit, function, registers)
    assert modbus.parse_response(request, reply) == registers
    assert len(reply) == modbus.response_length(request)
    assert modbus.parse_request(request) == modbus.Request(unit, function, 7, len(registers))


@given(st.binary(max_size=20))
def test_noise_of_the_turning_bus_behind_a_reply_is_ignored(noise: bytes) -> None:
    assert modbus.parse_response(REQUEST, REPLY + noise) == [0x01EF, 0x0144, 4]


@pytest.mark.parametrize(
    ("exception", "says"), [(1, "function"), (2, "register"), (6, "busy"), (11, "behind"), (99, "does not name")]
)
def test_a_refusal_is_a_named_state_not_a_value(exception: int, says: str) -> None:
    for noise in (b"", b"\0\xff"):
        with pytest.raises(DecodeError, match=says) as caught:
            modbus.parse_response(REQUEST, modbus.encode_exception(1, 3, exception) + noise)
        assert caught.value.code == f"modbus-exception-{exception}"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (b"", "short"),
        (REPLY[:4], "short"),
        (REPLY[:-1], "short"),
        (REPLY[:-1] + b"\0", "crc"),
        (modbus.encode_response(2, 3, [1, 2, 3]), "unit"),
        (modbus.encode_response(1, 4, [1, 2, 3]), "function"),
        (modbus.encode_response(1, 3, [1, 2]), "short"),
        (modbus.encode_response(1, 3, [1, 2, 3, 4]), "count"),
        (bytes.fromhex("0083029121"), "crc"),
        (bytes.fromhex("008302F09131"), "crc"),
    ],
)
def test_another_reply_is_not_the_answer(reply: bytes, code: str) -> None:
    with pytest.raises(FrameError) as caught:
        modbus.parse_response(REQUEST, reply)
    assert caught.value.code == code


@given(st.binary(max_size=300))
def test_any_reply_gives_registers_or_a_named_error(reply: bytes) -> None:
    for read in (lambda: modbus.parse_response(REQUEST, reply), lambda: modbus.parse_reply(reply)):
        try:
            read()
        except BridgeError as error:
            named = error.code
            assert named


@given(st.integers(0, 10), st.integers(0, 7))
def test_one_flipped_bit_never_becomes_a_value(at: int, bit: int) -> None:
    spoilt = bytearray(REPLY)
    spoilt[at] ^= 1 << bit
    with pytest.raises(BridgeError):
        modbus.parse_response(REQUEST, bytes(spoilt))


@pytest.mark.parametrize(
    ("unit", "function", "first", "count", "code"),
    [
        (0, 3, 0, 1, "unit"),
        (248, 3, 0, 1, "unit"),
        (1, 6, 0, 1, "function"),
        (1, 3, 0, 0, "count"),
        (1, 3, 0, 126, "count"),
        (1, 3, 65535, 2, "register"),
        (1, 3, -1, 2, "register"),
    ],
)
def test_what_cannot_be_asked_is_named(unit: int, function: int, first: int, count: int, code: str) -> None:
    with pytest.raises(FrameError) as caught:
        modbus.read_request(unit, function, first, count)
    assert caught.value.code == code


@pytest.mark.parametrize("frame", [REQUEST[:-1], REQUEST + b"\0", REQUEST[:-1] + b"\0"])
def test_a_device_refuses_a_spoilt_request(frame: bytes) -> None:
    with pytest.raises(FrameError):
        modbus.parse_request(frame)


def test_a_device_serves_reads_only() -> None:
    with pytest.raises(FrameError, match="function"):
        modbus.parse_request(modbus._closed(bytes.fromhex("010600000001")))
    for registers in ([], [70_000], [0] * 126):
        with pytest.raises(FrameError, match="register"):
            modbus.encode_response(1, 3, registers)

"""Modbus RTU requests and their replies: bytes only, no port and no clock.

request   [ unit ][ 03|04 ][ first register ][ count ][ CRC-16/MODBUS, low byte first ]
             1 B      1 B         2 B            2 B                 2 B
reply     [ unit ][ 03|04 ][ byte count ][ registers, high byte first ][ CRC ]
             1 B      1 B        1 B                2 B each              2 B
refusal   [ unit ][ 83|84|90 ][ exception ][ CRC ]
             1 B       1 B         1 B       2 B
write     [ unit ][ 10 ][ register ][ 00 01 ][ 02 ][ value ][ CRC ]      one register: a unit's number or baud rate
             1 B    1 B     2 B        2 B     1 B    2 B      2 B
written   [ unit ][ 10 ][ register ][ 00 01 ][ CRC ]

Source: Modbus over Serial Line 1.02 and Modbus Application Protocol 1.1b3, modbus.org.
"""

import struct

import msgspec

from firmware_bridge.crc import crc16_modbus
from firmware_bridge.errors import DecodeError, FrameError

HOLDING = 3
INPUT = 4
WRITE = 16
MAX_COUNT = 125
REQUEST_BYTES = 8
REFUSAL_BYTES = 5
_HEAD = struct.Struct(">BBHH")
_WRITE_HEAD = struct.Struct(">BBHHBH")
_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal register",
    3: "illegal value",
    4: "device failure",
    5: "accepted, not ready yet",
    6: "device busy",
    8: "memory parity",
    10: "gateway path unavailable",
    11: "no answer from the device behind the gateway",
}


class Request(msgspec.Struct, frozen=True):
    """A question for `count` registers from `first`; `function` is 3 (holding) or 4 (input)."""

    unit: int
    function: int
    first: int
    count: int


class Reply(msgspec.Struct, frozen=True):
    """Registers as sent, each 0…65535; which register is the first only the asker knows."""

    unit: int
    function: int
    registers: tuple[int, ...]


def read_request(unit: int, function: int, first: int, count: int) -> bytes:
    """Bytes that ask `unit` (1…247) for `count` (1…125) registers. FrameError where a number cannot be asked."""
    if not 1 <= unit <= 247:
        raise FrameError("unit", f"wanted unit 1 to 247 (0 is everybody and never answers), got {unit}")
    if function not in (HOLDING, INPUT):
        raise FrameError("function", f"wanted function 3 or 4, got {function}")
    if not 1 <= count <= MAX_COUNT:
        raise FrameError("count", f"wanted 1 to {MAX_COUNT} registers, got {count}")
    if not 0 <= first <= 65536 - count:
        raise FrameError("register", f"wanted registers within 0 to 65535, got {first} + {count}")
    return _closed(_HEAD.pack(unit, function, first, count))


def write_request(unit: int, register: int, value: int) -> bytes:
    """Bytes that set one register of `unit` (1…247). FrameError where a number cannot be written."""
    if not 1 <= unit <= 247:
        raise FrameError("unit", f"wanted unit 1 to 247 (0 would set every unit on the bus), got {unit}")
    if not (0 <= register <= 0xFFFF and 0 <= value <= 0xFFFF):
        raise FrameError("register", f"wanted register and value within 0 to 65535, got {register} and {value}")
    return _closed(_WRITE_HEAD.pack(unit, WRITE, register, 1, 2, value))


def check_written(request: bytes, reply: bytes) -> None:
    """Nothing where `reply` says that the request was carried out, whatever unit number it comes from by now.

    FrameError short, crc, function or register: ask again, and read back. DecodeError `modbus-exception-N`: refused.
    """
    if len(reply) < REFUSAL_BYTES:
        raise FrameError("short", f"wanted at least {REFUSAL_BYTES} bytes, got {len(reply)}")
    if reply[1] == WRITE | 0x80:
        _check_crc(reply[:REFUSAL_BYTES])
        raise DecodeError(
            f"modbus-exception-{reply[2]}", _EXCEPTIONS.get(reply[2], "an exception Modbus does not name")
        )
    if len(reply) < REQUEST_BYTES:
        raise FrameError("short", f"wanted {REQUEST_BYTES} bytes, got {len(reply)}")
    _check_crc(reply[:REQUEST_BYTES])
    if reply[1] != WRITE:
        raise FrameError("function", f"wanted function {WRITE}, got {reply[1]}")
    if reply[2:6] != request[2:6]:
        raise FrameError("register", f"wanted {request[2:6].hex(' ')} confirmed, got {reply[2:6].hex(' ')}")


def parse_request(frame: bytes) -> Request:
    """Request of a whole frame: the device's side. FrameError short, crc or function."""
    if len(frame) != REQUEST_BYTES:
        raise FrameError("short", f"wanted {REQUEST_BYTES} bytes, got {len(frame)}")
    _check_crc(frame)
    request = Request(*_HEAD.unpack_from(frame))
    if request.function not in (HOLDING, INPUT):
        raise FrameError("function", f"wanted function 3 or 4, got {request.function}")
    return request


def response_length(request: bytes) -> int:
    """Bytes of a full reply to this request; a refusal has 5."""
    return REFUSAL_BYTES + 2 * parse_request(request).count


def parse_response(request: bytes, reply: bytes) -> list[int]:
    """Registers that answer this request. Bytes after the reply are noise of the turning bus and ignored.

    FrameError short, crc, unit, function or count: ask again. DecodeError `modbus-exception-N`: the device refused.
    """
    asked = parse_request(request)
    if len(reply) < REFUSAL_BYTES:
        raise FrameError("short", f"wanted at least {REFUSAL_BYTES} bytes, got {len(reply)}")
    refused = reply[1] == asked.function | 0x80
    length = REFUSAL_BYTES if refused else response_length(request)
    if len(reply) < length and reply[1] == asked.function:
        raise FrameError("short", f"wanted {length} bytes, got {len(reply)}")
    answer = parse_reply(_cut(reply, length))
    if answer.unit != asked.unit:
        raise FrameError("unit", f"wanted an answer of unit {asked.unit}, got one of unit {answer.unit}")
    if answer.function != asked.function:
        raise FrameError("function", f"wanted function {asked.function}, got {answer.function}")
    if len(answer.registers) != asked.count:
        raise FrameError("count", f"wanted {asked.count} registers, got {len(answer.registers)}")
    return list(answer.registers)


def parse_reply(frame: bytes) -> Reply:
    """Reply of exactly one frame, whoever asked. FrameError short, crc, function, count; DecodeError for a refusal."""
    if len(frame) < REFUSAL_BYTES:
        raise FrameError("short", f"wanted at least {REFUSAL_BYTES} bytes, got {len(frame)}")
    _check_crc(frame)
    unit, function, size = frame[0], frame[1], frame[2]
    if function in (HOLDING | 0x80, INPUT | 0x80) and len(frame) == REFUSAL_BYTES:
        raise DecodeError(f"modbus-exception-{size}", _EXCEPTIONS.get(size, "an exception Modbus does not name"))
    if function not in (HOLDING, INPUT):
        raise FrameError("function", f"wanted function 3 or 4, got {function}")
    if size != len(frame) - REFUSAL_BYTES or size % 2 or not size:
        raise FrameError("count", f"wanted {len(frame) - REFUSAL_BYTES} bytes of registers, got a count of {size}")
    return Reply(unit, function, struct.unpack_from(f">{size // 2}H", frame, 3))


def encode_response(unit: int, function: int, registers: list[int] | tuple[int, ...]) -> bytes:
    """What `unit` sends for these registers (each 0…65535, at most 125). FrameError outside that."""
    if not 1 <= len(registers) <= MAX_COUNT or not all(0 <= register <= 0xFFFF for register in registers):
        raise FrameError("register", f"wanted 1 to {MAX_COUNT} registers of 0 to 65535, got {list(registers)[:8]}")
    head = bytes((unit, function, 2 * len(registers)))
    return _closed(head + struct.pack(f">{len(registers)}H", *registers))


def encode_exception(unit: int, function: int, exception: int) -> bytes:
    """How `unit` refuses a request of that function."""
    return _closed(bytes((unit, function | 0x80, exception)))


def _closed(body: bytes) -> bytes:
    return body + crc16_modbus(body).to_bytes(2, "little")


def _cut(reply: bytes, length: int) -> bytes:
    """The reply itself: `length` bytes, or what its own byte count says where that is another length."""
    if len(reply) > 2 and reply[1] in (HOLDING, INPUT) and reply[2] + REFUSAL_BYTES != length:
        length = reply[2] + REFUSAL_BYTES
    return reply[:length]


def _check_crc(frame: bytes) -> None:
    wanted, got = crc16_modbus(frame[:-2]), int.from_bytes(frame[-2:], "little")
    if wanted != got:
        raise FrameError("crc", f"wanted {wanted:04x}, got {got:04x}")

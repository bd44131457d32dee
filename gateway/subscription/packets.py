"""MQTT 5 packets ↔ bytes, as far as a subscriber with QoS 1 needs them. Pure: no socket, no clock.

    [ type and flags 1 B ][ remaining length 1–4 B, 7 bits each ][ … ]
    PUBLISH  [ topic length 2 B ][ topic ][ packet id 2 B, QoS 1 only ][ properties ][ payload ]
    PUBACK   [ packet id 2 B ][ reason 1 B, may be absent ][ properties, may be absent ]

Anything that is not such a packet is WireError, after which the connection must be closed: nobody knows where the next
packet begins. Source: OASIS MQTT 5.0, chapters 2 and 3.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 0x10, 0x20, 0x30, 0x40, 0x82, 0x90
PINGREQ, PINGRESP, DISCONNECT = 0xC0, 0xD0, 0xE0
MAX_PACKET_BYTES = 1024 * 1024
SESSION_EXPIRY, SERVER_KEEP_ALIVE, RECEIVE_MAXIMUM, MAXIMUM_PACKET = 0x11, 0x13, 0x21, 0x27
_FIXED = {
    0x01: 1, 0x02: 4, 0x11: 4, 0x13: 2, 0x17: 1, 0x18: 4, 0x19: 1, 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1,
    0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1,
}  # fmt: skip
_TEXTS = {0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F}  # and binaries: both have two bytes of length
_PAIR = 0x26
_REASONS = {
    0x00: "success", 0x80: "unspecified error", 0x81: "malformed packet", 0x82: "protocol error",
    0x84: "unsupported protocol version", 0x85: "client id not valid", 0x86: "bad user name or password",
    0x87: "not authorized", 0x88: "server unavailable", 0x89: "server busy", 0x8A: "banned", 0x8B: "shutting down",
    0x8D: "keep alive timeout", 0x8E: "session taken over", 0x8F: "topic filter invalid", 0x93: "too much in flight",
    0x95: "packet too large", 0x97: "quota exceeded",
}  # fmt: skip


class WireError(Exception):
    """Bytes that are no MQTT 5, or a packet that nobody may send us."""


class Delivery(NamedTuple):
    """A PUBLISH from the broker. `topic` stays bytes: it may not be UTF-8."""

    topic: bytes
    payload: bytes
    qos: int
    retain: bool
    packet_id: int


class Answer(NamedTuple):
    """CONNACK, PUBACK, SUBACK, PINGRESP or DISCONNECT.

    `reasons`: one, or one a filter for SUBACK. `flag`: session present. `numbers`: properties that are numbers.
    """

    kind: int
    packet_id: int = 0
    reasons: tuple[int, ...] = (0,)
    flag: bool = False
    numbers: dict[int, int] = {}  # noqa: RUF012 - never written to


def reason_text(reason: int) -> str:
    """A reason code in words."""
    return f"{_REASONS.get(reason, 'reason')} (0x{reason:02x})"


def connect(username: str, password: str, keepalive_s: int, expiry_s: int, receive_maximum: int) -> bytes:
    """CONNECT that resumes the session of the client id, which is the user name."""
    properties = struct.pack(
        ">BIBHBI", SESSION_EXPIRY, expiry_s, RECEIVE_MAXIMUM, receive_maximum, MAXIMUM_PACKET, MAX_PACKET_BYTES
    )
    head = b"\x00\x04MQTT\x05\xc0" + struct.pack(">H", keepalive_s)  # flags: user name and password, no clean start
    return _packet(
        CONNECT, head + _length(len(properties)) + properties + _text(username) + _text(username) + _text(password)
    )


def subscribe(packet_id: int, filters: Sequence[str]) -> bytes:
    """SUBSCRIBE with QoS 1 for every filter."""
    return _packet(SUBSCRIBE, struct.pack(">HB", packet_id, 0) + b"".join(_text(one) + b"\x01" for one in filters))


def publish(packet_id: int, topic: str, payload: bytes) -> bytes:
    """PUBLISH, QoS 1, retained."""
    return _packet(PUBLISH | 0x03, _text(topic) + struct.pack(">HB", packet_id, 0) + payload)


def puback(packet_ids: Sequence[int]) -> bytes:
    """A PUBACK for each, in this order."""
    return b"".join([b"\x40\x02" + packet_id.to_bytes(2, "big") for packet_id in packet_ids])


def pingreq() -> bytes:
    """PINGREQ."""
    return b"\xc0\x00"


def disconnect() -> bytes:
    """DISCONNECT; the session stays."""
    return b"\xe0\x00"


def take(buffer: bytearray) -> Iterator[Delivery | Answer]:
    """The whole packets at the head of `buffer`, which keeps what comes after them. WireError as above."""
    data, start, size = bytes(buffer), 0, len(buffer)
    try:
        while size - start >= 2:
            length, body = data[start + 1], start + 2
            if length & 0x80:
                length, body = _varint(data, start + 1)
                if body > size:
                    break
            if length > MAX_PACKET_BYTES:
                raise WireError(f"a packet of {length} bytes; we said that we take {MAX_PACKET_BYTES}")
            if body + length > size:
                break
            first, start = data[start], body + length
            yield _delivery(first, data, body, start) if first & 0xF0 == PUBLISH else _answer(first, data[body:start])
    finally:
        del buffer[:start]


def _delivery(first: int, data: bytes, body: int, end: int) -> Delivery:
    qos = first >> 1 & 3
    after = body + 2 + int.from_bytes(data[body : body + 2], "big")
    topic = data[body + 2 : after]
    packet_id = 0
    if qos == 1:
        packet_id = int.from_bytes(data[after : after + 2], "big")
        after += 2
    if qos > 1 or after >= end or (qos and not packet_id):
        raise WireError("a PUBLISH that is cut, or of a QoS we did not ask for")
    length, after = (data[after], after + 1) if data[after] < 0x80 else _varint(data, after)
    if after + length > end:
        raise WireError("a PUBLISH whose properties are longer than itself")
    return Delivery(topic, data[after + length : end], qos, bool(first & 1), packet_id)


def _answer(first: int, body: bytes) -> Answer:
    try:
        if first == CONNACK:
            return Answer(CONNACK, 0, (body[1],), bool(body[0] & 1), _numbers(body, 2))
        if first == PUBACK:
            return Answer(PUBACK, int.from_bytes(body[:2], "big"), (body[2] if len(body) > 2 else 0,))
        if first == SUBACK:
            length, after = _varint(body, 2)
            return Answer(SUBACK, int.from_bytes(body[:2], "big"), tuple(body[after + length :]))
        if first == PINGRESP:
            return Answer(PINGRESP)
        if first == DISCONNECT:
            return Answer(DISCONNECT, 0, (body[0] if body else 0,))
    except (IndexError, struct.error) as error:
        raise WireError(f"a packet of type 0x{first:02x} that is cut") from error
    raise WireError(f"a packet of type 0x{first:02x}, which no broker sends")


def _numbers(body: bytes, start: int) -> dict[int, int]:
    """Properties that are numbers; texts are passed over."""
    length, at = _varint(body, start)
    end = at + length
    if end > len(body):
        raise WireError("properties that are longer than their packet")
    found: dict[int, int] = {}
    while at < end:
        name = body[at]
        at += 1
        if name in _FIXED:
            found[name] = int.from_bytes(body[at : at + _FIXED[name]], "big")
            at += _FIXED[name]
        elif name in _TEXTS or name == _PAIR:
            for _ in range(2 if name == _PAIR else 1):
                at += 2 + int.from_bytes(body[at : at + 2], "big")
        else:
            raise WireError(f"a property 0x{name:02x} that MQTT 5 does not know here")
    return found


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and where it ends; where it is not whole yet, an end beyond `data`."""
    value = 0
    for place in range(4):
        if start + place >= len(data):
            return 0, len(data) + 1
        byte = data[start + place]
        value |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            return value, start + place + 1
    raise WireError("a length of more than four bytes")


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + _length(len(body)) + body


def _length(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded

"""EnOcean Serial Protocol 3, and the radio telegrams inside it: ERP1 (868 MHz) and ERP2 (928 MHz, Japan).

[ 55 ][ data length ][ optional length ][ type ][ CRC8H ][ data ][ optional ][ CRC8D ]
  1 B       2 B              1 B          1 B      1 B      n B      m B        1 B
CRC8H covers the four bytes before it, CRC8D data and optional. No length is believed before CRC8H agrees.

ERP1, type 01   [ RORG ][ payload ][ sender, 4 B ][ status ]      optional: subtelegrams, destination 4 B, dBm, security
ERP2, type 0A   [ header ][ ext. header? ][ ext. type? ][ sender 3|4|6 B ][ destination 4 B? ][ payload ][ CRC8 ]
                optional: subtelegrams, dBm
ERP2 header     bits 7–5 addresses: 0 = 24-bit sender, 1 = 32, 2 = 32 + 32-bit destination, 3 = 48
                bit 4 extended header follows · bits 3–0 type: 0 RPS, 1 1BS, 2 4BS, 4 VLD, 5 UTE, 15 = next byte
ERP2 telegrams of six bytes or fewer have another layout, which no source read describes: refused by name.
Sources: EnOcean Serial Protocol 3; EnOcean Radio Protocol 2; github.com/ahidaka/EnOceanSeminar2020-2.
"""

import msgspec

from firmware_bridge.crc import crc8
from firmware_bridge.errors import DecodeError

SYNC = 0x55
RADIO_ERP1 = 0x01
RADIO_ERP2 = 0x0A
RPS, ONE_BS, FOUR_BS, VLD, UTE = 0xF6, 0xD5, 0xA5, 0xD2, 0xD4
MAX_DATA = 512
_HEAD = 6  # sync, header and CRC8H
MAX_PACKET = _HEAD + MAX_DATA + 255 + 1
_ERP2_RORG = {0: RPS, 1: ONE_BS, 2: FOUR_BS, 4: VLD, 5: UTE}
_ERP2_TYPE = {rorg: kind for kind, rorg in _ERP2_RORG.items()}
_ERP2_SENDER_BYTES = {0: 3, 1: 4, 2: 4, 3: 6}
_LEARN_BIT = 0x08


class Packet(msgspec.Struct, frozen=True):
    """One sound packet of the serial line. `kind` is its type byte: 01 ERP1 radio, 02 response, 0A ERP2 radio…"""

    kind: int
    data: bytes
    optional: bytes = b""

    def to_bytes(self) -> bytes:
        """The packet as it stands on the line; the same bytes it was read from."""
        head = len(self.data).to_bytes(2, "big") + bytes((len(self.optional), self.kind))
        body = self.data + self.optional
        return bytes((SYNC,)) + head + bytes((crc8(head),)) + body + bytes((crc8(body),))


class Telegram(msgspec.Struct, frozen=True, kw_only=True):
    """One radio telegram.

    `sender`: lower-case hex, 8 digits (12 where a 48-bit id really needs them). `data`: the payload, most significant
    byte first. `status`: ERP1's status byte, None for ERP2. `dbm`: received strength, None where not told.
    `learn`: a teach-in telegram, which carries no measurement. `erp`: 1 or 2.
    """

    sender: str
    rorg: int
    data: bytes
    status: int | None = None
    dbm: float | None = None
    learn: bool = False
    erp: int = 2


class Esp3Framer:
    """Bytes in any chunking → packets. A byte that fails a check costs one byte, never a claimed length.

    `rejected` counts runs of bytes that were no packet. At most one longest packet is kept waiting. A header that is
    sound by chance may wait for bytes that never come: call `quiet` when the line has been silent for 100 ms.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._in_noise = False
        self.rejected = 0

    def feed(self, chunk: bytes) -> list[Packet]:
        """Take any bytes; return the packets that became whole, in order."""
        self._pending += chunk
        return self._scan(more_may_come=True)

    def quiet(self) -> list[Packet]:
        """Give up what is not whole, since no more bytes came; return packets that stood behind it."""
        return self._scan(more_may_come=False)

    def _scan(self, *, more_may_come: bool) -> list[Packet]:
        packets: list[Packet] = []
        line, at = bytes(self._pending), 0
        while at < len(line):
            end = _packet_end(line, at)
            if end == 0 or (end > len(line) and not more_may_come):
                at = self._skip(line, at)
            elif end > len(line):
                break
            elif crc8(line[at + _HEAD : end - 1]) != line[end - 1]:
                at = self._skip(line, at)
            else:
                packets.append(_unpacked(line[at:end]))
                at, self._in_noise = end, False
        self._pending = bytearray(line[at:])
        return packets

    def _skip(self, line: bytes, at: int) -> int:
        """Index of the next sync byte after `at`, or the end."""
        if not self._in_noise:
            self._in_noise = True
            self.rejected += 1
        found = line.find(SYNC, at + 1)
        return len(line) if found < 0 else found


def _packet_end(line: bytes, at: int) -> int:
    """Where the packet at `at` ends (past the line where bytes are missing), 0 where none can start there."""
    if line[at] != SYNC:
        return 0
    if len(line) - at < _HEAD:
        return at + MAX_PACKET
    data_length = line[at + 1] << 8 | line[at + 2]
    if crc8(line[at + 1 : at + 5]) != line[at + 5] or not 1 <= data_length <= MAX_DATA:
        return 0
    return at + _HEAD + data_length + line[at + 3] + 1


def _unpacked(whole: bytes) -> Packet:
    split = _HEAD + (whole[1] << 8 | whole[2])
    return Packet(whole[4], whole[_HEAD:split], whole[split:-1])


def parse_packet(payload: bytes) -> Packet:
    """Packet of exactly these bytes. DecodeError esp3-short, esp3-sync, esp3-crc-header, esp3-length, esp3-crc-data."""
    if len(payload) < _HEAD + 2:
        raise DecodeError("esp3-short", f"wanted at least {_HEAD + 2} bytes, got {len(payload)}")
    if payload[0] != SYNC:
        raise DecodeError("esp3-sync", f"wanted 55 first, got {payload[0]:02x}")
    if crc8(payload[1:5]) != payload[5]:
        raise DecodeError("esp3-crc-header", f"wanted {crc8(payload[1:5]):02x}, got {payload[5]:02x}")
    data_length = payload[1] << 8 | payload[2]
    split = _HEAD + data_length
    end = split + payload[3] + 1
    if end != len(payload) or not 1 <= data_length <= MAX_DATA:
        raise DecodeError("esp3-length", f"wanted {end} bytes, up to {MAX_DATA} of them data, got {len(payload)}")
    if crc8(payload[_HEAD:-1]) != payload[-1]:
        raise DecodeError("esp3-crc-data", f"wanted {crc8(payload[_HEAD:-1]):02x}, got {payload[-1]:02x}")
    return Packet(payload[4], payload[_HEAD:split], payload[split:-1])


def parse_telegram(packet: Packet) -> Telegram:
    """Radio telegram of a packet. DecodeError `packet-type` for responses, events and commands.

    Others: telegram-short, erp2-short (the unknown layout), erp2-crc, erp2-address, erp2-type.
    """
    if packet.kind == RADIO_ERP1:
        return _parse_erp1(packet)
    if packet.kind == RADIO_ERP2:
        return _parse_erp2(packet)
    raise DecodeError("packet-type", f"wanted a radio packet (01 or 0a), got type {packet.kind:02x}")


def _parse_erp1(packet: Packet) -> Telegram:
    data = packet.data
    if len(data) < 7:
        raise DecodeError("telegram-short", f"wanted at least 7 bytes of ERP1, got {len(data)}")
    return Telegram(
        sender=data[-5:-1].hex(),
        rorg=data[0],
        data=data[1:-5],
        status=data[-1],
        dbm=_dbm(packet.optional, 5),
        learn=_is_learn(data[0], data[1:-5]),
        erp=1,
    )


def _parse_erp2(packet: Packet) -> Telegram:
    data = packet.data
    if len(data) <= 6:
        raise DecodeError("erp2-short", f"an ERP2 telegram of {len(data)} bytes: the layout up to 6 bytes is unknown")
    if crc8(data[:-1]) != data[-1]:
        raise DecodeError("erp2-crc", f"wanted {crc8(data[:-1]):02x}, got {data[-1]:02x}")
    header, at = data[0], 1
    addresses, kind, optional_bytes = header >> 5, header & 0x0F, 0
    if addresses not in _ERP2_SENDER_BYTES:
        raise DecodeError("erp2-address", f"wanted address control 0 to 3, got {addresses}")
    if kind not in _ERP2_RORG:
        raise DecodeError("erp2-type", f"wanted RPS, 1BS, 4BS, VLD or UTE, got telegram type {kind}")
    if header & 0x10:
        optional_bytes, at = data[at] & 0x0F, at + 1
    split = at + _ERP2_SENDER_BYTES[addresses]
    start, end = split + (4 if addresses == 2 else 0), len(data) - 1 - optional_bytes
    if start >= end:
        raise DecodeError("telegram-short", f"no payload left in an ERP2 telegram of {len(data)} bytes")
    rorg, payload = _ERP2_RORG[kind], data[start:end]
    return Telegram(
        sender=_sender(data[at:split]),
        rorg=rorg,
        data=payload,
        dbm=_dbm(packet.optional, 1),
        learn=_is_learn(rorg, payload),
    )


def _sender(raw: bytes) -> str:
    """Eight hex digits; Japanese teach-in telegrams put two zero bytes before the same id."""
    if len(raw) == 4:
        return raw.hex()
    digits = raw.rjust(4, b"\0").hex()
    return digits[4:] if len(digits) == 12 and digits.startswith("0000") else digits


def _is_learn(rorg: int, payload: bytes) -> bool:
    return rorg == UTE or (rorg in (ONE_BS, FOUR_BS) and not payload[-1] & _LEARN_BIT)


def _dbm(optional: bytes, at: int) -> float | None:
    """Strength as ESP3 writes it: a positive number of −dBm; 255 and 0 stand for "not received by radio"."""
    if len(optional) <= at or optional[at] in (0, 0xFF):
        return None
    return -float(optional[at])


def encode_telegram(telegram: Telegram) -> bytes:
    """A whole serial packet of this telegram, ERP1 or ERP2 as it says: what a dongle would hand to the host.

    A teach-in over ERP2 gets the 48-bit sender, as in Japan. DecodeError `erp2-type` for a RORG ERP2 has no number for.
    """
    strength = 0xFF if telegram.dbm is None else min(254, max(1, round(-telegram.dbm)))
    sender = bytes.fromhex(telegram.sender)
    if telegram.erp == 1:
        body = bytes((telegram.rorg,)) + telegram.data + sender + bytes((telegram.status or 0,))
        return Packet(RADIO_ERP1, body, b"\x01\xff\xff\xff\xff" + bytes((strength, 0))).to_bytes()
    if telegram.rorg not in _ERP2_TYPE:
        raise DecodeError("erp2-type", f"wanted RPS, 1BS, 4BS, VLD or UTE, got RORG {telegram.rorg:02x}")
    if telegram.learn:
        sender = sender.rjust(6, b"\0")
    addresses = {4: 1, 6: 3}[len(sender)]
    body = bytes((addresses << 5 | _ERP2_TYPE[telegram.rorg],)) + sender + telegram.data
    return Packet(RADIO_ERP2, body + bytes((crc8(body),)), bytes((1, strength))).to_bytes()


def readdressed(payload: bytes, sender: str) -> bytes:
    """The same radio packet as another sender (8 hex digits) would have sent it: how a simulator names its devices."""
    telegram = parse_telegram(parse_packet(payload))
    return encode_telegram(msgspec.structs.replace(telegram, sender=sender))

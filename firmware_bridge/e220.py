"""E220-900T22S(JP), a 920 MHz LoRa module on a UART: its registers, its commands, and what it hears.

    registers     00 ADDH · 01 ADDL · 02 REG0 UART rate (b7–5), air rate (b4–0) · 03 REG1 sub-packet (b7–6), ambient
                  RSSI (b5), power (b1–0) · 04 REG2 channel · 05 REG3 RSSI byte (b7), fixed mode (b6), WOR cycle (b2–0)
                  06–07 key, write only (not cryptography: it only sorts packets)
    write         C0 start len data…   answered by  C1 start len data…     in mode 3 only (M0 = M1 = 1), 9600 8N1 always
    read          C1 start len         answered by  C1 start len data…     anything wrong is answered by  FF FF FF
    send, fixed   ADDH ADDL CH payload          the receiver's UART gets the payload, and the RSSI byte where enabled
    ambient RSSI  C0 C1 C2 C3 00 02    answered by  C1 00 02 now last      in modes 0 and 1, where REG1 b5 is set

The module gives no sender address and no delivery check, and a packet has no end but silence: `Packets` finds frames
of ours (`nodeframe`) by their own length and tag.
Sources: support.dragon-torch.tech E220 ver. 2.0 chapters 1 and 9, FAQ 234, page 836, lora-faq (51 ms for 200 bytes).
"""

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import msgspec

from firmware_bridge import nodeframe
from firmware_bridge.airtime import BandwidthKHz, Modulation
from firmware_bridge.errors import FrameError

UART_BAUDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
SUB_PACKETS = (200, 128, 64, 32)
POWERS_DBM = (13, 12, 7, 0)
LAST_CHANNEL: dict[int, int] = {125: 37, 250: 36, 500: 30}
SLOWEST: dict[int, int] = {125: 9, 250: 10, 500: 11}
CONFIG_BAUD = 9600
REGISTERS_BYTES = 6
BROADCAST = 0xFFFF
AMBIENT_REQUEST = bytes.fromhex("c0c1c2c30002")
AMBIENT_ANSWER_BYTES = 5
_REFUSED = b"\xff\xff\xff"
_WRITE, _READ, _ANSWER = 0xC0, 0xC1, 0xC1
_BANDWIDTHS: tuple[BandwidthKHz, ...] = (125, 250, 500)
# What the module adds to a packet is not published. These two, added to the formula, give the maker's own 51 ms for
# 200 bytes at SF5 and 500 kHz; they are our guess for every other rate, on the safe side.
HIDDEN_BYTES, HIDDEN_US = 6, 23_000

Rssi = Annotated[int, msgspec.Meta(ge=0, le=255)]


class Registers(msgspec.Struct, frozen=True, kw_only=True):
    """What a module is set to; the defaults are ours (fixed mode, RSSI byte), not the factory's.

    `key`: None leaves the module's key as it is. ValueError where a value has no place in the registers.
    """

    address: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] = BROADCAST
    channel: Annotated[int, msgspec.Meta(ge=0, le=37)] = 0
    bandwidth_khz: BandwidthKHz = 125
    spreading: Annotated[int, msgspec.Meta(ge=5, le=11)] = 9
    uart_baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    sub_packet_bytes: Literal[200, 128, 64, 32] = 200
    ambient_rssi: bool = False
    power_dbm: Literal[13, 12, 7, 0] = 13
    rssi_byte: bool = True
    fixed: bool = True
    wor_cycle_ms: Literal[500, 1000, 1500, 2000, 2500, 3000] = 2000
    key: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] | None = None

    def __post_init__(self) -> None:
        """Refuse a rate or a channel the module does not have."""
        air_rate_code(self.bandwidth_khz, self.spreading)
        if self.channel > LAST_CHANNEL[self.bandwidth_khz]:
            last = LAST_CHANNEL[self.bandwidth_khz]
            raise ValueError(f"channel 0 to {last} at {self.bandwidth_khz} kHz, not {self.channel}")

    def to_bytes(self) -> bytes:
        """Registers 00 to 05, and 06–07 where a key is given."""
        rate = UART_BAUDS.index(self.uart_baud) << 5 | air_rate_code(self.bandwidth_khz, self.spreading)
        power = POWERS_DBM.index(self.power_dbm)
        options = SUB_PACKETS.index(self.sub_packet_bytes) << 6 | self.ambient_rssi << 5 | power
        mode = self.rssi_byte << 7 | self.fixed << 6 | self.wor_cycle_ms // 500 - 1
        key = b"" if self.key is None else self.key.to_bytes(2, "big")
        return self.address.to_bytes(2, "big") + bytes((rate, options, self.channel, mode)) + key


def parse_registers(data: bytes) -> Registers:
    """Registers 00 to 05 as a module answers them. FrameError where they hold what no E220(JP) can be set to."""
    if len(data) != REGISTERS_BYTES:
        raise FrameError("length", f"wanted {REGISTERS_BYTES} registers, got {len(data)}")
    rate, options, channel, mode = data[2:]
    try:
        return msgspec.convert(
            {
                "address": int.from_bytes(data[:2], "big"),
                "channel": channel,
                "bandwidth_khz": _BANDWIDTHS[rate & 3] if rate & 3 < len(_BANDWIDTHS) else 0,
                "spreading": 5 + (rate >> 2 & 7),
                "uart_baud": UART_BAUDS[rate >> 5],
                "sub_packet_bytes": SUB_PACKETS[options >> 6],
                "ambient_rssi": bool(options & 0x20),
                "power_dbm": POWERS_DBM[options & 3],
                "rssi_byte": bool(mode & 0x80),
                "fixed": bool(mode & 0x40),
                "wor_cycle_ms": 500 * ((mode & 7) + 1),
            },
            Registers,
        )
    except msgspec.ValidationError as error:
        raise FrameError("registers", f"{data.hex(' ')}: {error}") from error


def air_rate_code(bandwidth_khz: int, spreading: int) -> int:
    """REG0 b4–0 of a rate. ValueError where the module does not have it."""
    if bandwidth_khz not in SLOWEST or not 5 <= spreading <= SLOWEST[bandwidth_khz]:
        rates = ", ".join(f"SF5–SF{slowest} at {khz} kHz" for khz, slowest in SLOWEST.items())
        raise ValueError(f"one of {rates}, not SF{spreading} at {bandwidth_khz} kHz")
    return 4 * (spreading - 5) + _BANDWIDTHS.index(bandwidth_khz)


def modulation(bandwidth_khz: BandwidthKHz, spreading: int) -> Modulation:
    """How the module speaks, with what it adds to each packet, for the air time."""
    air_rate_code(bandwidth_khz, spreading)
    return Modulation(spreading=spreading, bandwidth_khz=bandwidth_khz, hidden_bytes=HIDDEN_BYTES, hidden_us=HIDDEN_US)


def frequency_mhz(channel: int) -> float:
    """Centre of a channel at 125 kHz: 920.6 MHz and 0.2 more for each (first and last are published, the step not)."""
    return round(920.6 + 0.2 * channel, 1)


def write_command(registers: Registers) -> bytes:
    """Bytes that set every register, in mode 3."""
    data = registers.to_bytes()
    return bytes((_WRITE, 0, len(data))) + data


def read_command(start: int = 0, count: int = REGISTERS_BYTES) -> bytes:
    """Bytes that ask for registers, in mode 3."""
    return bytes((_READ, start, count))


def parse_answer(heard: bytes, start: int, count: int) -> bytes:
    """Registers in a module's answer. FrameError: `short` (wait for more), `refused`, or `answer`."""
    wanted = bytes((_ANSWER, start, count))
    if heard[: len(_REFUSED)] == _REFUSED:
        raise FrameError("refused", "the module did not understand the command")
    if heard[: len(wanted)] != wanted[: len(heard)]:
        raise FrameError("answer", f"wanted {wanted.hex(' ')} …, got {heard[:8].hex(' ')}")
    if len(heard) < len(wanted) + count:
        raise FrameError("short", f"wanted {len(wanted) + count} bytes, got {len(heard)}")
    return heard[len(wanted) : len(wanted) + count]


def parse_ambient(heard: bytes) -> tuple[int, int]:
    """(dBm now, dBm of the last packet) from the answer to `AMBIENT_REQUEST`. FrameError as `parse_answer`."""
    now, last = parse_answer(heard, 0, 2)
    return rssi_dbm(now), rssi_dbm(last)


def rssi_dbm(value: int) -> int:
    """Signal strength of an RSSI byte: −(256 − value)."""
    return value - 256


def addressed(address: int, channel: int, payload: bytes) -> bytes:
    """What the UART of a module in fixed mode is given: the target's address and channel, then the payload."""
    return address.to_bytes(2, "big") + bytes((channel,)) + payload


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what was heard: a frame that opened, or bytes that are none (`is_frame` false)."""

    raw: bytes
    is_frame: bool
    rssi_dbm: float | None = None


class Packets:
    """UART bytes of a receiving module, in any chunking → frames of ours; bounded memory.

    `opens(frame)` says whether bytes are a genuine frame; it is asked wherever a header could stand, so a frame is
    found behind any noise and behind half a frame. `has_rssi`: one byte follows each packet. Half a frame followed by
    `gap_us` of silence is noise. Times are those of a clock that never steps back.
    """

    MOST = nodeframe.HEADER_BYTES + 4 + nodeframe.MAX_PAYLOAD + 8 + 1  # the longest frame and its RSSI byte

    def __init__(self, opens: Callable[[bytes], bool], *, has_rssi: bool, gap_us: int) -> None:
        self._opens = opens
        self._has_rssi = has_rssi
        self._gap_us = gap_us
        self._pending = bytearray()
        self._last_us = 0
        self._dropped = 0
        self._refused: set[int] = set()

    def feed(self, chunk: bytes, now_us: int) -> Iterator[Piece]:
        """Take what was read (nothing is silence); what became certain, in the order it was heard.

        To be walked to its end. `opens` is asked anew after each piece, so that it may have learned from it.
        """
        if self._pending and now_us - self._last_us > self._gap_us:
            yield from self._frames(is_over=True)
            yield from self._drop(len(self._pending))
        if chunk:
            self._last_us = now_us
        for start in range(0, len(chunk), self.MOST):
            self._pending += chunk[start : start + self.MOST]
            yield from self._frames(is_over=False)
            yield from self._drop(len(self._pending) - self.MOST)

    def _frames(self, *, is_over: bool) -> Iterator[Piece]:
        at = 0
        while at < len(self._pending):
            size = self._size_at(at)
            if not size or not self._opens_at(at, size):
                at += 1
                continue
            if self._has_rssi and at + size == len(self._pending) and not is_over:
                return
            yield from self._drop(at)
            raw = bytes(self._pending[:size])
            rssi = self._pending[size] if self._has_rssi and size < len(self._pending) else None
            self._forget(size + (rssi is not None))
            yield Piece(raw=raw, is_frame=True, rssi_dbm=None if rssi is None else rssi_dbm(rssi))
            at = 0

    def _size_at(self, at: int) -> int:
        try:
            size = nodeframe.parse(bytes(self._pending[at : at + nodeframe.HEADER_BYTES])).size
        except FrameError:
            return 0
        return size if at + size <= len(self._pending) else 0

    def _drop(self, count: int) -> Iterator[Piece]:
        if count > 0:
            raw = bytes(self._pending[:count])
            self._forget(count)
            yield Piece(raw=raw, is_frame=False)

    def _opens_at(self, at: int, size: int) -> bool:
        if self._dropped + at in self._refused:
            return False
        if self._opens(bytes(self._pending[at : at + size])):
            return True
        self._refused.add(self._dropped + at)
        return False

    def _forget(self, count: int) -> None:
        del self._pending[:count]
        self._dropped += count
        self._refused = {at for at in self._refused if at >= self._dropped}

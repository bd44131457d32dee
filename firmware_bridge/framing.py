"""Bytes in any chunking → whole frames: COBS + CRC-16, bounded memory, finds its feet after any noise.

[ COBS( payload · CRC-16/CCITT-FALSE, high byte first ) ][ 00 ]

COBS (Cheshire & Baker 1999) removes every zero from a frame, so a zero byte always is a frame's end: noise costs the
frame it fell into, and the frame behind it unless a zero stands between them. Open a transmission with a lone zero
after silence: an empty frame is nothing, and noise on the idle line then costs no frame at all.
"""

from firmware_bridge.crc import crc16_ccitt
from firmware_bridge.errors import FrameError

MAX_PAYLOAD = 1024
_MAX_ENCODED = MAX_PAYLOAD + 2 + (MAX_PAYLOAD + 2) // 254 + 1


def cobs_encode(data: bytes) -> bytes:
    """Return `data` without any zero byte; at most one byte in 254 longer, plus one."""
    out = bytearray()
    blocks = data.split(b"\0")
    for index, block in enumerate(blocks):
        full = len(block) // 254
        for start in range(0, 254 * full, 254):
            out.append(255)
            out += block[start : start + 254]
        rest = block[254 * full :]
        if full and not rest and index == len(blocks) - 1:
            break
        out.append(len(rest) + 1)
        out += rest
    return bytes(out)


def cobs_decode(data: bytes) -> bytes:
    """Undo `cobs_encode`. FrameError where `data` holds a zero or ends inside a block."""
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        end = at + code
        if code == 0 or end > len(data):
            raise FrameError("cobs", f"wanted a block of {code - 1} bytes at {at}, got {len(data) - at - 1}")
        out += data[at + 1 : end]
        at = end
        if code < 255 and at < len(data):
            out.append(0)
    if 0 in data:
        raise FrameError("cobs", "a zero byte inside a frame")
    return bytes(out)


def encode(payload: bytes) -> bytes:
    """Frame one payload of 1…1024 bytes for the line. FrameError outside that."""
    if not 1 <= len(payload) <= MAX_PAYLOAD:
        raise FrameError("size", f"wanted 1 to {MAX_PAYLOAD} bytes, got {len(payload)}")
    return cobs_encode(payload + crc16_ccitt(payload).to_bytes(2, "big")) + b"\0"


def decode(encoded: bytes) -> bytes:
    """Payload of one frame without its closing zero. FrameError where it is not whole."""
    whole = cobs_decode(encoded)
    if len(whole) < 3:
        raise FrameError("short", f"wanted at least 3 bytes, got {len(whole)}")
    payload, crc = whole[:-2], int.from_bytes(whole[-2:], "big")
    if crc16_ccitt(payload) != crc:
        raise FrameError("crc", f"wanted {crc16_ccitt(payload):04x}, got {crc:04x}")
    return payload


class Framer:
    """Collects bytes and gives whole payloads; counts what it had to throw away.

    Memory is bounded: past the longest possible frame everything up to the next zero is noise.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._skipping = False
        self.rejected = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take any bytes; return the payloads that became whole, in order."""
        payloads: list[bytes] = []
        *ended, rest = chunk.split(b"\0")
        for piece in ended:
            self._collect(piece)
            self._close(payloads)
        self._collect(rest)
        return payloads

    def _collect(self, piece: bytes) -> None:
        if len(self._pending) + len(piece) > _MAX_ENCODED:
            self._pending.clear()
            self._skipping = True
        elif not self._skipping:
            self._pending += piece

    def _close(self, payloads: list[bytes]) -> None:
        encoded, skipped = bytes(self._pending), self._skipping
        self._pending.clear()
        self._skipping = False
        if skipped:
            self.rejected += 1
        elif encoded:
            try:
                payloads.append(decode(encoded))
            except FrameError:
                self.rejected += 1

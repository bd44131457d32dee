"""Our own radio frame, for LoRa without LoRaWAN: who says it, in which order, sealed with the sender's own key.

    [ ver ][ net ][ node ][ seq ][ type ][ len ][ epoch ][ payload ][ tag ]        numbers: high byte first
      u8     u16    u16     u16    u8      u8     u32 *     len B      4, 6 or 8 B
      ver    high half 1; low half how many bytes the tag has. 0: clear text for a test bench, a CRC-16/CCITT-FALSE
             over everything before it stands where the tag stands
      net    the town's own number for this network; node 1…65534 in it
      seq    0…65535 in one epoch. A node begins a new epoch, one higher, at every start and before seq would wrap,
             and stores it before it speaks: no (epoch, seq) is ever used twice
      type   low 7 bits: 1 readings (`codecs/satomori_node`). High bit: the epoch stands in this frame (*)
      len    bytes of payload, 1…176

AES-128-CCM (RFC 3610, NIST SP 800-38C) with the node's 16-byte key: the nonce is net · node · epoch · seq (10 bytes,
so L is 5), the additional data every byte before the payload. A node tells its epoch in its first eight frames and in
every sixteenth; a receiver that missed them tries the three epochs after the last one it knows.

A tag of 8 bytes is the rule. 4 bytes save air time; a receiver must allow it, and a forger who fills the channel day
and night then gets one frame through in years, not in ages.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from firmware_bridge.crc import crc16_ccitt
from firmware_bridge.errors import FrameError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

READINGS = 1
KEY_BYTES = 16
TAG_BYTES = (4, 6, 8)
CLEAR = 0
MAX_PAYLOAD = 176
HEADER_BYTES = 9
WINDOW = 32
_EPOCHS_AHEAD = 3
_LAST_EPOCH = 0xFFFFFFFF
_CRC_BYTES = 2
_EPOCH_BYTES = 4
_TELLS_EPOCH = 0x80
_VERSION = 0x10
_HEADER = struct.Struct(">BHHHBB")
_NONCE = struct.Struct(">HHIH")
_EPOCH = struct.Struct(">I")
_NODES = range(1, 0xFFFF)


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one node said, opened. `kind` is the frame's type, `is_genuine` false for clear text."""

    net: int
    node: int
    epoch: int
    seq: int
    payload: bytes
    kind: int = READINGS
    is_genuine: bool = True


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What stands before the payload. `epoch` is None where the frame does not tell it; `tag_bytes` 0 is clear text."""

    tag_bytes: int
    net: int
    node: int
    seq: int
    kind: int
    length: int
    tells_epoch: bool

    @property
    def start(self) -> int:
        """Where the payload begins."""
        return HEADER_BYTES + _EPOCH_BYTES * self.tells_epoch

    @property
    def size(self) -> int:
        """Bytes of the whole frame."""
        return self.start + self.length + (self.tag_bytes or _CRC_BYTES)


def parse(frame: bytes) -> Header:
    """Header of bytes that begin with a frame; whether all of it is there is not asked. FrameError otherwise."""
    if len(frame) < HEADER_BYTES:
        raise FrameError("short", f"wanted at least {HEADER_BYTES} bytes, got {len(frame)}")
    version, net, node, seq, kind, length = _HEADER.unpack_from(frame)
    tag_bytes = version & 0x0F
    if version & 0xF0 != _VERSION or tag_bytes not in (CLEAR, *TAG_BYTES):
        raise FrameError("version", f"wanted 10, 14, 16 or 18, got {version:02x}")
    if node not in _NODES or not 1 <= length <= MAX_PAYLOAD or not kind & ~_TELLS_EPOCH:
        raise FrameError("header", f"node {node}, type {kind}, length {length} cannot be")
    return Header(
        tag_bytes=tag_bytes,
        net=net,
        node=node,
        seq=seq,
        kind=kind & ~_TELLS_EPOCH,
        length=length,
        tells_epoch=bool(kind & _TELLS_EPOCH),
    )


def whole(frame: bytes) -> Header:
    """Header of exactly one frame. FrameError where bytes are missing or too many."""
    header = parse(frame)
    if len(frame) != header.size:
        raise FrameError("length", f"wanted {header.size} bytes, got {len(frame)}")
    return header


def encode(said: Said, key: bytes, *, tag_bytes: int = 8, tells_epoch: bool = False) -> bytes:
    """Seal what a node says. FrameError where a number, the payload or the key has no place in a frame."""
    if tag_bytes not in TAG_BYTES:
        raise FrameError("tag", f"wanted a tag of 4, 6 or 8 bytes, got {tag_bytes}")
    about = _about(said, tag_bytes, tells_epoch)
    nonce = _nonce(said.net, said.node, said.epoch, said.seq)
    return about + _cipher(key, tag_bytes).encrypt(nonce, said.payload, about)


def encode_clear(said: Said, *, tells_epoch: bool = False) -> bytes:
    """The same frame unsealed, with a CRC-16: for a test bench, never for a town. FrameError as `encode`."""
    frame = _about(said, CLEAR, tells_epoch) + said.payload
    return frame + crc16_ccitt(frame).to_bytes(_CRC_BYTES, "big")


def decode(frame: bytes, key: bytes, epochs: Sequence[int] = ()) -> Said:
    """Open one sealed frame; where it does not tell its epoch, `epochs` are tried. FrameError `forged` otherwise."""
    header = whole(frame)
    if header.tag_bytes == CLEAR:
        raise FrameError("clear-text", "wanted a sealed frame, got one for the test bench")
    about, sealed = frame[: header.start], frame[header.start :]
    told = _told_epoch(frame, header)
    for epoch in epochs if told is None else (told,):
        payload = _opened(key, header, epoch, about, sealed)
        if payload is not None:
            return _said(header, epoch, payload, is_genuine=True)
    if told is None and not epochs:
        raise FrameError("epoch-unknown", f"node {header.node}: wanted a frame that tells its epoch first")
    raise FrameError("forged", f"node {header.node}, seq {header.seq}: the tag is not of its key")


def decode_clear(frame: bytes) -> Said:
    """Read one frame of the test bench; its epoch is 0 where it tells none. FrameError where it is not whole."""
    header = whole(frame)
    if header.tag_bytes != CLEAR:
        raise FrameError("tag", "wanted clear text, got a sealed frame")
    body, crc = frame[:-_CRC_BYTES], int.from_bytes(frame[-_CRC_BYTES:], "big")
    if crc16_ccitt(body) != crc:
        raise FrameError("crc", f"wanted {crc16_ccitt(body):04x}, got {crc:04x}")
    return _said(header, _told_epoch(frame, header) or 0, body[header.start :], is_genuine=False)


class Heard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far one node was heard: its epoch, its highest seq, and which of the 32 up to it (bit 0 is `seq`)."""

    epoch: int
    seq: int
    seen: int = 1

    def after(self, epoch: int, seq: int) -> "Heard":
        """The window with one more frame. FrameError `replay` where it was heard before or is too old to tell."""
        if epoch > self.epoch:
            return Heard(epoch, seq)
        step = seq - self.seq
        if epoch < self.epoch or step <= -WINDOW:
            raise FrameError("replay", f"epoch {epoch} seq {seq} is older than epoch {self.epoch} seq {self.seq}")
        if step > 0:
            return Heard(epoch, seq, (self.seen << step | 1) & (1 << WINDOW) - 1 if step < WINDOW else 1)
        if self.seen >> -step & 1:
            raise FrameError("replay", f"epoch {epoch} seq {seq} was heard before")
        return Heard(epoch, self.seq, self.seen | 1 << -step)


class Receiver:
    """Opens what the nodes of one network say; keeps how far each was heard, and refuses what was heard before.

    `keys`: node → its key; a node without a key is never believed. `min_tag_bytes`: shorter tags are refused.
    `takes_clear`: frames of a test bench too, without any protection. `heard` is restored and kept by the caller.
    """

    def __init__(
        self,
        net: int,
        keys: Mapping[int, bytes],
        *,
        heard: Mapping[int, Heard] | None = None,
        min_tag_bytes: int = 8,
        takes_clear: bool = False,
    ) -> None:
        self.net = net
        self.heard = dict(heard or {})
        self._keys = keys
        self._min_tag_bytes = min_tag_bytes
        self._takes_clear = takes_clear

    def open(self, frame: bytes) -> Said:
        """What a frame says, whether or not it was heard before. Changes nothing. FrameError says why it is refused:

        net-foreign, sender-unknown, clear-text, tag-short, epoch-unknown, forged, crc, or it is no frame at all.
        """
        header = whole(frame)
        if header.net != self.net:
            raise FrameError("net-foreign", f"wanted network {self.net}, got {header.net}")
        key = self._keys.get(header.node)
        if key is None:
            raise FrameError("sender-unknown", f"node {header.node} is not listed here")
        if header.tag_bytes == CLEAR and self._takes_clear:
            return decode_clear(frame)
        if 0 < header.tag_bytes < self._min_tag_bytes:
            raise FrameError("tag-short", f"wanted a tag of {self._min_tag_bytes} bytes, got {header.tag_bytes}")
        known = self.heard.get(header.node)
        ahead = () if known is None else range(known.epoch, min(known.epoch + _EPOCHS_AHEAD, _LAST_EPOCH) + 1)
        return decode(frame, key, ahead)

    def take(self, said: Said) -> None:
        """Remember that this was heard. FrameError `replay` where it had been; clear text has no such protection."""
        if said.is_genuine:
            known = self.heard.get(said.node)
            self.heard[said.node] = Heard(said.epoch, said.seq) if known is None else known.after(said.epoch, said.seq)


def _about(said: Said, tag_bytes: int, tells_epoch: bool) -> bytes:
    if not 1 <= len(said.payload) <= MAX_PAYLOAD:
        raise FrameError("size", f"wanted 1 to {MAX_PAYLOAD} bytes, got {len(said.payload)}")
    if said.node not in _NODES or not 1 <= said.kind < _TELLS_EPOCH:
        raise FrameError("header", f"wanted node 1 to 65534 and type 1 to 127, got {said.node} and {said.kind}")
    kind = said.kind | _TELLS_EPOCH * tells_epoch
    try:
        header = _HEADER.pack(_VERSION | tag_bytes, said.net, said.node, said.seq, kind, len(said.payload))
        return header + (_EPOCH.pack(said.epoch) if tells_epoch else b"")
    except struct.error as error:
        raise FrameError("header", f"net {said.net}, epoch {said.epoch}, seq {said.seq}: {error}") from error


def _nonce(net: int, node: int, epoch: int, seq: int) -> bytes:
    try:
        return _NONCE.pack(net, node, epoch, seq)
    except struct.error as error:
        raise FrameError("header", f"net {net}, epoch {epoch}, seq {seq}: {error}") from error


def _told_epoch(frame: bytes, header: Header) -> int | None:
    return int.from_bytes(frame[HEADER_BYTES : header.start], "big") if header.tells_epoch else None


def _said(header: Header, epoch: int, payload: bytes, *, is_genuine: bool) -> Said:
    return Said(
        net=header.net,
        node=header.node,
        epoch=epoch,
        seq=header.seq,
        payload=payload,
        kind=header.kind,
        is_genuine=is_genuine,
    )


def _cipher(key: bytes, tag_bytes: int) -> "AESCCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM  # only radio nodes pay for its memory

    if len(key) != KEY_BYTES:
        raise FrameError("key", f"wanted a key of {KEY_BYTES} bytes, got {len(key)}")
    return AESCCM(key, tag_bytes)


def _opened(key: bytes, header: Header, epoch: int, about: bytes, sealed: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    nonce = _nonce(header.net, header.node, epoch, header.seq)
    try:
        return _cipher(key, header.tag_bytes).decrypt(nonce, sealed, about)
    except InvalidTag:
        return None

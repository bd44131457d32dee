"""Payloads of 16-bit words in groups, each announced by a flag: Decentlab's frame, protocol version 2, big endian.

    [ 02 ][ device u16 ][ flags u16 ][ words of each group whose flag is set, u16 each ]

Flag bit 0 belongs to the product's first group. A flag beyond its groups is an error: its words could not be skipped.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

_HEAD = struct.Struct(">BHH")
_VERSION = 2
Words = Sequence[int]


class Word(NamedTuple):
    """Reading of word `at`, or of 32 bits whose low word is at `at` (`wide`); `absent`: the word that means none.

    reading = (raw + `shift`) × `factor` ÷ `divisor` + `offset`, to four decimals.
    """

    quantity: str
    at: int
    shift: int = 0
    divisor: int = 1
    factor: int = 1
    offset: float = 0.0
    channel: int = 0
    absent: int = -1
    wide: bool = False

    def write(self, words: list[int], value: float | None) -> None:
        """Set the word. DecodeError `missing` where there is neither a value nor a word for none."""
        if value is None and self.absent < 0:
            raise DecodeError("missing", f"wanted {self.quantity} (channel {self.channel}) too")
        raw = self.absent if value is None else round((value - self.offset) * self.divisor / self.factor) - self.shift
        words[self.at] = raw & 0xFFFF
        if self.wide:
            words[self.at + 1] = raw >> 16 & 0xFFFF


class Derived(NamedTuple):
    """A reading computed from several words, None where it makes no sense.

    `invert`: the first two words of its group for a reading, where no other field tells them.
    """

    quantity: str
    compute: Callable[[Words], float | None]
    invert: Callable[[float], tuple[int, int]] | None = None
    channel: int = 0


class Group:
    """`size` words behind one flag, and what they mean."""

    def __init__(self, size: int, fields: tuple[Word | Derived, ...]) -> None:
        self.size, self.fields = size, fields
        self.words = struct.Struct(f">{size}H")

    def read(self, payload: bytes, at: int, readings: list[Reading]) -> None:
        """Add the readings of the words at byte `at`."""
        words = self.words.unpack_from(payload, at)
        for field in self.fields:
            if isinstance(field, Derived):
                derived = field.compute(words)
                if derived is not None:
                    readings.append(Reading(field.quantity, derived, field.channel))
                continue
            quantity, place, shift, divisor, factor, offset, channel, absent, wide = field
            raw = words[place] + (words[place + 1] << 16) if wide else words[place]
            if raw == absent:
                continue
            value = (raw + shift) * factor / divisor
            exact = not offset and factor == 1 and not wide
            readings.append(Reading(quantity, value if exact else round(value + offset, 4), channel))


def decode(groups: Sequence[Group], payload: bytes) -> tuple[Reading, ...]:
    """Readings of a frame. DecodeError length, version, channel (a flag without a group), no-value."""
    if len(payload) < _HEAD.size:
        raise DecodeError("length", f"wanted at least {_HEAD.size} bytes, got {len(payload)}")
    version, _device, flags = _HEAD.unpack_from(payload)
    if version != _VERSION:
        raise DecodeError("version", f"wanted protocol version {_VERSION}, got {version}")
    if flags >> len(groups):
        raise DecodeError("channel", f"flags {flags:04x}: this model has only {len(groups)} groups of words")
    sent = [group for bit, group in enumerate(groups) if flags >> bit & 1]
    size = _HEAD.size + 2 * sum(group.size for group in sent)
    if len(payload) != size:
        raise DecodeError("length", f"wanted {size} bytes, got {len(payload)}")
    readings: list[Reading] = []
    at = _HEAD.size
    for group in sent:
        group.read(payload, at, readings)
        at += 2 * group.size
    if not readings:
        raise DecodeError("no-value", "no group of words, or none with a value")
    return tuple(readings)


def encode(groups: Sequence[Group], readings: Sequence[Reading]) -> bytes:
    """Frame of device 1 for these readings. DecodeError `missing` where a group gets only a part of its values."""
    values = {(reading.quantity, reading.channel): reading.value for reading in readings}
    flags, body = 0, b""
    for bit, group in enumerate(groups):
        if any((field.quantity, field.channel) in values for field in group.fields):
            flags |= 1 << bit
            body += group.words.pack(*_words(group, values))
    return _HEAD.pack(_VERSION, 1, flags) + body


def _words(group: Group, values: Mapping[tuple[str, int], float]) -> list[int]:
    words = [0] * group.size
    for field in group.fields:
        value = values.get((field.quantity, field.channel))
        if isinstance(field, Word):
            field.write(words, value)
        elif field.invert and value is not None:
            words[:2] = field.invert(value)
    return words

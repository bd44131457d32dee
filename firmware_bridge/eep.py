"""EnOcean equipment profiles as tables: which bits of a telegram's payload are which reading, read and written alike.

Bit 0 is the most significant bit of the first payload byte, as the profile documents count. A value outside its raw
range is left out, and so is one at either end of an open-ended range: it may be anything beyond.
"""

from collections.abc import Mapping

import msgspec

from firmware_bridge.reading import Reading

_KEEP_BITS = 10  # readings of a field this narrow are made once and kept


class Scale(msgspec.Struct, frozen=True):
    """`size` bits from bit `at`: raw `raw_low`…`raw_high` → `low`…`high`; only told where bit `needs` is 1."""

    quantity: str
    at: int
    size: int
    raw_low: int
    raw_high: int
    low: float
    high: float
    channel: int = 0
    needs: int | None = None
    open_ended: bool = False

    def reading(self, raw: int) -> Reading | None:
        """The reading of a raw number, None where it says nothing."""
        low, high = min(self.raw_low, self.raw_high), max(self.raw_low, self.raw_high)
        if not (low < raw < high if self.open_ended else low <= raw <= high):
            return None
        share = (raw - self.raw_low) / (self.raw_high - self.raw_low)
        return Reading(self.quantity, round(self.low + share * (self.high - self.low), 3), self.channel)

    def raw(self, value: float | None) -> int:
        """Raw number of a value, clipped as the device would; of no value, one that says nothing where there is one."""
        if value is None:
            past = (1 << self.size) - 1
            is_past = not min(self.raw_low, self.raw_high) <= past <= max(self.raw_low, self.raw_high)
            return self.raw_low if self.open_ended and not is_past else past
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.raw_low + share * (self.raw_high - self.raw_low))


class Flag(msgspec.Struct, frozen=True):
    """One bit; `zero_is` is the reading's value where it is 0."""

    quantity: str
    at: int
    zero_is: int = 0
    size: int = 1
    channel: int = 0
    needs: int | None = None

    def reading(self, raw: int) -> Reading:
        """The reading of the bit."""
        return Reading(self.quantity, raw ^ self.zero_is)

    def raw(self, value: float | None) -> int:
        """The bit of a value; of no value, that of 0."""
        return (round(value or 0) ^ self.zero_is) & 1


_Step = tuple[Scale | Flag, int, int, int, dict[int, Reading | None] | None]


class Profile:
    """Payload of `size` bytes of telegram kind `rorg`; `base`: bits that are always 1."""

    def __init__(self, rorg: int, size: int, fields: tuple[Scale | Flag, ...], base: int = 0) -> None:
        self.rorg, self.size, self.fields, self.base = rorg, size, fields, base
        last = 8 * size - 1
        self._steps: tuple[_Step, ...] = tuple(
            (
                field,
                last + 1 - field.at - field.size,
                (1 << field.size) - 1,
                0 if field.needs is None else 1 << last - field.needs,
                {} if field.size <= _KEEP_BITS else None,
            )
            for field in fields
        )

    def read(self, data: bytes) -> list[Reading]:
        """Readings of a payload of the right size."""
        word = int.from_bytes(data, "big")
        readings = []
        for field, shift, mask, needs, kept in self._steps:
            if needs and not word & needs:
                continue
            raw = word >> shift & mask
            if kept is None:
                reading = field.reading(raw)
            elif raw in kept:
                reading = kept[raw]
            else:
                reading = kept[raw] = field.reading(raw)
            if reading is not None:
                readings.append(reading)
        return readings

    def write(self, values: Mapping[tuple[str, int], float]) -> bytes:
        """Payload of these values by quantity and channel; what none fills is sent as "not told"."""
        word = self.base
        for field, shift, _mask, needs, _kept in self._steps:
            value = values.get((field.quantity, field.channel))
            word |= field.raw(value) << shift
            word |= needs if value is not None else 0
        return word.to_bytes(self.size, "big")

"""Payloads of tagged values, by a table: what Milesight, Elsys and SenseCAP weather frames share, which is everything.

    [ tag ][ value ][ tag ][ value ] …        the tag says what the value is, and so how long it is

A device is data: its tags, each with the layout of its value. A tag that is not in the table is an error, never passed
over: what follows it cannot be trusted, and a new firmware's channel must be seen. A value that stands twice is told
once where both agree, and is an error where they do not. Numbers a device uses for "no value" are left out.

    _ITEMS = {
        "01 75": Item("B", (Value("battery_pct"),)),
        "03 67": Item("<h", (Value("air_temperature_c", 10),)),
        "20 ce": Item("<Ih", (Value("air_temperature_c", 10),), dated=True),
        "ff 16": Item("8x"),                                   # serial number: known, nothing to tell
    }
    _FAMILY = Family((device(_ITEMS, id="vendor/model", name=…, kinds=…, interval_s=…, source=…),))
    MODELS, decode, encode = _FAMILY.models, _FAMILY.decode, _FAMILY.encode
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from firmware_bridge.codecs import Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

_Key = tuple[str, int]
_Single = tuple[str, int, int, int, tuple[int, ...]]
_EXACT = 1e-9


class Value(msgspec.Struct, frozen=True):
    """A number: reading = raw × `factor` ÷ `divisor`. `absent`: raws that mean "no value".

    `when`: (place in the layout, raw) of a number that must be so, else this one is not told.
    """

    quantity: str
    divisor: int = 1
    factor: int = 1
    channel: int = 0
    absent: tuple[int, ...] = ()
    when: tuple[int, int] | None = None


class Choice(msgspec.Struct, frozen=True):
    """An enumeration in one byte: for each raw, its readings (quantity, value, channel); an empty one tells nothing.

    Any other raw is DecodeError `value`.
    """

    cases: Mapping[int, tuple[tuple[str, float, int], ...]]


class Item(msgspec.Struct, frozen=True):
    """The value behind one tag: a `struct` layout and what each of its numbers is; None: known, not told.

    `dated`: a record from the device's memory; its first number, not among `fields`, is seconds since 1970 UTC.
    """

    layout: str
    fields: tuple[Value | Choice | None, ...] = ()
    dated: bool = False


Items = Mapping[str, Item]


def state(quantity: str) -> Choice:
    """The commonest enumeration: 0 is 0 and 1 is 1."""
    return Choice({raw: ((quantity, raw, 0),) for raw in (0, 1)})


class Device(msgspec.Struct, frozen=True):
    """One product and its table; tags in hex, all of one length."""

    model: Model
    items: Items


def device(items: Items, **profile: Any) -> Device:
    """Device whose quantities and resolution are read from its table; `profile`: the other fields of Model."""
    told = [one for item in items.values() for field in item.fields for one in _told(field)]
    resolution = {
        field.quantity: field.factor / field.divisor
        for item in reversed(list(items.values()))
        for field in item.fields
        if isinstance(field, Value)
    }
    profile = {"link": "lorawan", "resolution": resolution} | profile
    return Device(Model(quantities=tuple(dict.fromkeys(quantity for quantity, _ in told)), **profile), items)


def _told(field: Value | Choice | None) -> list[_Key]:
    if isinstance(field, Value):
        return [(field.quantity, field.channel)]
    cases = field.cases.values() if field else ()
    return list(dict.fromkeys((quantity, channel) for case in cases for quantity, _, channel in case))


class _Plan:
    """An item made ready to read: its unpacker, and a bit for each (quantity, channel) to notice what comes twice."""

    def __init__(self, item: Item, bits: dict[_Key, int]) -> None:
        layout = struct.Struct(item.layout)
        self.item = item
        self.size = layout.size
        self.unpack = layout.unpack_from
        self.pack = layout.pack
        self.mask = 1 if item.dated else 0
        for field in () if item.dated else item.fields:
            for key in _told(field):
                self.mask |= bits.setdefault(key, 2 << len(bits))

    def step(self) -> tuple[int, int, Any, "_Single | None", dict[int, tuple[Reading, ...]] | None, "_Plan"]:
        """What the reading loop needs at hand: size, mask, unpacker, and the lone value or enumeration if it is one."""
        only = self.item.fields[0] if len(self.item.fields) == 1 and not self.item.dated else None
        single = (
            (only.quantity, only.factor, only.divisor, only.channel, only.absent) if isinstance(only, Value) else None
        )
        ready = _ready(only) if isinstance(only, Choice) else None
        return self.size, self.mask, self.unpack, single, ready, self

    def read(self, payload: bytes, at: int, readings: list[Reading]) -> None:
        """Add the readings of the value at `at`."""
        raws, at_us = self.unpack(payload, at), 0
        if self.item.dated:
            at_us, raws = raws[0] * 1_000_000, raws[1:]
            if not at_us:
                raise DecodeError("record-time", f"a record without a time at byte {at}: set the device's clock")
        for field, raw in zip(self.item.fields, raws, strict=True):
            if isinstance(field, Choice):
                if raw not in field.cases:
                    raise DecodeError("value", f"wanted one of {sorted(field.cases)}, got {raw} at byte {at}")
                readings += (Reading(name, value, channel, 0.0, at_us) for name, value, channel in field.cases[raw])
            elif (
                field is not None
                and raw not in field.absent
                and (not field.when or raws[field.when[0]] == field.when[1])
            ):
                value = raw * field.factor / field.divisor
                readings.append(Reading(field.quantity, value, field.channel, 0.0, at_us))

    def write(self, values: dict[_Key, float], at_us: int) -> bytes | None:
        """The value's bytes, taking what it says out of `values`; None where it cannot say exactly that."""
        raws: list[int] = [0] * len(self.item.fields)
        taken: list[_Key] = []
        for place, field in enumerate(self.item.fields):
            if field is None:
                continue
            raw = _choice(field, values, taken) if isinstance(field, Choice) else _raw(field, values, taken)
            if raw is None:
                return None
            raws[place] = raw
            if isinstance(field, Value) and field.when and (field.quantity, field.channel) in values:
                raws[field.when[0]] = field.when[1]
        if not taken:
            return None
        try:
            packed = self.pack(*([at_us // 1_000_000] if self.item.dated else []), *raws)
        except struct.error:
            return None
        for key in taken:
            values.pop(key, None)
        return packed


def _ready(choice: Choice) -> dict[int, tuple[Reading, ...]]:
    return {raw: tuple(Reading(*one) for one in case) for raw, case in choice.cases.items()}


def _is_so(when: tuple[int, int] | None, raws: Sequence[int]) -> bool:
    return when is None or raws[when[0]] == when[1]


def _raw(field: Value, values: Mapping[_Key, float], taken: list[_Key]) -> int | None:
    key = (field.quantity, field.channel)
    if key not in values:
        return field.absent[0] if field.absent else 0 if field.when else None
    raw = round(values[key] * field.divisor / field.factor)
    if abs(raw * field.factor / field.divisor - values[key]) > _EXACT or raw in field.absent:
        return None
    taken.append(key)
    return raw


def _choice(field: Choice, values: Mapping[_Key, float], taken: list[_Key]) -> int | None:
    best, size = None, -1
    for raw, case in field.cases.items():
        if len(case) > size and all(values.get((name, channel)) == value for name, value, channel in case):
            best, size = raw, len(case)
    if best is not None:
        taken += ((name, channel) for name, _, channel in field.cases[best])
    return best


class _Table:
    def __init__(self, items: Items) -> None:
        bits: dict[_Key, int] = {}
        self.plans = {bytes.fromhex(tag): _Plan(item, bits) for tag, item in items.items()}
        self.steps = {tag: plan.step() for tag, plan in self.plans.items()}
        self.tag_bytes = len(next(iter(self.plans)))


class Family:
    """Devices whose frames are read alike: the three names a codec module needs."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.models = tuple(device.model for device in devices)
        self._tables = {device.model.id: _Table(device.items) for device in devices}

    def decode(self, model: str, _port: int, payload: bytes) -> tuple[Reading, ...]:
        """Readings of a frame on any port. DecodeError channel, length, value, record-time, twice, no-value."""
        table = self._tables[model]
        steps, tag_bytes = table.steps, table.tag_bytes
        readings: list[Reading] = []
        at, end, seen, clash = 0, len(payload), 0, 0
        while at < end:
            start = at + tag_bytes
            step = steps.get(payload[at:start])
            if step is None or start + step[0] > end:
                raise _unread(payload, at, start, step[0] if step else None)
            size, mask, unpack, single, ready, plan = step
            if single is not None:
                quantity, factor, divisor, channel, absent = single
                raw = unpack(payload, start)[0]
                if raw not in absent:
                    readings.append(Reading(quantity, raw * factor / divisor, channel))
            elif ready is not None and payload[start] in ready:
                readings += ready[payload[start]]
            else:
                plan.read(payload, start, readings)
            clash |= seen & mask
            seen |= mask
            at = start + size
        if not readings:
            raise DecodeError("no-value", "the frame only introduces the device, or says that it has no value")
        return _merged(readings) if clash else tuple(readings)

    def encode(self, model: str, _port: int, readings: Sequence[Reading]) -> bytes:
        """Frame for these readings: present ones first, then a record for each time.

        DecodeError `missing` where a reading has no tag that says exactly it, or only together with others.
        """
        frame = b""
        for at_us in sorted({reading.at_us for reading in readings}):
            values = {(r.quantity, r.channel): r.value for r in readings if r.at_us == at_us}
            for tag, plan in self._tables[model].plans.items():
                packed = plan.write(values, at_us) if values and plan.item.dated == bool(at_us) else None
                frame += tag + packed if packed is not None else b""
            if values:
                raise DecodeError("missing", f"{model} cannot say {', '.join(sorted(name for name, _ in values))} so")
        return frame


def _unread(payload: bytes, at: int, start: int, size: int | None) -> DecodeError:
    if size is None and start <= len(payload):
        return DecodeError("channel", f"byte {at}: no channel {payload[at:start].hex(' ')} is known for this model")
    wanted = start + (size or 0) - at
    return DecodeError("length", f"byte {at}: wanted {wanted} bytes of a channel, got {len(payload) - at}")


def _merged(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    told: dict[tuple[str, int, int], Reading] = {}
    for reading in readings:
        other = told.setdefault((reading.quantity, reading.channel, reading.at_us), reading)
        if other.value != reading.value:
            raise DecodeError("twice", f"{reading.quantity} is {other.value:g} and {reading.value:g} in one frame")
    return tuple(told.values())

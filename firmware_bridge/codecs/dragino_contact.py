"""Dragino doors, leaks and the help button over LoRaWAN. Big endian.

LDS02, LWL02   fPort 10  [ state and battery u16 ][ mode u8 ][ times u24 ][ minutes u24 ][ alarm u8 ]
               b15 open, b14 leak, b13–0 mV · mode 1 door: times opened, last open minutes · 2 leak: likewise
               mode 3 both: states only
DS03A-LB       fPort 2   [ flags u8 ][ times u24 ][ minutes u24 ][ seconds u32 ]      flags b0 open
               a second door: [ flags u8 ][ times u24 ][ minutes u24 ] behind it (channel 1)
LWL03A         fPort 2   [ flags u8 ][ times u24 ][ minutes u24 ][ seconds u32 ]      flags b0 leak
both           fPort 3   records of 11 bytes, as on fPort 2, of the time in them
               fPort 5   [ product u8 ][ firmware u16 ][ band ][ sub-band ][ battery u16 mV ]
PB01           fPort 2   [ battery u16 mV ][ sounds u8 ][ alarm u8 b0 ][ °C int16 ÷10 ][ % u16 ÷10 ]
               fPort 3   records whose three numbers no source names: refused
               fPort 5   as above

Battery 0 is "not told" and left out. The seconds of a report are those of its sending.
Sources: github.com/dragino/dragino-end-node-decoder DS03A-LB, PB01; github.com/TheThingsNetwork/lorawan-devices
vendor/dragino lds02.js, lwl02.js, lwl03a.js; github.com/chirpstack/chirpstack-device-profiles (LWL02).
"""

import struct
from collections.abc import Mapping, Sequence

import msgspec

from firmware_bridge.codecs import DeviceKind, Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

_STATUS = struct.Struct(">B4xH")
_BUTTON = struct.Struct(">HxBhH")
_DOOR = ("contact_open", "open_count", "open_minutes")
_LEAK = ("leak", "leak_count", "leak_minutes")
_OPEN_BIT, _LEAK_BIT = 0x8000, 0x4000
_BOTH = 3


class _Logger(msgspec.Struct, frozen=True):
    """A product that remembers: what its three numbers are, how many it has of each, its number on fPort 5."""

    told: tuple[str, str, str]
    doors: int
    product: int


_LOGGERS: Mapping[str, _Logger] = {
    "dragino/ds03a-lb": _Logger(_DOOR, 2, 0x1B),
    "dragino/lwl03a": _Logger(_LEAK, 1, 0x14),
}
_PB01 = "dragino/pb01"
_PRODUCTS = {_PB01: 0x35, **{model: logger.product for model, logger in _LOGGERS.items()}}
_MODES: Mapping[str, Mapping[int, tuple[str, str, str]]] = {
    "dragino/lds02": {1: _DOOR},
    "dragino/lwl02": {2: _LEAK},
}


def _product(
    identity: str, name: str, kinds: tuple[DeviceKind, ...], quantities: tuple[str, ...], ja: str, en: str
) -> Model:
    return Model(
        id=f"dragino/{identity}",
        name=f"Dragino {name}",
        kinds=kinds,
        link="lorawan",
        quantities=(*quantities, "battery_v"),
        interval_s=86400 if kinds != ("button", "climate") else 1200,
        source=f"github.com/TheThingsNetwork/lorawan-devices vendor/dragino/{identity}; wiki.dragino.com",
        cannot_ja=ja,
        cannot_en=en,
        resolution={"battery_v": 0.001},
    )


_SLIP = ("磁石がずれると「開」のままになる。", "Stays at open where its magnet has slipped.")
_DROPS = ("電極が水にふれてはじめて分かる。", "Only sees water that reaches its contacts.")
MODELS: tuple[Model, ...] = (
    _product("lds02", "LDS02 door", ("contact",), (*_DOOR, "leak"), *_SLIP),
    _product("lwl02", "LWL02 leak", ("leak",), (*_LEAK, "contact_open"), *_DROPS),
    _product("ds03a-lb", "DS03A-LB door, one or two", ("contact",), _DOOR, *_SLIP),
    _product("lwl03a", "LWL03A rope leak", ("leak",), _LEAK, *_DROPS),
    _product(
        "pb01",
        "PB01 help button, temperature, humidity",
        ("button", "climate"),
        ("button", "air_temperature_c", "humidity_pct"),
        "押した信号が届かないことがある。届いたかは機器の音(設定による)で確かめること。",
        "A press can be lost on the air: set its sound for the answer, and listen for it.",
    ),
)


def decode(model: str, port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of an uplink. DecodeError port, length, value (mode), product, record, record-time."""
    if model in _MODES:
        return _counted(model, port, payload)
    if port == 5:
        return _battery(model, payload)
    if model == _PB01:
        return _pressed(port, payload)
    return _logged(_LOGGERS[model], port, payload)


def _counted(model: str, port: int, payload: bytes) -> tuple[Reading, ...]:
    if port != 10:
        raise DecodeError("port", f"wanted fPort 10, got {port}")
    if len(payload) != 10:
        raise DecodeError("length", f"wanted 10 bytes, got {len(payload)}")
    word, mode = payload[0] << 8 | payload[1], payload[2]
    is_open, is_leak = int(bool(word & _OPEN_BIT)), int(bool(word & _LEAK_BIT))
    battery = [Reading("battery_v", (word & 0x3FFF) / 1000)] if word & 0x3FFF else []
    if mode == _BOTH:
        return (Reading("contact_open", is_open), Reading("leak", is_leak), *battery)
    told = _MODES[model].get(mode)
    if told is None:
        raise DecodeError("value", f"wanted mode {min(_MODES[model])} or {_BOTH}, got {mode}: is this the device?")
    state = is_open if told == _DOOR else is_leak
    return (Reading(told[0], state), *_numbers(told, payload[3:9]), *battery)


def _numbers(told: tuple[str, str, str], raw: bytes, channel: int = 0, at_us: int = 0) -> tuple[Reading, ...]:
    times, minutes = int.from_bytes(raw[:3], "big"), int.from_bytes(raw[3:6], "big")
    return Reading(told[1], times, channel, 0.0, at_us), Reading(told[2], minutes, channel, 0.0, at_us)


def _battery(model: str, payload: bytes) -> tuple[Reading, ...]:
    if len(payload) != _STATUS.size:
        raise DecodeError("length", f"wanted {_STATUS.size} bytes of status, got {len(payload)}")
    product, millivolts = _STATUS.unpack(payload)
    if product != _PRODUCTS[model]:
        raise DecodeError("product", f"wanted product {_PRODUCTS[model]:02x}, got {product:02x}: is this the device?")
    return (Reading("battery_v", millivolts / 1000),)


def _pressed(port: int, payload: bytes) -> tuple[Reading, ...]:
    if port == 3:
        raise DecodeError("record", "records of PB01: no source says which of their numbers is which")
    if port != 2:
        raise DecodeError("port", f"wanted fPort 2, got {port}")
    if len(payload) != _BUTTON.size:
        raise DecodeError("length", f"wanted {_BUTTON.size} bytes, got {len(payload)}")
    battery, alarm, celsius, humidity = _BUTTON.unpack(payload)
    readings = [
        Reading("button", alarm & 1),
        Reading("air_temperature_c", celsius / 10),
        Reading("humidity_pct", humidity / 10),
    ]
    return (*readings, Reading("battery_v", battery / 1000)) if battery else tuple(readings)


def _logged(logger: _Logger, port: int, payload: bytes) -> tuple[Reading, ...]:
    if port not in (2, 3):
        raise DecodeError("port", f"wanted fPort 2, 3 or 5, got {port}")
    sizes = [11, 18][: logger.doors] if port == 2 else []
    if (port == 2 and len(payload) not in sizes) or not payload or (port == 3 and len(payload) % 11):
        raise DecodeError(
            "length", f"wanted {' or '.join(map(str, sizes)) or 'records of 11'} bytes, got {len(payload)}"
        )
    if port == 2:
        second = _one(logger.told, payload[11:], 1) if len(payload) == 18 else ()
        return (*_one(logger.told, payload[:7]), *second)
    readings: list[Reading] = []
    for at in range(0, len(payload), 11):
        seconds = int.from_bytes(payload[at + 7 : at + 11], "big")
        if not seconds:
            raise DecodeError("record-time", f"a record without a time at byte {at}: set the device's clock")
        readings += _one(logger.told, payload[at : at + 7], 0, seconds * 1_000_000)
    if len({reading.at_us for reading in readings}) * 3 != len(readings):
        raise DecodeError("twice", "two records of one time")
    return tuple(readings)


def _one(told: tuple[str, str, str], raw: bytes, channel: int = 0, at_us: int = 0) -> tuple[Reading, ...]:
    return (Reading(told[0], raw[0] & 1, channel, 0.0, at_us), *_numbers(told, raw[1:7], channel, at_us))


def encode(model: str, port: int, readings: Sequence[Reading]) -> bytes:
    """Uplink for these readings; fPort 5 tells the battery of those that do not tell it elsewhere.

    DecodeError `missing` where a state comes without the numbers that are always sent with it.
    """
    values = {(r.quantity, r.channel, r.at_us): r.value for r in readings}
    plain = {quantity: value for (quantity, _, _), value in values.items()}
    if model in _PRODUCTS and port == 5:
        return _STATUS.pack(_PRODUCTS[model], round(plain.get("battery_v", 0) * 1000))
    if model == _PB01:
        _wanted(plain, "button", "air_temperature_c", "humidity_pct")
        return _BUTTON.pack(
            round(plain.get("battery_v", 0) * 1000),
            round(plain["button"]),
            round(plain["air_temperature_c"] * 10),
            round(plain["humidity_pct"] * 10),
        )
    if model in _LOGGERS:
        return _log(_LOGGERS[model].told, values)
    return _count(model, plain)


def _wanted(values: Mapping[str, float], *names: str) -> None:
    missing = [name for name in names if name not in values]
    if missing:
        raise DecodeError("missing", f"wanted {', '.join(names)} together; missing {', '.join(missing)}")


def _pair(values: Mapping[str, float], told: tuple[str, str, str]) -> bytes:
    return round(values[told[1]]).to_bytes(3, "big") + round(values[told[2]]).to_bytes(3, "big")


def _count(model: str, values: Mapping[str, float]) -> bytes:
    word = round(values.get("battery_v", 0) * 1000)
    word |= _OPEN_BIT if values.get("contact_open") else 0
    word |= _LEAK_BIT if values.get("leak") else 0
    if "contact_open" in values and "leak" in values:
        return word.to_bytes(2, "big") + bytes((_BOTH,)) + bytes(7)
    ((mode, told),) = _MODES[model].items()
    _wanted(values, *told)
    return word.to_bytes(2, "big") + bytes((mode,)) + _pair(values, told) + b"\0"


def _log(told: tuple[str, str, str], values: Mapping[tuple[str, int, int], float]) -> bytes:
    frame = b""
    for channel, at_us in sorted({(channel, at_us) for _, channel, at_us in values}):
        one = {name: value for (name, c, at), value in values.items() if (c, at) == (channel, at_us)}
        _wanted(one, *told)
        frame += bytes((round(one[told[0]]),)) + _pair(one, told)
        frame += b"" if channel else (at_us // 1_000_000).to_bytes(4, "big")
    return frame

"""ECHONET Lite low-voltage smart meter (0288) over the B-route, a Wi-SUN dongle's payload. Big endian.

[ 10 81 ][ TID u16 ][ source 02 88 xx ][ destination, 3 B ][ ESV ][ OPC ][ EPC, PDC, EDT ] …
ESV 72 answer, 73 notice, 52 answer to a part (what it refuses comes with PDC 0)

E7 int32 W · E8 int16, int16 ÷10 A of R and T (channels 0, 1) · E0, E3 u32 energy bought, sold
EA, EB the same at a half hour: year u16, month, day, hour, minute, second u8, u32; that time is Japan's
energy kWh = number × coefficient (D3 u32, 1 where the meter does not have it) × unit (E1: 00 1, 01 0.1 … 04 0.0001,
0A 10, 0B 100, 0C 1000, 0D 10000). Without E1 in the same frame it cannot be told: ask for E1 and D3 with E0.

No value: E7 7FFFFFFE, E8 7FFE (T of a two-wire service), energy FFFFFFFE; the overflow numbers beside them likewise.
Known and not told: what the meter says about itself (80–82, 88, 8A, 8D, 97, 98, 9D–9F, D7, E2, E4, E5, EC, ED).
Sources: ECHONET device object specification, class 0288; joanjettsdog.blogspot.com 2015-11; netlog.jpn.org 2020-11.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone

from firmware_bridge.codecs import Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

_HEAD = struct.Struct(">HH3s3sBB")
_ECHONET_LITE, _METER, _CONTROLLER = 0x1081, b"\x02\x88\x01", b"\x05\xff\x01"
_ANSWER, _ANSWERS = 0x72, (0x72, 0x73, 0x52)
_JAPAN = timezone(timedelta(hours=9))
_UNITS = {0: (1, 1), 1: (1, 10), 2: (1, 100), 3: (1, 1000), 4: (1, 10_000)}
_UNITS |= {0x0A: (10, 1), 0x0B: (100, 1), 0x0C: (1000, 1), 0x0D: (10_000, 1)}
_POWER, _CURRENT, _UNIT, _COEFFICIENT = 0xE7, 0xE8, 0xE1, 0xD3
_ENERGY = {0xE0: "energy_kwh", 0xE3: "energy_sold_kwh"}
_HALF_HOUR = {0xEA: "energy_kwh", 0xEB: "energy_sold_kwh"}
_SIZES = {_POWER: 4, _CURRENT: 4, _UNIT: 1, _COEFFICIENT: 4, 0xE0: 4, 0xE3: 4, 0xEA: 11, 0xEB: 11}
_ABOUT = frozenset(bytes.fromhex("80 81 82 88 8a 8d 97 98 9d 9e 9f d7 e2 e4 e5 ec ed"))
_NO_ENERGY, _NO_POWER, _NO_CURRENT = 0xFFFFFFFE, 0x7FFFFFFE, 0x7FFE
_Properties = Mapping[int, bytes]

MODELS: tuple[Model, ...] = (
    Model(
        id="generic/echonet-lite-meter",
        name="Smart meter, B-route (ECHONET Lite over Wi-SUN)",
        kinds=("power",),
        link="wi-sun",
        quantities=("power_w", "current_a", "energy_kwh", "energy_sold_kwh"),
        interval_s=60,
        source="ECHONET device object specification, class 0288",
        cannot_ja="家じゅうの合計だけで、どの機器かは分からない。契約者本人のBルート申し込みが要る。30秒より短くは聞かないこと。",
        cannot_en="Tells the whole house only, never which appliance. Needs the resident's own B-route contract. "
        "Do not ask more often than every 30 s.",
        resolution={"power_w": 1, "current_a": 0.1},
        battery_ja="電池はない(電力会社の計器)。",
        battery_en="Has none: it is the utility's meter.",
    ),
)


def decode(_model: str, _port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of an answer or notice of the meter.

    DecodeError echonet (not ECHONET Lite), object (not a meter), service, length, channel (an unknown property),
    value (unit or date), missing (energy without its unit), no-value.
    """
    properties = dict(_properties(payload))
    readings: list[Reading] = []
    for code, data in properties.items():
        if code == _POWER:
            readings += _told("power_w", struct.unpack(">i", data)[0], 1, _NO_POWER)
        elif code == _CURRENT:
            for channel, raw in enumerate(struct.unpack(">hh", data)):
                readings += _told("current_a", raw, 10, _NO_CURRENT, channel)
        elif code in _ENERGY:
            readings += _energy(_ENERGY[code], data, properties, 0)
        elif code in _HALF_HOUR:
            readings += _energy(_HALF_HOUR[code], data[7:], properties, _japan_us(data))
    if not readings:
        raise DecodeError("no-value", "none of the meter's properties has a value")
    return tuple(readings)


def _properties(payload: bytes) -> Iterator[tuple[int, bytes]]:
    if len(payload) < _HEAD.size:
        raise DecodeError("length", f"wanted at least {_HEAD.size} bytes, got {len(payload)}")
    magic, _tid, source, _destination, service, count = _HEAD.unpack_from(payload)
    if magic != _ECHONET_LITE:
        raise DecodeError("echonet", f"wanted 1081 first, got {magic:04x}")
    if source[:2] != _METER[:2]:
        raise DecodeError("object", f"wanted a meter (0288), got {source[:2].hex()}")
    if service not in _ANSWERS:
        raise DecodeError("service", f"wanted an answer or a notice (72, 73, 52), got {service:02x}")
    at, seen = _HEAD.size, set()
    for _ in range(count):
        code, data = _property(payload, at)
        if code in seen:
            raise DecodeError("twice", f"property {code:02x} stands there twice")
        seen.add(code)
        at += 2 + len(data)
        if data:
            yield code, data
    if at != len(payload):
        raise DecodeError("length", f"wanted {at} bytes, got {len(payload)}")


def _property(payload: bytes, at: int) -> tuple[int, bytes]:
    if at + 2 > len(payload) or at + 2 + payload[at + 1] > len(payload):
        raise DecodeError("length", f"byte {at}: a property is cut")
    code, size = payload[at], payload[at + 1]
    if code not in _SIZES and code not in _ABOUT:
        raise DecodeError("channel", f"byte {at}: no property {code:02x} is known")
    if size and size != _SIZES.get(code, size):
        raise DecodeError("length", f"byte {at}: wanted {_SIZES[code]} bytes of property {code:02x}, got {size}")
    return code, payload[at + 2 : at + 2 + size]


def _told(quantity: str, raw: int, divisor: int, none: int, channel: int = 0) -> list[Reading]:
    """No reading for "no value" and for the two overflow numbers beside it."""
    return [] if raw in (none, none + 1, -none - 2) else [Reading(quantity, raw / divisor, channel)]


def _energy(quantity: str, data: bytes, properties: _Properties, at_us: int) -> list[Reading]:
    raw = int.from_bytes(data, "big")
    if raw >= _NO_ENERGY:
        return []
    if _UNIT not in properties:
        raise DecodeError("missing", "energy without its unit: ask for E1 and D3 in the same frame")
    if properties[_UNIT][0] not in _UNITS:
        raise DecodeError("value", f"no unit {properties[_UNIT][0]:02x} of energy is known")
    factor, divisor = _UNITS[properties[_UNIT][0]]
    coefficient = int.from_bytes(properties.get(_COEFFICIENT, b"\x01"), "big")
    return [Reading(quantity, raw * coefficient * factor / divisor, 0, 0.0, at_us)]


def _japan_us(data: bytes) -> int:
    try:
        year, month, day, hour, minute, second = struct.unpack_from(">H5B", data)
        time = datetime(year, month, day, hour, minute, second, tzinfo=_JAPAN)
    except ValueError as error:
        raise DecodeError("value", f"not a date: {data[:7].hex(' ')}") from error
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    if since <= timedelta():
        raise DecodeError("value", f"a date before 1970: {data[:7].hex(' ')}")
    return since // timedelta(microseconds=1)


def encode(_model: str, _port: int, readings: Sequence[Reading]) -> bytes:
    """The meter's answer that holds these readings, with the unit their energy needs."""
    values = {(r.quantity, r.channel, r.at_us): r.value for r in readings}
    packed: dict[int, bytes] = {}
    if ("power_w", 0, 0) in values:
        packed[_POWER] = struct.pack(">i", round(values["power_w", 0, 0]))
    if any(("current_a", channel, 0) in values for channel in (0, 1)):
        phases = [round(values.get(("current_a", channel, 0), _NO_CURRENT / 10) * 10) for channel in (0, 1)]
        packed[_CURRENT] = struct.pack(">hh", *phases)
    energies = [value for (quantity, _, _), value in values.items() if quantity.startswith("energy")]
    if energies:
        unit = _unit(energies)
        packed[_UNIT] = bytes((unit,))
        packed |= _packed_energy(values, _UNITS[unit][1])
    body = b"".join(bytes((code, len(data))) + data for code, data in packed.items())
    return _HEAD.pack(_ECHONET_LITE, 1, _METER, _CONTROLLER, _ANSWER, len(packed)) + body


def _unit(energies: Sequence[float]) -> int:
    for code in range(5):
        scale = _UNITS[code][1]
        if all(abs(round(value * scale) / scale - value) < 1e-9 for value in energies):
            return code
    raise DecodeError("missing", "no unit says this energy exactly")


def _packed_energy(values: Mapping[tuple[str, int, int], float], scale: int) -> Iterator[tuple[int, bytes]]:
    codes = {quantity: code for code, quantity in _ENERGY.items()}
    half_hour_codes = {quantity: code for code, quantity in _HALF_HOUR.items()}
    for (quantity, _, at_us), value in values.items():
        if quantity in codes and not at_us:
            yield codes[quantity], round(value * scale).to_bytes(4, "big")
        elif quantity in codes:
            time = datetime.fromtimestamp(at_us / 1e6, _JAPAN)
            yield half_hour_codes[quantity], struct.pack(">H5BI", *time.timetuple()[:6], round(value * scale))

"""Dragino LHT65, LHT65N and LHT65N-PIR over LoRaWAN: temperature, humidity and one external sensor. Big endian.

fPort 2   [ battery u16 ][ °C int16 ÷100 ][ % u16 ÷10 ][ external u8 ][ its value, 4 bytes ]          a report
          [ value, 2 bytes ][ °C int16 ÷100 ][ % u16 ÷10 ][ external u8, b6 = 1 ][ seconds u32 ] …     records
fPort 5   [ product u8 ][ firmware u16 ][ band ][ sub-band ][ battery u16 mV ]                    LHT65N and -PIR

battery: the low 14 bits, mV. %: the low 12 bits. external: b7 not connected, b5–0 what is plugged in
  0 nothing · 1 DS18B20, 2 TMP117 int16 ÷100 °C · 4 interrupt u8 level · 5 u16 lx · 6 u16 mV · 7 u16, 8 u32 pulses
  9, A DS18B20, TMP117 in the two bytes of the battery · B SHT31 int16 ÷100 °C, u16 ÷10 % · E motion u8 b0, u24 count
  F, 10, 20 ids of an external sensor in the bytes of temperature and humidity; 10 and 20 with its value as B and 2

A record's own value is told for external 1, 2, 5, 6, 9, A and B; the others would not fit its two bytes. Temperatures
are two's complement (the vendor's list of temperatures on fPort 3 loses the sign, and has no times: refused). 7FFF is
no temperature, FFF no humidity.
Sources: github.com/dragino/dragino-end-node-decoder LHT65N V1.5.6 and LHT65N-PIR; github.com/TheThingsNetwork/
lorawan-devices vendor/dragino/lht65.js.
"""

import struct
from collections.abc import Callable, Mapping, Sequence

from firmware_bridge.codecs import DeviceKind, Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

_PORT, _STATUS_PORT = 2, 5
_REPORT = struct.Struct(">hhHB4s")
_RECORD = struct.Struct(">2shHBI")
_STATUS = struct.Struct(">B4xH")
_IS_RECORD, _UNPLUGGED, _WHAT = 0x40, 0x80, 0x3F
_IN_BATTERYS_PLACE, _IDS, _PIR = (0x09, 0x0A), (0x0F, 0x10, 0x20), 0x0E
_NO_CELSIUS = 0x7FFF
_PRODUCTS = {"dragino/lht65n": 0x0B, "dragino/lht65n-pir": 0x1A}
_Values = Mapping[str, float]


def _celsius(quantity: str, hundredths: int) -> list[Reading]:
    return [] if hundredths == _NO_CELSIUS else [Reading(quantity, hundredths / 100)]


def _probe(raw: bytes) -> list[Reading]:
    return _celsius("probe_temperature_c", int.from_bytes(raw[:2], "big", signed=True))


def _sht31(raw: bytes) -> list[Reading]:
    tenths = int.from_bytes(raw[2:4], "big") & 0xFFF
    return [*_probe(raw), *([Reading("probe_humidity_pct", tenths / 10)] if tenths < 0xFFF else [])]


def _short(quantity: str, divisor: int = 1) -> Callable[[bytes], list[Reading]]:
    return lambda raw: [Reading(quantity, int.from_bytes(raw[:2], "big") / divisor)]


_EXTERNAL: Mapping[int, Callable[[bytes], list[Reading]]] = {
    0x00: lambda _: [],
    0x01: _probe,
    0x02: _probe,
    0x04: lambda raw: [Reading("digital_input", int(bool(raw[0])))],
    0x05: _short("illuminance_lx"),
    0x06: _short("voltage_v", 1000),
    0x07: _short("pulse_count"),
    0x08: lambda raw: [Reading("pulse_count", int.from_bytes(raw, "big"))],
    0x09: lambda _: [],
    0x0A: lambda _: [],
    0x0B: _sht31,
    0x0E: lambda raw: [Reading("motion", raw[0] & 1), Reading("motion_count", int.from_bytes(raw[1:4], "big"))],
    0x0F: lambda _: [],
    0x10: _sht31,
    0x20: _probe,
}
_RECORDED: Mapping[int, Callable[[bytes], list[Reading]]] = {
    **dict.fromkeys((0x01, 0x02, 0x09, 0x0A, 0x0B), _probe),
    0x05: _short("illuminance_lx"),
    0x06: _short("voltage_v", 1000),
}
_COMMON = ("air_temperature_c", "humidity_pct", "battery_v", "probe_temperature_c", "probe_humidity_pct")
_MORE = ("digital_input", "illuminance_lx", "voltage_v", "pulse_count")
_INPUT_JA = "外付け(DS18B20)は、つながっていないと0.0℃を送ることがある。"
_INPUT_EN = "The external DS18B20 may send 0.0 °C where nothing is connected."


def _product(identity: str, name: str, kinds: tuple[DeviceKind, ...], more: tuple[str, ...], ja: str, en: str) -> Model:
    return Model(
        id=f"dragino/{identity}",
        name=f"Dragino {name}",
        kinds=kinds,
        link="lorawan",
        quantities=(*_COMMON, *_MORE, *more),
        interval_s=1200,
        source="github.com/dragino/dragino-end-node-decoder LHT65N, LHT65N-PIR; wiki.dragino.com",
        cannot_ja=ja + _INPUT_JA,
        cannot_en=en + _INPUT_EN,
        resolution={"air_temperature_c": 0.01, "humidity_pct": 0.1, "probe_temperature_c": 0.01, "battery_v": 0.001},
    )


_SUN_JA, _SUN_EN = "日なたでは気温より高く出る。", "Reads high in the sun. "
MODELS: tuple[Model, ...] = (
    _product("lht65", "LHT65 temperature and humidity", ("climate", "weather"), (), _SUN_JA, _SUN_EN),
    _product("lht65n", "LHT65N temperature and humidity", ("climate", "weather"), (), _SUN_JA, _SUN_EN),
    _product(
        "lht65n-pir",
        "LHT65N-PIR motion, temperature, humidity",
        ("motion", "climate"),
        ("motion", "motion_count"),
        "動きがないことと、人がいないことは同じではない。",
        "No motion does not mean nobody. ",
    ),
)


def decode(model: str, port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of an uplink. DecodeError port, length, value (an unknown external sensor), record-time, no-value."""
    if port == _STATUS_PORT and model in _PRODUCTS:
        return _battery(model, payload)
    if port != _PORT:
        raise DecodeError("port", f"wanted fPort {_PORT}, got {port}")
    if not payload or len(payload) % _REPORT.size:
        raise DecodeError("length", f"wanted {_REPORT.size} bytes, or records of as many, got {len(payload)}")
    if payload[6] & _IS_RECORD:
        return _records(model, payload)
    if len(payload) != _REPORT.size:
        raise DecodeError("length", f"wanted {_REPORT.size} bytes of a report, got {len(payload)}")
    readings = _report(model, *_REPORT.unpack(payload))
    if not readings:
        raise DecodeError("no-value", "neither battery nor any sensor told a value")
    return tuple(readings)


def _battery(model: str, payload: bytes) -> tuple[Reading, ...]:
    if len(payload) != _STATUS.size:
        raise DecodeError("length", f"wanted {_STATUS.size} bytes of status, got {len(payload)}")
    product, millivolts = _STATUS.unpack(payload)
    if product != _PRODUCTS[model]:
        raise DecodeError("product", f"wanted product {_PRODUCTS[model]:02x}, got {product:02x}: is this the device?")
    return (Reading("battery_v", millivolts / 1000),)


def _checked(model: str, external: int) -> int:
    what = external & _WHAT
    if what not in _EXTERNAL or (what == _PIR and model != "dragino/lht65n-pir"):
        raise DecodeError("value", f"no external sensor {what:02x} is known for {model}")
    return what


def _report(model: str, first: int, celsius: int, humidity: int, external: int, raw: bytes) -> list[Reading]:
    what = _checked(model, external)
    readings = [] if what in _IDS else [*_celsius("air_temperature_c", celsius), *_humidity(humidity)]
    if what in _IN_BATTERYS_PLACE:
        readings += _celsius("probe_temperature_c", first)
    elif first & 0x3FFF:
        readings.append(Reading("battery_v", (first & 0x3FFF) / 1000))
    return readings if external & _UNPLUGGED else [*readings, *_EXTERNAL[what](raw)]


def _records(model: str, payload: bytes) -> tuple[Reading, ...]:
    records = [_record(model, *record) for record in _RECORD.iter_unpack(payload)]
    readings = tuple(reading for record in records for reading in record)
    if not readings:
        raise DecodeError("no-value", "no record has a value")
    if len({record[0].at_us for record in records if record}) != len([record for record in records if record]):
        raise DecodeError("twice", "two records of one time")
    return readings


def _record(model: str, raw: bytes, celsius: int, humidity: int, external: int, seconds: int) -> list[Reading]:
    if not external & _IS_RECORD:
        raise DecodeError("value", f"wanted records only, got a report among them (external {external:02x})")
    if not seconds:
        raise DecodeError("record-time", "a record without a time: set the device's clock")
    what = _checked(model, external)
    told = [*_celsius("air_temperature_c", celsius), *_humidity(humidity)]
    if what in _RECORDED and not external & _UNPLUGGED:
        told += _RECORDED[what](raw)
    return [Reading(one.quantity, one.value, one.channel, 0.0, seconds * 1_000_000) for one in told]


def _humidity(word: int) -> list[Reading]:
    return [] if word & 0xFFF == 0xFFF else [Reading("humidity_pct", (word & 0xFFF) / 10)]


def encode(model: str, port: int, readings: Sequence[Reading]) -> bytes:
    """A report of these readings, or the records of those with a time, for fPort 2; the battery for fPort 5.

    DecodeError `missing` where they are more than one external sensor.
    """
    times = sorted({reading.at_us for reading in readings if reading.at_us})
    if times:
        return b"".join(_recorded({r.quantity: r.value for r in readings if r.at_us == at}, at) for at in times)
    values = {reading.quantity: reading.value for reading in readings}
    if port == _STATUS_PORT and model in _PRODUCTS:
        return _STATUS.pack(_PRODUCTS[model], round(values.get("battery_v", 0) * 1000))
    external, raw = _external(model, values)
    return _REPORT.pack(round(values.get("battery_v", 0) * 1000), *_climate(values), external, raw)


def _climate(values: _Values) -> tuple[int, int]:
    celsius = round(values["air_temperature_c"] * 100) if "air_temperature_c" in values else _NO_CELSIUS
    return celsius, round(values["humidity_pct"] * 10) if "humidity_pct" in values else 0xFFF


def _recorded(values: _Values, at_us: int) -> bytes:
    external, raw = _external("", values)
    return _RECORD.pack(raw[:2], *_climate(values), external | _IS_RECORD, at_us // 1_000_000)


def _external(model: str, values: _Values) -> tuple[int, bytes]:
    probe = round(values.get("probe_temperature_c", 327.67) * 100)
    ways: Mapping[str, tuple[int, Callable[[], bytes]]] = {
        "probe_humidity_pct": (0x0B, lambda: struct.pack(">hH", probe, round(values["probe_humidity_pct"] * 10))),
        "probe_temperature_c": (0x01, lambda: struct.pack(">hH", probe, 0x7FFF)),
        "digital_input": (0x04, lambda: bytes((round(values["digital_input"]), 0, 0, 0))),
        "illuminance_lx": (0x05, lambda: struct.pack(">H2x", round(values["illuminance_lx"]))),
        "voltage_v": (0x06, lambda: struct.pack(">H2x", round(values["voltage_v"] * 1000))),
        "pulse_count": (0x08, lambda: struct.pack(">I", round(values["pulse_count"]))),
        "motion": (0x0E, lambda: _motion(values)),
    }
    asked = [name for name in ways if name in values]
    if "probe_humidity_pct" in asked and "probe_temperature_c" in asked:
        asked.remove("probe_temperature_c")
    if len(asked) > 1 or ("motion" in asked and model != "dragino/lht65n-pir"):
        raise DecodeError("missing", f"wanted one external sensor, got {', '.join(asked)}")
    if not asked:
        return 0, b"\0\0\0\0"
    code, pack = ways[asked[0]]
    return code, pack()


def _motion(values: _Values) -> bytes:
    return struct.pack(">I", round(values["motion"]) << 24 | round(values.get("motion_count", 0)))

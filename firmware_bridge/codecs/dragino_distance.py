"""Dragino LDDS45 and DDS75-LB ultrasonic distance over LoRaWAN (LDDS75 is in `dragino`). Big endian.

fPort 2   [ battery u16 ][ distance u16 mm ][ interrupt u8 ][ DS18B20 int16 ÷10 ][ sensor u8 b0: it is there ]
DDS75-LB  fPort 3  records [ battery u16 ][ distance u16 mm ][ DS18B20 int16 ÷10 ][ flags u8 b0 ][ seconds u32 ]
          fPort 5  [ 27 ][ firmware u16 ][ band ][ sub-band ][ battery u16 mV ]
          Battery b12 set: a list of distances without times follows, which is refused as `undated`.

battery: the low 14 bits, mV; 0 is "not told". A distance of 0, and under 280 mm of DDS75-LB, is no echo: left out. A
DS18B20 outside −55…125 °C is not connected: left out. Temperatures are two's complement, also in records (the vendor's
decoder loses the sign there).
Sources: github.com/dragino/dragino-end-node-decoder DDS75-LB; github.com/TheThingsNetwork/lorawan-devices
vendor/dragino/ldds45-codec.yaml; wiki.dragino.com (records: order of their values).
"""

import struct
from collections.abc import Mapping, Sequence

from firmware_bridge.codecs import Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

_REPORT = struct.Struct(">HHBhB")
_RECORD = struct.Struct(">HHhBI")
_STATUS = struct.Struct(">B4xH")
_LOGGER, _PRODUCT = "dragino/dds75-lb", 0x27
_LIST_FOLLOWS = 0x1000
_NEAREST_MM = {"dragino/ldds45": 1, _LOGGER: 280}
_NO_PROBE = 0x7FFF
_INPUT_JA = (
    "外付け温度(DS18B20)は、つながっていないと0.0℃を送ることがある。粉雪や吹雪では反射を失う。夏は草を雪と見る。"
)
_INPUT_EN = (
    "The DS18B20 input may send 0.0 °C where nothing is connected. Powder and blowing snow swallow the echo; in summer "
    "it sees grass."
)


def _product(identity: str, name: str, ja: str, en: str) -> Model:
    return Model(
        id=f"dragino/{identity}",
        name=f"Dragino {name}",
        kinds=("snow",),
        link="lorawan",
        quantities=("distance_mm", "probe_temperature_c", "battery_v"),
        interval_s=1200,
        source=f"github.com/dragino/dragino-end-node-decoder {identity.upper()}; wiki.dragino.com",
        cannot_ja=ja + _INPUT_JA,
        cannot_en=en + _INPUT_EN,
        resolution={"distance_mm": 1, "probe_temperature_c": 0.1, "battery_v": 0.001},
    )


MODELS: tuple[Model, ...] = (
    _product("ldds45", "LDDS45 LoRaWAN distance (ultrasonic)", "4.5mより先は測れない。", "Not beyond 4.5 m. "),
    _product(
        "dds75-lb",
        "DDS75-LB LoRaWAN distance (ultrasonic)",
        "280mm未満は値なしとする。",
        "Nearer than 280 mm no distance is told. ",
    ),
)


def decode(model: str, port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of an uplink. DecodeError port, length, undated, record-time, twice, product, no-value."""
    if model == _LOGGER and port == 3:
        return _records(payload)
    if model == _LOGGER and port == 5:
        return _battery(payload)
    if port != 2:
        raise DecodeError("port", f"wanted fPort 2, got {port}")
    if model == _LOGGER and len(payload) > _REPORT.size and payload[0] << 8 & _LIST_FOLLOWS:
        raise DecodeError("undated", "a list of distances without times: nobody could say when they were")
    if len(payload) != _REPORT.size:
        raise DecodeError("length", f"wanted {_REPORT.size} bytes, got {len(payload)}")
    battery, distance, _interrupt, probe, sensor = _REPORT.unpack(payload)
    return tuple(_told(battery, distance if sensor & 1 else 0, probe, _NEAREST_MM[model], 0))


def _told(battery: int, distance: int, probe: int, nearest_mm: int, at_us: int) -> list[Reading]:
    readings = [Reading("distance_mm", distance, 0, 0.0, at_us)] if distance >= nearest_mm else []
    if -550 <= probe <= 1250:
        readings.append(Reading("probe_temperature_c", probe / 10, 0, 0.0, at_us))
    if battery & 0x3FFF:
        readings.append(Reading("battery_v", (battery & 0x3FFF) / 1000, 0, 0.0, at_us))
    if not readings:
        raise DecodeError("no-value", "neither battery nor any sensor told a value")
    return readings


def _records(payload: bytes) -> tuple[Reading, ...]:
    if not payload or len(payload) % _RECORD.size:
        raise DecodeError("length", f"wanted records of {_RECORD.size} bytes, got {len(payload)}")
    readings: dict[int, list[Reading]] = {}
    for battery, distance, probe, flags, seconds in _RECORD.iter_unpack(payload):
        if not seconds:
            raise DecodeError("record-time", "a record without a time: set the device's clock")
        if seconds in readings:
            raise DecodeError("twice", "two records of one time")
        there = distance if flags & 1 else 0
        readings[seconds] = _told(battery, there, probe, _NEAREST_MM[_LOGGER], seconds * 1_000_000)
    return tuple(one for record in readings.values() for one in record)


def _battery(payload: bytes) -> tuple[Reading, ...]:
    if len(payload) != _STATUS.size:
        raise DecodeError("length", f"wanted {_STATUS.size} bytes of status, got {len(payload)}")
    product, millivolts = _STATUS.unpack(payload)
    if product != _PRODUCT:
        raise DecodeError("product", f"wanted product {_PRODUCT:02x}, got {product:02x}: is this the device?")
    return (Reading("battery_v", millivolts / 1000),)


def encode(_model: str, port: int, readings: Sequence[Reading]) -> bytes:
    """A report of these readings for fPort 2, the records of those with a time for 3, the battery for 5."""
    times = sorted({reading.at_us for reading in readings if reading.at_us})
    if times:
        return b"".join(_record({r.quantity: r.value for r in readings if r.at_us == at}, at) for at in times)
    values = {reading.quantity: reading.value for reading in readings}
    battery, distance, probe = _raws(values)
    if port == 5:
        return _STATUS.pack(_PRODUCT, battery)
    return _REPORT.pack(battery, distance, 0, probe, int("distance_mm" in values))


def _raws(values: Mapping[str, float]) -> tuple[int, int, int]:
    probe = round(values["probe_temperature_c"] * 10) if "probe_temperature_c" in values else _NO_PROBE
    return round(values.get("battery_v", 0) * 1000), round(values.get("distance_mm", 0)), probe


def _record(values: Mapping[str, float], at_us: int) -> bytes:
    return _RECORD.pack(*_raws(values), int("distance_mm" in values), at_us // 1_000_000)

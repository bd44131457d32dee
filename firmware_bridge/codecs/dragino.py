"""Dragino LoRaWAN end nodes: LSE01 (soil) and LDDS75 (ultrasonic distance). Big endian, fPort 2.

LSE01     [ battery ][ DS18B20 ][ moisture   ][ soil temp. ][ EC     ][ flags ]
             u16       int16 ÷10   u16 ÷100     int16 ÷100    u16       u8        mode 0, flags b7 = 0
          [ battery ][ DS18B20 ][ permittivity ][ raw moisture ][ raw EC ][ flags ]
             u16       int16 ÷10   u16 ÷10         u16             u16       u8    mode 1, flags b7 = 1
          A "mode 1" whose permittivity would be above water's (82) is older firmware, which does not know b7: mode 0.
          flags b4: the soil probe is there; where it is not, only battery and DS18B20 are told.
LDDS75    [ battery ][ distance ][ interrupt ][ DS18B20 ][ sensor ]
             u16       u16 mm      u8           int16 ÷10   u8 b0: the ultrasonic sensor is there

battery: the low 14 bits, mV; 0 is "not told" and left out. A distance under 280 mm is the sensor's way to say that it
heard no echo (0, 20…): left out. Temperatures are two's complement; the vendor's own scripts lose a hundredth, or the
sign, below zero. A DS18B20 outside −55…125 °C is not connected (327.6 and the like): left out.
Sources: github.com/dragino/dragino-end-node-decoder, LSE01 V1.2.1 and LDDS75 V1.1.4; wiki.dragino.com.
"""

import struct
from collections.abc import Mapping, Sequence

from firmware_bridge.codecs import Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

_PORT = 2
_LSE01 = struct.Struct(">HhHhHB")
_LSE01_RAW = struct.Struct(">HhHHHB")
_LDDS75 = struct.Struct(">HHBhB")
_RAW_MODE, _PROBE_THERE = 0x80, 0x10
_WATER_PERMITTIVITY_TENTHS = 820
_SATURATED_HUNDREDTHS = 10_000
_NEAREST_MM = 280
_NO_DS18B20 = 0x7FFF
_DS18B20_JA = "外付け温度(DS18B20)は、つながっていないと0.0℃を送ることがある。つないだ機器でだけ使うこと。"
_DS18B20_EN = "The DS18B20 input may send 0.0 °C where nothing is connected: use it only where a probe is."

MODELS: tuple[Model, ...] = (
    Model(
        id="dragino/lse01",
        name="Dragino LSE01 LoRaWAN soil moisture & EC",
        kinds=("soil",),
        link="lorawan",
        quantities=(
            "soil_moisture_vwc_pct",
            "soil_temperature_c",
            "soil_ec_us_cm",
            "soil_permittivity",
            "soil_raw_moisture",
            "soil_raw_ec",
            "probe_temperature_c",
            "battery_v",
        ),
        interval_s=1200,
        source="github.com/dragino/dragino-end-node-decoder LSE01 V1.2.1; wiki.dragino.com LSE01",
        resolution={"soil_moisture_vwc_pct": 0.01, "soil_temperature_c": 0.01, "soil_ec_us_cm": 1, "battery_v": 0.001},
        cannot_ja="水分は鉱質土の検量線による。凍った土では水分を低く示す。" + _DS18B20_JA,
        cannot_en="Moisture uses a mineral-soil curve and reads low in frozen soil. " + _DS18B20_EN,
    ),
    Model(
        id="dragino/ldds75",
        name="Dragino LDDS75 LoRaWAN distance (ultrasonic)",
        kinds=("snow",),
        link="lorawan",
        quantities=("distance_mm", "probe_temperature_c", "battery_v"),
        resolution={"distance_mm": 1, "probe_temperature_c": 0.1, "battery_v": 0.001},
        limits={"distance_mm": (280, 7500)},
        interval_s=1200,
        source="github.com/dragino/dragino-end-node-decoder LDDS75 V1.1.4; wiki.dragino.com LDDS75",
        cannot_ja=(
            "280mm未満と7.5mより先は測れない(280mm未満は値なしとする)。粉雪や吹雪では反射を失う。"
            "温度補正は機器の内部で行う。" + _DS18B20_JA
        ),
        cannot_en=(
            "Cannot measure nearer than 280 mm (then no distance is told) or farther than 7.5 m; powder and blowing "
            "snow swallow the echo. It compensates temperature inside. " + _DS18B20_EN
        ),
    ),
)


def decode(model: str, port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of an uplink. DecodeError `port` (not fPort 2), `length`, or `no-value` where nothing is told."""
    if port != _PORT:
        raise DecodeError("port", f"wanted fPort {_PORT}, got {port}")
    soil = model == "dragino/lse01"
    layout = _LSE01 if soil else _LDDS75
    if len(payload) != layout.size:
        raise DecodeError("length", f"wanted {layout.size} bytes, got {len(payload)}")
    readings = _soil(payload) if soil else _distance(payload)
    if not readings:
        raise DecodeError("no-value", "neither battery nor any sensor told a value")
    return tuple(readings)


def _soil(payload: bytes) -> list[Reading]:
    battery, probe, first, second, third, flags = _LSE01.unpack(payload)
    readings = _common(battery, probe)
    if not flags & _PROBE_THERE:
        return readings
    if flags & _RAW_MODE and not _WATER_PERMITTIVITY_TENTHS < first <= _SATURATED_HUNDREDTHS:
        return [
            Reading("soil_permittivity", first / 10),
            Reading("soil_raw_moisture", second & 0xFFFF),
            Reading("soil_raw_ec", third),
            *readings,
        ]
    return [
        Reading("soil_moisture_vwc_pct", first / 100),
        Reading("soil_temperature_c", second / 100),
        Reading("soil_ec_us_cm", third),
        *readings,
    ]


def _distance(payload: bytes) -> list[Reading]:
    battery, distance, _interrupt, probe, sensor = _LDDS75.unpack(payload)
    readings = _common(battery, probe)
    return [Reading("distance_mm", distance), *readings] if sensor & 1 and distance >= _NEAREST_MM else readings


def _common(battery: int, probe: int) -> list[Reading]:
    readings = [Reading("probe_temperature_c", probe / 10)] if -550 <= probe <= 1250 else []
    if battery & 0x3FFF:
        readings.append(Reading("battery_v", (battery & 0x3FFF) / 1000))
    return readings


def encode(model: str, _port: int, readings: Sequence[Reading]) -> bytes:
    """Uplink for these readings, to be sent on fPort 2; LSE01 speaks mode 1 where a permittivity is given.

    DecodeError `missing` where the LSE01 gets only a part of what its probe tells at once.
    """
    values = {reading.quantity: reading.value for reading in readings}
    battery = round(values.get("battery_v", 0) * 1000) & 0x3FFF
    probe = round(values["probe_temperature_c"] * 10) if "probe_temperature_c" in values else _NO_DS18B20
    if model == "dragino/ldds75":
        distance = round(values.get("distance_mm", 0))
        return _LDDS75.pack(battery, distance, 0, probe, int("distance_mm" in values))
    if "soil_permittivity" in values:
        raw = _whole(values, soil_permittivity=10, soil_raw_moisture=1, soil_raw_ec=1)
        return _LSE01_RAW.pack(battery, probe, *raw, _RAW_MODE | _PROBE_THERE)
    if "soil_moisture_vwc_pct" not in values:
        return _LSE01.pack(battery, probe, 0, 0, 0, 0)
    soil = _whole(values, soil_moisture_vwc_pct=100, soil_temperature_c=100, soil_ec_us_cm=1)
    return _LSE01.pack(battery, probe, *soil, _PROBE_THERE)


def _whole(values: Mapping[str, float], **factors: int) -> list[int]:
    missing = [name for name in factors if name not in values]
    if missing:
        raise DecodeError("missing", f"wanted {', '.join(factors)} together; missing {', '.join(missing)}")
    return [round(values[name] * factor) for name, factor in factors.items()]

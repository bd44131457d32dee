r"""Sensors that say one line of text: the format to choose for firmware of one's own.

    KEY=value;KEY=value*HH

ASCII, at most 256 bytes. KEY: capital letters. value: [-]digits[.digits], at most nine and six digits, nothing else
(no plus sign, exponent, hex, comma, nan). HH: exclusive or of every byte before the `*`, two capital hex digits,
never left out; check value: `TEMP=-5.2` has 35. CR, LF and NUL around the line are not part of it. A key may stand
once; a key not in the table is an error, so that a misspelling is seen. A sensor without a value leaves the key out.

generic/line-load-cell    LOAD kg/m²   TEMP °C of the cell      BAT V
generic/line-ultrasonic   DIST mm, compensated for the air's temperature by the sensor
                          ECHO mm, not compensated (sound taken as 331.4 m/s, 0 °C): needs TEMP and becomes distance_mm
                          DEPTH cm of snow, by a sensor that knows its mount    TEMP °C of the air    BAT V
generic/line-rain-gauge   TIPS of a tipping bucket of 0.5 mm, as the Japan Meteorological Agency uses, counted since its
                          power-up; becomes rain_total_mm    RAIN mm in total, by a sensor that knows its bucket
                          TEMP °C of the air    BAT V

Ultrasonic correction: distance = ECHO · √((TEMP + 273.15) / 273.15); at −20 °C it takes 112 mm off 3 m.
Source of the correction: Campbell Scientific SR50A and SnowVUE 10 manuals. The line format is ours.
"""

import math
import re
from collections.abc import Mapping, Sequence

from firmware_bridge.codecs import Model
from firmware_bridge.crc import xor8
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

MAX_BYTES = 256
_ZERO_C_K = 273.15
_LINE = re.compile(r"([^*]+)\*([0-9A-F]{2})")
_PAIR = re.compile(r"([A-Z]{1,12})=(-?[0-9]{1,9}(?:\.[0-9]{1,6})?)")
_ECHO, _TIPS = "ECHO", "TIPS"
_MM_A_TIP = 0.5
_KEYS: Mapping[str, Mapping[str, str]] = {
    "generic/line-load-cell": {
        "LOAD": "snow_load_kg_m2",
        "TEMP": "probe_temperature_c",
        "BAT": "battery_v",
    },
    "generic/line-ultrasonic": {
        "DIST": "distance_mm",
        "DEPTH": "snow_depth_cm",
        "TEMP": "air_temperature_c",
        "BAT": "battery_v",
    },
    "generic/line-rain-gauge": {
        "RAIN": "rain_total_mm",
        "TEMP": "air_temperature_c",
        "BAT": "battery_v",
    },
}

MODELS: tuple[Model, ...] = (
    Model(
        id="generic/line-load-cell",
        name="Load cell under a snow plate, one text line a reading",
        kinds=("snow",),
        link="line",
        quantities=tuple(_KEYS["generic/line-load-cell"].values()),
        interval_s=60,
        source="this project: firmware_bridge/codecs/ascii_line.py",
        cannot_ja=(
            "小さな受け板は雪の橋渡しで軽くも重くも出る。温度で零点が動く。日射と氷の層に注意し、雪のない日に零点を確かめること。"
        ),
        cannot_en=(
            "A small plate reads low or high where stiff snow bridges over it; its zero drifts with temperature. Check "
            "the zero on snow-free days."
        ),
    ),
    Model(
        id="generic/line-ultrasonic",
        name="Ultrasonic distance to the snow, one text line a reading",
        kinds=("snow",),
        link="line",
        quantities=tuple(_KEYS["generic/line-ultrasonic"].values()),
        interval_s=60,
        source="this project: firmware_bridge/codecs/ascii_line.py; Campbell Scientific SR50A manual (correction)",
        cannot_ja=(
            "粉雪や吹雪では反射を失う。気温計が日射で1℃ずれると3mで5mm違う。夏は草を雪と見る。"
            "DISTは温度補正済みの距離に限る。補正前はECHOとTEMPで送ること。"
        ),
        cannot_en=(
            "Powder and blowing snow swallow the echo; an air thermometer 1 °C off moves 3 m by 5 mm; in summer it "
            "measures the grass. DIST must be compensated for temperature: send ECHO with TEMP where it is not."
        ),
    ),
    Model(
        id="generic/line-rain-gauge",
        name="Tipping bucket rain gauge (0.5 mm a tip), one text line a reading",
        kinds=("weather",),
        link="line",
        quantities=tuple(_KEYS["generic/line-rain-gauge"].values()),
        interval_s=60,
        source="this project: firmware_bridge/codecs/ascii_line.py; Japan Meteorological Agency (0.5 mm a tip)",
        cannot_ja=(
            "ヒーターのない雨量計では雪は測れない(口に積もり、とけてから数える)。強い雨では少なめに出る。"
            "電源を入れ直すと数が0に戻る。落ち葉とクモの巣を取り除くこと。"
        ),
        cannot_en=(
            "Without a heater it cannot measure snow: it fills the opening and counts when it melts. Reads low in "
            "heavy rain; starts again at 0 after a power cut. Keep leaves and spiders out of it."
        ),
        resolution={"rain_total_mm": _MM_A_TIP},
    ),
)


def decode(model: str, _port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of one line. DecodeError size, encoding, format, checksum, key, number, missing (ECHO without TEMP)."""
    values = _values(payload)
    echo_mm = values.pop(_ECHO, None) if model == "generic/line-ultrasonic" else None
    if echo_mm is not None:
        values["DIST"] = _corrected(echo_mm, values)
    tips = values.pop(_TIPS, None) if model == "generic/line-rain-gauge" else None
    if tips is not None:
        values["RAIN"] = _rain(tips, values)
    keys = _KEYS[model]
    unknown = [key for key in values if key not in keys]
    if unknown:
        raise DecodeError("key", f"wanted {', '.join(keys)}, got {unknown[0]}")
    return tuple(Reading(quantity, values[key]) for key, quantity in keys.items() if key in values)


def _corrected(echo_mm: float, values: Mapping[str, float]) -> float:
    air_c = values.get("TEMP")
    if air_c is None or air_c <= -_ZERO_C_K:
        raise DecodeError("missing", "ECHO is not compensated and needs TEMP, the air's temperature, beside it")
    if "DIST" in values:
        raise DecodeError("key", "wanted DIST or ECHO, got both")
    return round(echo_mm * math.sqrt((air_c + _ZERO_C_K) / _ZERO_C_K), 1)


def _rain(tips: float, values: Mapping[str, float]) -> float:
    if tips != int(tips) or tips < 0:
        raise DecodeError("number", f"wanted a whole number of TIPS, got {tips:g}")
    if "RAIN" in values:
        raise DecodeError("key", "wanted RAIN or TIPS, got both")
    return tips * _MM_A_TIP


def _values(payload: bytes) -> dict[str, float]:
    if len(payload) > MAX_BYTES:
        raise DecodeError("size", f"wanted at most {MAX_BYTES} bytes, got {len(payload)}")
    try:
        text = payload.strip(b"\r\n\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise DecodeError("encoding", f"wanted ASCII, got byte {payload[error.start]:02x}") from error
    line = _LINE.fullmatch(text)
    if line is None:
        raise DecodeError("format", "wanted KEY=value;KEY=value*HH with two capital hex digits")
    body, digits = line.groups()
    if xor8(body.encode()) != int(digits, 16):
        raise DecodeError("checksum", f"wanted {xor8(body.encode()):02X}, got {digits}")
    values: dict[str, float] = {}
    for part in body.split(";"):
        pair = _PAIR.fullmatch(part)
        if pair is None:
            raise DecodeError("number", f"wanted KEY=[-]digits[.digits], got {part[:40]!r}")
        if pair[1] in values:
            raise DecodeError("key", f"{pair[1]} stands there twice")
        values[pair[1]] = float(pair[2]) + 0.0  # −0 becomes 0
    return values


def encode(model: str, _port: int, readings: Sequence[Reading]) -> bytes:
    """The line for these readings, with CR LF; distances as DIST, rain as RAIN. Values have at most six decimals."""
    names = {quantity: key for key, quantity in _KEYS[model].items()}
    body = ";".join(f"{names[reading.quantity]}={_number(reading.value)}" for reading in readings)
    return f"{body}*{xor8(body.encode()):02X}\r\n".encode()


def _number(value: float) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text

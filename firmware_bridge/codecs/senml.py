"""SenML JSON (RFC 8428): a pack is an array of records; base fields hold for the records that follow.

[{"bn":"urn:dev:mac:0024befffe804ff1:","bt":1800000000,"n":"air_temperature_c","u":"Cel","v":-5.3},
 {"n":"humidity_pct","u":"%RH","v":81.5,"t":-60}]

The last part of a name, after `:` or `/`, is one of our quantities, or temperature, humidity, pressure, illuminance,
battery, co2, distance, rain. `u` is turned into the quantity's own unit; without it the value is in that unit already.
`t` + `bt` from 2^28 on is a time (s since 1970), below that it counts from now on, and must not lie ahead. `v` + `bv`
is a value, `vb` a state or event. Text (`vs`), data (`vd`) and sums (`s`) are no reading and passed over. A record of
an unknown name or unit refuses its whole pack, and so does a field that ends in `_`, as the RFC demands. No port.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from firmware_bridge.codecs import Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import Reading

MAX_BYTES = 64 * 1024
MAX_VERSION = 10
FIRST_ABSOLUTE_S = 2.0**28
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*\Z")
_KNOWN = frozenset({"bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut"})
_ALIASES: Mapping[str, str] = {
    "temperature": "air_temperature_c",
    "humidity": "humidity_pct",
    "pressure": "air_pressure_hpa",
    "illuminance": "illuminance_lx",
    "battery": "battery_pct",
    "co2": "co2_ppm",
    "distance": "distance_mm",
    "rain": "rain_mm",
}
_UNITS: Mapping[tuple[str, str], tuple[float, float]] = {  # SenML's unit, ours → factor, then offset
    ("Cel", "°C"): (1, 0),
    ("K", "°C"): (1, -273.15),
    ("%RH", "%"): (1, 0),
    ("%EL", "%"): (1, 0),
    ("%", "%"): (1, 0),
    ("/", "%"): (100, 0),
    ("Pa", "hPa"): (0.01, 0),
    ("hPa", "hPa"): (1, 0),
    ("Pa", "kPa"): (0.001, 0),
    ("kPa", "kPa"): (1, 0),
    ("m", "mm"): (1000, 0),
    ("cm", "mm"): (10, 0),
    ("mm", "mm"): (1, 0),
    ("m", "cm"): (100, 0),
    ("cm", "cm"): (1, 0),
    ("lx", "lx"): (1, 0),
    ("V", "V"): (1, 0),
    ("mV", "V"): (0.001, 0),
    ("A", "A"): (1, 0),
    ("mA", "A"): (0.001, 0),
    ("W", "W"): (1, 0),
    ("kW", "W"): (1000, 0),
    ("Wh", "kWh"): (0.001, 0),
    ("kWh", "kWh"): (1, 0),
    ("ppm", "ppm"): (1, 0),
    ("ppb", "ppb"): (1, 0),
    ("m/s", "m/s"): (1, 0),
    ("deg", "°"): (1, 0),
    ("W/m2", "W/m²"): (1, 0),
    ("S/m", "µS/cm"): (10_000, 0),
    ("ug/m3", "µg/m³"): (1, 0),
    ("dBm", "dBm"): (1, 0),
    ("dB", "dB"): (1, 0),
    ("dB", "dB SPL"): (1, 0),
    ("pH", "pH"): (1, 0),
    ("count", "1"): (1, 0),
}

MODELS: tuple[Model, ...] = (
    Model(
        id="generic/senml",
        name="Anything that says SenML JSON",
        kinds=("climate", "soil", "motion", "contact", "button", "snow", "weather", "air-quality", "power", "leak"),
        link="network",
        quantities=tuple(QUANTITIES),
        interval_s=600,
        source="RFC 8428; units: IANA SenML units registry",
    ),
)


class _Record(msgspec.Struct):
    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    bver: int = MAX_VERSION
    n: str = ""
    u: str = ""
    v: float | None = None
    vb: bool | None = None
    t: float = 0.0


_shape = msgspec.json.Decoder(list[dict[str, Any]])


def decode(_model: str, _port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of one pack. DecodeError: `size`, `json`, `senml` (against the RFC), `name`, `unit`, `time`, `empty`."""
    if not 0 < len(payload) <= MAX_BYTES:
        raise DecodeError("size", f"wanted 1 to {MAX_BYTES} bytes, got {len(payload)}")
    readings = tuple(_readings(_records(payload)))
    if not readings:
        raise DecodeError("empty", "a pack without a number or a boolean")
    if len({(r.quantity, r.age_s, r.at_us) for r in readings}) < len(readings):
        raise DecodeError("senml", "one quantity twice at one time")
    return readings


def _records(payload: bytes) -> list[_Record]:
    try:
        pack = _shape.decode(payload)
        for record in pack:
            demanding = [label for label in record if label.endswith("_") and label not in _KNOWN]
            if demanding:
                raise DecodeError("senml", f"a field that must be understood: {demanding[0][:40]!r}")
        return msgspec.convert(pack, list[_Record])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError("json", str(error)) from error


def _readings(records: list[_Record]) -> Iterator[Reading]:
    name, unit, time_s, value = "", "", 0.0, 0.0
    for record in records:
        if not 1 <= record.bver <= MAX_VERSION:
            raise DecodeError("senml", f"wanted a version up to {MAX_VERSION}, got {record.bver}")
        name = name if record.bn is None else record.bn
        unit = unit if record.bu is None else record.bu
        time_s = time_s if record.bt is None else record.bt
        value = value if record.bv is None else record.bv
        if record.v is not None and record.vb is not None:
            raise DecodeError("senml", f"two values in one record: {record.n[:40]!r}")
        if record.v is not None or record.vb is not None:
            quantity = _quantity(name + record.n)
            number = (
                float(record.vb or False)
                if record.v is None
                else _converted(record.v + value, record.u or unit, quantity)
            )
            age_s, at_us = _when(time_s + record.t)
            yield Reading(quantity, number, 0, age_s, at_us)


def _quantity(name: str) -> str:
    if not _NAME.match(name):
        raise DecodeError("name", f"wanted a name of letters, digits and -:./_, got {name[:60]!r}")
    last = re.split(r"[:/]", name)[-1]
    quantity = _ALIASES.get(last.lower(), last)
    if quantity not in QUANTITIES:
        raise DecodeError("name", f"wanted the name of a quantity, for example air_temperature_c, got {last[:60]!r}")
    return quantity


def _converted(value: float, unit: str, quantity: str) -> float:
    if not unit:
        return value
    wanted = QUANTITIES[quantity].unit
    if (unit, wanted) not in _UNITS:
        raise DecodeError("unit", f"{quantity}: wanted {wanted}, got {unit[:20]!r}")
    factor, offset = _UNITS[unit, wanted]
    return value * factor + offset


def _when(time_s: float) -> tuple[float, int]:
    """(age in s, time in µs): the one is 0 where the other is said."""
    if time_s >= FIRST_ABSOLUTE_S:
        if time_s >= 2.0**33:
            raise DecodeError("time", f"wanted seconds since 1970, got {time_s}")
        return 0.0, round(time_s * 1e6)
    if not -(2.0**33) < time_s <= 0:
        raise DecodeError("time", f"wanted a time in the past, got {time_s} s from now")
    return -time_s, 0


def encode(_model: str, _port: int, readings: Sequence[Reading]) -> bytes:
    """A pack of these readings, each in its quantity's own unit."""
    pack: list[dict[str, object]] = []
    for reading in readings:
        record: dict[str, object] = {"n": reading.quantity, "v": reading.value}
        time_s = reading.at_us / 1e6 if reading.at_us else -reading.age_s
        pack.append(record | ({"t": time_s} if time_s else {}))
    return msgspec.json.encode(pack)

"""Dragino LSN50v2, the board one wires oneself, over LoRaWAN fPort 2. Big endian; its mode says what the bytes mean.

[ battery u16 mV ][ DS18B20 1 ][ input u16 mV ][ flags u8 ][ A, 2 bytes ][ B, 2 bytes ]      mode = flags b6–2
 0 I²C         A int16 ÷10 °C, B u16 ÷10 %; B = 0: A u16 lx          1 distance  A u16 mm, 0: no echo; B strength
 2 three inputs and I²C: the first six bytes are inputs 0–2, A and B as mode 0, then battery u8 ÷10 V
 3 three DS18B20  A 2, B 3        4 weight  not told       5 pulses  A·B u32     6 three interrupts: flags b7, A, B b0
 7 three inputs   A 1, B 2 u16 mV
 8 three DS18B20, two counters: 2 in the place of the input, A 3, u32, u32

DS18B20: int16 ÷10 °C, 7FFF not connected; on channels 0–2. Inputs: voltage_v on channels 0–2. Levels: digital_input on
channels 0–2. 7FFF or FFFF °C and FFFF % of an I²C sensor are no value (a true −0.1 °C is lost with them).
Left out: mode 4's weight, whose unit no source read says; the meaning of a contact, which is whatever is wired to it.
Source: github.com/TheThingsNetwork/lorawan-devices vendor/dragino/lsn50-v2.js and lsn50v2-d20-codec.yaml.
"""

import struct
from collections.abc import Callable, Mapping, Sequence

from firmware_bridge.codecs import Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

_Values = Mapping[tuple[str, int], float]
_FRAME = struct.Struct(">HhHB4s")
_INPUTS = struct.Struct(">HHHB4sB")
_COUNTERS = struct.Struct(">HhhBhII")
_NO_PROBE, _NO_AIR, _NO_HUMIDITY = 0x7FFF, (0x7FFF, -1), 0xFFFF

MODELS: tuple[Model, ...] = (
    Model(
        id="dragino/lsn50-v2",
        name="Dragino LSN50v2 sensor node with inputs",
        kinds=("climate", "weather", "snow"),
        link="lorawan",
        quantities=(
            "air_temperature_c",
            "humidity_pct",
            "illuminance_lx",
            "probe_temperature_c",
            "distance_mm",
            "voltage_v",
            "pulse_count",
            "digital_input",
            "battery_v",
        ),
        interval_s=1200,
        source="github.com/TheThingsNetwork/lorawan-devices vendor/dragino/lsn50-v2.js",
        cannot_ja="何をどの端子につないだかは機器から分からない。モード(AT+MOD)と配線を記録すること。重さ(モード4)は読まない。"
        "外付け温度(DS18B20)は、つながっていないと0.0℃を送ることがある。",
        cannot_en="It cannot tell what is wired to it: write down its mode (AT+MOD) and wiring. Weight (mode 4) is not "
        "read. A DS18B20 input may send 0.0 °C where nothing is connected.",
        resolution={"air_temperature_c": 0.1, "humidity_pct": 0.1, "probe_temperature_c": 0.1, "voltage_v": 0.001},
    ),
)


def decode(_model: str, port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of an uplink. DecodeError port, length, value (an unknown mode), no-value."""
    if port != 2:
        raise DecodeError("port", f"wanted fPort 2, got {port}")
    if len(payload) < _FRAME.size:
        raise DecodeError("length", f"wanted at least {_FRAME.size} bytes, got {len(payload)}")
    mode = payload[6] >> 2 & 0x1F
    layout = {2: _INPUTS, 8: _COUNTERS}.get(mode, _FRAME)
    if mode > 8:
        raise DecodeError("value", f"wanted a mode from 0 to 8, got {mode}")
    if len(payload) != layout.size:
        raise DecodeError("length", f"wanted {layout.size} bytes in mode {mode}, got {len(payload)}")
    readings = _SPECIAL[mode](payload) if mode in _SPECIAL else _plain(mode, payload)
    if not readings:
        raise DecodeError("no-value", "neither battery nor any sensor told a value")
    return tuple(readings)


def _plain(mode: int, payload: bytes) -> list[Reading]:
    battery, probe, millivolts, flags, raw = _FRAME.unpack(payload)
    told = _LAST[mode](flags, raw) if mode in _LAST else []
    return [*told, *_probe(0, probe), Reading("voltage_v", millivolts / 1000), *_battery(battery / 1000)]


def _battery(volts: float) -> list[Reading]:
    return [Reading("battery_v", volts)] if volts else []


def _probe(channel: int, tenths: int) -> list[Reading]:
    return [] if tenths == _NO_PROBE else [Reading("probe_temperature_c", tenths / 10, channel)]


def _i2c(_flags: int, raw: bytes) -> list[Reading]:
    tenths, humidity = struct.unpack(">hH", raw)
    if not humidity:
        return [Reading("illuminance_lx", tenths & 0xFFFF)]
    told = [] if tenths in _NO_AIR else [Reading("air_temperature_c", tenths / 10)]
    return told if humidity == _NO_HUMIDITY else [*told, Reading("humidity_pct", humidity / 10)]


def _distance(_flags: int, raw: bytes) -> list[Reading]:
    distance = int.from_bytes(raw[:2], "big")
    return [Reading("distance_mm", distance)] if distance else []


def _probes(_flags: int, raw: bytes) -> list[Reading]:
    second, third = struct.unpack(">hh", raw)
    return [*_probe(1, second), *_probe(2, third)]


def _pulses(_flags: int, raw: bytes) -> list[Reading]:
    return [Reading("pulse_count", int.from_bytes(raw, "big"))]


def _levels(flags: int, raw: bytes) -> list[Reading]:
    return [Reading("digital_input", bit, channel) for channel, bit in enumerate((flags >> 7, raw[0] & 1, raw[1] & 1))]


def _more_inputs(_flags: int, raw: bytes) -> list[Reading]:
    one, two = struct.unpack(">HH", raw)
    return [Reading("voltage_v", one / 1000, 1), Reading("voltage_v", two / 1000, 2)]


def _three_inputs(payload: bytes) -> list[Reading]:
    *millivolts, flags, raw, battery = _INPUTS.unpack(payload)
    inputs = [Reading("voltage_v", one / 1000, channel) for channel, one in enumerate(millivolts)]
    return [*_i2c(flags, raw), *inputs, *_battery(battery / 10)]


def _two_counters(payload: bytes) -> list[Reading]:
    battery, first, second, _flags, third, *counts = _COUNTERS.unpack(payload)
    probes = [*_probe(0, first), *_probe(1, second), *_probe(2, third)]
    pulses = [Reading("pulse_count", count, channel) for channel, count in enumerate(counts)]
    return [*probes, *pulses, *_battery(battery / 1000)]


_LAST: Mapping[int, Callable[[int, bytes], list[Reading]]] = {
    0: _i2c,
    1: _distance,
    3: _probes,
    5: _pulses,
    6: _levels,
    7: _more_inputs,
}
_SPECIAL: Mapping[int, Callable[[bytes], list[Reading]]] = {2: _three_inputs, 8: _two_counters}


def encode(_model: str, _port: int, readings: Sequence[Reading]) -> bytes:
    """Uplink for these readings, in the mode that can say them. DecodeError `missing` where there is none."""
    values = {(reading.quantity, reading.channel): reading.value for reading in readings}
    names = {(name, channel) for name, channel in values if (name, channel) != ("battery_v", 0)}
    for mode, (needed, allowed, pack) in _WAYS.items():
        if needed <= names <= needed | allowed:
            return pack(mode, values)
    raise DecodeError("missing", f"no mode says {', '.join(sorted(name for name, _ in names))} together")


def _tenths(values: _Values, quantity: str, channel: int, none: int) -> int:
    return round(values[quantity, channel] * 10) if (quantity, channel) in values else none


def _millivolts(values: _Values, channel: int) -> int:
    return round(values.get(("voltage_v", channel), 0) * 1000)


def _packed_air(values: _Values) -> bytes:
    if ("illuminance_lx", 0) in values:
        return struct.pack(">HH", round(values["illuminance_lx", 0]), 0)
    celsius = _tenths(values, "air_temperature_c", 0, _NO_AIR[0])
    return struct.pack(">hH", celsius, _tenths(values, "humidity_pct", 0, _NO_HUMIDITY))


def _packed(mode: int, values: _Values) -> bytes:
    flags, raw = mode << 2, b"\0\0\0\0"
    if mode == 0:
        raw = _packed_air(values)
    elif mode == 1:
        raw = struct.pack(">HH", round(values["distance_mm", 0]), 0xFFFF)
    elif mode == 3:
        raw = struct.pack(">hh", *(_tenths(values, "probe_temperature_c", channel, _NO_PROBE) for channel in (1, 2)))
    elif mode == 5:
        raw = struct.pack(">I", round(values["pulse_count", 0]))
    elif mode == 6:
        levels = [round(values["digital_input", channel]) for channel in range(3)]
        flags, raw = flags | levels[0] << 7, bytes((levels[1], levels[2], 0, 0))
    elif mode == 7:
        raw = struct.pack(">HH", _millivolts(values, 1), _millivolts(values, 2))
    probe = _tenths(values, "probe_temperature_c", 0, _NO_PROBE)
    return _FRAME.pack(round(values.get(("battery_v", 0), 0) * 1000), probe, _millivolts(values, 0), flags, raw)


def _packed_inputs(mode: int, values: _Values) -> bytes:
    inputs = [_millivolts(values, channel) for channel in range(3)]
    return _INPUTS.pack(*inputs, mode << 2, _packed_air(values), round(values.get(("battery_v", 0), 0) * 10))


def _packed_counters(mode: int, values: _Values) -> bytes:
    first, second, third = (_tenths(values, "probe_temperature_c", channel, _NO_PROBE) for channel in range(3))
    counts = [round(values["pulse_count", channel]) for channel in range(2)]
    battery = round(values.get(("battery_v", 0), 0) * 1000)
    return _COUNTERS.pack(battery, first, second, mode << 2, third, *counts)


_Way = tuple[set[tuple[str, int]], set[tuple[str, int]], Callable[[int, _Values], bytes]]
_PROBE_1 = {("probe_temperature_c", 0)}
_AIR = {("air_temperature_c", 0), ("humidity_pct", 0)}
_VOLT, _VOLTS = {("voltage_v", 0)}, {("voltage_v", channel) for channel in range(3)}
_MORE_PROBES = {("probe_temperature_c", channel) for channel in range(3)}
_WAYS: Mapping[int, _Way] = {
    0: (_VOLT, _PROBE_1 | _AIR | {("illuminance_lx", 0)}, _packed),
    1: (_VOLT | {("distance_mm", 0)}, _PROBE_1, _packed),
    3: (_VOLT, _MORE_PROBES, _packed),
    5: (_VOLT | {("pulse_count", 0)}, _PROBE_1, _packed),
    6: (_VOLT | {("digital_input", channel) for channel in range(3)}, _PROBE_1, _packed),
    7: (_VOLTS, _PROBE_1, _packed),
    2: (_VOLTS, _AIR | {("illuminance_lx", 0)}, _packed_inputs),
    8: ({("pulse_count", 0), ("pulse_count", 1)}, _MORE_PROBES, _packed_counters),
}

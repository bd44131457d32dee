"""Cayenne Low Power Payload, the format many home-made LoRaWAN nodes use. Big endian, any fPort.

[ channel u8 ][ type u8 ][ value ] …          the channel is the reading's channel; numbers as the library names them:
00 digital input u8 · 01 digital output u8 · 02 analogue input int16 ÷100 · 03 analogue output int16 ÷100
65 illuminance u16 lx · 66 presence u8 · 67 temperature int16 ÷10 °C · 68 humidity u8 ÷2 % · 73 barometer u16 ÷10 hPa
71 accelerometer 3 × int16 ÷1000 g · 86 gyrometer 3 × int16 ÷100 °/s
88 position int24 ÷10000 °, int24 ÷10000 °, int24 ÷100 m
74 voltage u16 ÷100 V · 75 current u16 ÷1000 A · 80 power u16 W · 82 distance u32 ÷1000 m · 83 energy u32 ÷1000 kWh

Any other type is an error, as its length is unknown. Presence is told as people_count, as libraries use it for both.
74, 75, 80, 82 and 83 are an extension: github.com/ElectronicCats/CayenneLPP.
Sources: github.com/myDevicesIoT/cayenne-docs LPP; github.com/chirpstack/chirpstack chirpstack/src/codec/cayenne_lpp.rs.
"""

from collections.abc import Mapping, Sequence

import msgspec

from firmware_bridge.codecs import Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading


class _Type(msgspec.Struct, frozen=True):
    """A type: so many numbers of `size` bytes, one for each quantity and its divisor."""

    size: int
    signed: bool
    told: tuple[tuple[str, int], ...]


def _axes(kind: str, unit: str, divisor: int) -> tuple[tuple[str, int], ...]:
    return tuple((f"{kind}_{axis}_{unit}", divisor) for axis in "xyz")


_TYPES: Mapping[int, _Type] = {
    0x00: _Type(1, False, (("digital_input", 1),)),
    0x01: _Type(1, False, (("digital_output", 1),)),
    0x02: _Type(2, True, (("analog_input", 100),)),
    0x03: _Type(2, True, (("analog_output", 100),)),
    0x65: _Type(2, False, (("illuminance_lx", 1),)),
    0x66: _Type(1, False, (("people_count", 1),)),
    0x67: _Type(2, True, (("air_temperature_c", 10),)),
    0x68: _Type(1, False, (("humidity_pct", 2),)),
    0x71: _Type(2, True, _axes("acceleration", "g", 1000)),
    0x73: _Type(2, False, (("air_pressure_hpa", 10),)),
    0x74: _Type(2, False, (("voltage_v", 100),)),
    0x75: _Type(2, False, (("current_a", 1000),)),
    0x80: _Type(2, False, (("power_w", 1),)),
    0x82: _Type(4, False, (("distance_mm", 1),)),
    0x83: _Type(4, False, (("energy_kwh", 1000),)),
    0x86: _Type(2, True, _axes("rotation", "deg_s", 100)),
    0x88: _Type(3, True, (("latitude_deg", 10_000), ("longitude_deg", 10_000), ("altitude_m", 100))),
}
_TYPE_OF = {quantity: code for code, one in _TYPES.items() for quantity, _ in one.told}

MODELS: tuple[Model, ...] = (
    Model(
        id="generic/cayenne-lpp",
        name="Any node that sends Cayenne LPP",
        kinds=("climate", "motion", "weather", "power"),
        link="lorawan",
        quantities=tuple(_TYPE_OF),
        interval_s=600,
        source="github.com/myDevicesIoT/cayenne-docs LPP; github.com/ElectronicCats/CayenneLPP",
        cannot_ja="何を測ったかは型までしか分からない(温度が気温か地温かなど)。チャンネルの意味を記録すること。",
        cannot_en="It tells types only (a temperature, not whose): write down what each channel is.",
        resolution={quantity: 1 / divisor for one in _TYPES.values() for quantity, divisor in one.told},
    ),
)


def decode(_model: str, _port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of an uplink. DecodeError channel (an unknown type), length, twice, no-value."""
    readings: list[Reading] = []
    at, end = 0, len(payload)
    while at < end:
        if at + 2 > end:
            raise DecodeError("length", f"byte {at}: wanted a channel and a type, got one byte")
        channel, code = payload[at], payload[at + 1]
        one = _TYPES.get(code)
        if one is None:
            raise DecodeError("channel", f"byte {at}: no type {code:02x} is known (channel {channel})")
        at += 2
        for quantity, divisor in one.told:
            raw = payload[at : at + one.size]
            if len(raw) < one.size:
                raise DecodeError("length", f"byte {at}: wanted {one.size} bytes of {quantity}, got {len(raw)}")
            readings.append(Reading(quantity, int.from_bytes(raw, "big", signed=one.signed) / divisor, channel))
            at += one.size
    if not readings:
        raise DecodeError("no-value", "an empty payload")
    if len({(reading.quantity, reading.channel) for reading in readings}) != len(readings):
        raise DecodeError("twice", "one channel tells one quantity twice")
    return tuple(readings)


def encode(_model: str, _port: int, readings: Sequence[Reading]) -> bytes:
    """Payload of these readings, in their order. DecodeError `missing` where only some of three axes are there."""
    values = {(reading.quantity, reading.channel): reading.value for reading in readings}
    frame = b""
    for quantity, channel in values:
        if quantity not in _TYPE_OF:
            raise DecodeError("missing", f"no type says {quantity}")
        one = _TYPES[_TYPE_OF[quantity]]
        if quantity == one.told[0][0]:
            frame += bytes((channel, _TYPE_OF[quantity])) + _numbers(one, channel, values)
        elif (one.told[0][0], channel) not in values:
            raise DecodeError("missing", f"wanted {one.told[0][0]} with {quantity}")
    return frame


def _numbers(one: _Type, channel: int, values: Mapping[tuple[str, int], float]) -> bytes:
    frame = b""
    for quantity, divisor in one.told:
        if (quantity, channel) not in values:
            raise DecodeError("missing", f"wanted {quantity} too")
        raw = round(values[quantity, channel] * divisor)
        frame += (raw & (1 << 8 * one.size) - 1).to_bytes(one.size, "big")
    return frame

"""Satomori node: the compact payload of our own firmware, over LoRa (`nodeframe`, type 1 = port 1) or any other link.

One record after the other, at least one; nothing before, between or behind them:

    [ head ][ quantity ][ channel ][ age  ][ value          ]
      u8      u8          u8 *       u16 *   1 to 4 B, signed     numbers: high byte first, two's complement
      head   b7–6 bytes of the value − 1 · b5 a channel follows, else 0 · b4 an age in seconds follows, else 0
             b3–0 decimals of the value, 0…9: 1234 with two decimals is 12.34
      quantity   its number in NUMBERS, which never changes its meaning

A sensor that is missing or broken is left out; there is no value that means "no value".
Source: this file; `firmware_bridge/c/satomori.h` writes the same in C.
"""

from collections.abc import Iterator, Sequence

from firmware_bridge.codecs import Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

PORT = 1
MAX_BYTES = 176
NUMBERS: dict[int, str] = {
    # soil
    1: "soil_moisture_vwc_pct",
    2: "soil_temperature_c",
    3: "soil_ec_us_cm",
    4: "soil_ph",
    5: "soil_permittivity",
    6: "soil_raw_moisture",
    7: "soil_raw_ec",
    # air and weather
    16: "air_temperature_c",
    17: "humidity_pct",
    18: "illuminance_lx",
    19: "probe_temperature_c",
    # snow
    32: "distance_mm",
    33: "snow_depth_cm",
    34: "snow_load_kg_m2",
    # home
    48: "motion",
    49: "contact_open",
    50: "button",
    51: "open_count",
    52: "leak",
    53: "acceleration_g",
    # the node itself
    64: "battery_v",
    65: "battery_pct",
    66: "rssi_dbm",
    67: "snr_db",
    68: "cpu_temperature_c",
    69: "frames_rejected",
}
_NUMBER_OF = {name: number for number, name in NUMBERS.items()}
_HAS_CHANNEL, _HAS_AGE, _DECIMALS = 0x20, 0x10, 0x0F
_MOST_DECIMALS = 9
_LAST_AGE_S = 0xFFFF
_TRIED_DECIMALS = 6

MODELS: tuple[Model, ...] = (
    Model(
        id="satomori/node",
        name="Satomori sensor node (own firmware)",
        kinds=("soil", "climate", "snow", "motion", "contact", "button", "leak"),
        link="lora",
        quantities=tuple(NUMBERS.values()),
        interval_s=600,
        source="firmware_bridge/c/README.md",
        cannot_ja="時計を持たない。時刻は受信側が付ける。返事を受けないので、届かなかった電文は送り直されない。",
        cannot_en="Has no clock: the receiver writes the time. It hears no answer, so what was lost is not sent again.",
    ),
)


def decode(_model: str, port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of a payload. DecodeError port, length, decimals, quantity, or twice; never a part of them."""
    if port != PORT:
        raise DecodeError("port", f"wanted frame type {PORT}, got {port}")
    if not payload:
        raise DecodeError("length", "wanted at least one record, got nothing")
    readings = tuple(_records(payload))
    names = {(one.quantity, one.channel, one.age_s) for one in readings}
    if len(names) < len(readings):
        raise DecodeError("twice", "a quantity is told twice for one channel and one time")
    return readings


def _records(payload: bytes) -> Iterator[Reading]:
    at = 0
    while at < len(payload):
        head = payload[at]
        size = (head >> 6) + 1
        has_channel, has_age = bool(head & _HAS_CHANNEL), bool(head & _HAS_AGE)
        value_at = at + 2 + has_channel + 2 * has_age
        end = value_at + size
        if end > len(payload):
            raise DecodeError("length", f"wanted {end - at} bytes for the record at {at}, got {len(payload) - at}")
        decimals = head & _DECIMALS
        if decimals > _MOST_DECIMALS:
            raise DecodeError("decimals", f"wanted at most {_MOST_DECIMALS} at {at}, got {decimals}")
        quantity = NUMBERS.get(payload[at + 1])
        if quantity is None:
            raise DecodeError("quantity", f"no quantity has the number {payload[at + 1]} (at {at + 1})")
        value = int.from_bytes(payload[value_at:end], "big", signed=True) / 10**decimals
        age_s = int.from_bytes(payload[value_at - 2 : value_at], "big") if has_age else 0
        yield Reading(quantity, value, payload[at + 2] if has_channel else 0, float(age_s))
        at = end


def encode(_model: str, _port: int, readings: Sequence[Reading]) -> bytes:
    """Payload of these readings, each with the fewest bytes and decimals (at most 6) that hold it.

    DecodeError quantity (one without a number), range (value, channel or age), or length (none, or too many).
    """
    payload = b"".join(_record(one) for one in readings)
    if not 1 <= len(payload) <= MAX_BYTES:
        raise DecodeError("length", f"wanted 1 to {MAX_BYTES} bytes of records, got {len(payload)}")
    return payload


def _record(reading: Reading) -> bytes:
    number = _NUMBER_OF.get(reading.quantity)
    if number is None:
        raise DecodeError("quantity", f"{reading.quantity} has no number in a compact payload")
    value, decimals = _scaled(reading.value)
    age_s = round(reading.age_s)
    if not (0 <= reading.channel <= 255 and 0 <= age_s <= _LAST_AGE_S):
        raise DecodeError("range", f"channel {reading.channel} or age {age_s} s has no place in a record")
    size = next((one for one in (1, 2, 3, 4) if -(1 << 8 * one - 1) <= value < 1 << 8 * one - 1), 0)
    if not size:
        raise DecodeError("range", f"{reading.quantity}: {reading.value} does not fit into 4 bytes")
    head = size - 1 << 6 | _HAS_CHANNEL * (reading.channel > 0) | _HAS_AGE * (age_s > 0) | decimals
    channel = bytes((reading.channel,)) if reading.channel else b""
    age = age_s.to_bytes(2, "big") if age_s else b""
    return bytes((head, number)) + channel + age + value.to_bytes(size, "big", signed=True)


def _scaled(value: float) -> tuple[int, int]:
    """(whole number, decimals): exact where six decimals can be, else rounded to as many as 4 bytes have room for."""
    for decimals in range(_TRIED_DECIMALS + 1):
        whole = round(value * 10**decimals)
        if whole / 10**decimals == value:
            return whole, decimals
    decimals = next((one for one in range(_TRIED_DECIMALS, -1, -1) if abs(value) * 10**one < 2**31 - 1), 0)
    return round(value * 10**decimals), decimals

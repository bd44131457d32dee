"""One device family a file: each module here says which models it reads (`MODELS`) and what their bytes mean.

A codec module has three names and no state:

    MODELS: tuple[Model, ...]
    def decode(model: str, port: int, payload: bytes) -> tuple[Reading, ...]    # or DecodeError, nothing else
    def encode(model: str, port: int, readings: Sequence[Reading]) -> bytes     # what the device would have sent

`port` is the LoRaWAN fPort, or the first Modbus register that was asked, else 0. Beside each module
`<family>.py` stands `vectors/<family>.toml`. Nothing is registered: the package is walked.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Literal, Protocol

import msgspec

from firmware_bridge.errors import DecodeError
from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import Reading

DeviceKind = Literal[
    "soil", "climate", "motion", "contact", "button", "snow", "weather", "air-quality", "power", "leak"
]
Link = Literal["modbus-rtu", "line", "enocean", "lora", "lorawan", "zigbee", "wi-sun", "network"]
_CLOCK_AHEAD_US = 300_000_000


class UnitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a Modbus unit is renumbered: the register of its unit number, that of its baud rate and the rates' codes."""

    address_register: int
    baud_register: int
    baud_codes: Mapping[int, int]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What one product can tell: data, not code.

    `id` is `vendor/model` as The Things Network's device repository writes it where it lists the device.
    `interval_s`: usual time between reports. `registers`: first Modbus register and count to ask, for Modbus only.
    `cannot_ja`/`cannot_en`: what it must not be trusted with, in words for a technician; empty where nothing is known.
    `settings`: how its unit number and baud rate are changed, for Modbus, where a source says.
    `resolution`: smallest step by quantity. `limits`: what the device can measure by quantity, both ends included; a
    value at an end may be anything beyond. Either leaves out what no source says.
    `battery_ja`/`battery_en`: what its battery reading means, or how it is fed; empty where no source says.
    `blind_s`: how long it sees nothing after it told of something, for motion; 0 where no source says.
    `certification`: number of its Japanese type certification (技適); empty where unknown, never guessed.
    """

    id: str
    name: str
    kinds: tuple[DeviceKind, ...]
    link: Link
    quantities: tuple[str, ...]
    interval_s: float
    source: str
    cannot_ja: str = ""
    cannot_en: str = ""
    registers: tuple[int, int] | None = None
    settings: UnitSettings | None = None
    resolution: Mapping[str, float] = {}
    limits: Mapping[str, tuple[float, float]] = {}
    battery_ja: str = ""
    battery_en: str = ""
    certification: str = ""
    blind_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a quantity nobody defined: a codec's misspelling must not reach the store."""
        for name in self.quantities:
            if name not in QUANTITIES:
                raise ValueError(f"{self.id}: no quantity {name!r}")
        for name in (*self.resolution, *self.limits):
            if name not in self.quantities:
                raise ValueError(f"{self.id}: resolution or limits of {name!r}, which it does not tell")


class Codec(Protocol):
    """The shape of a codec module."""

    MODELS: tuple[Model, ...]

    @staticmethod
    def decode(model: str, port: int, payload: bytes, /) -> tuple[Reading, ...]:
        """Readings of a payload, or DecodeError."""
        ...

    @staticmethod
    def encode(model: str, port: int, readings: Sequence[Reading], /) -> bytes:
        """Bytes the device would have sent for these readings."""
        ...


@cache
def families() -> dict[str, Codec]:
    """Every codec module by its name, found by walking this package."""
    return {m.name: import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)}  # type: ignore[misc]


@cache
def models() -> dict[str, tuple[Model, Codec]]:
    """Every model by its id, with the codec that reads it."""
    found: dict[str, tuple[Model, Codec]] = {}
    for codec in families().values():
        for model in codec.MODELS:
            if model.id in found:
                raise ValueError(f"two codecs claim {model.id}")
            found[model.id] = (model, codec)
    return dict(sorted(found.items()))


def decode(model: str, port: int, payload: bytes, heard_us: int | None = None) -> tuple[Reading, ...]:
    """What these bytes of that model mean.

    `heard_us`: when the frame was heard (UTC µs); with it, a record's own time becomes its `age_s`.
    DecodeError: the codec's codes, `model-unknown` where no codec claims the model, `device-clock` where a record
    claims to be more than five minutes younger than the frame it came in.
    """
    if model not in models():
        raise DecodeError("model-unknown", f"no device {model!r}; `satomori devices` lists them")
    readings = models()[model][1].decode(model, port, payload)
    if heard_us is None or not any(reading.at_us for reading in readings):
        return readings
    return tuple(_aged(reading, heard_us) if reading.at_us else reading for reading in readings)


def _aged(reading: Reading, heard_us: int) -> Reading:
    age_us = heard_us - reading.at_us
    if age_us < -_CLOCK_AHEAD_US:
        raise DecodeError("device-clock", f"a record {-age_us / 1e6:.0f} s younger than its frame: set the clock")
    return Reading(reading.quantity, reading.value, reading.channel, max(0, age_us) / 1e6)


def encode(model: str, port: int, readings: Sequence[Reading]) -> bytes:
    """Bytes that this model would send for these readings: the simulator's side of the same codec."""
    if model not in models():
        raise DecodeError("model-unknown", f"no device {model!r}; `satomori devices` lists them")
    return models()[model][1].encode(model, port, readings)

"""What every codec must keep, as functions: run on every family, and on CONTRIBUTING's example."""

import contextlib
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.codecs import Codec, Model
from firmware_bridge.errors import BridgeError, DecodeError
from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import Reading


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    quantity: str
    value: float
    channel: int = 0
    age_s: float = 0.0
    at_us: int = 0


class VectorFrame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    model: str
    port: int
    hex: str
    source: str
    readings: list[Expected] = []
    error: str = ""
    exact: bool | None = None

    @property
    def payload(self) -> bytes:
        return bytes.fromhex(self.hex)


class Vectors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    exact: bool
    frame: list[VectorFrame]

    @property
    def good(self) -> list[VectorFrame]:
        return [frame for frame in self.frame if not frame.error]

    @property
    def bad(self) -> list[VectorFrame]:
        return [frame for frame in self.frame if frame.error]


def load(path: Path) -> Vectors:
    return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Vectors)


def check_models(codec: Codec) -> None:
    assert codec.MODELS
    for model in codec.MODELS:
        vendor, _, product = model.id.partition("/")
        assert min(len(vendor), len(product)) > 0
        assert model.id == model.id.lower().replace(" ", "-")
        assert all((model.name, model.source, model.kinds, model.quantities))
        assert model.interval_s > 0
        assert len(set(model.quantities)) == len(model.quantities)
        assert bool(model.cannot_ja) == bool(model.cannot_en), f"{model.id}: say it in both languages"
        assert (model.registers is not None) == (model.link == "modbus-rtu")


def check_vectors(codec: Codec, vectors: Vectors) -> None:
    """Each model has a good frame; the family has a truncated and a corrupted one, and one below zero where it can."""
    ids = {model.id for model in codec.MODELS}
    assert {frame.model for frame in vectors.good} == ids, "each model needs a good frame, each frame a model"
    assert {frame.model for frame in vectors.bad} <= ids
    for frame in vectors.frame:
        assert bool(frame.readings) != bool(frame.error), f"{frame.name}: readings or error, one of them"
        assert frame.source.startswith(("captured", "built")), f"{frame.name}: say where it comes from"
    named = " ".join(frame.name for frame in vectors.bad)
    assert "truncated" in named
    assert "corrupted" in named
    freezing = {q for model in codec.MODELS for q in model.quantities if q.endswith("temperature_c")}
    if freezing:
        values = [(r.quantity, r.value) for frame in vectors.good for r in frame.readings]
        assert any(quantity in freezing and value < 0 for quantity, value in values), "no temperature below zero"


def check_frame(codec: Codec, vectors: Vectors, frame: VectorFrame) -> None:
    """A vector means what it says; a good one survives encoding, to the byte where the file says exact."""
    if frame.error:
        with pytest.raises(DecodeError) as caught:
            codec.decode(frame.model, frame.port, frame.payload)
        assert caught.value.code == frame.error
        assert caught.value.detail
        return
    readings = codec.decode(frame.model, frame.port, frame.payload)
    wanted = [Reading(r.quantity, r.value, r.channel, r.age_s, r.at_us) for r in frame.readings]
    assert list(readings) == wanted
    check_readings(codec, frame.model, readings)
    for reading in readings:
        quantity = QUANTITIES[reading.quantity]
        assert quantity.low <= reading.value <= quantity.high, f"{frame.name}: {reading}"
    again = codec.encode(frame.model, frame.port, readings)
    assert codec.decode(frame.model, frame.port, again) == readings
    if frame.exact if frame.exact is not None else vectors.exact:
        assert again == frame.payload


def check_readings(codec: Codec, model: str, readings: tuple[Reading, ...]) -> None:
    """Never empty, declared, finite, each (quantity, channel) once."""
    declared = next(m for m in codec.MODELS if m.id == model).quantities
    assert readings, "no reading is a DecodeError, not an empty answer"
    for reading in readings:
        assert reading.quantity in declared
        assert math.isfinite(reading.value)
        assert reading.age_s >= 0
        assert reading.at_us >= 0
    names = [(reading.quantity, reading.channel, reading.age_s, reading.at_us) for reading in readings]
    assert len(set(names)) == len(names)


def check_cuts(codec: Codec, frame: VectorFrame) -> None:
    """A frame cut anywhere gives readings or DecodeError."""
    for end in range(len(frame.payload)):
        check_any(codec, frame.model, frame.port, frame.payload[:end])


def check_any(codec: Codec, model: str, port: int, payload: bytes) -> None:
    """Readings, or an error with a code for machines and a detail for people."""
    refused: DecodeError | None = None
    readings: tuple[Reading, ...] = ()
    try:
        readings = codec.decode(model, port, payload)
    except DecodeError as error:
        refused = error
    if refused is None:
        check_readings(codec, model, readings)
    else:
        assert re.fullmatch(r"[a-z0-9-]+", refused.code)
        assert refused.detail


def check_any_bytes(codec: Codec, vectors: Vectors) -> None:
    """Any bytes, and any spoilt good frame, on any port, to any model: readings or DecodeError, nothing else."""
    models = [model.id for model in codec.MODELS]
    sound = [frame.payload for frame in vectors.good]

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(models), st.integers(0, 65535), st.binary(max_size=300))
    def anything(model: str, port: int, payload: bytes) -> None:
        check_any(codec, model, port, payload)

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(models), st.sampled_from([0, 2]), st.sampled_from(sound), st.data())
    def spoilt(model: str, port: int, payload: bytes, data: Any) -> None:
        at, byte = data.draw(st.integers(0, len(payload) - 1)), data.draw(st.integers(0, 255))
        check_any(codec, model, port, payload[:at] + bytes((byte,)) + payload[at + 1 :])

    anything()
    spoilt()


def check_encode_nothing(codec: Codec, model: Model) -> None:
    """No readings are encoded, or refused by name; never an accident."""
    with contextlib.suppress(BridgeError):
        codec.encode(model.id, 0, ())


def check_family(codec: Codec, path: Path) -> None:
    """Every rule, for one codec module and its vector file."""
    vectors = load(path)
    check_models(codec)
    check_vectors(codec, vectors)
    for frame in vectors.frame:
        check_frame(codec, vectors, frame)
        check_cuts(codec, frame)
    check_any_bytes(codec, vectors)
    for model in codec.MODELS:
        check_encode_nothing(codec, model)

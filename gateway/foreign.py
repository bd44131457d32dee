"""What the inlets have in common: strict JSON, strict base64, times with an offset, readings as columns."""

import base64
import binascii
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from firmware_bridge.envelope import FIRST_US, LAST_US
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Column, Reading

MAX_BYTES = 64 * 1024
_T = TypeVar("_T")


def read(decoder: "msgspec.json.Decoder[_T]", payload: bytes) -> _T:
    """The JSON of a message. DecodeError: `size`, or `json` for what is no JSON or of another shape."""
    if not 0 < len(payload) <= MAX_BYTES:
        raise DecodeError("size", f"wanted 1 to {MAX_BYTES} bytes, got {len(payload)}")
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError("json", str(error)) from error


def strict_base64(text: str, name: str) -> bytes:
    """The bytes of canonical base64; DecodeError `base64` for anything else. `name`: of the field."""
    try:
        payload = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise DecodeError("base64", f"{name}: {error}") from error
    if base64.b64encode(payload).decode() != text:
        raise DecodeError("base64", f"{name}: wanted canonical base64, got stray bits at its end")
    return payload


def eui_of(text: str) -> str:
    """A LoRaWAN address in small letters. DecodeError `dev-eui` where it is none."""
    eui = text.lower()
    if len(eui) != 16 or not set(eui) <= set("0123456789abcdef"):
        raise DecodeError("dev-eui", f"wanted 16 hex digits, got {text[:32]!r}")
    return eui


def time_us(text: str) -> int:
    """µs UTC of an ISO 8601 time; digits after the sixth are cut off. DecodeError `time` where it has no offset."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no offset from UTC")
        elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise DecodeError("time", f"wanted an ISO 8601 time with its offset, got {text[:40]!r}") from error
    return plausible((elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds)


def plausible(moment_us: int) -> int:
    """The same time. DecodeError `time` where it cannot be one of ours."""
    if not FIRST_US <= moment_us < LAST_US:
        raise DecodeError("time", f"wanted µs from 2020 to 2100, got {moment_us}")
    return moment_us


def columns(device: str, readings: Iterable[Reading], heard_us: int) -> list[Column]:
    """Readings of one message, each series a column; a reading's age counts back from `heard_us`."""
    found: dict[tuple[str, int], Column] = {}
    for reading in readings:
        key = (reading.quantity, reading.channel)
        if key not in found:
            found[key] = Column(device, reading.quantity, [], [], reading.channel)
        found[key].times_us.append(plausible(heard_us - round(reading.age_s * 1e6)))
        found[key].values.append(reading.value)
    return list(found.values())

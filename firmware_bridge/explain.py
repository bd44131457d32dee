"""What bytes and models mean, as plain dictionaries: the one shape that command line and API both answer with."""

from typing import Any

import msgspec

from firmware_bridge import codecs
from firmware_bridge.codecs import Model
from firmware_bridge.errors import BridgeError, DecodeError
from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import Reading
from firmware_bridge.wiring import WIRING

MAX_BYTES = 4096
_BATTERY = {
    "battery_pct": (
        "機器が見積もった残り(%)。寒い日は一時的に下がる。",
        "What the device believes is left, in percent. Falls for a while on a cold day.",
    ),
    "battery_v": (
        "電池の電圧。リチウム電池は終わりまでほぼ一定で、最後に急に下がる。寒い日は一時的に下がる。",
        "Its voltage. A lithium cell stays level and falls only at the end. Lower for a while on a cold day.",
    ),
}


def explain(device: str, port: int, hex_text: str) -> dict[str, Any]:
    """Decode one frame of a model (`vendor/model`) given in hex, white space between bytes allowed.

    {"device", "readings": [{"quantity", "value", "age_s", "channel"}…], "error": null}, or with no readings and
    "error": {"code", "detail"}. A record from a device's memory has "at_us" besides: its time by the device's clock.
    Codes are those of the codec, `model-unknown`, `hex` and `size`. Never raises.
    """
    try:
        readings = codecs.decode(device, port, _payload(hex_text))
    except BridgeError as error:
        return {"device": device, "readings": [], "error": {"code": error.code, "detail": error.detail}}
    return {"device": device, "readings": [_told(reading) for reading in readings], "error": None}


def _told(reading: Reading) -> dict[str, Any]:
    told = {name: getattr(reading, name) for name in ("quantity", "value", "age_s", "channel")}
    return {**told, "at_us": reading.at_us} if reading.at_us else told


def describe(model: Model) -> dict[str, Any]:
    """A model's profile as data.

    {"id", "name", "kinds", "link", "quantities", "interval_s", "cannot_ja", "cannot_en", "source", "units" by
    quantity, "resolution" and "limits" ([low, high]) by quantity where known, "battery_ja", "battery_en",
    "certification" ("" where unknown), "blind_s" (0 where unknown), "registers" ([first, count] or null), "settings"
    (how a Modbus unit is renumbered, or null), "wiring_ja", "wiring_en" (steps)}.
    """
    ja, en = battery(model)
    wiring = WIRING[model.link]
    return {
        "id": model.id,
        "name": model.name,
        "kinds": list(model.kinds),
        "link": model.link,
        "quantities": list(model.quantities),
        "interval_s": model.interval_s,
        "cannot_ja": model.cannot_ja,
        "cannot_en": model.cannot_en,
        "source": model.source,
        "units": {name: QUANTITIES[name].unit for name in model.quantities},
        "resolution": dict(model.resolution),
        "limits": {name: list(ends) for name, ends in model.limits.items()},
        "battery_ja": ja,
        "battery_en": en,
        "certification": model.certification,
        "blind_s": model.blind_s,
        "registers": list(model.registers) if model.registers else None,
        "settings": msgspec.to_builtins(model.settings, str_keys=True),
        "wiring_ja": list(wiring.ja),
        "wiring_en": list(wiring.en),
    }


def battery(model: Model) -> tuple[str, str]:
    """What its battery reading means, in Japanese and English: its own words, else by what it tells, else nothing."""
    if model.battery_ja:
        return model.battery_ja, model.battery_en
    return next((words for name, words in _BATTERY.items() if name in model.quantities), ("", ""))


def describe_all() -> list[dict[str, Any]]:
    """Every supported model, by id."""
    return [describe(model) for model, _codec in codecs.models().values()]


def _payload(hex_text: str) -> bytes:
    try:
        payload = bytes.fromhex(hex_text)
    except ValueError as error:
        raise DecodeError("hex", f"wanted pairs of hex digits, got {hex_text[:40]!r}") from error
    if not 1 <= len(payload) <= MAX_BYTES:
        raise DecodeError("size", f"wanted 1 to {MAX_BYTES} bytes, got {len(payload)}")
    return payload

"""What bytes and models mean, as plain dictionaries: the one shape that command line and API both answer with."""

from typing import Any

from firmware_bridge import codecs
from firmware_bridge.codecs import Model
from firmware_bridge.errors import BridgeError, DecodeError

MAX_BYTES = 4096


def explain(device: str, port: int, hex_text: str) -> dict[str, Any]:
    """Decode one frame of a model (`vendor/model`) given in hex, white space between bytes allowed.

    {"device", "readings": [{"quantity", "value", "age_s", "channel"}…], "error": null}, or with no readings and
    "error": {"code", "detail"}. Codes are those of the codec, `model-unknown`, `hex` and `size`. Never raises.
    """
    try:
        readings = codecs.decode(device, port, _payload(hex_text))
    except BridgeError as error:
        return {"device": device, "readings": [], "error": {"code": error.code, "detail": error.detail}}
    told = [{"quantity": r.quantity, "value": r.value, "age_s": r.age_s, "channel": r.channel} for r in readings]
    return {"device": device, "readings": told, "error": None}


def describe(model: Model) -> dict[str, Any]:
    """A model as data: id, name, kinds, link, quantities, interval_s, cannot_ja, cannot_en, source."""
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
    }


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

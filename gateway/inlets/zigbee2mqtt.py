"""Zigbee2MQTT, state messages: `zigbee2mqtt/<friendly name>`, JSON (its default output; base topic unchanged).

    {"occupancy":true,"illuminance":16,"battery":100,"voltage":3005,"linkquality":120,"last_seen":"2027-01-15T08:00:00Z"}

A device is the one whose `address` in the settings is its friendly name, or its IEEE address where it has no
other name or where device information is included. What the fields mean: `firmware_bridge.codecs.zigbee`.

The time is `last_seen` (set advanced.last_seen to ISO_8601, ISO_8601_local or epoch), else that of our reception. Only
with it a message that comes again is known. `occupancy` false is told by a timer at the server, long after the sensor
spoke last, and with the `last_seen` of the movement: it counts from our reception and never covers that.
Passed over: `bridge/…`, and of a device `availability`, `set`, `get`.
"""

import msgspec

from firmware_bridge import codecs
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Column
from gateway import foreign
from gateway.inlets import Identity
from gateway.registry import Registry

TOPICS = ("zigbee2mqtt/#",)
MAX_NAME = 64
_PREFIX = "zigbee2mqtt/"
_ASIDE = ("availability", "set", "get")


class _Information(msgspec.Struct, rename="camel"):
    ieee_addr: str = ""


class _Head(msgspec.Struct):
    last_seen: str | int | float | None = None
    device: _Information | None = None


_decoder = msgspec.json.Decoder(_Head)


def identify(topic: str, payload: bytes) -> Identity | None:
    """Key of a device's state: its name. None for what the bridge says of itself, and for questions to a device."""
    name = topic.removeprefix(_PREFIX)
    if name.split("/", 1)[0] == "bridge" or name.rsplit("/", 1)[-1] in _ASIDE or "/set/" in name or "/get/" in name:
        return None
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise DecodeError("topic", f"wanted a name of 1 to {MAX_NAME} letters, got {name[:MAX_NAME]!r}")
    head = foreign.read(_decoder, payload)
    return Identity(f"{_PREFIX}{name}", "", 0, payload if head.last_seen else b"")


def decode(payload: bytes, registry: Registry, source: str, received_us: int) -> list[Column]:
    """Readings of one message, each series a column of one time."""
    head = foreign.read(_decoder, payload)
    name = source.removeprefix(_PREFIX)
    device = registry.device_of_address(name) or registry.device_of_address(
        head.device.ieee_addr if head.device else ""
    )
    if device is None:
        raise DecodeError("device-unknown", f"no device has the address {name!r}")
    seen_us = _seen_us(head.last_seen, received_us)
    readings = codecs.decode(device.model, 0, payload, seen_us)
    timed_out = [one for one in readings if one.quantity == "motion" and not one.value]
    seen = [one for one in readings if one not in timed_out]
    return foreign.columns(device.id, seen, seen_us) + foreign.columns(device.id, timed_out, received_us)


def _seen_us(last_seen: str | float | None, received_us: int) -> int:
    if not last_seen:
        return received_us
    if isinstance(last_seen, str):
        return foreign.time_us(last_seen)
    if not 0 < last_seen < 1e14:
        raise DecodeError("time", f"wanted last_seen in ms since 1970, got {last_seen}")
    return foreign.plausible(round(last_seen * 1000))

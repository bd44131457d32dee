"""What a device, or a program for it, pushes itself: `push/<device id>` over MQTT, or POST /api/v1/push/<device id>.

The payload is what the codec of the device's model reads: SenML JSON with the model `generic/senml`, and any other
codec's bytes (port 0). Only a device that neither a node reads nor another server brings is heard here. A push that
says no time of its own counts from our reception; nothing tells two alike from one that came twice, so each is kept.
"""

import re

from firmware_bridge import codecs
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import ID_PATTERN, Column
from gateway import foreign
from gateway.inlets import Identity
from gateway.registry import Registry
from gateway.settings import Device

TOPICS = ("push/+",)
_PREFIX = "push/"
_ID = re.compile(ID_PATTERN.removesuffix("$") + r"\Z")


def pushes(device: Device) -> bool:
    """Whether a device is one that pushes: no node reads it and no other server brings it."""
    return not (device.node or device.dev_eui or device.address)


def identify(topic: str, payload: bytes) -> Identity | None:
    """Key of a push: the device that the topic names. DecodeError where that is no name of a device."""
    device = topic.removeprefix(_PREFIX)
    if not _ID.match(device):
        raise DecodeError("topic", f"wanted push/<device id>, got {topic[:100]!r}")
    if not 0 < len(payload) <= foreign.MAX_BYTES:
        raise DecodeError("size", f"wanted 1 to {foreign.MAX_BYTES} bytes, got {len(payload)}")
    return Identity(f"{_PREFIX}{device}", "", 0, b"")


def decode(payload: bytes, registry: Registry, source: str, received_us: int) -> list[Column]:
    """Readings of one push."""
    name = source.removeprefix(_PREFIX)
    device = registry.device(name)
    if device is None or not pushes(device):
        raise DecodeError("device-unknown", f"no device that pushes is called {name!r}")
    return foreign.columns(device.id, codecs.decode(device.model, 0, payload, received_us), received_us)

"""The Things Stack v3, MQTT, JSON: `v3/<application>@<tenant>/devices/<device id>/up`.

Its MQTT server says that where a broker bridges from it; its Pub/Sub integration, which publishes to our broker, says
`v3/<application>/up` with base topic `v3/<application>` and `up` as the topic of uplinks.
Of the events only `up` carries readings:

    {"end_device_ids":{"device_id":"soil-1","dev_eui":"A84041000181C061","dev_addr":"00BCB929",…},
     "received_at":"2027-01-15T08:00:00.5Z",
     "uplink_message":{"session_key_id":"AXA5…","f_port":2,"f_cnt":4,"frm_payload":"DRb/ywkp/4MAeBA=",
       "rx_metadata":[{"gateway_ids":{…},"time":"…","rssi":-36,"snr":10.5},…],"received_at":"2027-01-15T08:00:00.1Z"}}

Fields that are 0, false or empty are left out by the server and read as such: a first uplink has no `f_cnt`, a
reception at 0 dB no `snr`. One frame counter with one payload in one session is one uplink, however many gateways
heard it and however often the server tells it; the strongest reception gives `rssi_dbm` and `snr_db`. The time is that
of the network server, else of the application server. What somebody simulates in the server's console is no reading.
An uplink without payload and port gives only the reception.
Source: thethingsindustries.com/docs/the-things-stack/concepts/data-formats; lorawan-stack issue 4181 (heard twice).
"""

import math
from collections.abc import Iterator

import msgspec

from firmware_bridge import codecs
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Column, Reading
from gateway import foreign
from gateway.inlets import Identity
from gateway.registry import Registry

TOPICS = ("v3/+/devices/+/#", "v3/+/up")


class _Device(msgspec.Struct):
    device_id: str = ""
    dev_eui: str = ""
    dev_addr: str = ""


class _Reception(msgspec.Struct):
    rssi: float = 0.0
    snr: float = 0.0


class _Message(msgspec.Struct):
    session_key_id: str = ""
    f_port: int = 0
    f_cnt: int = 0
    frm_payload: str = ""
    received_at: str = ""
    rx_metadata: list[_Reception] = []


class _Up(msgspec.Struct):
    end_device_ids: _Device
    uplink_message: _Message
    received_at: str = ""
    simulated: bool = False


_decoder = msgspec.json.Decoder(_Up)


def identify(topic: str, payload: bytes) -> Identity | None:
    """Key of an uplink: device, session, frame counter, payload. None for joins, downlinks, and what is simulated."""
    parts = topic.split("/", 6)
    published = len(parts) == 3
    if not published and len(parts) < 5:
        raise DecodeError("topic", f"wanted v3/<application>/devices/<device>/up, got {topic[:100]!r}")
    if not published and parts[4:] != ["up"]:
        return None
    up = foreign.read(_decoder, payload)
    if up.simulated:
        return None
    ids, message = up.end_device_ids, up.uplink_message
    if not published and ids.device_id != parts[3]:
        raise DecodeError("topic-device", f"topic says device {parts[3][:40]!r}, payload says {ids.device_id[:40]!r}")
    content = f"{message.f_cnt} {message.f_port} {message.frm_payload}"
    session = (message.session_key_id or ids.dev_addr)[:64]
    return Identity(f"tts/{foreign.eui_of(ids.dev_eui)}", session, 0, content.encode("utf-8", "replace"))


def decode(payload: bytes, registry: Registry, _source: str, _received_us: int) -> list[Column]:
    """Readings of an uplink, each series a column of one time."""
    up = foreign.read(_decoder, payload)
    message = up.uplink_message
    device = registry.device_of_eui(up.end_device_ids.dev_eui)
    if device is None:
        raise DecodeError("device-unknown", f"no device has dev_eui {up.end_device_ids.dev_eui.lower()[:32]!r}")
    heard_us = foreign.time_us(message.received_at or up.received_at)
    data = foreign.strict_base64(message.frm_payload, "frm_payload")
    told = codecs.decode(device.model, message.f_port, data, heard_us) if data or message.f_port else ()
    return foreign.columns(device.id, (*told, *_reception(message.rx_metadata)), heard_us)


def _reception(heard: list[_Reception]) -> Iterator[Reading]:
    if heard:
        best = max(heard, key=lambda one: one.rssi)
        if not (math.isfinite(best.rssi) and math.isfinite(best.snr)):
            raise DecodeError("not-finite", "rx_metadata: wanted finite rssi and snr")
        yield Reading("rssi_dbm", best.rssi)
        yield Reading("snr_db", best.snr)

"""ChirpStack v4, MQTT integration, JSON: `application/<id>/device/<devEui>/event/<kind>`.

Of the events only `up` carries readings:

    {"deduplicationId":"3ac7e3c4-…","time":"2027-01-19T21:14:05.123+00:00","deviceInfo":{"devEui":"a840…",…},
     "devAddr":"00189440","fCnt":4,"fPort":2,"data":"DRb/ywkp/4MAeBA=","rxInfo":[{"rssi":-36,"snr":10.5,…},…]}

Fields that are 0 or empty are left out by ChirpStack and read as such. One `deduplicationId` is one uplink, however
many gateways heard it; the strongest reception gives `rssi_dbm` and `snr_db`. The time is `time`, else the first
`gwTime` of `rxInfo`: ChirpStack's, or the radio gateway's where that has a clock. An uplink without data (fPort 0,
network commands only) gives only the reception.
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
from gateway.settings import Device

TOPICS = ("application/+/device/+/event/+",)


class _DeviceInfo(msgspec.Struct, rename="camel"):
    dev_eui: str


class _RxInfo(msgspec.Struct, rename="camel"):
    rssi: float = 0.0
    snr: float = 0.0
    gw_time: str = ""


class _Head(msgspec.Struct, rename="camel"):
    deduplication_id: str
    device_info: _DeviceInfo
    dev_addr: str = ""
    f_port: int = 0
    data: str = ""


class _Uplink(_Head, rename="camel"):
    time: str = ""
    rx_info: list[_RxInfo] = []


_head_decoder = msgspec.json.Decoder(_Head)
_uplink_decoder = msgspec.json.Decoder(_Uplink)


def identify(topic: str, payload: bytes) -> Identity | None:
    """Key of an uplink: the device and ChirpStack's own `deduplicationId`. None for joins, acks, status, logs."""
    parts = topic.split("/", 6)
    if len(parts) != 6:
        raise DecodeError("topic", f"wanted application/<id>/device/<devEui>/event/<kind>, got {topic[:100]!r}")
    if parts[5] != "up":
        return None
    head = foreign.read(_head_decoder, payload)
    eui = head.device_info.dev_eui.lower()
    if eui != parts[3].lower() or len(eui) != 16 or not set(eui) <= set("0123456789abcdef"):
        raise DecodeError("topic-device", f"topic says device {parts[3][:32]!r}, payload says {eui[:32]!r}")
    if not 8 <= len(head.deduplication_id) <= 64:
        raise DecodeError("json", f"wanted a deduplicationId, got {head.deduplication_id[:64]!r}")
    content = f"{head.deduplication_id} {head.f_port} {head.data}"
    return Identity(f"chirpstack/{eui}", head.dev_addr[:16].lower(), 0, content.encode())


def decode(payload: bytes, registry: Registry, _source: str = "", _received_us: int = 0) -> list[Column]:
    """Readings of an uplink, each series a column of one time."""
    uplink = foreign.read(_uplink_decoder, payload)
    device = registry.device_of_eui(uplink.device_info.dev_eui)
    if device is None:
        raise DecodeError("device-unknown", f"no device has dev_eui {uplink.device_info.dev_eui.lower()[:32]!r}")
    time_us = _time_us(uplink)
    return foreign.columns(device.id, (*_readings(device, uplink, time_us), *_reception(uplink)), time_us)


def _readings(device: Device, uplink: _Uplink, time_us: int) -> tuple[Reading, ...]:
    payload = foreign.strict_base64(uplink.data, "data")
    if not payload and uplink.f_port == 0:
        return ()
    return codecs.decode(device.model, uplink.f_port, payload, time_us)


def _reception(uplink: _Uplink) -> Iterator[Reading]:
    if uplink.rx_info:
        best = max(uplink.rx_info, key=lambda rx: rx.rssi)
        if not (math.isfinite(best.rssi) and math.isfinite(best.snr)):
            raise DecodeError("not-finite", "rxInfo: wanted finite rssi and snr")
        yield Reading("rssi_dbm", best.rssi)
        yield Reading("snr_db", best.snr)


def _time_us(uplink: _Uplink) -> int:
    return foreign.time_us(next((text for text in (uplink.time, *(rx.gw_time for rx in uplink.rx_info)) if text), ""))

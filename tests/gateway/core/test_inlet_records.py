import base64

import pytest
from rig import NOW_US, a_registry
from uplinks import EUI, uplink

from firmware_bridge.errors import DecodeError
from gateway.inlets import chirpstack
from gateway.settings import Device

AIR = Device(id="field1-air", model="milesight-iot/em300-th", site="field-1", dev_eui=EUI)
REGISTRY = a_registry(devices=[AIR])
NOW_S = NOW_US // 1_000_000


def record(seconds: int, tenths: int) -> bytes:
    return b"\x20\xce" + seconds.to_bytes(4, "little") + tenths.to_bytes(2, "little", signed=True) + b"\x64\x00"


def data(payload: bytes) -> str:
    return base64.b64encode(payload).decode()


def test_records_from_a_sensors_memory_keep_the_time_they_were_taken() -> None:
    payload = record(NOW_S - 7200, -53) + record(NOW_S - 3600, -61)
    columns = {column.quantity: column for column in chirpstack.decode(uplink(data=data(payload), fPort=85), REGISTRY)}
    air = columns["air_temperature_c"]
    assert air.times_us == [(NOW_S - 7200) * 1_000_000, (NOW_S - 3600) * 1_000_000]
    assert air.values == [-5.3, -6.1]


def test_a_record_of_tomorrow_is_refused_by_name() -> None:
    with pytest.raises(DecodeError, match="device-clock"):
        chirpstack.decode(uplink(data=data(record(NOW_S + 86400, -53)), fPort=85), REGISTRY)

import json
from pathlib import Path
from typing import Any

import pytest
from rig import NOW_US, a_registry, an_ingest
from uplinks import EUI, LSE01

from gateway.ingest import Ingest, Message
from gateway.journal import evidence
from gateway.settings import Device

DEVICES = [
    Device(id="weather-1", model="generic/senml", site="field-1"),
    Device(id="air-zigbee", model="aqara/wsdcgq11lm", site="field-1"),
    Device(id="by-node", model="generic/senml", site="field-1", node="n-01"),
    Device(id="by-tts", model="dragino/lse01", site="field-1", dev_eui=EUI),
]

PACK = [
    {"bn": "urn:dev:mac:0024befffe804ff1:", "n": "temperature", "u": "Cel", "v": -5.3},
    {"n": "humidity", "u": "%RH", "v": 0, "t": -60},
    {"n": "rain", "u": "mm", "v": 0.5, "t": NOW_US / 1e6 - 600},
]


@pytest.fixture
def ingest(tmp_path: Path) -> Any:
    made = an_ingest(tmp_path, a_registry(devices=DEVICES))
    yield made
    made.journal.close()


def test_senml_counts_from_when_it_came_or_says_its_own_times(ingest: Ingest) -> None:
    ingest.take([Message("push/weather-1", json.dumps(PACK).encode())])
    (entry,) = ingest.journal.recent.after(0, 100)
    assert {c.quantity: (c.times_us, c.values) for c in entry.columns} == {
        "air_temperature_c": ([NOW_US], [-5.3]),
        "humidity_pct": ([NOW_US - 60_000_000], [0.0]),
        "rain_mm": ([NOW_US - 600_000_000], [0.5]),
    }


def test_any_other_model_is_read_by_its_own_codec(ingest: Ingest) -> None:
    ingest.take([Message("push/air-zigbee", b'{"temperature":0}')])
    (entry,) = ingest.journal.recent.after(0, 100)
    assert [(c.device, c.quantity, c.values) for c in entry.columns] == [("air-zigbee", "air_temperature_c", [0.0])]


def test_two_pushes_that_say_the_same_at_two_times_are_two_readings(tmp_path: Path) -> None:
    clock = iter([NOW_US, NOW_US + 60_000_000])
    ingest = an_ingest(tmp_path, a_registry(devices=DEVICES), lambda: next(clock))
    for _ in range(2):
        ingest.take([Message("push/air-zigbee", b'{"temperature":0}')])
    assert ingest.journal.last_id == 2
    ingest.journal.close()


@pytest.mark.parametrize(
    ("topic", "payload", "code"),
    [
        ("push/nobody", b"[]", "device-unknown"),
        ("push/by-node", b"[]", "device-unknown"),
        ("push/by-tts", LSE01, "device-unknown"),
        ("push/A", b"[]", "topic"),
        ("push/", b"[]", "topic"),
        ("push/weather-1", b"", "size"),
        ("push/weather-1", b" " * 70_000, "size"),
        ("push/weather-1", b"[]", "empty"),
        ("push/weather-1", b'[{"n":"temperature","v":1e999}]', "json"),
        ("push/weather-1", b'[{"n":"temperature","v":NaN}]', "json"),
        ("push/weather-1", b'[{"n":"temperature","v":1,"t":1e300}]', "time"),
        ("push/weather-1", b'[{"n":"temperature","v":1,"t":-9e9}]', "time"),
        ("push/weather-1", b'[{"n":"temperature","v":1,"t":3e8}]', "time"),
    ],
)
def test_what_cannot_be_believed_is_kept_with_its_reason(ingest: Ingest, topic: str, payload: bytes, code: str) -> None:
    ingest.take([Message(topic, payload)])
    assert [one.code for one in evidence.quarantined(ingest.journal)] == [code]

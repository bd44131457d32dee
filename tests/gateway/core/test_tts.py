import json
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rig import NOW_US, a_registry, an_ingest
from uplinks import EUI

from firmware_bridge.errors import DecodeError
from gateway.ingest import Ingest, Message
from gateway.inlets import tts
from gateway.journal import evidence
from gateway.settings import Device

TOPIC = "v3/soil@town/devices/soil-1/up"
REGISTRY = a_registry(devices=[Device(id="field1-lora", model="dragino/lse01", site="field-1", dev_eui=EUI)])
VECTORS: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("tts.toml").read_text("utf-8"))["uplink"]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)


def changed(**fields: Any) -> bytes:
    """The first vector with other fields of its uplink message."""
    whole = json.loads(VECTORS[0]["json"])
    whole["uplink_message"] |= fields
    return json.dumps(whole).encode()


@pytest.fixture
def ingest(tmp_path: Path) -> Any:
    made = an_ingest(tmp_path, REGISTRY)
    yield made
    made.journal.close()


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_an_uplink_means_what_its_vector_says(ingest: Ingest, vector: dict[str, Any]) -> None:
    ingest.take([Message(TOPIC, vector["json"].encode())])
    if "error" in vector:
        assert [one.code for one in evidence.quarantined(ingest.journal)] == [vector["error"]]
        return
    (entry,) = ingest.journal.recent.after(0, 100)
    assert {c.quantity: c.values[0] for c in entry.columns} == pytest.approx(vector["readings"])
    assert {(c.device, *c.times_us) for c in entry.columns} == {("field1-lora", NOW_US + 123_456)}


def test_e60_a_strong_uplink_that_the_server_tells_twice_is_one_reading(ingest: Ingest) -> None:
    ghost = changed(received_at="2027-01-15T08:00:02Z", rx_metadata=[{"rssi": -80}])
    ingest.take([Message(TOPIC, changed())])
    ingest.take([Message(TOPIC, ghost)])
    assert ingest.journal.last_id == 1
    assert evidence.counters(ingest.journal)["duplicate", f"tts/{EUI}"] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"f_cnt": 5},
        {"session_key_id": "another"},
        {"frm_payload": "DRb/ywkp/4MAeCA="},
        {"f_cnt": 0},
    ],
)
def test_e40_another_counter_session_or_payload_is_another_reading(ingest: Ingest, fields: dict[str, Any]) -> None:
    ingest.take([Message(TOPIC, changed()), Message(TOPIC, changed(**fields))])
    assert ingest.journal.last_id == 2


@pytest.mark.parametrize("leaf", ["join", "down/sent", "down/failed", "service/data", "location/solved", "up/extra"])
def test_other_events_are_counted_and_no_more(ingest: Ingest, leaf: str) -> None:
    ingest.take([Message(TOPIC.replace("/up", f"/{leaf}"), b"{}")])
    assert evidence.counters(ingest.journal) == {("ignored-event", "tts"): 1}


def test_the_pub_sub_integration_names_the_device_in_the_payload_only(ingest: Ingest) -> None:
    ingest.take([Message("v3/soil/up", changed()), Message(TOPIC, changed())])
    assert ingest.journal.last_id == 1


def test_what_somebody_simulates_at_the_server_is_no_reading(ingest: Ingest) -> None:
    ingest.take(
        [Message(TOPIC, VECTORS[0]["json"].replace('"received_at"', '"simulated":true,"received_at"', 1).encode())]
    )
    assert evidence.counters(ingest.journal) == {("ignored-event", "tts"): 1}


@given(ANY_JSON, st.sampled_from(["f_port", "f_cnt", "frm_payload", "rx_metadata", "received_at", "session_key_id"]))
def test_any_json_in_any_field_is_read_or_refused_by_name(value: Any, field: str) -> None:
    payload = changed(**{field: value})
    with suppress(DecodeError):
        identity = tts.identify(TOPIC, payload)
        assert identity is not None
        assert all(c.values for c in tts.decode(payload, REGISTRY, identity.source, NOW_US))


@given(ANY_JSON)
def test_any_json_at_all_is_read_or_refused_by_name(value: Any) -> None:
    with suppress(DecodeError):
        tts.identify(TOPIC, json.dumps(value).encode())

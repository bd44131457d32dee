import base64
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rig import NOW_US, a_registry, an_ingest
from uplinks import EUI, TOPIC, uplink

from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Column
from gateway.ingest import Ingest, Message
from gateway.inlets import chirpstack, inlets, matches
from gateway.journal import evidence
from gateway.settings import Device

SOIL = Device(id="field1-lora", model="dragino/lse01", site="field-1", dev_eui=EUI)
REGISTRY = a_registry(devices=[SOIL])


def by_quantity(columns: list[Column]) -> dict[str, float]:
    return {column.quantity: column.values[0] for column in columns}


@pytest.fixture
def ingest(tmp_path: Path) -> Any:
    made = an_ingest(tmp_path, REGISTRY)
    yield made
    made.journal.close()


def test_an_uplink_gives_the_readings_of_its_codec_and_the_best_reception() -> None:
    columns = chirpstack.decode(uplink(), REGISTRY)
    read = by_quantity(columns)
    assert read["battery_v"] == pytest.approx(3.350)
    assert read["probe_temperature_c"] == pytest.approx(-5.3)
    assert read["soil_moisture_vwc_pct"] == pytest.approx(23.45)
    assert read["soil_temperature_c"] == pytest.approx(-1.25)
    assert read["soil_ec_us_cm"] == 120
    assert (read["rssi_dbm"], read["snr_db"]) == (-36, 10.5)
    assert {column.device for column in columns} == {"field1-lora"}
    assert {time for column in columns for time in column.times_us} == {NOW_US + 123_456}


def test_the_time_is_the_radio_gateways_where_the_server_says_none() -> None:
    columns = chirpstack.decode(
        uplink(time=..., rxInfo=[{"gwTime": "2027-01-15T17:00:01+09:00", "rssi": -50}]), REGISTRY
    )
    assert columns[0].times_us == [NOW_US + 1_000_000]


def test_an_uplink_of_network_commands_tells_only_of_its_reception() -> None:
    read = by_quantity(chirpstack.decode(uplink(fPort=..., data=...), REGISTRY))
    assert set(read) == {"rssi_dbm", "snr_db"}


@pytest.mark.parametrize(
    "data",
    [
        "DRb/ywkp/4MAeBA",  # no padding
        "DRb/ywkp/4MAeBA==",
        "DRb/ ywkp/4MAeBA=",
        "DRb/ywkp/4MAeBA=\n",
        "DRb_ywkp_4MAeBA=",  # the alphabet of URLs
        "DRb/ywkp/4MAeBB=",  # stray bits
        "DRb=ywkp/4MAeBA=",
        "0D16FFCB0929FF83007810!",
        "土",
        "====",
    ],
)
def test_only_strict_base64_is_read(ingest: Ingest, data: str) -> None:
    with pytest.raises(DecodeError) as caught:
        chirpstack.decode(uplink(data=data), REGISTRY)
    assert caught.value.code == "base64"
    ingest.take([Message(TOPIC, uplink(data=data))])
    assert [one.code for one in evidence.quarantined(ingest.journal)] == ["base64"]


def test_e60_the_same_uplink_twice_is_one_reading(ingest: Ingest) -> None:
    other_reception = uplink(rxInfo=[{"rssi": -80, "snr": 1.0}])
    ingest.take([Message(TOPIC, uplink()), Message(TOPIC, uplink())])
    ingest.take([Message(TOPIC, other_reception)])
    assert ingest.journal.last_id == 1
    counted = evidence.counters(ingest.journal)
    assert counted["duplicate", f"chirpstack/{EUI}"] == 2


def test_another_uplink_with_the_same_content_is_another_reading(ingest: Ingest) -> None:
    ingest.take([Message(TOPIC, uplink()), Message(TOPIC, uplink(deduplicationId="c5a9-0000-1111", fCnt=5))])
    assert ingest.journal.last_id == 2


def test_an_unknown_device_is_kept_and_listed(ingest: Ingest) -> None:
    eui = "ffffffffffffffff"
    payload = uplink(deviceInfo={"devEui": eui})
    ingest.take([Message(TOPIC.replace(EUI, eui), payload)])
    (kept,) = evidence.quarantined(ingest.journal)
    assert (kept.code, kept.source, kept.head) == ("device-unknown", "chirpstack", payload[:1024])
    assert eui in kept.detail


@pytest.mark.parametrize("kind", ["join", "ack", "txack", "status", "log", "location"])
def test_other_events_are_counted_and_no_more(ingest: Ingest, kind: str) -> None:
    ingest.take([Message(TOPIC.replace("/up", f"/{kind}"), b'{"whatever":1}')])
    assert evidence.counters(ingest.journal) == {("ignored-event", "chirpstack"): 1}


@pytest.mark.parametrize(
    ("topic", "payload", "code"),
    [
        (TOPIC, uplink(deviceInfo={"devEui": "a84041000181c062"}), "topic-device"),
        (TOPIC.replace(EUI, "A84041000181C0"), uplink(deviceInfo={"devEui": "A84041000181C0"}), "topic-device"),
        (TOPIC, uplink(deduplicationId=...), "json"),
        (TOPIC, uplink(deduplicationId=""), "json"),
        (TOPIC, uplink(time="yesterday", rxInfo=[]), "time"),
        (TOPIC, uplink(time="2027-01-15T08:00:00"), "time"),
        (TOPIC, uplink(time="1970-01-01T00:00:01Z"), "time"),
        (TOPIC, uplink(time=..., rxInfo=[]), "time"),
        (TOPIC, uplink(fPort="2"), "json"),
        (TOPIC, b"", "size"),
        (TOPIC, b" " * 70_000, "size"),
        (TOPIC, b"\xff", "json"),
    ],
)
def test_what_cannot_be_believed_is_kept_with_its_reason(ingest: Ingest, topic: str, payload: bytes, code: str) -> None:
    ingest.take([Message(topic, payload)])
    assert [one.code for one in evidence.quarantined(ingest.journal)] == [code]


def test_addresses_are_read_in_either_case(ingest: Ingest) -> None:
    ingest.take([Message(TOPIC.replace(EUI, EUI.upper()), uplink(deviceInfo={"devEui": EUI.upper()}))])
    assert ingest.journal.last_id == 1


@given(st.binary(max_size=64), st.integers(0, 300))
def test_any_payload_of_a_device_is_read_or_refused_by_name(data: bytes, port: int) -> None:
    payload = uplink(data=base64.b64encode(data).decode(), fPort=port)
    with suppress(DecodeError):
        columns = chirpstack.decode(payload, REGISTRY)
        assert all(len(column.times_us) == len(column.values) > 0 for column in columns)


@given(st.text(max_size=40), st.binary(max_size=200))
def test_any_message_to_any_inlet_is_read_or_refused_by_name(topic: str, payload: bytes) -> None:
    for inlet in inlets().values():
        for one in (topic, TOPIC):
            with suppress(DecodeError):
                if inlet.identify(one, payload) is not None:
                    inlet.decode(payload, REGISTRY, "x/y", NOW_US)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "holds"),
    [
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/c/d", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/+", "a", False),
        ("a/b", "a/b", True),
        ("a/b", "a/c", False),
    ],
)
def test_filters_match_as_a_broker_matches(topic_filter: str, topic: str, holds: bool) -> None:
    assert matches(topic_filter, topic) is holds

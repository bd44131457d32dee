import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import start_mosquitto
from rig import NOW_US, Talker, a_gateway, a_registry, an_ingest, passwords
from waiting import wait_until

from firmware_bridge.errors import DecodeError
from gateway.ingest import Ingest, Message
from gateway.inlets import zigbee2mqtt
from gateway.journal import evidence
from gateway.settings import Device
from gateway.store.sqlite import SqliteStore

TOPIC = "zigbee2mqtt/hall"
IEEE = "0x00158d0001dc126a"
SEEN, SEEN_US = "2027-01-15T07:59:00.250Z", NOW_US - 59_750_000
DEVICES = [
    Device(id="home1-hall", model="aqara/rtcgq11lm", site="field-1", address="hall"),
    Device(id="home1-door", model="aqara/mccgq11lm", site="field-1", address="一階/玄関 戸"),
    Device(id="home1-air", model="aqara/wsdcgq11lm", site="field-1", address=IEEE),
]
REGISTRY = a_registry(devices=DEVICES)
KNOWN = [
    "occupancy",
    "contact",
    "action",
    "battery",
    "voltage",
    "illuminance",
    "last_seen",
    "device",
    "no_occupancy_since",
]


def says(**fields: Any) -> bytes:
    return json.dumps({"linkquality": 120} | fields).encode()


@pytest.fixture
def ingest(tmp_path: Path) -> Any:
    made = an_ingest(tmp_path, REGISTRY)
    yield made
    made.journal.close()


def points(ingest: Ingest) -> dict[tuple[str, str], tuple[int, float]]:
    """(device, quantity) → the newest (time, value)."""
    entries = ingest.journal.recent.after(0, 1000)
    return {(c.device, c.quantity): (c.times_us[0], c.values[0]) for entry in entries for c in entry.columns}


def test_a_movement_counts_when_it_was_seen(ingest: Ingest) -> None:
    ingest.take([Message(TOPIC, says(occupancy=True, illuminance=0, last_seen=SEEN))])
    assert points(ingest) == {
        ("home1-hall", "motion"): (SEEN_US, 1),
        ("home1-hall", "illuminance_lx"): (SEEN_US, 0),
    }


@pytest.mark.parametrize("seen", [SEEN, "2027-01-15T16:59:00.250+09:00", SEEN_US // 1000])
def test_every_way_to_say_last_seen_is_read(ingest: Ingest, seen: Any) -> None:
    ingest.take([Message(TOPIC, says(occupancy=True, last_seen=seen))])
    assert points(ingest)["home1-hall", "motion"] == (SEEN_US, 1)


@pytest.mark.parametrize("seen", [{}, {"last_seen": None}])
def test_without_last_seen_a_message_counts_when_it_came(ingest: Ingest, seen: dict[str, Any]) -> None:
    ingest.take([Message(TOPIC, says(occupancy=True, **seen))])
    assert points(ingest)["home1-hall", "motion"] == (NOW_US, 1)


def test_the_end_of_a_timer_never_covers_the_movement_before_it(ingest: Ingest) -> None:
    ingest.take([Message(TOPIC, says(occupancy=True, last_seen=SEEN))])
    ingest.take([Message(TOPIC, says(occupancy=False, battery=97, last_seen=SEEN))])
    told = [
        (c.times_us[0], c.values[0])
        for entry in ingest.journal.recent.after(0, 10)
        for c in entry.columns
        if c.quantity == "motion"
    ]
    assert told == [(SEEN_US, 1), (NOW_US, 0)]
    assert points(ingest)["home1-hall", "battery_pct"] == (SEEN_US, 97)


def test_contact_says_closed_and_names_may_have_slashes_spaces_and_kanji(ingest: Ingest) -> None:
    ingest.take([Message("zigbee2mqtt/一階/玄関 戸", says(contact=True, last_seen=SEEN))])
    assert points(ingest) == {("home1-door", "contact_open"): (SEEN_US, 0)}


@pytest.mark.parametrize(
    ("name", "information"), [(IEEE, {}), ("roof", {"device": {"friendlyName": "roof", "ieeeAddr": IEEE}})]
)
def test_a_device_may_be_known_by_its_ieee_address(ingest: Ingest, name: str, information: dict[str, Any]) -> None:
    ingest.take([Message(f"zigbee2mqtt/{name}", says(temperature=-21.38, last_seen=SEEN, **information))])
    assert points(ingest) == {("home1-air", "air_temperature_c"): (SEEN_US, -21.38)}


def test_a_message_that_comes_again_is_known_where_it_says_when_it_was_seen(ingest: Ingest) -> None:
    for _ in range(2):
        ingest.take([Message(TOPIC, says(occupancy=True, last_seen=SEEN))])
    assert ingest.journal.last_id == 1


@pytest.mark.parametrize(
    "place",
    [
        "bridge/devices",
        "bridge/state",
        "bridge/logging",
        "hall/availability",
        "hall/set",
        "hall/set/sensitivity",
        "hall/get",
    ],
)
def test_what_is_no_state_of_a_device_is_counted_and_no_more(ingest: Ingest, place: str) -> None:
    ingest.take([Message(f"zigbee2mqtt/{place}", b"anything")])
    assert evidence.counters(ingest.journal) == {("ignored-event", "zigbee2mqtt"): 1}


@pytest.mark.parametrize(
    ("topic", "payload", "code"),
    [
        ("zigbee2mqtt/nobody", says(occupancy=True), "device-unknown"),
        ("zigbee2mqtt/", says(occupancy=True), "topic"),
        ("zigbee2mqtt/a\nb", says(occupancy=True), "topic"),
        ("zigbee2mqtt/" + "x" * 65, says(occupancy=True), "topic"),
        (TOPIC, says(), "empty"),
        (TOPIC, says(occupancy="ON"), "json"),
        (TOPIC, b"21.5", "json"),
        (TOPIC, b"", "size"),
        (TOPIC, says(occupancy=True, last_seen="yesterday"), "time"),
        (TOPIC, says(occupancy=True, last_seen=5), "time"),
        (TOPIC, says(occupancy=True, last_seen=-5), "time"),
        (TOPIC, says(occupancy=True, last_seen=1e300), "time"),
    ],
)
def test_what_cannot_be_believed_is_kept_with_its_reason(ingest: Ingest, topic: str, payload: bytes, code: str) -> None:
    ingest.take([Message(topic, payload)])
    assert [one.code for one in evidence.quarantined(ingest.journal)] == [code]


@given(
    st.dictionaries(
        st.sampled_from(KNOWN),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
            max_leaves=6,
        ),
    )
)
def test_any_json_is_read_or_refused_by_name(fields: dict[str, Any]) -> None:
    payload = json.dumps(fields).encode()
    with suppress(DecodeError):
        identity = zigbee2mqtt.identify(TOPIC, payload)
        assert identity is not None
        columns = zigbee2mqtt.decode(payload, REGISTRY, identity.source, NOW_US)
        assert all(len(c.times_us) == len(c.values) > 0 for c in columns)


@pytest.mark.mosquitto
def test_a_zigbee2mqtt_at_our_broker_may_describe_all_its_devices_and_is_heard(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "points.db")
    with (
        start_mosquitto(tmp_path / "broker", passwords()) as broker,
        a_gateway(tmp_path, broker, store, REGISTRY) as (_, ingest, forwarder),
        Talker(broker, "inlet-zigbee2mqtt") as bridge,
    ):
        bridge.hear("zigbee2mqtt/+/set")
        assert bridge.say("zigbee2mqtt/bridge/devices", b"[" + b" " * 500_000 + b"]", retain=True) == 0
        bridge.say(TOPIC, says(occupancy=True, battery=100, last_seen=SEEN))
        wait_until(lambda: ingest.journal.last_id == 1 and not forwarder.waiting, 10)
        assert len(store.series()) == 2
    store.close()

import json
import re
from pathlib import Path

import pytest
from parts import TENANT, start_mosquitto
from rig import NOW_US, Talker, passwords, running
from waiting import wait_until

from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import Column, SeriesKey
from gateway.homeassistant import BIRTH, HomeAssistant, config, state_topic
from gateway.registry import Registry
from gateway.settings import Device, Site
from gateway.store import Entry

FIELD = Site(id="field-1", kind="field", label_ja="北の畑", label_en="North field")
HOME = Site(id="home-a07", kind="home", label_ja="A-07", label_en="A-07")
SOIL = Device(id="soil-1", model="dragino/lse01", site="field-1", place_ja="20 cm", interval_s=600)
HALL = Device(id="hall", model="aqara/rtcgq11lm", site="home-a07")
REGISTRY = Registry(TENANT, [], [FIELD, HOME], [SOIL, HALL], {})
NOT_AUTHORIZED = 135


def an_entry(*columns: Column) -> Entry:
    return Entry(
        id=1, tenant=TENANT, source="n-01", received_us=NOW_US, quality=0, columns=list(columns), fingerprint=1
    )


SOIL_ENTRY = an_entry(
    Column("soil-1", "soil_temperature_c", [NOW_US - 60_000_000, NOW_US], [1.0, -1.25]),
    Column("soil-1", "contact_open", [NOW_US], [0.0]),
)


def test_a_series_describes_itself_with_unit_class_and_how_long_it_holds() -> None:
    topic, told = config(SeriesKey(TENANT, "soil-1", "soil_temperature_c"), SOIL, FIELD)
    assert topic == f"homeassistant/sensor/satomori_{TENANT}_soil-1_soil_temperature_c/config"
    assert (told["device_class"], told["unit_of_measurement"], told["state_class"]) == (
        "temperature",
        "°C",
        "measurement",
    )
    assert told["expire_after"] == 1800
    assert told["device"]["name"] == "北の畑 20 cm"


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_has_a_topic_that_home_assistant_takes(quantity: str) -> None:
    topic, told = config(SeriesKey(TENANT, "soil-1", quantity, 3), SOIL, FIELD)
    assert re.fullmatch(r"homeassistant/(sensor|binary_sensor)/[a-zA-Z0-9_-]+_3/config", topic)
    assert told["state_topic"] == f"homeassistant/satomori/soil-1/{quantity}/3"
    assert ("state_class" in told) == topic.startswith("homeassistant/sensor/")
    assert told.get("unit_of_measurement") not in ("1", "0/1")
    json.dumps(told)


@pytest.mark.mosquitto
def test_home_assistant_finds_fields_and_never_a_home(tmp_path: Path) -> None:
    with start_mosquitto(tmp_path, passwords()) as broker, Talker(broker, "homeassistant") as assistant:
        assistant.hear("homeassistant/#")
        role = HomeAssistant("127.0.0.1", broker.port, broker.passwords["homeassistant-out"], REGISTRY)
        role.take([SOIL_ENTRY, an_entry(Column("hall", "motion", [NOW_US], [1.0]))])
        with running(role):
            wait_until(lambda: len(assistant.heard) == 4, 15)
            role.take([an_entry(Column("soil-1", "soil_temperature_c", [NOW_US - 1], [9.0]))])  # late
            role.take([an_entry(Column("soil-1", "soil_temperature_c", [NOW_US + 1], [-2.0]))])
            wait_until(lambda: len(assistant.heard) == 5, 15)
            assert assistant.say(BIRTH, b"online") == 0
            wait_until(lambda: len(assistant.heard) == 10, 15)  # the birth itself, and everything again
    said = {message.topic: json.loads(message.payload) for message in assistant.heard if message.topic != BIRTH}
    assert len(said) == 4
    assert not [topic for topic in said if "hall" in topic]
    assert said[state_topic(SeriesKey(TENANT, "soil-1", "soil_temperature_c"))] == {
        "value": -2.0,
        "time": "2027-01-15T08:00:00+00:00",
    }


@pytest.mark.mosquitto
def test_home_assistant_hears_and_says_nothing_of_ours(tmp_path: Path) -> None:
    with start_mosquitto(tmp_path, passwords("n-01")) as broker:
        for user in ("homeassistant", "homeassistant-out"):
            with Talker(broker, user) as talker:
                for place in (f"satomori/1/{TENANT}/n-01/data", f"satomori/1/{TENANT}/n-01/cmd", "zigbee2mqtt/x/set"):
                    assert talker.say(place, b"x") == NOT_AUTHORIZED

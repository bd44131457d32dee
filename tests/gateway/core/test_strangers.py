import base64
import json
from pathlib import Path

import pytest
from rig import NOW_US, a_registry, an_ingest
from uplinks import EUI, TOPIC, uplink

from gateway.ingest import Ingest, Message
from gateway.journal import evidence, strangers
from gateway.settings import Device

SOIL = Device(id="field1-lora", model="dragino/lse01", site="field-1", dev_eui=EUI)
HALL = Device(id="home1-hall", model="aqara/rtcgq11lm", site="field-1", address="hall")
LATER_US = NOW_US + 86_400_000_000


def numbered(number: int, **changes: object) -> Message:
    return Message(TOPIC, uplink(deduplicationId=f"uplink-{number:06}", **changes))


def later(folder: Path, *devices: Device) -> Ingest:
    """The gateway of the next day, whose settings know these devices."""
    return an_ingest(folder, a_registry(devices=devices), lambda: LATER_US)


def test_what_an_unknown_device_said_is_read_once_its_model_is_named(tmp_path: Path) -> None:
    first = an_ingest(tmp_path)
    first.take([numbered(1), numbered(2, tags="x" * 5000), numbered(1)])
    first.take([Message("zigbee2mqtt/hall", b'{"occupancy":true}')])
    assert first.journal.last_id == 0
    first.journal.close()

    second = later(tmp_path, SOIL)
    assert second.adopt() == 3
    assert [(raw.kind, raw.seq, raw.received_us) for raw in second.journal.read(0, 10)] == [
        ("chirpstack", 1, NOW_US),
        ("chirpstack", 2, NOW_US),
    ]
    assert second.adopt() == 0
    assert [one.origin for one in strangers.listed(second.journal)] == ["zigbee2mqtt/hall"]
    second.journal.close()

    third = later(tmp_path, SOIL, HALL)
    assert third.adopt() == 1
    (entry,) = third.journal.recent.after(2, 10)
    assert [(c.device, c.quantity, c.times_us) for c in entry.columns] == [("home1-hall", "motion", [NOW_US])]
    assert strangers.listed(third.journal) == []
    third.journal.close()


def test_what_is_adopted_and_comes_again_is_a_duplicate(tmp_path: Path) -> None:
    first = an_ingest(tmp_path)
    first.take([numbered(1)])
    first.journal.close()
    second = later(tmp_path, SOIL)
    second.adopt()
    second.take([numbered(1)])
    assert second.journal.last_id == 1
    second.journal.close()


def test_what_the_codec_then_refuses_is_told_under_its_own_reason(tmp_path: Path) -> None:
    first = an_ingest(tmp_path)
    first.take([numbered(1, data=base64.b64encode(b"\1").decode())])
    first.journal.close()
    second = later(tmp_path, SOIL)
    assert second.adopt() == 1
    assert [one.code for one in evidence.quarantined(second.journal)] == ["length", "device-unknown"]
    assert strangers.waiting(second.journal) == []
    second.journal.close()


def test_a_commit_that_fails_adopts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = an_ingest(tmp_path)
    first.take([numbered(1)])
    first.journal.close()
    second = later(tmp_path, SOIL)
    with second.journal._file.writing() as db:
        db.execute("CREATE TRIGGER no BEFORE DELETE ON stranger BEGIN SELECT raise(ABORT, 'no'); END")
    with pytest.raises(Exception, match="no"):
        second.adopt()
    assert second.journal.last_id == 0
    with second.journal._file.writing() as db:
        db.execute("DROP TRIGGER no")
    assert second.adopt() == 1
    assert second.journal.last_id == 1
    second.journal.close()


def test_unknown_devices_are_listed_with_their_newest_message(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([numbered(1), numbered(2)])
    ingest.take([Message("zigbee2mqtt/hall", b'{"occupancy":true}')])
    hall, soil = strangers.listed(ingest.journal)
    assert (hall.kind, hall.origin, hall.messages, hall.payload) == (
        "zigbee2mqtt",
        "zigbee2mqtt/hall",
        1,
        b'{"occupancy":true}',
    )
    assert (soil.origin, soil.messages, json.loads(soil.payload)["deduplicationId"]) == (
        f"chirpstack/{EUI}",
        2,
        "uplink-000002",
    )
    ingest.journal.close()


def test_a_talkative_stranger_leaves_room_for_the_others(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([Message("zigbee2mqtt/quiet", b"{}")])
    ingest.take([numbered(n) for n in range(strangers.MOST_OF_ONE + 50)])
    assert {one.origin: one.messages for one in strangers.listed(ingest.journal)} == {
        "zigbee2mqtt/quiet": 1,
        f"chirpstack/{EUI}": strangers.MOST_OF_ONE,
    }
    for start in range(0, strangers.MOST + 100, 500):
        ingest.take([Message(f"zigbee2mqtt/d{n}", b"{}") for n in range(start, start + 500)])
    assert len(strangers.waiting(ingest.journal, 0, 10_000)) == strangers.MOST
    assert evidence.counters(ingest.journal)["quarantined:device-unknown", "chirpstack"] == strangers.MOST_OF_ONE + 50
    ingest.journal.close()

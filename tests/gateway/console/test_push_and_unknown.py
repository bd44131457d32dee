from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from console_rig import Rig, rig
from console_town import NOW_US, Built, open_town

from gateway.ingest import Ingest, Message
from gateway.inlets import inlets
from gateway.journal import evidence
from gateway.pushkeys import push_keys
from gateway.registry import Registry
from gateway.settings import Device

PACK = b'[{"bn":"urn:dev:mac:0024befffe804ff1:","n":"temperature","u":"Cel","v":-5.3}]'
DEVICES = [
    Device(id="weather-1", model="generic/senml", site="field-1"),
    Device(id="weather-2", model="generic/senml", site="field-1"),
    Device(id="by-node", model="generic/senml", site="field-1", node="pi-town"),
    Device(id="by-zigbee", model="aqara/rtcgq11lm", site="field-1", address="hall"),
]


class Pushed:
    """A console whose gateway knows devices that push."""

    def __init__(self, console: Rig, ingest: Ingest, keys: dict[str, str]) -> None:
        self.console, self.ingest, self.keys = console, ingest, keys

    def push(self, device: str, body: bytes = PACK, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys.get(device, 'x') if key is None else key}"}
        return self.console.client.post(f"/api/v1/push/{device}", content=body, headers=headers)


@pytest.fixture
def pushed(built: Built, tmp_path: Path) -> Iterator[Pushed]:
    with open_town(built, tmp_path / "town") as parts:
        registry = Registry("014729", [], [], DEVICES, {})
        ingest = Ingest(parts.context.journal, registry, inlets(), lambda: NOW_US)
        keys = push_keys(tmp_path, DEVICES)
        context = msgspec.structs.replace(parts.context, push=ingest.take_one, push_keys=keys)
        with rig(parts._replace(context=context)) as console:
            yield Pushed(console, ingest, keys)


def test_a_device_pushes_with_its_own_key_and_is_answered_after_the_commit(pushed: Pushed) -> None:
    before = pushed.ingest.journal.last_id
    answer = pushed.push("weather-1")
    assert (answer.status_code, answer.json()) == (200, {"committed": True})
    (raw,) = pushed.ingest.journal.read(before, 10)
    assert (raw.kind, raw.source, raw.payload) == ("push", "push/weather-1", PACK)


@pytest.mark.parametrize("device", ["weather-1", "by-node", "by-zigbee", "nobody", "..%2fweather-1"])
def test_nobody_pushes_with_another_key_or_for_a_device_that_does_not_push(pushed: Pushed, device: str) -> None:
    before = pushed.ingest.journal.last_id
    for key in ("-", "--", "wrong", pushed.keys["weather-2"], pushed.keys["weather-1"][:-1]):
        answer = pushed.push(device, key=key)
        assert answer.status_code in (401, 404), (device, key)
    assert pushed.console.client.post(f"/api/v1/push/{device}", content=PACK).status_code in (401, 404)
    assert pushed.ingest.journal.last_id == before


def test_what_cannot_be_read_is_told_and_kept(pushed: Pushed) -> None:
    answer = pushed.push("weather-1", b'[{"n":"mood","v":1}]')
    assert answer.status_code == 422
    assert "name: wanted the name of a quantity" in answer.json()["error"]["detail"]
    assert evidence.quarantined(pushed.ingest.journal)[0].head == b'[{"n":"mood","v":1}]'


def test_keys_are_kept_for_their_owner_and_made_once(tmp_path: Path) -> None:
    keys = push_keys(tmp_path, DEVICES)
    assert set(keys) == {"weather-1", "weather-2"}
    assert len(set(keys.values())) == 2
    assert push_keys(tmp_path, DEVICES) == keys
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "push").iterdir()} == {0o600}


def test_unknown_devices_are_listed_for_those_who_care_for_devices(pushed: Pushed) -> None:
    pushed.ingest.take([Message("zigbee2mqtt/toilet", b'{"occupancy":true}')])
    (one,) = pushed.console.get("/api/v1/unknown", **pushed.console.token("read:nodes")).json()["unknown"]
    assert (one["server"], one["address"], one["messages"]) == ("zigbee2mqtt", "toilet", 1)
    assert (one["payload"], one["last"]) == ('{"occupancy":true}', "2027-01-19T03:12:00+09:00")
    assert pushed.console.get("/api/v1/unknown", **pushed.console.token("read:homes")).status_code == 403

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import TENANT, RunningBroker, answers, free_port, start_broker, start_mosquitto
from rig import KEY, Talker, a_message, passwords
from waiting import wait_until

from firmware_bridge.envelope import topic
from gateway.broker import Broker, users_of
from gateway.broker.config import access_list
from gateway.errors import BrokerError
from gateway.inlets import inlets
from gateway.registry import make_key

pytestmark = pytest.mark.mosquitto
NOT_AUTHORIZED, NOBODY_LISTENS = 135, 16


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    with start_mosquitto(tmp_path_factory.mktemp("broker"), passwords("n-01", "n-02")) as running:
        yield running


@pytest.mark.parametrize(("username", "password"), [("n-01", "wrong"), ("n-01", ""), ("n-03", "x"), ("", "")])
def test_security_11_nobody_enters_without_the_right_password(
    broker: RunningBroker, username: str, password: str
) -> None:
    with Talker(broker, username, password, client_id="x") as talker:
        assert "Not authorized" in talker.refused or "Bad user" in talker.refused


@pytest.mark.parametrize(
    "place",
    [
        topic(TENANT, "n-02", "data"),
        topic(TENANT, "n-02", "state"),
        topic(TENANT, "n-01", "receipt"),
        topic(TENANT, "n-01", "cmd"),
        topic("999999", "n-01", "data"),
        "application/1/device/a84041000181c061/event/up",
        "satomori/1",
        "anything",
    ],
)
def test_security_12_a_node_writes_below_its_own_name_only(broker: RunningBroker, place: str) -> None:
    with Talker(broker, "gateway") as gateway, Talker(broker, "n-01") as node:
        gateway.hear("#")
        assert node.say(place, b"x") == NOT_AUTHORIZED
        for leaf in ("data", "state", "reply"):
            assert node.say(topic(TENANT, "n-01", leaf), leaf.encode()) == 0
        wait_until(lambda: len(gateway.heard) >= 3, 10)
        assert {m.payload for m in gateway.heard if m.payload} <= {b"data", b"state", b"reply"}


def test_security_13_a_node_hears_its_own_receipts_and_commands_only(broker: RunningBroker) -> None:
    with Talker(broker, "gateway") as gateway, Talker(broker, "n-01") as node, Talker(broker, "n-02") as other:
        gateway.hear(topic(TENANT, "+", "data"))
        for listen in ("#", "satomori/#", "$SYS/#", topic(TENANT, "n-02", "receipt"), topic(TENANT, "n-01", "cmd")):
            node.hear(listen)
        other.say(topic(TENANT, "n-02", "data"), b"secret")
        gateway.say(topic(TENANT, "n-02", "receipt"), b"secret")
        gateway.say(topic(TENANT, "n-01", "receipt"), b"mine")
        gateway.say(topic(TENANT, "n-01", "cmd"), b"mine")
        wait_until(lambda: len({m.topic for m in node.heard}) == 2, 10)
        assert {m.payload for m in node.heard} == {b"mine"}


def test_chirpstack_writes_its_own_topics_only(broker: RunningBroker) -> None:
    with Talker(broker, "inlet-chirpstack") as inlet:
        assert inlet.say("application/1/device/a84041000181c061/event/up", b"{}") in (0, NOBODY_LISTENS)
        assert inlet.say(topic(TENANT, "n-01", "data"), b"x") == NOT_AUTHORIZED


def test_every_foreign_server_hears_and_says_its_own_topics_only(broker: RunningBroker) -> None:
    roots = {name: {topic.split("/")[0] for topic in inlet.TOPICS} for name, inlet in inlets().items()}
    for name, own in roots.items():
        with Talker(broker, f"inlet-{name}") as inlet:
            foreign = {root for root in set().union(*roots.values()) | {"satomori", "homeassistant"} if root not in own}
            assert {inlet.say(f"{root}/x/y", b"{}") for root in own} <= {0, NOBODY_LISTENS}
            assert {inlet.say(f"{root}/x/y", b"{}") for root in foreign} == {NOT_AUTHORIZED}


def test_f18_security_14_a_node_cannot_take_the_gateways_place(tmp_path: Path) -> None:
    with start_mosquitto(tmp_path, passwords("n-01")) as broker:
        with Talker(broker, "gateway", lasting=True) as gateway:
            gateway.hear(topic(TENANT, "+", "data"))
        with Talker(broker, "n-01") as node:
            node.say_all(topic(TENANT, "n-01", "data"), [b"%d" % number for number in range(100)])
        with Talker(broker, "n-01", client_id="gateway") as thief:
            thief.hear(topic(TENANT, "+", "data"))
        with Talker(broker, "gateway", lasting=True) as gateway:
            wait_until(lambda: len(gateway.heard) == 100, 10)


def test_f9_a_broken_memory_is_set_aside_and_the_broker_starts(tmp_path: Path) -> None:
    users = passwords("n-01")
    with start_mosquitto(tmp_path, users) as broker, Talker(broker, "gateway") as gateway:
        gateway.say(topic(TENANT, "n-01", "receipt"), b"kept", retain=True)
    memory = tmp_path / "broker" / "mosquitto.db"
    content = bytearray(memory.read_bytes())
    content[20:84] = os.urandom(64)
    memory.write_bytes(content)
    broken = Broker("mosquitto", tmp_path, "127.0.0.1", free_port(), TENANT, users)
    with pytest.raises(BrokerError):
        broken.run(threading.Event())
    assert broken.set_aside == 1
    assert (tmp_path / "broker" / "mosquitto.db.broken-1").read_bytes() == bytes(content)
    with start_mosquitto(tmp_path, users):
        pass


def test_a_port_that_is_taken_is_told_and_nothing_is_set_aside(tmp_path: Path) -> None:
    users = passwords()
    with start_mosquitto(tmp_path / "one", users) as running:
        second = Broker("mosquitto", tmp_path / "two", "127.0.0.1", running.port, TENANT, users)
        with pytest.raises(BrokerError) as caught:
            second.run(threading.Event())
        assert "in use" in str(caught.value).lower()
        assert second.set_aside == 0


def test_files_with_secrets_are_for_their_owner_alone(broker: RunningBroker) -> None:
    folder = broker.broker._folder
    assert {path.name: path.stat().st_mode & 0o077 for path in folder.iterdir()} == {
        path.name: 0 for path in folder.iterdir()
    }
    text = (folder / "passwd").read_text()
    assert all(password not in text for password in broker.passwords.values())


def test_the_broker_dies_with_a_gateway_that_is_killed(tmp_path: Path) -> None:
    make_key(tmp_path / "nodes", "n-01")
    port = free_port()
    command = [sys.executable, "-m", "gateway.broker", "--data-dir", str(tmp_path), "--tenant", TENANT]
    for _ in range(2):
        users = users_of(tmp_path)
        running = RunningBroker(port, users, None)  # type: ignore[arg-type] # it runs in the other process
        with subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL) as process:
            wait_until(lambda: answers(port), 15)
            with Talker(running, "n-01") as node:
                assert node.refused == ""
            process.send_signal(signal.SIGKILL)
        wait_until(lambda: not answers(port), 5)


def test_the_access_list_names_every_place_and_no_other() -> None:
    assert access_list("014729", ["inlet-chirpstack"]).splitlines() == [
        "user gateway",
        "topic read satomori/1/014729/+/data",
        "topic read satomori/1/014729/+/state",
        "topic read satomori/1/014729/+/reply",
        "topic write satomori/1/014729/+/receipt",
        "topic write satomori/1/014729/+/cmd",
        "topic read application/#",
        "",
        "user inlet-chirpstack",
        "topic readwrite application/#",
        "",
        "pattern write satomori/1/014729/%u/data",
        "pattern write satomori/1/014729/%u/state",
        "pattern write satomori/1/014729/%u/reply",
        "pattern read satomori/1/014729/%u/receipt",
        "pattern read satomori/1/014729/%u/cmd",
    ]


def test_iotcore_is_the_broker_where_it_is_asked_for(tmp_path: Path) -> None:
    with start_broker(tmp_path, passwords("n-01"), kind="iotcore") as broker:
        assert broker.broker.kind == "iotcore"
        with Talker(broker, "gateway") as gateway, Talker(broker, "n-01") as node:
            gateway.hear(topic(TENANT, "+", "data"))
            node.say(topic(TENANT, "n-01", "data"), a_message(1).payload)
            wait_until(lambda: len(gateway.heard) == 1, 10)
        with pytest.raises(AssertionError), Talker(broker, "n-01", "wrong", patience_s=1):
            pass


def test_security_20_the_embedded_broker_never_listens_beyond_this_computer(tmp_path: Path) -> None:
    with pytest.raises(BrokerError):
        Broker("iotcore", tmp_path, "0.0.0.0", 1883, TENANT, {})


def test_a_missing_mosquitto_is_told_with_the_way_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("gateway.broker.SEARCH", "")
    with pytest.raises(BrokerError, match="apt-get install mosquitto"):
        Broker("mosquitto", tmp_path, "127.0.0.1", 1883, TENANT, {})
    assert Broker("auto", tmp_path, "127.0.0.1", 1883, TENANT, {}).kind == "iotcore"


def test_two_installations_have_no_secret_in_common(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_key(tmp_path / name / "nodes", "n-01")
    one, other = users_of(tmp_path / "a"), users_of(tmp_path / "b")
    assert (
        set(one)
        == set(other)
        == {"gateway", "n-01", "homeassistant", "homeassistant-out"} | {f"inlet-{name}" for name in inlets()}
    )
    assert not set(one.values()) & set(other.values())
    assert one == users_of(tmp_path / "a"), "and keeps its own"
    assert KEY.hex() not in one.values()

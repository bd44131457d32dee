"""The whole way against real brokers: acknowledged after the commit, answered with receipts, nothing lost."""

import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import TENANT, free_port, start_broker, start_mosquitto
from rig import KEY, Talker, a_gateway, a_message, a_registry, an_ingest, now_us, passwords, running
from waiting import wait_until

from firmware_bridge.envelope import decode_receipt, topic
from firmware_bridge.reading import SeriesKey
from gateway.errors import BrokerError
from gateway.journal import evidence
from gateway.store.sqlite import SqliteStore
from gateway.subscription import Subscription

pytestmark = pytest.mark.mosquitto
MOISTURE = SeriesKey(TENANT, "field1-soil", "soil_moisture_vwc_pct")
DATA, RECEIPT = topic(TENANT, "n-01", "data"), topic(TENANT, "n-01", "receipt")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "points.db")
    yield made
    made.close()


def payloads(first: int, last: int) -> list[bytes]:
    return [a_message(seq).payload for seq in range(first, last + 1)]


def stored(store: SqliteStore) -> int:
    return store.count(0, 1 << 62).get(MOISTURE, 0)


@pytest.mark.parametrize("kind", ["mosquitto", "iotcore"])
def test_a_batch_reaches_the_store_and_its_receipt_the_node(tmp_path: Path, store: SqliteStore, kind: str) -> None:
    with start_broker(tmp_path, passwords("n-01"), kind) as broker, a_gateway(tmp_path, broker, store, a_registry()):
        with Talker(broker, "n-01") as node:
            node.hear(RECEIPT)
            node.say_all(DATA, payloads(1, 100))
            wait_until(lambda: bool(node.receipts()) and node.receipts()[-1].seq == 100, 20)
        wait_until(lambda: stored(store) == 100, 20)


def test_a_receipt_waits_for_a_node_that_was_away(tmp_path: Path, store: SqliteStore) -> None:
    with start_mosquitto(tmp_path, passwords("n-01")) as broker, a_gateway(tmp_path, broker, store, a_registry()):
        with Talker(broker, "n-01") as node:
            node.say_all(DATA, payloads(1, 3))
        wait_until(lambda: stored(store) == 3, 20)
        with Talker(broker, "n-01") as node:
            node.hear(RECEIPT)
            wait_until(lambda: bool(node.receipts()) and node.receipts()[-1].seq == 3, 10)


def test_what_is_said_while_the_gateway_is_away_waits_for_it(tmp_path: Path, store: SqliteStore) -> None:
    with start_mosquitto(tmp_path, passwords("n-01")) as broker:
        with a_gateway(tmp_path, broker, store, a_registry()):
            pass
        with Talker(broker, "n-01") as node:
            node.say_all(DATA, payloads(1, 3000))
        with a_gateway(tmp_path, broker, store, a_registry()) as (subscription, ingest, _):
            wait_until(lambda: stored(store) == 3000, 30)
            assert subscription.session_lost == 0
            assert [(s.mark, s.ranges) for s in ingest.journal.streams()] == [(3000, [])]


def test_e18_a_message_the_journal_did_not_take_is_not_acknowledged_and_comes_again(
    tmp_path: Path, store: SqliteStore
) -> None:
    with (
        start_mosquitto(tmp_path, passwords("n-01")) as broker,
        a_gateway(tmp_path, broker, store, a_registry()) as (subscription, ingest, _),
        Talker(broker, "n-01") as node,
    ):
        node.hear(RECEIPT)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            node.say_all(DATA, payloads(1, 50))
            wait_until(lambda: subscription.trouble != "", 10)
            assert node.receipts() == []
            assert ingest.journal.last_id == 0
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        wait_until(lambda: bool(node.receipts()) and node.receipts()[-1].seq == 50, 20)
        assert subscription.trouble == ""
        assert subscription.connected

        assert stored(store) in range(51)


def test_f22_a_gateway_stopped_with_a_full_disk_gets_everything_again(tmp_path: Path, store: SqliteStore) -> None:
    with start_mosquitto(tmp_path, passwords("n-01")) as broker:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        with Talker(broker, "n-01") as node, a_gateway(tmp_path, broker, store, a_registry()) as (subscription, _, _):
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
            try:
                node.say_all(DATA, payloads(1, 20))
                wait_until(lambda: subscription.trouble != "", 10)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        with a_gateway(tmp_path, broker, store, a_registry()):
            wait_until(lambda: stored(store) == 20, 20)


def test_f38_poison_in_the_middle_blocks_nobody(tmp_path: Path, store: SqliteStore) -> None:
    with (
        start_mosquitto(tmp_path, passwords("n-01")) as broker,
        a_gateway(tmp_path, broker, store, a_registry()) as (subscription, ingest, _),
        Talker(broker, "n-01") as node,
    ):
        node.hear(RECEIPT)
        node.say_all(DATA, [*payloads(1, 5), b"", b"\x00" * 60_000, b'{"v":1}', *payloads(6, 10)])
        wait_until(lambda: bool(node.receipts()) and node.receipts()[-1].seq == 10, 20)
        assert len(evidence.quarantined(ingest.journal)) == 3
        assert subscription.connected


def test_e22_e23_the_gateway_comes_back_after_the_broker_did(tmp_path: Path) -> None:
    port, users = free_port(), passwords("n-01")
    ingest = an_ingest(tmp_path, a_registry(), now_us)
    subscription = Subscription("127.0.0.1", port, "gateway", users["gateway"], TENANT, ingest)
    with running(subscription):
        for first in (1, 11, 21):
            with start_broker(tmp_path, users, port=port) as broker, Talker(broker, "n-01") as node:
                node.hear(RECEIPT)
                wait_until(lambda: subscription.connected, 20)
                node.say_all(DATA, payloads(first, first + 9))
                last = first + 9
                wait_until(lambda last=last: bool(node.receipts()) and node.receipts()[-1].seq == last, 20)
            wait_until(lambda: not subscription.connected, 20)
    ingest.journal.close()


def test_a_session_the_broker_forgot_makes_the_gateway_ask_again(tmp_path: Path) -> None:
    port, users = free_port(), passwords("n-01")
    ingest = an_ingest(tmp_path, a_registry(), now_us)
    subscription = Subscription("127.0.0.1", port, "gateway", users["gateway"], TENANT, ingest)
    with running(subscription):
        with start_broker(tmp_path / "one", users, port=port) as broker, Talker(broker, "n-01") as node:
            wait_until(lambda: subscription.connected, 20)
            node.say_all(DATA, payloads(1, 2))
            wait_until(lambda: ingest.journal.last_id == 2, 20)
        with start_broker(tmp_path / "two", users, port=port) as broker, Talker(broker, "n-01") as node:
            node.hear(RECEIPT)
            wait_until(lambda: subscription.session_lost == 1 and subscription.connected, 20)
            node.say_all(DATA, payloads(3, 3))
            wait_until(lambda: bool(node.receipts()), 20)
            assert [(r.seq, r.resync) for r in node.receipts()] == [(3, True)]
    ingest.journal.close()


def test_f17_a_second_gateway_refuses_to_start(tmp_path: Path, store: SqliteStore) -> None:
    with (
        start_mosquitto(tmp_path, passwords("n-01")) as broker,
        a_gateway(tmp_path, broker, store, a_registry()) as (first, ingest, _),
    ):
        second = Subscription("127.0.0.1", broker.port, "gateway", broker.passwords["gateway"], TENANT, ingest)
        with pytest.raises(BrokerError, match="another gateway"):
            second.run(threading.Event())
        assert first.connected


def test_a_wrong_password_is_told_and_tried_again_slowly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ingest = an_ingest(tmp_path)
    with start_mosquitto(tmp_path, passwords("n-01")) as broker:
        subscription = Subscription("127.0.0.1", broker.port, "gateway", "wrong", TENANT, ingest)
        with running(subscription):
            wait_until(lambda: "not authorized" in caplog.text, 10)
            assert not subscription.connected
    ingest.journal.close()


def test_chirpstack_comes_in_over_its_own_user(tmp_path: Path, store: SqliteStore) -> None:
    place = "application/1/device/a84041000181c061/event/up"
    with (
        start_mosquitto(tmp_path, passwords("n-01")) as broker,
        a_gateway(tmp_path, broker, store, a_registry()) as (_, ingest, _),
        Talker(broker, "inlet-chirpstack") as chirp,
    ):
        chirp.say(place, b'{"deduplicationId":"12345678","deviceInfo":{"devEui":"a84041000181c061"}}')
        wait_until(lambda: bool(evidence.quarantined(ingest.journal)), 10)
        assert evidence.quarantined(ingest.journal)[0].code == "device-unknown"


def test_two_nodes_hear_their_own_receipts(tmp_path: Path, store: SqliteStore) -> None:
    with (
        start_mosquitto(tmp_path, passwords("n-01", "n-02")) as broker,
        a_gateway(tmp_path, broker, store, a_registry()),
        Talker(broker, "n-01") as one,
        Talker(broker, "n-02") as two,
    ):
        for node, name in ((one, "n-01"), (two, "n-02")):
            node.hear(topic(TENANT, name, "receipt"))
            node.say_all(topic(TENANT, name, "data"), [a_message(seq, node=name).payload for seq in range(1, 6)])
        for node, name in ((one, "n-01"), (two, "n-02")):
            wait_until(lambda node=node: bool(node.receipts()) and node.receipts()[-1].seq == 5, 20)
            assert {decode_receipt(m.payload, KEY).node for m in node.heard} == {name}


def test_e21_last_message_tells_a_watch_that_the_gateway_hears(tmp_path: Path, store: SqliteStore) -> None:
    with (
        start_mosquitto(tmp_path, passwords("n-01")) as broker,
        a_gateway(tmp_path, broker, store, a_registry()) as (subscription, ingest, _),
        Talker(broker, "n-01") as node,
    ):
        assert subscription.last_message_us == 0
        before_us = now_us()
        node.say(topic(TENANT, "n-01", "state"), b'{"v":1,"online":true,"version":"0.1.0"}', retain=True)
        wait_until(lambda: subscription.last_message_us >= before_us, 10)
        wait_until(lambda: "n-01" in ingest.states, 10)

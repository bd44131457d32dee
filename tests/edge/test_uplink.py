"""The uplink against a real broker: receipts decide, and every way a broker can swallow a message is survived."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from edge_parts import KEY, NODE, OWNER, TENANT, FakeGateway, fake_gateway, mosquitto, opened_batch
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from waiting import wait_until

from edge.clock import Belief, boottime_us, wall_us
from edge.nouns import Taken
from edge.outbox import Outbox
from edge.sender import Limits
from edge.session import Server
from edge.uplink import About, Uplink
from firmware_bridge import credentials, envelope
from firmware_bridge.reading import Reading

pytestmark = pytest.mark.mosquitto


class Sending:
    """An outbox and an uplink in this process."""

    def __init__(self, path: Path, port: int, **limits: Any) -> None:
        self.outbox = Outbox(path, OWNER, now_us=wall_us, running_us=boottime_us)
        self.stop = threading.Event()
        self.uplink = Uplink(
            self.outbox,
            OWNER,
            Server(host="127.0.0.1", port=port, username=NODE, password=credentials.mqtt_password(KEY), keepalive_s=2),
            Limits(**({"receipt_s": 0.5, "backlog_rows_per_s": 0.0} | limits)),
            About(version="0.1.0", model="bench"),
            now_us=wall_us,
            running_us=boottime_us,
            clock=lambda: "synced",
            reconnect_max_s=0.2,
        )
        self.thread = threading.Thread(target=self.uplink.run, args=(self.stop,), daemon=True)
        self.thread.start()

    def put(self, *values: float, old: bool = False) -> int:
        time_us = wall_us() - (3_600_000_000 if old else 0)
        readings = tuple(Reading("snow_load_kg_m2", value) for value in values)
        belief = Belief("boot", wall_us() - boottime_us(), believed=True)
        done = self.outbox.put([Taken(device="scale-1", readings=readings, time_us=time_us)], (), belief)
        self.uplink.wake()
        return done[-1].seq

    def close(self) -> None:
        self.stop.set()
        self.uplink.wake()
        self.thread.join(10)
        assert not self.thread.is_alive()
        self.uplink.close()
        self.outbox.close()


@contextmanager
def sending(path: Path, port: int, **limits: Any) -> Iterator[Sending]:
    one = Sending(path, port, **limits)
    try:
        yield one
    finally:
        one.close()


def drained(one: Sending) -> bool:
    return one.outbox.waiting_rows == 0


def test_nothing_is_forgotten_at_a_puback_only_at_the_receipt(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        gateway.answers = False
        with sending(tmp_path / "o.db", broker.port) as node:
            node.put(1.0)
            wait_until(lambda: len(gateway.arrivals) >= 3)
            assert node.outbox.waiting_rows == 1
            assert set(gateway.arrivals) == {(node.outbox.epoch, 1)}
            gateway.answers = True
            wait_until(lambda: drained(node))
        assert gateway.conflicts == []


def test_a_message_that_reached_nobody_is_not_sent(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, sending(tmp_path / "o.db", broker.port, receipt_s=600.0) as node:
        node.put(1.0)
        wait_until(lambda: node.uplink.bytes_sent > 0)
        with fake_gateway(broker.port) as gateway:
            wait_until(lambda: drained(node))
            assert len(gateway.readings()) == 1


def test_after_the_broker_was_killed_everything_unconfirmed_comes_again(tmp_path: Path) -> None:
    with (
        mosquitto(tmp_path) as broker,
        fake_gateway(broker.port) as gateway,
        sending(tmp_path / "o.db", broker.port) as node,
    ):
        gateway.answers = False
        for value in range(50):
            node.put(float(value))
        wait_until(lambda: len(gateway.seqs()) == 50)
        broker.kill()
        wait_until(lambda: not node.uplink.is_connected)
        node.put(99.0)
        gateway.answers = True
        broker.start()
        wait_until(lambda: drained(node))
        assert len(gateway.seqs()) == 51
        assert gateway.conflicts == []


def test_f10_a_frozen_broker_is_noticed_and_left(tmp_path: Path) -> None:
    with (
        mosquitto(tmp_path) as broker,
        fake_gateway(broker.port) as gateway,
        sending(tmp_path / "o.db", broker.port, receipt_s=600.0) as node,
    ):
        node.put(1.0)
        wait_until(lambda: drained(node))
        assert broker.process is not None
        broker.process.send_signal(19)
        node.put(2.0)
        wait_until(lambda: not node.uplink.is_connected, timeout_s=10)
        broker.process.send_signal(18)
        wait_until(lambda: drained(node))
        assert len(gateway.seqs()) == 2


def test_stopping_never_hangs_even_if_the_broker_is_frozen(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        with sending(tmp_path / "o.db", broker.port) as node:
            wait_until(lambda: node.uplink.is_connected)
            assert broker.process is not None
            broker.process.send_signal(19)
            node.put(1.0)
            node.stop.set()
            node.uplink.wake()
            node.thread.join(4)
            assert not node.thread.is_alive()
        broker.process.send_signal(18)


def test_e14_live_rows_overtake_a_backlog_that_is_paced(tmp_path: Path) -> None:
    with (
        mosquitto(tmp_path) as broker,
        fake_gateway(broker.port) as gateway,
        sending(tmp_path / "o.db", broker.port, backlog_rows_per_s=5.0, receipt_s=60.0) as node,
    ):
        for value in range(300):
            node.put(float(value), old=True)
        wait_until(lambda: len(gateway.seqs()) >= 3)
        live = node.put(999.0)
        wait_until(lambda: (node.outbox.epoch, live) in gateway.seqs(), timeout_s=3)
        assert len(gateway.seqs()) < 100
        wait_until(lambda: not node.outbox.is_waiting(live), timeout_s=3)
        assert node.outbox.confirmed_seq < 100


def test_e24_never_more_on_the_way_than_the_window_and_the_rows_ahead_allow(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        gateway.answers = False
        with sending(tmp_path / "o.db", broker.port, ahead_rows=30, receipt_s=600.0) as node:
            for value in range(200):
                node.put(float(value), old=True)
            wait_until(lambda: len(gateway.arrivals) == 30)
            threading.Event().wait(0.5)
            assert len(gateway.arrivals) == 30
            gateway.receipt(node.outbox.epoch, seq=10)
            wait_until(lambda: len(gateway.arrivals) == 40)


def test_a_gateway_that_is_silent_for_long_is_not_buried_under_repetitions(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        gateway.answers = False
        with sending(tmp_path / "o.db", broker.port, receipt_s=0.2) as node:
            for value in range(400):
                node.put(float(value), old=True)
            wait_until(lambda: node.uplink.rewinds >= 4)
            before = len(gateway.arrivals)
            threading.Event().wait(1.0)
            assert len(gateway.arrivals) - before <= 6 * 20
            gateway.answers = True
            wait_until(lambda: drained(node))


@pytest.mark.parametrize("wrong", ["key", "epoch", "node", "ahead", "garbage"])
def test_a_receipt_that_is_not_ours_deletes_nothing(tmp_path: Path, wrong: str) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        gateway.answers = False
        with sending(tmp_path / "o.db", broker.port, receipt_s=600.0) as node:
            node.put(1.0)
            wait_until(lambda: len(gateway.arrivals) == 1)
            receipt = envelope.Receipt(
                node="node-2" if wrong == "node" else NODE,
                epoch="0" * 16 if wrong == "epoch" else node.outbox.epoch,
                seq=77 if wrong == "ahead" else 1,
            )
            payload = envelope.encode_receipt(receipt, bytes(32) if wrong == "key" else KEY)
            topic = envelope.topic(TENANT, NODE, "receipt")
            gateway.client.publish(topic, b"{]" if wrong == "garbage" else payload, qos=1)
            gateway.client.publish(topic, b"last", qos=1)
            wait_until(lambda: node.uplink.refused >= 1 + (wrong in ("key", "node", "garbage")))
            assert node.outbox.waiting_rows == 1


def test_f29_a_gateway_restored_from_a_backup_gets_everything_again(tmp_path: Path) -> None:
    with (
        mosquitto(tmp_path) as broker,
        fake_gateway(broker.port) as gateway,
        sending(tmp_path / "o.db", broker.port) as node,
    ):
        for value in range(40):
            node.put(float(value))
        wait_until(lambda: drained(node))
        lost = {key for key in gateway.seqs() if key[1] > 12}
        for key in lost:
            del gateway.batches[key]
        gateway.receipt(node.outbox.epoch, seq=12, resync=True)
        wait_until(lambda: len(gateway.seqs()) == 40)
        wait_until(lambda: drained(node))
        assert gateway.conflicts == []


def test_a_row_the_broker_does_not_take_is_buried_and_told_and_the_others_go_on(tmp_path: Path) -> None:
    with (
        mosquitto(tmp_path, "max_packet_size 3000") as broker,
        fake_gateway(broker.port) as gateway,
        sending(tmp_path / "o.db", broker.port) as node,
    ):
        node.put(1.0)
        large = node.put(*[float(value) for value in range(400)])
        node.put(2.0)
        wait_until(lambda: {seq for _, seq in gateway.seqs()} == {1, 3})
        node.put(3.0)
        wait_until(lambda: drained(node))
        gaps = [gap for batch in gateway.batches.values() for gap in batch.gaps]
        assert [(gap.first, gap.readings, gap.reason) for gap in gaps] == [(large, 400, "too-large")]


class Kicking(threading.Thread):
    """Passes bytes to a broker and back, but cuts the line at any publish that holds `poison`."""

    def __init__(self, port: int, poison: bytes) -> None:
        super().__init__(daemon=True)
        self._target = port
        self._poison = poison
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self.kicks = 0
        self.start()

    def run(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with source, sink:
            try:
                while data := source.recv(65536):
                    if self._poison in data:
                        self.kicks += 1
                        source.shutdown(socket.SHUT_RDWR)
                        sink.shutdown(socket.SHUT_RDWR)
                        return
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def close(self) -> None:
        self._door.close()


def test_f38_a_row_at_which_the_broker_hangs_up_is_found_among_the_others(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        proxy = Kicking(broker.port, b"666.0")
        with sending(tmp_path / "o.db", proxy.port, receipt_s=600.0) as node:
            for value in (1.0, 2.0, 666.0, 4.0, 5.0):
                node.put(value, old=True)
            wait_until(lambda: {seq for _, seq in gateway.seqs()} >= {1, 2, 4, 5})
            node.put(6.0)
            wait_until(lambda: drained(node))
            gaps = [gap for batch in gateway.batches.values() for gap in batch.gaps]
            assert [(gap.first, gap.readings, gap.reason) for gap in gaps] == [(3, 1, "refused")]
            assert proxy.kicks <= 6
        proxy.close()


def test_a_topic_the_acl_forbids_keeps_every_row_until_it_is_mended(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("user gateway\ntopic readwrite #\n")
    with mosquitto(tmp_path, f"acl_file {acl}") as broker, sending(tmp_path / "o.db", broker.port) as node:
        for value in range(5):
            node.put(float(value))
        wait_until(lambda: node.uplink.bytes_sent > 2000)
        assert node.outbox.waiting_rows == 5


def test_e19_e17_the_client_id_is_the_nodes_own_and_the_will_says_it_is_gone(tmp_path: Path) -> None:
    with (
        mosquitto(tmp_path) as broker,
        fake_gateway(broker.port) as gateway,
        sending(tmp_path / "o.db", broker.port) as node,
    ):
        wait_until(lambda: any(b'"online":true' in state for state in gateway.states))
        other = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=NODE, protocol=MQTTProtocolVersion.MQTTv5)
        other.connect("127.0.0.1", broker.port)
        wait_until(lambda: (other.loop(0.1), any(b'"online":false' in state for state in gateway.states))[1])
        other.disconnect()
        wait_until(lambda: node.uplink.is_connected)


def test_e23_pauses_between_attempts_grow_and_differ(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(0.1)
        accepted = 0
        with sending(tmp_path / "o.db", door.getsockname()[1]):
            for _ in range(20):
                try:
                    door.accept()[0].close()
                    accepted += 1
                except TimeoutError:
                    continue
        assert 2 <= accepted <= 25


def test_batches_say_how_many_were_read_so_the_gateway_can_account(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        with sending(tmp_path / "o.db", broker.port) as node:
            node.put(1.0, 2.0)
            node.put(3.0)
            wait_until(lambda: drained(node))
        totals = sorted((batch.seq, batch.read_total) for batch in gateway.batches.values())
        assert totals == [(1, 2), (2, 3)]
        assert all(opened_batch(payload).clock == "synced" for payload in gateway.payloads.values())


def test_the_gateways_view_is_complete(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        assert isinstance(gateway, FakeGateway)
        with sending(tmp_path / "o.db", broker.port) as node:
            node.put(1.0)
            wait_until(lambda: drained(node))
        assert gateway.covered(node.outbox.epoch) == [(1, 1)]


def test_e94_many_lost_connections_leave_no_open_handle(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        handles: list[int] = []
        with sending(tmp_path / "o.db", broker.port) as node:
            for value in range(7):
                node.put(float(value))
                wait_until(lambda: drained(node))
                broker.kill()
                wait_until(lambda: not node.uplink.is_connected)
                broker.start()
                wait_until(lambda: node.uplink.is_connected)
                handles.append(len(list(Path("/proc/self/fd").iterdir())))
        assert len(gateway.seqs()) == 7
        assert max(handles[3:]) <= max(handles[:3]) + 2

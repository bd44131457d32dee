"""kill -9 in the middle of a stream; the count is kept outside of what is killed."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from parts import TENANT, RunningBroker, answers, free_port, start_mosquitto
from rig import Talker, a_batch, a_message, passwords
from waiting import wait_until

from firmware_bridge.envelope import topic
from firmware_bridge.reading import SeriesKey
from gateway.broker import users_of
from gateway.journal import Journal
from gateway.journal.coverage import Coverage
from gateway.registry import make_key
from gateway.store.sqlite import SqliteStore

pytestmark = pytest.mark.mosquitto
PROGRAM = Path(__file__).parents[2] / "gateway_process.py"
MOISTURE = SeriesKey(TENANT, "field1-soil", "soil_moisture_vwc_pct")
DATA = topic(TENANT, "n-01", "data")


class Outbox:
    """Says every number until a receipt settles it: what an edge node does, without its disk."""

    def __init__(self, node: Talker) -> None:
        self.node = node
        self.made = 0
        self.settled = Coverage()
        self._read = 0

    def make(self, count: int) -> None:
        for _ in range(count):
            self.made += 1
            self._say(self.made)

    def _say(self, seq: int) -> None:
        self.node.client.publish(DATA, a_message(seq).payload, 1)

    def hear(self) -> bool:
        receipts = self.node.receipts()
        for receipt in receipts[self._read :]:
            if receipt.seq:
                self.settled.add(1, receipt.seq)
            for first, last in receipt.ranges:
                self.settled.add(first, last)
        self._read = len(receipts)
        return self.settled.mark >= self.made

    def offer_again(self) -> None:
        for first, last in self.settled.holes(self.made):
            for seq in range(first, last + 1):
                self._say(seq)

    def settle(self, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not self.hear():
            assert time.monotonic() < deadline_s, f"settled {self.settled.mark} of {self.made}"
            heard = self.settled.mark
            try:
                wait_until(lambda heard=heard: self.hear() or self.settled.mark > heard, 2)
            except AssertionError:
                self.offer_again()


@contextmanager
def a_gateway_process(folder: Path, port: int, password: str) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, str(PROGRAM), str(folder), str(port), password]) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)


def account(folder: Path, made: int) -> None:
    """Nothing lost, nothing twice, nothing that was never said."""
    journal, store = Journal(folder / "journal.db"), SqliteStore(folder / "points.db")
    assert [(s.mark, s.readings) for s in journal.streams()] == [(made, 2 * made)]
    times_us, values = store.read(MOISTURE, 0, 1 << 62, suspect=True)
    expected = [a_message_value(seq) for seq in range(1, made + 1)]
    assert list(zip(times_us.tolist(), values.tolist(), strict=True)) == expected
    journal.close()
    store.close()


def a_message_value(seq: int) -> tuple[int, float]:
    column = a_batch(seq).columns[0]
    return column.times_us[0], column.values[0]


@pytest.mark.parametrize("seed", [1, 2])
def test_f2_ten_kills_of_the_gateway_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    chance, pause = random.Random(seed), threading.Event()
    with start_mosquitto(tmp_path, passwords("n-01")) as broker, Talker(broker, "n-01") as node:
        node.hear(topic(TENANT, "n-01", "receipt"))
        outbox = Outbox(node)
        for _ in range(10):
            with a_gateway_process(tmp_path, broker.port, broker.passwords["gateway"]) as process:
                until_s = time.monotonic() + chance.uniform(0.4, 1.4)
                while time.monotonic() < until_s:
                    outbox.make(chance.randint(1, 20))
                    pause.wait(0.01)
                process.send_signal(signal.SIGKILL)
        with a_gateway_process(tmp_path, broker.port, broker.passwords["gateway"]) as process:
            outbox.settle(40)
            wait_until(lambda: _stored(tmp_path) == outbox.made, 20)
            process.terminate()
            process.wait(20)
    assert outbox.made > 300
    account(tmp_path, outbox.made)


def test_f3_f4_kills_of_the_broker_and_of_both_lose_and_double_nothing(tmp_path: Path) -> None:
    seed = 3
    print(f"seed {seed}")
    chance, pause = random.Random(seed), threading.Event()
    make_key(tmp_path / "nodes", "n-01")
    (tmp_path / "nodes" / "n-01.key").write_text(bytes(range(32)).hex())
    users, port = users_of(tmp_path), free_port()
    command = [sys.executable, "-m", "gateway.broker", "--data-dir", str(tmp_path), "--tenant", TENANT]
    node = Talker(RunningBroker(port, users, None), "n-01", patience_s=30)  # type: ignore[arg-type] # in a process
    node.client.reconnect_delay_set(1, 1)
    broker = subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL)
    gateway = subprocess.Popen([sys.executable, str(PROGRAM), str(tmp_path), str(port), users["gateway"]])
    try:
        wait_until(lambda: answers(port), 15)
        with node:
            node.hear(topic(TENANT, "n-01", "receipt"))
            node.client.on_connect = lambda client, *_: client.subscribe(topic(TENANT, "n-01", "receipt"), 1)
            outbox = Outbox(node)
            for turn in range(10):
                until_s = time.monotonic() + chance.uniform(0.3, 1.2)
                while time.monotonic() < until_s:
                    outbox.make(chance.randint(1, 10))
                    pause.wait(0.01)
                if turn % 2:
                    gateway.kill()
                    gateway.wait()
                    pause.wait(chance.uniform(0.1, 0.5))
                    gateway = subprocess.Popen(
                        [sys.executable, str(PROGRAM), str(tmp_path), str(port), users["gateway"]]
                    )
                broker.kill()
                broker.wait()
                wait_until(lambda: not answers(port), 10)
                broker = subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL)
                wait_until(lambda: answers(port), 15)
            outbox.settle(60)
            wait_until(lambda: _stored(tmp_path) == outbox.made, 20)
        gateway.terminate()
        gateway.wait(20)
    finally:
        for process in (gateway, broker):
            process.kill()
            process.wait()
    account(tmp_path, outbox.made)


def _stored(folder: Path) -> int:
    store = SqliteStore(folder / "points.db")
    try:
        return store.count(0, 1 << 62).get(MOISTURE, 0)
    finally:
        store.close()

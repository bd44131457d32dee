"""kill -9 in the middle of everything: nothing lost, twice or invented, by an oracle outside the process."""

import random
import threading
from pathlib import Path

import pytest
from edge_parts import (
    FakeGateway,
    Node,
    fake_gateway,
    line_driver,
    load_line,
    mosquitto,
    replay_driver,
    wire,
    write_capture,
)
from waiting import wait_until

pytestmark = pytest.mark.mosquitto


def assert_truth(node: Node, gateway: FakeGateway) -> None:
    truth = node.told()
    wait_until(lambda: set(node.told()) <= gateway.seqs(), timeout_s=30)
    stored = gateway.seqs()
    assert set(truth) - stored == set(), "lost"
    assert stored - set(node.told()) == set(), "phantom"
    assert gateway.conflicts == []
    assert gateway.refused == []
    assert {key: batch.count() for key, batch in gateway.batches.items()} == node.told()


@pytest.mark.parametrize("seed", [1, 2])
def test_ten_kills_of_the_agent_in_a_replay_neither_lose_nor_repeat_a_reading(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    capture = tmp_path / "capture.jsonl"
    write_capture(capture, 30_000)
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        node = Node(tmp_path, broker.port, replay_driver(capture), uplink="receipt_s = 1.0\nbacklog_rows_per_s = 25.0")
        for _ in range(10):
            before = len(gateway.arrivals)
            with node.running() as agent:
                wait_until(lambda before=before: len(gateway.arrivals) > before)
                threading.Event().wait(dice.uniform(0.0, 0.4))
                agent.kill()
        with node.running():
            wait_until(lambda: len(gateway.readings()) >= 30_000, timeout_s=60)
            assert_truth(node, gateway)
        values = sorted(value for *_, value in gateway.readings())
        assert values == [index / 10 for index in range(30_000)]
        assert "Traceback" not in node.log.read_text()


def test_kills_of_broker_gateway_and_agent_together_lose_nothing(tmp_path: Path) -> None:
    dice = random.Random(7)
    with mosquitto(tmp_path) as broker, wire() as line:
        node = Node(tmp_path, broker.port, line_driver(line.path), uplink="receipt_s = 1.0\nreconnect_max_s = 1.0")
        said = 0
        with fake_gateway(broker.port) as gateway:
            agent = node.start()
            try:
                for turn in range(9):
                    for _ in range(dice.randint(5, 40)):
                        line.say(load_line(said / 10))
                        said += 1
                    threading.Event().wait(dice.uniform(0.0, 0.5))
                    victim = ("agent", "broker", "gateway")[turn % 3]
                    if victim == "agent":
                        agent.kill()
                        agent.wait()
                        agent = node.start()
                    elif victim == "broker":
                        broker.kill()
                        threading.Event().wait(dice.uniform(0.0, 0.5))
                        broker.start()
                    else:
                        gateway.answers = False
                        threading.Event().wait(dice.uniform(0.0, 1.0))
                        gateway.answers = True
                wait_until(lambda: node.report()["waiting_rows"] == 0, timeout_s=60)
                assert_truth(node, gateway)
                assert node.report()["confirmed_readings"] == node.report()["read_total"]
            finally:
                agent.kill()
                agent.wait()
        assert "Traceback" not in node.log.read_text()

"""Bytes at one end, a confirmed batch at the other: the agent as a process, a real broker, a gateway's receipts."""

import json
import signal
from pathlib import Path

import pytest
from edge_parts import (
    NODE,
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


def test_a_line_on_a_pseudo_terminal_becomes_a_confirmed_reading(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway, wire() as line:
        node = Node(tmp_path, broker.port, line_driver(line.path))
        with node.running() as agent:
            wait_until(lambda: b'"online":true' in b"".join(gateway.states))
            for value in (1.0, 2.5, -3.0):
                line.say(load_line(value))
            wait_until(lambda: len(gateway.readings()) == 3)
            wait_until(lambda: node.report()["waiting_rows"] == 0)
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(10) == 0
        assert [value for *_, value in gateway.readings()] == [1.0, 2.5, -3.0]
        assert {device for device, *_ in gateway.readings()} == {"scale-1"}
        assert b'"online":false' in gateway.states[-1]
        report = node.report()
        assert (report["read_total"], report["confirmed_readings"], report["dropped"]) == (3, 3, {})
        assert "Traceback" not in node.log.read_text()


def test_a_capture_is_replayed_whole_and_the_command_ends_when_it_is_confirmed(tmp_path: Path) -> None:
    capture = tmp_path / "capture.jsonl"
    write_capture(capture, 5000)
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        node = Node(tmp_path, broker.port, "")
        done = node.ask("replay", str(capture), str(node.config))
        assert done.returncode == 0, done.stderr
        assert sorted(value for *_, value in gateway.readings()) == [index / 10 for index in range(5000)]
        assert max(batch.count() for batch in gateway.batches.values()) <= 500
        again = node.ask("replay", str(capture), str(node.config))
        assert again.returncode == 0, again.stderr
        assert len(gateway.readings()) == 5000


def test_a_node_that_watches_a_home_sends_nothing_in_the_clear(tmp_path: Path) -> None:
    capture = tmp_path / "capture.jsonl"
    write_capture(capture, 10)
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        node = Node(
            tmp_path,
            broker.port,
            replay_driver(capture),
            node=f'id = "{NODE}"\ntenant = "014729"\nkey_file = "node.key"\nclock = "trust"\nsealed = true',
        )
        with node.running():
            wait_until(lambda: len(gateway.readings()) == 10)
        assert not any(b"snow_load" in payload for payload in gateway.payloads.values())


def test_what_is_recorded_can_be_replayed(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway, wire() as line:
        node = Node(tmp_path, broker.port, line_driver(line.path))
        with node.running("run", str(node.config), "--record", str(record)):
            wait_until(lambda: bool(gateway.states))
            line.say(load_line(7.5) + load_line(8.5))
            wait_until(lambda: len(gateway.readings()) == 2)
        (tmp_path / "other").mkdir()
        other = Node(tmp_path / "other", broker.port, "")
        assert other.ask("replay", str(record), str(other.config)).returncode == 0
        assert sorted(gateway.readings())[::2] == sorted(gateway.readings())[1::2]
        assert [json.loads(text)["device"] for text in record.read_text().splitlines()] == ["scale-1", "scale-1"]

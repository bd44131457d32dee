"""The agent: one failing thread never touches the others; what cannot be read is kept; damage is survived."""

import json
import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from edge_parts import (
    OWNER,
    Hands,
    Node,
    Wire,
    fake_gateway,
    line_driver,
    load,
    load_line,
    mosquitto,
    open_outbox,
    opened_batch,
    wire,
)
from waiting import wait_until

from edge import VERSION, opening, report
from edge.nouns import Taken
from edge.outbox import Outbox
from firmware_bridge import credentials

ROOT = Path(__file__).parents[2]
SOAK_READINGS = 500


@pytest.mark.mosquitto
def test_e50_a_device_that_returns_under_another_name_is_heard_again(tmp_path: Path) -> None:
    link = tmp_path / "by-id"
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        first, second = Wire(), Wire()
        link.symlink_to(first.path)
        node = Node(tmp_path, broker.port, line_driver(str(link)))
        with node.running():
            wait_until(lambda: bool(gateway.states))
            first.say(load_line(1.0))
            wait_until(lambda: len(gateway.readings()) == 1)
            first.unplug()
            link.unlink()
            wait_until(lambda: "link_lost" in node.log.read_text())
            link.symlink_to(second.path)

            def heard_again() -> bool:
                second.say(load_line(2.0))
                return len(gateway.readings()) >= 2

            wait_until(heard_again, every_s=0.3)
        second.unplug()
        text = node.log.read_text()
        assert text.count("link_lost") == 1
        assert text.count("link_back") == 1
        assert "Traceback" not in text


@pytest.mark.mosquitto
def test_f38_bytes_that_say_nothing_are_kept_with_their_reason_and_the_next_are_read(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway, wire() as far:
        node = Node(tmp_path, broker.port, line_driver(far.path))
        with node.running():
            wait_until(lambda: bool(gateway.states))
            far.say(b"LOAD=1.0*FF\n" + b"\xff\xfe\x00nonsense\n" + load_line(4.5))
            wait_until(lambda: len(gateway.readings()) == 1)
            wait_until(lambda: sum(node.report()["rejected"].values()) == 3)
        shown = json.loads(node.ask("outbox", str(node.config), "--json", "--rejected").stdout)
        assert [bytes.fromhex(one["hex"]) for one in shown["last_rejected"]][-1] == b"LOAD=1.0*FF"
        assert {one["device"] for one in shown["last_rejected"]} == {"scale-1"}


@pytest.mark.mosquitto
def test_one_link_that_is_not_there_does_not_keep_another_from_being_heard(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway, wire() as far:
        drivers = line_driver("/dev/not-there", "lost", "scale-2") + line_driver(far.path)
        node = Node(tmp_path, broker.port, drivers)
        with node.running():
            wait_until(lambda: bool(gateway.states))
            far.say(load_line(4.5))
            wait_until(lambda: len(gateway.readings()) == 1)
        assert "link_lost link=lost" in node.log.read_text()


@pytest.mark.mosquitto
def test_the_node_tells_its_own_health_under_its_own_id(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway:
        node = Node(tmp_path, broker.port, "", health="interval_s = 0.5")
        with node.running():
            wait_until(lambda: len(gateway.readings()) >= 10)
        found = {quantity: value for device, quantity, _, value in gateway.readings() if device == "node-1"}
        assert set(found) >= {"disk_free_mb", "disk_written_kb", "memory_rss_mb", "outbox_depth", "frames_rejected"}
        assert 10 < found["memory_rss_mb"] < 45


@pytest.mark.mosquitto
def test_the_whole_agent_stays_small_and_writes_little(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway, wire() as far:
        node = Node(tmp_path, broker.port, line_driver(far.path), outbox='path = "outbox.db"\ngroup_s = 0.5')
        with node.running() as agent:
            wait_until(lambda: bool(gateway.states))
            for value in range(SOAK_READINGS):
                far.say(load_line(float(value)))
            wait_until(lambda: len(gateway.readings()) == SOAK_READINGS)
            wait_until(lambda: node.report()["waiting_rows"] == 0)
            status = Path(f"/proc/{agent.pid}/status").read_text()
            rss_kb = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
            assert rss_kb <= 40_000
            maps = Path(f"/proc/{agent.pid}/maps").read_text()
            assert "numpy" not in maps
            io = Path(f"/proc/{agent.pid}/io").read_text()
            written = int(next(line for line in io.splitlines() if line.startswith("write_bytes")).split()[1])
            assert written <= 1_000_000


@pytest.mark.mosquitto
def test_a_node_stops_within_seconds_when_asked_to(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, wire() as far:
        node = Node(tmp_path, broker.port, line_driver(far.path))
        for number in (signal.SIGTERM, signal.SIGINT):
            with node.running() as agent:
                wait_until(lambda: "agent_started" in node.log.read_text())
                agent.send_signal(number)
                assert agent.wait(8) == 0
                node.log.write_text("")


@pytest.mark.mosquitto
def test_e71_the_order_in_which_broker_and_agent_start_does_not_matter(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, wire() as far:
        broker.kill()
        node = Node(tmp_path, broker.port, line_driver(far.path))
        with node.running():
            wait_until(lambda: "uplink_lost" in node.log.read_text())
            far.say(load_line(1.5))
            wait_until(lambda: node.truth.exists() and len(node.told()) == 1)
            broker.start()
            with fake_gateway(broker.port) as gateway:
                wait_until(lambda: len(gateway.readings()) == 1)


# damage


def damaged(path: Path, hands: Hands, offsets: list[int]) -> None:
    outbox = open_outbox(path, hands)
    for value in range(400):
        outbox.put([load(hands, float(value))], (), hands.belief())
    outbox.close()
    with path.open("r+b") as file:
        for offset in offsets:
            file.seek(offset)
            file.write(random.Random(offset).randbytes(64))


def opened(path: Path, hands: Hands) -> Outbox:
    return opening.open_outbox(path, OWNER, hands.belief(), lambda: open_outbox(path, hands))


@pytest.mark.parametrize("offset", [0, 16, 100, 5000, 40_000, 80_000])
def test_e06_f26_a_damaged_outbox_is_moved_aside_and_what_can_be_read_is_saved(
    tmp_path: Path, offset: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    hands, path = Hands(), tmp_path / "outbox.db"
    damaged(path, hands, [offset])
    outbox = opened(path, hands)
    values = []
    rows = outbox.ready(0, 1000)
    for row in rows:
        values += [value for column in opened_batch(row.payload).columns for value in column.values]
    assert outbox.put([load(hands, 1.0)], (), hands.belief())
    moved = list(tmp_path.glob("outbox.db.damaged-*"))
    assert values == sorted(set(values))
    assert len(values) >= (300 if moved and offset >= 5000 else 0)
    if not moved:
        assert len(rows) + outbox.rejected >= 399
    outbox.close()


def test_a_restored_image_can_begin_a_new_epoch_and_keeps_what_waits(tmp_path: Path) -> None:
    node = Node(tmp_path, 1, "")
    hands = Hands()
    outbox = open_outbox(tmp_path / "outbox.db", hands)
    for value in range(5):
        outbox.put([load(hands, float(value))], (), hands.belief())
    outbox.note_sent(5)
    outbox.confirm(2)
    epoch = outbox.epoch
    outbox.close()
    done = node.ask("outbox", str(node.config), "--renew", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["epoch"] != epoch
    assert (found["waiting_readings"], found["read_total"]) == (3, 3)
    again = open_outbox(tmp_path / "outbox.db", hands)
    refused = node.ask("outbox", str(node.config), "--renew")
    again.close()
    assert (refused.returncode, "another satomori-edge" in refused.stderr) == (1, True)


def test_the_file_is_private_and_a_report_needs_no_lock(tmp_path: Path) -> None:
    hands = Hands()
    outbox = open_outbox(tmp_path / "outbox.db", hands)
    outbox.put([Taken(device="d-1", readings=(), time_us=1)], (), hands.belief())
    assert os.stat(outbox.path).st_mode & 0o077 == 0
    assert report.report(outbox.path).read_total == 0
    outbox.close()


# commands


def test_every_command_has_help_in_both_languages(tmp_path: Path) -> None:
    for words in ([], ["run"], ["check"], ["outbox"], ["replay"], ["probe"]):
        texts = []
        for language in ("ja_JP.UTF-8", "en_US.UTF-8"):
            done = subprocess.run(
                [sys.executable, "-m", "edge", *words, "--help"],
                env={**os.environ, "LC_ALL": language, "PYTHONUTF8": "1"},
                capture_output=True,
                text=True,
                cwd=ROOT,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            texts.append(done.stdout)
        assert texts[0] != texts[1]


def test_exit_status_is_0_good_1_bad_result_2_wrong_use(tmp_path: Path) -> None:
    node = Node(tmp_path, 1883, "")
    assert node.ask("check", str(node.config)).returncode == 0
    assert json.loads(node.ask("check", str(node.config), "--json").stdout) == {"mistakes": []}
    node.config.write_text('[node]\nid = "X"\n')
    bad = node.ask("check", str(node.config), "--json")
    assert bad.returncode == 1
    assert {one["key"] for one in json.loads(bad.stdout)["mistakes"]} == {"node.id", "node.tenant", "node.key_file"}
    said = node.ask("check", str(node.config))
    assert (said.returncode, said.stderr.count("wanted")) == (1, 3)
    assert node.ask("nonsense").returncode == 2
    assert node.ask().returncode == 2
    assert node.ask("outbox", str(tmp_path / "none.toml")).returncode == 1


def test_a_key_file_that_holds_no_key_is_told_and_never_shown(tmp_path: Path) -> None:
    node = Node(tmp_path, 1883, "")
    (tmp_path / "node.key").write_text("deadbeef-secret")
    done = node.ask("check", str(node.config))
    assert (done.returncode, "node.key_file" in done.stderr, "deadbeef" in done.stderr) == (1, True, False)


def test_probe_lists_ports_and_asks_three_units(tmp_path: Path) -> None:
    node = Node(tmp_path, 1883, "")
    assert isinstance(json.loads(node.ask("probe", "--json").stdout), dict)
    with wire() as far:
        silent = node.ask("probe", far.path, "--json")
    assert (silent.returncode, json.loads(silent.stdout)) == (1, {"1": "", "2": "", "3": ""})
    assert node.ask("probe", "/dev/not-there").returncode == 1


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION


def test_no_password_of_a_node_shows_its_key() -> None:
    assert credentials.mqtt_password(OWNER.key) not in OWNER.key.hex()
    assert OWNER.mark() not in OWNER.key.hex()


def test_an_outbox_can_be_read_with_any_sqlite(tmp_path: Path) -> None:
    hands = Hands()
    outbox = open_outbox(tmp_path / "outbox.db", hands)
    outbox.put([load(hands, 1.0)], (), hands.belief())
    outbox.close()
    raw = sqlite3.connect(tmp_path / "outbox.db")
    assert raw.execute("SELECT seq, readings, read_total FROM batch").fetchall() == [(1, 1, 1)]
    raw.close()

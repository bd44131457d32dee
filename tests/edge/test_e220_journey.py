"""A node's own firmware at one end, a confirmed reading at the other: C, a radio's UART, the agent, a real broker."""

import subprocess
from pathlib import Path

import pytest
from c_parts import make
from edge_parts import Node, fake_gateway, mosquitto, wire
from waiting import wait_until

pytestmark = [pytest.mark.mosquitto, pytest.mark.compiler]


def radio_driver(port: str, **more: object) -> str:
    keys = "".join(f"{name} = {value}\n" for name, value in more.items())
    return (
        f'[[driver]]\nkind = "e220"\nname = "lora"\nport = "{port}"\nnet = 23041\n{keys}'
        '[[driver.device]]\nid = "roof-17"\nmodel = "satomori/node"\nnode = 17\nkey_file = "roof-17.key"\n'
    )


def test_what_firmware_measures_below_zero_is_confirmed_by_the_gateway_once(tmp_path: Path) -> None:
    done = make(tmp_path / "c", f"{tmp_path}/c/node")
    assert done.returncode == 0, done.stdout + done.stderr
    command = [str(tmp_path / "c" / "node"), str(tmp_path / "eeprom"), "4", "-85", "14000", "900"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    heard = [bytes.fromhex(line)[3:] + b"\xb0" for line in said]
    with mosquitto(tmp_path) as broker, fake_gateway(broker.port) as gateway, wire() as line:
        (tmp_path / "roof-17.key").write_text(bytes(range(16)).hex())
        node = Node(tmp_path, broker.port, radio_driver(line.path))
        with node.running():
            wait_until(lambda: b'"online":true' in b"".join(gateway.states))
            for frame in [*heard[:2], b"noise", *heard[2:], *heard]:
                line.say(frame)
            wait_until(lambda: len(gateway.readings()) == 12 and node.report()["waiting_rows"] == 0)
        assert {(device, quantity, value) for device, quantity, _, value in gateway.readings()} == {
            ("roof-17", "air_temperature_c", -5.31),
            ("roof-17", "snow_load_kg_m2", 300.0),
            ("roof-17", "battery_v", 5.8),
        }
        assert "Traceback" not in node.log.read_text()


def test_a_plan_that_breaks_the_rules_of_the_air_does_not_start(tmp_path: Path) -> None:
    node = Node(tmp_path, 1, radio_driver("/dev/serial0", channel=20) + "interval_s = 1.0\n")
    answer = node.ask("check", str(node.config))
    assert answer.returncode != 0
    assert "ARIB STD-T108" in answer.stdout + answer.stderr
    assert "roof-17: wanted at most 360 s on the air an hour" in answer.stdout + answer.stderr

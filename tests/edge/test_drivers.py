"""Every driver on links that are absent, shared or pulled; and a capture spoken again."""

import re
import threading
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from edge_links import bus, listening, radio, scale
from edge_parts import Wire, wire, write_capture
from waiting import wait_until

from edge import ports, settings, tables
from edge.clock import wall_us
from edge.drivers import Driver, Ear, kinds, replay
from edge.errors import LinkError


def examples() -> list[dict[str, Any]]:
    readme = Path(settings.__file__).with_name("README.md").read_text("utf-8")
    example = tomllib.loads(re.findall(r"```toml\n(.*?)```", readme, re.S)[0])
    drivers: list[dict[str, Any]] = example["driver"]
    return drivers


def test_every_kind_of_driver_stands_in_the_readme() -> None:
    assert {table["kind"] for table in examples()} >= {"line", "modbus_rtu", "enocean", "replay"}


@pytest.mark.parametrize("table", examples(), ids=lambda table: str(table["kind"]))
def test_making_a_driver_touches_nothing_and_its_failure_is_a_link_error(table: dict[str, Any], tmp_path: Path) -> None:
    gone = {"path" if "path" in table else "port": str(tmp_path / "not-there")}
    values = {key: value for key, value in table.items() if key != "kind"} | gone
    made = tables.read(kinds()[table["kind"]], values, "", lambda *facts: pytest.fail(str(facts)))
    assert made is not None
    driver: Driver = made.anchored(tmp_path)
    with pytest.raises(LinkError, match="No such file"):
        next(driver.frames(Ear(threading.Event(), wall_us, lambda *_: None)))


@pytest.mark.parametrize("make", [scale, lambda port: bus(port, 1), radio])
def test_e54_two_processes_never_share_a_port(make: Callable[[str], Driver]) -> None:
    with wire() as far, ports.opened(far.path, ports.Line(baud=9600)), listening(make(far.path)) as second:
        wait_until(lambda: second.error is not None)
        assert "lock" in str(second.error) or "busy" in str(second.error)


@pytest.mark.parametrize("make", [scale, radio, lambda port: bus(port, 1)])
def test_e50_a_pulled_plug_ends_the_driver_with_a_link_error(make: Callable[[str], Driver]) -> None:
    far = Wire()
    with listening(make(far.path)) as heard:
        far.wait_opened()
        far.unplug()
        wait_until(lambda: heard.error is not None)
        assert heard.error is not None
        assert heard.error.retryable


def test_e49_a_port_is_found_by_its_identity_and_not_by_its_name() -> None:
    class Info:
        def __init__(self, device: str, serial_number: str | None, vid: int | None = 0x0403) -> None:
            self.device, self.serial_number, self.vid, self.pid = device, serial_number, vid, 0x6001

    found = [Info("/dev/ttyUSB1", "A50285BI"), Info("/dev/ttyUSB0", "EO3ABCDE"), Info("/dev/ttyS0", None, None)]
    assert ports.resolve("usb:0403:6001:A50285BI", lambda: found) == "/dev/ttyUSB1"
    assert ports.resolve("EO3ABCDE", lambda: found) == "/dev/ttyUSB0"
    assert ports.resolve("/dev/ttyUSB7", lambda: found) == "/dev/ttyUSB7"
    with pytest.raises(LinkError, match="found /dev/ttyUSB1, /dev/ttyUSB0"):
        ports.resolve("usb:0403:6001", lambda: found)
    with pytest.raises(LinkError, match="found none"):
        ports.resolve("usb:1a86:7523", lambda: found)
    assert [ports.identity(one) for one in found] == ["usb:0403:6001:A50285BI", "usb:0403:6001:EO3ABCDE", "/dev/ttyS0"]


def test_a_capture_is_spoken_at_its_speed(tmp_path: Path) -> None:
    write_capture(tmp_path / "c.jsonl", 5, step_us=100_000)
    began_s = time.monotonic()
    with listening(replay.Replay(name="r", path=str(tmp_path / "c.jsonl"), speed=2.0)) as heard:
        wait_until(lambda: len(heard.frames) == 5)
    assert time.monotonic() - began_s >= 0.19
    assert [frame.time_us % 1_000_000 for frame in heard.frames] == [0, 100_000, 200_000, 300_000, 400_000]


def test_a_line_of_a_capture_that_is_none_is_rejected_and_the_rest_is_spoken(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    write_capture(path, 2)
    with path.open("ab") as file:
        file.write(b'{"t_us":1,"device":"x","model":"y","hex":"00"}\n{"nonsense\n\xff\xfe\n' + b"x" * 10_000 + b"\n")
    with path.open("ab") as file:
        write_capture(tmp_path / "d.jsonl", 1)
        file.write((tmp_path / "d.jsonl").read_bytes())
    with listening(replay.Replay(name="r", path=str(path))) as heard:
        wait_until(lambda: len(heard.frames) == 3)
        heard.thread.join(5)
    assert set(heard.reasons()) == {"capture"}
    assert heard.ear.position == path.stat().st_size

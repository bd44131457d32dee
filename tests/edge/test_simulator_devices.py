"""Simulated devices speak real bytes over real pseudo-terminals, and the real drivers and codecs understand them."""

import base64
import json
import os
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import serial
from waiting import wait_until

from edge import capture
from edge.drivers import Ear
from edge.drivers.enocean import EnOcean, Sender
from edge.drivers.line import Device, Line
from edge.drivers.modbus_rtu import ModbusRtu, Unit
from edge.errors import SettingsError
from edge.simulator import desks, live, past
from edge.simulator.lorawan import topic, uplink
from edge.simulator.terminals import Terminal
from edge.simulator.weather import DAY_US, HOUR_US
from edge.simulator.world import World
from firmware_bridge import codecs, modbus
from firmware_bridge.reading import Frame

START_US = 1_800_000_000_000_000
SITES = """
[town]
code = "999999"
[[device]]
id = "soil-a"
model = "generic/rs485-soil-7in1"
site = "field-1"
depth_cm = 10.0
[[device]]
id = "soil-b"
model = "seeed/s-soil-mtec-02"
site = "field-1"
depth_cm = 30.0
[[device]]
id = "scale-1"
model = "generic/line-load-cell"
site = "roof-1"
[[device]]
id = "depth-1"
model = "generic/line-ultrasonic"
site = "roof-1"
mount_mm = 4000.0
[[device]]
id = "lora-1"
model = "dragino/ldds75"
site = "roof-1"
dev_eui = "a84041000181c061"
mount_mm = 4500.0
[[device]]
id = "part-1"
model = "enocean/a5-07-01"
site = "home-1"
[[device]]
id = "part-2"
model = "enocean/d5-00-01"
site = "home-1"
"""
PLAN = f"""
seed = 4
start_us = {START_US}
days = 2
offset_us = {9 * HOUR_US}
config = "satomori.toml"
nodes = ["node-1.toml"]
[stuck]
device = "soil-b"
since_us = {START_US - HOUR_US}
[[roof]]
site = "roof-1"
before_kg_m2 = 90.0
peak_kg_m2 = 270.0
peak_us = {START_US + 60_000_000}
[rooms]
part-1 = "living"
part-2 = "entrance"
"""


def node_toml(folder: Path) -> str:
    return f"""
[node]
id = "node-1"
tenant = "999999"
key_file = "node-1.key"
[[driver]]
kind = "modbus_rtu"
name = "bus"
port = "{folder}/ports/bus"
[[driver.device]]
id = "soil-a"
model = "generic/rs485-soil-7in1"
unit = 1
[[driver.device]]
id = "soil-b"
model = "seeed/s-soil-mtec-02"
unit = 2
[[driver]]
kind = "line"
name = "scale"
port = "{folder}/ports/scale"
device = [{{ id = "scale-1", model = "generic/line-load-cell" }}]
[[driver]]
kind = "line"
name = "depth"
port = "{folder}/ports/depth"
device = [{{ id = "depth-1", model = "generic/line-ultrasonic" }}]
[[driver]]
kind = "enocean"
name = "radio"
port = "{folder}/ports/radio"
[[driver.device]]
id = "part-1"
model = "enocean/a5-07-01"
address = "04000101"
[[driver.device]]
id = "part-2"
model = "enocean/d5-00-01"
address = "04000102"
[[driver]]
kind = "replay"
name = "past"
path = "captures/node-1.jsonl"
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "satomori.toml").write_text(SITES)
    (tmp_path / "simulation.toml").write_text(PLAN)
    (tmp_path / "node-1.toml").write_text(node_toml(tmp_path))
    return World(tmp_path / "simulation.toml")


class Clock:
    """The simulation's time: 10 ms pass each time somebody looks, more when a test says so."""

    def __init__(self) -> None:
        self.us = START_US + 1_000_000

    def __call__(self) -> int:
        self.us += 10_000
        return self.us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def town(world: World, clock: Clock) -> Iterator[World]:
    stop = threading.Event()
    serving = threading.Thread(target=live.serve, args=(live.desks(world, clock.us), clock, stop))
    serving.start()
    yield world
    stop.set()
    serving.join(10)
    assert not serving.is_alive()


def listen(driver: Any, count: int, clock: Clock, step_us: int) -> tuple[list[Frame], list[str]]:
    stop, rejected = threading.Event(), list[str]()

    def now_us() -> int:
        clock.us += step_us
        return clock.us

    ear = Ear(stop, now_us, lambda reason, *_: rejected.append(reason))
    frames = []
    for frame in driver.frames(ear):
        frames.append(frame)
        if len(frames) >= count:
            break
    stop.set()
    return frames, rejected


def values(frame: Frame) -> dict[str, float]:
    return {r.quantity: r.value for r in codecs.decode(frame.model, frame.port, frame.payload)}


def captured(path: Path) -> list[Frame]:
    return [capture.decode(line) for line in path.read_bytes().splitlines()]


def test_two_families_on_one_bus_answer_the_real_driver(town: World, clock: Clock) -> None:
    bus = town.buses[0]
    units = (
        Unit(id="soil-a", model="generic/rs485-soil-7in1", unit=1, interval_s=0.05),
        Unit(id="soil-b", model="seeed/s-soil-mtec-02", unit=2, interval_s=0.05),
    )
    frames, rejected = listen(ModbusRtu(name="bus", port=str(bus.port), device=units), 12, clock, 60_000_000)
    assert rejected == []
    moving = [values(f)["soil_moisture_vwc_pct"] for f in frames if f.device == "soil-a"]
    stuck = [f.payload for f in frames if f.device == "soil-b"]
    assert len(moving) >= 4
    assert len(set(moving)) > 1
    assert len(stuck) >= 4
    assert len(set(stuck)) == 1
    assert set(values(frames[0])) | set(values(frames[1])) >= {"soil_ph", "soil_permittivity"}


def test_a_unit_that_is_not_there_stays_silent_and_a_wrong_register_is_refused(world: World) -> None:
    probe = world.buses[0].probes[2]
    request = modbus.read_request(2, 3, 4, 9)
    refusal = probe.answer(3, 4, 9, START_US)
    with pytest.raises(codecs.DecodeError, match="modbus-exception-2"):
        modbus.parse_response(request, refusal)
    part = modbus.parse_response(modbus.read_request(2, 3, 1, 2), probe.answer(3, 1, 2, START_US))
    whole = modbus.parse_response(modbus.read_request(2, 3, 0, 6), probe.answer(3, 0, 6, START_US))
    assert part == whole[1:3]


def test_noise_before_a_request_does_not_deafen_a_bus(world: World, tmp_path: Path) -> None:
    desk = desks.BusDesk(tmp_path / "bus", world.buses[0].probes)
    request = modbus.read_request(1, 3, 0, 7)
    with serial.Serial(str(tmp_path / "bus"), 9600, timeout=2) as port:
        port.write(b"\x00\xff" + request + modbus.read_request(9, 3, 0, 7))
        desk.step(START_US)
        assert len(modbus.parse_response(request, port.read(19))) == 7
        port.timeout = 0
        assert port.read(1) == b""
    desk.terminal.close()


@pytest.mark.parametrize("place", [0, 1])
def test_line_sensors_are_heard_by_the_real_driver(town: World, clock: Clock, place: int) -> None:
    talker = town.talkers[place]
    device = Device(id=talker.sensor.device, model=talker.sensor.model)
    frames, rejected = listen(Line(name="line", port=str(talker.port), device=(device,)), 3, clock, 5_000_000)
    assert rejected == []
    first = values(frames[0])
    if place == 0:
        assert first["snow_load_kg_m2"] == pytest.approx(270, abs=1)
        assert set(first) == {"snow_load_kg_m2", "probe_temperature_c", "battery_v"}
    else:
        assert 2000 < first["distance_mm"] < 3500


def test_a_dongle_hands_over_what_a_home_transmits_and_waits_for_its_first_listener(town: World, clock: Clock) -> None:
    radio = town.radios[0]
    clock.us = START_US + 2 * HOUR_US
    wanted = radio.home.frames(START_US, START_US + 2 * HOUR_US)
    senders = (
        Sender(id="part-1", model="enocean/a5-07-01", address="04000101"),
        Sender(id="part-2", model="enocean/d5-00-01", address="04000102"),
    )
    frames, rejected = listen(EnOcean(name="radio", port=str(radio.port), device=senders), 4, clock, 200_000)
    assert rejected == []
    assert [f.payload for f in frames] == [f.payload for f in wanted[:4]]
    assert all(-90 < (f.rssi_dbm or 0) < -40 for f in frames)


def test_a_closed_port_loses_telegrams_as_the_air_does(world: World, tmp_path: Path) -> None:
    desk = desks.RadioDesk(tmp_path / "radio", world.radios[0].home, START_US)
    now_us = START_US + HOUR_US
    with serial.Serial(str(tmp_path / "radio"), 57600, timeout=2) as port:
        for _ in range(50):
            now_us += 200_000
            desk.step(now_us)
        assert port.read(8)
    for _ in range(50):
        now_us += HOUR_US // 10
        desk.step(now_us)
    with serial.Serial(str(tmp_path / "radio"), 57600, timeout=0) as port:
        for _ in range(4):
            desk.step(now_us)
        assert port.read(8) == b""
    desk.terminal.close()


def test_the_past_ends_where_live_begins(world: World, tmp_path: Path) -> None:
    readings = past.write(world, tmp_path / "captures")
    frames = captured(tmp_path / "captures" / "node-1.jsonl")
    times = [f.time_us for f in frames]
    assert times == sorted(times)
    assert all(START_US - 2 * DAY_US <= time < START_US for time in times)
    for device in ("soil-a", "soil-b", "scale-1", "depth-1"):
        own = [f.time_us for f in frames if f.device == device]
        assert {after - before for before, after in pairwise(own)} == {600_000_000}
        assert START_US - own[-1] < 5_000_000
        assert len(own) == 2 * 144
    uplinks = captured(tmp_path / "captures" / past.UPLINKS)
    assert readings == sum(len(values(f)) for f in frames + uplinks) + 2 * len(uplinks)
    stuck = [f.payload for f in frames if f.device == "soil-b" and f.time_us > START_US - HOUR_US + 5_000_000]
    assert len(stuck) >= 5
    assert len(set(stuck)) == 1
    assert world.buses[0].probes[2].payload(START_US + DAY_US) == stuck[0]


def test_the_same_seed_writes_the_same_past(world: World, tmp_path: Path) -> None:
    past.write(world, tmp_path / "captures")
    first = (tmp_path / "captures" / "node-1.jsonl").read_bytes()
    past.write(World(tmp_path / "simulation.toml"), tmp_path / "captures")
    assert (tmp_path / "captures" / "node-1.jsonl").read_bytes() == first


def test_an_uplink_is_what_chirpstack_publishes(world: World) -> None:
    one = world.uplinkers[0]
    frame = past.uplink_frames(world, START_US - HOUR_US, START_US)[0]
    event = json.loads(uplink(one.dev_eui, frame, 17))
    assert topic(one.dev_eui).startswith("application/")
    assert topic(one.dev_eui).endswith(f"/device/{one.dev_eui}/event/up")
    assert event["deviceInfo"]["devEui"] == one.dev_eui
    assert (event["fCnt"], event["fPort"]) == (17, 2)
    assert event["time"].endswith("Z")
    assert -130 < event["rxInfo"][0]["rssi"] < -80
    told = codecs.decode("dragino/ldds75", event["fPort"], base64.b64decode(event["data"]))
    assert {r.quantity for r in told} == {"distance_mm", "probe_temperature_c", "battery_v"}


def test_a_terminal_knows_whether_somebody_listens_and_leaves_no_name_behind(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "ports" / "one")
    assert not terminal.opened
    terminal.write(b"nobody hears this")
    with serial.Serial(str(tmp_path / "ports" / "one"), 9600, timeout=2) as port:
        wait_until(lambda: terminal.opened, 5)
        port.write(b"ask")
        wait_until(_reads(terminal, b"ask"), 5)
        terminal.write(b"answer")
        assert port.read(6) == b"answer"
    wait_until(lambda: not terminal.opened, 5)
    assert terminal.read() == b""
    terminal.close()
    terminal.close()
    assert not os.path.lexists(tmp_path / "ports" / "one")


def _reads(terminal: Terminal, wanted: bytes) -> Callable[[], bool]:
    heard = bytearray()

    def look() -> bool:
        heard.extend(terminal.read())
        return bytes(heard) == wanted

    return look


def test_a_plan_that_does_not_fit_its_town_says_so(world: World, tmp_path: Path) -> None:
    del world
    (tmp_path / "satomori.toml").write_text(SITES.replace('id = "scale-1"', 'id = "scale-9"'))
    with pytest.raises(SettingsError, match="scale-1"):
        World(tmp_path / "simulation.toml")

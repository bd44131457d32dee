"""The Arduino example runs as it is on a board of this computer, and the receiver opens what it says."""

import subprocess
from pathlib import Path

import pytest
from c_parts import make

from firmware_bridge import nodeframe
from firmware_bridge.codecs import satomori_node

KEY = bytes(range(16))
pytestmark = pytest.mark.compiler


class Example:
    """The Arduino example, compiled as it is, on a board of this computer."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program, self._eeprom = program, folder / "eeprom"

    def run(self, *words: object) -> "subprocess.CompletedProcess[str]":
        command = [str(self._program), str(self._eeprom), *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def says(self, frames: int, sixteenths: int, load: int, battery: int) -> list[nodeframe.Said]:
        """What the receiver opens: every frame is addressed to all on channel 0."""
        done = self.run(frames, sixteenths, load, battery)
        assert done.returncode == 0, done.stderr
        sent = [bytes.fromhex(line) for line in done.stdout.split()]
        assert {one[:3] for one in sent} == {b"\xff\xff\x00"}
        receiver = nodeframe.Receiver(23041, {17: KEY})
        return [receiver.open(one[3:]) for one in sent]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("c-example")
    done = make(out, f"{out}/node")
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "node"


@pytest.fixture
def example(program: Path, tmp_path: Path) -> Example:
    return Example(program, tmp_path)


def readings_of(said: nodeframe.Said) -> dict[str, float]:
    return {one.quantity: one.value for one in satomori_node.decode("satomori/node", said.kind, said.payload)}


def test_the_example_tells_what_its_sensors_read_below_zero_too(example: Example) -> None:
    told = readings_of(example.says(1, -85, 14_000, 900)[0])
    assert told == {"air_temperature_c": -5.31, "snow_load_kg_m2": 300.0, "battery_v": 5.8}
    told = readings_of(example.says(1, 200, -2_000, 900)[0])
    assert told == {"air_temperature_c": 12.5, "snow_load_kg_m2": -20.0, "battery_v": 5.8}


def test_the_example_leaves_out_what_is_not_there(example: Example) -> None:
    nothing, at_its_end, at_power_on = -32768, 0x7FFFFF, 85 * 16
    assert readings_of(example.says(1, nothing, at_its_end, 900)[0]) == {"battery_v": 5.8}
    assert "air_temperature_c" not in readings_of(example.says(1, at_power_on, 0, 900)[0])


def test_the_example_speaks_in_a_new_epoch_after_every_start(example: Example) -> None:
    for epoch in (1, 2, 3):
        assert [(one.epoch, one.seq) for one in example.says(3, 0, 0, 900)] == [(epoch, 0), (epoch, 1), (epoch, 2)]


def test_the_example_never_repeats_an_epoch_after_a_power_cut_at_any_byte(example: Example) -> None:
    spoken = [said.epoch for said in example.says(1, 0, 0, 900)]
    for writes in range(9):
        cut = example.run(1, 0, 0, 900, writes)
        assert cut.returncode == (5 if writes < 8 else 0)
        spoken += [said.epoch for said in example.says(1, 0, 0, 900)]
    assert spoken == sorted(set(spoken))


def test_the_example_says_what_is_missing_and_stays_silent(example: Example) -> None:
    done = example.run(2, 0, 0, 900, -1, 0)
    assert (done.returncode, done.stdout) == (3, "")
    assert "radio module" in done.stderr

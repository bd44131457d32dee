"""The module itself: its registers written and read back by a set-up, its noise level asked while it runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from edge_parts import Answering, Wire, wire
from radio_parts import RSSI, listening, radio, sealed
from waiting import wait_until

from firmware_bridge import e220


class Module:
    """An E220 in configuration mode, or one that tells its noise level; `deaf` answers nothing."""

    def __init__(self, registers: bytes = bytes(6), *, deaf: bool = False, keeps: bool = True) -> None:
        self.registers, self.deaf, self.keeps, self.asked = registers, deaf, keeps, 0

    def answer(self, heard: bytes) -> list[bytes]:
        if self.deaf:
            return []
        if heard == e220.AMBIENT_REQUEST:
            self.asked += 1
            return [sealed(self.asked) + RSSI + b"\xc1\x00", b"\x02\x90\xb0" + sealed(self.asked, node=18) + RSSI]
        if heard[:3] == b"\xc0\x00\x06":
            self.registers = heard[3:] if self.keeps else self.registers
            return [b"\xc1\x00\x06" + heard[3:]]
        if heard == b"\xc1\x00\x06":
            return [bytes((byte,)) for byte in b"\xc1\x00\x06" + self.registers]
        return [b"\xff\xff\xff"]


@contextmanager
def answering(line: Wire, answer: Callable[[bytes], list[bytes]]) -> Iterator[None]:
    one = Answering(line, answer)
    try:
        yield
    finally:
        one.close()


def test_set_up_writes_the_registers_reads_them_back_and_says_what_to_do(tmp_path: Path) -> None:
    module = Module()
    with wire() as line, answering(line, module.answer):
        with listening(radio(tmp_path, line.path, setup=True, address=0x1234, channel=5)) as one:
            wait_until(lambda: one.error is not None)
        assert module.registers == bytes.fromhex("12 34 70 00 05 c3")
        assert one.error
        assert not one.error.retryable
        assert "M0 and M1 low" in str(one.error)


@pytest.mark.parametrize(
    ("module", "wanted"),
    [
        (Module(deaf=True), "must both be high"),
        (Module(registers=bytes.fromhex("000070000044"), keeps=False), "the module keeps"),
    ],
)
def test_a_set_up_that_fails_says_what_was_found(tmp_path: Path, module: Module, wanted: str) -> None:
    with wire() as line, answering(line, module.answer), listening(radio(tmp_path, line.path, setup=True)) as one:
        wait_until(lambda: one.error is not None)
        assert one.error
        assert one.error.retryable
        assert wanted in str(one.error)


def test_a_module_that_tells_its_noise_is_alive_and_loses_no_frame_by_being_asked(tmp_path: Path) -> None:
    module = Module()
    driver = {"ambient_rssi": True, "quiet_s": 0.3}
    with wire() as line, answering(line, module.answer), listening(radio(tmp_path, line.path, **driver)) as one:
        wait_until(lambda: module.asked >= 2 and len(one.frames) >= 4)
        assert one.rejected == []


def test_a_module_that_tells_nothing_is_a_lost_link(tmp_path: Path) -> None:
    module = Module(deaf=True)
    with wire() as line, answering(line, module.answer):
        with listening(radio(tmp_path, line.path, ambient_rssi=True)) as one:
            wait_until(lambda: one.error is not None)
        assert "does not tell its noise level" in str(one.error)

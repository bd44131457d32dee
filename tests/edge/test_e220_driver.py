"""The LoRa driver over hostile pseudo-terminals: only what is sealed, listed and new gets through."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from edge_parts import Answering, Wire, wire
from waiting import wait_until

from edge.clock import wall_us
from edge.drivers import Ear
from edge.drivers.e220 import E220, RadioNode
from edge.errors import LinkError
from firmware_bridge import e220, nodeframe
from firmware_bridge.codecs import satomori_node
from firmware_bridge.reading import Frame, Reading

NET = 0x5A01
KEYS = {17: bytes(range(16)), 18: bytes(range(16, 32))}
STRANGER = bytes(range(100, 116))
RSSI = b"\xb0"
PAYLOAD = bytes.fromhex("01 10 f3")


class Stop(threading.Event):
    """Tells when it was asked first: the port is open then, and what was said before would be thrown away."""

    def __init__(self) -> None:
        super().__init__()
        self.was_asked = False

    def is_set(self) -> bool:
        self.was_asked = True
        return super().is_set()


class Listening:
    """The driver in a thread, as the agent runs it but without the agent."""

    def __init__(self, driver: E220) -> None:
        self.frames: list[Frame] = []
        self.rejected: list[tuple[str, str, bytes, str]] = []
        self.error: LinkError | None = None
        self.stop = Stop()
        self.ear = Ear(self.stop, wall_us, lambda *facts: self.rejected.append(facts))
        self._driver = driver
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            for frame in self._driver.frames(self.ear):
                self.frames.append(frame)  # one by one: the test looks on
        except LinkError as error:
            self.error = error

    def counts(self) -> dict[str, int]:
        reasons = [reason for reason, *_ in list(self.rejected)]
        return {reason: reasons.count(reason) for reason in set(reasons)}


@contextmanager
def listening(driver: E220) -> Iterator[Listening]:
    one = Listening(driver)
    wait_until(lambda: one.stop.was_asked or one.error is not None)
    try:
        yield one
    finally:
        one.stop.set()
        one.thread.join(5)
        assert not one.thread.is_alive()


def radio(folder: Path, port: str, **more: Any) -> E220:
    for node, key in KEYS.items():
        (folder / f"{node}.key").write_text(key.hex() + "\n")
    devices = tuple(
        RadioNode(id=f"node-{node}", model="satomori/node", node=node, key_file=f"{node}.key") for node in KEYS
    )
    keys: dict[str, Any] = {"name": "lora", "port": port, "net": NET, "device": devices, "gap_s": 0.1} | more
    return E220(**keys).anchored(folder)


def sealed(seq: int, *, node: int = 17, epoch: int = 3, key: bytes | None = None, **more: Any) -> bytes:
    said = nodeframe.Said(
        net=more.pop("net", NET),
        node=node,
        epoch=epoch,
        seq=seq,
        payload=more.pop("payload", PAYLOAD),
        kind=more.pop("kind", 1),
    )
    return nodeframe.encode(said, key or KEYS[node], **{"tells_epoch": True} | more)


def heard(one: Listening, count: int) -> None:
    wait_until(lambda: len(one.frames) + len(one.rejected) >= count)


def test_a_frame_of_a_listed_node_is_its_payload_with_its_signal_strength(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(0) + RSSI + sealed(0, node=18) + RSSI)
        heard(one, 2)
        first, second = one.frames
        assert (first.device, first.model, first.port) == ("node-17", "satomori/node", 1)
        assert (first.payload, first.rssi_dbm, second.device) == (PAYLOAD, -80, "node-18")
        told = satomori_node.decode(first.model, first.port, first.payload)
        assert told == (Reading("air_temperature_c", -1.3),)
        assert one.rejected == []


def test_a_byte_at_a_time_is_enough(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path, gap_s=5.0)) as one:
        for byte in b"".join(sealed(seq) + RSSI for seq in range(5)):
            line.say(bytes((byte,)))
        heard(one, 5)
        assert ([frame.rssi_dbm for frame in one.frames], one.rejected) == ([-80] * 5, [])


def test_noise_costs_no_frame_and_is_counted(tmp_path: Path) -> None:
    noise = random.Random(1)
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        for seq in range(20):
            line.say(noise.randbytes(noise.randrange(40)) + sealed(seq) + RSSI + noise.randbytes(noise.randrange(40)))
        wait_until(lambda: len(one.frames) == 20)
        assert one.counts().keys() <= {"noise"}


def test_half_a_frame_and_a_header_that_lies_cost_nothing_behind_them(tmp_path: Path) -> None:
    liar = sealed(9)[:8] + b"\xb0"
    with wire() as line, listening(radio(tmp_path, line.path, gap_s=30.0)) as one:
        line.say(sealed(0)[:12] + liar + sealed(1) + RSSI + liar + sealed(2) + RSSI)
        wait_until(lambda: len(one.frames) == 2)


def test_of_a_line_that_loses_bytes_only_whole_frames_are_believed(tmp_path: Path) -> None:
    dice, whole, the_last = random.Random(7), 0, b"\x00\x10\x01"
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        for seq in range(300):
            said = sealed(seq) + RSSI
            kept = bytes(byte for byte in said if dice.random() > 0.02)
            whole += kept[: len(said) - 1] == said[:-1]
            line.say(kept)
        line.say(bytes(4) + sealed(1000, payload=the_last) + RSSI)
        wait_until(lambda: bool(one.frames) and one.frames[-1].payload == the_last)
        assert 100 < whole < 250
        assert whole * 0.9 <= len(one.frames) - 1 <= whole
        assert {frame.payload for frame in one.frames[:-1]} == {PAYLOAD}


def test_of_packets_that_are_lost_one_in_five_the_others_arrive(tmp_path: Path) -> None:
    dice = random.Random(3)
    sent = [seq for seq in range(200) if dice.random() > 0.2]
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        for seq in sent:
            line.say(sealed(seq, tells_epoch=seq < 8 or seq % 16 == 0) + RSSI)
        wait_until(lambda: len(one.frames) == len(sent))
        assert one.rejected == []


def test_repeated_forged_unknown_and_foreign_frames_are_refused_by_name(tmp_path: Path) -> None:
    spoilt = bytearray(sealed(5))
    spoilt[15] ^= 1
    refused = {
        "replay": sealed(0),
        "forged": bytes(spoilt),
        "sender-unknown": sealed(0, node=99, key=STRANGER),
        "net-foreign": sealed(1, net=7),
        "tag-short": sealed(6, tag_bytes=4),
        "clear-text": nodeframe.encode_clear(nodeframe.Said(net=NET, node=17, epoch=0, seq=7, payload=PAYLOAD)),
        "type-unknown": sealed(8, kind=2),
        "epoch-unknown": sealed(0, node=18, tells_epoch=False),
        "noise": b"hello",
    }
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(0) + RSSI)
        heard(one, 1)
        for count, frame in enumerate(refused.values(), 2):
            line.say(frame + RSSI)
            heard(one, count)
        assert [frame.payload for frame in one.frames] == [PAYLOAD]
        assert [reason for reason, *_ in one.rejected] == list(refused)
        devices = {reason: device for reason, _, _, device in one.rejected}
        assert devices["replay"] == devices["forged"] == "node-17"
        assert devices["sender-unknown"] == devices["net-foreign"] == ""
        assert all(detail for _, detail, *_ in one.rejected)


def test_a_recorded_frame_said_a_thousand_times_is_one_reading(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        for _ in range(1000):
            line.say(sealed(0) + RSSI)
        heard(one, 1000)
        assert (len(one.frames), one.counts()) == (1, {"replay": 999})


def test_what_was_heard_before_a_restart_is_still_old_after_it(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(5) + RSSI)
        heard(one, 1)
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(5) + RSSI + sealed(4, epoch=2) + RSSI + sealed(6, tells_epoch=False) + RSSI)
        heard(one, 3)
        assert (len(one.frames), one.counts()) == (1, {"replay": 2})


def test_a_new_key_begins_anew_and_a_damaged_file_is_moved_aside(tmp_path: Path) -> None:
    state = tmp_path / "lora.heard.json"
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(5, epoch=40) + RSSI)
        heard(one, 1)
    replaced = radio(tmp_path, "")
    (tmp_path / "17.key").write_text(STRANGER.hex())
    with wire() as line, listening(msgspec.structs.replace(replaced, port=line.path)) as one:
        line.say(sealed(0, epoch=1, key=STRANGER) + RSSI)
        heard(one, 1)
        assert len(one.frames) == 1
    state.write_bytes(b"\x00 half")
    with wire() as line, listening(msgspec.structs.replace(replaced, port=line.path)) as one:
        line.say(sealed(0, epoch=1, key=STRANGER) + RSSI)
        heard(one, 1)
        assert len(one.frames) == 1
    assert state.with_name("lora.heard.json.damaged").exists()


def test_a_state_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path, state="no-such-folder/heard.json")) as one:
        line.say(sealed(0) + RSSI + sealed(0) + RSSI + sealed(1) + RSSI)
        heard(one, 3)
        assert (len(one.frames), one.counts()) == (2, {"replay": 1})


def test_the_three_epochs_after_a_restart_of_the_node_are_found_without_being_told(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(5) + RSSI)
        for epoch in (4, 7, 11):
            line.say(sealed(9, epoch=epoch, tells_epoch=False) + RSSI)
        heard(one, 4)
        assert (len(one.frames), one.counts()) == (3, {"forged": 1})


def test_without_the_rssi_byte_frames_follow_each_other(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path, rssi_byte=False)) as one:
        line.say(sealed(0) + sealed(1) + sealed(2))
        heard(one, 3)
        assert ([frame.rssi_dbm for frame in one.frames], one.rejected) == ([None] * 3, [])


def test_a_packet_whose_rssi_byte_was_lost_still_counts(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(0))
        heard(one, 1)
        assert one.frames[0].rssi_dbm is None


def test_clear_text_is_taken_where_a_test_bench_asks_for_it(tmp_path: Path) -> None:
    said = nodeframe.Said(net=NET, node=17, epoch=0, seq=7, payload=PAYLOAD)
    with wire() as line, listening(radio(tmp_path, line.path, clear_text=True)) as one:
        line.say(nodeframe.encode_clear(said) + RSSI + sealed(0) + RSSI)
        heard(one, 2)
        assert len(one.frames) == 2
        assert msgspec.json.decode((tmp_path / "lora.heard.json").read_bytes()).keys() == {"17"}


def test_a_plug_that_is_pulled_is_a_lost_link(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(0) + RSSI)
        heard(one, 1)
        line.unplug()
        wait_until(lambda: one.error is not None)
        assert one.error
        assert one.error.retryable


@pytest.mark.parametrize(("text", "wanted"), [(None, "No such file"), ("abc", "32 hex digits"), ("00" * 15, "got 30")])
def test_a_key_that_cannot_be_read_is_said_with_its_file(tmp_path: Path, text: str | None, wanted: str) -> None:
    with wire() as line:
        driver = radio(tmp_path, line.path)
        (tmp_path / "17.key").unlink()
        if text is not None:
            (tmp_path / "17.key").write_text(text)
        with listening(driver) as one:
            wait_until(lambda: one.error is not None)
            assert wanted in str(one.error)
            assert "17.key" in str(one.error)


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


def test_a_node_that_speaks_more_than_its_share_is_told_once(tmp_path: Path) -> None:
    big = bytes(176)
    airtime_us = radio(tmp_path, "", channel=15).airtime_us(len(sealed(0, payload=big)))
    times = 360_000_000 // airtime_us
    with wire() as line, listening(radio(tmp_path, line.path, channel=15)) as one:
        for seq in range(times + 3):
            line.say(sealed(seq, payload=big) + RSSI)
            wait_until(partial(lambda least: len(one.frames) > least, seq - 15))
        wait_until(lambda: len(one.frames) == times + 3)
        assert one.counts() == {"airtime-over": 1}
        assert one.rejected[0][3] == "node-17"


def test_construction_touches_nothing_and_refuses_an_illegal_plan() -> None:
    started = time.monotonic()

    def plan(**more: Any) -> E220:
        device = RadioNode(
            id="node-17",
            model="satomori/node",
            node=17,
            key_file="17.key",
            interval_s=more.pop("interval_s", 600.0),
            payload_bytes=more.pop("payload_bytes", 48),
        )
        keys: dict[str, Any] = {"name": "lora", "port": "/dev/nothing", "net": NET, "device": (device,)} | more
        return E220(**keys)

    plan(channel=15, interval_s=60.0)
    plan(channel=14, interval_s=2.0)
    mistakes: dict[str, dict[str, Any]] = {
        "360 s on the air an hour": {"channel": 15, "interval_s": 2.0},
        "a packet every": {"interval_s": 0.1},
        "channel 0 to 30": {"channel": 31, "bandwidth_khz": 500},
        "SF5–SF9 at 125 kHz": {"spreading": 10},
        "gap_s of at least": {"gap_s": 0.001},
    }
    for wanted, mistake in mistakes.items():
        with pytest.raises(ValueError, match=wanted):
            plan(**mistake)
    twice = plan().device * 2
    with pytest.raises(ValueError, match="17 given twice"):
        plan(device=twice)
    assert time.monotonic() - started < 5

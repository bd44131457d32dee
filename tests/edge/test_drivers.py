"""Every driver over hostile links: a byte at a time, bytes lost, noise, a dead neighbour, a plug pulled."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from edge_parts import Answering, Wire, load_line, wire, write_capture
from hypothesis import given
from waiting import wait_until

from edge import ports
from edge.clock import wall_us
from edge.drivers import Driver, Ear, enocean, kinds, line, modbus_rtu, replay
from edge.errors import LinkError
from firmware_bridge import codecs, esp3, modbus
from firmware_bridge.errors import BridgeError
from firmware_bridge.reading import Frame


class Listening:
    """A driver in a thread, as the agent runs it but without the agent."""

    def __init__(self, driver: Driver, now_us: Callable[[], int] = wall_us) -> None:
        self.frames: list[Frame] = []
        self.rejected: list[tuple[str, str, bytes, str]] = []
        self.error: LinkError | None = None
        self.stop = threading.Event()
        self.ear = Ear(self.stop, now_us, lambda *facts: self.rejected.append(facts))
        self._driver = driver
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            for frame in self._driver.frames(self.ear):
                self.frames.append(frame)
        except LinkError as error:
            self.error = error

    def reasons(self) -> list[str]:
        return [reason for reason, *_ in self.rejected]


@contextmanager
def listening(driver: Driver, **more: Any) -> Iterator[Listening]:
    one = Listening(driver, **more)
    try:
        yield one
    finally:
        one.stop.set()
        one.thread.join(5)
        assert not one.thread.is_alive()


def scale(port: str, **more: Any) -> line.Line:
    device = line.Device(id="scale-1", model="generic/line-load-cell", interval_s=more.pop("interval_s", 0.0))
    return line.Line(name="scale", port=port, device=(device,), **more)


def bus(port: str, *units: int, **more: Any) -> modbus_rtu.ModbusRtu:
    devices = tuple(
        modbus_rtu.Unit(id=f"probe-{unit}", model="generic/rs485-soil-7in1", unit=unit, interval_s=0.05)
        for unit in units
    )
    return modbus_rtu.ModbusRtu(name="bus", port=port, device=devices, timeout_s=0.1, **more)


def radio(port: str) -> enocean.EnOcean:
    sender = enocean.Sender(id="motion-1", model="enocean/a5-07-01", address="04001A2B")
    return enocean.EnOcean(name="radio", port=port, device=(sender,))


def telegram(sender: str = "04001a2b", data: bytes = b"\x00\x00\xff\x08", **more: Any) -> bytes:
    return esp3.encode_telegram(esp3.Telegram(sender=sender, rorg=esp3.FOUR_BS, data=data, **more))


def soil(unit: int, registers: int = 7) -> bytes:
    return modbus.encode_response(unit, 3, [300 + unit, 215, 120, 65, 10, 20, 30][:registers])


# every driver


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_making_a_driver_touches_nothing_and_its_failure_is_a_link_error(kind: str) -> None:
    gone = "/dev/does-not-exist"
    driver: Driver = {
        "line": lambda: scale(gone),
        "modbus_rtu": lambda: bus(gone, 1),
        "enocean": lambda: radio(gone),
        "replay": lambda: replay.Replay(name="replay", path=gone),
    }[kind]()
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


# line


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b"\n\r", b"\0"])
def test_a_line_may_end_in_any_of_the_usual_ways(end: bytes) -> None:
    lines = line.Lines(256, 2.0)
    assert lines.feed(b"first" + end + b"second" + end, 0.0) == ([b"first", b"second"], [])


@given(st.lists(st.binary(max_size=40)), st.lists(st.integers(1, 9)))
def test_any_chunking_gives_the_same_lines(texts: list[bytes], sizes: list[int]) -> None:
    data = b"".join(text + b"\n" for text in texts)
    whole, _ = line.Lines(64, 2.0).feed(data, 0.0)
    lines, chunked, at = line.Lines(64, 2.0), [], 0
    for size in [*sizes, len(data)]:
        chunked += lines.feed(data[at : at + size], 0.0)[0]
        at += size
    assert chunked == whole


@given(st.binary(max_size=5000))
def test_after_any_noise_at_most_one_line_is_lost_and_memory_is_bounded(noise: bytes) -> None:
    lines = line.Lines(256, 2.0)
    lines.feed(noise, 0.0)
    whole, _ = lines.feed(b"\none\ntwo\n", 0.0)
    assert whole[-2:] == [b"one", b"two"]


def test_e57_endless_bytes_without_an_end_are_noise_and_the_next_line_is_whole() -> None:
    lines = line.Lines(256, 2.0)
    for _ in range(1000):
        assert lines.feed(b"x" * 100, 0.0) == ([], [])
    whole, noise = lines.feed(b"\ngood\n", 0.0)
    assert (whole, [reason for reason, _ in noise]) == ([b"good"], ["line-too-long"])
    assert [len(raw) for _, raw in noise] == [256]


def test_a_line_of_exactly_the_most_bytes_passes_and_one_more_does_not() -> None:
    lines = line.Lines(8, 2.0)
    assert lines.feed(b"12345678\n", 0.0) == ([b"12345678"], [])
    assert lines.feed(b"123456789\n", 0.0)[0] == []


def test_half_a_line_then_silence_then_the_rest_is_not_one_line() -> None:
    lines = line.Lines(256, 2.0)
    assert lines.feed(b"LOAD=1", 0.0) == ([], [])
    assert lines.feed(b"", 10.0) == ([], [("line-cut", b"LOAD=1")])
    assert lines.feed(b"2.5*00\n", 10.1)[0] == [b"2.5*00"]


def test_a_line_driver_hears_a_byte_at_a_time() -> None:
    with wire() as far, listening(scale(far.path)) as heard:
        far.wait_opened()
        for byte in load_line(12.5):
            far.say(bytes([byte]))
        wait_until(lambda: len(heard.frames) == 1)
        assert heard.frames[0].payload == load_line(12.5).strip()


def test_a_sensor_that_talks_much_is_taken_at_its_interval() -> None:
    times = iter(range(0, 10**12, 400_000))
    with wire() as far, listening(scale(far.path, interval_s=1.0), now_us=lambda: next(times)) as heard:
        far.wait_opened()
        for value in range(30):
            far.say(load_line(float(value)))
            threading.Event().wait(0.01)
        wait_until(lambda: len(heard.frames) >= 8)
        gaps = [b.time_us - a.time_us for a, b in zip(heard.frames, heard.frames[1:], strict=False)]
        assert min(gaps) >= 1_000_000


# modbus


def modbus_device(answers: dict[int, Callable[[bytes], list[bytes]]]) -> Callable[[bytes], list[bytes]]:
    pending = bytearray()

    def answer(data: bytes) -> list[bytes]:
        pending.extend(data)
        said: list[bytes] = []
        while len(pending) >= 8:
            request = bytes(pending[:8])
            del pending[:8]
            said += answers.get(request[0], lambda _: [])(request)
        return said

    return answer


@contextmanager
def answering(far: Wire, answers: dict[int, Callable[[bytes], list[bytes]]]) -> Iterator[Answering]:
    player = Answering(far, modbus_device(answers))
    try:
        yield player
    finally:
        player.close()


def test_several_units_on_one_bus_are_asked_in_turn() -> None:
    with wire() as far, answering(far, {unit: lambda request: [soil(request[0])] for unit in (1, 2, 3)}):
        with listening(bus(far.path, 1, 2, 3)) as heard:
            wait_until(lambda: {frame.device for frame in heard.frames} == {"probe-1", "probe-2", "probe-3"})
        frame = heard.frames[0]
        assert (frame.port, frame.payload) == (0, soil(int(frame.device[-1])))
        assert codecs.decode(frame.model, frame.port, frame.payload)


def test_e52_a_dead_unit_never_holds_up_the_others_for_long() -> None:
    with wire() as far, answering(far, {1: lambda _: [soil(1)]}):
        with listening(bus(far.path, 1, 2)) as heard:
            wait_until(lambda: len(heard.frames) >= 30, timeout_s=10)
        assert heard.reasons() == ["modbus-silent"]
        assert {frame.device for frame in heard.frames} == {"probe-1"}


def test_e58_a_unit_that_comes_back_is_heard_again() -> None:
    alive = threading.Event()
    with (
        wire() as far,
        answering(far, {1: lambda _: [soil(1)], 2: lambda _: [soil(2)] if alive.is_set() else []}),
        listening(bus(far.path, 1, 2)) as heard,
    ):
        wait_until(lambda: "modbus-silent" in heard.reasons())
        alive.set()
        wait_until(lambda: any(frame.device == "probe-2" for frame in heard.frames))


def test_replies_a_byte_at_a_time_are_whole() -> None:
    with wire() as far, answering(far, {1: lambda _: [bytes([byte]) for byte in soil(1)]}):
        with listening(bus(far.path, 1)) as heard:
            wait_until(lambda: len(heard.frames) >= 3)
        assert {frame.payload for frame in heard.frames} == {soil(1)}


def test_a_fifth_of_all_replies_maimed_gives_fewer_frames_and_never_a_wrong_one() -> None:
    dice = random.Random(3)

    def lossy(request: bytes) -> list[bytes]:
        reply = soil(request[0])
        at = dice.randrange(len(reply)) if dice.random() < 0.2 else len(reply)
        return [reply[:at] + reply[at + 1 :]]

    with wire() as far, answering(far, {1: lossy, 2: lossy}):
        with listening(bus(far.path, 1, 2)) as heard:
            wait_until(lambda: len(heard.frames) >= 10, timeout_s=60)
        assert {frame.payload for frame in heard.frames} <= {soil(1), soil(2)}
        assert all(frame.payload == soil(int(frame.device[-1])) for frame in heard.frames)


def test_noise_before_and_after_a_reply_is_cut_away() -> None:
    with wire() as far, answering(far, {1: lambda _: [b"\x00\xff\x01", soil(1) + b"\x00"]}):
        with listening(bus(far.path, 1)) as heard:
            wait_until(lambda: len(heard.frames) >= 2)
        assert {frame.payload for frame in heard.frames} == {soil(1)}


def test_a_reply_of_another_unit_or_another_size_is_not_an_answer() -> None:
    with wire() as far, answering(far, {1: lambda _: [soil(2)], 2: lambda _: [soil(2, registers=5)]}):
        with listening(bus(far.path, 1, 2)) as heard:
            wait_until(lambda: len(heard.rejected) >= 2)
        assert heard.frames == []
        assert {device for *_, device in heard.rejected} == {"probe-1", "probe-2"}


def test_a_late_reply_of_one_unit_is_never_taken_for_the_next_ones() -> None:
    with wire() as far, answering(far, {2: lambda _: [soil(1), soil(2)]}), listening(bus(far.path, 1, 2)) as heard:
        wait_until(lambda: len(heard.frames) >= 3)
        assert {(frame.device, frame.payload) for frame in heard.frames} == {("probe-2", soil(2))}


def test_a_refusal_is_told_by_its_name_and_not_asked_three_times() -> None:
    asked: list[bytes] = []

    def refuse(request: bytes) -> list[bytes]:
        asked.append(request)
        return [modbus.encode_exception(1, 3, 2)]

    with wire() as far, answering(far, {1: refuse}), listening(bus(far.path, 1)) as heard:
        wait_until(lambda: bool(heard.rejected))
        assert heard.reasons()[0] == "modbus-exception-2"
        assert len(asked) <= 2


def test_a_busy_unit_is_asked_again_at_once() -> None:
    turn = iter([modbus.encode_exception(1, 3, 6), *[soil(1)] * 1000])
    with wire() as far, answering(far, {1: lambda _: [next(turn)]}), listening(bus(far.path, 1)) as heard:
        wait_until(lambda: len(heard.frames) >= 1)
        assert heard.rejected == []


@given(st.binary(max_size=80))
def test_any_bytes_on_the_bus_are_an_answer_or_a_named_error(heard: bytes) -> None:
    request = modbus.read_request(1, 3, 0, 7)
    try:
        answer = modbus_rtu.answer_in(request, heard)
    except BridgeError:
        return
    assert len(modbus.parse_response(request, answer)) == 7


def test_a_lost_unit_is_asked_ever_more_seldom_but_never_given_up() -> None:
    poll = modbus_rtu.Poll(modbus_rtu.Unit(id="p-1", model="generic/rs485-soil-7in1", unit=1, interval_s=60.0), 0.0)
    pauses = []
    now_s = 0.0
    for _ in range(40):
        poll.failed(now_s)
        pauses.append(poll.due_s - now_s)
        now_s = poll.due_s
    assert pauses[:5] == [60, 120, 240, 480, 900]
    assert pauses[-1] == modbus_rtu.MAX_PAUSE_S
    poll.answered(now_s)
    assert (poll.failures, poll.due_s) == (0, now_s + 60)


# enocean


def test_a_listed_sender_is_heard_once_though_repeaters_say_it_again() -> None:
    with wire() as far, listening(radio(far.path)) as heard:
        far.wait_opened()
        far.say(telegram() * 3)
        wait_until(lambda: len(heard.frames) == 1)
        threading.Event().wait(0.25)
        far.say(telegram())
        wait_until(lambda: len(heard.frames) == 2)
        assert (heard.frames[0].device, heard.frames[0].payload) == ("motion-1", telegram())


def test_an_unknown_sender_and_a_teach_in_are_told_and_never_taken_in() -> None:
    with wire() as far, listening(radio(far.path)) as heard:
        far.wait_opened()
        far.say(telegram(sender="0badcafe") + telegram(data=b"\x1c\x08\x00\x00", learn=True) + telegram())
        wait_until(lambda: len(heard.frames) == 1)
        assert heard.reasons() == ["sender-unknown", "teach-in"]
        assert "0badcafe" in heard.rejected[0][1]


def test_e53_a_packet_type_nobody_knows_is_counted_and_the_next_is_heard() -> None:
    with wire() as far, listening(radio(far.path)) as heard:
        far.wait_opened()
        far.say(esp3.Packet(0x02, b"\x00").to_bytes() + esp3.Packet(0x77, b"abc").to_bytes() + telegram())
        wait_until(lambda: len(heard.frames) == 1)
        assert heard.reasons() == ["packet-type", "packet-type"]


@pytest.mark.parametrize("noise", [b"\x55\xff\xff\xff", b"\x55" * 300, bytes(range(256)), telegram()[:-3]])
def test_noise_before_a_telegram_costs_no_telegram(noise: bytes) -> None:
    with wire() as far, listening(radio(far.path)) as heard:
        far.wait_opened()
        far.say(noise)
        threading.Event().wait(0.6)
        for byte in telegram():
            far.say(bytes([byte]))
        wait_until(lambda: len(heard.frames) == 1)


# replay


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

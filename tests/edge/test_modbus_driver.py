"""A Modbus bus: maimed replies, noise, a dead neighbour, a late answer."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import hypothesis.strategies as st
from edge_links import bus, listening, soil
from edge_parts import Answering, Wire, wire
from hypothesis import given
from waiting import wait_until

from edge.drivers import modbus_rtu
from firmware_bridge import codecs, modbus
from firmware_bridge.errors import BridgeError


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

"""Between drivers and outbox: events at once, sweeps together, a replay waits, and nothing goes silently."""

import threading
from collections.abc import Iterator

import pytest
from edge_parts import Hands, load, load_line, motion
from waiting import wait_until

from edge.clock import Clock
from edge.intake import FULL_READINGS, Intake
from edge.nouns import Taken
from firmware_bridge.reading import Frame, Reading


class Lost:
    """Counts what found no place."""

    def __init__(self) -> None:
        self.readings = 0

    def __call__(self, readings: int, reason: str) -> None:
        assert reason == "memory-full"
        self.readings += readings


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def lost() -> Lost:
    return Lost()


@pytest.fixture
def intake(hands: Hands, lost: Lost) -> Iterator[Intake]:
    clock = Clock("trust", wall=hands.wall, running=hands.running, boot="boot-1")
    one = Intake(clock, lost)
    yield one
    one.close()


def frame(hands: Hands, payload: bytes, model: str = "generic/line-load-cell") -> Frame:
    return Frame(device="scale-1", model=model, payload=payload, time_us=hands.wall_us)


def test_an_event_is_urgent_and_a_gauge_is_not(intake: Intake, hands: Hands) -> None:
    intake.take(load(hands, 1.0))
    assert not intake.collect().is_urgent
    intake.take(motion(hands))
    assert intake.collect().is_urgent


def test_an_event_of_a_capture_happened_long_ago_and_is_not_urgent(intake: Intake, hands: Hands) -> None:
    intake.take(motion(hands), may_wait=True)
    assert not intake.collect().is_urgent


def test_a_replay_waits_for_the_outbox_and_loses_nothing(intake: Intake, hands: Hands, lost: Lost) -> None:
    count = 30_000

    def speak() -> None:
        for _ in range(count):
            intake.take(load(hands, 1.0), may_wait=True)

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    taken = 0

    def take_all() -> bool:
        nonlocal taken
        collected = intake.collect()
        assert collected.readings <= 2_000
        taken += collected.readings
        return taken == count

    wait_until(take_all, every_s=0.001)
    assert lost.readings == 0


def test_a_live_link_past_the_bound_is_counted_as_lost(intake: Intake, hands: Hands, lost: Lost) -> None:
    readings = tuple(Reading("snow_load_kg_m2", 1.0) for _ in range(1000))
    for _ in range(25):
        intake.take(Taken(device="scale-1", readings=readings, time_us=hands.wall_us))
    kept = 0
    while not intake.is_empty:
        kept += intake.collect().readings
    assert (kept, lost.readings) == (FULL_READINGS, 25_000 - FULL_READINGS)


def test_what_could_not_be_committed_comes_first_again(intake: Intake, hands: Hands) -> None:
    intake.take(load(hands, 1.0))
    first = intake.collect()
    intake.take(load(hands, 2.0))
    intake.give_back(first)
    values = [reading.value for taken in intake.collect().taken for reading in taken.readings]
    assert values == [1.0, 2.0]


def test_bytes_that_say_nothing_and_models_nobody_knows_are_rejected_by_name(intake: Intake, hands: Hands) -> None:
    intake.frame("scale", frame(hands, b"garbage"), None)
    intake.frame("scale", frame(hands, load_line(1.0).strip(), "nobody/nothing"), None)
    intake.frame("scale", frame(hands, load_line(2.0).strip()), None)
    collected = intake.collect()
    assert collected.readings == 1
    assert [one.reason for one in collected.rejected][1] == "model-unknown"
    assert collected.rejected[0].payload == b"garbage"


def test_the_position_of_a_frame_that_says_nothing_is_kept_all_the_same(intake: Intake, hands: Hands) -> None:
    intake.frame("replay", frame(hands, b"garbage"), ("replay:x", 77))
    assert [one.position for one in intake.collect().taken] == [("replay:x", 77)]

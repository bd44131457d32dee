"""A Pi starts in the past: its readings wait, are put right in the same boot, or say that their time is estimated."""

from pathlib import Path

from edge_parts import OWNER, Hands, opened_batch

from edge import rows
from edge.clock import Clock, boot_id, boottime_us, kernel_is_synchronised
from edge.nouns import Taken
from edge.outbox import Outbox
from firmware_bridge.envelope import FIRST_US
from firmware_bridge.reading import Reading


class Ntp:
    """Says whether the network has told the time."""

    def __init__(self) -> None:
        self.has_told = False

    def __call__(self) -> bool:
        return self.has_told


def clock(hands: Hands, ntp: Ntp, mode: str = "auto", newest_us: int = 0, boot: str = "boot-1") -> Clock:
    assert mode in ("auto", "trust")
    return Clock(
        "trust" if mode == "trust" else "auto",
        newest_us,
        synchronised=ntp,
        wall=hands.wall,
        running=hands.running,
        boot=boot,
    )


def outbox(path: Path, clock: Clock, hold_s: float = 900.0) -> Outbox:
    return Outbox(path, OWNER, now_us=clock.now_us, running_us=clock.running_us, hold_s=hold_s)


def heard(clock: Clock, value: float) -> Taken:
    return Taken(
        device="scale-1",
        readings=(Reading("snow_load_kg_m2", value),),
        time_us=clock.now_us(),
        offset_us=None if clock.belief.believed else clock.belief.offset_us,
    )


def test_the_real_kernel_answers() -> None:
    assert kernel_is_synchronised() in (True, False)
    assert boot_id()
    assert boottime_us() <= boottime_us()


def test_e33_readings_before_the_time_is_known_are_held_and_put_right_when_it_comes(tmp_path: Path) -> None:
    hands, ntp = Hands(wall_us=1_600_000_000_000_000), Ntp()
    now = clock(hands, ntp)
    box = outbox(tmp_path / "o.db", now)
    box.put([heard(now, 1.0)], (), now.belief)
    assert box.ready(0, 10) == []
    hands.move(120)
    true_us = 1_770_000_000_000_000
    hands.wall_us, ntp.has_told = true_us, True
    assert now.refresh()
    box.tick(now.belief)
    batch = opened_batch(box.ready(0, 10)[0].payload)
    assert (batch.clock, batch.columns[0].times_us) == ("synced", [true_us - 120_000_000])
    assert box.reopened() == 1
    box.close()


def test_a_reading_between_hearing_and_commit_is_put_right_too(tmp_path: Path) -> None:
    hands, ntp = Hands(wall_us=1_600_000_000_000_000), Ntp()
    now = clock(hands, ntp)
    box = outbox(tmp_path / "o.db", now)
    early = heard(now, 1.0)
    hands.wall_us, ntp.has_told = 1_770_000_000_000_000, True
    now.refresh()
    box.put([early], (), now.belief)
    assert opened_batch(box.ready(0, 1)[0].payload).columns[0].times_us == [1_770_000_000_000_000]
    box.close()


def test_f31_without_any_time_in_this_boot_readings_go_out_as_estimated_after_a_while(tmp_path: Path) -> None:
    hands, ntp = Hands(), Ntp()
    now = clock(hands, ntp)
    box = outbox(tmp_path / "o.db", now, hold_s=600)
    box.put([heard(now, 1.0)], (), now.belief)
    hands.move(599)
    box.tick(now.belief)
    assert box.ready(0, 1) == []
    hands.move(2)
    box.tick(now.belief)
    assert opened_batch(box.ready(0, 1)[0].payload).clock == "estimated"
    box.close()


def test_readings_of_an_earlier_boot_can_only_be_estimated(tmp_path: Path) -> None:
    hands, ntp = Hands(), Ntp()
    now = clock(hands, ntp)
    box = outbox(tmp_path / "o.db", now)
    box.put([heard(now, 1.0)], (), now.belief)
    box.close()
    ntp.has_told = True
    later = clock(hands, ntp, boot="boot-2")
    again = outbox(tmp_path / "o.db", later)
    again.tick(later.belief)
    assert opened_batch(again.ready(0, 1)[0].payload).clock == "estimated"
    again.close()


def test_e48_an_unbelieved_clock_never_starts_before_the_newest_record() -> None:
    hands = Hands(wall_us=0)
    assert clock(hands, Ntp()).now_us() >= FIRST_US
    newest_us = 1_769_000_000_000_000
    assert clock(hands, Ntp(), newest_us=newest_us).now_us() == newest_us


def test_e34_a_trusted_clock_in_1970_is_not_believed() -> None:
    hands = Hands(wall_us=5_000_000)
    now = clock(hands, Ntp(), mode="trust")
    assert not now.belief.believed
    assert rows.can_travel(now.now_us())


def test_e35_a_clock_that_was_ahead_and_steps_back_goes_on_at_once() -> None:
    hands, ntp = Hands(), Ntp()
    ntp.has_told = True
    now = clock(hands, ntp, newest_us=hands.wall_us + 10 * 86_400_000_000)
    assert now.now_us() == hands.wall_us
    hands.wall_us -= 3_600_000_000
    assert not now.refresh()
    assert now.now_us() == hands.wall_us


def test_e37_timers_do_not_see_a_step_of_the_wall_clock() -> None:
    hands, ntp = Hands(), Ntp()
    ntp.has_told = True
    now = clock(hands, ntp)
    before = now.running_us()
    hands.wall_us += 10 * 86_400_000_000
    now.refresh()
    assert now.running_us() == before


def test_losing_the_time_server_does_not_make_a_believed_clock_doubtful() -> None:
    hands, ntp = Hands(), Ntp()
    ntp.has_told = True
    now = clock(hands, ntp)
    ntp.has_told = False
    hands.move(60)
    assert not now.refresh()
    assert (now.belief.believed, now.now_us()) == (True, hands.wall_us)

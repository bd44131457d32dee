"""People who live alone: when they wake, move, sit, nap, go out and sleep, seen by a home's sensors.

A day of theirs begins when they wake and ends when they wake again, so each movement belongs to one day, and a day
is drawn from (seed, home, date) alone. Manners and numbers: sleep turns 0.004 a minute, night toilet 1.3 times, sits of
an hour with few movements, a nap after lunch, outings through the front door.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import msgspec

from edge.simulator.dice import Dice
from edge.simulator.noise import seed_of
from edge.simulator.weather import DAY_US, HOUR_US

MINUTE_US = 60_000_000
Room = Literal["living", "bedroom", "toilet", "entrance"]
_BLIND_US = MINUTE_US  # a motion sensor tells at most once in so long
_AT_NIGHT = 0.004
_SITTING = 0.03


class Step(msgspec.Struct, frozen=True, order=True):
    """One thing a sensor saw: `value` 1 is movement, or a door that opens; 0 a door that closes."""

    time_us: int
    room: Room
    value: int = 1


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """What one person is like, hours of local time and minutes.

    `longest_awake_min`, `longest_asleep_min`: never so long without any movement; 0 = as it comes.
    """

    wake_h: float = 6.25
    bed_h: float = 21.75
    spread_h: float = 0.4
    sit_min: float = 50.0
    night_toilets: float = 1.3
    outings: float = 0.8
    longest_awake_min: float = 0.0
    longest_asleep_min: float = 0.0


class Quiet(msgspec.Struct, frozen=True):
    """The story: after a last movement at `last_us` nothing more is seen in this home."""

    last_us: int


class Resident:
    """One person's movements as a function of time.

    `offset_us`: local time minus UTC. `storm_us`: from here on nobody goes out, and everybody is up and about a
    little more often (`in_storm`), as people are who listen to the wind.
    """

    def __init__(
        self, seed: int, home: str, habits: Habits, offset_us: int, storm_us: int, in_storm: Habits | None = None
    ) -> None:
        self._seed = seed_of(seed, "resident", home)
        self._habits = habits
        self._in_storm = in_storm or habits
        self._offset_us = offset_us
        self._storm_us = storm_us
        self._day = lru_cache(maxsize=64)(self._steps_of_day)

    def steps(self, from_us: int, to_us: int) -> list[Step]:
        """What is seen in [from_us, to_us), in order."""
        first = (from_us + self._offset_us) // DAY_US - 1
        last = (to_us + self._offset_us) // DAY_US
        return [s for day in range(first, last + 1) for s in self._day(day) if from_us <= s.time_us < to_us]

    def _habits_at(self, time_us: int) -> Habits:
        return self._in_storm if time_us >= self._storm_us else self._habits

    def _wake_us(self, day: int) -> int:
        dice = Dice(seed_of(self._seed, "wake", day))
        hour = self._habits.wake_h + max(-1.5, min(1.5, dice.normal(0, self._habits.spread_h)))
        return round(day * DAY_US + hour * HOUR_US) - self._offset_us

    def _steps_of_day(self, day: int) -> tuple[Step, ...]:
        wake_us, next_us = self._wake_us(day), self._wake_us(day + 1)
        habits = self._habits_at(wake_us)
        dice = Dice(seed_of(self._seed, "day", day))
        bed_us = wake_us + round((habits.bed_h - habits.wake_h + dice.normal(0, habits.spread_h)) * HOUR_US)
        awake = [Step(wake_us, "bedroom"), *self._waking(dice, wake_us, bed_us)]
        asleep = [Step(bed_us, "bedroom"), *_sleeping(dice, bed_us, next_us, habits)]
        seen = sorted(step for step in awake if step.time_us < bed_us) + sorted(
            step for step in asleep if step.time_us < next_us
        )
        return tuple(self._filled(dice, seen, bed_us, next_us))

    def _waking(self, dice: Dice, wake_us: int, bed_us: int) -> Iterator[Step]:
        habits = self._habits_at(wake_us)
        now_us = wake_us + round(dice.between(2, 6) * MINUTE_US)
        nap_us = wake_us + round(dice.between(6.5, 8.5) * HOUR_US) if dice.share() < 0.4 else bed_us
        outings = 0 if wake_us >= self._storm_us - DAY_US else dice.count(habits.outings)
        outings_us = sorted(wake_us + round(dice.between(2, 10) * HOUR_US) for _ in range(outings))
        while now_us < bed_us:
            if dice.share() < 0.3:
                yield Step(now_us, "toilet")
                now_us += round(dice.between(3, 6) * MINUTE_US)
            if outings_us and now_us >= outings_us[0]:
                outings_us.pop(0)
                steps, now_us = _going_out(dice, now_us, bed_us, habits)
            elif now_us >= nap_us:
                nap_us = bed_us
                steps, now_us = _resting(dice, now_us, "bedroom", 45, 0.01)
            elif dice.share() < 0.5:
                steps, now_us = _busy(dice, now_us)
            else:
                steps, now_us = _resting(dice, now_us, "living", habits.sit_min, _SITTING)
            yield from steps

    def _filled(self, dice: Dice, seen: list[Step], bed_us: int, next_us: int) -> Iterator[Step]:
        """The steps, one a blind time and sensor, with a turn or a cup of tea where a silence would be too long."""
        last_us: dict[Room, int] = {}
        before_us = seen[0].time_us
        for step in [*seen, Step(next_us, "bedroom")]:
            habits = self._habits_at(step.time_us)
            while (limit_us := _longest_us(habits, before_us >= bed_us)) and step.time_us - before_us > limit_us:
                before_us += round(limit_us * dice.between(0.6, 0.95))
                yield Step(before_us, "bedroom" if before_us >= bed_us else "living")
            before_us = step.time_us
            if step.time_us >= next_us:
                return
            if step.room == "entrance" or step.time_us - last_us.get(step.room, 0) >= _BLIND_US:
                last_us[step.room] = step.time_us
                yield step


def _longest_us(habits: Habits, asleep: bool) -> int:
    return round((habits.longest_asleep_min if asleep else habits.longest_awake_min) * MINUTE_US)


def _sleeping(dice: Dice, bed_us: int, next_us: int, habits: Habits) -> Iterator[Step]:
    now_us = bed_us
    while (now_us := now_us + round(dice.wait(1 / _AT_NIGHT) * MINUTE_US)) < next_us:
        yield Step(now_us, "bedroom")
    for _ in range(dice.count(habits.night_toilets)):
        up_us = bed_us + round(dice.share() * (next_us - bed_us))
        yield Step(up_us, "bedroom")
        yield Step(up_us + round(dice.between(1, 2) * MINUTE_US), "toilet")
        yield Step(up_us + round(dice.between(4, 7) * MINUTE_US), "bedroom")


def _busy(dice: Dice, now_us: int) -> tuple[list[Step], int]:
    steps, end_us = [], now_us + round(dice.between(15, 50) * MINUTE_US)
    while now_us < end_us:
        steps.append(Step(now_us, "bedroom" if dice.share() < 0.1 else "living"))
        now_us += round((1.5 + dice.wait(4.0)) * MINUTE_US)
    return steps, now_us


def _resting(dice: Dice, now_us: int, room: Room, median_min: float, rate: float) -> tuple[list[Step], int]:
    steps = [Step(now_us, room)]
    end_us = now_us + round(min(dice.lognormal(median_min, 0.5), 4 * median_min) * MINUTE_US)
    while (now_us := now_us + round(dice.wait(1 / rate) * MINUTE_US)) < end_us:
        steps.append(Step(now_us, room))
    return steps, end_us


def _going_out(dice: Dice, now_us: int, bed_us: int, habits: Habits) -> tuple[list[Step], int]:
    """Out by the door and back by it, before bedtime; nobody goes who could not be back."""
    minutes = min(dice.lognormal(75, 0.6), 300)
    if habits.longest_awake_min:
        minutes = min(minutes, 0.8 * habits.longest_awake_min)
    back_us = now_us + round(minutes * MINUTE_US)
    if back_us > bed_us - 15 * MINUTE_US:
        return [], now_us + MINUTE_US
    return [*_door(dice, now_us), *_door(dice, back_us)], back_us + MINUTE_US


def _door(dice: Dice, time_us: int) -> tuple[Step, Step]:
    open_us = round(dice.between(4, 15) * 1e6)
    return Step(time_us, "entrance", 1), Step(time_us + open_us, "entrance", 0)

"""A watched home: its person, its sensors, and what these say and when."""

from bisect import bisect_right
from collections.abc import Mapping

from edge.simulator.noise import seed_of, uniform
from edge.simulator.plan import Plan
from edge.simulator.residents import Habits, Resident, Room, Step
from edge.simulator.sensors import RadioPart
from edge.simulator.silence import last_movement_us
from edge.simulator.snow import STORM_S
from edge.simulator.weather import DAY_US
from firmware_bridge.reading import Frame

BEAT_US = 1_500_000_000  # each part says at least every 25 minutes that it lives, one after the other
_SOON_US = 60_000_000
_SHUTTING_US = 20_000_000  # a door that was opened before the last movement still falls shut
RESTLESS = Habits(
    sit_min=30, night_toilets=3.0, outings=0.5, longest_awake_min=70, longest_asleep_min=85, spread_h=0.25
)
_LISTENING = Habits(longest_awake_min=45, longest_asleep_min=75)


def resident_of(plan: Plan, home: str) -> Resident:
    """The person of that home. Of the quiet home: somebody who is never still for long, at any hour."""
    storm_us = plan.start_us - STORM_S * 1_000_000
    if plan.quiet and plan.quiet.home == home:
        return Resident(plan.seed, home, RESTLESS, plan.offset_us, storm_us)
    seed = seed_of(plan.seed, "habits", home)
    habits = Habits(
        wake_h=5.4 + 1.7 * uniform(seed, 1),
        bed_h=21.0 + 1.7 * uniform(seed, 2),
        sit_min=35 + 25 * uniform(seed, 3),
        outings=0.4 + 0.8 * uniform(seed, 4),
    )
    return Resident(plan.seed, home, habits, plan.offset_us, storm_us, in_storm=_LISTENING)


class Home:
    """Frames of one home, as a function of time."""

    def __init__(self, plan: Plan, site: str, parts: Mapping[Room, RadioPart]) -> None:
        self.site = site
        self.parts = parts
        self._seed = seed_of(plan.seed, "beats", site)
        self._resident = resident_of(plan, site)
        self._last_us: int | None = None
        if plan.quiet and plan.quiet.home == site:
            past = (plan.start_us - plan.days * DAY_US, plan.start_us)
            self._last_us = last_movement_us(
                self._resident, plan.quiet.limit, plan.quiet.crossing_us, plan.offset_us, past
            )

    def steps(self, from_us: int, to_us: int) -> list[Step]:
        """What the person does in [from_us, to_us) that a sensor of this home sees."""
        steps = self._resident.steps(from_us, to_us)
        if self._last_us is not None:
            shut_us = self._last_us + _SHUTTING_US
            steps = [s for s in steps if s.time_us < self._last_us or (s.value == 0 and s.time_us < shut_us)]
            if from_us <= self._last_us < to_us:
                steps = sorted([*steps, Step(self._last_us, "living")])
        return [step for step in steps if step.room in self.parts]

    def frames(self, from_us: int, to_us: int) -> list[Frame]:
        """What the dongle hears in [from_us, to_us): steps, and signs of life of the parts between them."""
        steps = self.steps(from_us - _SOON_US, to_us)
        told = [self.parts[step.room].heard(step.time_us, step.value) for step in steps if step.time_us >= from_us]
        for number, (room, part) in enumerate(self.parts.items()):
            times = [step.time_us for step in steps if step.room == room]
            told += [
                part.heard(beat_us, 0)
                for beat_us in self._beats(number, from_us, to_us)
                if bisect_right(times, beat_us) == bisect_right(times, beat_us - _SOON_US)
            ]
        return sorted(told, key=lambda frame: frame.time_us)

    def _beats(self, number: int, from_us: int, to_us: int) -> range:
        phase_us = round((number + 0.5 * uniform(self._seed, number)) / len(self.parts) * BEAT_US)
        first = from_us + (phase_us - from_us) % BEAT_US
        return range(first, to_us, BEAT_US)

"""The simulated world is a function of seed and time, and its stories come when they should."""

import itertools
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SettingsError
from edge.simulator.homes import Home, resident_of
from edge.simulator.noise import seed_of, smooth, white
from edge.simulator.plan import Plan, Silence, read
from edge.simulator.residents import Habits, Resident
from edge.simulator.sensors import Encoded, RadioPart
from edge.simulator.silence import Limit, last_movement_us
from edge.simulator.snow import Roof, Storm
from edge.simulator.soil import Soil
from edge.simulator.weather import DAY_US, HOUR_US, Weather
from firmware_bridge import codecs
from firmware_bridge.quantity import QUANTITIES

START_US = 1_800_000_000_000_000
OFFSET_US = 9 * HOUR_US
MINUTE_US = 60_000_000
starts = st.integers(min_value=START_US, max_value=START_US + 400 * DAY_US)
seeds = st.integers(min_value=0, max_value=10_000)


def plan_at(start_us: int, seed: int, quiet: str = "") -> Plan:
    return Plan(
        seed=seed,
        start_us=start_us,
        config="satomori.toml",
        offset_us=OFFSET_US,
        quiet=Silence(home=quiet, crossing_us=start_us + 4 * MINUTE_US) if quiet else None,
    )


def home_at(start_us: int, seed: int, quiet: bool) -> Home:
    parts = {
        room: RadioPart(seed, f"part-{number}", model, f"0400010{number}")
        for number, (room, model) in enumerate(
            (
                ("living", "enocean/a5-07-01"),
                ("bedroom", "enocean/a5-07-01"),
                ("toilet", "enocean/a5-07-01"),
                ("entrance", "enocean/d5-00-01"),
            )
        )
    }
    return Home(plan_at(start_us, seed, "home-1" if quiet else ""), "home-1", parts)


def gaps_min(times_us: list[int]) -> list[float]:
    return [(after - before) / MINUTE_US for before, after in itertools.pairwise(times_us)]


@given(seeds, st.integers(min_value=0, max_value=2**53), st.floats(min_value=1, max_value=1e6))
def test_noise_is_bounded_and_asked_again_the_same(seed: int, time_us: int, period_s: float) -> None:
    assert -1 <= white(seed, time_us) == white(seed, time_us) <= 1
    assert -1 <= smooth(seed, time_us, period_s) == smooth(seed, time_us, period_s) <= 1


@given(seeds, st.integers(min_value=0, max_value=2**53))
def test_a_slow_wander_has_no_jump(seed: int, time_us: int) -> None:
    assert abs(smooth(seed, time_us, 600) - smooth(seed, time_us + 1_000_000, 600)) < 0.01


def test_other_seeds_make_other_towns() -> None:
    here, there = (Weather(seed, OFFSET_US).air_c(START_US) for seed in (1, 2))
    assert here != there
    assert seed_of(1, "a") != seed_of("1a")


@pytest.mark.parametrize("model", ["generic/rs485-soil-7in1", "seeed/s-soil-mtec-02", "dragino/lse01"])
@pytest.mark.parametrize("depth_cm", [10.0, 30.0, 60.0])
def test_soil_is_possible_and_never_looks_stuck(model: str, depth_cm: float) -> None:
    soil = Soil(3, "soil-1", depth_cm, Weather(3, OFFSET_US))
    told: dict[str, list[float]] = defaultdict(list)
    port = 2 if model.startswith("dragino") else 0
    sensor = Encoded("soil-1", model, lambda t: {**soil.at(t), "battery_v": 3.6}, port)
    for step in range(14 * 144):
        for reading in codecs.decode(model, port, sensor.payload(START_US + step * 600_000_000)):
            told[reading.quantity].append(reading.value)
    for name, values in told.items():
        assert QUANTITIES[name].low <= min(values) <= max(values) <= QUANTITIES[name].high
        if name != "battery_v":
            longest = max(len(list(run)) for _, run in itertools.groupby(values))
            assert longest <= 12, f"{name} repeats for {longest * 10} minutes"


def test_a_storm_of_two_days_reaches_its_peak_on_time_and_eases() -> None:
    storm = Storm(peak_us=START_US, before_kg_m2=90, peak_kg_m2=270)
    roof = Roof(1, "roof-1", storm)
    minutes = [roof.load_kg_m2(START_US + minute * MINUTE_US) for minute in range(-2 * 1440, 3 * 1440)]
    assert all(after > before - 0.2 for before, after in itertools.pairwise(minutes))
    crossed = next(index for index, load in enumerate(minutes) if load >= 270)
    assert abs(crossed - 2 * 1440) <= 2
    assert minutes[0] == pytest.approx(90, abs=0.2)
    assert 270 < minutes[-1] < 285
    assert roof.depth_cm(START_US) > 100 > roof.depth_cm(START_US - 40 * HOUR_US) > 0
    assert 40 < roof.load_kg_m2(START_US - 30 * DAY_US) < 60


@given(seeds, starts)
def test_a_persons_steps_do_not_depend_on_how_they_are_asked_for(seed: int, start_us: int) -> None:
    resident = resident_of(plan_at(start_us, seed), "home-1")
    whole = resident.steps(start_us - 3 * DAY_US, start_us)
    cut = start_us - 2 * DAY_US + seed * 1_000_000
    assert whole == sorted(whole)
    assert whole == resident.steps(start_us - 3 * DAY_US, cut) + resident.steps(cut, start_us)
    assert 40 < len(whole) < 900


@given(seeds)
def test_every_door_that_opens_is_shut(seed: int) -> None:
    home = home_at(START_US, seed, quiet=False)
    door = [s.value for s in home.steps(START_US - 14 * DAY_US, START_US) if s.room == "entrance"]
    assert door == [1, 0] * (len(door) // 2)


def test_people_sleep_and_go_out_before_the_storm_and_stay_in_during_it() -> None:
    steps = resident_of(plan_at(START_US, 7), "home-1").steps(START_US - 28 * DAY_US, START_US + 2 * DAY_US)
    assert max(gaps_min([s.time_us for s in steps])) > 150
    doors = [s.time_us for s in steps if s.room == "entrance"]
    assert min(doors) < START_US - 4 * DAY_US
    assert max(doors) < START_US - 2 * DAY_US


@given(seeds, starts)
def test_nobody_else_is_quiet_for_long_while_somebody_watches(seed: int, start_us: int) -> None:
    home = home_at(start_us, seed, quiet=False)
    times = [s.time_us for s in home.steps(start_us - DAY_US, start_us + DAY_US)]
    assert max(gaps_min(times)) < 100


@given(seeds, starts)
def test_the_quiet_home_passes_its_limit_on_time_and_is_silent_from_then_on(seed: int, start_us: int) -> None:
    home = home_at(start_us, seed, quiet=True)
    steps = home.steps(start_us - 14 * DAY_US, start_us + DAY_US)
    moves = [s.time_us for s in steps if s.value]
    assert max(gaps_min(moves)) <= 95
    assert moves[-1] == start_us + 4 * MINUTE_US - 9_000_000_000
    alive = home.frames(start_us, start_us + 2 * HOUR_US)
    assert {f.device for f in alive} == {part.device for part in home.parts.values()}
    assert not any(r.value for f in alive for r in codecs.decode(f.model, 0, f.payload) if r.quantity == "motion")


def test_a_limit_that_grows_with_the_persons_own_past_is_met_too() -> None:
    resident = Resident(5, "home-1", Habits(), OFFSET_US, START_US)
    past = (START_US - 14 * DAY_US, START_US)
    last_us = last_movement_us(resident, Limit(floor_s=1.0), START_US, OFFSET_US, past)
    place = (last_us + OFFSET_US) % DAY_US // (DAY_US // 48)
    near = {(place + shift) % 48 for shift in range(-2, 3)}
    longest = max(
        after.time_us - before.time_us
        for before, after in itertools.pairwise(resident.steps(*past))
        if (before.time_us + OFFSET_US) % DAY_US // (DAY_US // 48) in near
    )
    assert START_US - last_us == round(1.3 * longest)


@given(seeds, st.integers(min_value=1, max_value=10_000))
def test_past_and_present_of_a_home_join_without_a_seam(seed: int, cut_s: int) -> None:
    home = home_at(START_US, seed, quiet=False)
    cut = START_US + cut_s * 1_000_000
    whole = home.frames(START_US - HOUR_US, START_US + 4 * HOUR_US)
    assert whole == home.frames(START_US - HOUR_US, cut) + home.frames(cut, START_US + 4 * HOUR_US)
    for part in home.parts.values():
        beats = [f.time_us for f in whole if f.device == part.device]
        assert max(gaps_min(beats)) <= 30


def test_the_plan_says_where_it_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "simulation.toml"
    path.write_text('seed = "one"\nstart_us = 1\nconfig = "x.toml"\n')
    with pytest.raises(SettingsError, match="seed"):
        read(path)
    with pytest.raises(SettingsError, match="No such file"):
        read(tmp_path / "none.toml")

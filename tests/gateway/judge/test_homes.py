import numpy as np
import pytest
from resident import DAY, minutes

from gateway.detect import Block, Grid
from gateway.detect.silence import Silence

MINUTE_US = 60_000_000
MIDNIGHT_US = 1_799_938_800_000_000  # 2027-01-15, 0:00 in Japan
OFFSET_US = 9 * 3_600_000_000
LEARN_DAYS, JUDGE_DAYS = 28, 14
NO_LIMITS = np.full((1, 1), np.nan)


def grid_from(minute: int) -> Grid:
    return Grid(MIDNIGHT_US + minute * MINUTE_US, MINUTE_US, OFFSET_US)


def judged(moved: Block, detector: Silence, *, learn_days: int = LEARN_DAYS) -> Block:
    """Scores of the days after learning, each judged with what was learned before it."""
    parts = []
    for day in range(learn_days, moved.shape[1] // DAY):
        first = max(0, day - 29) * DAY
        model = detector.learn(moved[:, first : day * DAY], grid_from(first))
        begin = max(0, day * DAY - detector.context)
        scores = detector.score(moved[:, begin : (day + 1) * DAY], grid_from(begin), NO_LIMITS, model)
        parts.append(scores[:, -DAY:])
    return np.concatenate(parts, axis=1)


def episodes(scores: Block) -> int:
    over = scores >= 1
    return int((over[:, 1:] & ~over[:, :-1]).sum() + over[:, 0].sum())


def test_well_people_are_seldom_alarmed_and_a_fall_is_noticed_long_before_twelve_hours() -> None:
    detector = Silence()
    false_alarms, hours = 0, []
    for seed in range(12):
        life = minutes(LEARN_DAYS + JUDGE_DAYS, seed)[None]
        false_alarms += episodes(judged(life, detector))
        for fall in (9 * 60, 15 * 60, 19 * 60):
            minute = LEARN_DAYS * DAY + fall
            fallen = minutes(LEARN_DAYS + 2, seed, falls_at=minute)[None]
            scores = judged(fallen, detector)[0, fall:]
            hours.append(np.flatnonzero(scores >= 1)[0] / 60)
    months = 12 * JUDGE_DAYS / 30
    assert false_alarms / months <= 1.5
    assert np.median(hours) <= 6.5
    assert max(hours) <= 24


def test_the_limit_is_the_persons_own_at_this_hour() -> None:
    row = np.zeros((1, 15 * DAY))
    row[0, ::20] = 1  # all day, every 20 minutes
    for day in range(15):  # but asleep from 22:00 to 6:00
        row[0, day * DAY + 22 * 60 : day * DAY + DAY] = 0
        row[0, day * DAY : day * DAY + 6 * 60] = 0
    detector = Silence(margin=1.5, floor_s=3600)
    limits = detector.limit_s(detector.learn(row, grid_from(0)), 1)[0] / 3600
    assert limits[43] == pytest.approx(12.5, abs=0.1)
    assert limits[20] == 1


def quiet_since(minute: int, length: int, *, heard: Block | None = None) -> Block:
    row = np.zeros((1, length))
    row[0, minute] = 1
    return row if heard is None else np.where(heard > 0, row, np.nan)


def test_before_two_weeks_are_known_the_fixed_twelve_hours_hold() -> None:
    detector = Silence()
    row = quiet_since(2000, 2881)
    model = detector.learn(np.zeros((1, 5 * DAY)), grid_from(0))
    score = detector.score(row, grid_from(0), NO_LIMITS, model)[0]
    assert score[2000 + 719] < 1 <= score[2000 + 720]
    assert "usual_s" not in detector.explain(row, grid_from(0), NO_LIMITS, model)


def test_unheard_time_does_not_age_a_silence_and_is_not_judged() -> None:
    detector = Silence()
    heard = np.ones((1, 2881))
    heard[0, 2100:2700] = 0
    score = detector.score(quiet_since(2000, 2881, heard=heard), grid_from(0), NO_LIMITS, {})[0]
    whole = detector.score(quiet_since(2000, 2881), grid_from(0), NO_LIMITS, {})[0]
    assert np.isnan(score[2100:2700]).all()
    assert score[2880] == pytest.approx(whole[2880 - 600])


def test_a_home_that_never_moved_is_not_judged_before_the_ceiling() -> None:
    score = Silence().score(np.zeros((1, 2883)), grid_from(0), NO_LIMITS, {})[0]
    assert np.isnan(score[:2880]).all()
    assert score[2881] >= 1


def test_no_habit_stretches_the_ceilings() -> None:
    detector = Silence(margin=5.0)
    row = np.zeros((1, 15 * DAY))
    row[0, :: 20 * 60] = 1  # hardly ever
    model = detector.learn(row, grid_from(0))
    quiet = quiet_since(2 * DAY - 18 * 60, 2 * DAY + 2 * DAY)
    score = detector.score(quiet, grid_from(0), NO_LIMITS, model)[0]
    first = np.flatnonzero(score[2 * DAY - 18 * 60 :] >= 1)[0]
    assert first <= 12 * 60, "twelve waking hours"


def test_a_silence_that_goes_on_teaches_nothing() -> None:
    row = np.zeros((1, 15 * DAY))
    row[0, ::60] = 1
    row[0, -10 * 60 :] = 0
    model = Silence().learn(row, grid_from(0))
    assert np.nanmax(model["longest_s"]) == 3600


def test_a_long_silence_that_was_partly_unheard_teaches_only_what_was_heard() -> None:
    row = np.zeros((1, 15 * DAY))
    row[0, ::30] = 1
    row[0, 3000:3600] = np.nan
    model = Silence().learn(row, grid_from(0))
    assert np.nanmax(model["longest_s"]) <= 1800

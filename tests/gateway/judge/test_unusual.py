import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.detect import Grid
from gateway.detect.world import World, view_of
from gateway.unusual import Told, Unusual

STEP_S = 600
START_S = 1_800_000_000
DAYS = 20
DAY = 86400 // STEP_S


def calm(series: int = 4, days: int = DAYS, seed: int = 5) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    at = np.arange(days * DAY)
    return 20 + 4 * np.sin(at * 2 * np.pi / DAY) + rng.normal(0, 0.3, (series, at.size))


def run(state: Unusual, block: NDArray[np.float64], first: int = 0) -> list[Told]:
    return [state.step(block[:, i], START_S + (first + i) * STEP_S, 32400) for i in range(block.shape[1])]


def excess(told: list[Told]) -> NDArray[np.float32]:
    return np.array([one.excess for one in told])


def test_the_first_half_alone_scores_as_in_the_whole_bit_for_bit() -> None:
    block = calm()
    block[1, 700:740] += 9
    block[2, np.arange(0, block.shape[1], 7)] = np.nan
    half = block.shape[1] // 2
    whole, state = run(Unusual(4), block), Unusual(4)
    first = run(state, block[:, :half])
    np.testing.assert_array_equal(excess(whole)[:half], excess(first))
    later = Unusual(4)
    later.restore(state.arrays())
    np.testing.assert_array_equal(excess(whole)[half:], excess(run(later, block[:, half:], half)))


@pytest.mark.parametrize("series", [0, 3])
def test_a_series_alone_scores_as_in_company_bit_for_bit(series: int) -> None:
    block = calm()
    block[3, ::3] = np.nan
    company = excess(run(Unusual(4), block))[:, series]
    np.testing.assert_array_equal(company, excess(run(Unusual(1), block[[series]]))[:, 0])


def test_a_missing_value_changes_nothing() -> None:
    block = calm(1)
    state = Unusual(1)
    run(state, block)
    before = state.arrays()
    told = state.step(np.array([np.nan]), START_S + 10_000_000)
    assert np.isnan(told.excess[0])
    assert not told.fired[0]
    for name, array in state.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_nothing_is_judged_before_a_day_and_150_values() -> None:
    told = excess(run(Unusual(1), calm(1)))[:, 0]
    assert np.isnan(told[:150]).all()
    assert np.isfinite(told[150:]).all()


@pytest.mark.parametrize(
    ("event", "view"),
    [
        (lambda x: x + np.where(np.arange(x.size) < 100, 6.0, 0), "usual"),
        (lambda x: x + 1.6, "usual"),
        (lambda x: np.full(x.size, 18.0), "noise"),
        (lambda x: x * 0 + 20 + np.random.default_rng(1).normal(0, 0.3, x.size), "usual_mean"),
    ],
)
def test_an_event_is_told_soon_once_and_by_what_shows_it(event: object, view: str) -> None:
    block = calm(1)
    begins = block.shape[1] - 3 * DAY
    assert callable(event)
    block[0, begins:] = event(block[0, begins:])
    judge, state = World(), Unusual(1)
    told = run(state, block)
    over = [i for i, one in enumerate(told) if judge.scores(one)[0] >= 1 and i >= begins - 5 * DAY]
    assert over
    assert begins <= over[0] < begins + DAY
    assert len(over) < 12
    assert view in {view_of(judge.numbers(told[i], 0)) for i in over}


def test_calm_series_stay_within_the_budget_and_a_dead_one_is_silent() -> None:
    days, series = 60, 40
    block = calm(series + 1, days)
    block[series] = 5.0
    judge = World()
    over = np.array([judge.scores(one) >= 1 for one in run(Unusual(series + 1), block)])
    assert not over[:, series].any()
    assert over[7 * DAY :].sum() / (series * (days - 7) / 30.44) <= judge.budget


def test_the_budget_is_the_knob() -> None:
    lines = [World(budget=budget).line_in_ranges() for budget in (0.03, 0.5, 2.2, 7.0)]
    assert lines == sorted(lines, reverse=True)
    assert lines[2] == pytest.approx(0.075)
    assert World(line=0.3).line_in_ranges() == 0.3


def test_a_resolution_widens_what_counts_as_the_range() -> None:
    at = np.arange(10 * DAY)
    block = np.where(at >= 9 * DAY, 20.1, 20.0)[None, :]

    def over(floor: float) -> int:
        judge = World(floor=floor)
        return int(np.nansum(judge.score(block, Grid(START_S * 10**6, STEP_S * 10**6), block[:, :1], {}) >= 1))

    assert over(0.0) > 0
    assert over(3.0) == 0


def test_a_series_takes_at_most_1200_bytes() -> None:
    assert Unusual(1000).nbytes / 1000 <= 1200

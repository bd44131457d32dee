import numpy as np
import pytest

from gateway.detect import Grid
from gateway.detect.jump import Jump
from gateway.detect.seasonal import Seasonal

GRID = Grid(1_800_000_000_000_000, 600_000_000, 9 * 3_600_000_000)
DAY = 144


def history(series: int = 5, new_days: int = 1) -> np.ndarray:
    rng = np.random.default_rng(3)
    at = np.arange(14 * DAY)
    levels = 30 + np.arange(series)[:, None]
    values = levels + np.sin(at * 2 * np.pi / DAY) + rng.normal(0, 0.2, (series, at.size))
    values[-1, : -new_days * DAY] = np.nan
    return values


def test_a_new_series_is_judged_by_its_kind_and_no_stricter_than_any_of_it() -> None:
    seasonal = Seasonal(min_days=7)
    past = history()
    model = seasonal.learn(past, GRID)
    limits = np.full((5, 1), np.nan)
    block = past[:, -DAY:]
    assert np.isnan(seasonal.score(block, GRID, limits, model)[-1]).all()
    lent = seasonal.lend(model)
    scores = seasonal.score(block, GRID, limits, lent)
    assert np.isfinite(scores[-1]).all()
    assert scores[-1].max() < 1
    for teacher in range(4):
        as_new = seasonal.score(block[[teacher]], GRID, limits[:1], {name: a[[-1]] for name, a in lent.items()})
        assert as_new.max() < 1
    wild = seasonal.score(block + 60, GRID, limits, lent)
    assert (wild[-1] > 1).all()


def test_two_teachers_are_too_few() -> None:
    seasonal = Seasonal(min_days=7)
    model = seasonal.learn(history(3), GRID)
    np.testing.assert_array_equal(seasonal.lend(model)["days"], model["days"])


@pytest.mark.parametrize("series", [3, 5])
def test_a_jump_is_lent_the_largest_scale(series: int) -> None:
    jump = Jump()
    past = history(series)
    model = jump.learn(past, GRID)
    lent = jump.lend(model)
    if series == 3:
        assert lent["values"][-1, 0] < jump.min_values
    else:
        assert lent["scale"][-1, 0] == model["scale"][:-1].max()
        assert lent["values"][-1, 0] == jump.min_values

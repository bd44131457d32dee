"""What will fail next: batteries that run down, links that fade, probes that drift from their neighbours.

All of it works on daily medians [series × day], so that a cold night or one lost packet moves nothing. NaN days are
passed over. Slopes are Theil and Sen's median of all pairwise slopes: a third of the days may be wrong.
"""

import numpy as np
from numpy.typing import NDArray

from gateway.detect import Block

Days = NDArray[np.float64]


def daily_medians(block: Block, per_day: int) -> Block:
    """[series × day] medians of a block whose rows begin at midnight; NaN with less than a quarter of the day."""
    days = block.shape[1] // per_day
    cells = np.sort(block[:, : days * per_day].reshape(block.shape[0], days, per_day), axis=2)
    number = np.isfinite(cells).sum(axis=2)
    low, high = np.maximum(number - 1, 0) // 2, np.minimum(number // 2, per_day - 1)
    middle = np.take_along_axis(cells, low[:, :, None], 2) + np.take_along_axis(cells, high[:, :, None], 2)
    return np.where(number * 4 >= max(per_day, 1), middle[:, :, 0] / 2, np.nan)


def slopes(daily: Block, least: int = 7) -> Block:
    """[series × 1] change per day; NaN with fewer than `least` days."""
    days = daily.shape[1]
    first, second = np.triu_indices(days, 1)
    pairs = (daily[:, second] - daily[:, first]) / (second - first)
    known = np.isfinite(daily).sum(axis=1) >= max(least, 2)
    out = np.full((daily.shape[0], 1), np.nan)
    if known.any():
        out[known, 0] = np.nanmedian(pairs[known], axis=1)
    return out


def days_left(daily: Block, empty: Block, least: int = 7, cold: Block | None = None, per_degree: float = 0.0) -> Block:
    """[series × 1] days until a battery (V or %) is at `empty` [series × 1], if it goes on as in these days.

    inf where it does not fall; 0 where it is there already; NaN where too little is known. `cold`: daily medians of
    the node's temperature, °C; a cold battery shows `per_degree` less for each degree below 20 °C without being
    emptier, and that is put back first.
    """
    level = daily if cold is None else daily + per_degree * np.maximum(20 - np.where(np.isnan(cold), 20, cold), 0)
    slope = slopes(level, least)
    now = _median_of_last(level, 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(slope < 0, (now - empty) / -slope, np.inf)
    left = np.where(now <= empty, 0.0, left)
    return np.where(np.isnan(slope) | np.isnan(now), np.nan, left)


def weaker_than_usual(daily: Block, recent: int = 3, least: int = 7) -> Block:
    """[series × 1] how much (dB) the last `recent` days of a radio link lie under the median of those before.

    Negative where it has become better; NaN where fewer than `least` days are known before.
    """
    before = daily[:, :-recent]
    usual = _median_of_last(before, before.shape[1])
    usual[np.isfinite(before).sum(axis=1) < least] = np.nan
    return usual - _median_of_last(daily, recent)


def drift_from_neighbours(distance: Block, learn_days: int = 28, slack: float = 1.0) -> Block:
    """[series × day] CUSUM of daily distances from the neighbours, in the row's own daily deviations.

    `distance`: daily medians of `qartod.distance_from_site`. Level and deviation come from the first `learn_days`;
    a day counts by what it lies beyond `slack` deviations. 12 is a good line: of 400 simulated probes that only differ,
    one reached it in a year, and a ramp of a third of a deviation a day reached it in two weeks. NaN while learning,
    and on days without a distance.
    Source: Page (1954), Continuous inspection schemes, Biometrika 41.
    """
    out = np.full(distance.shape, np.nan)
    start = distance[:, :learn_days]
    level, spread = _level_and_spread(start)
    up = down = np.zeros(distance.shape[0])
    for day in range(learn_days, distance.shape[1]):
        away = (distance[:, day] - level) / spread
        known = np.isfinite(away)
        up = np.where(known, np.maximum(up + away - slack, 0), up)
        down = np.where(known, np.maximum(down - away - slack, 0), down)
        out[known, day] = np.maximum(up, down)[known]
    return out


def _level_and_spread(start: Block) -> tuple[Days, Days]:
    level = _median_of_last(start, start.shape[1])
    away = np.abs(start - level)
    spread = 1.4826 * _median_of_last(away, start.shape[1])[:, 0]
    mean = np.nanmean(np.where(np.isnan(away).all(axis=1, keepdims=True), 0, away), axis=1) * 1.2533
    return level[:, 0], np.maximum(np.maximum(spread, mean), 1e-9)


def _median_of_last(daily: Block, number: int) -> Block:
    last = daily[:, -number:] if number else daily[:, :0]
    out = np.full((daily.shape[0], 1), np.nan)
    known = np.isfinite(last).any(axis=1)
    if known.any():
        out[known, 0] = np.nanmedian(last[known], axis=1)
    return out

"""Seasonal: a value far from what this series usually is at this hour of the local day.

learn: for each series and hour the median and the median absolute deviation (MAD) of the last values of that hour and
its two neighbours, day by day. score [series × time] = |x − median| ÷ (k · 1.4826 · MAD + floor). Robust: up to half
of the past may be wrong. NaN in, NaN out; NaN too for an hour seen on fewer than `min_days` days. Looks at one column
only.
Fails on: a change that is right and new (the first rain after a drought, a thaw): give it time before anybody is told.
Source: Hampel's identifier with a daily profile; 1.4826 makes the MAD of normal noise its standard deviation.
"""

from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.detect import Block, Grid, Model

HOURS = 24
_TEACHERS = 3
_HOUR_US = 3_600_000_000


class Seasonal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`k`: how many usual deviations make an alarm. `floor`: what is never unusual, in the quantity's unit."""

    k: Annotated[float, msgspec.Meta(gt=0)] = 6.0
    floor: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    min_days: Annotated[int, msgspec.Meta(ge=1)] = 7

    @property
    def context(self) -> int:
        """0: the past stands in the model."""
        return 0

    def learn(self, history: Block, grid: Grid, /) -> Model:
        """`median`, `mad` and `days` [series × 24]."""
        values, hours = _hourly(history, grid)
        shape = (history.shape[0], HOURS)
        model = {"median": np.full(shape, np.nan), "mad": np.full(shape, np.nan), "days": np.zeros(shape)}
        for hour in range(HOURS):
            near = np.isin(hours, ((hour - 1) % HOURS, hour, (hour + 1) % HOURS))
            part = values[:, near]
            middle = _median(part)
            model["days"][:, hour] = np.isfinite(values[:, hours == hour]).sum(axis=1)
            model["median"][:, hour] = middle
            model["mad"][:, hour] = _median(np.abs(part - middle[:, None]))
        return model

    def lend(self, model: Model, /) -> Model:
        """To hours that a series does not know yet, what its kind teaches: wide enough for every series that does.

        Where at least three series know an hour, the middle of theirs, and a deviation that reaches each of them.
        """
        if not model or not model["days"].size:
            return model
        ready = model["days"] >= self.min_days
        teach = ready.sum(axis=0) >= _TEACHERS
        middle = _median(np.where(ready, model["median"], np.nan).T)
        reach = np.abs(model["median"] - middle) / self.k / 1.4826 + model["mad"]
        widest = np.where(ready, reach, 0.0).max(axis=0)
        new = ~ready & teach
        return {
            "median": np.where(new, middle, model["median"]),
            "mad": np.where(new, widest, model["mad"]),
            "days": np.where(new, float(self.min_days), model["days"]),
        }

    def score(self, block: Block, grid: Grid, _limits: Block, model: Model, /) -> Block:
        """See the module."""
        if not model:
            return np.full(block.shape, np.nan)
        hours = _hours(block.shape[1], grid)
        known = np.where(model["days"] >= self.min_days, model["median"], np.nan)
        line = self.k * 1.4826 * model["mad"] + self.floor
        return np.abs(block - known[:, hours]) / line[:, hours]

    def explain(self, block: Block, grid: Grid, _limits: Block, model: Model, /) -> dict[str, float]:
        """`value`, `usual`, `low`, `high` (the alarm lines) and `hour`, of the last column."""
        hour = int(_hours(block.shape[1], grid)[-1])
        usual = float(model["median"][0, hour])
        reach = float(self.k * 1.4826 * model["mad"][0, hour] + self.floor)
        return {
            "value": float(block[0, -1]),
            "usual": usual,
            "low": usual - reach,
            "high": usual + reach,
            "hour": float(hour),
        }


def _hours(columns: int, grid: Grid) -> NDArray[np.int64]:
    local_us = grid.start_us + grid.offset_us + np.arange(columns, dtype=np.int64) * grid.step_us
    return (local_us // _HOUR_US) % HOURS


def _hourly(history: Block, grid: Grid) -> tuple[Block, NDArray[np.int64]]:
    """The last value of every clock hour [series × hours], NaN for an empty one, and each one's hour of the day."""
    rows, columns = history.shape
    local_us = grid.start_us + grid.offset_us + np.arange(columns, dtype=np.int64) * grid.step_us
    numbers = local_us // _HOUR_US
    if not columns:
        return np.empty((rows, 0)), np.empty(0, dtype=np.int64)
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    at = np.where(np.isfinite(history), np.arange(columns, dtype=np.int64), -1)
    last = np.maximum.reduceat(at, starts, axis=1)
    values = np.take_along_axis(history, np.maximum(last, 0), axis=1)
    return np.where(last < 0, np.nan, values), numbers[starts] % HOURS


def _median(block: Block) -> NDArray[np.float64]:
    """Median of each row without its NaN; NaN for an empty one."""
    rows, columns = block.shape
    if not columns:
        return np.full(rows, np.nan)
    ordered = np.sort(block, axis=1)  # NaN last
    counts = np.isfinite(ordered).sum(axis=1)
    lower = np.maximum(counts - 1, 0) // 2
    upper = np.minimum(counts // 2, columns - 1)
    at = np.arange(rows)
    middle: NDArray[np.float64] = (ordered[at, lower] + ordered[at, upper]) / 2
    return middle

"""Silence: a home is quiet for longer than this person ever was when the quiet began at this hour.

Input [homes × minutes]: 1 = something moved in that minute, 0 = heard and nothing moved, NaN = the home was not heard.
Unheard time is "cannot know": NaN there, and it does not age the silence. learn: for each half hour of the local day
the longest ended silence that began in it or within `neighbours` half hours. The limit is that times `margin`, at least
`floor_s`; `fixed_s` before `min_days` days are known or where the person never was quiet at such an hour.
score = the largest of: silence ÷ limit, its waking part (`wake_h`…`bed_h`) ÷ `awake_s`, silence ÷ `ceiling_s`.
NaN while no movement at all lies in the last `context` minutes and fewer than `ceiling_s` of them were heard.
Fails on: somebody who leaves without a door sensor; pets; a person who falls asleep for good at bedtime is found in the
morning. One longest silence is a rough measure: a bad week widens it until it leaves the window.
Source: Cuddihy et al. 2007 (learned inactivity length per home and hour), with the fixed ceilings of Japanese services.
"""

import math
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.detect import Block, Grid, Model

BINS = 48
_BIN_US = 1_800_000_000
_DAY_US = 86_400_000_000
Positive = Annotated[float, msgspec.Meta(gt=0)]


class Silence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All times in seconds of heard time; `wake_h` and `bed_h` are local hours. `step_s`: of the grid it is given."""

    margin: Annotated[float, msgspec.Meta(ge=1)] = 1.4
    floor_s: Positive = 10800.0
    fixed_s: Positive = 43200.0
    awake_s: Positive = 43200.0
    ceiling_s: Positive = 86400.0
    wake_h: Annotated[float, msgspec.Meta(ge=0, le=24)] = 6.0
    bed_h: Annotated[float, msgspec.Meta(ge=0, le=24)] = 22.0
    neighbours: Annotated[int, msgspec.Meta(ge=0, le=12)] = 3
    min_days: Annotated[int, msgspec.Meta(ge=1)] = 14
    step_s: Positive = 60.0

    @property
    def context(self) -> int:
        """Columns of twice the ceiling."""
        return math.ceil(2 * self.ceiling_s / self.step_s)

    def learn(self, history: Block, grid: Grid, /) -> Model:
        """`longest_s` [homes × 48], NaN where no silence began near; `days` [homes × 1] on which it was heard."""
        homes = history.shape[0]
        own = np.full((homes, BINS), -1.0)
        rows, columns = np.nonzero(history > 0)
        if rows.size:
            heard_s = np.cumsum(np.isfinite(history), axis=1) * (grid.step_us / 1e6)
            at = heard_s[rows, columns]
            ended = rows[1:] == rows[:-1]
            bins = _bins(columns, grid)
            np.maximum.at(own, (rows[:-1][ended], bins[:-1][ended]), np.diff(at)[ended])
        near = np.max([np.roll(own, shift, axis=1) for shift in range(-self.neighbours, self.neighbours + 1)], axis=0)
        return {"longest_s": np.where(near < 0, np.nan, near), "days": _days(history, grid)}

    def score(self, block: Block, grid: Grid, _limits: Block, model: Model, /) -> Block:
        """See the module."""
        quiet_s, awake_s, last, known = self._quiet(block, grid)
        if not block.size:
            return quiet_s
        limit_s = np.take_along_axis(self.limit_s(model, block.shape[0]), _bins(np.maximum(last, 0), grid), axis=1)
        limit_s = np.where(last < 0, self.ceiling_s, limit_s)
        score = np.maximum(quiet_s / limit_s, np.maximum(awake_s / self.awake_s, quiet_s / self.ceiling_s))
        score[~known] = np.nan
        return score

    def explain(self, block: Block, grid: Grid, _limits: Block, model: Model, /) -> dict[str, float]:
        """`quiet_s`, `awake_s`, `limit_s`, `usual_s` (longest before), `hour` it began, `last_us`, `days`: last column.

        What cannot be known is left out.
        """
        quiet_s, awake_s, last, known = self._quiet(block, grid)
        days = float(model["days"][0, 0]) if model else 0.0
        if last[0, -1] < 0:
            return {"limit_s": self.ceiling_s, "days": days} | (
                {"quiet_s": float(quiet_s[0, -1])} if known[0, -1] else {}
            )
        begin = int(_bins(last[:, -1], grid)[0])
        found = {"limit_s": float(self.limit_s(model, 1)[0, begin]), "days": days, "hour": begin / 2}
        found["last_us"] = float(grid.start_us + int(last[0, -1]) * grid.step_us)
        found["quiet_s"], found["awake_s"] = float(quiet_s[0, -1]), float(awake_s[0, -1])
        usual_s = float(model["longest_s"][0, begin]) if days >= self.min_days else math.nan
        return found if math.isnan(usual_s) else found | {"usual_s": usual_s}

    def limit_s(self, model: Model, homes: int) -> Block:
        """[homes × 48]: how long a silence that began in each half hour may last."""
        if not model:
            return np.full((homes, BINS), self.fixed_s)
        learned = np.clip(model["longest_s"] * self.margin, self.floor_s, self.ceiling_s)
        usable = (model["days"] >= self.min_days) & np.isfinite(learned)
        return np.where(usable, learned, self.fixed_s)

    def _quiet(self, block: Block, grid: Grid) -> tuple[Block, Block, NDArray[np.int64], NDArray[np.bool_]]:
        """(heard seconds since the last movement, waking ones of them, its column or −1, can it be known)."""
        columns = np.arange(block.shape[1], dtype=np.int64)
        heard = np.isfinite(block)
        last = np.maximum.accumulate(np.where(block > 0, columns, -1), axis=1)
        last[last < columns - self.context] = -1
        hour = ((grid.start_us + grid.offset_us + columns * grid.step_us) % _DAY_US) / 3.6e9
        waking = (hour >= self.wake_h) & (hour < self.bed_h)
        since = np.where(last < 0, np.maximum(columns - self.context, -1), last)
        step_s = grid.step_us / 1e6
        quiet_s = _between(heard, since) * step_s
        awake_s = _between(heard & waking, since) * step_s
        known = heard & ((last >= 0) | ((quiet_s >= self.ceiling_s) & (columns >= self.context)))
        return quiet_s, awake_s, last, known


def _between(flags: NDArray[np.bool_], since: NDArray[np.int64]) -> Block:
    """How many flags are set in the columns after `since`, up to each column."""
    total = np.cumsum(flags, axis=1, dtype=np.float64)
    before = np.take_along_axis(total, np.maximum(since, 0), axis=1) if total.size else total
    between: Block = total - np.where(since < 0, 0.0, before)
    return between


def _bins(columns: NDArray[np.int64], grid: Grid) -> NDArray[np.int64]:
    return ((grid.start_us + grid.offset_us + columns * grid.step_us) % _DAY_US) // _BIN_US


def _days(history: Block, grid: Grid) -> Block:
    if not history.size:
        return np.zeros((history.shape[0], 1))
    days = (grid.start_us + grid.offset_us + np.arange(history.shape[1], dtype=np.int64) * grid.step_us) // _DAY_US
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    heard = np.logical_or.reduceat(np.isfinite(history), starts, axis=1)
    count: Block = heard.sum(axis=1, dtype=np.float64)[:, None]
    return count

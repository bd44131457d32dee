"""Flat line: a sensor that repeats itself for longer than it ever did is probably stuck.

score [series × time]: seconds for which the newest value repeats (within `tolerance`) ÷ its limit. The limit is
`limit_s`, or `factor` times the longest repetition of the series' own past where that is more, at most `ceiling_s`:
some soils are still for a day. Missing cells inside a run are passed over unless more than `gap_s` lie between two
values. NaN in, NaN out; NaN too before `context` columns of past, and for a series that has not moved `min_moves`
times: such a channel is not connected, not stuck.
Fails on: what is truly constant for longer than ever (deep frozen soil in its first winter). Never use it on events.
Source: QARTOD real-time QC, test 8; a repetition counts from equality on (≤), so that tolerance 0 works.
"""

import math
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.detect import Block, Grid, Model

_ROWS = 256  # rows learned at a time: bounds the memory
Positive = Annotated[float, msgspec.Meta(gt=0)]


class FlatLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`tolerance`: what still counts as the same value. `step_s`: of the grid it will be given."""

    limit_s: Positive = 21600.0
    factor: Annotated[float, msgspec.Meta(ge=1)] = 2.0
    ceiling_s: Positive = 172800.0
    tolerance: Annotated[float, msgspec.Meta(ge=0)] = 1e-6
    gap_s: Positive = 5400.0
    min_moves: Annotated[int, msgspec.Meta(ge=1)] = 20
    step_s: Positive = 600.0

    @property
    def context(self) -> int:
        """Columns of the longest limit."""
        return math.ceil(max(self.limit_s, self.ceiling_s) / self.step_s)

    def learn(self, history: Block, grid: Grid, /) -> Model:
        """`moves` and `longest_s` (longest repetition that has ended) [series × 1]."""
        parts = [self._learned(history[row : row + _ROWS], grid) for row in range(0, history.shape[0], _ROWS)]
        learned = np.concatenate([np.empty((0, 2)), *parts])
        return {"moves": learned[:, :1], "longest_s": learned[:, 1:]}

    def score(self, block: Block, grid: Grid, _limits: Block, model: Model, /) -> Block:
        """See the module. Cost: two passes over the judged columns, then only over what still repeats."""
        out = np.full(block.shape, np.nan)
        context = self.context
        if not model or block.shape[1] <= context:
            return out
        judged = block[:, context:]
        run = self._run_columns(block, context, context, grid).astype(np.float64)
        out[:, context:] = run * (grid.step_us / 1e6) / self._limit_s(model)
        out[:, context:][np.isnan(judged) | (model["moves"] < self.min_moves)] = np.nan
        return out

    def explain(self, block: Block, grid: Grid, _limits: Block, model: Model, /) -> dict[str, float]:
        """`value`, `flat_s`, `limit_s`, `longest_s`; the run is followed back through the whole block."""
        back = block.shape[1] - 1
        flat_s = float(self._run_columns(block, back, back, grid)[0, -1]) * grid.step_us / 1e6
        longest_s = float(model["longest_s"][0, 0]) if model else 0.0
        limit_s = float(self._limit_s(model)[0, 0]) if model else self.limit_s
        return {"value": float(block[0, -1]), "flat_s": flat_s, "limit_s": limit_s, "longest_s": longest_s}

    def _limit_s(self, model: Model) -> Block:
        return np.clip(self.factor * model["longest_s"], self.limit_s, max(self.limit_s, self.ceiling_s))

    def _learned(self, history: Block, grid: Grid) -> Block:
        """[series × (moves, longest_s)]."""
        learned = np.zeros((history.shape[0], 2))
        rows, columns = np.nonzero(np.isfinite(history))
        if not rows.size:
            return learned
        same_row = rows[1:] == rows[:-1]
        moved = np.abs(np.diff(history[rows, columns])) > self.tolerance
        learned[:, 0] = np.bincount(rows[1:][same_row & moved], minlength=history.shape[0])
        breaks = ~same_row | moved | (np.diff(columns) * grid.step_us > self.gap_s * 1e6)
        starts = np.concatenate(([0], np.flatnonzero(breaks) + 1))
        ends = np.concatenate((starts[1:] - 1, [rows.size - 1]))
        ended = np.append(rows[starts[1:]] == rows[starts[:-1]], False)  # the last run of a row still goes on
        ended &= ends > starts
        seconds = (columns[ends[ended]] - columns[starts[ended]]) * (grid.step_us / 1e6)
        np.maximum.at(learned[:, 1], rows[starts[ended]], seconds)
        return learned

    def _run_columns(self, block: Block, first: int, reach: int, grid: Grid) -> NDArray[np.int64]:
        """[series × columns from `first` on]: how many columns back the value is the same, at most `reach`."""
        anchor = block[:, first:]
        run = np.zeros(anchor.shape, dtype=np.int64)
        if reach < 1 or not run.size:
            return run
        gap = max(1, int(self.gap_s * 1e6 // grid.step_us))
        before = block[:, first - 1 : -1]
        same = np.abs(before - anchor) <= self.tolerance
        run[same] = 1
        rows, columns = np.nonzero((same | np.isnan(before)) & np.isfinite(anchor))
        for back in range(2, reach + 1):
            if not rows.size:
                break
            value = block[rows, columns + (first - back)]
            same_here = np.abs(value - anchor[rows, columns]) <= self.tolerance
            run[rows[same_here], columns[same_here]] = back
            alive = same_here | (np.isnan(value) & (back - run[rows, columns] < gap))
            rows, columns = rows[alive], columns[alive]
        return run

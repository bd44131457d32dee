"""World: a series is where, or moves as, it has not within its memory: unusual, but possibly true.

score [series × time]: excess over the range shown so far (see gateway/unusual.py) ÷ the line; an event is scored once,
when it begins and when it grows, and 0 is what is not worth telling. NaN in, NaN out; NaN too before 150 values and a
whole day. The knob is `budget`: alarms a series and month that are borne; the line follows from what 31 public series
raised outside their known events (docs/judge-report.html). Other series raise more or fewer.
A stream: the model is the state after the last column, and `carry` brings it on; it needs no other past.
Fails on: what returns more rarely than its memory of some 5,000 values (every season's first is new to it); a change
slower than its memory; a fault of the sensor looks like an event of the world: ask the quality tests first.
Source: records of a leaking range over level, usual day, noise and shift; the usual day as in Holt and Winters' season.
"""

from collections import deque
from collections.abc import Iterator
from typing import Annotated, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.detect import Block, Grid, Model
from gateway.unusual import VIEWS, Told, Tuning, Unusual

# alarms a series and month outside known events, by line: 31 public series of servers, roads, prices and rooms
_RAISED = (7.0, 5.2, 3.85, 3.1, 2.5, 2.2, 2.0, 1.8, 1.55, 1.25, 0.8, 0.5, 0.22, 0.1, 0.03)
_LINES = (0.03, 0.04, 0.05, 0.06, 0.07, 0.075, 0.08, 0.09, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5, 1.0)
_STATE = {"rows": np.float32, "profile": np.float32, "known": np.uint8, "count": np.uint32}


class World(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`budget`: alarms a series and month. `floor`: a range is at least this, in the quantity's unit: its resolution.

    `line`: in ranges; 0 takes the budget's. `min_days`: how long it listens to a series before it says anything.
    """

    budget: Annotated[float, msgspec.Meta(ge=0.03, le=7.0)] = 2.2
    floor: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    line: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    min_days: Annotated[float, msgspec.Meta(ge=1)] = 1.0

    @property
    def context(self) -> int:
        """0: the past stands in the model."""
        return 0

    def line_in_ranges(self) -> float:
        """The excess that scores 1."""
        if self.line:
            return self.line
        return float(np.exp(np.interp(-np.log(self.budget), -np.log(_RAISED), np.log(_LINES))))

    def learn(self, history: Block, grid: Grid, /) -> Model:
        """The state after the history, first axis the series."""
        state = self.state({}, history.shape[0])
        deque(_steps(state, history, grid), maxlen=0)
        return _model(state)

    def carry(self, block: Block, grid: Grid, model: Model, /) -> Model:
        """The state after these columns too."""
        state = self.state(model, block.shape[0])
        deque(_steps(state, block, grid), maxlen=0)
        return _model(state)

    def score(self, block: Block, grid: Grid, _limits: Block, model: Model, /) -> Block:
        """See the module. The block follows the model's last column."""
        out = np.full(block.shape, np.nan)
        for column, told in enumerate(_steps(self.state(model, block.shape[0]), block, grid)):
            out[:, column] = self.scores(told)
        return out

    def scores(self, told: Told) -> NDArray[np.float64]:
        """[series] of one step."""
        scores = np.where(told.fired, told.excess, 0).astype(np.float64) / self.line_in_ranges()
        scores[np.isnan(told.excess)] = np.nan
        return scores

    def explain(self, block: Block, grid: Grid, _limits: Block, model: Model, /) -> dict[str, float]:
        """`value` and, where the last column is worth telling, the numbers of `numbers`."""
        last = deque(_steps(self.state(model, 1), block, grid), maxlen=1)
        return {"value": float(block[0, -1]), **self.numbers(last[0], 0)}

    def numbers(self, told: Told, row: int) -> dict[str, float]:
        """Of one step and series: `usual`, `view`, `seen` (that view's value), its `low` and `high`, `score`."""
        if not told.fired[row]:
            return {}
        return {
            "usual": float(told.usual[row]),
            "view": float(told.view[row]),
            "seen": float(told.value[row]),
            "low": float(told.low[row]),
            "high": float(told.high[row]),
            "score": float(told.excess[row]) / self.line_in_ranges(),
        }

    def state(self, model: Model, series: int) -> Unusual:
        """The running state that a model holds; a new one where it holds none."""
        state = Unusual(series, Tuning(mute_days=self.min_days), self.floor)
        if model:
            state.restore({name: model[name].astype(dtype) for name, dtype in _STATE.items()})
        return state


def view_of(numbers: dict[str, float]) -> str:
    """Name of the view that numbers speak of; "" for none."""
    return VIEWS[int(numbers["view"])] if "view" in numbers else ""


def _model(state: Unusual) -> Model:
    return {name: cast("Block", array.astype(np.float64)) for name, array in state.arrays().items()}


def _steps(state: Unusual, block: Block, grid: Grid) -> Iterator[Told]:
    for column in range(block.shape[1]):
        second = (grid.start_us + column * grid.step_us) // 1_000_000
        yield state.step(block[:, column], second, grid.offset_us // 1_000_000)


__all__ = ["World", "view_of"]

"""Range: a value at or over what this place, or this quantity, can bear.

score [series × time], three ways, the first that is set:
- `quantity`: what is physically possible on Earth. |x − middle| ÷ half the span; both ends are still possible (< 1).
- `low`, `high`: the same between two limits of yours; with only one of them 1 + distance ÷ `span`.
- else the site's own limit: x ÷ (limit × `ratio`). A roof is judged against its own design load, never against one
  number for all; a site without a limit is not judged (NaN).
NaN in, NaN out. Looks at one column only, learns nothing.
Fails on: a sensor that lies inside the range.
Source: QARTOD real-time QC, test 4 (gross range).
"""

import math
from typing import Annotated

import msgspec
import numpy as np

from firmware_bridge.quantity import QUANTITIES
from gateway.detect import Block, Grid, Model

_ENDS = 1 + 1e-6  # the ends themselves are allowed


class Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`ratio`: share of the site's limit that scores 1. `span`: distance worth one point, for one-sided limits."""

    ratio: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    low: float | None = None
    high: float | None = None
    span: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    quantity: str = ""

    def __post_init__(self) -> None:
        """ValueError for a quantity nobody defined, or limits the wrong way round."""
        if self.quantity and self.quantity not in QUANTITIES:
            raise ValueError(f"quantity to be a known one, got {self.quantity!r}")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low to be under high, got {self.low} and {self.high}")

    @property
    def context(self) -> int:
        """0: a value is judged by itself."""
        return 0

    def learn(self, _history: Block, _grid: Grid, /) -> Model:
        """Nothing to learn."""
        return {}

    def score(self, block: Block, _grid: Grid, limits: Block, _model: Model, /) -> Block:
        """See the module."""
        low, high = self._span()
        if low is None and high is None:
            return np.divide(block, limits * self.ratio)
        if low is not None and high is not None:
            return np.abs(block - (low + high) / 2) / ((high - low) / 2 * _ENDS)
        over = block - high if high is not None else (low or 0.0) - block
        return np.maximum(1 + over / self.span, 0.0)

    def explain(self, block: Block, _grid: Grid, limits: Block, _model: Model, /) -> dict[str, float]:
        """`value`, and `limit`, `percent` of it, or `low` and `high`."""
        value = float(block[0, -1])
        low, high = self._span()
        if low is None and high is None:
            limit = float(limits[0, 0])
            return {"value": value, "limit": limit, "percent": 100 * value / limit if limit else math.nan}
        ends = {"low": low, "high": high}
        return {"value": value, **{name: end for name, end in ends.items() if end is not None}}

    def _span(self) -> tuple[float | None, float | None]:
        if self.quantity:
            return QUANTITIES[self.quantity].low, QUANTITIES[self.quantity].high
        return self.low, self.high

"""Jump: a value further from the last few than this series ever goes in one step.

learn: the distance of every value from the median of the `last` values before it; its quantile `share` is the series'
own scale. score [series × time] = distance ÷ (`factor` × scale + `floor`). Robust: one wild value moves no median.
NaN in, NaN out; NaN too without any of the last values, or with fewer than `min_values` in the history.
Fails on: a slow drift; a series that jumps by nature (a pump that switches): its scale is then its jump.
Source: causal Hampel identifier, scaled by the series' own record instead of a Gaussian sigma.
"""

from typing import Annotated

import msgspec
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gateway.detect import Block, Grid, Model

_CHUNK = 65536
_TEACHERS = 3


class Jump(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`floor` is in the quantity's unit: what is never a jump."""

    last: Annotated[int, msgspec.Meta(ge=1, le=99)] = 5
    factor: Annotated[float, msgspec.Meta(gt=0)] = 2.0
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.998
    floor: Annotated[float, msgspec.Meta(gt=0)] = 0.1
    min_values: Annotated[int, msgspec.Meta(ge=2)] = 150

    @property
    def context(self) -> int:
        """The last values before the judged one."""
        return self.last

    def learn(self, history: Block, _grid: Grid, /) -> Model:
        """`scale` and `values` [series × 1]."""
        away = self._away(history)
        ordered = np.sort(away, axis=1)
        count = np.isfinite(away).sum(axis=1)
        at = np.clip(np.ceil(count * self.share).astype(np.int64) - 1, 0, max(0, history.shape[1] - 1))
        scale = ordered[np.arange(history.shape[0]), at] if history.shape[1] else np.zeros(history.shape[0])
        return {"scale": np.nan_to_num(scale)[:, None], "values": count.astype(np.float64)[:, None]}

    def lend(self, model: Model, /) -> Model:
        """To a series that is too new, the largest scale of its kind, where at least three series know theirs."""
        ready = model["values"] >= self.min_values if model else np.zeros((0, 1), dtype=np.bool_)
        if ready.sum() < _TEACHERS:
            return model
        scale = np.where(ready, model["scale"], model["scale"][ready].max())
        return {"scale": scale, "values": np.where(ready, model["values"], float(self.min_values))}

    def score(self, block: Block, _grid: Grid, _limits: Block, model: Model, /) -> Block:
        """See the module."""
        if not model:
            return np.full(block.shape, np.nan)
        scale = np.where(model["values"] >= self.min_values, model["scale"], np.nan)
        return self._away(block) / (self.factor * scale + self.floor)

    def explain(self, block: Block, grid: Grid, limits: Block, model: Model, /) -> dict[str, float]:
        """`value`, `before` (median of the last ones), `away` and `usual` (the largest usual distance)."""
        value, away = float(block[0, -1]), float(self._away(block[:, -1 - self.last :])[0, -1])
        before = _median(block[:, None, -1 - self.last : -1])[0, 0] if block.shape[1] > 1 else np.nan
        usual = float(model["scale"][0, 0]) if model else np.nan
        score = float(self.score(block[:, -1 - self.last :], grid, limits, model)[0, -1])
        return {"value": value, "before": float(before), "away": away, "usual": usual, "score": score}

    def _away(self, block: Block) -> Block:
        """Distance of every value from the median of the `last` before it; NaN in the first `last` columns."""
        out = np.full(block.shape, np.nan)
        for start in range(self.last, block.shape[1], _CHUNK):
            end = min(start + _CHUNK, block.shape[1])
            before = sliding_window_view(block[:, start - self.last : end - 1], self.last, axis=1)
            out[:, start:end] = np.abs(block[:, start:end] - _median(before))
        return out


def _median(windows: NDArray[np.float64]) -> Block:
    """Median along the last axis without NaN; NaN where nothing is."""
    ordered = np.sort(windows, axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    lower = (np.maximum(count - 1, 0) // 2)[..., None]
    upper = np.minimum(count // 2, windows.shape[-1] - 1)[..., None]
    middle: Block = (np.take_along_axis(ordered, lower, -1) + np.take_along_axis(ordered, upper, -1))[..., 0] / 2
    return middle

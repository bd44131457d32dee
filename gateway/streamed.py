"""A table judged as a stream, row by row and all its series at once, by the world judge.

Rows closer than two and a half minutes are first brought to means of five: what they say is then told with the first
row after those five minutes, when they are known. Every other row of such a table is not judged (NaN).
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.detect.world import World, view_of

_FAST_US = 150_000_000
_CELL_US = 300_000_000
Reasons = dict[int, dict[str, float | str]]


class Streamed(msgspec.Struct, frozen=True):
    """Of one series: its score by row, and the numbers of each row over the line."""

    scores: NDArray[np.float64]
    reasons: Reasons


def streamed(
    world: World, times_us: NDArray[np.int64], values: NDArray[np.float64], offset_us: int, step_us: int
) -> list[Streamed]:
    """Judge values [series × rows] in order of time. NaN in, NaN out; nothing looks ahead."""
    size = times_us.size
    rows = np.arange(size)
    if step_us < _FAST_US:
        rows, times_us, values = _pooled(times_us, values)
    state = world.state({}, values.shape[0])
    scores = np.full((values.shape[0], size), np.nan)
    reasons: list[Reasons] = [{} for _ in range(values.shape[0])]
    seconds, offset_s = (times_us // 1_000_000).tolist(), offset_us // 1_000_000
    columns = np.ascontiguousarray(values.T)
    for place, row in enumerate(rows.tolist()):
        told = state.step(columns[place], seconds[place], offset_s)
        scores[:, row] = world.scores(told)
        for series in np.flatnonzero(scores[:, row] >= 1).tolist():
            numbers = world.numbers(told, series)
            shown = {name: number for name, number in numbers.items() if name != "view"}
            reasons[series][row] = {"view": view_of(numbers), **shown}
    return [Streamed(one, why) for one, why in zip(scores, reasons, strict=True)]


def _pooled(
    times_us: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(row that tells, its cell's time, means [series × cells]) of every cell that a later row has closed."""
    cells = times_us // _CELL_US
    starts = np.flatnonzero(np.diff(cells, prepend=cells[0] - 1))
    known = np.isfinite(values)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts, axis=1)
    counts = np.add.reduceat(known.astype(np.int64), starts, axis=1)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return starts[1:], cells[starts[:-1]] * _CELL_US, means[:, :-1]


__all__ = ["Streamed", "streamed"]

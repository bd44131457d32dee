"""Long flat stretches of hourly soil moisture: low ones after a drop (D09), saturated ones (D10).

Missing hours are left out before anything is measured, so a plateau may bridge a gap.
Source: Dorigo et al. (2013), equations 10 to 14, in the form ISMN applies them.
"""

import numpy as np
from numpy.typing import NDArray

from gateway.detect import Block
from gateway.quality.windows import highest, lowest, means, packed, shifted, unpacked, variances

Mask = NDArray[np.bool_]
_SAME = 1e-9  # running sums and decimal steps are exact to here


def low(moisture: Block, drop: Mask) -> Mask:
    """D09: from a drop (D07) on while the relative variance of the 13 h ahead stays below 0.001; 13 h at least."""
    order, (kept, dropped) = packed(moisture, drop.astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.round(variances(kept, 0, 12, 13), 4) / np.round(means(kept, 0, 12, 13), 4)
    relative[np.isnan(relative) & (kept == 0)] = 0.0
    begins = (dropped == 1) & (relative < 0.001)
    ends = (relative - shifted(relative, -1) >= 0.001) & ~begins
    inside = _held(begins, ends)
    lasting = highest(inside.astype(np.float64), 12, 0) > 0
    lasting[:, :12] = False
    return unpacked(order, lasting & np.isfinite(kept))


def _held(begins: Mask, ends: Mask) -> Mask:
    """True from each beginning to the next end."""
    at = np.arange(begins.shape[1])
    begun = np.maximum.accumulate(np.where(begins, at, -1), axis=1)
    ended = np.maximum.accumulate(np.where(ends, at, -1), axis=1)
    return begun > ended


def high(moisture: Block, slope: Block, highest_pct: Block | None) -> Mask:
    """D10: variance of 12 h at most 0.05, entered by a rise, left by a fall, mean above 95 % of the highest value.

    `slope`: first derivative. `highest_pct` [series × 1]: highest value below 60 %; the block's own where NaN.
    """
    own = np.max(np.where(moisture < 60, moisture, -np.inf), axis=1, keepdims=True, initial=-np.inf)
    top = own if highest_pct is None else np.where(np.isnan(highest_pct), own, highest_pct)
    order, (kept, kept_slope) = packed(moisture, slope)
    calm = variances(kept, 0, 11, 12) <= 0.05 + _SAME
    edges = np.diff(np.pad(calm, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, first = np.nonzero(edges == 1)
    last = np.nonzero(edges == -1)[1] - 1
    length = np.isfinite(kept).sum(axis=1)[rows]
    rise = highest(kept_slope, 12, 12)[rows, np.minimum(first, length - 1)]
    fall = lowest(kept_slope, 0, 24)[rows, np.minimum(last, length - 1)]
    peak = highest(kept, 0, 11)  # no plateau is higher than its highest value: most are settled by that
    peak = np.maximum(peak[rows, first], np.maximum(peak[rows, last], _best_between(kept, rows, first, last)))
    likely = (np.round(rise, 3) >= 0.25) & (np.round(fall, 3) < 0) & (peak > 0.95 * top[rows, 0])
    out = np.zeros(moisture.shape, dtype=np.bool_)
    for at in np.flatnonzero(likely).tolist():
        row, begin, end = int(rows[at]), int(first[at]), min(int(last[at]) + 12, int(length[at]))
        start, stop = _from_rise_to_fall(kept_slope[row, begin:end], float(rise[at]), float(fall[at]))
        if start < stop and kept[row, begin + start : begin + stop].mean() > 0.95 * top[row, 0]:
            out[row, begin + start : begin + stop] = True
    return unpacked(order, out & np.isfinite(kept))


def _best_between(kept: Block, rows: NDArray[np.intp], first: NDArray[np.intp], last: NDArray[np.intp]) -> Block:
    """Highest value from `first` to `last` of each row."""
    if not rows.size:
        return np.empty(0)
    width = kept.shape[1]
    bounds = np.stack([rows * width + first, rows * width + last], axis=1).ravel()
    return np.maximum(np.fmax.reduceat(kept.ravel(), bounds)[::2], kept[rows, last])


def _from_rise_to_fall(slope: Block, rise: float, fall: float) -> tuple[int, int]:
    """First and one past the last hour of what is judged: from the rise to the fall where they lie inside."""
    rises = np.flatnonzero(np.abs(slope - rise) <= _SAME)
    falls = np.flatnonzero(np.abs(slope - fall) <= _SAME)
    return int(rises[0]) if rises.size else 0, int(falls[0]) + 1 if falls.size else slope.size

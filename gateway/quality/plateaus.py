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
    out = np.zeros(moisture.shape, dtype=np.bool_)
    for row, begin, end, up, down in zip(rows, first, last, rise, fall, strict=True):
        if np.round(up, 3) >= 0.25 and np.round(down, 3) < 0:
            _mark(out[row], kept[row], kept_slope[row], (begin, min(end + 11, kept.shape[1] - 1), up, down, top[row, 0]))
    return unpacked(order, out & np.isfinite(kept))


def _mark(out: Mask, kept: Block, slope: Block, plateau: tuple[int, int, float, float, float]) -> None:
    begin, end, up, down, top = plateau
    within = slope[begin : end + 1]
    rises = np.flatnonzero(np.abs(within - up) <= _SAME)
    falls = np.flatnonzero(np.abs(within - down) <= _SAME)
    start = begin + int(rises[0]) if rises.size else begin
    stop = begin + int(falls[0]) if falls.size else end
    if start <= stop and np.nanmean(kept[start : stop + 1]) > 0.95 * top:
        out[start : stop + 1] = True

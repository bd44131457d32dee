"""Real-time quality tests after QARTOD, each one pure function: `[series × time]` in, one word a cell out.

Words: GOOD 1, UNKNOWN 2 (cannot be judged), SUSPECT 3, FAIL 4, MISSING 9 (no value: always, in every test). A limit is
a number or an array [series × 1]; NaN is "no limit". `times_s` [time] grows; a missing value is passed over, so a rate
is measured to the last value there was. Only `spike` looks ahead, by one column.
Source: US IOOS, Manual for Real-Time Quality Control of In-situ Temperature and Salinity Data, tests 1 and 4 to 10.
"""

from enum import IntEnum
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.detect import Block
from gateway.quality import windows

Words = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Times = NDArray[np.float64]
Limit = float | Block


class Word(IntEnum):
    """What a test says of a value; the numbers are QARTOD's."""

    GOOD = 1
    UNKNOWN = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


_PRIORITY = np.zeros(10, dtype=np.uint8)
_PRIORITY[[Word.MISSING, Word.UNKNOWN, Word.GOOD, Word.SUSPECT, Word.FAIL]] = range(1, 6)


class Span(msgspec.Struct, frozen=True):
    """Lowest and highest value that is still fine, each a number or [series × 1]; NaN is no limit on that side."""

    low: Limit = np.nan
    high: Limit = np.nan

    def outside(self, block: Block) -> Mask:
        """Where a value lies outside; the ends are inside."""
        outside: Mask = (block < self.low) | (block > self.high)
        return outside


def worst(*answers: Words) -> Words:
    """One word of several tests: FAIL before SUSPECT before GOOD before UNKNOWN before MISSING."""
    out = answers[0].copy()
    for one in answers[1:]:
        out = np.where(_PRIORITY[one] > _PRIORITY[out], one, out)
    return out


def gross_range(block: Block, fail: Span, suspect: Span | None = None) -> Words:
    """Can the sensor (`fail`) or the place (`suspect`) give such a value at all?"""
    return _answer(block, np.False_ if suspect is None else suspect.outside(block), fail.outside(block))


def climatology(block: Block, month: NDArray[np.int64], suspect: Block, fail: Block | None = None) -> Words:
    """Is it usual for the month? `month` [time] 1 to 12; `suspect`, `fail` [series or 1 × 12 × (low, high)].

    UNKNOWN where the month has no limits (NaN).
    """
    low, high = suspect[:, month - 1, 0], suspect[:, month - 1, 1]
    doubtful = (block < low) | (block > high)
    impossible = np.zeros(block.shape, dtype=np.bool_)
    unknown = np.isnan(low) & np.isnan(high)
    if fail is not None:
        low, high = fail[:, month - 1, 0], fail[:, month - 1, 1]
        impossible = (block < low) | (block > high)
        unknown = unknown & np.isnan(low) & np.isnan(high)
    return _answer(block, doubtful, impossible, unknown)


def spike(block: Block, suspect: Limit, fail: Limit, method: Literal["average", "differential"] = "average") -> Words:
    """Does it stand out from the value before and after it? UNKNOWN at the ends and beside a missing value.

    average: distance from the mean of both. differential: the smaller of the two steps where they go opposite ways,
    which a steep but honest rise never has.
    """
    before, after = windows.shifted(block, -1), windows.shifted(block, 1)
    if method == "average":
        away = np.abs(block - (before + after) / 2)
    else:
        up, down = block - before, after - block
        away = np.where(up * down < 0, np.minimum(np.abs(up), np.abs(down)), 0.0)
    return _answer(block, away > suspect, away > fail, np.isnan(before) | np.isnan(after))


def rate_of_change(block: Block, times_s: Times, suspect_per_s: Limit, fail_per_s: Limit = np.nan) -> Words:
    """Did it change faster than it can since the last value? UNKNOWN for the first value."""
    value, at_s = _last_before(block, times_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.abs(block - value) / (times_s - at_s)
    return _answer(block, rate > suspect_per_s, rate > fail_per_s, np.isnan(value))


def flat_line(block: Block, times_s: Times, suspect_s: float, fail_s: float, tolerance: Limit, least: int = 3) -> Words:
    """Has it stayed within `tolerance` (inclusive: 0 finds equal values) for so long?

    Judged from the last column at least so old to now, so that a pause makes no value flat. UNKNOWN while it has not
    moved, but less than `suspect_s` is known or the pause left fewer than `least` values.
    """
    known_s = times_s - _first_time(block, times_s)
    flat: list[Mask] = []
    thin = np.zeros(block.shape, dtype=np.bool_)
    for limit_s in (fail_s, suspect_s):
        first = np.maximum(np.searchsorted(times_s, times_s - limit_s, side="right") - 1, 0)
        still = _range_from(block, first) <= tolerance
        thin = still & ((known_s < limit_s) | (_over(np.isfinite(block).astype(np.float64), first) < least))
        flat.append(still & ~thin)
    return _answer(block, flat[1], flat[0], thin)


def attenuated(
    block: Block,
    times_s: Times,
    window_s: float,
    suspect: Limit,
    fail: Limit,
    *,
    measure: Literal["std", "range"] = "std",
    least: int = 2,
) -> Words:
    """Does it still move, by standard deviation or range over (t − `window_s`, t]? UNKNOWN under `least` values."""
    first = np.searchsorted(times_s, times_s - window_s, side="right")
    number = _over(np.isfinite(block).astype(np.float64), first)
    if measure == "range":
        moved = _range_from(block, first)
    else:
        centre = np.nan_to_num(block).sum(axis=1, keepdims=True) / np.maximum(np.isfinite(block).sum(1)[:, None], 1)
        away = np.nan_to_num(block - centre)
        mean = _over(away, first) / np.maximum(number, 1)
        moved = np.sqrt(np.maximum(_over(away * away, first) / np.maximum(number, 1) - mean * mean, 0))
    return _answer(block, moved < suspect, moved < fail, number < least)


def gap(block: Block, times_s: Times, suspect_s: float, fail_s: float) -> Words:
    """Did it come so late after the value before it that something was lost? UNKNOWN for the first value."""
    _, at_s = _last_before(block, times_s)
    late_s = times_s - at_s
    return _answer(block, late_s > suspect_s, late_s > fail_s, np.isnan(late_s))


def neighbours(
    block: Block, site: NDArray[np.int64], usual: Block, suspect: Limit, fail: Limit, least: int = 2
) -> Words:
    """Does it agree with the others of its site? `site` [series]; rows of one site measure one quantity.

    Distance from the site's median at the same time, after taking off `usual` [series × 1], the row's own learned
    distance from it. UNKNOWN where fewer than `least` others have a value, or `usual` is NaN.
    """
    away = distance_from_site(block, site, least) - usual
    return _answer(block, np.abs(away) > suspect, np.abs(away) > fail, np.isnan(away))


def distance_from_site(block: Block, site: NDArray[np.int64], least: int = 2) -> Block:
    """Each value minus its site's median at that time; NaN with fewer than `least` other values there.

    The median counts the value itself too: of three, the odd one moves it no further than to its neighbour.
    """
    out = np.full(block.shape, np.nan)
    for one in np.unique(site):
        rows = np.flatnonzero(site == one)
        enough = np.isfinite(block[rows]).sum(axis=0) > least
        if enough.any():
            here = block[np.ix_(rows, enough)]
            out[np.ix_(rows, enough)] = here - np.nanmedian(here, axis=0)
    return out


def _answer(
    block: Block, suspect: Mask | np.bool_, fail: Mask | np.bool_, unknown: Mask | np.bool_ = np.False_
) -> Words:
    out = np.full(block.shape, Word.GOOD, dtype=np.uint8)
    for where, word in ((suspect, Word.SUSPECT), (fail, Word.FAIL), (unknown, Word.UNKNOWN)):
        out[np.broadcast_to(where, block.shape)] = word
    out[np.isnan(block)] = Word.MISSING
    return out


def _last_before(block: Block, times_s: Times) -> tuple[Block, Block]:
    """(value, time) of the last value before each cell; NaN where there is none."""
    at = np.where(np.isfinite(block), np.arange(block.shape[1]), -1)
    last = np.full(block.shape, -1)
    last[:, 1:] = np.maximum.accumulate(at, axis=1)[:, :-1]
    value = np.take_along_axis(block, np.maximum(last, 0), axis=1) if block.size else block.copy()
    when = times_s[np.maximum(last, 0)] if block.size else block.copy()
    return np.where(last < 0, np.nan, value), np.where(last < 0, np.nan, when)


def _first_time(block: Block, times_s: Times) -> Block:
    known = np.isfinite(block)
    if not block.size:
        return np.empty((block.shape[0], 1))
    return np.where(known.any(axis=1), times_s[np.argmax(known, axis=1)], np.inf)[:, None]


def _range_from(block: Block, first: NDArray[np.intp]) -> Block:
    """Highest minus lowest value from column `first[t]` to t; −inf without a value."""
    top, low = np.where(np.isnan(block), -np.inf, block), np.where(np.isnan(block), np.inf, block)
    width = np.arange(block.shape[1]) - first + 1
    out = np.empty(block.shape)
    span = 1  # top[:, t] and low[:, t] cover the `span` columns to t
    while True:
        now = np.flatnonzero((width >= span) & (width < 2 * span))
        early = first[now] + span - 1
        out[:, now] = np.maximum(top[:, now], top[:, early]) - np.minimum(low[:, now], low[:, early])
        if width.size == 0 or width.max() < 2 * span:
            return out
        top[:, span:] = np.maximum(top[:, span:], top[:, :-span])
        low[:, span:] = np.minimum(low[:, span:], low[:, :-span])
        span *= 2


def _over(values: Block, first: NDArray[np.intp]) -> Block:
    """Sum from column `first[t]` to t."""
    running = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=running[:, 1:])
    return running[:, 1:] - running[:, first]

"""Moving windows over `[series × time]` blocks: sums, moments and extremes in a few passes, whatever the width.

Every window covers the columns [t − before, t + after] that exist; NaN cells are passed over. Moments are taken from
running sums of the values minus their row's mean, so that a far-away level costs no digits.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gateway.detect import Block

Counts = NDArray[np.int64]
_N = TypeVar("_N", np.int64, np.float64)


def shifted(block: Block, by: int) -> Block:
    """The value `by` columns later (earlier where negative); NaN where there is none."""
    out = np.full(block.shape, np.nan)
    width = block.shape[1]
    if abs(by) < width:
        out[:, max(0, -by) : width - max(0, by)] = block[:, max(0, by) : width + min(0, by)]
    return out


def packed(block: Block, *others: Block) -> tuple[NDArray[np.intp], list[Block]]:
    """(order, blocks): the cells where `block` has a value moved to the front of each row, NaN behind them.

    `unpacked` brings a result back.
    """
    empty = np.isnan(block)
    order = np.argsort(empty, axis=1, kind="stable")
    moved = [np.take_along_axis(one, order, axis=1) for one in (block, *others)]
    behind = np.take_along_axis(empty, order, axis=1)
    for one in moved:
        one[behind] = np.nan
    return order, moved


def unpacked(order: NDArray[np.intp], result: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`result` at the columns its cells came from."""
    out = np.empty_like(result)
    np.put_along_axis(out, order, result, axis=1)
    return out


def counts(block: Block, before: int, after: int) -> Counts:
    """How many values each window has."""
    return _moving(np.isfinite(block).astype(np.int64), before, after)


def sums(block: Block, before: int, after: int) -> Block:
    """Sum of each window; 0 without a value."""
    return _moving(np.nan_to_num(block), before, after)


def means(block: Block, before: int, after: int, least: int = 1) -> Block:
    """Mean of each window; NaN with fewer than `least` values."""
    centre = _centre(block)
    number = counts(block, before, after)
    out = _moving(np.nan_to_num(block - centre), before, after) / np.maximum(number, 1) + centre
    out[number < least] = np.nan
    return out


def variances(block: Block, before: int, after: int, least: int = 2, ddof: int = 1) -> Block:
    """Variance of each window; NaN with fewer than `least` values (at least 1 + `ddof`)."""
    away = np.nan_to_num(block - _centre(block))
    number = counts(block, before, after)
    total = _moving(away, before, after)
    squares = _moving(away * away, before, after)
    out = np.maximum(squares - total * total / np.maximum(number, 1), 0) / np.maximum(number - ddof, 1)
    out[number < max(least, 1 + ddof)] = np.nan
    return out


def lowest(block: Block, before: int, after: int) -> Block:
    """Smallest value of each window; +inf without a value. Cost: log2(width) passes."""
    return _extremes(np.where(np.isnan(block), np.inf, block), before, after, np.minimum, np.inf)


def highest(block: Block, before: int, after: int) -> Block:
    """Largest value of each window; −inf without a value. Cost: log2(width) passes."""
    return _extremes(np.where(np.isnan(block), -np.inf, block), before, after, np.maximum, -np.inf)


def _centre(block: Block) -> Block:
    number = np.maximum(np.isfinite(block).sum(axis=1, keepdims=True), 1)
    centre: Block = np.nan_to_num(block).sum(axis=1, keepdims=True) / number
    return centre


def _moving(values: NDArray[_N], before: int, after: int) -> NDArray[_N]:
    rows, width = values.shape
    running = np.zeros((rows, width + 1), dtype=values.dtype)
    np.cumsum(values, axis=1, out=running[:, 1:])
    at = np.arange(width)
    return running[:, np.minimum(at + after + 1, width)] - running[:, np.maximum(at - before, 0)]


def _extremes(values: Block, before: int, after: int, better: Callable[[Block, Block], Block], nothing: float) -> Block:
    width = before + after + 1
    rows = values.shape[0]
    best = np.concatenate([np.full((rows, before), nothing), values, np.full((rows, after), nothing)], axis=1)
    covered = 1
    while covered * 2 <= width:  # best[t] covers [t, t + covered)
        best = better(best[:, :-covered], best[:, covered:])
        covered *= 2
    rest = width - covered
    return better(best[:, : best.shape[1] - rest], best[:, rest:]) if rest else best

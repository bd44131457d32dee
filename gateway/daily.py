"""One series of a table under detectors that learn once a day from the past 15 days, and look at the next with it."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.quantity import QUANTITIES
from gateway.csvseries import Table
from gateway.detect import Block, Detector, Grid
from gateway.errors import GatewayError

_DAY_S = 86400.0
_HISTORY_DAYS = 15
_STEP_ROWS = 200  # the step is that of the first rows, so that what comes later changes nothing
_MAX_COLUMNS = 20_000_000
_FEW = 64  # columns judged with one model at least
_MUCH = 2000  # columns of history at least

Judges = dict[str, Detector]  # by name


def known(kind: str) -> None:
    """GatewayError for a quantity nobody knows."""
    if kind not in QUANTITIES:
        raise GatewayError(f"kind: wanted generic or a quantity such as soil_moisture_vwc_pct, got {kind!r}")


def eventful(kind: str) -> bool:
    """Whether the kind is a quantity that happens rather than one that has a level."""
    return kind in QUANTITIES and QUANTITIES[kind].kind in ("event", "state")


def step_us_of(times_us: NDArray[np.int64], kind: str) -> int:
    """The grid's step: the median of the first rows, a minute for events. GatewayError for gaps of years."""
    if eventful(kind):
        return 60_000_000
    apart = np.diff(np.unique(times_us[:_STEP_ROWS]))
    step_us = max(1, int(np.median(apart))) if apart.size else 600_000_000
    if (int(times_us[-1]) - int(times_us[0])) // step_us > _MAX_COLUMNS:
        raise GatewayError(f"wanted times about {step_us / 1e6:g} s apart, as the first rows are; got gaps of years")
    return step_us


def cells_of(table: Table, place: int, step_us: int, *, events: bool) -> tuple[Block, NDArray[np.int64], Grid]:
    """([1 × columns], each row's column, grid) of one series: the last value of a cell; of events whether any was."""
    values = table.values[place]
    start_us = int(table.times_us[0]) // step_us * step_us
    cells = (table.times_us - start_us) // step_us
    row = np.full((1, int(cells[-1]) + 1), np.nan)
    good = np.isfinite(values)
    if events:
        row[:] = 0.0
        row[0, cells[good & (values > 0)]] = 1.0
    else:
        row[0, cells[good]] = values[good]
    return row, cells, Grid(start_us, step_us, table.offset_us)


def judged(row: Block, grid: Grid, judges: Judges) -> tuple[NDArray[np.float64], dict[int, str], dict[int, str]]:
    """(largest score, names of the detectors over the line, reason) by column."""
    size = row.shape[1]
    part = max(_FEW, round(_DAY_S * 1e6 / grid.step_us))
    past = max(_MUCH, round(_HISTORY_DAYS * _DAY_S * 1e6 / grid.step_us))
    limits = np.full((1, 1), np.nan)
    best = np.full(size, np.nan)
    flags: dict[int, str] = {}
    reasons: dict[int, str] = {}
    for begin in range(0, size, part):
        end = min(begin + part, size)
        history, history_grid = _cut(row, grid, begin - past, begin)
        for name, detector in judges.items():
            model = detector.learn(history, history_grid)
            block, block_grid = _cut(row, grid, begin - detector.context, end)
            scores = detector.score(block, block_grid, limits, model)[0, block.shape[1] - (end - begin) :]
            over = np.flatnonzero(scores >= 1) + begin
            for column in over.tolist():
                higher = not best[column] >= scores[column - begin]
                flags[column] = f"{flags[column]}+{name}" if column in flags else name
                if higher and (column - 1 not in reasons or name not in flags.get(column - 1, "")):
                    seen, seen_grid = _cut(row, grid, column + 1 - max(past, detector.context), column + 1)
                    reasons[column] = reason(name, detector.explain(seen, seen_grid, limits, model))
                elif higher:
                    reasons[column] = reasons[column - 1]
            best[begin:end] = np.fmax(best[begin:end], scores)
    return best, flags, reasons


def _cut(row: Block, grid: Grid, begin: int, end: int) -> tuple[Block, Grid]:
    begin = max(0, begin)
    return row[:, begin:end], Grid(grid.start_us + begin * grid.step_us, grid.step_us, grid.offset_us)


def reason(name: str, numbers: Mapping[str, float | str]) -> str:
    """One line: the detector's name and its numbers that are known."""
    shown = [
        f"{key} {value}" if isinstance(value, str) else f"{key} {value:.6g}"
        for key, value in numbers.items()
        if key != "score" and (isinstance(value, str) or math.isfinite(value))
    ]
    return f"{name}: {', '.join(shown)}"

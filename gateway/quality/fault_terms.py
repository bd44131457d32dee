"""The terms of the fault judge: its answers, its one tuning, and what it keeps of a series."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Row = NDArray[np.float32]  # [series]
Mask = NDArray[np.bool_]
Values = NDArray[np.float64]
State = dict[str, NDArray[Any]]

BOOLS = ("suspect", "was_suspect", "noisy")
ZEROS = (
    *("age_s", "known_s", "step", "count", "seen", "code"),
    *("change", "big_step", "centre", "swing", "low", "high"),  # what its good values teach
    *("rows", "size", "first", "peak", "since_s", "inside", "calm"),  # the doubted values of now
    *("noise", "usual_noise", "high_noise", "evidence", "clear", "lessons"),
    *("run_s", "longest", "longest_s", "moves", "last_size", "last_age_s", "repeats"),
)


def new_state(series: int) -> State:
    """State [series] of series that nothing is known of."""
    state: State = {name: np.zeros(series, dtype=np.float32) for name in ZEROS}
    state |= {name: np.zeros(series, dtype=np.bool_) for name in BOOLS}
    state |= {name: np.full(series, np.nan) for name in ("value", "good")}
    state |= {"run": np.ones(series, dtype=np.float32), "held": np.full(series, np.nan, dtype=np.float32)}
    return state


def share(state: State, name: str, memory: float) -> Row:
    """What the newest value weighs in a running mean of `name` values: 1 ÷ memory, more while they are few."""
    weight: Row = np.maximum(np.float32(1 / memory), 1 / (state[name] + 1))
    return weight


def moved_quantile(of: Row, value: Row, rate: Row, quantile: float) -> Row:
    """A running quantile after one more value: it moves by factors, and never beyond the value itself."""
    up = np.minimum(of * np.exp(np.minimum(rate * np.float32(quantile), 3)), value)
    down = np.maximum(of * np.exp(rate * np.float32(quantile - 1)), value)
    moved: Row = np.where(value > of, up, down)
    return moved


class Code(IntEnum):
    """What is wrong with a value; GOOD: nothing was found."""

    GOOD = 0
    WILD = 1
    NOISE = 2
    OFFSET = 4
    STUCK = 32


class Tuning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One default for every series; values, not time, unless a name says seconds.

    `reach`, `reach_big`: a step is doubted beyond these multiples of the mean step and of the 99 % step.
    `noise_mean`, `noise_high`: noise begins at these multiples of its mean and of its 97 % quantile.
    `patience`: evidence (summed excess over that line) needed. `young`: so much more in the first day.
    """

    memory: float = 1300.0
    least: int = 60
    reach: float = 8.0
    reach_big: float = 3.0
    calm: int = 10
    accept_offset_s: float = 7200.0
    accept_offset_most_s: float = 86400.0
    pause_s: float = 10800.0
    noise_memory: float = 12.5
    noise_mean: float = 2.6
    noise_high: float = 1.3
    noise_quantile: float = 0.97
    noise_ends: float = 0.6
    one_reversal: float = 5.8
    most_noise: float = 3.6
    patience: float = 1.9
    young: float = 0.2
    accept_s: float = 72000.0
    lesson: int = 6
    lessons: int = 120
    stuck_rows: int = 12
    stuck_s: float = 7200.0
    stuck_factor: float = 2.0
    stuck_moves: int = 20


@dataclass(slots=True)
class Now:
    """One step of some series: what several of the questions below need."""

    value: Values
    step: Row
    size: Row  # |step|
    away: Row  # value − last good value
    same: Mask
    reach: Row
    run: Row  # the repetition that has just ended
    run_s: Row
    noise_line: Row
    reversal: Row

"""Judging `[series × time]` blocks: one method a file, found by walking this package.

A detector module defines exactly one class that fulfils `Detector`: a frozen, strict msgspec Struct whose fields are
its settings (each with a default), whose docstring is its manual. Rules every detector is tested for: same shape out
as in, input untouched, NaN in → NaN out, the future changes nothing, a row alone scores as in company, a window
scores as the whole, empty blocks pass, a model survives `msgspec`-free storage as plain arrays.
"""

import pkgutil
from functools import cache
from importlib import import_module
from typing import Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float64]  # [series × time], NaN = no value
Model = dict[str, NDArray[np.float64]]  # each array's first axis is the series


class Grid(msgspec.Struct, frozen=True):
    """The block's time axis: column j covers [start_us + j·step_us, start_us + (j+1)·step_us).

    `offset_us`: local time minus UTC, for what depends on the hour of the day.
    """

    start_us: int
    step_us: int
    offset_us: int = 0


class Detector(Protocol):
    """Scores a block; 1.0 is its own alarm line, NaN is "not judged"."""

    @property
    def context(self) -> int:
        """Columns of past it needs before it may judge one."""
        ...

    def learn(self, history: Block, grid: Grid, /) -> Model:
        """What a row's own past teaches; an empty dict for detectors that learn nothing."""
        ...

    def score(self, block: Block, grid: Grid, limits: Block, model: Model, /) -> Block:
        """Scores of the block's shape. `limits` [series × 1]: the site's own limit, NaN where it has none.

        Columns before `context` may be left unjudged (NaN): give it `context` columns of past and the new ones.
        """
        ...

    def explain(self, block: Block, grid: Grid, limits: Block, model: Model, /) -> dict[str, float]:
        """Numbers behind the last column's score of a one-row block, for the reason text."""
        ...


@runtime_checkable
class Lender(Protocol):
    """A detector that can judge a new series by what its kind teaches, until it has a history of its own."""

    def lend(self, model: Model, /) -> Model:
        """The model with rows that know nothing yet filled from those that do; those stay as they are."""
        ...


class Stream(Detector, Protocol):
    """A detector whose model is its state after the last column: it needs no past, and is brought on."""

    def carry(self, block: Block, grid: Grid, model: Model, /) -> Model:
        """The model after these columns too; it must follow the model's last column."""
        ...


@cache
def detectors() -> dict[str, type[Detector]]:
    """Every detector class by its module's name."""
    found: dict[str, type[Detector]] = {}
    for module in pkgutil.iter_modules(__path__):
        members = vars(import_module(f"{__name__}.{module.name}")).values()
        classes = [
            m
            for m in members
            if isinstance(m, type) and m.__module__ == f"{__name__}.{module.name}" and hasattr(m, "score")
        ]
        if len(classes) != 1:
            raise ValueError(f"gateway/detect/{module.name}.py: wanted one detector class, got {len(classes)}")
        found[module.name] = classes[0]
    return found

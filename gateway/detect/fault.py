"""Fault: a value that cannot be believed: a wild leap, a burst of noise, an offset, a stuck sensor.

score [series × time]: 1 where the value is doubted, 0 where it is not. NaN in, NaN out; NaN too for a series' first 60
values. Which fault it is, and what is probably broken, is in the explanation (`code` and `signature`, numbers of
gateway/quality/fault_terms.py and signatures.py). A single wild value scores too: let `hold_s` decide what is told.
A stream: the model is the state after the last column, and `carry` brings it on; it needs no other past.
Fails on: a slow ramp, which only neighbours show; a leap larger than any before it that is honest (a heater switched on
in a cold room) is doubted until it has been calm for ten values.
Source: gateway/quality/faults.py.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.detect import Block, Grid, Model
from gateway.quality import signatures
from gateway.quality.fault_terms import new_state
from gateway.quality.faults import FaultSet
from gateway.quality.floors import floors


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`quantity` names what is measured: how far it may leap without being doubted follows from that."""

    quantity: str = "air_temperature_c"

    @property
    def context(self) -> int:
        """0: the past stands in the model."""
        return 0

    def learn(self, history: Block, grid: Grid, /) -> Model:
        """The state after the history, each array [series × 1]."""
        return self.carry(history, grid, {})

    def carry(self, block: Block, grid: Grid, model: Model, /) -> Model:
        """The state after these columns too."""
        fault_set = self._fault_set(model, block.shape[0])
        for _ in _steps(fault_set, block, grid):
            pass
        return {name: array.astype(np.float64)[:, None] for name, array in fault_set.state.items()}

    def score(self, block: Block, grid: Grid, _limits: Block, model: Model, /) -> Block:
        """See the module. The block follows the model's last column."""
        out = np.full(block.shape, np.nan)
        fault_set = self._fault_set(model, block.shape[0])
        for column, codes in enumerate(_steps(fault_set, block, grid)):
            ready = np.isfinite(block[:, column]) & (fault_set.state["seen"] > fault_set.tuning.least)
            out[ready, column] = codes[ready] > 0
        return out

    def explain(self, block: Block, grid: Grid, _limits: Block, model: Model, /) -> dict[str, float]:
        """`value`, `code`, `signature`, `usual` (the last value that was believed), `away` from it, `lasting_s`."""
        fault_set = self._fault_set(model, 1)
        codes = np.zeros(1, dtype=np.uint8)
        for one in _steps(fault_set, block, grid):
            codes = one
        state = fault_set.state
        value, usual = float(block[0, -1]), float(state["good"][0])
        return {
            "value": value,
            "code": float(codes[0]),
            "signature": float(signatures.named(state, codes)[0]),
            "usual": usual,
            "away": value - usual,
            "lasting_s": float(np.maximum(state["since_s"] * state["suspect"], state["run_s"])[0]),
        }

    def _fault_set(self, model: Model, series: int) -> FaultSet:
        floor, noise_floor = floors(self.quantity)
        fault_set = FaultSet(series, floor, noise_floor)
        if model:
            known = model["seen"][:, 0] > 0
            fresh = new_state(series)
            for name, array in fault_set.state.items():
                fault_set.state[name] = np.where(known, model[name][:, 0], fresh[name]).astype(array.dtype)
        return fault_set


def _steps(fault_set: FaultSet, block: Block, grid: Grid) -> Iterator[NDArray[np.uint8]]:
    for column in range(block.shape[1]):
        yield fault_set.step(block[:, column], grid.step_us / 1e6)

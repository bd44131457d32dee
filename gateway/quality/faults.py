"""Faults: single wild values, bursts of noise, offsets and stuck values, found as they come, for all series at once.

A stream: `FaultSet.step` takes one value a series and answers one `Code` each; it never looks ahead, has one default
for every series, and needs about 170 bytes a series. Everything it knows of a series it learned from good values only:

- offset and wild value: further from the last good value than the series ever goes in one step. It ends when the value
  comes back, when it has been calm at a place where it may be, or after a time that grows with the square of its size.
- noise: the mean of the *reversals* (the smaller of two opposite steps: weather goes on, noise turns back) lies over
  what is usual; how long it must do so falls with how far over it is. Lasting noise slowly becomes usual.
- stuck: equal values for longer than twice the longest repetition that was no fault.

Fails on: a slow ramp (see `decline.drift_from_neighbours`); an honest leap larger than any before (a heater switched on
in a cold room) is doubted until it has been calm for ten values; the first 60 values are not judged.
Source: our own; scales are exponentially weighted means and stochastic quantiles, the evidence for noise is a CUSUM.
"""

import numpy as np
from numpy.typing import NDArray

from gateway.quality import doubt, noise, signatures
from gateway.quality.fault_terms import Code, Row, State, Tuning, Values, new_state

_CHUNK = 4096  # series worked at together: what they need stays in the processor's cache
_CLOCKS = ("age_s", "known_s", "since_s", "run_s", "last_age_s")


class FaultSet:
    """`series` judged together.

    `floor`, `noise_floor` [series] or one number for all: steps and reversals that are never doubted, in the
    quantity's unit (`floors` has them by quantity). `state` is plain arrays [series]. Not thread-safe.
    """

    def __init__(
        self, series: int, floor: float | Row = 1.2, noise_floor: float | Row = 0.04, tuning: Tuning | None = None
    ) -> None:
        self.tuning = tuning or Tuning()
        self.floor: Row = np.broadcast_to(np.asarray(floor, dtype=np.float32), (series,))
        self.noise_floor: Row = np.broadcast_to(np.asarray(noise_floor, dtype=np.float32), (series,))
        self.state: State = new_state(series)

    def step(self, values: Values, elapsed_s: float | Values) -> NDArray[np.uint8]:
        """`Code` [series] of one value each, `elapsed_s` after the step before. NaN: no value; its code is GOOD."""
        for name in _CLOCKS:
            self.state[name] += np.asarray(elapsed_s, dtype=np.float32)
        codes = np.zeros(values.shape, dtype=np.uint8)
        at = np.flatnonzero(np.isfinite(values))
        whole = at.size == values.size
        for begin in range(0, at.size, _CHUNK):
            part = slice(begin, begin + _CHUNK) if whole else at[begin : begin + _CHUNK]
            some = {name: array[part] for name, array in self.state.items()}
            codes[part] = self._advance(some, values[part], self.floor[part], self.noise_floor[part])
            signatures.remember(some)
            for name, array in self.state.items():
                array[part] = some[name]
        return codes

    def _advance(self, s: State, value: Values, floor: Row, noise_floor: Row) -> NDArray[np.uint8]:
        was = s["suspect"]
        now = doubt.moved(s, value, floor, noise_floor, self.tuning)
        doubt.doubt(s, now, self.tuning)
        noise.noise(s, now, was, self.tuning)
        doubted = np.where(s["run"] > 3, Code.STUCK, np.where(s["rows"] <= 3, Code.WILD, Code.OFFSET))
        calm = np.where(doubt.stuck(s, now, self.tuning), Code.STUCK, np.where(s["noisy"], Code.NOISE, Code.GOOD))
        code = np.where(s["suspect"], doubted, calm).astype(np.float32)
        noise.learn(s, code, self.tuning)
        doubt.learn(s, now, code == 0, was, self.tuning)
        s["code"], s["was_suspect"] = code, was
        s["step"], s["value"] = now.step, value
        s["age_s"] = np.zeros_like(s["age_s"])
        s["seen"] = s["seen"] + 1
        return code.astype(np.uint8)

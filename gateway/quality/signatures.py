"""What a fault looks like, and so what is probably broken: a name for each faulty value, and for each faulty stretch.

Named from the fault set's own state right after a step, so a name may grow clearer as the fault goes on: a first leap
is a wild value, the second of the same size is a bad connection.
Signatures after recorded faults of sensor nodes: Widhalm, Goeschka, Kastner (2021), Sensors 21(22):7613.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from gateway.quality.fault_terms import Code, Mask, State

_AGAIN_S = 3 * 86400.0  # a leap of the same size within this time is the same fault
_ALIKE = 0.15
_SHORT = 5  # values: a leap
_SWELLING = 40  # values: what water in a circuit lasts
_STEEP = 0.6  # less than this of the peak at once: it swelled, it did not leap


class Signature(IntEnum):
    """The cause a fault's shape speaks of; NONE where there is no fault."""

    NONE = 0
    WILD = 1
    STUCK = 2
    NOISE = 3
    BIAS = 4
    DRIFT = 5
    SHORT_CIRCUIT = 6
    BAD_CONNECTION = 7
    HUMID_HOUSING = 8
    AT_RANGE_LIMIT = 9


def remember(state: State) -> None:
    """Note a leap's size when it has ended, and whether it came before; part of every step."""
    s = state
    ended = s["was_suspect"] & ~s["suspect"] & (s["rows"] <= _SHORT)
    entered = s["suspect"] & ~s["was_suspect"]
    alike = np.abs(s["first"] - s["last_size"]) <= _ALIKE * np.abs(s["last_size"])
    again = alike & (s["last_age_s"] <= _AGAIN_S) & (s["last_size"] != 0)
    s["repeats"] = np.where(entered, np.where(again, s["repeats"] + 1, np.float32(0)), s["repeats"])
    s["last_size"] = np.where(ended, s["first"], s["last_size"])
    s["last_age_s"] = np.where(ended, np.float32(0), s["last_age_s"])


def named(
    state: State, codes: NDArray[np.uint8], humid: Mask | np.bool_ = np.False_, at_limit: Mask | np.bool_ = np.False_
) -> NDArray[np.uint8]:
    """`Signature` [series] of the newest values. `humid`: its housing is damp; `at_limit`: see `at_range_limit`."""
    s = state
    again = s["repeats"] >= 1
    loose = np.where(humid, Signature.HUMID_HOUSING, Signature.BAD_CONNECTION)
    swelled = (np.abs(s["first"]) < _STEEP * s["peak"]) & (s["rows"] <= _SWELLING)
    offset = np.where(s["noisy"], Signature.NOISE, Signature.BIAS)
    offset = np.where(again & (s["rows"] <= _SHORT), loose, np.where(swelled, Signature.SHORT_CIRCUIT, offset))
    out = np.zeros(codes.shape, dtype=np.uint8)
    out[codes == Code.WILD] = np.where(again, loose, Signature.WILD)[codes == Code.WILD]
    out[codes == Code.OFFSET] = offset[codes == Code.OFFSET]
    out[codes == Code.NOISE] = Signature.NOISE
    out[codes == Code.STUCK] = Signature.STUCK
    out[np.broadcast_to(at_limit, codes.shape)] = Signature.AT_RANGE_LIMIT
    return out


def at_range_limit(
    block: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], step: float, least: int = 3
) -> Mask:
    """[series × time] where the newest `least` values stand at an end of what the sensor can measure.

    `low`, `high` [series × 1] are the device's own ends (NaN: none), `step` its resolution. A missing value breaks the
    row. A room thermometer that ends at 0 °C reads 0 in any frost: that is no reading.
    """
    here = (np.abs(block - low) < step / 2) | (np.abs(block - high) < step / 2)
    out = here.copy()
    for back in range(1, least):
        out[:, back:] &= here[:, :-back]
        out[:, :back] = False
    return out

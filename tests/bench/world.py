"""One step of the world judge over 100,000 series beside a memory copy of its state (aim ≤ 2×), and river's loop.

    cd tests && python -m bench.world [--series 100000]

river is measured where it is installed (it is no dependency): its half-space trees, one series, one value at a time,
and the time that many series would take. Also printed: bytes a series (aim ≤ 1.2 kB), and how long two weeks of ten
minutes take to learn for 10,000 series.
"""

import argparse
import time
from importlib.util import find_spec

import numpy as np

from gateway.unusual import Unusual

STEP_S = 600
WARM_STEPS, STEPS = 40, 9
DAYS, LEARNED = 14, 10_000
RIVER_VALUES = 2000


def step_s(series: int) -> tuple[float, float, int]:
    """CPU seconds of the median step and of the median copy of the state taken in turn with it, and its bytes."""
    rng = np.random.default_rng(1)
    columns = rng.normal(20, 1, (WARM_STEPS + STEPS, series)).astype(np.float32)
    state = Unusual(series)
    steps, copies = [], []
    for number, column in enumerate(columns):
        began_s = time.process_time()
        state.step(column, number * STEP_S)
        if number < WARM_STEPS:
            continue
        steps.append(time.process_time() - began_s)
        arrays = [np.ones(state.nbytes // 4, dtype=np.float32)]
        began_s = time.process_time()
        copied = arrays[0].copy()
        copies.append(time.process_time() - began_s)
        del copied
    return float(np.median(steps)), float(np.median(copies)), state.nbytes


def learned_s(series: int) -> float:
    """Seconds to learn two weeks of a value every ten minutes."""
    rng = np.random.default_rng(1)
    column = rng.normal(20, 1, series).astype(np.float32)
    state = Unusual(series)
    began_s = time.process_time()
    for number in range(DAYS * 86_400 // STEP_S):
        state.step(column, number * STEP_S)
    return time.process_time() - began_s


def river_s() -> float | None:
    """Seconds of one value of one series in river's loop; None where it is not installed."""
    if find_spec("river") is None:
        return None
    from river import anomaly

    model = anomaly.HalfSpaceTrees(seed=1)
    values = np.random.default_rng(1).random(RIVER_VALUES).tolist()
    began_s = time.process_time()
    for value in values:
        model.score_one({"x": value})
        model.learn_one({"x": value})
    return (time.process_time() - began_s) / RIVER_VALUES


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, default=100_000)
    options, _ = parser.parse_known_args()
    ours_s, copy_s, size = step_s(options.series)
    print(
        f"world {options.series:,} series: {1000 * ours_s:.1f} ms a step, copy of its {size / 1e6:.0f} MB "
        f"{1000 * copy_s:.1f} ms → {ours_s / copy_s:.1f}× (aim 2×)",
        flush=True,
    )
    print(f"world {size / options.series:,.0f} bytes a series (aim 1,200)")
    print(f"world learned {LEARNED:,} series of {DAYS} days in {learned_s(LEARNED):.1f} s of one core (aim 60)")
    loop_s = river_s()
    if loop_s is None:
        print("world river is not installed: not compared")
    else:
        total_s = loop_s * options.series
        print(f"world river half-space trees: {total_s:.1f} s a step → {total_s / ours_s:,.0f}× ours (aim 200×)")


if __name__ == "__main__":
    main()

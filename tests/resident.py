"""A person who lives alone, as minutes with movement: sleep, nights to the toilet, naps, outings, sitting still.

Truth is known: the person is well until `falls_at` (a minute), after which nothing moves.
"""

import numpy as np
from numpy.typing import NDArray

DAY = 1440


def minutes(days: int, seed: int, falls_at: int | None = None) -> NDArray[np.float64]:
    """[days × 1440] of 0 and 1; minute 0 is midnight."""
    rng = np.random.default_rng(seed)
    moved = np.zeros(days * DAY)
    wake_mean, bed_mean, toilets = rng.normal(375, 35), rng.normal(1305, 35), rng.gamma(2.5, 0.5)
    lively = rng.uniform(0.05, 0.16)
    for day in range(days):
        start = day * DAY
        wake = int(np.clip(wake_mean + 18 * rng.standard_t(4), 240, 600))
        bed = int(np.clip(bed_mean + 18 * rng.standard_t(4), 1140, 1430))
        awake = np.arange(start + wake, start + bed)
        rate = np.full(awake.size, lively)
        for _ in range(rng.poisson(6)):  # sits still
            at, length = rng.integers(0, awake.size), int(rng.lognormal(np.log(55), 0.5))
            rate[at : at + length] = 0.02
        if rng.random() < 0.5:  # nap
            at, length = rng.integers(300, 600), int(rng.lognormal(np.log(50), 0.4))
            rate[at : at + length] = 0.002
        if rng.random() < 0.45:  # out
            at, length = rng.integers(120, 500), int(rng.lognormal(np.log(95), 0.4))
            rate[at : at + length] = 0
        moved[awake] = rng.random(awake.size) < rate
        moved[start + wake : start + wake + 3] = 1
        for _ in range(rng.poisson(toilets)):
            at = start + bed + rng.integers(60, 420)
            moved[at : at + 2] = 1
    if falls_at is not None:
        moved[falls_at:] = 0
    return moved

"""One step of range, flat line and seasonal over 10,000 series, beside a memory copy of the same bytes (aim ≤ 3×)."""

import time

import numpy as np
from bench.lines import best_s

from gateway import rules
from gateway.detect import Block, Detector, Grid, Model, detectors
from gateway.window import STEP_S

SERIES = 10_000
DAYS = 14
NEW = 2
NAMES = ("range", "flat_line", "seasonal")


def shipped(name: str) -> Detector:
    """The detector as the shipped rules set it."""
    rule = next(rule for rule in rules.load() if rule.detector == name)
    return rules.build(rule, "soil_moisture_vwc_pct", STEP_S)


def main() -> None:
    """Measure and print."""
    rng = np.random.default_rng(1)
    columns = int(DAYS * 86_400 / STEP_S)
    grid = Grid(start_us=1_790_000_000_000_000, step_us=int(STEP_S * 1e6), offset_us=9 * 3_600_000_000)
    history: Block = 25 + rng.normal(0, 0.3, (SERIES, columns))
    limits = np.full((SERIES, 1), np.nan)
    total_s = touched = 0.0
    assert set(NAMES) <= set(detectors())
    for name in NAMES:
        detector = shipped(name)
        began_s = time.process_time()
        model: Model = detector.learn(history, grid)
        learned_s = time.process_time() - began_s
        width = detector.context + NEW
        block = np.ascontiguousarray(history[:, -width:])
        late = Grid(grid.start_us + (columns - width) * grid.step_us, grid.step_us, grid.offset_us)

        def step(detector: Detector = detector, block: Block = block, late: Grid = late, model: Model = model) -> Block:
            return detector.score(block, late, limits, model)

        step_s = best_s(step)
        arrays = [block, *model.values()]
        copy_s = best_s(lambda arrays=arrays: [array.copy() for array in arrays])
        total_s += step_s
        touched += copy_s
        size_mb = sum(array.nbytes for array in arrays) / 1e6
        print(
            f"judge {name:<10} {1000 * step_s:>7.2f} ms a step, copy of its {size_mb:>6.1f} MB {1000 * copy_s:>7.2f} ms"
            f"  → {step_s / copy_s:.1f}×   (learned in {learned_s:.1f} s)",
            flush=True,
        )
    print(
        f"judge all three  {1000 * total_s:>7.2f} ms a step  → {total_s / touched:.1f}× of the copies (aim 3×)",
        flush=True,
    )


if __name__ == "__main__":
    main()

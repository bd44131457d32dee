"""Quality flags beside flagit and ioos_qc: how fast, and how often the same. `cd tests && python -m bench.quality`.

`--peers PYTHON` names an interpreter that has both (a venv with "pandas<2.2" "numpy<2" "setuptools<80" flagit ioos_qc:
they fit no newer pandas); without it only our own speed is printed. `--data FOLDER` takes the series for ioos_qc from
debruijn_faults/ there, read as one value every 10 minutes; else they are made up, as the soils are.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bench.lines import best_s
from bench.recordings import de_bruijn
from numpy.typing import NDArray

from gateway.detect import Block
from gateway.quality import ismn, qartod
from gateway.quality.ismn import Ismn, Soil
from gateway.quality.qartod import Span, Word, Words

SERIES, HOURS, STEP_S = 24, 4000, 600.0
NAMES = (
    "moisture_pct",
    "soil_temperature_c",
    "air_temperature_c",
    "model_soil_temperature_c",
    "rain_mm",
    "model_rain_mm",
)
THEIRS = (
    *("soil_moisture", "soil_temperature", "air_temperature", "gldas_soil_temperature"),
    *("precipitation", "gldas_precipitation"),
)


def soils(seed: int = 3) -> dict[str, Block]:
    """Soils that meet every flag: rain, spikes, breaks, plateaus, gaps and frost, in steps of 0.1 %."""
    rng = np.random.default_rng(seed)
    rain = np.where(rng.random((SERIES, HOURS)) < 0.02, rng.gamma(1, 4, (SERIES, HOURS)), 0).round(1)
    moisture = np.empty((SERIES, HOURS))
    level = rng.uniform(8, 30, SERIES)
    for hour in range(HOURS):
        level = np.minimum(level + 0.8 * rain[:, hour] * (rng.random(SERIES) < 0.9), rng.uniform(40, 46, SERIES))
        level -= (level - 6) * 0.004
        moisture[:, hour] = level
    moisture += rng.normal(0, 0.05, moisture.shape)
    for row in moisture:
        for kind in rng.integers(6, size=16):
            _harm(row, int(kind), int(rng.integers(30, HOURS - 80)), rng)
    moisture = moisture.round(1)
    moisture[: SERIES // 2][rng.random((SERIES // 2, HOURS)) < 0.004] = np.nan
    day = 8 * np.sin(np.arange(HOURS) * 2 * np.pi / 24)
    soil = (day + rng.normal(3, 1, (SERIES, 1)) + rng.normal(0, 0.3, moisture.shape)).round(1)
    seen = np.where(rng.random(rain.shape) < 0.9, rain, 0)
    return dict(zip(NAMES, (moisture, soil, soil - 2, soil + 1, rain, seen), strict=True))


def _harm(row: NDArray[np.float64], kind: int, at: int, rng: np.random.Generator) -> None:
    until = at + int(rng.integers(14, 50))
    harms: list[Callable[[], object]] = [
        lambda: row.__setitem__(at, row[at] * rng.uniform(0.3, 1.9)),
        lambda: row.__setitem__(slice(at, at + 2), row[at] * rng.uniform(1.3, 1.8)),
        lambda: row.__setitem__(slice(at, until), rng.uniform(0, 4)),
        lambda: row.__setitem__(slice(at, until), rng.uniform(40, 50)),
        lambda: row.__setitem__(slice(at, None), row[at:] + rng.choice([-6, 6])),
        lambda: row.__setitem__(slice(at, until), 0 if rng.random() < 0.5 else row[at:until] + 15),
    ]
    harms[kind]()


def air(data: Path | None) -> Block:
    """Temperatures [series × time]: recordings with faults cut to one length, or made up."""
    if data:
        return np.array([one.values[:2000] for one in de_bruijn(data) if one.values.size >= 2000])
    rng = np.random.default_rng(5)
    at = np.arange(2000)
    block: Block = (15 + 8 * np.sin(at * 2 * np.pi / 144) + rng.normal(0, 0.4, (SERIES, at.size))).round(2)
    block[rng.random(block.shape) < 0.01] += 9
    block[::3, 500:540] = block[::3, [500]]
    return block


def words(block: Block, times_s: NDArray[np.float64]) -> dict[str, Words]:
    """The same tests with the same limits as quality_peers asks of ioos_qc."""
    usual, possible = np.broadcast_to((0.0, 30.0), (1, 12, 2)), np.broadcast_to((-20.0, 45.0), (1, 12, 2))
    month = times_s.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    return {
        "gross_range": qartod.gross_range(block, Span(-30, 50), Span(0, 30)),
        "climatology": qartod.climatology(block, month, usual, possible),
        "spike_average": qartod.spike(block, 2, 4),
        "spike_differential": qartod.spike(block, 2, 4, "differential"),
        "rate_of_change": qartod.rate_of_change(block, times_s, 3 / 600, 6 / 600),
        "flat_line": qartod.flat_line(block, times_s, 7200, 14400, 0.045),
        "attenuated_std": qartod.attenuated(block, times_s, 7200, 0.2, 0.05, least=6),
        "attenuated_range": qartod.attenuated(block, times_s, 7200, 0.7, 0.2, measure="range", least=6),
    }


def compare(
    python: Path, made: dict[str, Block], series: Block, times_s: NDArray[np.float64], ours_s: dict[str, float]
) -> None:
    """Ask the peers in their own environment; print agreement flag by flag and the ratios of CPU seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        theirs = dict(zip(THEIRS, made.values(), strict=True))
        np.savez(folder / "blocks.npz", series=series, times_s=times_s, **theirs)
        script = Path(__file__).with_name("quality_peers.py")
        subprocess.run([python, "-W", "ignore", script, folder], check=True)
        seconds = json.loads((folder / "seconds.json").read_text("utf-8"))
        said = dict(np.load(folder / "flags_ioos.npz"))
        flagit = np.load(folder / "flags_flagit.npy")
    for test, ours in words(series, times_s).items():
        differs = ours != said[test]
        unseen = (differs & (ours == Word.UNKNOWN)).sum()
        print(
            f"quality ioos_qc {test:<19} {100 * (1 - differs.mean()):.3f} % of {ours.size} the same"
            f" ({differs.sum()} differ, of these {unseen} because we say UNKNOWN of what is too young)",
            flush=True,
        )
    found = ismn.flags(soil_of(made))
    for flag in Ismn:
        ours, their = (found & np.uint16(flag)) > 0, (flagit & int(flag)) > 0
        print(
            f"quality flagit {flag.name:<8} ours {ours.sum():>6}, theirs {their.sum():>6},"
            f" differ {(ours != their).sum()} of {ours.size}"
        )
    for peer, ours in ours_s.items():
        print(
            f"quality {peer}: {seconds[peer]:.2f} s, ours {ours:.4f} s on the same blocks → {seconds[peer] / ours:.0f}×"
        )


def soil_of(made: dict[str, Block]) -> Soil:
    """The made-up soils with what is known of their place."""
    return Soil(**made, saturation_pct=np.full((SERIES, 1), 42.7), depth_m=np.full((SERIES, 1), 0.05))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, metavar="PYTHON")
    parser.add_argument("--data", type=Path)
    asked = parser.parse_args()
    made, series = soils(), air(asked.data)
    times_s = 1_735_689_600 + STEP_S * np.arange(series.shape[1])
    soil = soil_of(made)
    ours_s = {"flagit": best_s(lambda: ismn.flags(soil)), "ioos_qc": best_s(lambda: words(series, times_s))}
    year_ms = 1000 * ours_s["flagit"] / SERIES / HOURS * 8760
    value_ns = 1e9 * ours_s["ioos_qc"] / series.size
    print(
        f"quality ISMN flags {year_ms:.1f} ms a sensor-year; eight QARTOD tests {value_ns:.0f} ns a value", flush=True
    )
    if asked.peers:
        began = time.monotonic()
        compare(asked.peers, made, series, times_s, ours_s)
        print(f"quality peers took {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()

"""The fault set on public recordings: `cd tests && python -m bench.faults --data FOLDER [--shake N]`.

FOLDER holds debruijn_faults/, asnx/ and lwsndr/ as published. Rows are scored from row 60 of each file, any fault
against none; one default for every file. The default was chosen with these files in view: others will score lower.
"""

import argparse
from pathlib import Path

import msgspec
import numpy as np
from bench.recordings import Recording, asnx, asnx_with_faults, de_bruijn, lwsndr
from numpy.typing import NDArray

from gateway.detect import Block
from gateway.quality import signatures
from gateway.quality.fault_terms import Tuning
from gateway.quality.faults import FaultSet
from gateway.quality.floors import floors

FIRST_ROW = 60
FAULTS = {1: "single", 2: "noise", 4: "bias", 8: "drift"}
Codes = list[NDArray[np.uint8]]


def judged(recordings: list[Recording], tuning: Tuning | None = None) -> tuple[Codes, Codes]:
    """(codes, signatures) of each recording; all are judged side by side, row by row."""
    width = max(one.values.size for one in recordings)
    values, times = (np.full((len(recordings), width), np.nan) for _ in range(2))
    for row, one in enumerate(recordings):
        values[row, : one.values.size], times[row, : one.values.size] = one.values, one.times_s
    limits = np.array([floors(one.quantity) for one in recordings], dtype=np.float32)
    fault_set = FaultSet(len(recordings), limits[:, 0], limits[:, 1], tuning)
    codes, names = (np.zeros(values.shape, dtype=np.uint8) for _ in range(2))
    last = times[:, 0].copy()
    for column in range(width):
        now = np.where(np.isnan(times[:, column]), last, times[:, column])
        codes[:, column] = fault_set.step(values[:, column], now - last)
        names[:, column] = signatures.named(fault_set.state, codes[:, column])
        last = now
    sizes = [one.values.size for one in recordings]
    return [c[:n] for c, n in zip(codes, sizes, strict=True)], [c[:n] for c, n in zip(names, sizes, strict=True)]


def f1(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """F1 of rows."""
    return 2 * int((found & true).sum()) / max(int(found.sum() + true.sum()), 1)


def episodes(found: NDArray[np.bool_]) -> int:
    """Unbroken runs of faulty rows."""
    return int(np.count_nonzero(np.diff(np.concatenate(([0], found.astype(int)))) == 1))


def of_de_bruijn(folder: Path, tuning: Tuning | None = None, *, aloud: bool = True) -> dict[str, float]:
    """Row F1 of each class, episodes per clean node-week."""
    recordings = de_bruijn(folder)
    codes, _ = judged(recordings, tuning)
    rows: dict[str, list[tuple[NDArray[np.uint8], NDArray[np.int64]]]] = {}
    weeks = clean = 0.0
    for one, code in zip(recordings, codes, strict=True):
        if one.kind == "clean":
            clean += episodes(code[FIRST_ROW:] > 0)
            weeks += (one.times_s[-1] - one.times_s[0]) / 604_800
        else:
            rows.setdefault(one.kind, []).append((code[FIRST_ROW:], one.labels[FIRST_ROW:]))
    result = {}
    for kind, parts in sorted(rows.items()):
        code, label = (np.concatenate(part) for part in zip(*parts, strict=True))
        result[kind] = f1(code > 0, label > 0)
        if aloud:
            recalls = [
                f"{name} {np.mean(code[label == n] > 0):.2f}" for n, name in FAULTS.items() if (label == n).any()
            ]
            print(f"faults de Bruijn {kind:<12} F1 {result[kind]:.3f}   recall: {', '.join(recalls)}", flush=True)
    result["clean"] = clean / weeks
    if aloud:
        print(f"faults de Bruijn clean        {result['clean']:.2f} episodes a node-week ({clean:.0f})", flush=True)
    return result


def of_asnx(folder: Path) -> None:
    """Recorded faults put into a quiet week at 60 places each; then the quiet week and the week of airing alone."""
    for name in ("bad_connection", "sensor_communication", "short_circuit_air"):
        recordings = asnx_with_faults(folder, name, count=60)
        codes, named = judged(recordings)
        labels = np.array([one.labels > 0 for one in recordings])
        found = np.array(codes) > 0
        whole = np.mean([found[row][labels[row]].all() for row in range(len(recordings))])
        delay = np.mean([np.argmax(found[row][labels[row]]) for row in range(len(recordings))])
        last = [signatures.Signature(int(of[at][-1])).name for of, at in zip(named, labels, strict=True)]
        share = {one: last.count(one) for one in sorted(set(last))}
        print(f"faults asnx {name:<22} {100 * whole:.0f} % whole, delay {delay:.1f} rows, named {share}", flush=True)
    for week in ("stable", "room_airing"):
        recordings = asnx(folder, week)
        codes, _ = judged(recordings)
        count = {one.name: episodes(code > 0) for one, code in zip(recordings, codes, strict=True)}
        print(f"faults asnx {week:<22} episodes {count}", flush=True)


def of_lwsndr(folder: Path) -> None:
    """Rows found in the labelled event of node 1, rows flagged on nodes 2 and 3."""
    recordings = lwsndr(folder)
    codes, _ = judged(recordings)
    for one, code in zip(recordings, codes, strict=True):
        event = one.labels > 0
        hit = f"event rows {int((code[event] > 0).sum())}/{int(event.sum())}, " if event.any() else ""
        print(f"faults lwsndr {one.name:<20} {hit}other rows flagged {int((code[~event] > 0).sum())}", flush=True)


def shaken(folder: Path, draws: int, factor: float) -> None:
    """The range of the de Bruijn numbers when every number of the tuning is multiplied by 1/factor to factor."""
    rng = np.random.default_rng(7)
    default = Tuning()
    results = []
    for _ in range(draws):
        drawn = {
            name: type(value)(value * np.exp(rng.uniform(-1, 1) * np.log(factor)))
            for name, value in msgspec.structs.asdict(default).items()
            if name != "noise_quantile"
        }
        results.append(of_de_bruijn(folder, msgspec.structs.replace(default, **drawn), aloud=False))
    for name in results[0]:
        values = [result[name] for result in results]
        print(f"faults shaken ×{factor} {name:<12} mean {np.mean(values):.3f}, {min(values):.3f} to {max(values):.3f}")


def speed(series: int = 100_000, steps: int = 20) -> None:
    """One step of many series beside a copy of the whole state."""
    from bench.lines import best_s

    rng = np.random.default_rng(1)
    fault_set = FaultSet(series)
    block: Block = 20 + rng.normal(0, 0.3, (series, steps))
    for column in range(steps):
        fault_set.step(block[:, column], 600.0)
    step_s = best_s(lambda: fault_set.step(block[:, 0], 600.0))
    copy_s = best_s(lambda: [array.copy() for array in fault_set.state.values()])
    size = sum(array.nbytes for array in fault_set.state.values()) / series
    print(
        f"faults step of {series} series {1000 * step_s:.1f} ms, copy of the state ({size:.0f} bytes a series)"
        f" {1000 * copy_s:.1f} ms → {step_s / copy_s:.1f}×",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--shake", type=int, default=0, metavar="N")
    parser.add_argument("--factor", type=float, default=1.1)
    asked = parser.parse_args()
    speed()
    if asked.data:
        of_de_bruijn(asked.data)
        of_asnx(asked.data)
        of_lwsndr(asked.data)
        if asked.shake:
            shaken(asked.data, asked.shake, asked.factor)


if __name__ == "__main__":
    main()

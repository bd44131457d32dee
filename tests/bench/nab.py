"""The world judge on the Numenta Anomaly Benchmark, scored by its own published rules.

    cd tests && python -m bench.nab --data DIR [--shake 40]

DIR, or a folder `nab` in it, holds `data/<group>/<name>.csv` and `labels/combined_windows.json`. Printed: standard,
low-FP and low-FN scores at the shipped line, at the best line, and with the line chosen on other groups; false rows a
series-week beside each; by group; and the range over draws in which every number of the judge is shaken by ×1/1.4…1.4.
Rules: Lavin and Ahmad 2015, "Evaluating real-time anomaly detection algorithms". The first alarm in a window earns by
how early it is, a missed window costs, an alarm elsewhere costs the more the farther it is behind the last window; 100
is perfect, 0 is silence. Rows before min(15 %, 750) are not scored.
"""

import argparse
import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.detect.world import World
from gateway.unusual import Tuning, Unusual

PROFILES = {"standard": (1.0, 0.11, 1.0), "low FP": (1.0, 0.22, 1.0), "low FN": (1.0, 0.11, 2.0)}
LINES = np.array([0.04, 0.05, 0.06, 0.065, 0.07, 0.075, 0.08, 0.085, 0.09, 0.1, 0.11, 0.12, 0.15, 0.2])
SHIPPED = int(np.flatnonzero(World().line_in_ranges().__round__(4) == LINES)[0])
WEEK_S = 604_800
Floats = NDArray[np.float64]


class File(NamedTuple):
    """One series: its group, seconds since 1970, values, and windows as (first, last) row."""

    group: str
    name: str
    seconds: NDArray[np.int64]
    values: Floats
    windows: list[tuple[int, int]]


class Account(NamedTuple):
    """Sums over rows at one line, by line: earned in windows, lost outside them, windows found, rows outside."""

    earned: Floats
    lost: Floats
    found: Floats
    false_rows: Floats


def read(folder: Path) -> list[File]:
    """Every labelled series of a folder."""
    folder = folder / "nab" if (folder / "nab").is_dir() else folder
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text("utf-8"))
    return [_file(folder, name, windows) for name, windows in sorted(labels.items())]


def _file(folder: Path, name: str, windows: Sequence[Sequence[str]]) -> File:
    with (folder / "data" / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    seconds = np.array([_second(row[0]) for row in rows])
    placed = [tuple(int(np.searchsorted(seconds, _second(end))) for end in window) for window in windows]
    return File(name.split("/")[0], name, seconds, np.array([float(row[1]) for row in rows]), placed)  # type: ignore[arg-type]


def _second(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def worth(position: Floats) -> Floats:
    """What an alarm is worth at a position relative to a window: −1 its start, 0 its end, beyond 3 far behind."""
    return np.where(position > 3, -1.0, 2 / (1 + np.exp(5 * np.minimum(position, 3))) - 1)


def worths(rows: int, windows: Sequence[tuple[int, int]]) -> tuple[Floats, NDArray[np.int64]]:
    """(worth of an alarm, number of its window or −1) by row."""
    value, inside = np.full(rows, -1.0), np.full(rows, -1)
    best = float(worth(np.array(-1.0)))
    for number, (first, last) in enumerate(windows):
        here = np.arange(first, last + 1)
        value[here] = worth(-(last - here + 1) / (last - first + 1)) / best
        inside[here] = number
        behind = np.arange(last + 1, windows[number + 1][0] if number + 1 < len(windows) else rows)
        value[behind] = worth((behind - last) / max(last - first, 1))
    return value, inside


def unscored(rows: int) -> int:
    """How many rows at the beginning are not scored."""
    return min(int(0.15 * rows), 750)


def account(file: File, scores: Floats, lines: Floats = LINES) -> Account:
    """What the alarms of one series earn and lose at each line."""
    value, inside = worths(file.values.size, file.windows)
    scores = np.nan_to_num(scores)
    scores[: unscored(scores.size)] = 0
    kept = np.zeros((4, lines.size))
    for place, line in enumerate(lines.tolist()):
        over = np.flatnonzero(scores >= line)
        outside = over[inside[over] < 0]
        _, first = np.unique(inside[over], return_index=True)
        hits = over[first[inside[over[first]] >= 0]]
        kept[:, place] = value[hits].sum(), value[outside].sum(), hits.size, outside.size
    return Account(*kept)


def score(files: Sequence[File], accounts: Sequence[Account], profile: str = "standard") -> Floats:
    """NAB score by line: 100 perfect, 0 silent."""
    for_hit, for_false, for_miss = PROFILES[profile]
    windows = sum(len(file.windows) for file in files)
    earned, lost, found, _ = np.sum(np.array(accounts), axis=0)
    raw = for_hit * earned + for_false * lost - for_miss * (windows - found)
    scaled: Floats = 100 * (raw + for_miss * windows) / ((for_hit + for_miss) * windows)
    return scaled


def false_rows(files: Sequence[File], accounts: Sequence[Account]) -> Floats:
    """Alarms outside windows, a series and week, by line."""
    weeks = sum((file.seconds[-1] - file.seconds[unscored(file.values.size)]) / WEEK_S for file in files)
    per_week: Floats = np.sum([one.false_rows for one in accounts], axis=0) / weeks
    return per_week


def judged(file: File, tuning: Tuning, copies: int = 1, state: Unusual | None = None) -> Floats:
    """[rows × copies] what is told of a series, in ranges."""
    state = state or Unusual(copies, tuning)
    out = np.zeros((file.values.size, copies))
    for row, second in enumerate(file.seconds.tolist()):
        told = state.step(np.full(copies, file.values[row]), second)
        out[row] = np.where(told.fired, told.excess, 0)
    return out


def shaken(draws: int, seed: int = 1) -> Tuning:
    """Every number of the judge times 1/1.4…1.4, one draw a series."""
    rng = np.random.default_rng(seed)
    numbers = {name: value for name, value in msgspec.structs.asdict(Tuning()).items() if not name.startswith("mute")}
    return Tuning(
        **{name: (value * 1.4 ** rng.uniform(-1, 1, draws)).astype(np.float32) for name, value in numbers.items()}
    )


def by_other_groups(files: Sequence[File], accounts: Sequence[Account]) -> tuple[float, dict[str, float]]:
    """Standard score when each group is judged by the line that is best on all the others; (all, line by group)."""
    picked, lines = [], {}
    for group in sorted({file.group for file in files}):
        others = [place for place, file in enumerate(files) if file.group != group]
        at = int(score([files[i] for i in others], [accounts[i] for i in others]).argmax())
        lines[group] = float(LINES[at])
        picked += [
            (file, Account(*(part[at : at + 1] for part in one)))
            for file, one in zip(files, accounts, strict=True)
            if file.group == group
        ]
    return float(score([file for file, _ in picked], [one for _, one in picked])[0]), lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--shake", type=int, default=40)
    options, _ = parser.parse_known_args()
    if options.data is None:
        print("nab: --data DIR wanted (data/<group>/*.csv and labels/combined_windows.json)")
        return
    files = read(options.data)
    accounts = [account(file, judged(file, Tuning())[:, 0]) for file in files]
    for profile in PROFILES:
        scores = score(files, accounts, profile)
        best = int(scores.argmax())
        print(
            f"nab {profile:<9} {scores[SHIPPED]:>5.1f} at {LINES[SHIPPED]:g}, best {scores[best]:.1f} at {LINES[best]}"
        )
    found, windows = sum(one.found[SHIPPED] for one in accounts), sum(len(file.windows) for file in files)
    rate = false_rows(files, accounts)[SHIPPED]
    print(f"nab {found:.0f} of {windows} windows found, {rate:.2f} false rows a series-week")
    crossed, lines = by_other_groups(files, accounts)
    print(f"nab standard with each group's line chosen on the other groups: {crossed:.1f} ({lines})")
    for group in sorted({file.group for file in files}):
        here = [(file, one) for file, one in zip(files, accounts, strict=True) if file.group == group]
        named, kept = [file for file, _ in here], [one for _, one in here]
        told = f"{score(named, kept)[SHIPPED]:>6.1f}" if any(file.windows for file in named) else "  none"
        print(f"nab   {group:<22} {told}, {false_rows(named, kept)[SHIPPED]:.2f} false rows a series-week")
    if options.shake:
        _print_shaken(files, options.shake)


def shaken_scores(files: Sequence[File], draws: int, *, line_too: bool) -> list[float]:
    """Standard score of each draw of shaken numbers, at the shipped line or at one that is shaken as well."""
    told = _shaken_told(tuple(file.name for file in files), files, draws)
    lines = World().line_in_ranges() * 1.4 ** np.random.default_rng(2).uniform(-line_too, line_too, draws)
    scores = []
    for draw in range(draws):
        at = lines[draw : draw + 1]
        accounts = [account(file, out[:, draw], at) for file, out in zip(files, told, strict=True)]
        scores.append(float(score(files, accounts)[0]))
    return scores


_TOLD: dict[tuple[tuple[str, ...], int], list[Floats]] = {}


def _shaken_told(names: tuple[str, ...], files: Sequence[File], draws: int) -> list[Floats]:
    if (names, draws) not in _TOLD:
        tuning = shaken(draws)
        _TOLD[names, draws] = [judged(file, tuning, draws) for file in files]
    return _TOLD[names, draws]


def _print_shaken(files: Sequence[File], draws: int) -> None:
    for what, line_too in (("line kept", False), ("line shaken too", True)):
        scores = shaken_scores(files, draws, line_too=line_too)
        print(
            f"nab standard, {draws} draws of all numbers ×1/1.4…1.4, {what}: {np.mean(scores):.1f}, "
            f"{min(scores):.1f} to {max(scores):.1f}, {sum(one < 72 for one in scores)} under 72"
        )


if __name__ == "__main__":
    main()

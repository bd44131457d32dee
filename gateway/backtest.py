"""Judge a CSV as if it were live: the gateway's own detectors, each value with what was known before it.

Models are learned once a (data) day from the past 15 days and used for the next; nothing looks ahead. `generic` asks
whether the world is unusual (`world`, which learns row by row) and whether a series repeats itself (`flat_line`, told
once a repetition); the name of a quantity asks the rules for it and `world`, and `motion` and other events ask for
silence. Several columns are several series of one site.

Written to `out`: `rows.csv` (time, series, value, score, flags, reason; score 1.0 is the alarm line, empty is "not
judged"), `alerts.csv` and `picture.html`.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_bridge.quantity import QUANTITIES
from gateway import csvseries, rules
from gateway.csvseries import Table
from gateway.detect import Block, Detector, Grid
from gateway.detect.flat_line import FlatLine
from gateway.detect.jump import Jump
from gateway.detect.silence import Silence
from gateway.detect.world import World
from gateway.errors import GatewayError
from gateway.picture import Panel, page
from gateway.streamed import Streamed, streamed

GENERIC = "generic"
_DAY_S = 86400.0
_HISTORY_DAYS = 15
_STEP_ROWS = 200  # the step is that of the first rows, so that what comes later changes nothing
_MAX_COLUMNS = 20_000_000
_FEW = 64  # columns judged with one model at least
_MUCH = 2000  # columns of history at least
_CLEAR_STEPS = 12  # an alert is over after so many steps under the line

Judges = dict[str, Detector]  # by name


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One alert: its first and last row over the line, its highest score, which detectors and why."""

    series: str
    start: str
    end: str
    start_us: int
    end_us: int
    score: float
    flags: str
    reason: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a backtest found. `judged` counts scores that are not empty; `files` are those written."""

    kind: str
    rows: int
    series: list[str]
    step_s: float
    start: str
    end: str
    judged: int
    over_line: int
    alerts: list[Episode]
    files: list[str]


class _Scored(msgspec.Struct):
    """Scores, names of detectors over the line and reasons of one series, by row in order of time."""

    name: str
    values: NDArray[np.float64]
    scores: NDArray[np.float64]
    flags: dict[int, str]
    reasons: dict[int, str]
    episodes: list[Episode]


def backtest(path: Path, kind: str = GENERIC, out: Path | None = None) -> Summary:
    """Judge the file. GatewayError for a kind nobody knows or a file that cannot be read, with its line."""
    if kind != GENERIC and kind not in QUANTITIES:
        raise GatewayError(f"kind: wanted generic or a quantity such as soil_moisture_vwc_pct, got {kind!r}")
    table = csvseries.read(path)
    order = np.argsort(table.times_us, kind="stable")
    table = msgspec.structs.replace(
        table,
        texts=[table.texts[row] for row in order],
        times_us=table.times_us[order],
        values=table.values[:, order],
    )
    step_us = _step_us(table.times_us, kind)
    judges = _judges(kind, step_us / 1e6)
    worlds = _worlds(table, step_us, kind)
    scored = [_score(table, place, step_us, judges, kind, world) for place, world in enumerate(worlds)]
    files = _write(path, out, table, scored) if out is not None else []
    return Summary(
        kind=kind,
        rows=len(table.texts),
        series=table.names,
        step_s=step_us / 1e6,
        start=table.texts[0],
        end=table.texts[-1],
        judged=sum(int(np.isfinite(one.scores).sum()) for one in scored),
        over_line=sum(int((one.scores >= 1).sum()) for one in scored),
        alerts=[episode for one in scored for episode in one.episodes],
        files=files,
    )


def _step_us(times_us: NDArray[np.int64], kind: str) -> int:
    if kind in QUANTITIES and QUANTITIES[kind].kind in ("event", "state"):
        return 60_000_000
    apart = np.diff(np.unique(times_us[:_STEP_ROWS]))
    step_us = max(1, int(np.median(apart))) if apart.size else 600_000_000
    if (int(times_us[-1]) - int(times_us[0])) // step_us > _MAX_COLUMNS:
        raise GatewayError(f"wanted times about {step_us / 1e6:g} s apart, as the first rows are; got gaps of years")
    return step_us


def _judges(kind: str, step_s: float) -> Judges:
    """What to ask. `flat_line` waits for 6 hours, or for 36 values where they come more rarely."""
    flat_s = max(21600.0, 36 * step_s)
    if kind == GENERIC:
        flat = FlatLine(limit_s=flat_s, ceiling_s=4 * flat_s, gap_s=max(5400.0, 6 * step_s), step_s=step_s)
        return {"flat_line": flat}
    if QUANTITIES[kind].kind in ("event", "state"):
        return {"silence": Silence(step_s=step_s)}
    looks = [r for r in rules.load() if r.detector != rules.UNHEARD and (not r.quantities or kind in r.quantities)]
    made = {r.id: rules.build(r, "" if r.quantities else kind, step_s) for r in looks if r.subject == "device"}
    made.setdefault("jump", Jump(floor=10 * QUANTITIES[kind].step))
    return made


def _worlds(table: Table, step_us: int, kind: str) -> list[Streamed]:
    """What the world judge says of every series; nothing of events."""
    if kind == GENERIC or QUANTITIES[kind].kind == "gauge":
        floor = 0.0 if kind == GENERIC else 10 * QUANTITIES[kind].step
        return streamed(World(floor=floor), table.times_us, table.values, table.offset_us, step_us)
    return [Streamed(np.full(table.times_us.size, np.nan), {}) for _ in table.names]


def _score(table: Table, place: int, step_us: int, judges: Judges, kind: str, world: Streamed) -> _Scored:
    values = table.values[place]
    start_us = int(table.times_us[0]) // step_us * step_us
    cells = (table.times_us - start_us) // step_us
    row = np.full((1, int(cells[-1]) + 1), np.nan)
    events = kind in QUANTITIES and QUANTITIES[kind].kind in ("event", "state")
    good = np.isfinite(values)
    if events:
        row[:] = 0.0
        row[0, cells[good & (values > 0)]] = 1.0
    else:
        row[0, cells[good]] = values[good]
    grid = Grid(start_us, step_us, table.offset_us)
    scores, flags, reasons = _judge(row, grid, judges)
    if events:  # a row ends a silence: it shows how long that one had become
        scores = np.append(np.nan, scores[:-1])
    by_row = np.where(good, scores[cells], np.nan)
    if kind == GENERIC:
        by_row = _once(by_row)
    higher = world.scores >= np.nan_to_num(by_row)
    by_row, others = np.fmax(by_row, world.scores), by_row
    over = np.flatnonzero(by_row >= 1)
    said, why = {}, {}
    for i in over.tolist():
        names = [flags.get(int(cells[i]) - events, "")] * bool(others[i] >= 1) + ["world"] * (i in world.reasons)
        said[i] = "+".join(names)
        why[i] = _reason("world", world.reasons[i]) if higher[i] else reasons.get(int(cells[i]) - events, "")
    scored = _Scored(table.names[place], values, by_row, said, why, [])
    scored.episodes = _episodes(table, scored, over, step_us)
    return scored


def _judge(row: Block, grid: Grid, judges: Judges) -> tuple[NDArray[np.float64], dict[int, str], dict[int, str]]:
    """(largest score, names of the detectors over the line, reason) by column."""
    size = row.shape[1]
    part = max(_FEW, round(_DAY_S * 1e6 / grid.step_us))
    past = max(_MUCH, round(_HISTORY_DAYS * _DAY_S * 1e6 / grid.step_us))
    limits = np.full((1, 1), np.nan)
    best = np.full(size, np.nan)
    flags: dict[int, str] = {}
    reasons: dict[int, str] = {}
    for begin in range(0, size, part):
        end = min(begin + part, size)
        history, history_grid = _cut(row, grid, begin - past, begin)
        for name, detector in judges.items():
            model = detector.learn(history, history_grid)
            block, block_grid = _cut(row, grid, begin - detector.context, end)
            scores = detector.score(block, block_grid, limits, model)[0, block.shape[1] - (end - begin) :]
            over = np.flatnonzero(scores >= 1) + begin
            for column in over.tolist():
                higher = not best[column] >= scores[column - begin]
                flags[column] = f"{flags[column]}+{name}" if column in flags else name
                if higher and (column - 1 not in reasons or name not in flags.get(column - 1, "")):
                    seen, seen_grid = _cut(row, grid, column + 1 - max(past, detector.context), column + 1)
                    reasons[column] = _reason(name, detector.explain(seen, seen_grid, limits, model))
                elif higher:
                    reasons[column] = reasons[column - 1]
            best[begin:end] = np.fmax(best[begin:end], scores)
    return best, flags, reasons


def _once(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Only the first of the rows over the line that follow each other, 0 elsewhere; NaN stays."""
    over = scores >= 1
    first = over & ~np.concatenate(([False], over[:-1]))
    return np.where(first | np.isnan(scores), scores, 0.0)


def _cut(row: Block, grid: Grid, begin: int, end: int) -> tuple[Block, Grid]:
    begin = max(0, begin)
    return row[:, begin:end], Grid(grid.start_us + begin * grid.step_us, grid.step_us, grid.offset_us)


def _reason(name: str, numbers: Mapping[str, float | str]) -> str:
    shown = [
        f"{key} {value}" if isinstance(value, str) else f"{key} {value:.6g}"
        for key, value in numbers.items()
        if key != "score" and (isinstance(value, str) or math.isfinite(value))
    ]
    return f"{name}: {', '.join(shown)}"


def _episodes(table: Table, scored: _Scored, over: NDArray[np.int64], step_us: int) -> list[Episode]:
    if not over.size:
        return []
    times = table.times_us[over]
    cuts = np.flatnonzero(np.diff(times) > _CLEAR_STEPS * step_us) + 1
    return [_episode(table, scored, part.tolist()) for part in np.split(over, cuts)]


def _episode(table: Table, scored: _Scored, rows: Sequence[int]) -> Episode:
    first, last = rows[0], rows[-1]
    top = max(rows, key=lambda row: float(scored.scores[row]))
    names = dict.fromkeys(name for row in rows for name in scored.flags[row].split("+"))
    return Episode(
        series=scored.name,
        start=table.texts[first],
        end=table.texts[last],
        start_us=int(table.times_us[first]),
        end_us=int(table.times_us[last]),
        score=round(float(scored.scores[top]), 4),
        flags="+".join(names),
        reason=scored.reasons[top],
    )


def _write(path: Path, out: Path, table: Table, scored: Sequence[_Scored]) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    with (out / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "series", "value", "score", "flags", "reason"])
        for one in scored:
            writer.writerows(_lines(table, one))
    alerts = [episode for one in scored for episode in one.episodes]
    heading = ["series", "start", "end", "score", "flags", "reason"]
    lines = [heading, *([str(getattr(episode, name)) for name in heading] for episode in alerts)]
    with (out / "alerts.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
    panels = [
        Panel(
            name=one.name,
            times_us=table.times_us,
            values=one.values,
            scores=one.scores,
            alarms=[(episode.start_us, episode.end_us) for episode in one.episodes],
            first_text=table.texts[0],
            last_text=table.texts[-1],
        )
        for one in scored
    ]
    (out / "picture.html").write_text(page(path.name, panels, lines), "utf-8")
    return [str(out / name) for name in ("rows.csv", "alerts.csv", "picture.html")]


def _lines(table: Table, one: _Scored) -> "list[tuple[str, str, str, str, str, str]]":
    values = ["" if math.isnan(value) else repr(value) for value in one.values.tolist()]
    scores = ["" if math.isnan(score) else f"{score:.4f}" for score in one.scores.tolist()]
    flags, reasons, name = one.flags, one.reasons, one.name
    return [
        (time, name, value, score, flags.get(row, ""), reasons.get(row, ""))
        for row, (time, value, score) in enumerate(zip(table.texts, values, scores, strict=True))
    ]


__all__ = ["Episode", "Summary", "backtest"]

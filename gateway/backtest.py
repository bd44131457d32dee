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
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_bridge.quantity import QUANTITIES
from gateway import csvseries, rules
from gateway.csvseries import Table
from gateway.daily import Judges, cells_of, eventful, judged, known, reason, step_us_of
from gateway.detect.flat_line import FlatLine
from gateway.detect.jump import Jump
from gateway.detect.silence import Silence
from gateway.detect.world import World
from gateway.picture import Panel, page
from gateway.streamed import Streamed, streamed

GENERIC = "generic"
_CLEAR_STEPS = 12  # an alert is over after so many steps under the line


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
    if kind != GENERIC:
        known(kind)
    table = csvseries.in_order(csvseries.read(path))
    step_us = step_us_of(table.times_us, kind)
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


def _judges(kind: str, step_s: float) -> Judges:
    """What to ask. `flat_line` waits for 6 hours, or for 36 values where they come more rarely."""
    flat_s = max(21600.0, 36 * step_s)
    if kind == GENERIC:
        flat = FlatLine(limit_s=flat_s, ceiling_s=4 * flat_s, gap_s=max(5400.0, 6 * step_s), step_s=step_s)
        return {"flat_line": flat}
    if eventful(kind):
        return {"silence": Silence(step_s=step_s)}
    looks = [
        r
        for r in rules.load()
        if r.detector not in (rules.UNHEARD, "world") and (not r.quantities or kind in r.quantities)
    ]
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
    events = eventful(kind)
    good = np.isfinite(values)
    row, cells, grid = cells_of(table, place, step_us, events=events)
    scores, flags, reasons = judged(row, grid, judges)
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
        why[i] = reason("world", world.reasons[i]) if higher[i] else reasons.get(int(cells[i]) - events, "")
    scored = _Scored(table.names[place], values, by_row, said, why, [])
    scored.episodes = _episodes(table, scored, over, step_us)
    return scored


def _once(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Only the first of the rows over the line that follow each other, 0 elsewhere; NaN stays."""
    over = scores >= 1
    first = over & ~np.concatenate(([False], over[:-1]))
    return np.where(first | np.isnan(scores), scores, 0.0)


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

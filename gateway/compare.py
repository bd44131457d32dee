"""Two rules files over the same file of values: what the second would have told that the first does not, and the other
way round. Every alert lives as it does in the gateway (hold, clear, again), and nothing looks ahead.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway import csvseries, rules
from gateway.alerts import Alert, Finding
from gateway.alerts.lifecycle import Timing, advance
from gateway.csvseries import Table
from gateway.daily import cells_of, eventful, judged, known, step_us_of
from gateway.detect.world import World
from gateway.errors import GatewayError
from gateway.rules import Rule
from gateway.streamed import streamed


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One alert: `fired` when somebody would be told, `over` when it was over ("" = it was not), as times in the file.

    `score`: that of the moment it was told.
    """

    rule: str
    series: str
    fired: str
    over: str
    score: float
    fired_us: int
    over_us: int


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """The same alert under both: it would be told `later_s` later with the second file (negative: earlier)."""

    before: Told
    after: Told
    later_s: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """`only_a`: not told any more. `only_b`: newly told. `moved`: told at another time, or over at another."""

    kind: str
    rows: int
    series: list[str]
    only_a: list[Told]
    only_b: list[Told]
    moved: list[Moved]
    same: int


def compare(path: Path, kind: str, first: Path | None, second: Path | None) -> Comparison:
    """Judge the file by both rules files (None: the shipped rules).

    GatewayError for a kind nobody knows or a file that cannot be read, SettingsError for rules that are not sound.
    """
    if kind == "generic":
        raise GatewayError("--compare: wanted the quantity of the file, as in --kind soil_moisture_vwc_pct; got none")
    known(kind)
    before, after = rules.load(first), rules.load(second)
    table = csvseries.in_order(csvseries.read(path))
    one, other = told(table, kind, before), told(table, kind, after)
    pairs = [(a, b) for a in one for b in other if _same_alert(a, b)]
    matched_a = {id(a) for a, _ in pairs}
    matched_b = {id(b) for _, b in pairs}
    moved = [
        Moved(before=a, after=b, later_s=(b.fired_us - a.fired_us) / 1e6)
        for a, b in pairs
        if (a.fired_us, a.over_us) != (b.fired_us, b.over_us)
    ]
    return Comparison(
        kind=kind,
        rows=len(table.texts),
        series=table.names,
        only_a=[a for a in one if id(a) not in matched_a],
        only_b=[b for b in other if id(b) not in matched_b],
        moved=moved,
        same=len(pairs) - len(moved),
    )


def told(table: Table, kind: str, book: Sequence[Rule]) -> list[Told]:
    """Every alert that these rules would have told of a table in order of time, rule by rule."""
    step_us = step_us_of(table.times_us, kind)
    found: list[Told] = []
    for rule in book:
        if rule.detector == rules.UNHEARD or not (kind in rule.quantities if rule.quantities else not eventful(kind)):
            continue
        for place, (cells, scores) in enumerate(_scores(table, rule, kind, step_us)):
            found += _alerts(table, place, rule, cells, scores)
    return found


def _scores(table: Table, rule: Rule, kind: str, step_us: int) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """(row of the table, score) of every judged place, by series."""
    detector = rules.build(rule, "" if rule.quantities else kind, step_us / 1e6)
    rows = np.arange(table.times_us.size)
    if isinstance(detector, World):
        flows = streamed(detector, table.times_us, table.values, table.offset_us, step_us)
        return [(rows, one.scores) for one in flows]
    found = []
    for place in range(len(table.names)):
        row, cells, grid = cells_of(table, place, step_us, events=eventful(kind))
        scores, _, _ = judged(row, grid, {rule.id: detector})
        if eventful(kind):  # a row ends a silence: what counts is how long it had become before
            scores = np.append(np.nan, scores[:-1])
        by_row = np.where(np.isfinite(table.values[place]), scores[cells], np.nan)
        found.append((rows, by_row))
    return found


def _alerts(table: Table, place: int, rule: Rule, rows: NDArray[np.int64], scores: NDArray[np.float64]) -> list[Told]:
    timing = Timing(**{name: getattr(rule, name) for name in Timing.__struct_fields__})
    series = table.names[place]
    kind = "device" if rule.subject == "device" else rule.site_kind or "device"
    found: list[Told] = []
    alert: Alert | None = None
    for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
        if score != score or (alert is None and score < 1):
            continue
        now_us = int(table.times_us[row])
        finding = Finding(
            rule=rule.id,
            subject=series,
            subject_kind=kind,
            severity=rule.severity,
            score=score,
            time_us=now_us,
            numbers={},
            series=series,
        )
        alert = advance(alert, finding, timing, now_us).alert
        if alert is not None and alert.state == "firing" and (not found or found[-1].fired_us != alert.fired_us):
            found.append(_told(rule, series, table, row, alert))
        elif alert is not None and alert.state == "resolved":
            found[-1] = msgspec.structs.replace(found[-1], over=table.texts[row], over_us=now_us)
            alert = None
    return found


def _told(rule: Rule, series: str, table: Table, row: int, alert: Alert) -> Told:
    return Told(
        rule=rule.id,
        series=series,
        fired=table.texts[row],
        over="",
        score=round(alert.score, 4),
        fired_us=alert.fired_us,
        over_us=0,
    )


def _same_alert(one: Told, other: Told) -> bool:
    """Of one rule and series, and at the same time for a while."""
    end = max(one.fired_us, one.over_us or 1 << 62), max(other.fired_us, other.over_us or 1 << 62)
    return (one.rule, one.series) == (other.rule, other.series) and one.fired_us <= end[1] and other.fired_us <= end[0]


__all__ = ["Comparison", "Moved", "Told", "compare", "told"]

"""Blocks → findings: every rule's detector over all series of its quantities at once, newest values only.

A reading counts as present while it lies in the newest two columns of its grid; what is older corrects the past and
raises nothing. Values that are physically impossible are not given to other rules, nor is a series that a technical
rule doubts in the same step. A subject's score is the largest of its series; NaN only where all are.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import SeriesKey
from gateway import rules as rulebook
from gateway.alerts import Finding, Numbers, SubjectKind
from gateway.detect import Block, Detector, Grid, Lender, Model
from gateway.detect.world import World
from gateway.flow import Flow
from gateway.models import Kept, Models
from gateway.rules import Rule
from gateway.settings import Device, Site
from gateway.window import STEP_S, Window

NEW = 2  # columns that are present


class _Bench(msgspec.Struct):
    """One rule's detector for one quantity, and what it has learned, or its flow where it is a stream."""

    rule: Rule
    quantity: str
    detector: Detector
    learns: bool
    model: Model = {}
    places: dict[SeriesKey, int] = {}  # a series' row in the model
    flow: Flow | None = None

    @property
    def name(self) -> str:
        return f"{self.rule.id}/{self.quantity}"


class _Best(msgspec.Struct):
    """The series that speaks for a subject."""

    score: float
    bench: _Bench
    key: SeriesKey
    back: int  # 0: judged by the newest column, 1: by the one before


class Judge:
    """Scores series by the rules that look at values. Used by one thread."""

    def __init__(self, rules: Sequence[Rule], sites: Sequence[Site], devices: Sequence[Device]) -> None:
        self._sites = {site.id: site for site in sites}
        self._devices = {device.id: device for device in devices}
        looks = [rule for rule in rules if rule.detector not in (rulebook.UNHEARD, rulebook.SILENCE)]
        levels = tuple(name for name, quantity in QUANTITIES.items() if quantity.kind == "gauge")
        self._benches = [
            self._bench(rule, quantity)
            for rule in sorted(looks, key=lambda rule: rule.severity != "tech")
            for quantity in rule.quantities or levels
        ]

    @staticmethod
    def _bench(rule: Rule, quantity: str) -> _Bench:
        detector = rulebook.build(rule, "" if rule.quantities else quantity, STEP_S)
        flow = Flow(detector, quantity) if isinstance(detector, World) else None
        return _Bench(rule, quantity, detector, rule.detector != "range", flow=flow)

    def learn(self, window: Window, now_us: int, *, late: bool = False) -> None:
        """Learn every model anew from the whole window; streams go on, and back first where late data came in."""
        for bench in self._benches:
            if bench.flow:
                bench.flow.learn(window, now_us, late=late)
            elif bench.learns:
                keys, history, grid = window.block(bench.quantity, window.columns(bench.quantity), now_us)
                if not keys:
                    continue  # what was restored is better than nothing
                model = bench.detector.learn(history, grid)
                bench.model = bench.detector.lend(model) if isinstance(bench.detector, Lender) else model
                bench.places = {key: row for row, key in enumerate(keys)}

    def keep(self, models: Models, now_us: int) -> None:
        """Write every model as its newest version."""
        for bench in self._benches:
            if bench.flow:
                kept = bench.flow.kept(now_us)
            else:
                kept = Kept(list(bench.places), -1, bench.model, learned_us=now_us)
            if bench.learns and kept.series:
                models.keep(bench.name, _struct(bench.detector), kept)

    def restore(self, models: Models) -> int:
        """Take up the newest models; how many there were. Learning afterwards replaces them where there is a past."""
        restored = 0
        for bench in self._benches:
            kept = models.newest(bench.name, _struct(bench.detector)) if bench.learns else None
            if kept is None:
                continue
            restored += 1
            if bench.flow:
                bench.flow.restore(kept)
            else:
                bench.model = dict(kept.arrays)
                bench.places = {key: row for row, key in enumerate(kept.series)}
        return restored

    def judge(self, window: Window, now_us: int, live: Mapping[tuple[str, str], object]) -> list[Finding]:
        """Findings over the line, and of every subject in `live` (rule, subject) whatever its score."""
        doubted: set[SeriesKey] = set()
        best: dict[tuple[str, str], _Best] = {}
        for bench in self._benches:
            keys, block, grid = window.block(bench.quantity, bench.detector.context + NEW, now_us)
            if not keys:
                continue
            if bench.flow:
                bench.flow.bring_on(window, now_us, doubted)
            for row, score, back in self._scores(bench, keys, block, grid, doubted, live):
                key = keys[row]
                subject = self._subject(bench.rule, key.device)
                if score >= 1 and bench.rule.severity == "tech":
                    doubted.add(key)
                known = best.get((bench.rule.id, subject))
                if known is None or score > known.score:
                    best[bench.rule.id, subject] = _Best(score, bench, key, back)
        return [self._finding(subject, one, window, now_us) for (_, subject), one in best.items()]

    def _scores(
        self,
        bench: _Bench,
        keys: Sequence[SeriesKey],
        block: Block,
        grid: Grid,
        doubted: set[SeriesKey],
        live: Mapping[tuple[str, str], object],
    ) -> list[tuple[int, float, int]]:
        """(row, score, columns back) of what is worth a finding."""
        rows = self._rows(bench.rule, keys)
        if not rows.size:
            return []
        named_keys = [keys[row] for row in rows.tolist()]
        if bench.flow:
            newest, back = bench.flow.scores(named_keys), np.zeros(rows.size, dtype=np.bool_)
        else:
            newest, back = self._newest(bench, named_keys, block[rows], grid)
        named = np.array([(bench.rule.id, self._subject(bench.rule, keys[row].device)) in live for row in rows])
        worth = np.flatnonzero((newest >= 1) | (named & ~np.isnan(newest)))
        found = [(int(rows[i]), float(newest[i]), int(back[i])) for i in worth]
        if bench.rule.severity == "tech":
            return found
        return [one for one in found if keys[one[0]] not in doubted]

    def _newest(
        self, bench: _Bench, keys: Sequence[SeriesKey], part: Block, grid: Grid
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """(newest score, whether it is that of the column before) by series."""
        if bench.rule.quantities:
            quantity = QUANTITIES[bench.quantity]
            present = part[:, -NEW:]
            present[(present < quantity.low) | (present > quantity.high)] = np.nan
        limits = np.array([[self._limit(key.device, bench.quantity)] for key in keys])
        scores = bench.detector.score(part, grid, limits, _taken(bench, keys))[:, -NEW:]
        back = np.isnan(scores[:, -1])
        return np.where(back, scores[:, -2], scores[:, -1]), back

    def _rows(self, rule: Rule, keys: Sequence[SeriesKey]) -> NDArray[np.int64]:
        kind = rule.site_kind
        return np.array(
            [
                row
                for row, key in enumerate(keys)
                if key.device in self._devices
                and (kind is None or self._sites[self._devices[key.device].site].kind == kind)
            ],
            dtype=np.int64,
        )

    def _limit(self, device: str, quantity: str) -> float:
        return self._sites[self._devices[device].site].limits.get(quantity, np.nan)

    def _subject(self, rule: Rule, device: str) -> str:
        return self._devices[device].site if rule.subject == "site" else device

    def _finding(self, subject: str, best: _Best, window: Window, now_us: int) -> Finding:
        rule = best.bench.rule
        site = self._sites[self._devices[best.key.device].site]
        kind: SubjectKind = site.kind if rule.subject == "site" else "device"
        return Finding(
            rule=rule.id,
            subject=subject,
            subject_kind=kind,
            severity=rule.severity,
            score=best.score,
            time_us=now_us,
            numbers=self._numbers(best, site, window, now_us) if best.score >= 1 else {},
            series=str(best.key),
        )

    def _numbers(self, best: _Best, site: Site, window: Window, now_us: int) -> Numbers:
        bench, key = best.bench, best.key
        quantity = QUANTITIES[key.quantity]
        return {
            **(bench.flow.numbers(key) if bench.flow else self._explained(best, window, now_us)),
            "quantity_ja": quantity.ja,
            "quantity_en": quantity.en,
            "unit": quantity.unit,
            "measured_us": float(window.measured_us(key)),
            **about(self._devices[key.device], site),
        }

    def _explained(self, best: _Best, window: Window, now_us: int) -> Numbers:
        bench, key = best.bench, best.key
        block, grid = window.row(key, window.columns(key.quantity), now_us)
        block = block[:, : block.shape[1] - best.back]
        limits = np.array([[self._limit(key.device, key.quantity)]])
        return {**bench.detector.explain(block, grid, limits, _taken(bench, [key]))}


def about(device: Device, site: Site) -> Numbers:
    """Names of a device and of what it looks at, for the texts of a rule."""
    return {
        "device": device.id,
        "place_ja": device.place_ja or site.label_ja,
        "place_en": device.place_en or site.label_en,
        "site_ja": site.label_ja,
        "site_en": site.label_en,
    }


def _taken(bench: _Bench, keys: Sequence[SeriesKey]) -> Model:
    """The model's rows; zeros, which mean "nothing learned", for series that came after it was learned."""
    rows = np.array([bench.places.get(key, -1) for key in keys], dtype=np.int64)
    taken: Model = {}
    for name, array in bench.model.items():
        out = np.zeros((rows.size, *array.shape[1:]))
        known = rows >= 0
        out[known] = array[rows[known]]
        taken[name] = out
    return taken


def _struct(detector: Detector) -> msgspec.Struct:
    return cast("msgspec.Struct", detector)

"""Is a person quiet for longer than ever? The `silence` rule over all homes, and what the board says of each.

A home that is not heard cannot be judged: its silence does not age, and the sensors' own alerts say so. While the
gateway is blind no home is judged.
"""

import math
from collections.abc import Sequence

import msgspec

from gateway import rules as rulebook
from gateway.alerts import Finding, Numbers
from gateway.detect import Detector, Model
from gateway.detect.silence import Silence
from gateway.rules import Rule
from gateway.settings import Device, Site
from gateway.window import Window

NEW = 2
STEP_S = 60.0


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """One home: see `states.HomeState`. `score` ≥ 1 is over the rule's line, NaN cannot be known."""

    score: float
    quiet_s: float | None
    usual_longest_s: float | None
    limit_s: float
    last_us: int
    last_device: str
    last_series: str
    learned_days: int


class Homes:
    """Judges homes by the rules of the detector `silence`; without one they are watched but never alarmed."""

    def __init__(self, rules: Sequence[Rule], sites: Sequence[Site], devices: Sequence[Device]) -> None:
        self._sites = {site.id: site for site in sites}
        self._devices = {device.id: device for device in devices}
        self._rules = [rule for rule in rules if rule.detector == rulebook.SILENCE]
        self._detectors: list[Detector] = [rulebook.build(rule, "", STEP_S) for rule in self._rules] or [Silence()]
        self._models: list[Model] = [{} for _ in self._detectors]

    def learn(self, window: Window, now_us: int) -> None:
        """Learn every home's habits anew from the whole window."""
        _, history, grid = window.activity(now_us=now_us)
        self._models = [detector.learn(history, grid) for detector in self._detectors]

    def judge(self, window: Window, now_us: int, *, blind: bool) -> tuple[dict[str, Quiet], list[Finding]]:
        """How quiet every home is (by the first rule), and a finding of every rule about every home."""
        states: dict[str, Quiet] = {}
        findings: list[Finding] = []
        for place, detector in enumerate(self._detectors):
            quiet = self._quiet(detector, self._models[place], window, now_us, blind)
            states = states or quiet
            if self._rules:
                findings += [self._finding(self._rules[place], home, one, now_us) for home, one in quiet.items()]
        return states, findings

    def _quiet(self, detector: Detector, model: Model, window: Window, now_us: int, blind: bool) -> dict[str, Quiet]:
        homes, block, grid = window.activity(detector.context + NEW, now_us)
        limits = block[:, :1] * math.nan
        scores = detector.score(block, grid, limits, model)[:, -1] if homes else ()
        found = {}
        for row, home in enumerate(homes):
            one = {name: array[row : row + 1] for name, array in model.items()}
            numbers = detector.explain(block[row : row + 1], grid, limits[row : row + 1], one)
            last_us, last_device, last_series = window.last_activity(home)
            known = not blind and not math.isnan(scores[row])
            found[home] = Quiet(
                score=float(scores[row]) if known else math.nan,
                quiet_s=numbers.get("quiet_s") if known else None,
                usual_longest_s=numbers.get("usual_s"),
                limit_s=numbers["limit_s"],
                last_us=last_us,
                last_device=last_device,
                last_series=last_series,
                learned_days=int(numbers["days"]),
            )
        return found

    def _finding(self, rule: Rule, home: str, quiet: Quiet, now_us: int) -> Finding:
        device = self._devices.get(quiet.last_device)
        site = self._sites[home]
        numbers: Numbers = {"quiet_s": quiet.quiet_s or 0.0, "limit_s": quiet.limit_s}
        numbers |= {"days": float(quiet.learned_days), "site_ja": site.label_ja, "site_en": site.label_en}
        if quiet.last_us:
            numbers["last_us"] = float(quiet.last_us)
        if quiet.usual_longest_s is not None:
            numbers["usual_s"] = quiet.usual_longest_s
        if device is not None:
            numbers |= {"place_ja": device.place_ja or device.id, "place_en": device.place_en or device.id}
        return Finding(
            rule=rule.id,
            subject=home,
            subject_kind="home",
            severity=rule.severity,
            score=quiet.score,
            time_us=now_us,
            numbers=numbers,
            series=quiet.last_series,
        )

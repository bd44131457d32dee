"""The life of an alert, as a pure function of (alert or none, finding, now).

    none ──score ≥ 1──▶ pending ──held hold_s──▶ firing ──a person──▶ acknowledged
                           │                        └──────────┬──────────┘
                      score < 1: forgotten        score < clear_score for clear_s, or a person closes it
                                                               ▼
                                                           resolved

NaN ("cannot know") changes nothing. Between the line and `clear_score` a firing alert stays: it never flaps. An alert
that a person closed although its cause goes on `holds`: the same cause raises it again only after `again_s` (0: never
before it was clear once). A judgement older than two hours is no evidence of lasting: hold and clear begin anew.
"""

import math

import msgspec

from gateway.alerts import Alert, Finding, Happening

STALE_S = 7200.0


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How long a finding must last before anybody is told (`hold_s`), and what it takes to be over again."""

    hold_s: float = 0.0
    clear_score: float = 0.9
    clear_s: float = 0.0
    again_s: float = 0.0


class Step(msgspec.Struct, frozen=True):
    """What became of the alert (None: there is none any more) and what happened, None for nothing worth telling."""

    alert: Alert | None
    what: Happening | None = None


def advance(alert: Alert | None, finding: Finding, timing: Timing, now_us: int) -> Step:
    """The alert after this finding. A new one has id 0; the ledger numbers it."""
    if math.isnan(finding.score):
        return Step(alert)
    if alert is not None and alert.state == "resolved":
        return _after_closing(alert, finding, timing, now_us)
    if alert is None:
        return _begin(finding, timing, now_us)
    if alert.state == "pending":
        return _wait(alert, finding, timing, now_us)
    return _clear(alert, finding, timing, now_us)


def _begin(finding: Finding, timing: Timing, now_us: int) -> Step:
    if finding.score < 1:
        return Step(None)
    alert = Alert(
        id=0,
        number="",
        rule=finding.rule,
        subject=finding.subject,
        subject_kind=finding.subject_kind,
        severity=finding.severity,
        state="pending",
        seen_us=now_us,
        score=finding.score,
        numbers=finding.numbers,
        series=finding.series,
        judged_us=now_us,
    )
    return _wait(alert, finding, timing, now_us) if timing.hold_s <= 0 else Step(alert, "noticed")


def _wait(alert: Alert, finding: Finding, timing: Timing, now_us: int) -> Step:
    if finding.score < 1:
        return Step(None)
    seen_us = now_us if _stale(alert, now_us) else alert.seen_us
    alert = msgspec.structs.replace(
        alert, seen_us=seen_us, judged_us=now_us, score=finding.score, numbers=finding.numbers, series=finding.series
    )
    if now_us - seen_us < timing.hold_s * 1e6:
        return Step(alert)
    return Step(msgspec.structs.replace(alert, state="firing", fired_us=now_us), "fired")


def _clear(alert: Alert, finding: Finding, timing: Timing, now_us: int) -> Step:
    alert, over = _calmed(alert, finding, timing, now_us)
    if not over:
        return Step(alert)
    return Step(msgspec.structs.replace(alert, state="resolved", resolved_us=now_us), "resolved")


def _after_closing(alert: Alert, finding: Finding, timing: Timing, now_us: int) -> Step:
    if not alert.holds:
        return _begin(finding, timing, now_us)
    if finding.score >= 1 and timing.again_s > 0 and now_us - alert.resolved_us >= timing.again_s * 1e6:
        return _begin(finding, timing, now_us)
    alert, over = _calmed(alert, finding, timing, now_us)
    return Step(msgspec.structs.replace(alert, holds=False) if over else alert)


def _calmed(alert: Alert, finding: Finding, timing: Timing, now_us: int) -> tuple[Alert, bool]:
    if finding.score >= timing.clear_score:
        return msgspec.structs.replace(alert, judged_us=now_us, calm_us=0), False
    calm_us = now_us if alert.calm_us == 0 or _stale(alert, now_us) else alert.calm_us
    return msgspec.structs.replace(alert, judged_us=now_us, calm_us=calm_us), now_us - calm_us >= timing.clear_s * 1e6


def _stale(alert: Alert, now_us: int) -> bool:
    return not 0 <= now_us - alert.judged_us <= STALE_S * 1e6

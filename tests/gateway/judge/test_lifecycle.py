import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerts import Alert, Finding
from gateway.alerts.lifecycle import STALE_S, Step, Timing, advance

MINUTE_US = 60_000_000
TIMING = Timing(hold_s=120, clear_score=0.9, clear_s=180)
NOW_US = 1_800_000_000_000_000


def finding(score: float) -> Finding:
    return Finding(
        rule="r",
        subject="s",
        subject_kind="roof",
        severity="urgent",
        score=score,
        time_us=NOW_US,
        numbers={"value": score},
    )


def walk(scores: list[float], timing: Timing = TIMING, alert: Alert | None = None) -> list[Step]:
    steps = []
    for minute, score in enumerate(scores):
        step = advance(alert, finding(score), timing, NOW_US + minute * MINUTE_US)
        steps.append(step)
        alert = step.alert
        if alert is not None and alert.state == "resolved" and not alert.holds:
            alert = None
    return steps


def states(scores: list[float], timing: Timing = TIMING) -> list[str]:
    return [step.alert.state if step.alert else "none" for step in walk(scores, timing)]


def test_a_finding_must_last_before_anybody_is_told() -> None:
    assert states([1.1, 1.1, 1.1]) == ["pending", "pending", "firing"]
    assert states([1.1, 1.1, 0.99, 1.1, 1.1]) == ["pending", "pending", "none", "pending", "pending"]


def test_without_a_hold_it_fires_at_once() -> None:
    assert states([1.0], Timing()) == ["firing"]


def test_between_the_line_and_the_clearing_line_it_does_not_flap() -> None:
    assert set(states([1.1] * 3 + [0.95, 1.01, 0.91, 1.2] * 20)[3:]) == {"firing"}


def test_it_resolves_only_after_staying_clear() -> None:
    firing = [1.1] * 3
    assert states([*firing, 0.5, 0.5, 0.5, 0.5])[-2:] == ["firing", "resolved"]
    assert states([*firing, 0.5, 0.5, 0.95, 0.5, 0.5, 0.5])[-1] == "firing"


def test_what_cannot_be_known_changes_nothing() -> None:
    assert states([math.nan]) == ["none"]
    assert states([1.1, math.nan, 1.1]) == ["pending", "pending", "firing"]
    assert states([1.1] * 3 + [math.nan] * 50)[-1] == "firing"
    pending = walk([1.1, math.nan, math.nan, math.nan, math.nan])
    assert pending[-1].alert == pending[0].alert


def test_the_numbers_of_the_moment_it_fired_stay() -> None:
    steps = walk([1.1, 1.2, 1.3, 5.0])
    assert steps[-1].alert is not None
    assert steps[-1].alert.numbers == {"value": 1.3}


def test_a_finding_from_before_a_long_outage_is_no_evidence_of_lasting() -> None:
    alert = walk([1.1])[-1].alert
    late_us = NOW_US + int((STALE_S + 60) * 1e6)
    step = advance(alert, finding(1.1), TIMING, late_us)
    assert step.alert is not None
    assert (step.alert.state, step.alert.seen_us) == ("pending", late_us)


def closed(holds: bool = True) -> Alert:
    alert = walk([1.1] * 3)[-1].alert
    assert alert is not None
    return msgspec.structs.replace(
        alert, id=7, state="resolved", resolved_us=NOW_US, outcome="fine", holds=holds, calm_us=0, judged_us=NOW_US
    )


def test_what_a_person_closed_does_not_come_again_for_the_same_cause() -> None:
    steps = walk([1.5] * 60, alert=closed())
    assert {step.alert.id for step in steps if step.alert} == {7}


def test_it_comes_again_once_the_cause_was_gone() -> None:
    steps = walk([1.5, 0.5, 0.5, 0.5, 0.5, 1.5, 1.5, 1.5], alert=closed())
    assert [step.alert.state if step.alert else "none" for step in steps][-3:] == ["pending", "pending", "firing"]
    assert steps[-1].alert is not None
    assert steps[-1].alert.id == 0


def test_it_comes_again_where_the_rule_says_so_after_a_while() -> None:
    timing = msgspec.structs.replace(TIMING, again_s=600)
    steps = walk([1.5] * 14, timing, closed())
    assert [step.alert.state for step in steps if step.alert][9:] == [
        "resolved",
        "pending",
        "pending",
        "firing",
        "firing",
    ]


LEGAL = {
    "none": {"none", "pending", "firing"},
    "pending": {"pending", "firing", "none"},
    "firing": {"firing", "resolved"},
    "resolved": {"none", "pending", "firing", "resolved"},
}


@given(
    scores=st.lists(st.one_of(st.floats(0, 3), st.just(math.nan)), max_size=60),
    hold_s=st.sampled_from([0, 60, 300]),
    clear_s=st.sampled_from([0, 60, 300]),
)
def test_any_scores_walk_a_legal_path(scores: list[float], hold_s: float, clear_s: float) -> None:
    timing = Timing(hold_s=hold_s, clear_s=clear_s)
    before = "none"
    for score, step in zip(scores, walk(scores, timing), strict=True):
        now = step.alert.state if step.alert else "none"
        assert now in LEGAL[before]
        assert not (now == "firing" and before != "firing" and not score >= 1)
        assert not (now == "resolved" and before == "firing" and not score < timing.clear_score)
        assert (step.what == "fired") == (now == "firing" and before != "firing")
        before = now

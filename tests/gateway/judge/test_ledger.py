import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gateway.alerts import Alert, Event, Finding
from gateway.alerts.ledger import Ledger
from gateway.alerts.lifecycle import Timing
from gateway.errors import RecordsError
from gateway.records import open_records

NOON_US = 1_799_982_000_000_000  # 2027-01-15, 12:00 in Japan
DAY_US = 86_400_000_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_records(tmp_path / "records.db")
    yield engine
    engine.dispose()


def fire(ledger: Ledger, subject: str = "roof-hall", now_us: int = NOON_US, rule: str = "roof") -> Alert:
    finding = Finding(
        rule=rule,
        subject=subject,
        subject_kind="roof",
        severity="urgent",
        score=1.5,
        time_us=now_us,
        numbers={"value": 9.5},
    )
    alert = ledger.advance(finding, Timing(), now_us)
    assert alert is not None
    return alert


def calm(ledger: Ledger, subject: str = "roof-hall", now_us: int = NOON_US) -> Alert | None:
    finding = Finding(rule="roof", subject=subject, subject_kind="roof", severity="urgent", score=0.1, time_us=now_us)
    return ledger.advance(finding, Timing(), now_us)


def test_an_alert_is_numbered_by_the_local_day(engine: Engine) -> None:
    ledger = Ledger(engine)
    midnight_us = NOON_US + DAY_US // 2
    assert [fire(ledger, f"roof-{n}").number for n in range(3)] == ["2027-0115-01", "2027-0115-02", "2027-0115-03"]
    assert fire(ledger, "roof-late", midnight_us - 1_000_000).number == "2027-0115-04"
    assert fire(ledger, "roof-next", midnight_us).number == "2027-0116-01"


def test_more_than_ninety_nine_on_one_day_still_get_numbers_of_their_own(engine: Engine) -> None:
    ledger = Ledger(engine)
    numbers = [fire(ledger, f"roof-{n}").number for n in range(102)]
    assert len(set(numbers)) == 102
    assert numbers[-1] == "2027-0115-102"


def test_one_alert_is_open_for_a_rule_and_a_subject(engine: Engine) -> None:
    ledger = Ledger(engine)
    assert {fire(ledger, now_us=NOON_US + n).id for n in range(5)} == {1}
    assert len(ledger.open()) == 1


def test_everything_survives_a_restart(engine: Engine) -> None:
    before = Ledger(engine)
    alert = fire(before)
    before.acknowledge(alert.id, "duty 1", NOON_US + 1)
    after = Ledger(engine)
    assert after.open() == before.open()
    assert after.open()[0].numbers == {"value": 9.5}
    assert [event.what for event in after.story(alert.id)] == ["fired", "acknowledged"]
    assert fire(after, now_us=NOON_US + 2).id == alert.id


def test_holding_survives_a_restart(engine: Engine) -> None:
    timing = Timing(hold_s=120)
    finding = Finding(rule="r", subject="s", subject_kind="roof", severity="watch", score=2.0, time_us=0)
    first = Ledger(engine).advance(finding, timing, NOON_US)
    again = Ledger(engine).advance(finding, timing, NOON_US + 120_000_000)
    assert first is not None
    assert again is not None
    assert (first.state, again.state, again.id) == ("pending", "firing", first.id)


def test_what_never_lasted_leaves_no_trace_among_the_alerts(engine: Engine) -> None:
    ledger = Ledger(engine)
    finding = Finding(rule="r", subject="s", subject_kind="roof", severity="watch", score=2.0, time_us=0)
    ledger.advance(finding, Timing(hold_s=120), NOON_US)
    assert ledger.open() == []
    calm_one = Finding(rule="r", subject="s", subject_kind="roof", severity="watch", score=0.0, time_us=0)
    assert ledger.advance(calm_one, Timing(hold_s=120), NOON_US + 1) is None
    assert ledger.recent() == []
    assert Ledger(engine).live() == {}


def test_the_story_of_one_that_never_lasted_is_not_told_of_the_next(engine: Engine) -> None:
    ledger = Ledger(engine)
    finding = Finding(rule="roof", subject="roof-hall", subject_kind="roof", severity="urgent", score=1.5, time_us=0)
    forgotten = ledger.advance(finding, Timing(hold_s=60), NOON_US)
    assert forgotten is not None
    assert calm(ledger) is None
    after = fire(ledger, "roof-school")
    assert after.id != forgotten.id
    assert [event.what for event in ledger.story(after.id)] == ["fired"]


def test_somebody_takes_it_and_another_may_take_it_over(engine: Engine) -> None:
    ledger = Ledger(engine)
    alert = fire(ledger)
    assert ledger.acknowledge(alert.id, "duty 1", NOON_US + 5).acknowledged_by == "duty 1"
    assert ledger.acknowledge(alert.id, "duty 1", NOON_US + 9).acknowledged_us == NOON_US + 5
    assert ledger.acknowledge(alert.id, "duty 2", NOON_US + 9).acknowledged_by == "duty 2"


def test_what_is_over_or_unknown_cannot_be_taken(engine: Engine) -> None:
    ledger = Ledger(engine)
    alert = fire(ledger)
    calm(ledger)
    with pytest.raises(RecordsError, match="resolved"):
        ledger.acknowledge(alert.id, "duty 1", NOON_US)
    with pytest.raises(RecordsError, match="no alert 99"):
        ledger.acknowledge(99, "duty 1", NOON_US)


def test_a_closed_alert_does_not_fire_again_for_the_same_cause_even_after_a_restart(engine: Engine) -> None:
    alert = fire(Ledger(engine))
    Ledger(engine).close(alert.id, "duty 1", "fine", NOON_US + 1)
    again = Ledger(engine)
    assert again.open() == []
    finding = Finding(rule="roof", subject="roof-hall", subject_kind="roof", severity="urgent", score=1.5, time_us=0)
    kept = again.advance(finding, Timing(), NOON_US + 2)
    assert kept is not None
    assert (kept.id, kept.state) == (alert.id, "resolved")
    calm(again, now_us=NOON_US + 3)
    assert fire(again, now_us=NOON_US + 4).id != alert.id


def test_an_outcome_is_one_of_the_list_and_given_once(engine: Engine) -> None:
    ledger = Ledger(engine)
    alert = fire(ledger)
    with pytest.raises(RecordsError, match="wanted an outcome out of fine, out"):
        ledger.close(alert.id, "duty 1", "whatever", NOON_US)
    calm(ledger, now_us=NOON_US + 5)
    assert ledger.close(alert.id, "duty 1", "unwell", NOON_US + 9).resolved_us == NOON_US + 5
    with pytest.raises(RecordsError, match="cannot be closed"):
        ledger.close(alert.id, "duty 1", "fine", NOON_US + 10)


def test_giving_an_old_alert_its_outcome_leaves_the_new_one_open(engine: Engine) -> None:
    ledger = Ledger(engine)
    old = fire(ledger)
    calm(ledger)
    new = fire(ledger)
    ledger.close(old.id, "duty 1", "fine", NOON_US)
    assert [alert.id for alert in ledger.open()] == [new.id]


def test_listeners_hear_of_every_change_after_it_is_kept(engine: Engine) -> None:
    ledger = Ledger(engine)
    heard: list[tuple[str, str]] = []

    def listen(event: Event, alert: Alert) -> None:
        assert ledger.get(alert.id) == alert
        heard.append((event.what, alert.state))

    unlisten = ledger.listen(listen)
    alert = fire(ledger)
    ledger.acknowledge(alert.id, "duty 1", NOON_US)
    calm(ledger)
    unlisten()
    fire(ledger, "other")
    assert heard == [("fired", "firing"), ("acknowledged", "acknowledged"), ("resolved", "resolved")]


def test_the_most_severe_stands_first(engine: Engine) -> None:
    ledger = Ledger(engine)
    for number, severity in enumerate(("tech", "urgent", "watch")):
        finding = Finding(
            rule="r", subject=f"s{number}", subject_kind="device", severity=severity, score=1.0, time_us=0
        )
        ledger.advance(finding, Timing(), NOON_US + number)
    assert [alert.severity for alert in ledger.open()] == ["urgent", "watch", "tech"]
    assert [alert.subject for alert in ledger.recent(2)] == ["s2", "s1"]


def test_taking_and_judging_at_once_lose_neither(engine: Engine) -> None:
    ledger = Ledger(engine)
    alerts = [fire(ledger, f"roof-{n}") for n in range(8)]

    def judge() -> None:
        for turn in range(20):
            for alert in alerts:
                fire_again(ledger, alert.subject, NOON_US + turn * 700_000_000)

    thread = threading.Thread(target=judge)
    thread.start()
    for alert in alerts:
        ledger.acknowledge(alert.id, "duty 1", NOON_US + 1)
    thread.join()
    assert {alert.state for alert in ledger.open()} == {"acknowledged"}
    assert {alert.acknowledged_by for alert in Ledger(engine).open()} == {"duty 1"}


def fire_again(ledger: Ledger, subject: str, now_us: int) -> None:
    finding = Finding(rule="roof", subject=subject, subject_kind="roof", severity="urgent", score=1.5, time_us=now_us)
    ledger.advance(finding, Timing(), now_us)

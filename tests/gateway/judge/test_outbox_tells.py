import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from mail_server import mail_server
from waiting import wait_until

from gateway import rules
from gateway.alerts import Alert, Finding, Severity, SubjectKind
from gateway.alerts.ledger import Ledger
from gateway.alerts.lifecycle import Timing
from gateway.errors import NotifyError
from gateway.notify import Message, Outbox
from gateway.notify.email import Email
from gateway.records import open_records

NOON_US = 1_799_982_000_000_000
SECOND_US = 1_000_000
RULES = {rule.id: rule for rule in rules.load()}
KINDS: dict[str, tuple[SubjectKind, Severity]] = {
    "roof-load-danger": ("roof", "urgent"),
    "roof-load-warning": ("roof", "watch"),
    "home-silence": ("home", "urgent"),
    "device-unheard": ("device", "tech"),
}


class Listener(msgspec.Struct, kw_only=True):
    """A real notifier that remembers what it was told; `failures` are raised first, one a message."""

    name: str = "duty"
    severities: tuple[Severity, ...] = ("urgent", "watch", "tech")
    told: list[Message] = []
    failures: list[NotifyError] = []

    def notify(self, message: Message, /) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.told.append(message)

    def said(self) -> list[tuple[str, list[str]]]:
        return [(message.reason, [item.number[-2:] for item in message.items]) for message in self.told]


class Office:
    """Ledger and outbox on one records file; the clock is the test's."""

    def __init__(self, folder: Path, *listeners: Listener) -> None:
        self.now_us = NOON_US
        self.engine = open_records(folder / "records.db")
        self.listeners = listeners or (Listener(),)
        self.open()

    def open(self) -> None:
        self.ledger = Ledger(self.engine)
        self.outbox = Outbox(
            self.engine,
            self.listeners,
            self.ledger,
            RULES,
            labels={"roof-hall": ("公民館", "Hall"), "home-a07": ("名前", "name")},
            public_url="http://gateway.example:8420/",
            now_us=lambda: self.now_us,
        )

    def find(self, rule: str, subject: str, score: float = 1.5) -> Alert | None:
        kind, severity = KINDS[rule]
        finding = Finding(
            rule=rule, subject=subject, subject_kind=kind, severity=severity, score=score, time_us=self.now_us,
            numbers={"value": 545.0, "percent": 91.0, "limit": 600.0, "quiet_s": 18600.0},
        )  # fmt: skip
        return self.ledger.advance(finding, Timing(), self.now_us)

    def fire(self, rule: str = "roof-load-danger", subject: str = "roof-hall") -> int:
        alert = self.find(rule, subject)
        assert alert is not None
        return alert.id

    def later(self, seconds: float) -> int:
        self.now_us += int(seconds * SECOND_US)
        return self.outbox.step(self.now_us)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.engine.dispose()


def test_an_alert_is_told_once_with_its_reason_and_a_link(office: Office) -> None:
    alert = office.fire()
    office.later(0)
    office.later(60)
    (message,) = office.listeners[0].told
    item = message.items[0]
    assert message.reason == "first"
    assert item.url == f"http://gateway.example:8420/alerts/{alert}"
    assert "設計の91%です" in item.reason_ja
    assert (item.where_ja, item.where_en) == ("公民館", "Hall")
    assert [(telling.reason, telling.result) for telling in office.ledger.tellings(alert)] == [("first", "sent")]


def test_a_home_is_a_number_outside_and_nothing_else(office: Office) -> None:
    office.fire("home-silence", "home-a07")
    office.later(0)
    text = office.listeners[0].told[0].text("ja", office.ledger._zone) + str(office.listeners[0].told[0])
    assert "home-a07" not in text
    assert "名前" not in text
    assert "2027-0115-01" in text


def test_a_pending_alert_is_told_to_nobody(office: Office) -> None:
    finding = Finding(
        rule="roof-load-danger", subject="r", subject_kind="roof", severity="urgent", score=2.0, time_us=NOON_US
    )
    office.ledger.advance(finding, Timing(hold_s=600), NOON_US)
    office.later(60)
    assert office.listeners[0].told == []


def test_everybody_is_told_what_is_theirs(tmp_path: Path) -> None:
    duty, works = Listener(severities=("urgent",)), Listener(name="works", severities=("tech",))
    office = Office(tmp_path, duty, works)
    office.fire()
    office.fire("device-unheard", "probe-1")
    office.later(0)
    office.later(30)
    assert (duty.said(), works.said()) == ([("first", ["01"])], [("first", ["02"])])
    office.engine.dispose()


def test_it_is_repeated_until_somebody_takes_it(office: Office) -> None:
    alert = office.fire()
    office.later(0)
    office.later(1799)
    office.later(1)
    office.later(1800)
    office.ledger.acknowledge(alert, "duty 1", office.now_us)
    office.later(1800)
    office.later(1800)
    assert office.listeners[0].said() == [("first", ["01"]), ("repeat", ["01"]), ("repeat", ["01"])]


def test_taking_it_stops_everything_that_waits(office: Office) -> None:
    office.listeners[0].failures = [NotifyError("away", retryable=True)]
    alert = office.fire()
    office.later(0)
    office.ledger.acknowledge(alert, "duty 1", office.now_us)
    office.later(7200)
    assert office.listeners[0].told == []
    results = [telling.result for telling in office.ledger.tellings(alert)]
    assert results == ["failed: away", "stopped: acknowledged"]


def test_taking_it_between_planning_and_sending_stops_it_too(office: Office) -> None:
    alert = office.fire("device-unheard", "probe-1")
    office.later(1)
    office.ledger.acknowledge(alert, "duty 1", office.now_us)
    office.outbox._plan = lambda _now_us: None  # type: ignore[method-assign]
    office.later(60)
    assert office.listeners[0].told == []
    assert [telling.result for telling in office.ledger.tellings(alert)] == ["stopped: no longer so"]


def test_those_who_were_told_hear_that_it_is_over(tmp_path: Path) -> None:
    duty, deaf = Listener(), Listener(name="deaf")
    office = Office(tmp_path, duty, deaf)
    deaf.failures = [NotifyError("no", retryable=False)]
    alert = office.fire()
    office.later(0)
    office.ledger.acknowledge(alert, "duty 1", office.now_us)
    office.find("roof-load-danger", "roof-hall", 0.1)
    office.later(5)
    assert duty.said() == [("first", ["01"]), ("resolved", ["01"])]
    assert deaf.said() == []
    office.ledger.close(alert, "duty 1", "handled", office.now_us)
    office.later(5)
    assert len(duty.told) == 2, "its outcome afterwards is not news"
    office.engine.dispose()


def test_what_was_over_before_anybody_heard_is_not_told_at_all(office: Office) -> None:
    office.listeners[0].failures = [NotifyError("away", retryable=True)]
    office.fire()
    office.later(0)
    office.find("roof-load-danger", "roof-hall", 0.1)
    office.later(3600)
    assert office.listeners[0].told == []


def test_a_failure_that_may_pass_is_tried_again_with_growing_pauses_and_the_same_key(office: Office) -> None:
    office.listeners[0].failures = [NotifyError("away", retryable=True) for _ in range(4)]
    office.fire()
    tried = []
    for second in range(0, 600, 5):
        before = len(office.listeners[0].failures)
        if office.outbox.step(NOON_US + second * SECOND_US) or len(office.listeners[0].failures) < before:
            tried.append(second)
    assert tried == [0, 30, 90, 210, 450]
    assert len(office.listeners[0].told) == 1


def test_what_will_never_be_taken_is_not_tried_again_and_stays_visible(office: Office) -> None:
    office.listeners[0].failures = [NotifyError("550 no such user", retryable=False)]
    alert = office.fire()
    for _ in range(10):
        office.later(60)
    assert office.listeners[0].told == []
    (open_one,) = office.outbox.undelivered()
    assert (open_one.state, open_one.error, open_one.alerts) == ("failed", "550 no such user", (alert,))


def test_nothing_is_lost_or_doubled_by_a_restart(office: Office) -> None:
    office.fire()
    office.listeners[0].failures = [NotifyError("away", retryable=True)]
    office.later(0)
    office.open()
    office.fire("home-silence", "home-a07")
    office.open()
    office.later(30)
    office.open()
    office.later(30)
    assert sorted(office.listeners[0].said()) == [("first", ["01"]), ("first", ["02"])]


def test_many_technical_alerts_are_gathered_into_one_message(office: Office) -> None:
    for number in range(40):
        office.fire("device-unheard", f"probe-{number}")
        office.later(0.5)
    office.later(60)
    (message,) = office.listeners[0].told
    assert len(message.items) == 40
    assert message.subject("ja") == "【機器】知らせ 2027-0115-01 ほか39件"


def test_a_storm_of_urgent_alerts_is_one_message_and_a_few_are_their_own(office: Office) -> None:
    for number in range(3):
        office.fire("home-silence", f"home-{number}")
    office.later(0)
    assert len(office.listeners[0].told) == 3
    for number in range(3, 9):
        office.fire("home-silence", f"home-{number}")
    office.later(0)
    assert [len(message.items) for message in office.listeners[0].told] == [1, 1, 1, 6]


def test_taking_one_of_many_leaves_the_others(office: Office) -> None:
    ids = [office.fire("device-unheard", f"probe-{number}") for number in range(3)]
    office.later(1)
    office.ledger.acknowledge(ids[1], "tech", office.now_us)
    office.later(60)
    assert office.listeners[0].said() == [("first", ["01", "03"])]


def test_a_more_severe_alert_says_that_it_takes_the_milder_ones_place(office: Office) -> None:
    office.fire("roof-load-warning")
    office.later(0)
    office.now_us += 60 * SECOND_US
    office.fire("roof-load-danger")
    office.ledger.supersede("roof-load-warning", "roof-hall", office.now_us)
    office.later(0)
    assert office.listeners[0].said() == [("first", ["01"]), ("escalated", ["02"])]


def test_an_old_alarm_never_fires_months_later(office: Office) -> None:
    alert = office.fire()
    office.later(0)
    office.ledger.acknowledge(alert, "duty 1", office.now_us)
    office.ledger.close(alert, "duty 1", "handled", office.now_us)
    office.later(0)
    told = len(office.listeners[0].told)
    office.open()
    for _ in range(5):
        office.later(30 * 86400)
    assert len(office.listeners[0].told) == told


def test_a_clock_that_was_set_back_silences_nobody(office: Office) -> None:
    office.listeners[0].failures = [NotifyError("away", retryable=True)]
    office.fire()
    office.later(0)
    office.later(-30 * 86400)
    assert office.listeners[0].said() == [("first", ["01"])]


def test_a_notifier_that_was_taken_away_stops_waiting(office: Office) -> None:
    office.listeners[0].failures = [NotifyError("away", retryable=True)]
    alert = office.fire()
    office.later(0)
    office.listeners = (Listener(name="other"),)
    office.open()
    office.later(60)
    assert office.ledger.tellings(alert)[-1].result == "stopped: no such notifier any more"


def test_an_alert_becomes_a_mail_by_itself(tmp_path: Path) -> None:
    with mail_server() as server:
        duty = Email(
            name="duty", host="127.0.0.1", port=server.port, security="none", sender="a@example.jp", to=["b@example.jp"]
        )
        engine = open_records(tmp_path / "records.db")
        ledger = Ledger(engine)
        outbox = Outbox(engine, [duty], ledger, RULES)
        stop = threading.Event()
        thread = threading.Thread(target=outbox.run, args=(stop,))
        thread.start()
        finding = Finding(
            rule="roof-load-danger", subject="r", subject_kind="roof", severity="urgent", score=2.0, time_us=NOON_US
        )
        ledger.advance(finding, Timing(), NOON_US)
        wait_until(lambda: len(server.mails) == 1)
        stop.set()
        thread.join()
        engine.dispose()
    assert server.mails[0]["Subject"].startswith("【至急】知らせ 2027-0115-01")

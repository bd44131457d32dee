"""The outbox: which alert is told to whom, why, and how often it is tried. At least once, and never forgotten.

It reads the ledger's events under its own cursor; a message and the cursor are one transaction, so neither a crash nor
a restart loses or doubles a telling (a crash between delivery and its record repeats it under the same key).

- *first*, or *escalated* where it takes the place of a milder alert that was told; *repeat* while nobody has taken it;
  *resolved* to those who were told before.
- Taking or closing an alert stops everything that waits for it. Before every attempt the alert is looked at again:
  nothing is said about what is no longer so.
- Technical alerts are gathered for half a minute; many alerts of one severity at once become one message.
- A failure that may pass is tried again after 30 s, 1, 2, 4 … minutes, at most an hour apart, as long as it is true.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, Engine, RowMapping, insert, select, update

from gateway.alerts import Alert, Event, Telling
from gateway.alerts.ledger import TOKYO, Ledger, record
from gateway.alerts.words import words
from gateway.errors import NotifyError, RecordsError
from gateway.notify.message import Item, Message, Notifier, Reason
from gateway.notify.tables import cursor_table, message_table
from gateway.rules import Rule

log = logging.getLogger(__name__)
GATHER_S = 30.0
STORM = 3  # more than so many of one severity at once are one message
FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 3600.0
IDLE_S = 5.0
_NEWS = ("first", "escalated", "repeat")
_COLUMNS = message_table.c


class Undelivered(msgspec.Struct, frozen=True, kw_only=True):
    """A message that did not go out yet (`waiting`) or never will (`failed`)."""

    notifier: str
    reason: str
    state: str
    tries: int
    made_us: int
    error: str
    alerts: tuple[int, ...]


class Outbox:
    """`labels`: (Japanese, English) label of each subject that may be named outside; homes are not among them."""

    def __init__(
        self,
        engine: Engine,
        notifiers: Sequence[Notifier],
        ledger: Ledger,
        rules: Mapping[str, Rule],
        *,
        labels: Mapping[str, tuple[str, str]] | None = None,
        public_url: str = "",
        zone: ZoneInfo = TOKYO,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._engine = engine
        self._notifiers = {notifier.name: notifier for notifier in notifiers}
        self._ledger = ledger
        self._rules = rules
        self._labels = labels or {}
        self._public_url = public_url.rstrip("/")
        self._zone = zone
        self._now_us = now_us
        self._wake = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Tell what is to be told until `stop`; wakes up at every change of an alert."""
        unlisten = self._ledger.listen(lambda _event, _alert: self._wake.set())
        try:
            while not stop.is_set():
                self.step(self._now_us())
                waited_s = 0.0
                while waited_s < IDLE_S and not stop.is_set() and not self._wake.wait(0.5):
                    waited_s += 0.5
                self._wake.clear()
        finally:
            unlisten()

    def step(self, now_us: int) -> int:
        """Plan what is new, then try everything that is due; how many messages went out."""
        self._plan(now_us)
        self._repeat(now_us)
        return sum(self._deliver(row, now_us) for row in self._due(now_us))

    def undelivered(self) -> list[Undelivered]:
        """Messages that were tried and did not go out: nobody told is itself worth telling."""
        query = select(message_table).where(
            ((_COLUMNS.state == "waiting") & (_COLUMNS.tries > 0)) | (_COLUMNS.state == "failed")
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(_COLUMNS.id)).mappings().all()
        names = [name for name in Undelivered.__struct_fields__ if name != "alerts"]
        return [Undelivered(alerts=tuple(row["alerts"]), **{name: row[name] for name in names}) for row in rows]

    def _plan(self, now_us: int) -> None:
        with self._engine.begin() as connection:
            seen = connection.execute(select(cursor_table.c.event_id)).scalar()
            events = self._ledger.events(seen or 0)
            if not events:
                return
            fired = [self._ledger.get(event.alert_id) for event in events if event.what == "fired"]
            for event in events:
                self._plan_one(connection, event, fired, now_us)
            if seen is None:
                connection.execute(insert(cursor_table).values(id=1, event_id=events[-1].id))
            else:
                connection.execute(update(cursor_table).values(event_id=events[-1].id))

    def _plan_one(self, connection: Connection, event: Event, fired: Sequence[Alert], now_us: int) -> None:
        if event.what == "noticed":
            return
        alert = self._ledger.get(event.alert_id)
        if event.what == "fired":
            storm = sum(one.severity == alert.severity for one in fired) > STORM
            source = "storm" if storm else "tech" if alert.severity == "tech" else alert.subject
            reason: Reason = "escalated" if self._told_milder(connection, alert) else "first"
            for notifier in self._notifiers.values():
                if alert.severity in notifier.severities:
                    self._add(connection, notifier.name, reason, alert, source, now_us)
            return
        self._stop_waiting(connection, alert, f"stopped: {event.what}", now_us)
        if event.what in ("resolved", "closed"):
            over = self._told(connection, alert.id, ("resolved",), ("sent", "waiting"))
            for name in self._told(connection, alert.id, _NEWS, ("sent",)) - over:
                self._add(connection, name, "resolved", alert, "tech" if alert.severity == "tech" else "", now_us)

    def _add(
        self, connection: Connection, notifier: str, reason: Reason, alert: Alert, source: str, now_us: int
    ) -> None:
        same = connection.execute(
            select(message_table).where(
                _COLUMNS.notifier == notifier,
                _COLUMNS.reason == reason,
                _COLUMNS.severity == alert.severity,
                _COLUMNS.source == source,
                _COLUMNS.state == "waiting",
                _COLUMNS.tries == 0,
            )
        ).mappings()
        for row in same:
            alerts = [*row["alerts"], *({alert.id} - set(row["alerts"]))]
            connection.execute(update(message_table).where(_COLUMNS.id == row["id"]).values(alerts=alerts))
            return
        wait_us = int(GATHER_S * 1e6) if alert.severity == "tech" else 0
        connection.execute(
            insert(message_table).values(
                key=uuid.uuid4().hex,
                notifier=notifier,
                reason=reason,
                severity=alert.severity,
                source=source,
                alerts=[alert.id],
                made_us=now_us,
                due_us=now_us + wait_us,
                tries=0,
                state="waiting",
                error="",
                done_us=0,
            )
        )

    def _told_milder(self, connection: Connection, alert: Alert) -> bool:
        rule = self._rules.get(alert.rule)
        milder = rule.supersedes if rule is not None else ()
        before = [a for a in self._ledger.recent(200) if a.subject == alert.subject and a.rule in milder]
        recent = [a for a in before if a.outcome == "superseded" and alert.fired_us - a.resolved_us < 3600e6]
        return any(self._told(connection, one.id, _NEWS, ("sent",)) for one in recent)

    @staticmethod
    def _told(connection: Connection, alert_id: int, reasons: Sequence[str], states: Sequence[str]) -> set[str]:
        """Notifiers that have a message about the alert, of one of these reasons and in one of these states."""
        query = select(_COLUMNS.notifier, _COLUMNS.alerts).where(
            _COLUMNS.reason.in_(reasons), _COLUMNS.state.in_(states)
        )
        return {row.notifier for row in connection.execute(query) if alert_id in row.alerts}

    def _stop_waiting(self, connection: Connection, alert: Alert, why: str, now_us: int) -> None:
        query = select(message_table).where(_COLUMNS.state == "waiting", _COLUMNS.reason.in_(_NEWS))
        for row in connection.execute(query).mappings().all():
            if alert.id in row["alerts"]:
                self._drop(connection, row, [alert.id], why, now_us)

    def _drop(self, connection: Connection, row: RowMapping, gone: Sequence[int], why: str, now_us: int) -> None:
        rest = [one for one in row["alerts"] if one not in gone]
        values = {"alerts": rest} if rest else {"state": "stopped", "error": why, "done_us": now_us}
        connection.execute(update(message_table).where(_COLUMNS.id == row["id"]).values(values))
        record(connection, [_telling(one, row, why, now_us) for one in gone])

    def _repeat(self, now_us: int) -> None:
        firing = [alert for alert in self._ledger.open() if alert.state == "firing"]
        with self._engine.begin() as connection:
            for alert in firing:
                rule = self._rules.get(alert.rule)
                if rule is None or rule.repeat_s <= 0:
                    continue
                query = select(message_table).where(_COLUMNS.reason.in_(_NEWS), _COLUMNS.made_us >= alert.fired_us)
                rows = [row for row in connection.execute(query).mappings() if alert.id in row["alerts"]]
                for name in {row["notifier"] for row in rows} & set(self._notifiers):
                    last = max((row for row in rows if row["notifier"] == name), key=lambda row: int(row["id"]))
                    if last["state"] == "sent" and now_us - last["done_us"] >= rule.repeat_s * 1e6:
                        self._add(connection, name, "repeat", alert, alert.subject, now_us)

    def _due(self, now_us: int) -> list[RowMapping]:
        far_us = now_us + int(LONGEST_WAIT_S * 1e6) + 60_000_000  # a clock that was set back must not silence anybody
        query = (
            select(message_table)
            .where(_COLUMNS.state == "waiting", (_COLUMNS.due_us <= now_us) | (_COLUMNS.due_us > far_us))
            .order_by(_COLUMNS.severity != "urgent", _COLUMNS.id)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(query).mappings())

    def _deliver(self, row: RowMapping, now_us: int) -> bool:
        notifier = self._notifiers.get(row["notifier"])
        alerts = [alert for alert in map(self._alert, row["alerts"]) if alert is not None]
        true = [a for a in alerts if row["reason"] == "resolved" or a.state == "firing"]
        gone = [one for one in row["alerts"] if one not in {alert.id for alert in true}]
        if notifier is None or not true:
            why = "stopped: no such notifier any more" if notifier is None else "stopped: no longer so"
            with self._engine.begin() as connection:
                self._drop(connection, row, row["alerts"], why, now_us)
            return False
        if gone:
            with self._engine.begin() as connection:
                self._drop(connection, row, gone, "stopped: no longer so", now_us)
        result, values = self._attempt(notifier, self._message(row, true), row, now_us)
        with self._engine.begin() as connection:
            connection.execute(update(message_table).where(_COLUMNS.id == row["id"]).values(values))
            record(connection, [_telling(alert.id, row, result, now_us) for alert in true])
        return values["state"] == "sent"

    def _attempt(
        self, notifier: Notifier, message: Message, row: RowMapping, now_us: int
    ) -> tuple[str, dict[str, str | int]]:
        tries = int(row["tries"]) + 1
        try:
            notifier.notify(message)
        except NotifyError as error:
            log.warning("telling_failed notifier=%s retryable=%s error=%s", notifier.name, error.retryable, error)
            wait_us = int(min(FIRST_WAIT_S * 2 ** min(tries - 1, 12), LONGEST_WAIT_S) * 1e6)
            state = "waiting" if error.retryable else "failed"
            values: dict[str, str | int] = {"state": state, "tries": tries, "error": str(error)[:500]}
            return f"failed: {error}"[:500], {**values, "due_us": now_us + wait_us, "done_us": now_us}
        return "sent", {"state": "sent", "tries": tries, "error": "", "done_us": now_us}

    def _alert(self, alert_id: int) -> Alert | None:
        try:
            return self._ledger.get(alert_id)
        except RecordsError:
            return None

    def _message(self, row: RowMapping, alerts: Sequence[Alert]) -> Message:
        items = tuple(self._item(alert) for alert in alerts)
        return Message(
            key=row["key"], reason=row["reason"], severity=row["severity"], made_us=row["made_us"], items=items
        )

    def _item(self, alert: Alert) -> Item:
        rule = self._rules.get(alert.rule)
        phrases = rule.phrases if rule is not None else None
        japanese, english = (words(alert, phrases, lang, self._zone) for lang in ("ja", "en"))
        where = self._labels.get(alert.subject, ("", "")) if alert.subject_kind != "home" else ("", "")
        return Item(
            alert_id=alert.id,
            number=alert.number,
            severity=alert.severity,
            title_ja=japanese.title,
            title_en=english.title,
            reason_ja=japanese.reason,
            reason_en=english.reason,
            where_ja=where[0],
            where_en=where[1],
            url=f"{self._public_url}/alerts/{alert.id}" if self._public_url else "",
        )


def _telling(alert_id: int, row: RowMapping, result: str, now_us: int) -> Telling:
    return Telling(alert_id=alert_id, time_us=now_us, notifier=row["notifier"], reason=row["reason"], result=result)

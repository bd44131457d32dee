"""The book of alerts: every alert, everything that happened to it, and who was told when. Survives a restart.

A change and its event are one transaction; listeners hear of it after the commit. One process writes: what is open is
also held in memory, so that a judgement that changes nothing costs no query (when an alert was last judged is written
every ten minutes). Every method may be called from any thread.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import get_args
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    func,
    insert,
    select,
    text,
    update,
)

from gateway.alerts import Alert, Event, Finding, Happening, Outcome, Telling
from gateway.alerts.lifecycle import Timing, advance
from gateway.errors import RecordsError
from gateway.records import metadata

alert_table = Table(
    "alert",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("subject_kind", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("state", String, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("fired_us", BigInteger, nullable=False),
    Column("acknowledged_us", BigInteger, nullable=False),
    Column("acknowledged_by", String, nullable=False),
    Column("resolved_us", BigInteger, nullable=False),
    Column("closed_by", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("numbers", JSON, nullable=False),
    Column("series", String, nullable=False),
    Column("judged_us", BigInteger, nullable=False),
    Column("calm_us", BigInteger, nullable=False),
    Column("holds", Boolean, nullable=False),
    Index("alert_number", "number", unique=True, sqlite_where=text("number <> ''")),
    Index("alert_open", "rule", "subject", unique=True, sqlite_where=text("state <> 'resolved'")),
    sqlite_autoincrement=True,  # the id of one that was forgotten stands in its events and in the audit: never anew
)
event_table = Table(
    "alert_event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alert_id", Integer, nullable=False, index=True),
    Column("time_us", BigInteger, nullable=False),
    Column("what", String, nullable=False),
    sqlite_autoincrement=True,
)
telling_table = Table(
    "telling",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alert_id", Integer, nullable=False, index=True),
    Column("time_us", BigInteger, nullable=False),
    Column("notifier", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("result", String, nullable=False),
)

Listener = Callable[[Event, Alert], None]
TOKYO = ZoneInfo("Asia/Tokyo")
_JUDGED_EVERY_US = 600_000_000
_SEVERITY = {"urgent": 0, "watch": 1, "tech": 2}
_OPEN = ("firing", "acknowledged")


class Ledger:
    """Alerts on the records engine. `zone`: whose local date an alert's number carries."""

    def __init__(self, engine: Engine, zone: ZoneInfo = TOKYO) -> None:
        self._engine = engine
        self._zone = zone
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        with engine.connect() as connection:
            rows = connection.execute(
                select(alert_table).where((alert_table.c.state != "resolved") | alert_table.c.holds)
            ).mappings()
            self._live = {(alert.rule, alert.subject): alert for alert in map(_alert, rows)}

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(event, alert)` after every committed change; the function returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def live(self) -> dict[tuple[str, str], Alert]:
        """Alerts that a finding could still change, by (rule, subject): pending and closed-but-holding ones too."""
        with self._lock:
            return dict(self._live)

    def find(self, rule: str, subject: str) -> Alert | None:
        """The one of `live` about that subject."""
        with self._lock:
            return self._live.get((rule, subject))

    def open(self) -> list[Alert]:
        """Firing and acknowledged alerts, most severe first, then newest first."""
        alerts = [alert for alert in self.live().values() if alert.state in _OPEN]
        return sorted(alerts, key=lambda alert: (_SEVERITY[alert.severity], -alert.fired_us, -alert.id))

    def get(self, alert_id: int) -> Alert:
        """That alert. RecordsError where there is none."""
        with self._engine.connect() as connection:
            row = connection.execute(select(alert_table).where(alert_table.c.id == alert_id)).mappings().first()
        if row is None:
            raise RecordsError(f"there is no alert {alert_id}")
        return _alert(row)

    def recent(self, limit: int = 100) -> list[Alert]:
        """The newest alerts that fired, closed ones too, newest first."""
        query = select(alert_table).where(alert_table.c.fired_us > 0).order_by(alert_table.c.fired_us.desc())
        with self._engine.connect() as connection:
            return [_alert(row) for row in connection.execute(query.limit(limit)).mappings()]

    def advance(self, finding: Finding, timing: Timing, now_us: int) -> Alert | None:
        """Take a finding into the book; the alert as it is now, None where there is none."""
        with self._lock:
            before = self._live.get((finding.rule, finding.subject))
            step = advance(before, finding, timing, now_us)
            if before is not None and step.alert is not None and _only_judged(before, step.alert):
                self._live[_key(before)] = step.alert
                return step.alert
            return self._keep(before, step.alert, step.what, now_us) if step.alert != before else before

    def acknowledge(self, alert_id: int, who: str, now_us: int) -> Alert:
        """`who` takes it, also from somebody else. RecordsError where it is over or not yet told."""
        with self._lock:
            alert = self.get(alert_id)
            if alert.state not in _OPEN:
                raise RecordsError(f"alert {alert.number or alert_id} is {alert.state}; only an open one can be taken")
            if alert.acknowledged_by == who:
                return alert
            after = msgspec.structs.replace(alert, state="acknowledged", acknowledged_us=now_us, acknowledged_by=who)
            return self._keep(alert, after, "acknowledged", now_us) or after

    def close(self, alert_id: int, who: str, outcome: str, now_us: int) -> Alert:
        """`who` says how it ended: one of `Outcome`. One that is over by itself can still be given its outcome, once.

        While the cause goes on the alert `holds`, and does not fire again for it. RecordsError for what cannot be.
        """
        if outcome not in get_args(Outcome):
            raise RecordsError(f"wanted an outcome out of {', '.join(get_args(Outcome))}, got {outcome!r}")
        with self._lock:
            alert = self.get(alert_id)
            if alert.state == "pending" or alert.outcome:
                raise RecordsError(f"alert {alert.number or alert_id} cannot be closed: {alert.outcome or alert.state}")
            after = msgspec.structs.replace(
                alert,
                state="resolved",
                resolved_us=alert.resolved_us or now_us,
                closed_by=who,
                outcome=outcome,
                holds=alert.state != "resolved",
                calm_us=0,
            )
            return self._keep(alert, after, "closed", now_us) or after

    def supersede(self, rule: str, subject: str, now_us: int) -> None:
        """End an alert because a more severe one of the same subject says more; nobody is told that it is over."""
        with self._lock:
            alert = self._live.get((rule, subject))
            if alert is None or alert.state == "resolved":
                return
            after = msgspec.structs.replace(alert, state="resolved", resolved_us=now_us, outcome="superseded")
            if alert.state == "pending":
                self._keep(alert, None, None, now_us)
            else:
                self._keep(alert, after, "superseded", now_us)

    def events(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """What happened since event `after`, in order."""
        query = select(event_table).where(event_table.c.id > after).order_by(event_table.c.id).limit(limit)
        with self._engine.connect() as connection:
            return [
                Event(**{str(name): value for name, value in row.items()})
                for row in connection.execute(query).mappings()
            ]

    def story(self, alert_id: int) -> list[Event]:
        """Everything that happened to one alert, in order."""
        query = select(event_table).where(event_table.c.alert_id == alert_id).order_by(event_table.c.id)
        with self._engine.connect() as connection:
            return [
                Event(**{str(name): value for name, value in row.items()})
                for row in connection.execute(query).mappings()
            ]

    def tellings(self, alert_id: int) -> list[Telling]:
        """Whom the outbox tried to tell about one alert, in order."""
        query = select(telling_table).where(telling_table.c.alert_id == alert_id).order_by(telling_table.c.id)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings()
            return [Telling(**{name: row[name] for name in Telling.__struct_fields__}) for row in rows]

    def _keep(self, before: Alert | None, after: Alert | None, what: Happening | None, now_us: int) -> Alert | None:
        with self._engine.begin() as connection:
            if before is not None and (after is None or after.id != before.id):
                self._leave(connection, before)
            if after is not None:
                after = self._write(connection, after, what)
            event = self._tell(connection, after, what, now_us)
        self._remember(before, after)
        if event is not None and after is not None:
            for listener in tuple(self._listeners):
                listener(event, after)
        return after

    def _remember(self, before: Alert | None, after: Alert | None) -> None:
        key = _key(after or before)
        if after is not None and (after.state != "resolved" or after.holds):
            self._live[key] = after
            return
        live = self._live.get(key)
        if live is not None and live.id in {alert.id for alert in (before, after) if alert is not None}:
            del self._live[key]

    def _leave(self, connection: Connection, before: Alert) -> None:
        if before.state == "pending":  # it never reached anybody: forgotten, not kept
            connection.execute(alert_table.delete().where(alert_table.c.id == before.id))
        else:
            connection.execute(update(alert_table).where(alert_table.c.id == before.id).values(holds=False))

    def _write(self, connection: Connection, alert: Alert, what: Happening | None) -> Alert:
        if what == "fired":
            alert = msgspec.structs.replace(alert, number=self._number(connection, alert.fired_us))
        values = msgspec.structs.asdict(alert)
        if alert.id:
            connection.execute(update(alert_table).where(alert_table.c.id == alert.id).values(values))
            return alert
        del values["id"]
        made = connection.execute(insert(alert_table).values(values)).inserted_primary_key
        return msgspec.structs.replace(alert, id=int(made[0]) if made is not None else 0)

    def _tell(self, connection: Connection, alert: Alert | None, what: Happening | None, now_us: int) -> Event | None:
        if alert is None or what is None:
            return None
        made = connection.execute(
            insert(event_table).values(alert_id=alert.id, time_us=now_us, what=what)
        ).inserted_primary_key
        return Event(id=int(made[0]) if made is not None else 0, alert_id=alert.id, time_us=now_us, what=what)

    def _number(self, connection: Connection, fired_us: int) -> str:
        day = datetime.fromtimestamp(fired_us // 1_000_000, self._zone)
        prefix = f"{day:%Y-%m%d}-"
        newest = connection.execute(
            select(alert_table.c.number)
            .where(alert_table.c.number.like(f"{prefix}%"))
            .order_by(func.length(alert_table.c.number).desc(), alert_table.c.number.desc())
            .limit(1)
        ).scalar()
        return f"{prefix}{int(newest.rsplit('-', 1)[1]) + 1 if newest else 1:02d}"


def record(connection: Connection, tellings: Sequence[Telling]) -> None:
    """Write tellings in the transaction of whoever told."""
    if tellings:
        connection.execute(insert(telling_table), [msgspec.structs.asdict(telling) for telling in tellings])


def _key(alert: Alert | None) -> tuple[str, str]:
    return (alert.rule, alert.subject) if alert is not None else ("", "")


def _event(row: RowMapping) -> Event:
    return msgspec.convert({str(name): value for name, value in row.items()}, Event)


def _only_judged(before: Alert, after: Alert) -> bool:
    if before.judged_us // _JUDGED_EVERY_US != after.judged_us // _JUDGED_EVERY_US:
        return False
    same = msgspec.structs.replace(
        before, judged_us=after.judged_us, score=after.score, numbers=after.numbers, series=after.series
    )
    return same == after


def _alert(row: RowMapping) -> Alert:
    return msgspec.convert({str(name): value for name, value in row.items()}, Alert)

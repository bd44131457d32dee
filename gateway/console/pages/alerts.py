"""Alerts: the list, and one alert's story with its next action."""

from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from firmware_bridge.reading import SeriesKey
from gateway.alerts import Alert, Event, Telling
from gateway.console import plots
from gateway.console.days import quiet_days
from gateway.console.page import moved, render, voice_of
from gateway.console.quiet import quiet_bar
from gateway.console.telling import OUTCOME_KEY, alert_view, outcomes
from gateway.console.voice import Voice
from gateway.context import Context, context_of
from gateway.errors import RecordsError
from gateway.people.door import Actor, OwnForm, Person
from gateway.people.duties import finish, take
from gateway.people.sights import open_alerts, sees_alert, the_alert

router = APIRouter()
_SHOWN = 200
_BEFORE_US = 48 * 3_600 * 1_000_000
_AFTER_US = 3_600 * 1_000_000


class Link(msgspec.Struct, frozen=True):
    """One link of the chain: `kind` is done, now or later; `at` its time in words."""

    kind: str
    what: str
    at: str
    detail: str


@router.get("/alerts")
def alerts(request: Request, actor: Person) -> Response:
    """Open alerts, then those that are over, newest first."""
    context, voice = context_of(request), voice_of(request)
    shown = [alert_view(context, voice, alert, actor) for alert in open_alerts(context, actor)]
    over = [a for a in context.ledger.recent(_SHOWN) if a.state == "resolved" and sees_alert(context, actor, a)]
    return render(
        request,
        "alerts.html",
        actor,
        moment=voice.today(context.now_us()),
        shown=shown,
        over=[alert_view(context, voice, alert, actor) for alert in over],
    )


@router.get("/alerts/{alert_id}")
def alert(request: Request, actor: Person, alert_id: int) -> Response:
    """One alert."""
    return _page(request, actor, the_alert(request, actor, alert_id))


@router.post("/alerts/{alert_id}/acknowledge", dependencies=[OwnForm])
def acknowledge(request: Request, actor: Person, alert_id: int) -> Response:
    """Take it: one tap, no question asked. The answer is the next block, or the page anew without script."""
    return _done(request, actor, alert_id, lambda: take(request, actor, alert_id))


@router.post("/alerts/{alert_id}/close", dependencies=[OwnForm])
def close(
    request: Request, actor: Person, alert_id: int, outcome: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """Say how it ended."""
    return _done(request, actor, alert_id, lambda: finish(request, actor, alert_id, outcome))


def _done(request: Request, actor: Actor, alert_id: int, act: Callable[[], Alert]) -> Response:
    try:
        act()
    except RecordsError:  # somebody was faster: the page says who
        status = 200 if request.headers.get("hx-request") else 409
        return _page(request, actor, the_alert(request, actor, alert_id), late=True, status=status)
    return moved(f"/alerts/{alert_id}")


def _page(request: Request, actor: Actor, alert: Alert, *, late: bool = False, status: int = 200) -> Response:
    context, voice = context_of(request), voice_of(request)
    view = alert_view(context, voice, alert, actor)
    home = next((home for home in context.state().homes if home.site == alert.subject), None)
    chart, heads, table = _chart(context, voice, alert)
    looks = context.people.audit.rows(50, subject=f"alert {alert.id}")
    seen = [row for row in reversed(looks) if (row.action, row.result) == ("view", "ok")]  # who was refused saw nothing
    return render(
        request,
        "alert.html",
        actor,
        status,
        alert=alert,
        view=view,
        late=late,
        sentence=_sentence(voice, alert, actor),
        moment=voice.today(context.now_us()),
        outcomes=[(one, OUTCOME_KEY[one]) for one in outcomes(alert)] if not alert.outcome else [],
        is_home=alert.subject_kind == "home",
        chain=_chain(voice, alert, context.ledger.story(alert.id), context.ledger.tellings(alert.id)),
        quiet=quiet_bar(voice, home) if home is not None and view.open else None,
        days=quiet_days(context, voice, home) if home is not None else None,
        chart=chart,
        heads=heads,
        table=table,
        seen=[(row.actor, voice.when(row.time_us)) for row in seen],
    )


def _sentence(voice: Voice, alert: Alert, actor: Actor) -> str:
    if alert.state == "resolved":
        if alert.outcome in OUTCOME_KEY:
            return voice.t("alert.closed", outcome=voice.t(f"outcome.{alert.outcome}"))
        return voice.t("alert.superseded" if alert.outcome == "superseded" else "alert.gone")
    if alert.state == "acknowledged":
        mine = alert.acknowledged_by == actor.name
        return voice.t("alert.you-have-it") if mine else voice.t("alert.they-have-it", who=alert.acknowledged_by)
    return ""


def _chart(
    context: Context, voice: Voice, alert: Alert
) -> tuple[plots.Chart | None, list[plots.Head], list[list[str]]]:
    if not alert.series or alert.subject_kind == "home":
        return None, [], []
    device, quantity, *rest = alert.series.split("/")
    key = SeriesKey(context.registry.tenant, device, quantity, int(rest[0]) if rest else 0)
    end_us = min(context.now_us(), (alert.resolved_us or context.now_us()) + _AFTER_US)
    start_us = alert.seen_us - _BEFORE_US
    limit = alert.numbers.get("limit")
    event = (alert.fired_us, voice.t("chart.noticed", when=voice.when(alert.fired_us)))
    drawn = plots.chart(
        context, voice, key, start_us, end_us, limit=limit if isinstance(limit, float) else None, event=event
    )
    heads, table = plots.rows(context, voice, key, start_us, end_us)
    return drawn, heads, table


def _chain(voice: Voice, alert: Alert, story: list[Event], tellings: list[Telling]) -> list[Link]:
    links: list[tuple[int, Link]] = []
    for event in story:
        who = {"acknowledged": alert.acknowledged_by, "closed": alert.closed_by}.get(event.what, "")
        what = voice.t(f"happening.{event.what}", who=who)
        links.append((event.time_us, Link("done", what, voice.when(event.time_us), "")))
    for telling in tellings:
        what = voice.t("telling.told", name=telling.notifier)
        links.append((telling.time_us, Link("done", what, voice.when(telling.time_us), _result(voice, telling))))
    done = [link for _, link in sorted(links, key=lambda pair: pair[0])]
    if alert.state == "firing":
        now = Link("now", voice.t("chain.waiting"), voice.t("chain.since", when=voice.when(alert.fired_us)), "")
        return [*done, now, Link("later", voice.t("chain.outcome"), "", "")]
    if alert.state == "acknowledged":
        now = Link("now", voice.t("chain.has-it", who=alert.acknowledged_by), voice.when(alert.acknowledged_us), "")
        return [*done, now, Link("later", voice.t("chain.outcome"), "", "")]
    return done


def _result(voice: Voice, telling: Telling) -> str:
    kind, _, detail = telling.result.partition(":")
    known = {"sent": "telling.sent", "stopped": "telling.stopped", "failed": "telling.failed"}
    return voice.t(known.get(kind.strip(), "telling.other"), detail=detail.strip() or telling.result)

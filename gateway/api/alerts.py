"""Alerts: what is open, what was, and the two things somebody does about one."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from gateway.alerts import Alert, Outcome
from gateway.alerts.words import words
from gateway.api import times
from gateway.context import Context, context_of
from gateway.people.door import OwnCall, SignedIn
from gateway.people.duties import finish, take
from gateway.people.sights import sees_alert, the_alert

router = APIRouter(tags=["alerts"])


class Closing(BaseModel):
    """How an alert ended."""

    model_config = ConfigDict(extra="forbid")
    outcome: Outcome


def as_json(context: Context, alert: Alert) -> dict[str, Any]:
    """An alert with its words in both languages; it names a site, never a person."""
    rule = context.rule(alert.rule)
    said = {lang: words(alert, rule.phrases if rule else None, lang, context.town.zone) for lang in ("ja", "en")}
    zone = context.town.zone
    return {
        "id": alert.id,
        "number": alert.number,
        "rule": alert.rule,
        "subject": alert.subject,
        "subject_kind": alert.subject_kind,
        "severity": alert.severity,
        "state": alert.state,
        "title": {lang: one.title for lang, one in said.items()},
        "reason": {lang: one.reason for lang, one in said.items()},
        "score": alert.score,
        "numbers": alert.numbers,
        "series": alert.series or None,
        "noticed": times.text(alert.seen_us, zone),
        "fired": times.text(alert.fired_us, zone),
        "acknowledged": times.text(alert.acknowledged_us, zone),
        "acknowledged_by": alert.acknowledged_by or None,
        "resolved": times.text(alert.resolved_us, zone),
        "closed_by": alert.closed_by or None,
        "outcome": alert.outcome or None,
    }


@router.get("/alerts")
def alerts(
    request: Request,
    actor: SignedIn,
    state: Annotated[Literal["open", "all"], Query(description="open: firing and acknowledged")] = "open",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Alerts that may be shown: open ones by severity, or all of them, newest first."""
    context = context_of(request)
    found = context.ledger.open() if state == "open" else context.ledger.recent(limit)
    return {"alerts": [as_json(context, one) for one in found if sees_alert(context, actor, one)][:limit]}


@router.get("/alerts/{alert_id}")
def alert(request: Request, actor: SignedIn, alert_id: int) -> dict[str, Any]:
    """One alert, what happened to it, and who was told."""
    context = context_of(request)
    found = the_alert(request, actor, alert_id)
    zone = context.town.zone
    return as_json(context, found) | {
        "story": [{"time": times.text(e.time_us, zone), "what": e.what} for e in context.ledger.story(alert_id)],
        "tellings": [
            {"time": times.text(t.time_us, zone), "notifier": t.notifier, "reason": t.reason, "result": t.result}
            for t in context.ledger.tellings(alert_id)
        ],
    }


@router.post("/alerts/{alert_id}/acknowledge", dependencies=[OwnCall])
def acknowledge(request: Request, actor: SignedIn, alert_id: int) -> dict[str, Any]:
    """Take it: what is pending stops. 409 where it is over."""
    return as_json(context_of(request), take(request, actor, alert_id))


@router.post("/alerts/{alert_id}/close", dependencies=[OwnCall])
def close(request: Request, actor: SignedIn, alert_id: int, closing: Closing) -> dict[str, Any]:
    """Say how it ended. 409 where that was said already."""
    return as_json(context_of(request), finish(request, actor, alert_id, closing.outcome))

"""What somebody does about an alert, from a page or a machine: take it, and say how it ended. Both are written down."""

from fastapi import Request

from gateway.alerts import Alert
from gateway.context import Context, context_of
from gateway.people.door import Actor, Refused, source_of
from gateway.people.sights import the_alert


def take(request: Request, actor: Actor, alert_id: int) -> Alert:
    """Acknowledge for a page or a machine, and write it down."""
    context = _acting(request, actor, alert_id)
    done = context.ledger.acknowledge(alert_id, actor.name, context.now_us())
    context.people.audit.write(actor.name, "acknowledge", f"alert {alert_id}", source=source_of(request))
    return done


def finish(request: Request, actor: Actor, alert_id: int, outcome: str) -> Alert:
    """Close for a page or a machine, and write it down."""
    context = _acting(request, actor, alert_id)
    done = context.ledger.close(alert_id, actor.name, outcome, context.now_us())
    context.people.audit.write(actor.name, f"close {outcome}", f"alert {alert_id}", source=source_of(request))
    return done


def _acting(request: Request, actor: Actor, alert_id: int) -> Context:
    the_alert(request, actor, alert_id)
    if not actor.may_act:
        raise Refused(403, "error.not-for-you")
    return context_of(request)

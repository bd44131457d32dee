"""What somebody may see of the town: sites by their kind, devices and series by their site, alerts by their subject.

A technician sees how every device is, never what happens in a home. What may not be seen is absent, not hidden.
"""

from fastapi import Request

from firmware_bridge.reading import SeriesKey
from gateway.alerts import Alert
from gateway.context import Context, context_of
from gateway.errors import RecordsError
from gateway.people.door import Actor, Refused, source_of
from gateway.settings import Site
from gateway.window import SHALLOW


def sees_device(context: Context, actor: Actor, device: str) -> bool:
    """Whether the device may be shown, by its site or as a piece of hardware."""
    site = context.registry.site_of(device)
    return actor.sees("node") or (site is not None and actor.sees(site.kind))


def sees_series(context: Context, actor: Actor, key: SeriesKey) -> bool:
    """Whether the series may be shown: by its site, or as the health of a piece of hardware."""
    site = context.registry.site_of(key.device)
    if site is not None and actor.sees(site.kind):
        return True
    return actor.sees("node") and (key.quantity in SHALLOW or site is None)


def seen_series(request: Request, actor: Actor, key: SeriesKey) -> None:
    """Refused (403) where the series may not be shown; a look into a home is written down."""
    context = context_of(request)
    if not sees_series(context, actor, key):
        raise Refused(403, "error.not-for-you")
    site = context.registry.site_of(key.device)
    if site is not None and site.kind == "home":
        context.people.audit.view(actor.name, f"home {site.id}", source_of(request))


def sees_alert(context: Context, actor: Actor, alert: Alert) -> bool:
    """Whether the alert may be shown. That the gateway itself is blind is for everybody who watches something."""
    if alert.subject_kind in ("home", "field", "roof"):
        return actor.sees(alert.subject_kind)
    if alert.subject_kind == "device":
        return sees_device(context, actor, alert.subject)
    if alert.subject_kind == "node":
        served = {
            context.registry.sites[d.site].kind for d in context.registry.devices.values() if d.node == alert.subject
        }
        return actor.sees("node") or any(actor.sees(kind) for kind in served)
    return bool(actor.sights - {"accounting", "audit"})


def open_alerts(context: Context, actor: Actor) -> list[Alert]:
    """Open alerts that may be shown, most severe first."""
    return [alert for alert in context.ledger.open() if sees_alert(context, actor, alert)]


def the_alert(request: Request, actor: Actor, alert_id: int) -> Alert:
    """That alert; Refused (404) where there is none, or none for this person, which is then written down."""
    context = context_of(request)
    found = _find(context, alert_id)
    if found is None or found.state == "pending":
        raise Refused(404, "error.not-found")
    if not sees_alert(context, actor, found):
        context.people.audit.write(actor.name, "view", f"alert {alert_id}", "refused", source_of(request))
        raise Refused(404, "error.not-found")
    site = site_of_alert(context, found)
    if site is not None and site.kind == "home":
        context.people.audit.view(actor.name, f"alert {alert_id}", source_of(request))
    return found


def the_site(request: Request, actor: Actor, site_id: str, kind: str) -> Site:
    """That site; Refused where there is none (404) or not for this person (403). A view of a home is written down."""
    context = context_of(request)
    site = context.registry.sites.get(site_id)
    if not any(actor.sees(sight) and sight == kind for sight in actor.sights):
        context.people.audit.write(actor.name, "view", f"{kind} {site_id}", "refused", source_of(request))
        raise Refused(403, "error.not-for-you")
    if site is None or site.kind != kind:
        raise Refused(404, "error.not-found")
    if kind == "home":
        context.people.audit.view(actor.name, f"home {site_id}", source_of(request))
    return site


def site_of_alert(context: Context, alert: Alert) -> Site | None:
    """The site an alert is about, by its subject or its subject's device; None for nodes and the gateway."""
    return context.registry.sites.get(alert.subject) or context.registry.site_of(alert.subject)


def _find(context: Context, alert_id: int) -> Alert | None:
    if not 0 < alert_id < 2**53:
        return None
    try:
        return context.ledger.get(alert_id)
    except RecordsError:
        return None

"""One home, one field, one roof."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.alerts import Alert
from gateway.console import plots
from gateway.console.days import quiet_days
from gateway.console.homes import say, sensors, why
from gateway.console.loads import key_of, roof_view
from gateway.console.page import render, voice_of
from gateway.console.quiet import quiet_bar
from gateway.console.rows import field_row
from gateway.console.telling import AlertView, alert_view
from gateway.console.values import tiles
from gateway.console.voice import Voice
from gateway.context import Context, context_of
from gateway.people.door import Actor, Person
from gateway.people.sights import open_alerts, sees_alert, the_site
from gateway.settings import Site
from gateway.states import Value

router = APIRouter()
_DAY_US = 86_400 * plots.US
_WEEK = 7
_MOST_CHARTS = 3
_EVENTS = ("motion", "button", "contact_open", "open_count")
LOAD = "snow_load_kg_m2"


@router.get("/homes/{site_id}")
def home(request: Request, actor: Person, site_id: str) -> Response:
    """A home: its state, how long it is quiet, two days of movement. Looking is written down."""
    site = the_site(request, actor, site_id, "home")
    context, voice = context_of(request), voice_of(request)
    state = next((one for one in context.state().homes if one.site == site_id), None)
    shown = _about(context, voice, site, actor)
    return render(
        request,
        "home.html",
        actor,
        site=site,
        moment=voice.today(context.state().time_us or context.now_us()),
        home=state,
        devices=context.registry.devices,
        sentence=(shown[0].title if shown and shown[0].open else say(context, voice, state)) if state else "",
        beside=why(context, voice, state) if state else "",
        sensors=sensors(voice, state) if state else "",
        bar=quiet_bar(voice, state) if state else None,
        days=quiet_days(context, voice, state) if state else None,
        tiles=tiles(context, voice, [v for v in state.values if v.quantity not in _EVENTS]) if state else [],
        shown=shown,
        past=_past(context, voice, site, actor),
    )


@router.get("/fields/{site_id}")
def field(request: Request, actor: Person, site_id: str) -> Response:
    """A field: the soil by depth, other values, a week of it."""
    site = the_site(request, actor, site_id, "field")
    context, voice = context_of(request), voice_of(request)
    state = next((one for one in context.state().fields if one.site == site_id), None)
    return render(
        request,
        "field.html",
        actor,
        site=site,
        moment=voice.today(context.state().time_us or context.now_us()),
        field=field_row(context, voice, state) if state else None,
        tiles=tiles(context, voice, [v for v in state.values if v.quantity != "soil_moisture_vwc_pct"])
        if state
        else [],
        charts_shown=_charts(context, voice, site, state.values if state else ()),
        shown=_about(context, voice, site, actor),
        past=_past(context, voice, site, actor),
    )


@router.get("/roofs/{site_id}")
def roof(request: Request, actor: Person, site_id: str) -> Response:
    """A roof: its load against its own design load, and a week of it."""
    site = the_site(request, actor, site_id, "roof")
    context, voice = context_of(request), voice_of(request)
    state = next((one for one in context.state().roofs if one.site == site_id), None)
    return render(
        request,
        "roof.html",
        actor,
        site=site,
        moment=voice.today(context.state().time_us or context.now_us()),
        roof=roof_view(voice, site, state, actor) if state else None,
        key=key_of(state) if state else "unknown",
        tiles=tiles(context, voice, state.values) if state else [],
        charts_shown=_charts(context, voice, site, state.values if state else ()),
        shown=_about(context, voice, site, actor),
        past=_past(context, voice, site, actor),
    )


def _belongs(context: Context, alert: Alert, site: Site) -> bool:
    own = context.registry.site_of(alert.subject)
    return alert.subject == site.id or (own is not None and own.id == site.id)


def _about(context: Context, voice: Voice, site: Site, actor: Actor) -> list[AlertView]:
    found = [alert for alert in open_alerts(context, actor) if _belongs(context, alert, site)]
    return [alert_view(context, voice, alert, actor) for alert in found]


def _past(context: Context, voice: Voice, site: Site, actor: Actor) -> list[AlertView]:
    found = [
        alert
        for alert in context.ledger.recent(200)
        if alert.state == "resolved" and _belongs(context, alert, site) and sees_alert(context, actor, alert)
    ]
    return [alert_view(context, voice, alert, actor) for alert in found[:5]]


def _charts(context: Context, voice: Voice, site: Site, values: tuple[Value, ...]) -> list[tuple[plots.Chart, str]]:
    order = (LOAD, "snow_depth_cm", "soil_moisture_vwc_pct", "air_temperature_c")
    chosen = sorted(
        (value for value in values if value.quantity in order), key=lambda value: order.index(value.quantity)
    )
    end_us = context.now_us()
    found = []
    for value in chosen[:_MOST_CHARTS]:
        key = plots.key_of(context, value.device, value.quantity, value.channel)
        limit = site.limits.get(value.quantity)
        drawn = plots.chart(context, voice, key, end_us - _WEEK * _DAY_US, end_us, limit=limit)
        found.append((drawn, f"/series/{value.device}/{value.quantity}?span=week&channel={value.channel}"))
    return found

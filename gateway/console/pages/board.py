"""The board: everything its reader watches at one glance, what needs somebody first."""

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.alerts import Alert
from gateway.console.homes import attention_homes, sensors, village
from gateway.console.loads import LoadBar, RoofView, key_of, roof_view
from gateway.console.mailbox import letters
from gateway.console.page import moved, render, voice_of
from gateway.console.quiet import QuietBar, quiet_bar
from gateway.console.rows import Attention, device_rows, field_rows
from gateway.console.telling import AlertView, alert_view
from gateway.console.voice import Voice
from gateway.context import Context, context_of
from gateway.people.door import Actor, Person, source_of
from gateway.people.sights import open_alerts, sees_alert
from gateway.states import ORDER, StateKey, TownState

router = APIRouter()
_RECENT = 5


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One urgent alert with its next action. `parts`: large (number, unit) pairs."""

    alert: AlertView
    parts: list[tuple[str, str]]
    rest: str
    beside: str
    quiet: QuietBar | None = None
    load: LoadBar | None = None


class Sentence(msgspec.Struct, frozen=True):
    """The status sentence with its mark, and what remains."""

    key: StateKey
    text: str
    rest: str


@router.get("/")
def board(request: Request, actor: Person) -> Response:
    """The board of whoever asks; somebody who watches nothing is led to the first page of theirs."""
    if not actor.sights & {"home", "field", "roof"}:
        return moved("/nodes" if actor.sees("node") else "/accounting")
    context, voice = context_of(request), voice_of(request)
    state = context.state()
    if actor.sees("home") and state.homes:
        context.people.audit.view(actor.name, "board of homes", source_of(request))
    alerts = open_alerts(context, actor)
    urgent = sorted(
        (a for a in alerts if a.severity == "urgent"), key=lambda a: a.subject_kind != "home"
    )  # people first
    keys = _keys(state, actor)
    return render(
        request,
        "board.html",
        actor,
        state=state,
        moment=voice.today(state.time_us or context.now_us()),
        sentence=_sentence(voice, state, keys, urgent),
        counts=[(key, sum(one == key for _, one in keys)) for key in _order(keys)],
        cards=[_card(context, voice, state, alert, actor) for alert in urgent],
        rows=_attention(context, voice, state, alerts, actor),
        roofs=_roofs(context, voice, state, actor, {alert.subject for alert in urgent}),
        fields=field_rows(context, voice, state) if actor.sees("field") else [],
        village=village(context, voice, state) if actor.sees("home") else [],
        homes=len(state.homes) if actor.sees("home") else 0,
        recent=_recent(context, voice, actor),
        letters=letters(context.mailbox, 4) if context.mailbox and actor.role == "admin" else None,
    )


def _keys(state: TownState, actor: Actor) -> list[tuple[str, StateKey]]:
    found: list[tuple[str, StateKey]] = []
    if actor.sees("home"):
        found += [("home", home.key) for home in state.homes]
    if actor.sees("roof"):
        found += [("roof", key_of(roof)) for roof in state.roofs]
    if actor.sees("field"):
        found += [("field", one.key) for one in state.fields]
    return found


def _order(keys: list[tuple[str, StateKey]]) -> tuple[StateKey, ...]:
    calm = all(key in ("fine", "off") for _, key in keys)
    return ("fine", *[key for key in ORDER if key != "fine"]) if calm else ORDER


def _sentence(voice: Voice, state: TownState, keys: list[tuple[str, StateKey]], urgent: list[Alert]) -> Sentence:
    total, fine = len(keys), sum(key == "fine" for _, key in keys)
    only_homes = all(kind == "home" for kind, _ in keys)
    rest = voice.t("board.rest-homes" if only_homes else "board.rest", total=total, fine=fine)
    if not state.time_us:
        return Sentence("off", voice.t("board.starting"), voice.t("board.starting-rest"))
    if state.blind_since_us:
        return Sentence("unknown", voice.t("board.blind"), voice.t("board.blind-rest"))
    if not keys:
        return Sentence("off", voice.t("board.nothing"), voice.t("board.nothing-rest"))
    homes = len({alert.subject for alert in urgent if alert.subject_kind == "home"})
    others = len({alert.subject for alert in urgent if alert.subject_kind != "home"})
    if homes or others:
        which = "both" if homes and others else "homes" if homes else "roofs"
        return Sentence("urgent", voice.t(f"board.urgent-{which}", n=homes, m=others), rest)
    for key in ORDER[:-1]:
        number = sum(one == key for _, one in keys)
        if number:
            return Sentence(key, voice.t(f"board.some-{key}", n=number), rest)
    return Sentence("fine", voice.t("board.all-fine-homes" if only_homes else "board.all-fine", n=total), "")


def _card(context: Context, voice: Voice, state: TownState, alert: Alert, actor: Actor) -> Card:
    view = alert_view(context, voice, alert, actor)
    home = next((home for home in state.homes if home.site == alert.subject), None)
    if home is not None and home.quiet_s is not None:
        device = context.registry.device(home.last_device)
        beside = ""
        if home.last_us and device is not None:
            beside = voice.t("home.last", when=voice.when(home.last_us), place=voice.place(device))
        beside = voice.sentences(beside, sensors(voice, home))
        return Card(
            alert=view,
            parts=voice.parts(home.quiet_s),
            rest=voice.t("home.no-reaction"),
            beside=beside,
            quiet=quiet_bar(voice, home),
        )
    roof = next((roof for roof in state.roofs if roof.site == alert.subject), None)
    if roof is not None and roof.ratio is not None:
        shown = roof_view(voice, context.registry.sites[roof.site], roof, actor)
        return Card(
            alert=view,
            parts=[(shown.number, " %")],
            rest=voice.t("roof.of-design"),
            beside=voice.sentences(shown.load, shown.limit),
            load=shown.bar,
        )
    return Card(alert=view, parts=[], rest=view.title, beside="")


def _attention(context: Context, voice: Voice, state: TownState, alerts: list[Alert], actor: Actor) -> list[Attention]:
    shown = {alert.subject for alert in alerts if alert.severity == "urgent"}
    rows: list[Attention] = []
    if actor.sees("home"):
        rows += attention_homes(context, voice, state, alerts, actor, shown)
    rows += device_rows(context, voice, alerts, actor, {row.site for row in rows})
    return sorted(rows, key=lambda row: ORDER.index(row.key))


def _roofs(context: Context, voice: Voice, state: TownState, actor: Actor, shown: set[str]) -> list[RoofView]:
    if not actor.sees("roof"):
        return []
    order = sorted(state.roofs, key=lambda roof: (ORDER.index(key_of(roof)), -(roof.ratio or 0)))
    views = [roof_view(voice, context.registry.sites[roof.site], roof, actor) for roof in order]
    return [msgspec.structs.replace(view, say="", alert="") if view.id in shown else view for view in views]


def _recent(context: Context, voice: Voice, actor: Actor) -> list[AlertView]:
    closed = [a for a in context.ledger.recent(50) if a.state == "resolved" and sees_alert(context, actor, a)]
    return [alert_view(context, voice, alert, actor) for alert in closed[:_RECENT]]

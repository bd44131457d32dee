"""Alerts in words: what is so, why, who has it, and what to do next."""

from typing import get_args

import msgspec

from gateway.alerts import Alert, Outcome, SubjectKind
from gateway.alerts.words import words
from gateway.console.voice import Voice
from gateway.context import Context
from gateway.people.door import Actor
from gateway.states import StateKey

_OUTCOMES: dict[SubjectKind, tuple[Outcome, ...]] = {
    "home": ("fine", "out", "hospital", "unwell", "ambulance", "device-fault", "no-contact"),
    "roof": ("handled", "fine", "device-fault"),
    "field": ("handled", "fine", "device-fault"),
    "device": ("handled", "device-fault", "fine"),
    "node": ("handled", "device-fault", "fine"),
    "gateway": ("handled", "fine"),
}
OUTCOME_KEY: dict[str, StateKey] = {
    "fine": "fine",
    "out": "off",
    "hospital": "off",
    "unwell": "watch",
    "ambulance": "urgent",
    "device-fault": "tech",
    "no-contact": "unknown",
    "handled": "fine",
}


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """One alert. `who`: what it is about; `site_href`: its page, "" where there is none for this reader."""

    id: int
    number: str
    key: StateKey
    chip: str
    who: str
    about: str
    title: str
    reason: str
    since: str
    step: str
    open: bool
    taken: bool
    mine: bool
    href: str
    site_href: str
    outcome: str


def alert_view(context: Context, voice: Voice, alert: Alert, actor: Actor) -> AlertView:
    """An alert for its reader."""
    rule = context.rule(alert.rule)
    said = words(alert, rule.phrases if rule else None, voice.lang, voice.zone)
    who, about, site_href = subject(context, voice, alert, actor)
    key: StateKey = alert.severity
    taken = alert.state == "acknowledged"
    over = alert.state == "resolved"
    chip = voice.t(f"state.{key}")
    if taken:
        chip = voice.t("alert.chip-taken", state=chip)
    return AlertView(
        id=alert.id,
        number=alert.number,
        key="off" if over else key,
        chip=voice.t("alert.chip-over") if over else chip,
        who=who,
        about=about,
        title=said.title,
        reason=said.reason,
        since=voice.when(alert.fired_us),
        step=_step(voice, alert, actor),
        open=not over,
        taken=taken,
        mine=taken and alert.acknowledged_by == actor.name,
        href=f"/alerts/{alert.id}",
        site_href=site_href,
        outcome=voice.t(f"outcome.{alert.outcome}") if alert.outcome in OUTCOME_KEY else "",
    )


def subject(context: Context, voice: Voice, alert: Alert, actor: Actor) -> tuple[str, str, str]:
    """(name, what is said beside it, page) of what an alert is about."""
    site = context.registry.sites.get(alert.subject)
    if site is not None:
        name = voice.called(site) if site.kind == "home" else voice.label(site)
        href = f"/{site.kind}s/{site.id}" if actor.sees(site.kind) else ""
        return name, voice.pick(site.district_ja, site.district_en), href
    device = context.registry.device(alert.subject)
    if device is not None:
        place = context.registry.sites.get(device.site)
        href = f"/nodes/{device.node}" if device.node and actor.sees("node") else ""
        if place is not None and actor.sees(place.kind):
            href = f"/{place.kind}s/{place.id}"
        beside = voice.label(place) if place else ""
        return voice.place(device), voice.t("list.dot").join(part for part in (beside, device.id) if part), href
    node = context.registry.nodes.get(alert.subject)
    if node is not None:
        return voice.place(node), node.id, f"/nodes/{node.id}" if actor.sees("node") else ""
    return voice.t(f"subject.{alert.subject_kind}"), "", ""


def outcomes(alert: Alert) -> tuple[Outcome, ...]:
    """What somebody may say at the end of it."""
    return _OUTCOMES[alert.subject_kind]


def all_outcomes() -> tuple[str, ...]:
    """Every outcome there is."""
    return get_args(Outcome)


def _step(voice: Voice, alert: Alert, actor: Actor) -> str:
    if alert.state == "resolved":
        end = voice.t(f"outcome.{alert.outcome}") if alert.outcome in OUTCOME_KEY else voice.t("alert.over-by-itself")
        return voice.t("alert.over", when=voice.when(alert.resolved_us), outcome=end)
    if alert.state == "acknowledged":
        if alert.acknowledged_by == actor.name:
            return voice.t("alert.yours", when=voice.when(alert.acknowledged_us))
        return voice.t("alert.theirs", who=alert.acknowledged_by, when=voice.when(alert.acknowledged_us))
    return voice.t("alert.nobody", when=voice.when(alert.fired_us))

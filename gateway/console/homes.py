"""Homes in words: rows of those that need attention, and the village map of all."""

import msgspec

from gateway.alerts import Alert
from gateway.console.rows import Attention
from gateway.console.telling import alert_view
from gateway.console.voice import Voice
from gateway.context import Context
from gateway.people.door import Actor
from gateway.states import HomeState, StateKey, TownState

HOT: dict[StateKey, str] = {"urgent": "hot", "watch": "warm", "unknown": "dim", "tech": "cool"}


class Mark(msgspec.Struct, frozen=True):
    """One home on the map."""

    href: str
    key: StateKey
    hot: str
    name: str


class District(msgspec.Struct, frozen=True):
    """The homes of one district, in the order of the settings: always in the same place."""

    name: str
    marks: list[Mark]


def attention_homes(
    context: Context, voice: Voice, state: TownState, alerts: list[Alert], actor: Actor, shown: set[str]
) -> list[Attention]:
    """Homes that are neither fine nor shown above already."""
    return [
        _row(context, voice, home, alerts, actor)
        for home in state.homes
        if home.key not in ("fine", "off") and home.site not in shown
    ]


def _row(context: Context, voice: Voice, home: HomeState, alerts: list[Alert], actor: Actor) -> Attention:
    site = context.registry.sites[home.site]
    devices = {device.id for device in home.devices}
    own = [a for a in alerts if a.subject == home.site or (home.key == "tech" and a.subject in devices)]
    view = alert_view(context, voice, own[0], actor) if own else None
    return Attention(
        key=home.key,
        site=home.site,
        name=voice.called(site),
        about=voice.pick(site.district_ja, site.district_en),
        say=voice.sentences(view.title if view else say(context, voice, home)),
        why=view.reason if view else why(context, voice, home),
        step=view.step if view else "",
        href=view.href if view else f"/homes/{home.site}",
    )


def say(context: Context, voice: Voice, home: HomeState) -> str:
    """One sentence about a home."""
    if home.quiet_s is None:
        return voice.t("home.say-unknown")
    bad = [device for device in home.devices if device.key != "fine"]
    if bad and home.key in ("tech", "unknown"):
        device = context.registry.device(bad[0].id)
        place = voice.place(device) if device else bad[0].id
        return voice.t("home.say-device", place=place, since=voice.when(bad[0].heard_us))
    return voice.t(f"home.say-{home.key}")


def why(context: Context, voice: Voice, home: HomeState) -> str:
    """What stands behind the sentence: never that silence of a device is silence of a person."""
    device = context.registry.device(home.last_device)
    last = (
        voice.t("home.last", when=voice.when(home.last_us), place=voice.place(device))
        if home.last_us and device is not None
        else voice.t("home.no-last")
    )
    if home.quiet_s is None:
        return voice.sentences(voice.t("home.not-quiet"), last)
    if home.key in ("tech", "unknown"):
        return voice.sentences(voice.t("home.still-watched"), last)
    return voice.sentences(last)


def sensors(voice: Voice, home: HomeState) -> str:
    """Whether the devices of a home are being heard."""
    bad = sum(device.key != "fine" for device in home.devices)
    return voice.t("home.sensors-some", n=bad) if bad else voice.t("home.sensors-fine", n=len(home.devices))


def village(context: Context, voice: Voice, state: TownState) -> list[District]:
    """Every home in its place."""
    keys = {home.site: home.key for home in state.homes}
    found: dict[str, list[Mark]] = {}
    for site in context.registry.sites.values():
        if site.kind == "home" and site.id in keys:
            key = keys[site.id]
            mark = Mark(f"/homes/{site.id}", key, HOT.get(key, ""), voice.label(site))
            found.setdefault(voice.pick(site.district_ja, site.district_en), []).append(mark)
    return [District(name, marks) for name, marks in found.items()]

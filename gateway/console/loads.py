"""How heavy the snow on a roof is, against that roof's own design load."""

import msgspec

from gateway.console.voice import DASH, NBSP, Voice
from gateway.people.door import Actor
from gateway.settings import Site
from gateway.states import Level, RoofState, StateKey, worst

_FULL = 1.2  # the design load stands at 83.3 % of the bar, as the marks of the template do
_LOOK: dict[StateKey, str] = {"urgent": "urgent", "watch": "watch"}
_FAR_H = 72.0
_MOVES_KG_M2_H = 0.5
LEVEL_KEY: dict[Level, StateKey] = {
    "calm": "fine",
    "notice": "watch",
    "warning": "watch",
    "danger": "urgent",
    "over": "urgent",
    "unknown": "unknown",
}


class LoadBar(msgspec.Struct, frozen=True):
    """`width` per cent of the bar, None where the load is not known; `look` names its pattern."""

    sentence: str
    width: float | None
    look: str


class RoofView(msgspec.Struct, frozen=True, kw_only=True):
    """One roof in words. `bar` is None where there is no design load to compare with."""

    id: str
    key: StateKey
    word: str
    name: str
    about: str
    href: str
    number: str
    unit: str
    load: str
    limit: str
    say: str
    bar: LoadBar | None
    alert: str = ""


def roof_view(voice: Voice, site: Site, roof: RoofState, actor: Actor) -> RoofView:
    """A roof as its reader may see it."""
    key = key_of(roof)
    known = roof.load_kg_m2 is not None
    percent = None if roof.ratio is None else round(100 * roof.ratio)
    load = voice.value(roof.load_kg_m2, "snow_load_kg_m2")
    return RoofView(
        id=site.id,
        key=key,
        word=_word(voice, roof, key),
        name=voice.label(site),
        about=_about(voice, site, roof),
        href=f"/roofs/{site.id}" if actor.sees("roof") else "",
        number=(load.split(NBSP)[0] if percent is None else str(percent)) if known else DASH,
        unit=("kg/m²" if percent is None else "%") if known else voice.t("roof.unknown-load"),
        load=voice.t("roof.load-age", load=load, age=voice.ago(roof.time_us)) if known else "",
        limit=_limit(voice, roof),
        say=_say(voice, roof, key),
        bar=_bar(voice, roof, key),
        alert=f"/alerts/{roof.alerts[0]}" if roof.alerts else "",
    )


def key_of(roof: RoofState) -> StateKey:
    """The worse of what the watch says and what the level means, so that a word and its colour never disagree.

    Without a load or a design load nothing is judged: unknown, never fine.
    """
    return worst(roof.key, LEVEL_KEY[roof.level])


def _word(voice: Voice, roof: RoofState, key: StateKey) -> str:
    if roof.load_kg_m2 is None or roof.level == "unknown" or LEVEL_KEY[roof.level] != key:
        return voice.t(f"state.{key}")
    return voice.t(f"level.{roof.level}")


def _about(voice: Voice, site: Site, roof: RoofState) -> str:
    district = voice.pick(site.district_ja, site.district_en)
    design = (
        voice.t("roof.no-design")
        if roof.design_kg_m2 is None
        else voice.t("roof.design", load=voice.value(roof.design_kg_m2, "snow_load_kg_m2"))
    )
    return voice.t("list.dot").join(part for part in (district, design) if part)


def _limit(voice: Voice, roof: RoofState) -> str:
    if roof.load_kg_m2 is None:
        return voice.t("roof.unheard", since=voice.when(roof.time_us)) if roof.time_us else voice.t("roof.never-heard")
    if roof.ratio is None:
        return ""
    if roof.ratio >= 1:
        return voice.t("roof.over-limit")
    if roof.limit_h is None:
        return voice.t("roof.far" if (roof.trend_kg_m2_h or 0) >= _MOVES_KG_M2_H else "roof.not-growing")
    low, high = (round(hours) for hours in roof.limit_h)
    if low >= _FAR_H:
        return voice.t("roof.far")
    return voice.t("roof.hours", low=low, high=high) if high > low else voice.t("roof.hour", low=max(1, low))


def _say(voice: Voice, roof: RoofState, key: StateKey) -> str:
    if roof.load_kg_m2 is None:
        return voice.sentences(voice.t("roof.say-unknown"))
    if roof.ratio is None:
        return voice.sentences(voice.t("roof.say-no-design"))
    trend = roof.trend_kg_m2_h
    growing = ""
    if trend is not None and abs(trend) >= _MOVES_KG_M2_H:
        growing = voice.t("roof.growing" if trend > 0 else "roof.shrinking", rate=voice.number(abs(trend), 0.1))
    return voice.sentences(voice.t(f"roof.say-{key}"), growing)


def _bar(voice: Voice, roof: RoofState, key: StateKey) -> LoadBar | None:
    if roof.load_kg_m2 is None:
        return LoadBar(voice.t("roof.bar-unknown"), None, "")
    if roof.ratio is None:
        return None
    width = round(100 * max(0.0, min(roof.ratio / _FULL, 1.0)), 1)
    return LoadBar(voice.t("roof.bar", percent=round(100 * roof.ratio)), width, _LOOK.get(key, "fine"))

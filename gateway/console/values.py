"""Newest values as tiles and soil rows: number, unit, age and what the watch thinks of the sensor."""

from collections.abc import Sequence

import msgspec

from gateway.alerts.words import fill
from gateway.console.voice import DASH, Voice
from gateway.context import Context
from gateway.states import StateKey, Value, Verdict

_VERDICT: dict[Verdict, tuple[StateKey, str, str]] = {
    "good": ("fine", "value.good", ""),
    "suspect": ("watch", "value.suspect", "suspect"),
    "fault": ("tech", "value.fault", "suspect"),
    "missing": ("unknown", "value.missing", "unknown"),
}


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """One value. `look`: "", suspect or unknown. `why`: what doubts it."""

    name: str
    number: str
    unit: str
    key: StateKey
    word: str
    age: str
    look: str
    href: str
    why: str = ""


class SoilRow(msgspec.Struct, frozen=True, kw_only=True):
    """One depth of a field. `width`: per cent of the bar (volumetric water, 0 to 60 %), None where missing."""

    depth: str
    tile: Tile
    width: float | None
    others: list[str]


_SOIL_FULL_PCT = 60.0


def tile(context: Context, voice: Voice, value: Value) -> Tile:
    """The tile of a value."""
    key, word, look = _VERDICT[value.verdict]
    number, unit = voice.figure(value.value, value.quantity)
    device = context.registry.device(value.device)
    place = voice.place(device) if device else value.device
    name = voice.t("list.pair", one=voice.quantity(value.quantity), other=place)
    if value.verdict == "missing":
        age = voice.t("value.unheard", since=voice.when(value.time_us)) if value.time_us else voice.t("value.never")
    else:
        age = voice.ago(value.time_us)
    return Tile(
        name=name,
        number=number if value.value is not None else DASH,
        unit=unit,
        key=key,
        word=voice.t(word),
        age=age,
        look=look,
        href=series_href(value.device, value.quantity, value.channel),
        why=_why(context, voice, value),
    )


def tiles(context: Context, voice: Voice, values: Sequence[Value]) -> list[Tile]:
    """Tiles in the order given."""
    return [tile(context, voice, one) for one in values]


def soil(context: Context, voice: Voice, values: Sequence[Value]) -> list[SoilRow]:
    """Soil moisture by depth, shallow first; a device without a depth is called by its place."""
    found: list[tuple[float, SoilRow]] = []
    for value in values:
        if value.quantity != "soil_moisture_vwc_pct":
            continue
        device = context.registry.device(value.device)
        depth_cm = device.depth_cm if device else None
        depth = voice.t("soil.depth", cm=f"{depth_cm:g}") if depth_cm is not None else ""
        one = tile(context, voice, value)
        width = None if value.value is None else round(100 * min(max(value.value, 0) / _SOIL_FULL_PCT, 1), 1)
        others = [
            f"{voice.quantity(v.quantity)} {voice.value(v.value, v.quantity)}"
            for v in values
            if v.device == value.device and v.quantity in ("soil_temperature_c", "soil_ec_us_cm", "soil_ph")
        ]
        name = depth or (voice.place(device) if device else value.device)
        found.append((depth_cm or 0.0, SoilRow(depth=name, tile=one, width=width, others=others)))
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def series_href(device: str, quantity: str, channel: int = 0) -> str:
    """The page of a series."""
    return f"/series/{device}/{quantity}" + (f"?channel={channel}" if channel else "")


def _why(context: Context, voice: Voice, value: Value) -> str:
    rule = context.rule(value.rule) if value.rule else None
    return fill(voice.pick(rule.title_ja, rule.title_en), {}, voice.lang, voice.zone) if rule else ""

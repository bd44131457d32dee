"""Rows of what needs attention: the state, a code, a sentence, the reason, who has it, and where to look."""

import msgspec

from gateway.alerts import Alert
from gateway.console.telling import alert_view
from gateway.console.values import SoilRow, Tile, soil, tiles
from gateway.console.voice import Voice
from gateway.context import Context
from gateway.people.door import Actor
from gateway.states import FieldState, StateKey, TownState

_ON_ROW = ("soil_moisture_vwc_pct", "soil_temperature_c", "air_temperature_c", "humidity_pct", "snow_depth_cm")
_MOST_TILES = 4


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `site`: the site it is about, "" for none; `step` names who has it."""

    key: StateKey
    site: str
    name: str
    about: str
    say: str
    why: str
    step: str
    href: str


class FieldRow(msgspec.Struct, frozen=True, kw_only=True):
    """One field on the board."""

    key: StateKey
    name: str
    about: str
    say: str
    href: str
    soil: list[SoilRow]
    tiles: list[Tile]


def device_rows(
    context: Context, voice: Voice, alerts: list[Alert], actor: Actor, covered: set[str]
) -> list[Attention]:
    """Open alerts that are not urgent, except those of homes that have a row already."""
    found = []
    for alert in alerts:
        device = context.registry.device(alert.subject)
        site = device.site if device else alert.subject
        if alert.severity == "urgent" or site in covered:
            continue
        view = alert_view(context, voice, alert, actor)
        found.append(
            Attention(
                key=alert.severity,
                site=site,
                name=view.who,
                about=view.about,
                say=voice.sentences(view.title),
                why=view.reason,
                step=view.step,
                href=view.href,
            )
        )
    return found


def field_rows(context: Context, voice: Voice, state: TownState) -> list[FieldRow]:
    """Every field, in the order of the settings."""
    return [field_row(context, voice, field) for field in state.fields]


def field_row(context: Context, voice: Voice, field: FieldState) -> FieldRow:
    """One field: its sentence, soil by depth, a few other values."""
    site = context.registry.sites[field.site]
    rest = [v for v in field.values if v.quantity in _ON_ROW[1:] and v.quantity != "soil_temperature_c"]
    suspect = sum(v.verdict in ("suspect", "fault") for v in field.values)
    missing = sum(device.key != "fine" for device in field.devices)
    say = voice.t("field.no-devices") if not field.devices else voice.t("field.fine", n=len(field.devices))
    if suspect:
        say = voice.t("field.suspect", n=suspect)
    elif missing:
        say = voice.t("field.missing", n=missing)
    elif field.devices and not field.values:
        say = voice.t("field.nothing-yet")
    return FieldRow(
        key=field.key,
        name=voice.label(site),
        about=voice.pick(site.district_ja, site.district_en),
        say=say,
        href=f"/fields/{site.id}",
        soil=soil(context, voice, field.values),
        tiles=tiles(context, voice, rest[:_MOST_TILES]),
    )

"""Three stories, timed by the rules that will tell of them: each is told within the first five minutes.

A rule's line is crossed `hold_s` before anybody is told. The flat-line rule counts in columns of the window's grid: its
story is told where the next column begins within four minutes, else as soon as the past is in.
"""

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.demo.plain import Table
from gateway.errors import GatewayError
from gateway.rules import Rule, settings_of
from gateway.window import STEP_S

ROOF_TOLD_S, HOME_TOLD_S, PROBE_TOLD_S = 180, 230, 240
SOON_S = 60  # by then the past is in, and everything has been judged once
DESIGN_KG_M2 = 300.0
_LOAD = "snow_load_kg_m2"


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What will be told, about whom, by which rule, and when."""

    rule: str
    subject: str
    told_us: int
    ja: str
    en: str


class Stories:
    """The three stories of a town whose past ends at `start_us`. GatewayError where no rule would tell one of them."""

    def __init__(self, rules: Sequence[Rule], start_us: int) -> None:
        self._rules = rules
        self._start_us = start_us

    def probe(self, device: str) -> tuple[Table, Story]:
        """A probe that has said the same for as long as the flat-line rule allows."""
        rule, settings = self._rule("flat_line", "soil_moisture_vwc_pct")
        step_us = round(STEP_S * 1e6)
        column = (self._start_us + PROBE_TOLD_S * 1_000_000) // step_us
        since_us = (column - math.ceil(settings["limit_s"] / STEP_S)) * step_us
        told_us = max(column * step_us, self._start_us + SOON_S * 1_000_000) + round(rule.hold_s * 1e6)
        return {"device": device, "since_us": since_us}, Story(
            rule=rule.id,
            subject=device,
            told_us=told_us,
            ja="土のセンサー1本が、何時間も同じ値のまま",
            en="a soil probe that has been stuck for hours",
        )

    def roof(self, site: str) -> tuple[Table, Story]:
        """A roof that the storm loads up to the most severe of its rules."""
        rule, settings = self._rule("range", _LOAD)
        told_us = self._start_us + ROOF_TOLD_S * 1_000_000
        peak_us = told_us - round(rule.hold_s * 1e6)
        return storm(site, 0.3 * DESIGN_KG_M2, settings["ratio"] * DESIGN_KG_M2, peak_us), Story(
            rule=rule.id,
            subject=site,
            told_us=told_us,
            ja=f"2日間の吹雪で、屋根の雪が設計の{100 * settings['ratio']:.0f}%に",
            en=f"a roof that a two-day snowstorm has loaded to {100 * settings['ratio']:.0f} % of its design",
        )

    def home(self, site: str, label: str) -> tuple[Table, Story]:
        """A home that is quiet for longer than ever at this hour."""
        rule, settings = self._rule("silence", "motion")
        told_us = self._start_us + HOME_TOLD_S * 1_000_000
        limit = {name: settings[name] for name in ("margin", "floor_s", "neighbours")}
        return {"home": site, "crossing_us": told_us - round(rule.hold_s * 1e6), "limit": limit}, Story(
            rule=rule.id,
            subject=site,
            told_us=told_us,
            ja=f"{label}で、この時間としては今までになく長く反応がない",
            en=f"home {label}, quiet for longer than ever at this hour",
        )

    def _rule(self, detector: str, quantity: str) -> tuple[Rule, dict[str, Any]]:
        """The most severe rule of that detector about that quantity, and its settings with defaults filled in."""
        for rule in sorted(self._rules, key=lambda one: not one.supersedes):
            if rule.detector == detector and quantity in rule.quantities:
                return rule, msgspec.to_builtins(msgspec.convert(rule.settings, settings_of(detector)))
        raise GatewayError(f"rules: wanted a rule of detector {detector} about {quantity} for the demo, found none")


def storm(site: str, before_kg_m2: float, peak_kg_m2: float, peak_us: int) -> Table:
    """A roof's part of the snowstorm."""
    return {"site": site, "before_kg_m2": before_kg_m2, "peak_kg_m2": peak_kg_m2, "peak_us": peak_us}

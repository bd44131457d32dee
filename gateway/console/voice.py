"""How the console speaks: texts, numbers with units, times and ages, in one language and the town's own time.

Numbers never stand without a unit, values never without an age; missing is a dash, never 0.
"""

from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from firmware_bridge.quantity import QUANTITIES, Quantity
from gateway.alerts import words
from gateway.alerts.words import Lang
from gateway.console.phrasebook import say

NBSP = "\u00a0"
DASH = "—"
_OLD_S = 48 * 3600
_WEEKDAYS_JA = "月火水木金土日"


class Named(Protocol):
    """Anything with a name in both languages."""

    @property
    def label_ja(self) -> str:
        """日本語"""
        ...

    @property
    def label_en(self) -> str:
        """English."""
        ...


class Placed(Protocol):
    """Anything with an id and a place in both languages, the place perhaps empty."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def place_ja(self) -> str:
        """日本語"""
        ...

    @property
    def place_en(self) -> str:
        """English."""
        ...


class Voice:
    """One language, one zone, one moment."""

    def __init__(self, lang: Lang, zone: ZoneInfo, now_us: int) -> None:
        self.lang: Lang = lang
        self.zone = zone
        self.now_us = now_us

    def t(self, key: str, **values: object) -> str:
        """The text of `key`."""
        return say(self.lang, key, **values)

    def sentences(self, *parts: str) -> str:
        """Statements as sentences one after the other; empty ones are left out."""
        end, between = ("。", "") if self.lang == "ja" else (".", " ")
        return between.join(part[0].upper() + part[1:].rstrip("。. ") + end for part in parts if part)

    def pick(self, ja: str, en: str) -> str:
        """One of two texts."""
        return ja if self.lang == "ja" else en

    def label(self, named: Named) -> str:
        """Its name."""
        return self.pick(named.label_ja, named.label_en)

    def place(self, placed: Placed) -> str:
        """Its place, else its id."""
        return self.pick(placed.place_ja, placed.place_en) or placed.id

    def called(self, site: Named) -> str:
        """A home as it is spoken of: A-07 さん."""
        return self.t("board.called", label=self.label(site))

    def when(self, time_us: int) -> str:
        """Time of day, with the date where it is not today; a dash for never."""
        return words.clock(time_us, self.lang, self.zone, now_us=self.now_us) if time_us else DASH

    def moment(self, time_us: int) -> str:
        """Date and time, always both: what a table shows."""
        return words.clock(time_us, self.lang, self.zone)

    def today(self, time_us: int) -> str:
        """The whole date and time: what a status sentence shows."""
        when = datetime.fromtimestamp(time_us // 1_000_000, self.zone)
        if self.lang == "ja":
            return f"{when.year}年{when.month}月{when.day}日({_WEEKDAYS_JA[when.weekday()]}) {when.hour}:{when:%M}"
        return f"{when:%A} {when.day} {when:%B} {when.year}, {when:%H:%M}"

    def iso(self, time_us: int) -> str:
        """RFC 3339 with the town's offset, for `datetime` attributes and files."""
        return datetime.fromtimestamp(time_us // 1_000_000, self.zone).isoformat()

    def ago(self, time_us: int) -> str:
        """How old: 2分前 / 2 min ago; the date beyond two days; a dash for never."""
        if not time_us:
            return DASH
        age_s = (self.now_us - time_us) / 1e6
        if age_s > _OLD_S or age_s < -60:
            return self.moment(time_us)
        if age_s < 60:
            return self.t("time.just-now")
        return self.t("time.ago", age=self.duration(age_s))

    def duration(self, seconds: float) -> str:
        """5時間10分 / 5 h 10 min."""
        return words.duration(seconds, self.lang).replace(" ", NBSP)

    def parts(self, seconds: float) -> list[tuple[str, str]]:
        """A duration as (number, unit), for large type."""
        minutes = max(0, round(seconds / 60))
        hours, rest = divmod(minutes, 60)
        found = [(str(hours), self.t("time.hours"))] if hours else []
        return found + ([(str(rest), self.t("time.minutes"))] if rest or not hours else [])

    def number(self, value: float | None, step: float = 1.0) -> str:
        """A number with as many digits as the step has, thousands apart, a true minus; a dash for None."""
        if value is None:
            return DASH
        digits = max(0, len(f"{step:g}".partition(".")[2]))
        return f"{value:,.{digits}f}".replace("-", "−")

    def count(self, value: int) -> str:
        """A count, thousands apart."""
        return f"{value:,}"

    def figure(self, value: float | None, quantity: str) -> tuple[str, str]:
        """A value of a quantity as (number, unit); what happened or is open is a word without a unit."""
        known = QUANTITIES.get(quantity)
        if value is None:
            return DASH, ""
        if known is None:
            return self.number(value, 0.01), ""
        if known.kind in ("state", "event") and value in (0, 1):
            return self.t("value.yes" if value else "value.no"), ""
        return self.number(value, known.step), "" if known.unit in ("1", "0/1") else known.unit

    def value(self, value: float | None, quantity: str) -> str:
        """A value with its unit, never split."""
        number, unit = self.figure(value, quantity)
        return f"{number}{NBSP}{unit}" if unit else number

    def quantity(self, name: str) -> str:
        """A quantity's name."""
        known = QUANTITIES.get(name)
        return self.pick(known.ja, known.en) if known else name

    def unit(self, name: str) -> str:
        """A quantity's unit; empty for counts and states."""
        known: Quantity | None = QUANTITIES.get(name)
        return "" if known is None or known.unit in ("1", "0/1") else known.unit

"""An alert in words: its rule's title and reason, with the numbers of the moment, in Japanese or English.

A rule's texts hold `{name}` or `{name:form}`. Forms: a Python number format (`.0f`, `.1f`); `duration` for seconds
(5時間10分 / 5 h 10 min); `clock` for µs UTC (8:05, with the date on another day); `hour` for an hour of the day.
`{place}` finds `place_ja` or `place_en`. A name that is not there is shown as `{name}`: words never fail.
"""

import math
import re
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from gateway.alerts import Alert, Numbers

Lang = Literal["ja", "en"]
LANGS: tuple[Lang, ...] = ("ja", "en")
FORMS = ("duration", "clock", "hour")
TOKYO = ZoneInfo("Asia/Tokyo")
SEVERITY = {
    "ja": {"urgent": "至急", "watch": "注意", "tech": "機器"},
    "en": {"urgent": "Urgent", "watch": "Watch", "tech": "Device"},
}
_HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([^{}]*))?\}")
_WEEKDAYS = "月火水木金土日"


class Words(msgspec.Struct, frozen=True):
    """Title and reason of an alert in one language."""

    title: str
    reason: str


class Phrases(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of a rule. `fallback_*` stands in for the reason while one of the reason's numbers is not known."""

    title_ja: str
    title_en: str
    reason_ja: str
    reason_en: str
    fallback_ja: str = ""
    fallback_en: str = ""


def words(alert: Alert, phrases: Phrases | None, lang: Lang, zone: ZoneInfo = TOKYO) -> Words:
    """What to say about the alert. Without phrases (its rule is gone) the rule's id stands for the title."""
    if phrases is None:
        return Words(alert.rule, "")
    title = phrases.title_ja if lang == "ja" else phrases.title_en
    reason = phrases.reason_ja if lang == "ja" else phrases.reason_en
    fallback = phrases.fallback_ja if lang == "ja" else phrases.fallback_en
    if fallback and not all(_key(match[1], alert.numbers, lang) for match in _HOLE.finditer(reason)):
        reason = fallback
    now_us = alert.fired_us or alert.seen_us
    return Words(
        fill(title, alert.numbers, lang, zone, now_us=now_us), fill(reason, alert.numbers, lang, zone, now_us=now_us)
    )


def fill(text: str, numbers: Numbers, lang: Lang, zone: ZoneInfo = TOKYO, *, now_us: int = 0) -> str:
    """`text` with its numbers in it. `now_us`: the moment it is said, for "today" in clock times."""

    def put(match: re.Match[str]) -> str:
        key = _key(match[1], numbers, lang)
        return _said(numbers[key], match[2] or "", lang, zone, now_us) if key else f"{{{match[1]}}}"

    return _HOLE.sub(put, text)


def flaws(text: str) -> list[str]:
    """What is wrong with a text of a rule, in words; an empty list for a sound one."""
    rest = _HOLE.sub("", text)
    bad = ["holes like {name} or {name:form}, every { with its }"] if "{" in rest or "}" in rest else []
    forms = [match[2] for match in _HOLE.finditer(text) if match[2] and not _known(match[2])]
    return bad + [f"a known form ({', '.join(FORMS)}, .0f) instead of {form!r}" for form in forms]


def duration(seconds: float, lang: Lang) -> str:
    """5時間10分 / 5 h 10 min; days beyond two days, minutes below an hour, never seconds."""
    minutes = max(0, round(seconds / 60))
    days, hours, rest = minutes // 1440, minutes // 60, minutes % 60
    if minutes >= 2880:
        parts = [(days, "日", " d"), (hours - 24 * days, "時間", " h")]
    elif hours:
        parts = [(hours, "時間", " h"), (rest, "分", " min")]
    else:
        return f"{rest}分" if lang == "ja" else f"{rest} min"
    said = [f"{n}{ja if lang == 'ja' else en}" for n, ja, en in parts if n]
    return ("" if lang == "ja" else " ").join(said)


def clock(time_us: float, lang: Lang, zone: ZoneInfo = TOKYO, *, now_us: int = 0) -> str:
    """Local time of day; with the date in front where it is not the day of `now_us`."""
    when = datetime.fromtimestamp(int(time_us) // 1_000_000, zone)
    time = f"{when.hour}:{when:%M}" if lang == "ja" else f"{when:%H:%M}"
    if now_us and when.date() == datetime.fromtimestamp(now_us // 1_000_000, zone).date():
        return time
    if lang == "ja":
        return f"{when.month}/{when.day}({_WEEKDAYS[when.weekday()]}) {time}"
    return f"{when:%a} {when.day} {when:%b} {time}"


def _key(name: str, numbers: Numbers, lang: Lang) -> str | None:
    return next((key for key in (name, f"{name}_{lang}") if key in numbers), None)


def _said(value: float | str, form: str, lang: Lang, zone: ZoneInfo, now_us: int) -> str:
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        return "—"
    try:
        if form == "duration":
            return duration(value, lang)
        if form == "clock":
            return clock(value, lang, zone, now_us=now_us)
        if form == "hour":
            return f"{int(value) % 24}時台" if lang == "ja" else f"{int(value) % 24:02d}:00"
        return format(float(value), form or "g").replace("-", "−")
    except (ValueError, OverflowError, OSError):  # a form nobody knows, or a year that no clock has
        return str(value)


def _known(form: str) -> bool:
    if form in FORMS:
        return True
    try:
        format(1.5, form)
    except ValueError:
        return False
    return True

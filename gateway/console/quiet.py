"""How long a home has been quiet, against that person's own habit: the bar, and the sawtooth of a chart."""

import msgspec

from gateway.console.voice import Voice
from gateway.states import HomeState

_ROOM = 4 / 3  # the alert line stands at three quarters of the bar


class QuietBar(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers are per cent of the bar's width; None = cannot know."""

    sentence: str
    usual: float | None
    inside: float | None
    over: float
    alarmed: bool
    now: str
    now_x: float
    now_anchor: str
    usual_text: str
    limit: float
    limit_text: str


def quiet_bar(voice: Voice, home: HomeState) -> QuietBar:
    """The bar of a home."""
    quiet_s, usual_s = home.quiet_s, home.usual_longest_s
    full_s = max(home.limit_s * _ROOM, (quiet_s or 0) * 1.05, 1.0)
    usual = None if usual_s is None else _share(usual_s, full_s)
    inside_s = None if quiet_s is None else min(quiet_s, home.limit_s if usual_s is None else usual_s)
    usual_text = (
        voice.t("quiet.learning", days=home.learned_days)
        if usual_s is None
        else voice.t("quiet.usual", duration=voice.duration(usual_s))
    )
    now = voice.t("quiet.unknown") if quiet_s is None else voice.t("quiet.now", duration=voice.duration(quiet_s))
    limit_text = voice.t("quiet.limit", duration=voice.duration(home.limit_s))
    now_x = _share(quiet_s or 0, full_s)
    return QuietBar(
        sentence=voice.sentences(now, usual_text, limit_text),
        usual=usual,
        inside=None if inside_s is None else _share(inside_s, full_s),
        over=0.0
        if quiet_s is None or inside_s is None
        else round(_share(quiet_s, full_s) - _share(inside_s, full_s), 1),
        alarmed=quiet_s is not None and quiet_s >= home.limit_s,
        now=now,
        now_x=now_x,
        now_anchor="end" if now_x > 40 else "start",
        usual_text=usual_text,
        limit=_share(home.limit_s, full_s),
        limit_text=limit_text,
    )


def _share(part_s: float, full_s: float) -> float:
    return round(100 * max(0.0, min(part_s / full_s, 1.0)), 1)

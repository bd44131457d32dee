"""Two days of a home as pictures drawn on the server: how long it was quiet, and movement by device."""

import itertools

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_bridge.reading import SeriesKey
from gateway.activity import CHANGES, EVENTS
from gateway.alerts.words import clock
from gateway.console.voice import Voice
from gateway.context import Context
from gateway.states import HomeState

US = 1_000_000
HOUR_US = 3_600 * US
SPAN_H = 36
HEIGHT = 170.0
_ROOM = 1.15
_STEPS_H = (1.0, 2.0, 3.0, 6.0, 12.0, 24.0)
_NIGHT = (18, 6)


class Tick(msgspec.Struct, frozen=True):
    """A mark on an axis: where (per cent, or pixels for the upright one) and what it says."""

    at: float
    text: str


class Lane(msgspec.Struct, frozen=True):
    """One device's movements: where they stand (per cent)."""

    name: str
    y: int
    marks: list[float]


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """Both pictures. `line`, `over`: SVG paths in a field of 1000 × 170; `usual_y`, `limit_y`: None where not known."""

    sentence: str
    nights: list[tuple[float, float]]
    line: str
    over: str
    usual_y: float | None
    limit_y: float
    usual_text: str
    limit_text: str
    now_y: float | None
    now_x: float
    now_text: str
    hours: list[Tick]
    times: list[Tick]
    lanes: list[Lane]
    lanes_height: int
    table: list[tuple[str, str]]


def quiet_days(context: Context, voice: Voice, home: HomeState) -> Days:
    """The last 36 hours of a home up to now."""
    end_us = context.now_us()
    start_us = end_us - SPAN_H * HOUR_US
    moved = {d.id: _moves(context, d.id, start_us, end_us) for d in home.devices}
    every = np.unique(np.concatenate([*moved.values(), np.empty(0, np.int64)]))
    known_us = end_us if home.quiet_s is not None else max(int(every[-1]) if every.size else 0, home.last_us)
    quiet_s = home.quiet_s or 0.0
    top_h = _top(max(quiet_s, home.limit_s, home.usual_longest_s or 0, _longest_s(every)) / 3600 * _ROOM)
    limit_y, usual_y = _y(home.limit_s, top_h), None
    usual_text = ""
    if home.usual_longest_s is not None:
        usual_y = _y(home.usual_longest_s, top_h)
        usual_text = voice.t("quiet.usual", duration=voice.duration(home.usual_longest_s))
    alarmed = home.quiet_s is not None and quiet_s >= home.limit_s
    line, over = _saw(every, start_us, known_us, top_h, home.limit_s if alarmed else None)
    now_text = voice.t("quiet.now", duration=voice.duration(quiet_s)) if home.quiet_s is not None else ""
    lanes = _lanes(context, voice, moved, start_us, end_us)
    return Days(
        sentence=voice.t("days.sentence", now=now_text or voice.t("quiet.unknown"), usual=usual_text),
        nights=_nights(voice, start_us, end_us),
        line=line,
        over=over,
        usual_y=usual_y,
        limit_y=limit_y,
        usual_text=usual_text,
        limit_text=voice.t("quiet.limit", duration=voice.duration(home.limit_s)),
        now_y=_y(quiet_s, top_h) if home.quiet_s is not None else None,
        now_x=100.0,
        now_text=now_text,
        hours=_hours(voice, top_h),
        times=_times(voice, start_us, end_us),
        lanes=lanes,
        lanes_height=28 * len(lanes),
        table=_table(context, voice, moved),
    )


def _moves(context: Context, device: str, start_us: int, end_us: int) -> NDArray[np.int64]:
    found = [np.empty(0, np.int64)]
    for quantity in sorted(EVENTS | CHANGES):
        at_us, values = context.store.read(SeriesKey(context.registry.tenant, device, quantity), start_us, end_us)
        if quantity in EVENTS:
            found.append(at_us[values > 0])
        elif at_us.size:
            found.append(at_us[1:][np.diff(values) != 0])
    return np.unique(np.concatenate(found))


def _longest_s(every: NDArray[np.int64]) -> float:
    return float(np.diff(every).max()) / US if every.size > 1 else 0.0


def _top(hours: float) -> float:
    step = next((s for s in _STEPS_H if hours / s <= 4), 24.0)
    return float(np.ceil(max(hours, step) / step) * step)


def _y(seconds: float, top_h: float) -> float:
    return round(HEIGHT * (1 - min(seconds / 3600 / top_h, 1.0)), 1)


def _x(time_us: int, start_us: int) -> float:
    return round(1000 * (time_us - start_us) / (SPAN_H * HOUR_US), 1)


def _saw(every: NDArray[np.int64], start_us: int, end_us: int, top_h: float, limit_s: float | None) -> tuple[str, str]:
    if not every.size:
        return "", ""
    times = every.tolist()
    path = [f"M{_x(times[0], start_us)} {HEIGHT}"]
    for before, after in itertools.pairwise(times):
        if after - before >= 120 * US:
            x = _x(after, start_us)
            path.append(f"L{_x(before, start_us)} {HEIGHT}L{x} {_y((after - before) / US, top_h)}L{x} {HEIGHT}")
    last, quiet_s = times[-1], (end_us - times[-1]) / US
    path.append(f"L{_x(last, start_us)} {HEIGHT}")
    if quiet_s <= 0:
        return "".join(path), ""
    if limit_s is None or quiet_s <= limit_s:
        return "".join([*path, f"L{_x(end_us, start_us)} {_y(quiet_s, top_h)}"]), ""
    turn = f"{_x(last + int(limit_s * US), start_us)} {_y(limit_s, top_h)}"
    return "".join([*path, f"L{turn}"]), f"M{turn}L{_x(end_us, start_us)} {_y(quiet_s, top_h)}"


def _hours(voice: Voice, top_h: float) -> list[Tick]:
    step = next((s for s in _STEPS_H if top_h / s <= 4), 24.0)
    return [
        Tick(_y(number * step * 3600, top_h), voice.t("days.hours", n=f"{number * step:g}"))
        for number in range(int(top_h / step) + 1)
    ]


def _times(voice: Voice, start_us: int, end_us: int) -> list[Tick]:
    found = []
    first = -(-start_us // HOUR_US) * HOUR_US
    for at_us in range(first, end_us, HOUR_US):
        hour = _hour(voice, at_us)
        if hour % 6 == 0:
            text = voice.t("days.hour", n=hour) if hour else _day(voice, at_us)
            found.append(Tick(_x(at_us, start_us) / 10, text))
    return [tick for tick in found if 3 <= tick.at <= 97]


def _hour(voice: Voice, at_us: int) -> int:
    return int(clock(at_us, "ja", voice.zone).split(" ")[1].split(":")[0])


def _day(voice: Voice, at_us: int) -> str:
    day = clock(at_us, voice.lang, voice.zone)
    return day.split("(")[0] if voice.lang == "ja" else " ".join(day.split(" ")[1:3])


def _nights(voice: Voice, start_us: int, end_us: int) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    began: int | None = None
    for at_us in [start_us, *range(-(-start_us // HOUR_US) * HOUR_US, end_us, HOUR_US), end_us]:
        night = not _NIGHT[1] <= _hour(voice, at_us) < _NIGHT[0]
        if night and began is None:
            began = at_us
        if began is not None and (not night or at_us == end_us):
            found.append((_x(began, start_us) / 10, round((_x(at_us, start_us) - _x(began, start_us)) / 10, 2)))
            began = None
    return found


def _lanes(
    context: Context, voice: Voice, moved: dict[str, NDArray[np.int64]], start_us: int, end_us: int
) -> list[Lane]:
    found = []
    for number, (device_id, times) in enumerate(moved.items()):
        device = context.registry.device(device_id)
        apart = times[np.concatenate(([True], np.diff(times) >= 240 * US))] if times.size else times
        marks = [_x(int(t), start_us) / 10 for t in apart if t < end_us]
        found.append(Lane(voice.place(device) if device else device_id, 6 + 28 * number, marks))
    return found


def _table(context: Context, voice: Voice, moved: dict[str, NDArray[np.int64]]) -> list[tuple[str, str]]:
    pairs: list[tuple[int, str]] = []
    for device_id, times in moved.items():
        device = context.registry.device(device_id)
        pairs += [(int(t), voice.place(device) if device else device_id) for t in times[-20:]]
    return [(voice.moment(time_us), place) for time_us, place in sorted(pairs, reverse=True)[:20]]

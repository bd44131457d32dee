"""What a chart of one series shows, and the table behind it. The browser draws; sentence and table stand alone."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import SeriesKey
from gateway.activity import interval_s
from gateway.console.voice import Voice
from gateway.context import Context
from gateway.settings import Device

US = 1_000_000
HOUR_US = 3_600 * US
_LEAST_GAP_S = 900.0
_USUAL_GAP_S = 3_600.0
_HOURLY_GAP_S = 9_000.0  # hourly means lie an hour apart: two missing make a gap
_INTERVALS = 3
_ROWS = 48
_RAW_SPAN_US = 3 * 24 * HOUR_US


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """One chart for the template `parts.html`. `empty`: why there is nothing to draw. `kind`: line, step or event."""

    title: str
    about: str
    sentence: str
    src: str
    unit: str
    step: float
    gap_s: float
    from_s: int
    to_s: int
    kind: str
    limit: float | None = None
    limit_text: str = ""
    event_s: int = 0
    event_text: str = ""
    empty: str = ""


class Head(msgspec.Struct, frozen=True):
    """A table's column: its name, and whether it holds numbers."""

    text: str
    num: bool = False


def key_of(context: Context, device: str, quantity: str, channel: int = 0) -> SeriesKey:
    """A series of this town."""
    return SeriesKey(context.registry.tenant, device, quantity, channel)


def chart(
    context: Context,
    voice: Voice,
    key: SeriesKey,
    start_us: int,
    end_us: int,
    *,
    limit: float | None = None,
    event: tuple[int, str] = (0, ""),
) -> Chart:
    """The chart of one series; `event` marks a moment with its words."""
    known = QUANTITIES.get(key.quantity)
    device = context.registry.device(key.device)
    _, values = context.store.read(key, start_us, end_us, 20_000)
    where = voice.place(device) if device else key.device
    unit = voice.unit(key.quantity)
    title = voice.t("list.pair", one=voice.quantity(key.quantity), other=where)
    empty = ""
    if not values.size:
        newest = context.store.latest().get(key)
        since = voice.when(newest.time_us) if newest else ""
        empty = voice.t("chart.no-data-since", since=since) if since else voice.t("chart.never")
    return Chart(
        title=title,
        about=voice.t("chart.about-unit", unit=unit) if unit else "",
        sentence=sentence(voice, key.quantity, title, values),
        src=source(key, start_us, end_us),
        unit=unit,
        step=known.step if known else 0.01,
        gap_s=gap_s(device) if end_us - start_us <= _RAW_SPAN_US else max(gap_s(device), _HOURLY_GAP_S),
        from_s=start_us // US,
        to_s=end_us // US,
        kind={"event": "event", "state": "step"}.get(known.kind if known else "gauge", "line"),
        limit=limit,
        limit_text=voice.t("chart.limit", value=voice.value(limit, key.quantity)) if limit is not None else "",
        event_s=event[0] // US,
        event_text=event[1],
        empty=empty,
    )


def sentence(voice: Voice, quantity: str, title: str, values: NDArray[np.float64]) -> str:
    """What the chart says, for whoever does not see it."""
    if not values.size:
        return voice.t("chart.sentence-empty", title=title)
    return voice.t(
        "chart.sentence",
        title=title,
        low=voice.value(float(values.min()), quantity),
        high=voice.value(float(values.max()), quantity),
        last=voice.value(float(values[-1]), quantity),
    )


def source(key: SeriesKey, start_us: int, end_us: int) -> str:
    """Where the browser gets the points."""
    return f"/series/{key.device}/{key.quantity}/points.json?channel={key.channel}&start={start_us}&end={end_us}"


def gap_s(device: Device | None) -> float:
    """From how long without a value on the line breaks: three usual intervals."""
    every_s = interval_s(device) if device else 0.0
    return max(_LEAST_GAP_S, _INTERVALS * every_s) if every_s else _USUAL_GAP_S


def points(context: Context, key: SeriesKey, start_us: int, end_us: int) -> tuple[list[float], list[float]]:
    """Times (s since 1970) and values to draw: raw for three days, hourly means beyond."""
    if end_us - start_us <= _RAW_SPAN_US:
        at_us, values = context.store.read(key, start_us, end_us, 20_000)
        return (at_us / US).tolist(), values.tolist()
    rows = context.store.hourly(key, start_us, end_us)
    return ((rows[:, 0] + HOUR_US / 2) / US).tolist(), rows[:, 3].tolist()


def rows(
    context: Context, voice: Voice, key: SeriesKey, start_us: int, end_us: int
) -> tuple[list[Head], list[list[str]]]:
    """The table behind a chart: the newest values of a short span, hour by hour of a long one; newest first."""
    if end_us - start_us <= HOUR_US * 24:
        at_us, values = context.store.read(key, start_us, end_us, _ROWS)
        pairs = list(zip(at_us.tolist(), values.tolist(), strict=True))[::-1]
        heads = [Head(voice.t("table.time")), Head(voice.quantity(key.quantity), True)]
        return heads, [[voice.moment(time_us), voice.value(value, key.quantity)] for time_us, value in pairs]
    hours = context.store.hourly(key, start_us, end_us)[::-1]
    heads = [Head(voice.t("table.hour"))]
    heads += [Head(voice.t(f"table.{name}"), True) for name in ("least", "mean", "most", "count")]
    return heads, [
        [
            voice.moment(int(hour_us)),
            *(voice.value(x, key.quantity) for x in (low, mean, high)),
            voice.count(int(count)),
        ]
        for hour_us, count, low, mean, high in hours.tolist()
    ]

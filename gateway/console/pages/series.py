"""One series: chart, table, CSV."""

import csv
import io
import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import ID_PATTERN, SeriesKey
from gateway.console import plots
from gateway.console.page import render, voice_of
from gateway.console.values import series_href, tile
from gateway.context import Context, context_of
from gateway.people.door import Person, Refused
from gateway.people.sights import seen_series
from gateway.states import TownState, Value

router = APIRouter()
Device = Annotated[str, Path(pattern=ID_PATTERN)]
Quantity = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
Channel = Annotated[int, Query(ge=0, le=255)]
Span = Literal["day", "week", "month"]
DAYS: dict[Span, int] = {"day": 1, "week": 7, "month": 31}
_DAY_US = 86_400 * plots.US
_MOST_POINTS_US = 400 * _DAY_US
_CSV_ROWS = 100_000
_FORMULA = re.compile(r"^[=+\-@\t\r]")


@router.get("/series/{device}/{quantity}/points.json")
def points(
    request: Request,
    actor: Person,
    device: Device,
    quantity: Quantity,
    start: Annotated[int, Query(ge=0)],
    end: Annotated[int, Query(ge=0)],
    channel: Channel = 0,
) -> dict[str, Any]:
    """The points of a chart: times in seconds since 1970, values."""
    context = context_of(request)
    key = _known(context, device, quantity, channel)
    seen_series(request, actor, key)
    if not start < end or end - start > _MOST_POINTS_US:
        raise Refused(422, "error.range")
    at_s, values = plots.points(context, key, start, end)
    return {"times": at_s, "values": values}


@router.get("/series/{device}/{quantity}.csv")
def table(
    request: Request, actor: Person, device: Device, quantity: Quantity, channel: Channel = 0, span: Span = "day"
) -> Response:
    """The readings as CSV for a spreadsheet: UTF-8 with a mark, no cell that begins a formula."""
    context, voice = context_of(request), voice_of(request)
    key = _known(context, device, quantity, channel)
    seen_series(request, actor, key)
    end_us = context.now_us() + 1
    at_us, values = context.store.read(key, end_us - DAYS[span] * _DAY_US, end_us, _CSV_ROWS)
    known = context.registry.device(device)
    place = voice.place(known) if known else device
    file = io.StringIO()
    writer = csv.writer(file)
    unit = voice.unit(quantity)
    heading = f"{voice.quantity(quantity)} {unit}".strip()
    writer.writerow([cell(text) for text in (voice.t("table.time"), heading, voice.t("table.place"))])
    for time_us, value in zip(at_us.tolist(), values.tolist(), strict=True):
        writer.writerow([voice.iso(time_us), repr(value), cell(place)])
    name = f"{device}-{quantity}-{span}.csv"
    return Response(
        "\ufeff" + file.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/series/{device}/{quantity}")
def series(
    request: Request, actor: Person, device: Device, quantity: Quantity, channel: Channel = 0, span: Span = "day"
) -> Response:
    """The newest value, the chart of a day, week or month, and the table behind it."""
    context, voice = context_of(request), voice_of(request)
    key = _known(context, device, quantity, channel)
    seen_series(request, actor, key)
    end_us = context.now_us()
    start_us = end_us - DAYS[span] * _DAY_US
    known = context.registry.device(device)
    site = context.registry.site_of(device)
    value = _value(context.state(), key)
    limit = site.limits.get(quantity) if site else None
    heads, table = plots.rows(context, voice, key, start_us, end_us)
    return render(
        request,
        "series.html",
        actor,
        name=voice.quantity(quantity),
        place=voice.place(known) if known else device,
        site=site,
        site_href=f"/{site.kind}s/{site.id}" if site and actor.sees(site.kind) else "",
        device=known,
        key=key,
        event=QUANTITIES[quantity].kind == "event",
        spans=[(one, f"{series_href(device, quantity)}?span={one}&channel={channel}", one == span) for one in DAYS],
        chart=plots.chart(context, voice, key, start_us, end_us, limit=limit),
        tile=tile(context, voice, value) if value else None,
        newest=context.store.latest().get(key),
        heads=heads,
        table=table,
        csv=f"/series/{device}/{quantity}.csv?channel={channel}&span={span}",
    )


def cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def _known(context: Context, device: str, quantity: str, channel: int) -> SeriesKey:
    key = plots.key_of(context, device, quantity, channel)
    named = device in context.registry.devices or device in context.registry.nodes
    if quantity not in QUANTITIES or (not named and key not in context.store.latest()):
        raise Refused(404, "error.not-found")
    return key


def _value(state: TownState, key: SeriesKey) -> Value | None:
    for group in (state.homes, state.roofs, state.fields):
        for one in group:
            for value in one.values:
                if (value.device, value.quantity, value.channel) == (key.device, key.quantity, key.channel):
                    return value
    return None

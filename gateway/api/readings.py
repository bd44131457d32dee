"""Series, and the readings of one."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import ID_PATTERN, SeriesKey
from gateway.api import times
from gateway.context import Context, context_of
from gateway.people.door import Refused, SignedIn
from gateway.people.sights import seen_series, sees_series

router = APIRouter(tags=["series"])
SERIES = re.compile(rf"({ID_PATTERN[1:-1]})/([a-z][a-z0-9_]{{1,40}})(?:/([0-9]{{1,3}}))?\Z")
MOST_READINGS, USUAL_READINGS = 100_000, 10_000
LONGEST_US, USUAL_US = 3_660 * 86_400 * times.US, 86_400 * times.US


def parse_series(context: Context, text: str) -> SeriesKey:
    """The series of `device/quantity[/channel]`. Refused (422) for anything else."""
    match = SERIES.match(text)
    if match is None or int(match[3] or 0) > 255:
        raise Refused(422, "error.series", got=text[:80])
    return SeriesKey(context.registry.tenant, match[1], match[2], int(match[3] or 0))


@router.get("/series")
def series(request: Request, actor: SignedIn) -> dict[str, Any]:
    """Every series that may be shown, with its newest value and when that was measured."""
    context = context_of(request)
    zone = context.town.zone
    found = []
    for key, newest in sorted(context.store.latest().items()):
        if sees_series(context, actor, key):
            site = context.registry.site_of(key.device)
            known = QUANTITIES.get(key.quantity)
            found.append(
                {
                    "series": str(key),
                    "device": key.device,
                    "quantity": key.quantity,
                    "channel": key.channel,
                    "unit": known.unit if known else None,
                    "site": site.id if site else None,
                    "time": times.text(newest.time_us, zone),
                    "value": newest.value,
                }
            )
    return {"series": found}


@router.get("/readings")
def readings(
    request: Request,
    actor: SignedIn,
    series: Annotated[str, Query(description="device/quantity, or device/quantity/channel", max_length=120)],
    start: Annotated[str | None, Query(alias="from", description="RFC 3339 with offset; a day before `to`")] = None,
    end: Annotated[str | None, Query(alias="to", description="RFC 3339 with offset, not included; now")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_READINGS, description="the newest so many")] = USUAL_READINGS,
) -> dict[str, Any]:
    """Readings of one series in time order. `more`: there were more than `limit`; the newest are given."""
    context = context_of(request)
    key = parse_series(context, series)
    seen_series(request, actor, key)
    end_us = times.parse(end, "to") if end else context.now_us() + 1
    start_us = times.parse(start, "from") if start else end_us - USUAL_US
    if not 0 <= start_us < end_us or end_us - start_us > LONGEST_US:
        raise Refused(422, "error.range")
    at_us, values = context.store.read(key, start_us, end_us, limit + 1)
    more = len(at_us) > limit
    zone = context.town.zone
    known = QUANTITIES.get(key.quantity)
    pairs = zip(at_us[-limit:].tolist(), values[-limit:].tolist(), strict=True)
    return {
        "series": str(key),
        "unit": known.unit if known else None,
        "from": times.text(start_us, zone),
        "to": times.text(end_us, zone),
        "more": more,
        "readings": [{"time": times.text(time_us, zone), "value": value} for time_us, value in pairs],
    }

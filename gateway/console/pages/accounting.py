"""The account: read = sent = stored, by source and day, and every gap."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from gateway.accounting import Row, accounting
from gateway.console.page import render, voice_of
from gateway.context import context_of
from gateway.journal import evidence
from gateway.people.door import Person
from gateway.states import StateKey

router = APIRouter()
_MARK: dict[str, StateKey] = {
    "good": "fine",
    "on-its-way": "off",
    "catching-up": "off",
    "dropped": "watch",
    "rejected": "watch",
    "extra": "watch",
    "not-stored": "urgent",
    "mismatch": "tech",
    "conflict": "tech",
}
_GAPS = 50


@router.get("/accounting")
def account(request: Request, actor: Person, days: Annotated[int, Query(ge=1, le=31)] = 7) -> Response:
    """The account of the last days, newest first."""
    actor.needs("accounting")
    context, voice = context_of(request), voice_of(request)
    zone = context.town.zone
    last = datetime.fromtimestamp(context.now_us() / 1e6, zone).date()
    first = last - timedelta(days=days - 1)
    rows = accounting(context.journal, context.store, context.registry, first, last, zone)
    start_us = round(datetime(first.year, first.month, first.day, tzinfo=zone).timestamp()) * 1_000_000
    gaps = evidence.gaps(context.journal, start_us)
    pairs = [(row, _MARK[row.verdict]) for row in reversed(rows)]
    return render(
        request,
        "accounting.html",
        actor,
        moment=voice.today(context.now_us()),
        rows=[pair for pair in pairs if pair[1] != "fine" or pair[0].day == last.isoformat()],
        agreeing=[pair for pair in pairs if pair[1] == "fine" and pair[0].day != last.isoformat()],
        totals=_totals(rows),
        good=all(row.good or _MARK[row.verdict] == "off" for row in rows),
        strange=sum(not row.good and _MARK[row.verdict] != "off" for row in rows),
        days=days,
        gaps=[
            (gap.source, voice.moment(gap.hour_us), voice.count(gap.readings), voice.count(gap.arrived), gap.reason)
            for gap in reversed(gaps[-_GAPS:])
        ],
    )


def _totals(rows: list[Row]) -> tuple[int, int, int]:
    return sum(row.read for row in rows), sum(row.sent for row in rows), sum(row.stored for row in rows)

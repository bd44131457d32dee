"""The account: read = sent = stored, by source and local day."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request

from gateway.accounting import accounting
from gateway.context import Context, context_of
from gateway.people.door import Refused, SignedIn

router = APIRouter(tags=["accounting"])
MOST_DAYS = 31


def today(context: Context) -> date:
    """The town's day."""
    return datetime.fromtimestamp(context.now_us() / 1e6, context.town.zone).date()


@router.get("/accounting")
def account(
    request: Request,
    actor: SignedIn,
    first: Annotated[date | None, Query(alias="from", description="local day; a week before `to`")] = None,
    last: Annotated[date | None, Query(alias="to", description="local day, included; today")] = None,
) -> dict[str, Any]:
    """Rows by day and source; `good` where every row says read = sent = stored."""
    actor.needs("accounting")
    context = context_of(request)
    end = last or today(context)
    start = first or end - timedelta(days=6)
    if not 0 <= (end - start).days < MOST_DAYS:
        raise Refused(422, "error.days", most=MOST_DAYS)
    rows = accounting(context.journal, context.store, context.registry, start, end, context.town.zone)
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "good": all(row.good for row in rows),
        "rows": [msgspec.structs.asdict(row) for row in rows],
    }

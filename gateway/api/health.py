"""Whether the gateway works, for whoever asks; nothing about the town."""

from typing import Any

from fastapi import APIRouter, Request, Response

from gateway.console.pulse import STALE_US
from gateway.context import context_of
from gateway.errors import StoreError
from gateway.forwarder import CURSOR
from gateway.people.door import SignedIn

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz(request: Request, response: Response) -> dict[str, Any]:
    """`ok` is false (with status 503) while a role is down, the judgement is old or the journal cannot be read."""
    context = context_of(request)
    state = context.state()
    roles = {role.name: role.alive for role in context.roles()}
    try:
        behind: int | None = context.journal.last_id - context.journal.cursor(CURSOR)
    except StoreError:
        behind = None
    fresh = state.time_us > 0 and context.now_us() - state.time_us <= STALE_US
    good = all(roles.values()) and fresh and behind is not None
    response.status_code = 200 if good else 503
    return {
        "ok": good,
        "roles": roles,
        "judged": fresh,
        "blind": bool(state.blind_since_us),
        "broker": context.broker_kind,
        "connected": context.hears(),
        "store": context.store.name,
        "entries_behind": behind,
    }


@router.get("/api/openapi.json", include_in_schema=False)
def openapi(request: Request, _actor: SignedIn) -> dict[str, Any]:
    """The description of this API; behind the login."""
    described: dict[str, Any] = request.app.openapi()
    return described

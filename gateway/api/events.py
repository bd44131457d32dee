"""Live: what happens to alerts, as server-sent events, for pages and machines. It ends with the session."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from gateway.api.alerts import as_json
from gateway.api.live import Live, News
from gateway.context import context_of
from gateway.people.door import Actor, Refused, SignedIn, actor_of
from gateway.people.sights import sees_alert

router = APIRouter(tags=["live"])
BEAT_S = 10.0


def live_of(request: Request) -> Live:
    """The listeners of this application."""
    return cast("Live", request.app.state.live)


@router.get("/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(request: Request, actor: SignedIn) -> StreamingResponse:
    """`event: alert` with `{"what", "alert"}` at every change, `event: beat` every ten seconds. Ends at logout."""
    return StreamingResponse(_told(request, actor), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _told(request: Request, actor: Actor) -> AsyncIterator[str]:
    with live_of(request).listening(actor.session.id if actor.session else "") as queue:
        if queue is None:
            yield _event("full", {})
            return
        yield "retry: 5000\n" + _event("beat", {})
        while await run_in_threadpool(_still_there, request, actor):
            try:
                async with asyncio.timeout(BEAT_S):
                    news = await queue.get()
            except TimeoutError:
                yield _event("beat", {})
                continue
            if news is None:
                break
            told = await run_in_threadpool(_for, request, actor, news)
            if told:
                yield told
        yield _event("end", {})


def _still_there(request: Request, actor: Actor) -> bool:
    if actor.session is not None:
        return context_of(request).people.sessions.by_id(actor.session.id) is not None
    try:
        return actor_of(request) is not None
    except Refused:
        return False


def _for(request: Request, actor: Actor, news: News) -> str:
    event, alert = news
    context = context_of(request)
    if alert.state == "pending" or not sees_alert(context, actor, alert):
        return ""
    return _event("alert", {"what": event.what, "alert": as_json(context, alert)})


def _event(name: str, data: dict[str, object]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"

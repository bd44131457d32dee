"""What devices push over HTTP, each with its own key; it goes the way of every message, through ingest and journal."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from gateway.context import context_of
from gateway.ingest import Message
from gateway.people.door import Refused
from gateway.people.secret import same

router = APIRouter(tags=["push"])
_NOBODY = "-"  # what is compared where a device has no key, so that the answer takes as long


@router.post("/push/{device}")
async def push(request: Request, device: str) -> dict[str, Any]:
    """Readings of one device, as its model's codec reads them (`generic/senml`: SenML JSON), with
    `Authorization: Bearer <key>` of `push/<device>.key`. 200: committed, for ever. 422: it cannot be read; it is kept
    and listed, sending it again does not help. 503: send it again.
    """
    context = context_of(request)
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    known = context.push_keys.get(device, "")
    fits = same(given.strip() or _NOBODY, known or _NOBODY * 2)
    if scheme.lower() != "bearer" or not fits or not known or context.push is None:
        raise Refused(401, "error.token")
    refusal = await run_in_threadpool(context.push, Message(f"push/{device}", await request.body()))
    if refusal is not None:
        raise Refused(422, "error.invalid", what=f"{refusal.code}: {refusal.detail}")
    return {"committed": True}

"""Devices that foreign servers told of and nobody has entered."""

from typing import Any

from fastapi import APIRouter, Request

from gateway.api import times
from gateway.context import context_of
from gateway.journal import strangers
from gateway.people.door import SignedIn

router = APIRouter(tags=["nodes"])
SHOWN_BYTES = 2048


@router.get("/unknown")
def unknown(request: Request, actor: SignedIn) -> dict[str, Any]:
    """Every device that nobody has entered, the one heard last first, with its newest message (2 KiB of it).

    Enter its `address` with its model in the settings: the next start reads what is kept of it (`messages`).
    """
    actor.needs("node")
    context = context_of(request)
    zone = context.town.zone
    return {
        "unknown": [
            {
                "server": one.kind,
                "address": one.origin.partition("/")[2],
                "messages": one.messages,
                "first": times.text(one.first_us, zone),
                "last": times.text(one.last_us, zone),
                "topic": one.topic,
                "payload": one.payload[:SHOWN_BYTES].decode("utf-8", "replace"),
            }
            for one in strangers.listed(context.journal)
        ]
    }

"""The audit: who saw or did what, and whether the chain of rows is whole."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.console.page import render, voice_of
from gateway.context import context_of
from gateway.people.door import Person

router = APIRouter()


@router.get("/audit")
def audit(request: Request, actor: Person) -> Response:
    """The newest rows, and the check of all of them."""
    actor.needs("audit")
    context, voice = context_of(request), voice_of(request)
    book = context.people.audit
    rows = book.rows(200)
    return render(
        request,
        "audit.html",
        actor,
        verified=book.verify(),
        head=book.head(),
        rows=[(voice.moment(row.time_us), row) for row in rows],
    )

"""The demo's mailbox. Where the gateway sends real mail there is no such page."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.console.mailbox import letters
from gateway.console.page import render
from gateway.context import context_of
from gateway.people.door import Person, Refused

router = APIRouter()


@router.get("/mail")
def mail(request: Request, actor: Person) -> Response:
    """Every mail that was delivered, newest first."""
    context = context_of(request)
    if context.mailbox is None or actor.role != "admin":
        raise Refused(404, "error.not-found")
    return render(request, "mail.html", actor, letters=letters(context.mailbox))

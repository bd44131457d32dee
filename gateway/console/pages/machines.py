"""The API described for people, behind the login; drawn from the same description that machines read."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.console.page import render
from gateway.people.door import Person

router = APIRouter()


class Endpoint(msgspec.Struct, frozen=True):
    """One operation: method, path, what it does, its parameters as (name, what it means)."""

    method: str
    path: str
    about: str
    parameters: list[tuple[str, str]]


@router.get("/api/")
def machines(request: Request, actor: Person) -> Response:
    """Every operation of the API."""
    described: dict[str, Any] = request.app.openapi()
    found = [
        Endpoint(method.upper(), path, operation.get("description", ""), _parameters(operation))
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    return render(request, "machines.html", actor, endpoints=found)


def _parameters(operation: dict[str, Any]) -> list[tuple[str, str]]:
    given = operation.get("parameters", [])
    return [(one["name"], one.get("description", "")) for one in given if one["in"] != "header"]

"""How a request that cannot be answered is answered: words, never a stack trace; an id where the fault is ours."""

import logging
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from gateway.console.page import moved, render, voice_of
from gateway.context import context_of
from gateway.errors import RecordsError, StoreError
from gateway.people.door import Actor, NotSignedIn, Refused, actor_of, source_of

log = logging.getLogger(__name__)
_KEYS = {404: "error.not-found", 405: "error.method"}
Answer = Callable[[Request, Exception], Awaitable[Response]]


def install(app: FastAPI) -> None:
    """Give the application its answers."""
    answers: list[tuple[type[Exception], Callable[[Request, Exception], Response]]] = [
        (Refused, _refused),
        (RequestValidationError, _invalid),
        (HTTPException, _http),
        (RecordsError, _records),
        (StoreError, _store),
        (Exception, _unknown),
    ]
    for kind, answer in answers:
        app.add_exception_handler(kind, _threaded(answer))


def _threaded(answer: Callable[[Request, Exception], Response]) -> Answer:
    async def answered(request: Request, error: Exception) -> Response:
        return await run_in_threadpool(answer, request, error)

    return answered


def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    if isinstance(error, NotSignedIn) and not _for_machines(request):
        return _to_login(request)
    if error.status == 403:
        context = context_of(request)
        who = _actor(request)
        context.people.audit.write(
            who.name if who else "", request.method, request.url.path, f"refused {error.key}", source_of(request)
        )
    return _say(request, error.status, error.key, **error.values)


def _to_login(request: Request) -> Response:
    target = "/first-run" if context_of(request).people.first_run.open() else "/login"
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": target})
    if request.method == "GET" and request.url.path != "/" and target == "/login":
        target = f"/login?{urlencode({'next': str(request.url.path)})}"
    return moved(target)


def _invalid(request: Request, error: Exception) -> Response:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    texts = [f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in problems]
    return _say(request, 422, "error.invalid", what="; ".join(texts)[:500])


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    answer = _say(request, status, _KEYS.get(status, "error.other"), code=status)
    if isinstance(error, HTTPException):
        answer.headers.update(error.headers or {})
    return answer


def _records(request: Request, error: Exception) -> Response:
    return _say(request, 409, "error.records", what=str(error))


def _store(request: Request, error: Exception) -> Response:
    log.warning("store_unavailable path=%s error=%s", request.url.path, error)
    return _say(request, 503, "error.store")


def _unknown(request: Request, error: Exception) -> Response:
    number = secrets.token_hex(4)
    log.error("request_failed id=%s path=%r error=%s", number, request.url.path, type(error).__name__)
    answer = _say(request, 500, "error.ours", id=number)
    answer.headers["Connection"] = "close"  # the server hangs up after a failure: better to say so
    return answer


def _say(request: Request, status: int, key: str, **values: str | int) -> Response:
    voice = voice_of(request)
    text = voice.t(key, **values)
    if _for_machines(request):
        return JSONResponse({"error": {"code": key.removeprefix("error."), "detail": text}}, status)
    who = _actor(request) if status < 500 else None  # a page about a failure must not lean on what failed
    return render(request, "error.html", who, status, text=text, code=status)


def _for_machines(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/healthz")) and request.url.path != "/api/"


def _actor(request: Request) -> Actor | None:
    try:
        return actor_of(request)
    except Refused:
        return None

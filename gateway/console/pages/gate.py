"""The gate: first run, login, logout."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from gateway.console.page import local_path, moved, render, set_secret
from gateway.context import context_of
from gateway.errors import RecordsError
from gateway.people.door import OwnForm, Person, actor_of, source_of
from gateway.people.nouns import User
from gateway.people.passwords import Busy
from gateway.people.users import LOGIN, PasswordRefused

router = APIRouter()
Text = Annotated[str, Form(max_length=300)]


@router.get("/login")
def login(request: Request, target: Annotated[str, Query(alias="next", max_length=300)] = "/") -> Response:
    """The login; while nobody exists it leads to the first run."""
    if context_of(request).people.first_run.open():
        return moved("/first-run")
    return render(request, "login.html", target=local_path(target), login="", error="")


@router.post("/login", dependencies=[OwnForm])
def sign_in(request: Request, login: Text = "", password: Text = "", target: Text = "/") -> Response:
    """Sign in; a wrong login and a wrong password are told in the same words, after the same time."""
    people, source = context_of(request).people, source_of(request)
    who = login.strip().casefold() if LOGIN.match(login.strip().casefold()) else "-"
    wait_s = people.throttle.wait_s(who, source)
    if wait_s > 0:
        people.audit.write(who, "login", "session", "refused: too soon", source)
        return _again(request, login, target, 429, "login.wait", seconds=int(wait_s) + 1)
    try:
        user = people.users.check(who, password)
    except Busy:
        return _again(request, login, target, 429, "login.busy")
    if user is None:
        people.throttle.failed(who, source)
        people.audit.write(who, "login", "session", "refused", source)
        return _again(request, login, target, 401, "login.wrong")
    people.throttle.succeeded(who, source)
    return _welcome(request, user, local_path(target))


def _again(request: Request, login: str, target: str, status: int, key: str, **values: int) -> Response:
    answer = render(
        request, "login.html", None, status, target=local_path(target), login=login, error=key, error_values=values
    )
    if "seconds" in values:
        answer.headers["Retry-After"] = str(values["seconds"])
    return answer


def _welcome(request: Request, user: User, target: str) -> Response:
    people = context_of(request).people
    old = actor_of(request)
    if old is not None and old.session is not None:
        people.sessions.close(old.session.id)
    answer = moved(target)
    set_secret(request, answer, people.sessions.open(user))
    people.audit.write(user.login, "login", "session", "ok", source_of(request))
    return answer


@router.post("/logout", dependencies=[OwnForm])
def sign_out(request: Request, actor: Person) -> Response:
    """End the session here and on the server; open pages of it stop hearing news."""
    context = context_of(request)
    if actor.session is not None:
        context.people.sessions.close(actor.session.id)
        request.app.state.live.dismiss(actor.session.id)
    context.people.audit.write(actor.name, "logout", "session", "ok", source_of(request))
    answer = moved("/login")
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@router.get("/first-run")
def first_run(request: Request) -> Response:
    """Where the first admin is made; once there is one it leads to the login."""
    if not context_of(request).people.first_run.open():
        return moved("/login")
    return render(request, "first-run.html", code="", login="", error="")


@router.post("/first-run", dependencies=[OwnForm])
def make_admin(request: Request, code: Text = "", login: Text = "", password: Text = "") -> Response:
    """Make the first admin with the one-time code, and sign in."""
    people, source = context_of(request).people, source_of(request)
    if not people.first_run.open():
        return moved(f"/login?{urlencode({'next': '/'})}")
    wait_s = people.throttle.wait_s("first-run", source)
    if wait_s > 0:
        return _first_again(request, code, login, 429, "login.wait", seconds=int(wait_s) + 1)
    who = login.strip().casefold()
    if not LOGIN.match(who):
        return _first_again(request, code, login, 422, "first-run.login-shape")
    try:
        user = people.first_run.use(code, who, password)
    except PasswordRefused as error:
        return _first_again(request, code, login, 422, f"password.{error.why}")
    except RecordsError:
        return _first_again(request, code, login, 422, "first-run.login-shape")
    if user is None:
        people.throttle.failed("first-run", source)
        people.audit.write("-", "first-run", "user", "refused", source)
        return _first_again(request, code, login, 401, "first-run.wrong-code")
    people.audit.write(user.login, "first-run", f"user {user.login}", "ok", source)
    return _welcome(request, user, "/")


def _first_again(request: Request, code: str, login: str, status: int, key: str, **values: int) -> Response:
    return render(request, "first-run.html", None, status, code=code, login=login, error=key, error_values=values)

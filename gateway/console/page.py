"""One page: a template in the shell of its reader, with everything a template may ask for."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import jinja2
import msgspec
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from gateway.console import assets
from gateway.console.phrasebook import COOKIE, language
from gateway.console.pulse import beats
from gateway.console.voice import NBSP, Voice
from gateway.context import context_of
from gateway.people.door import FORM_FIELD, Actor, cookie_name, secret_of
from gateway.people.secret import form_token
from gateway.people.sessions import ABSOLUTE_US

TEMPLATES = Path(__file__).parent / "templates"
_YEAR_S = 365 * 86400
_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Place(msgspec.Struct, frozen=True):
    """One destination of the navigation."""

    href: str
    key: str
    here: bool


def voice_of(request: Request) -> Voice:
    """The reader's language, in the town's zone, at this moment."""
    context = context_of(request)
    return Voice(language(request), context.town.zone, context.now_us())


def render(
    request: Request, template: str, actor: Actor | None = None, status: int = 200, **values: object
) -> Response:
    """The page. It is kept by no cache, and a first visitor gets the cookie that forms are bound to."""
    context, voice = context_of(request), voice_of(request)
    secret = secret_of(request)
    shell = {
        "v": voice,
        "t": voice.t,
        "nbsp": NBSP,
        "town": voice.pick(context.town.name_ja, context.town.name_en),
        "actor": actor,
        "places": _places(actor, request.url.path) if actor else [],
        "beats": beats(context, voice, actor) if status < 500 else [],
        "other_lang": "en" if voice.lang == "ja" else "ja",
        "other_href": _in_other_language(request, voice),
        "here": _href(request),
        "form_field": FORM_FIELD,
        "form_token": form_token(secret),
        "charts": "uPlot.iife.min.js" not in assets.missing(),
        "live": "htmx.min.js" not in assets.missing(),
        "secure_here": context.secure or _loopback(request),
    }
    html = _environment.get_template(template).render(**shell, **values)
    response = HTMLResponse(html, status)
    _remember(request, response, voice, secret)
    return response


def _remember(request: Request, response: Response, voice: Voice, secret: str) -> None:
    context = context_of(request)
    if request.query_params.get("lang") == voice.lang:
        response.set_cookie(COOKIE, voice.lang, _YEAR_S, secure=context.secure, httponly=True, samesite="lax")
    if cookie_name(context) not in request.cookies:
        set_secret(request, response, secret)


def set_secret(request: Request, response: Response, secret: str) -> None:
    """Give the browser the secret: HttpOnly, SameSite=Lax, and Secure with the `__Host-` name over TLS."""
    context = context_of(request)
    response.set_cookie(
        cookie_name(context),
        secret,
        max_age=int(timedelta(microseconds=ABSOLUTE_US).total_seconds()),
        path="/",
        secure=context.secure,
        httponly=True,
        samesite="lax",
    )


def moved(href: str) -> RedirectResponse:
    """Go there with GET: what a form answers, so that a reload does not send it again."""
    return RedirectResponse(href, 303)


def local_path(text: str) -> str:
    """The path where it stays on this server, else the board."""
    good = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if good else "/"


def _places(actor: Actor, path: str) -> list[Place]:
    found = []
    if actor.sights & {"home", "field", "roof"}:
        found += [("/", "nav.board"), ("/alerts", "nav.alerts")]
    if actor.sees("node"):
        found.append(("/nodes", "nav.nodes"))
    if actor.sees("accounting"):
        found.append(("/accounting", "nav.accounting"))
    if actor.sees("audit") and len(found) < 4:
        found.append(("/audit", "nav.audit"))
    first = "/" + path.strip("/").split("/")[0]
    home = {"/homes": "/", "/fields": "/", "/roofs": "/", "/series": "/"}.get(first, first)
    return [Place(href, key, href == home) for href, key in found]


def _href(request: Request) -> str:
    kept = [(k, x) for k, x in request.query_params.multi_items() if k != "lang"]
    return request.url.path + (f"?{urlencode(kept)}" if kept else "")


def _in_other_language(request: Request, voice: Voice) -> str:
    kept = [(k, x) for k, x in request.query_params.multi_items() if k != "lang"]
    path = request.url.path if request.method == "GET" else "/"
    return f"{path}?{urlencode([*kept, ('lang', 'en' if voice.lang == 'ja' else 'ja')])}"


def _loopback(request: Request) -> bool:
    return request.url.hostname in ("127.0.0.1", "localhost", "::1")

"""Who is asking, and whether a form really came from our own page.

A person shows the session's secret in a cookie; a machine shows a token in the Authorization header, and nowhere else.
Every change by a person carries the token of its form and comes from our own origin.
"""

from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from fastapi import Depends, Form, Header, Request

from gateway.context import Context, context_of
from gateway.people.nouns import ACTING, SCOPE_SIGHTS, SIGHTS, Role, Session, Sight
from gateway.people.secret import form_token, fresh, same

FORM_FIELD, FORM_HEADER = "form_token", "X-Form-Token"


class Refused(Exception):  # noqa: N818 - what happened to the request, not a failure of ours
    """A request that is answered with `status` and the words of `key`; `values` fill them. Caught by the app."""

    def __init__(self, status: int, key: str, **values: str | int) -> None:
        super().__init__(f"{status} {key}")
        self.status = status
        self.key = key
        self.values = values


class NotSignedIn(Refused):
    """Nobody is signed in: pages lead to the login, the API says 401."""

    def __init__(self) -> None:
        super().__init__(401, "error.sign-in")


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `name` is a login or `token NAME`; `role` is None and `session` too for a machine."""

    name: str
    sights: frozenset[Sight]
    may_act: bool
    role: Role | None = None
    session: Session | None = None

    def sees(self, sight: Sight) -> bool:
        """Whether this may be shown."""
        return sight in self.sights

    def needs(self, sight: Sight) -> None:
        """Refused (403) where it may not be shown."""
        if sight not in self.sights:
            raise Refused(403, "error.not-for-you")


def cookie_name(context: Context) -> str:
    """Over TLS the browser itself guards the name; http is for loopback and trials."""
    return "__Host-satomori" if context.secure else "satomori"


def source_of(request: Request) -> str:
    """The address the request came from, as the server saw it."""
    return request.client.host if request.client else ""


def actor_of(request: Request) -> Actor | None:
    """Who asks; None for nobody. A token that is not good is Refused, it never falls back to a cookie."""
    context = context_of(request)
    header = request.headers.get("authorization")
    if header is not None:
        return _machine(context, header)
    secret = request.cookies.get(cookie_name(context))
    session = context.people.sessions.get(secret) if secret else None
    if session is None:
        return None
    return Actor(
        name=session.login,
        role=session.role,
        sights=SIGHTS[session.role],
        may_act=session.role in ACTING,
        session=session,
    )


def _machine(context: Context, header: str) -> Actor:
    scheme, _, secret = header.partition(" ")
    token = context.people.tokens.get(secret.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise Refused(401, "error.token")
    sights = frozenset(sight for scope in token.scopes for sight in SCOPE_SIGHTS[scope])
    return Actor(name=f"token {token.name}", sights=sights, may_act="acknowledge" in token.scopes)


def signed_in(request: Request) -> Actor:
    """Who asks; NotSignedIn for nobody. Asking keeps a session awake."""
    actor = actor_of(request)
    if actor is None:
        raise NotSignedIn
    if actor.session is not None:
        context_of(request).people.sessions.touch(actor.session)
    return actor


def person(request: Request) -> Actor:
    """A person who is signed in: pages are not for tokens."""
    actor = signed_in(request)
    if actor.session is None:
        raise Refused(403, "error.not-for-tokens")
    return actor


def secret_of(request: Request) -> str:
    """The cookie's secret, the one that forms of this browser are bound to; a new one where there is none yet."""
    secret = request.cookies.get(cookie_name(context_of(request)))
    if not secret:
        if not hasattr(request.state, "first_secret"):
            request.state.first_secret = fresh()
        secret = str(request.state.first_secret)
    return secret


def own_form(request: Request, given: Annotated[str, Form(alias=FORM_FIELD)] = "") -> None:
    """Refused (403) unless the form is ours: its token fits this browser's cookie, and its origin is our own."""
    _ours(request, given)


def own_call(request: Request, given: Annotated[str, Header(alias=FORM_HEADER)] = "") -> None:
    """The same for a call of the API: the token comes in a header. A machine's own token needs none."""
    if "authorization" not in request.headers:
        _ours(request, given)


def _ours(request: Request, given: str) -> None:
    secret = request.cookies.get(cookie_name(context_of(request)), "")
    if not secret or not same(given, form_token(secret)) or not _own_origin(request):
        raise Refused(403, "error.form")


def _own_origin(request: Request) -> bool:
    origin = request.headers.get("origin")
    if origin is None:
        referer = urlsplit(request.headers.get("referer", ""))
        origin = f"{referer.scheme}://{referer.netloc}"
    public = urlsplit(context_of(request).public_url)
    own = {f"{request.url.scheme}://{request.headers.get('host', '')}"}
    return origin in own | ({f"{public.scheme}://{public.netloc}"} if public.netloc else set())


SignedIn = Annotated[Actor, Depends(signed_in)]
Person = Annotated[Actor, Depends(person)]
OwnForm = Depends(own_form)
OwnCall = Depends(own_call)

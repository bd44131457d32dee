"""A browser without a screen, against a real server: keeps cookies, follows what forms say, sends its origin."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import httpx
from console_town import PASSWORD, Parts
from waiting import wait_until

from gateway.api import create_app
from gateway.webserver import WebServer

TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@contextmanager
def serve(parts: Parts) -> Iterator[str]:
    """The application on a real server; its address."""
    server, stop = WebServer(create_app(parts.context), "127.0.0.1", 0), threading.Event()
    thread = threading.Thread(target=server.run, args=(stop,), name="web")
    thread.start()
    try:
        wait_until(server.ready.is_set, 15, 0.01)
        yield f"http://127.0.0.1:{server.port}"
    finally:
        stop.set()
        thread.join(15)
        assert not thread.is_alive()


class Rig:
    """`client` is the browser; users of every role exist, with the login `<role>1`."""

    def __init__(self, parts: Parts, client: httpx.Client, origin: str) -> None:
        self.parts = parts
        self.client = client
        self.origin = origin

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def form(self, page: str) -> str:
        """The form token of a page."""
        found = TOKEN.search(self.client.get(page).text)
        assert found is not None, f"{page} has no form"
        return unescape(found[1])

    def post(self, path: str, page: str = "/", origin: str | None = None, **fields: str) -> httpx.Response:
        """Send a form of `page` to `path`."""
        data = {"form_token": self.form(page), **fields}
        return self.client.post(path, data=data, headers={"Origin": origin or self.origin})

    def sign_in(self, role: str, password: str = PASSWORD) -> httpx.Response:
        return self.post("/login", "/login", login=f"{role}1", password=password)

    def token(self, *scopes: str) -> dict[str, str]:
        """Headers with a new token."""
        name = "-".join(scopes).replace(":", "-") + str(len(self.parts.context.people.tokens.list()))
        return {"Authorization": f"Bearer {self.parts.context.people.tokens.add(name, list(scopes), 30)}"}

    def alert(self, rule: str) -> int:
        return next(alert.id for alert in self.parts.context.ledger.open() if alert.rule == rule)


@contextmanager
def rig(parts: Parts) -> Iterator[Rig]:
    with serve(parts) as origin, httpx.Client(base_url=origin, timeout=20, trust_env=False) as client:
        yield Rig(parts, client, origin)

"""The live parts that pages and the API read: one frozen struct, made by `app` and by tests, handed to `create_app`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import msgspec
from starlette.requests import HTTPConnection

from gateway.alerts.ledger import Ledger
from gateway.ingest import Message
from gateway.journal import Journal
from gateway.journal.arrivals import Refusal
from gateway.people import People
from gateway.registry import Registry
from gateway.rules import Rule
from gateway.settings import Town
from gateway.states import TownState
from gateway.store import Store
from gateway.supervisor import RoleState


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """See the module. Every part may be called from any thread.

    `state`: the newest judgement of the town (`Watch.state`). `roles`: how the gateway's own roles are. `broker_kind`:
    `mosquitto`, `iotcore` or `external`; `hears`: whether the gateway is subscribed there. `public_url`: how people
    reach the console; https there makes cookies Secure. `push`: commits what a device pushed; its refusal, None where
    it is kept. `push_keys`: by device that pushes. `mailbox`: folder of `.eml` files to show, only in the demo.
    """

    town: Town
    registry: Registry
    store: Store
    journal: Journal
    ledger: Ledger
    people: People
    rules: Sequence[Rule]
    state: Callable[[], TownState]
    now_us: Callable[[], int]
    roles: Callable[[], Sequence[RoleState]] = tuple
    broker_kind: str = "external"
    hears: Callable[[], bool] = lambda: True
    public_url: str = ""
    mailbox: Path | None = None
    push: Callable[[Message], Refusal | None] | None = None
    push_keys: Mapping[str, str] = {}

    @property
    def secure(self) -> bool:
        """Whether people reach the console over TLS."""
        return urlsplit(self.public_url).scheme == "https"

    def rule(self, name: str) -> Rule | None:
        """The rule of that id; None where the rules file no longer has it."""
        return next((rule for rule in self.rules if rule.id == name), None)


def context_of(connection: HTTPConnection) -> Context:
    """The context of the application that answers this request."""
    return cast("Context", connection.app.state.context)

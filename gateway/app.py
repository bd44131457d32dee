"""The composition root: builds every part from the settings, runs the roles, stops them in reverse.

Only here the rooms meet. A role that needs another part gets it as an argument; nothing looks anything up.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from gateway import notify, rules
from gateway.accounting import accounting
from gateway.alerts.ledger import Ledger
from gateway.api import create_app
from gateway.broker import Broker, users_of
from gateway.broker.config import GATEWAY_USER
from gateway.context import Context
from gateway.forwarder import Forwarder
from gateway.homeassistant import WRITER, HomeAssistant
from gateway.ingest import Ingest
from gateway.inlets import inlets
from gateway.journal import Journal
from gateway.models import Models
from gateway.people import People
from gateway.pushkeys import push_keys
from gateway.records import open_records
from gateway.registry import Registry, load_keys
from gateway.settings import Settings
from gateway.store import Store
from gateway.store.influx import InfluxStore
from gateway.store.sqlite import SqliteStore
from gateway.subscription import Subscription
from gateway.supervisor import Supervisor
from gateway.watch import Watch
from gateway.webserver import WebServer
from gateway.window import Window

log = logging.getLogger(__name__)
PATIENCE_S = 30.0  # how long judging waits for the store to come up


def now_us() -> int:
    """The wall clock, µs UTC."""
    return time.time_ns() // 1000


def registry_of(settings: Settings) -> Registry:
    """Nodes with their keys, sites and devices of the settings."""
    keys = load_keys(settings.gateway.data_dir / "nodes")
    return Registry(settings.town.code, settings.node, settings.site, settings.device, keys)


def store_of(settings: Settings) -> Store:
    """The store that the settings name. StoreError where its token file is missing."""
    if settings.store.kind == "sqlite":
        return SqliteStore(settings.gateway.data_dir / "points.db")
    influx = settings.store.influx
    token = influx.token_file.read_text("ascii").strip() if influx.token_file.is_file() else ""
    return InfluxStore(influx.url, influx.org, influx.bucket, token, settings.gateway.data_dir / "rejects.db")


def public_url(settings: Settings) -> str:
    """How people reach the console."""
    return settings.gateway.public_url.rstrip("/") or f"http://{settings.gateway.host}:{settings.gateway.port}"


class _Remembering:
    """Prepares the store, and fills the window from it, whenever the store comes up; `done` is set then."""

    def __init__(self, store: Store, window: Window, raw_days: int) -> None:
        self._store, self._window, self._raw_days = store, window, raw_days
        self.done = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """StoreError while the store is down; the supervisor tries again."""
        if isinstance(self._store, InfluxStore):
            self._store.ensure(self._raw_days)
            self._store.ensure_hourly()
        if not self.done.is_set():
            log.info("window_filled readings=%d", self._window.seed(self._store, now_us()))
        self.done.set()
        stop.wait()


class _Judging:
    """The watch, begun when the window remembers; with a store that stays down it judges without a past."""

    def __init__(self, watch: Watch, remembering: _Remembering) -> None:
        self._watch, self._remembering = watch, remembering

    def run(self, stop: threading.Event) -> None:
        """See Watch.run."""
        waited_s = 0.0
        while not stop.is_set() and waited_s < PATIENCE_S and not self._remembering.done.wait(0.2):
            waited_s += 0.2
        self._watch.run(stop)


class App:
    """Every part of one gateway. Building touches only its own data folder; `start` opens ports.

    `config`: the file the settings came from. `mailbox`: folder of `.eml` files to show; only the demo has one.
    """

    def __init__(self, settings: Settings, config: Path, mailbox: Path | None = None) -> None:
        self.settings = settings
        data_dir = settings.gateway.data_dir
        data_dir.mkdir(parents=True, exist_ok=True)
        data_dir.chmod(0o700)
        self.supervisor = Supervisor()
        self.registry = registry_of(settings)
        self.journal = Journal(data_dir / "journal.db")
        self.store = store_of(settings)
        self._engine = open_records(data_dir / "records.db")
        self._models = Models(data_dir / "models.db")
        self.ledger = Ledger(self._engine, settings.town.zone)
        self.people = People(self._engine, now_us)
        self.rules = rules.load(settings.judge.rules)
        self._ingest = Ingest(self.journal, self.registry, inlets(), now_us)
        self._window = Window(settings.site, settings.device, settings.node, zone=settings.town.zone, now_us=now_us)
        self._remembering = _Remembering(self.store, self._window, settings.store.raw_days)
        self.broker, self.subscription = self._connection(data_dir)
        self._outward = self._home_assistant(data_dir)
        self._forwarder = Forwarder(
            self.journal,
            self.store,
            self.registry,
            [self._window.take] + [one.take for one in self._outward],
            now_us,
            raw_days=settings.store.raw_days,
        )
        self.watch = self._watch()
        self.web = WebServer(create_app(self._context(mailbox)), settings.gateway.host, settings.gateway.port)
        self._arrange(config)

    def start(self) -> None:
        """Read again what came from devices that the settings did not know then, and start every role."""
        adopted = self._ingest.adopt()
        if adopted:
            log.info("strangers_adopted messages=%d", adopted)
        self.supervisor.start()

    def stop(self) -> list[str]:
        """Stop every role, then close files; names of roles that did not end."""
        late = self.supervisor.stop()
        self.journal.close()
        self.store.close()
        self._models.close()
        self._engine.dispose()
        return late

    def _connection(self, data_dir: Path) -> tuple[Broker | None, Subscription]:
        broker, town = self.settings.broker, self.settings.town.code
        users = users_of(data_dir)
        password = broker.password_file.read_text().strip() if broker.password_file else users[GATEWAY_USER]
        ours = (
            None if broker.mode == "external" else Broker(broker.mode, data_dir, broker.host, broker.port, town, users)
        )
        subscription = Subscription(
            broker.host, broker.port, broker.username, password, town, self._ingest, now_us=now_us
        )
        return ours, subscription

    def _home_assistant(self, data_dir: Path) -> list[HomeAssistant]:
        broker = self.settings.broker
        if not broker.home_assistant:
            return []
        return [HomeAssistant(broker.host, broker.port, users_of(data_dir)[WRITER], self.registry)]

    def _watch(self) -> Watch:
        settings = self.settings
        return Watch(
            self._window, self.rules, settings.site, settings.device, settings.node, self.ledger,
            step_s=settings.judge.step_s,
            now_us=now_us,
            broker_ready=lambda: self.subscription.connected,
            node_online=self._online,
            models=self._models,
        )  # fmt: skip

    def _online(self) -> Mapping[str, bool]:
        return {node: state.online for node, state in list(self._ingest.states.items())}

    def _context(self, mailbox: Path | None) -> Context:
        return Context(
            town=self.settings.town,
            registry=self.registry,
            store=self.store,
            journal=self.journal,
            ledger=self.ledger,
            people=self.people,
            rules=self.rules,
            state=self.watch.states,
            now_us=now_us,
            roles=self.supervisor.states,
            broker_kind=self.broker.kind if self.broker else "external",
            hears=lambda: self.subscription.connected,
            public_url=public_url(self.settings),
            mailbox=mailbox,
            push=self._ingest.take_one,
            push_keys=push_keys(self.settings.gateway.data_dir, self.settings.device),
        )

    def _arrange(self, config: Path) -> None:
        outbox = notify.Outbox(
            self._engine,
            notify.configured(self.settings.notifier, str(config)),
            self.ledger,
            self.watch.rules,
            labels={site.id: (site.label_ja, site.label_en) for site in self.settings.site if site.kind != "home"},
            public_url=public_url(self.settings),
            zone=self.settings.town.zone,
            now_us=now_us,
        )
        if self.broker:
            self.supervisor.add("broker", self.broker)
        self.supervisor.add("memory", self._remembering)
        self.supervisor.add("forwarder", self._forwarder)
        self.supervisor.add("subscription", self.subscription)
        self.supervisor.add("watch", _Judging(self.watch, self._remembering))
        self.supervisor.add("notify", outbox)
        self.supervisor.add("console", self.web)
        for role in self._outward:
            self.supervisor.add("homeassistant", role)


def run(settings: Settings, config: Path) -> int:
    """Run everything until SIGTERM or Ctrl-C; 1 where a role did not end in time."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    mailbox = os.environ.get("SATOMORI_MAILBOX")
    app = App(settings, config, Path(mailbox) if mailbox else None)
    app.start()
    log.info(
        "gateway_started console=%s broker=%s", public_url(settings), app.broker.kind if app.broker else "external"
    )
    code = app.people.first_run.code(settings.gateway.data_dir)
    if code:
        log.info("first_run code_file=%s", settings.gateway.data_dir / "first-run-code")
    stop.wait()
    late = app.stop()
    log.info("gateway_stopped late=%s", ",".join(late) or "none")
    return 1 if late else 0


def account(settings: Settings, days: int) -> tuple[list[dict[str, Any]], bool]:
    """The accounting of the last `days` local days, from the files alone: rows, and whether each of them adds up."""
    today = datetime.now(settings.town.zone).date()
    journal, store = Journal(settings.gateway.data_dir / "journal.db"), store_of(settings)
    try:
        rows = accounting(
            journal, store, registry_of(settings), today - timedelta(days=days), today, settings.town.zone
        )
    finally:
        journal.close()
        store.close()
    return [msgspec.to_builtins(row) for row in rows], all(row.good for row in rows)

"""Builds the agent's parts from settings, runs them, and begins anew on a fresh outbox where the file was damaged."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edge import VERSION, health, opening
from edge.agent import Agent
from edge.capture import Recorder
from edge.clock import Clock
from edge.drivers import Driver
from edge.errors import Mistake, OutboxBrokenError, SettingsError
from edge.intake import Round
from edge.nouns import Committed, Owner
from edge.outbox import Outbox
from edge.outbox_file import Lock
from edge.sender import Limits
from edge.session import Server
from edge.settings import Settings
from edge.uplink import About, Uplink
from firmware_bridge import credentials
from firmware_bridge.errors import EnvelopeError

log = logging.getLogger("edge")
Hears = Callable[[str, Sequence[Committed]], None]


def owner(settings: Settings) -> Owner:
    """Who this node is, with the key from its file. SettingsError where the file is missing or holds no key."""
    node = settings.node
    try:
        key = credentials.parse_key(Path(node.key_file).read_text("ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            [Mistake(node.key_file, "node.key_file", "a key file that can be read", str(error))]
        ) from error
    except EnvelopeError as error:
        raise SettingsError([Mistake(node.key_file, "node.key_file", "64 hex digits", error.detail)]) from error
    return Owner(tenant=node.tenant, node=node.id, key=key, sealed=node.sealed)


def run(settings: Settings, stop: threading.Event, *, hears: Hears | None = None, ends: bool = False) -> None:
    """Run the agent until `stop`; with `ends` until every capture is confirmed."""
    who = owner(settings)
    leftover: Round | None = None
    path = Path(settings.outbox.path)
    while True:
        clock = Clock(settings.node.clock, opening.newest_us(path))
        with ExitStack() as stack:
            outbox = stack.enter_context(_outbox(settings, who, clock, hears))
            uplink = _uplink(settings, who, clock, outbox)
            stack.callback(uplink.close)
            recorder = stack.enter_context(Recorder(Path(settings.record.path))) if settings.record.path else None
            agent = Agent(
                outbox,
                uplink,
                clock,
                settings.drivers,
                node=who.node,
                group_s=settings.outbox.group_s,
                health_s=settings.health.interval_s,
                recorder=recorder,
                ends=ends,
                leftover=leftover,
            )
            log.info("agent_started node=%s epoch=%s waiting=%d", who.node, outbox.epoch, outbox.waiting_rows)
            try:
                agent.run(stop)
                return
            except OutboxBrokenError as error:
                log.error("outbox_damaged error=%s", error)
                leftover = agent.leftover()


def _make(settings: Settings, who: Owner, clock: Clock, hears: Hears | None) -> Outbox:
    return Outbox(
        Path(settings.outbox.path),
        who,
        now_us=clock.now_us,
        running_us=clock.running_us,
        max_mb=settings.outbox.max_mb,
        grace_days=settings.outbox.grace_days,
        hold_s=settings.outbox.hold_s,
        committed=hears,
    )


@contextmanager
def _outbox(settings: Settings, who: Owner, clock: Clock, hears: Hears | None) -> Iterator[Outbox]:
    path = Path(settings.outbox.path)
    outbox = opening.open_outbox(path, who, clock.belief, lambda: _make(settings, who, clock, hears))
    try:
        yield outbox
    finally:
        outbox.close()


def renew(settings: Settings) -> opening.Salvage:
    """Begin a new epoch and carry over what waits. OutboxError where an agent holds the outbox."""
    who = owner(settings)
    path = Path(settings.outbox.path)
    clock = Clock(settings.node.clock, opening.newest_us(path))
    Lock(path).release()
    outbox, salvage = opening.renew(path, who, clock.belief, lambda: _make(settings, who, clock, None))
    outbox.close()
    return salvage


def _uplink(settings: Settings, who: Owner, clock: Clock, outbox: Outbox) -> Uplink:
    broker, limits = settings.broker, settings.uplink
    return Uplink(
        outbox,
        who,
        Server(
            host=broker.host,
            port=broker.port,
            username=who.node,
            password=credentials.mqtt_password(who.key),
            tls_ca=broker.tls_ca,
            keepalive_s=broker.keepalive_s,
        ),
        Limits(
            window=limits.window,
            ahead_rows=limits.ahead_rows,
            receipt_s=limits.receipt_s,
            live_s=limits.live_s,
            backlog_rows_per_s=limits.backlog_rows_per_s,
        ),
        About(version=VERSION, model=settings.node.model or health.board()),
        now_us=clock.now_us,
        running_us=clock.running_us,
        clock=lambda: "synced" if clock.belief.believed else "estimated",
        reconnect_max_s=limits.reconnect_max_s,
    )


@contextmanager
def truth(target: str) -> Iterator[Hears | None]:
    """Tells an oracle outside the process of each commit: a line `epoch seq readings`; `target` is a path or an fd."""
    if not target:
        yield None
        return
    handle = int(target) if target.isdigit() else os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def tell(epoch: str, rows: Sequence[Committed]) -> None:
        os.write(handle, b"".join(f"{epoch} {row.seq} {row.readings}\n".encode() for row in rows))

    try:
        yield tell
    finally:
        os.close(handle)


@contextmanager
def until_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def with_drivers(settings: Settings, drivers: tuple[Driver, ...]) -> Settings:
    """The same node with other drivers, and without its own health: for playing a capture."""
    return Settings(
        node=settings.node,
        broker=settings.broker,
        outbox=settings.outbox,
        uplink=settings.uplink,
        health=type(settings.health)(interval_s=0.0),
        record=settings.record,
        drivers=drivers,
    )

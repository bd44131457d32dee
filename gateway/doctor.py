"""`satomori doctor`: broker, store, clock, disk, nodes and queues in one page: what is wrong, and what to do.

It looks from outside, at files and ports, so that it can say something about a gateway that does not run.
"""

import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from gateway.app import registry_of, store_of
from gateway.check import check
from gateway.errors import GatewayError
from gateway.forwarder import CURSOR
from gateway.journal import Journal, evidence
from gateway.settings import Settings, load
from gateway.store import Store

LEAST_FREE_MB = 500
SYNCED_MARK = Path("/run/systemd/timesync/synchronized")
MANY_WAITING = 10_000


ADVICE: dict[str, tuple[str, str]] = {  # topic → what to do, in Japanese and English
    "settings": ("satomori check で全部を見てください。", "See them all: satomori check."),
    "console": ("satomori run を始めてください。", "Start it: satomori run CONFIG."),
    "broker": ("satomori run を始めてください。", "Start it: satomori run CONFIG."),
    "clock": ("時刻同期(NTP)を確かめてください。", "Check that NTP sets this clock: timedatectl."),
    "disk": ("空きを作ってください。", "Make room, or move data_dir."),
    "node": ("端末の電源と網を見てください。", "Look at the node's power and network."),
    "queues": ("保管先が動いているか見てください。", "See whether the store is up."),
    "store": ("保管先の住所と鍵を確かめてください。", "Check the store's address and token."),
}


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at: `topic` (and which one of several), whether it is good, and what was seen."""

    topic: str
    good: bool
    seen: str
    which: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        ja, en = ("", "") if self.good else ADVICE.get(self.topic, ("", ""))
        return {**msgspec.to_builtins(self), "advice_ja": ja, "advice_en": en}

    def text(self) -> str:
        """For a person."""
        mark = "✓" if self.good else "✗"
        advice = "" if self.good else "".join(f"\n    → {text}" for text in ADVICE.get(self.topic, ()))
        return f"{mark} {self.topic}{self.which and ' ' + self.which}: {self.seen}{advice}"


def examine(path: Path) -> list[Finding]:
    """Everything, in the order in which one thing needs another. With a broken configuration only that is told."""
    mistakes = check(path)
    if mistakes:
        seen = f"{len(mistakes)} mistake(s), first: {mistakes[0]}"
        return [Finding("settings", False, seen)]
    settings = load(path)
    return [
        Finding(
            "settings", True, f"{len(settings.node)} nodes, {len(settings.device)} devices, {len(settings.site)} sites"
        ),
        _port("console", settings.gateway.host, settings.gateway.port),
        _port("broker", settings.broker.host, settings.broker.port),
        _clock(),
        _disk(settings.gateway.data_dir),
        *_data(settings),
    ]


def _port(topic: str, host: str, port: int) -> Finding:
    with closing(socket.socket()) as probe:
        probe.settimeout(2)
        answers = probe.connect_ex((host, port)) == 0
    seen = f"{host}:{port} {'answers' if answers else 'does not answer'}"
    return Finding(topic, answers, seen)


def _clock() -> Finding:
    adjusted = SYNCED_MARK.exists() or not Path("/run/systemd/system").exists()
    seen = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return Finding("clock", adjusted, seen)


def _disk(folder: Path) -> Finding:
    folder = folder if folder.exists() else folder.parent
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    writable = os.access(folder, os.W_OK)
    seen = f"{free_mb} MB free in {folder}{'' if writable else ', not writable'}"
    return Finding("disk", writable and free_mb >= LEAST_FREE_MB, seen)


def _data(settings: Settings) -> Iterator[Finding]:
    path = settings.gateway.data_dir / "journal.db"
    if not path.exists():
        yield Finding("journal", True, "nothing has arrived yet")
        return
    journal = Journal(path)
    try:
        yield from _nodes(settings, journal)
        yield _queue(journal)
        yield from _store(settings)
    finally:
        journal.close()


def _nodes(settings: Settings, journal: Journal) -> Iterator[Finding]:
    known = registry_of(settings)
    heard = {stream.source: stream.last_us for stream in journal.streams()}
    for node in known.nodes.values():
        last_us = heard.get(node.id, 0)
        age_s = time.time() - last_us / 1e6
        seen = f"heard {age_s:.0f} s ago" if last_us else "never heard"
        good = bool(last_us) and age_s < 3 * max(node.interval_s, 60.0)
        yield Finding("node", good, seen, node.id)


def _queue(journal: Journal) -> Finding:
    waiting = journal.last_id - journal.cursor(CURSOR)
    refused = len(evidence.quarantined(journal, MANY_WAITING))
    seen = f"{waiting} entries wait for the store, {refused} messages in quarantine"
    return Finding("queues", waiting < MANY_WAITING, seen)


def _store(settings: Settings) -> Iterator[Finding]:
    try:
        store: Store = store_of(settings)
        with closing(store):
            yield Finding("store", True, f"{store.name}, {len(store.series())} series")
    except GatewayError as error:
        yield Finding("store", False, str(error))

"""Journal → store and listeners, decoded once.

Two places in the journal, one thread. The *store* cursor is persistent: entries are offered to the store until it
takes them, with growing pauses while it is down; offering again is a no-op there, so a crash between the store's
commit and the cursor's costs nothing. The *live* cursor lives in memory and starts where the store's stands (what lies
before it, a listener seeds from the store): every entry reaches each listener exactly once in a process's life. The
live cursor goes first and goes on during every pause, so a dead store delays judging by one request's timeout at most.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from firmware_bridge.errors import BridgeError
from firmware_bridge.reading import Column
from gateway.errors import StoreError
from gateway.inlets import Inlet, inlets
from gateway.journal import Journal
from gateway.journal.arrivals import Raw, Refusal
from gateway.journal.entries import unpack
from gateway.registry import Registry
from gateway.snow import depth_cm
from gateway.store import Entry, Store

log = logging.getLogger(__name__)
Listener = Callable[[Sequence[Entry]], None]
CURSOR = "store"
DERIVED = frozenset({"snow_depth_cm"})  # quantities that are computed here where a device has `mount_mm`
MAX_READINGS = 5000
MAX_ENTRIES = 1000
IDLE_S, FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 1.0, 60.0
PRUNE_EVERY_S = 3600.0
DAY_US = 86_400_000_000


class Forwarder:
    """See the module. `trouble`: why the store does not take entries now, "" where it does.

    `keep_days`: how long payloads stay in the journal after the store has them. `raw_days`: how long raw points stay
    in the store, for ever where None.
    """

    def __init__(
        self,
        journal: Journal,
        store: Store,
        registry: Registry,
        listeners: Sequence[Listener],
        now_us: Callable[[], int],
        *,
        sources: Mapping[str, Inlet] | None = None,
        keep_days: float = 30.0,
        raw_days: float | None = None,
    ) -> None:
        self.trouble = ""
        self._journal = journal
        self._store = store
        self._registry = registry
        self._listeners = listeners
        self._now_us = now_us
        self._inlets = inlets() if sources is None else sources
        self._keep_us = round(keep_days * DAY_US)
        self._mounts = {d.id: d.mount_mm for d in registry.devices.values() if d.mount_mm is not None}
        self._raw_us = None if raw_days is None else round(raw_days * DAY_US)
        self._live = journal.cursor(CURSOR)
        self._chunk: tuple[int, list[Entry], int] = (-1, [], -1)  # the last one read: cursor before, entries, end
        self._told = 0  # entries up to here that could not be read are told of
        self._pause_s = 0.0
        self._retry_at_s = 0.0
        self._prune_at_s = 0.0

    @property
    def waiting(self) -> int:
        """Entries that the store does not have yet."""
        return self._journal.last_id - self._journal.cursor(CURSOR)

    def run(self, stop: threading.Event) -> None:
        """Feed listeners and store until `stop`."""
        while not stop.is_set():
            moved = self.listen()
            if time.monotonic() >= self._retry_at_s:
                moved = self.forward() or moved
            if not moved:
                self._journal.flush()
                self._prune()
                self._journal.wait(self._live, self._idle_s())
        self._journal.flush()

    def listen(self) -> bool:
        """Give the next entries to the listeners; whether there were any."""
        entries, last_id = self._next(self._live)
        if last_id == self._live:
            return False
        self._live = last_id  # first, so that a listener that fails on an entry does not get it for ever
        if entries:
            for listener in self._listeners:
                listener(entries)
        return True

    def forward(self) -> bool:
        """Offer the next entries to the store; whether it took any."""
        cursor = self._journal.cursor(CURSOR)
        entries, last_id = self._next(cursor)
        if last_id == cursor:
            return False
        try:
            written = self._store.append(entries)
        except StoreError as error:
            self._wait_after(error)
            return False
        if self.trouble:
            log.info("store_back store=%s", self._store.name)
        self.trouble, self._pause_s = "", 0.0
        if written.rejected:
            log.warning("store_rejected store=%s readings=%d", self._store.name, written.rejected)
        self._journal.move_cursor(CURSOR, last_id)
        self._journal.recent.forget(min(last_id, self._live))
        return True

    def _wait_after(self, error: StoreError) -> None:
        if not self.trouble:
            log.error("store_lost store=%s retryable=%s error=%s", self._store.name, error.retryable, error)
        self.trouble = str(error)
        self._pause_s = min(2 * self._pause_s or FIRST_PAUSE_S, LONGEST_PAUSE_S) if error.retryable else LONGEST_PAUSE_S
        pause_s = max(self._pause_s * random.uniform(0.8, 1.2), error.retry_after_s)  # noqa: S311 - jitter, not a secret
        self._retry_at_s = time.monotonic() + pause_s

    def _idle_s(self) -> float:
        return max(0.01, min(IDLE_S, self._retry_at_s - time.monotonic())) if self.trouble else IDLE_S

    def _next(self, cursor: int) -> tuple[list[Entry], int]:
        """Entries after `cursor` and where they end; from memory where they are still there, and decoded once."""
        if self._chunk[0] == cursor:
            return self._chunk[1:]
        recent = self._journal.recent.after(cursor, MAX_READINGS)
        entries, last_id = ([self._derive(e) for e in recent], recent[-1].id) if recent else self._read(cursor)
        if last_id > cursor:
            self._chunk = (cursor, entries, last_id)
        return entries, last_id

    def _read(self, cursor: int) -> tuple[list[Entry], int]:
        entries: list[Entry] = []
        readings = 0
        for raw in self._journal.read(cursor, MAX_ENTRIES):
            entry = self._unpack(raw)
            if entry is not None:
                size = sum(len(column.times_us) for column in entry.columns)
                if entries and readings + size > MAX_READINGS:
                    break
                readings += size
                entries.append(entry)
            cursor = raw.id
        return entries, cursor

    def _unpack(self, raw: Raw) -> Entry | None:
        """None, and a note in quarantine, for an entry that today's registry cannot read."""
        try:
            return self._derive(unpack(raw, self._registry, self._inlets))
        except BridgeError as error:
            if raw.id > self._told:
                self._told = raw.id
                topic = f"journal/{raw.kind}/{raw.source}/{raw.epoch}/{raw.seq}"
                refusal = Refusal(topic, raw.payload, raw.received_us, raw.source, error.code, error.detail)
                self._journal.commit([], [refusal], now_us=self._now_us())
            return None

    def _derive(self, entry: Entry) -> Entry:
        if not self._mounts:
            return entry
        found = [self._depth(c) for c in entry.columns if c.quantity == "distance_mm" and c.device in self._mounts]
        extra = [column for column in found if column.times_us]
        return msgspec.structs.replace(entry, columns=entry.columns + extra) if extra else entry

    def _depth(self, column: Column) -> Column:
        mount_mm = self._mounts[column.device]
        heard = [(t, x) for t, x in zip(column.times_us, column.values, strict=True) if x > 0]  # 0 is "no echo"
        depths = [round(depth_cm(x, mount_mm), 3) for _, x in heard]
        return Column(column.device, "snow_depth_cm", [t for t, _ in heard], depths, column.channel)

    def _prune(self) -> None:
        if time.monotonic() >= self._prune_at_s:
            self._prune_at_s = time.monotonic() + PRUNE_EVERY_S
            now_us = self._now_us()
            while self._journal.prune(now_us - self._keep_us, min(self._live, self._journal.cursor(CURSOR))):
                pass
            if self._raw_us is not None:
                self._store.prune(now_us - self._raw_us)

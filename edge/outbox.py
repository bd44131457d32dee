"""The durable, bounded outbox: what was committed here is sent until the gateway's receipt, or counted as dropped.

One row is one batch and one seq: 1, 2, 3 … within an epoch of 64 random bits, drawn when the file is made and never
used again. A row's payload is frozen when its times are believed: the same seq is the same bytes for ever. One commit
holds everything that waits, with the positions of resuming drivers; receipts are written every two seconds at most.
A seq is never given twice.

Full: rows go in this order, each counted and told to the gateway as a gap: confirmed ones (no gap), the oldest gauges,
the oldest events. Thread-safe; one process, by lock.
"""

import secrets
import threading
from collections import deque
from collections.abc import Callable, Container, Sequence
from pathlib import Path

import msgspec

from edge import rows
from edge.clock import Belief
from edge.errors import OutboxBrokenError, OutboxError, OutboxFullError
from edge.gaps import Gaps
from edge.grace import Grace
from edge.kept import Kept
from edge.nouns import Committed, Owner, Ready, Rejected, Taken
from edge.outbox_file import Database, Lock, checksum
from edge.ranges import Ranges
from edge.room import Room
from firmware_bridge import envelope
from firmware_bridge.errors import EnvelopeError
from firmware_bridge.reading import Batch, Clock, Column

_FLUSH_US = 2_000_000
_SWEEP_US = 60_000_000
_HELD = "SELECT seq, readings, read_total, created_us, boot, offset_us, body FROM batch WHERE held=1 ORDER BY seq"
_columns = msgspec.json.Decoder(list[Column])


class Outbox:
    """See the module. `now_us`: the node's clock; `running_us`: never steps; `committed` is told before the sender."""

    def __init__(
        self,
        path: Path,
        owner: Owner,
        *,
        now_us: Callable[[], int],
        running_us: Callable[[], int],
        max_mb: float = 64.0,
        grace_days: float = 7.0,
        hold_s: float = 900.0,
        committed: Callable[[str, Sequence[Committed]], None] | None = None,
    ) -> None:
        self.path = path
        self.owner = owner
        self._now_us = now_us
        self._running_us = running_us
        self._hold_us = round(hold_s * 1e6)
        self._committed = committed
        self._guard = threading.RLock()
        self._lost: dict[str, int] = {}
        self._fresh: deque[tuple[int, int]] = deque(maxlen=10_000)
        self._reopened: int | None = None
        self._dirty = False
        self._flushed_us = self._swept_us = running_us()
        self._lock = Lock(path)
        try:
            self._database = Database(path, max_mb)
        except OutboxError:
            self._lock.release()
            raise
        try:
            self._room = Room(self._database, path)
            self._kept = Kept(self._database)
            self._gaps = Gaps(self._database, self._kept)
            self._grace = Grace(self._database, self._gaps, round(grace_days * 86_400e6))
            self._load()
        except OutboxError:
            self._database.close()
            self._lock.release()
            raise

    def _load(self) -> None:
        facts = dict(self._database.execute("SELECT name, value FROM fact"))
        if not facts:
            facts = {"epoch": secrets.token_hex(8), "node": self.owner.node, "key": self.owner.mark()}
            with self._database.transaction():
                self._database.executemany("INSERT INTO fact VALUES(?,?)", facts.items())
        if facts.keys() != {"epoch", "node", "key"}:
            raise OutboxBrokenError(f"{self.path}: does not say whose it is")
        if (facts["node"], facts["key"]) != (self.owner.node, self.owner.mark()):
            whose = "this" if facts["key"] == self.owner.mark() else "another"
            raise OutboxError(
                f"{self.path}: belongs to node {facts['node']} with {whose} key; let it drain there, or move it away"
            )
        self.epoch = facts["epoch"]
        self._confirmed = Ranges(self._database.execute("SELECT first, last FROM confirmed"))
        counters = self._kept.counters()
        newest = self._database.execute("SELECT seq, read_total FROM batch ORDER BY seq DESC LIMIT 1").fetchone()
        self.last_seq = max(newest[0] if newest else 0, counters.get("last_seq", 0))
        self.read_total = max(newest[1] if newest else 0, counters.get("read_total", 0))
        self.sent_seq = min(counters.get("sent_seq", 0), self.last_seq)
        self.rejected = sum(value for name, value in counters.items() if name.startswith("rejected:"))
        self.waiting_rows = self._count_waiting()
        if self._committed is not None:  # a crash may have come between the last commit and the telling of it
            found = self._database.execute("SELECT seq, readings FROM batch WHERE seq>?", (self._confirmed.mark,))
            self._committed(self.epoch, [Committed(*row) for row in found])

    # what comes in

    def put(self, taken: Sequence[Taken], rejected: Sequence[Rejected], belief: Belief) -> list[Committed]:
        """Commit everything in one transaction. OutboxError where nothing was kept; then nothing has changed."""
        with self._guard:
            packed = rows.pack((rows.believed(one, belief) for one in taken), self._now_us())
            self._make_room(sum(rows.size_bytes(row) for row in packed))
            try:
                kept, seq, total = self._write(packed, taken, rejected, belief)
            except OutboxFullError:
                self._room.free_disk()
                if not self._drop_some("disk-full"):
                    raise
                kept, seq, total = self._write(packed, taken, rejected, belief)
            self.last_seq, self.read_total = seq, total
            self.waiting_rows += len(kept)
            self.rejected += len(rejected)
            if packed:
                self._lost.clear()
            running_us = self._running_us()
            self._fresh.extend((running_us, one.seq) for one, row in kept if row.live and row.offset_us is None)
            done = [one for one, _ in kept]
            if self._committed is not None and done:
                self._committed(self.epoch, done)
            return done

    def lose(self, readings: int, reason: str) -> None:
        """Count readings that could not be kept at all: the next commit gives them a seq of their own, as a gap."""
        with self._guard:
            self._lost[reason] = self._lost.get(reason, 0) + readings

    def position(self, driver: str) -> int:
        """Where a resuming driver stood at its last committed frame; 0 at first."""
        with self._guard:
            return int(self._database.one("SELECT value FROM position WHERE driver=?", (driver,)) or 0)

    def _write(
        self, packed: list[rows.Row], taken: Sequence[Taken], rejected: Sequence[Rejected], belief: Belief
    ) -> tuple[list[tuple[Committed, rows.Row]], int, int]:
        seq, total = self.last_seq, self.read_total
        kept = []
        with self._database.transaction():
            for reason, readings in self._lost.items() if packed else ():
                seq, total = seq + 1, total + readings
                self._gaps.add(seq, seq, readings, reason)
            for row in packed:
                seq, total = seq + 1, total + row.readings
                if self._write_row(seq, total, row, belief):
                    kept.append((Committed(seq, row.readings), row))
            if packed and not kept:
                self._remember_newest(seq, total)
            self._kept.reject(rejected)
            positions = [one.position for one in taken if one.position is not None]
            self._database.executemany("INSERT OR REPLACE INTO position VALUES(?,?)", positions)
            if self._running_us() - self._flushed_us >= _FLUSH_US:
                self._write_confirmed()
        return kept, seq, total

    def _write_row(self, seq: int, total: int, row: rows.Row, belief: Belief) -> bool:
        """False where the row can never travel: it is kept among the dead and counted as a gap."""
        held = row.offset_us is not None
        if held:
            body = msgspec.json.encode(row.columns)
        else:
            try:
                body = self._payload(seq, total, row.columns, "synced")
            except EnvelopeError as error:
                self._write_dead(seq, row.readings, f"envelope-{error.code}", msgspec.json.encode(row.columns))
                return False
        self._database.execute(
            "INSERT INTO batch VALUES(?,?,?,?,?,?,?,?,?,?)",
            (
                seq,
                row.event,
                held,
                row.readings,
                total,
                self._now_us(),
                belief.boot if held else None,
                row.offset_us,
                checksum(seq, row.readings, total, body),
                body,
            ),
        )
        return True

    def _payload(self, seq: int, total: int, columns: list[Column], clock: Clock) -> bytes:
        batch = Batch(
            node=self.owner.node,
            epoch=self.epoch,
            seq=seq,
            clock=clock,
            read_total=total,
            columns=columns,
            gaps=self._gaps.carry(seq),
        )
        return envelope.encode(batch, self.owner.key, sealed=self.owner.sealed)

    # what goes out

    def take_live(self, max_age_us: int) -> int | None:
        """Seq of the next row made in this process that is young enough to overtake a backlog; each is given once."""
        with self._guard:
            while self._fresh:
                made_us, seq = self._fresh.popleft()
                if self._running_us() - made_us <= max_age_us:
                    return seq
            return None

    def ready(self, after: int, limit: int, skip: Container[int] = ()) -> list[Ready]:
        """The next rows to send after seq `after`: not held, confirmed or in `skip`. A damaged row is buried."""
        found: list[Ready] = []
        damaged = []
        with self._guard, self._database.translation():
            for seq, readings, total, crc, body in self._database.execute(
                "SELECT seq, readings, read_total, crc, body FROM batch WHERE seq>? AND held=0 ORDER BY seq", (after,)
            ):
                if len(found) == limit:
                    break
                if seq in self._confirmed or seq in skip:
                    continue
                if checksum(seq, readings, total, body) == crc:
                    found.append(Ready(seq, body))
                else:
                    damaged.append(seq)
            for seq in damaged:
                self.bury(seq, "row-damaged")
        return found

    def note_sent(self, seq: int) -> None:
        """A row is on its way: receipts up to its seq are believable."""
        with self._guard:
            self.sent_seq = max(self.sent_seq, seq)

    def is_waiting(self, seq: int) -> bool:
        """True while the gateway has not confirmed that seq."""
        with self._guard:
            return seq not in self._confirmed

    @property
    def confirmed_seq(self) -> int:
        """Everything up to this seq is at the gateway, or told to it as a gap."""
        return self._confirmed.mark

    def confirm(self, seq: int, ranges: Sequence[tuple[int, int]] = ()) -> bool:
        """The gateway has everything up to `seq`, and `ranges`; True where that is news. Never past what was sent."""
        with self._guard, self._database.translation():
            fresh = []
            for first, last in ((1, seq), *ranges):
                fresh += self._confirmed.add(first, min(last, self.sent_seq))
            for first, last in fresh:
                self.waiting_rows -= self._count_rows(first, last)
            self._dirty = self._dirty or bool(fresh)
            return bool(fresh)

    def resync(self, seq: int) -> None:
        """The gateway was restored and has nothing after `seq`: offer all of it again that is still here."""
        with self._guard:
            self._confirmed.cut(seq)
            with self._database.transaction():
                first = self._database.one("SELECT min(seq) FROM batch WHERE seq>?", (seq,))
                if first is not None and first > seq + 1:
                    self._gaps.add(seq + 1, first - 1, 0, "past-grace")
                self._dirty = True
                self._write_confirmed()
            self.waiting_rows = self._count_waiting()
            self._reopen(seq + 1)

    def reopened(self) -> int | None:
        """Lowest seq that became sendable behind the sender's back (re-stamped, or asked for again); told once."""
        with self._guard:
            seq, self._reopened = self._reopened, None
            return seq

    def bury(self, seq: int, reason: str) -> None:
        """Put a row among the dead, since it can never be delivered, and tell the gateway with the next batch."""
        with self._guard, self._database.transaction():
            row = self._database.execute("SELECT readings, body FROM batch WHERE seq=?", (seq,)).fetchone()
            if row is None:
                return
            self._database.execute("DELETE FROM batch WHERE seq=?", (seq,))
            self._write_dead(seq, row[0], reason, row[1])
            self._remember_newest(self.last_seq, self.read_total)
            self.waiting_rows -= seq not in self._confirmed

    def _write_dead(self, seq: int, readings: int, reason: str, body: bytes) -> None:
        self._kept.bury(seq, reason, body)
        self._gaps.add(seq, seq, readings, reason)

    # what time does to it

    def tick(self, belief: Belief) -> None:
        """Call every second or so: re-stamps, writes receipts down, lets go of what is past the grace window."""
        with self._guard:
            self._release(belief)
            running_us = self._running_us()
            if self._dirty and running_us - self._flushed_us >= _FLUSH_US:
                self.flush()
            if running_us - self._swept_us >= _SWEEP_US:
                self._swept_us = running_us
                self.sweep()

    def flush(self) -> None:
        """Write down what was confirmed."""
        with self._guard, self._database.transaction():
            self._write_confirmed()

    def sweep(self, limit: int = 1000) -> None:
        """Delete confirmed rows that are past the grace window, a limited number at a time."""
        with self._guard, self._database.transaction():
            self._grace.sweep(self._now_us(), self._confirmed.mark, self.last_seq, limit)
        self._room.keep_ballast()
        if self._room.is_slack():
            self._database.shrink()

    def _release(self, belief: Belief) -> None:
        held = self._database.execute(f"{_HELD} LIMIT 200").fetchall()
        for seq, readings, total, created_us, boot, offset_us, body in held:
            same_boot = boot == belief.boot
            if same_boot and belief.believed:
                shift_us = belief.offset_us - offset_us
                self._freeze(seq, readings, total, rows.shifted(_columns.decode(body), shift_us), "synced")
            elif not same_boot or self._running_us() - (created_us - offset_us) >= self._hold_us:
                self._freeze(seq, readings, total, _columns.decode(body), "estimated")

    def _freeze(self, seq: int, readings: int, total: int, columns: list[Column], clock: Clock) -> None:
        try:
            with self._database.transaction():
                payload = self._payload(seq, total, columns, clock)
                self._database.execute(
                    "UPDATE batch SET held=0, body=?, crc=? WHERE seq=?",
                    (payload, checksum(seq, readings, total, payload), seq),
                )
        except EnvelopeError as error:
            self.bury(seq, f"envelope-{error.code}")
        else:
            self._reopen(seq)

    # room

    def _make_room(self, size_bytes: int) -> None:
        while not self._room.has(size_bytes):
            if not self._drop_some("outbox-full"):
                raise OutboxFullError(f"{self.path}: no room for {size_bytes} bytes, and nothing left to drop")

    def _drop_some(self, reason: str) -> bool:
        victims = self._room.victims(self._confirmed, self.last_seq + 1)
        with self._database.transaction():
            self._database.executemany("DELETE FROM batch WHERE seq=?", [(seq,) for seq, _, _ in victims])
            for seq, readings, confirmed in victims:
                if not confirmed:
                    self._gaps.add(seq, seq, readings, reason)
            self._remember_newest(self.last_seq, self.read_total)
        self.waiting_rows -= sum(1 for _, _, confirmed in victims if not confirmed)
        return bool(victims)

    # what all of it needs

    def _remember_newest(self, seq: int, total: int) -> None:
        """The newest row usually says where the seqs stand; this says it where that row may be gone."""
        self._kept.note("last_seq", seq)
        self._kept.note("read_total", total)

    def _write_confirmed(self) -> None:
        if self._dirty:
            self._database.execute("DELETE FROM confirmed")
            self._database.executemany("INSERT INTO confirmed VALUES(?,?)", self._confirmed.list())
            self._kept.note("sent_seq", self.sent_seq)
        self._dirty = False
        self._flushed_us = self._running_us()

    def _reopen(self, seq: int) -> None:
        self._reopened = seq if self._reopened is None else min(seq, self._reopened)

    def _count_rows(self, first: int, last: int) -> int:
        return int(self._database.one("SELECT count(*) FROM batch WHERE seq BETWEEN ? AND ?", (first, last)))

    def _count_waiting(self) -> int:
        found = self._database.execute("SELECT seq FROM batch WHERE seq>?", (self._confirmed.mark,))
        return sum(1 for (seq,) in found if seq not in self._confirmed)

    def close(self) -> None:
        """Write down what was confirmed and close the file; a second time does nothing."""
        with self._guard:
            if self._lock.is_released:
                return
            try:
                self.flush()
            finally:
                self._database.close()
                self._lock.release()

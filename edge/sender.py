"""Which row goes next, and what an answer to it means. No network here: rows in order, answers in, nothing waits.

Two lanes: rows made in the last minute go first, the backlog follows at its own pace. A row counts as delivered only
by a receipt; a PUBACK is a hop. At most `window` publishes are without PUBACK and `ahead` rows without receipt. When
no receipt brings news for `receipt_s`, everything unconfirmed is offered again: that one rule covers a restarted
broker, a dropped queue, a lost session and a wrong ACL. While that does not help either, fewer rows are offered each
time (a quarter, at least 20), so that a gateway that is away for days is not buried under repetitions.
"""

import logging
import random
from collections import deque
from collections.abc import Callable

import msgspec

from edge.nouns import Ready
from edge.outbox import Outbox
from firmware_bridge.envelope import Receipt

log = logging.getLogger("edge.sender")
NOBODY_LISTENS = 0x10
_ROW_IS_BAD = frozenset({0x80, 0x83, 0x95, 0x99})  # unspecified, implementation, packet too large, payload format
_TRIES = 3
_LEAST_AHEAD = 20
_SILENT_REWINDS = 4
_CAREFUL_ACKS = 20
_TOPIC_BYTES = 200


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be on its way; see the configuration's `[uplink]`."""

    window: int = 20
    ahead_rows: int = 500
    receipt_s: float = 30.0
    live_s: float = 60.0
    backlog_rows_per_s: float = 50.0


class Sender:
    """See the module. `running_us` never steps; `chance` is between 0 and 1."""

    def __init__(
        self,
        outbox: Outbox,
        limits: Limits,
        running_us: Callable[[], int],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._limits = limits
        self._running_us = running_us
        self._chance = chance
        self._in_flight: dict[int, int] = {}
        self._unconfirmed: set[int] = set()
        self._next: deque[Ready] = deque()
        self._cursor = outbox.confirmed_seq
        self._window = limits.window
        self._max_payload = 1 << 30
        self._ahead = limits.ahead_rows
        self._tokens = 1.0
        self._tokens_us = self._progress_us = running_us()
        self._pause_us = self._paused_until_us = 0
        self._failures: dict[int, int] = {}
        self._careful = 0
        self._silent_rewinds = 0
        self.rewinds = 0
        self.strange_receipts = 0

    def begin(self, receive_maximum: int, max_packet_bytes: int) -> None:
        """A new connection: nothing is in flight; start after the last confirmed row."""
        self._in_flight.clear()
        self._window = max(1, min(self._limits.window, receive_maximum))
        self._max_payload = max_packet_bytes - _TOPIC_BYTES
        self._paused_until_us = self._pause_us = 0
        self._restart()

    def _restart(self) -> None:
        self._unconfirmed.clear()
        self._next.clear()
        self._cursor = self._outbox.confirmed_seq
        self._progress_us = self._running_us()

    def next_row(self) -> Ready | None:
        """The row to publish now; None while the window is full, a pause lasts, or nothing waits."""
        reopened = self._outbox.reopened()
        if reopened is not None:
            self._go_back(reopened)
        window = 1 if self._careful else self._window
        if len(self._in_flight) >= window or len(self._unconfirmed) >= self._ahead:
            return None
        if self._running_us() < self._paused_until_us:
            return None
        while (row := self._live() or self._backlog()) is not None:
            if len(row.payload) <= self._max_payload:
                return row
            log.warning("row_too_large seq=%d bytes=%d", row.seq, len(row.payload))
            self._outbox.bury(row.seq, "too-large")
        return None

    def _live(self) -> Ready | None:
        while (seq := self._outbox.take_live(round(self._limits.live_s * 1e6))) is not None:
            if seq in self._unconfirmed:
                continue
            found = self._outbox.ready(seq - 1, 1)
            if found and found[0].seq == seq:
                return found[0]
        return None

    def _backlog(self) -> Ready | None:
        rate = self._limits.backlog_rows_per_s
        if rate and not self._has_token(rate):
            return None
        while True:
            if not self._next:
                self._next.extend(self._outbox.ready(self._cursor, 32, self._unconfirmed))
                if not self._next:
                    return None
            row = self._next.popleft()
            self._cursor = max(self._cursor, row.seq)
            if row.seq not in self._unconfirmed and self._outbox.is_waiting(row.seq):
                self._tokens -= 1.0
                return row

    def _has_token(self, rate: float) -> bool:
        now_us = self._running_us()
        self._tokens = min(max(1.0, rate), self._tokens + (now_us - self._tokens_us) * rate / 1e6)
        self._tokens_us = now_us
        return self._tokens >= 1.0

    def sent(self, row: Ready, mid: int) -> None:
        """The row was handed to the broker under this message id."""
        if not self._unconfirmed:
            self._progress_us = self._running_us()
        self._in_flight[mid] = row.seq
        self._unconfirmed.add(row.seq)
        self._outbox.note_sent(row.seq)

    def acknowledged(self, mid: int, reason: int) -> None:
        """A PUBACK. A reason that is not success puts the row back and pauses; a row refused three times is buried."""
        seq = self._in_flight.pop(mid, None)
        if seq is None:
            return
        if reason < NOBODY_LISTENS:
            self._pause_us = 0
            self._careful = max(0, self._careful - 1)
            return
        self._unconfirmed.discard(seq)
        self._go_back(seq)
        self._pause()
        if reason in _ROW_IS_BAD:
            self._blame(seq)

    def receipt(self, receipt: Receipt) -> None:
        """The gateway's word, already proven genuine. Another epoch's, or one ahead of us, is counted and ignored."""
        outbox = self._outbox
        if receipt.epoch != outbox.epoch or receipt.seq > outbox.last_seq:
            self.strange_receipts += 1
            if receipt.epoch == outbox.epoch:
                log.error("receipt_ahead seq=%d last=%d: does a copy of this node run?", receipt.seq, outbox.last_seq)
            return
        if receipt.resync and receipt.seq < outbox.confirmed_seq:
            log.warning("resync from=%d to=%d", outbox.confirmed_seq, receipt.seq)
            outbox.resync(receipt.seq)
            outbox.confirm(receipt.seq, receipt.ranges)
            self._restart()
        elif outbox.confirm(receipt.seq, receipt.ranges):
            self._unconfirmed = {seq for seq in self._unconfirmed if outbox.is_waiting(seq)}
            self._failures = {seq: tries for seq, tries in self._failures.items() if outbox.is_waiting(seq)}
            self._progress_us = self._running_us()
            self._ahead = self._limits.ahead_rows
            if self._silent_rewinds:
                log.warning("receipts_back rewinds=%d", self.rewinds)
            self._silent_rewinds = 0

    def check(self) -> bool:
        """Rewind where receipts bring no news for too long; True where the connection itself is to be doubted."""
        if not self._unconfirmed:
            self._progress_us = self._running_us()
            return False
        if self._running_us() - self._progress_us < self._limits.receipt_s * 1e6 * (1 + 0.2 * self._chance()):
            return False
        self.rewinds += 1
        self._silent_rewinds += 1
        if self._silent_rewinds == 1:
            log.warning("receipts_missing rows=%d", len(self._unconfirmed))
        self._ahead = max(min(_LEAST_AHEAD, self._limits.ahead_rows), self._ahead // 4)
        self._restart()
        return self._silent_rewinds % _SILENT_REWINDS == 0

    def ended(self, by_broker: bool) -> None:
        """The connection is gone. One that the broker ends after a publish makes careful: one row at a time, to tell
        which row it does not bear.
        """
        if by_broker and self._in_flight:
            if self._careful and len(self._in_flight) == 1:
                self._blame(next(iter(self._in_flight.values())))
            self._careful = _CAREFUL_ACKS
        self._in_flight.clear()

    @property
    def is_idle(self) -> bool:
        """True where nothing waits for a PUBACK, a token or the end of a pause."""
        return not self._next and self._running_us() >= self._paused_until_us

    def _go_back(self, seq: int) -> None:
        self._cursor = min(self._cursor, seq - 1)
        self._next.clear()

    def _pause(self) -> None:
        now_us = self._running_us()
        if now_us >= self._paused_until_us:
            self._pause_us = min(30_000_000, max(500_000, 2 * self._pause_us))
            self._paused_until_us = now_us + round(self._pause_us * (0.5 + 0.5 * self._chance()))

    def _blame(self, seq: int) -> None:
        self._failures[seq] = self._failures.get(seq, 0) + 1
        if self._failures[seq] >= _TRIES:
            log.error("row_refused seq=%d tries=%d", seq, _TRIES)
            self._outbox.bury(seq, "refused")
            del self._failures[seq]

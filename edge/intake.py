"""What drivers heard and the outbox has not committed yet: frame → readings, waiting in memory for a second at most.

Thread-safe: many drivers put in, one writer takes out. Bounded: a driver that can wait (a replay) is made to wait;
what a live link says past the bound is counted as lost, never silently gone.
"""

import logging
import threading
from collections.abc import Callable

from edge import rows
from edge.clock import Clock
from edge.nouns import Rejected, Taken
from firmware_bridge import codecs
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Frame, Reading

log = logging.getLogger("edge.intake")
FULL_READINGS = 20_000
ROUND_READINGS = 2_000
_CODEC_FAILURES = (ValueError, ArithmeticError, LookupError, TypeError)


class Round:
    """Everything that goes into one commit."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.rejected: list[Rejected] = []
        self.readings = 0
        self.is_urgent = False


class Intake:
    """See the module. `lose(readings, reason)` hears what found no place."""

    def __init__(self, clock: Clock, lose: Callable[[int, str], None]) -> None:
        self._clock = clock
        self._lose = lose
        self._changed = threading.Condition()
        self._round = Round()
        self._is_closed = False

    def frame(self, link: str, frame: Frame, position: tuple[str, int] | None) -> None:
        """Take one frame in. Bytes that its codec cannot read are rejected; the position is kept all the same."""
        # A capture's own times are as they were believed then; a live frame's are worth what our clock is worth now.
        recorded = position is not None
        belief = self._clock.belief
        offset_us = None if recorded or belief.believed else belief.offset_us
        taken = Taken(
            device=frame.device,
            readings=self._decode(link, frame, offset_us is None),
            time_us=frame.time_us,
            offset_us=offset_us,
            position=position,
        )
        self.take(taken, may_wait=recorded)

    def take(self, taken: Taken, *, may_wait: bool = False) -> None:
        """Put readings in; blocks while it is full where `may_wait`, else counts them as lost."""
        with self._changed:
            if may_wait:
                self._changed.wait_for(lambda: self._is_closed or self._round.readings < ROUND_READINGS)
            if self._round.readings + len(taken.readings) > FULL_READINGS:
                self._lose(len(taken.readings), "memory-full")
                return
            self._round.taken.append(taken)
            self._round.readings += len(taken.readings)
            if not may_wait:  # what a capture tells happened long ago: it need not have a commit of its own
                self._round.is_urgent |= any(rows.is_event(one.quantity) for one in taken.readings)
            if self._round.is_urgent or self._round.readings >= rows.MAX_ROW_READINGS:
                self._changed.notify_all()

    def reject(self, rejected: Rejected) -> None:
        """Put in bytes that gave no reading; they travel with the next commit."""
        with self._changed:
            self._round.rejected.append(rejected)

    def wait(self, timeout_s: float) -> None:
        """Until something must be committed at once, or the time is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._round.is_urgent or self._round.readings >= rows.MAX_ROW_READINGS, timeout_s
            )

    def collect(self) -> Round:
        """What goes into the next commit, oldest first: about 2,000 readings, so that it fits a small outbox."""
        with self._changed:
            collected, rest = Round(), Round()
            collected.rejected = self._round.rejected
            for taken in self._round.taken:
                into = collected if collected.readings < ROUND_READINGS else rest
                into.taken.append(taken)
                into.readings += len(taken.readings)
            collected.is_urgent = rest.is_urgent = self._round.is_urgent
            rest.is_urgent = rest.is_urgent and bool(rest.taken)
            self._round = rest
            self._changed.notify_all()
            return collected

    def give_back(self, collected: Round) -> None:
        """What could not be committed, before what has come since."""
        with self._changed:
            collected.taken += self._round.taken
            collected.rejected += self._round.rejected
            collected.readings += self._round.readings
            collected.is_urgent |= self._round.is_urgent
            self._round = collected

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    @property
    def is_empty(self) -> bool:
        """True where nothing waits for a commit."""
        with self._changed:
            return not self._round.taken

    @property
    def rejected_count(self) -> int:
        """Rejections that wait for the next commit."""
        with self._changed:
            return len(self._round.rejected)

    def _decode(self, link: str, frame: Frame, believed: bool) -> tuple[Reading, ...]:
        try:
            readings = codecs.decode(frame.model, frame.port, frame.payload, frame.time_us)
        except DecodeError as error:
            self._refuse(link, frame, error.code, error.detail)
            return ()
        except _CODEC_FAILURES as error:
            log.exception("codec_failed model=%s", frame.model)
            self._refuse(link, frame, "codec-failed", f"{type(error).__name__}: {error}")
            return ()
        sound = tuple(
            one for one in readings if not believed or rows.can_travel(frame.time_us - round(one.age_s * 1e6))
        )
        if len(sound) < len(readings):
            self._refuse(link, frame, "time", f"{len(readings) - len(sound)} readings are not from 2020 to 2100")
        return sound

    def _refuse(self, link: str, frame: Frame, reason: str, detail: str) -> None:
        self.reject(
            Rejected(
                time_us=self._clock.now_us(),
                link=link,
                reason=reason,
                detail=detail,
                payload=frame.payload,
                device=frame.device,
                model=frame.model,
                port=frame.port,
            )
        )

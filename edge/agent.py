"""The agent: one supervised thread a driver, one writer, one uplink.

    driver threads ─Frame→ intake ─Round→ writer (this thread) ─commit→ outbox ─wake→ uplink thread

A driver that fails is started again, ever more seldom, and never touches the others. SIGKILL is safe at every point:
what was committed is sent later, what was not committed is heard again or was never promised.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence

from edge import health
from edge.capture import Recorder
from edge.clock import Clock
from edge.drivers import Driver, Ear
from edge.errors import LinkError, OutboxBrokenError, OutboxError
from edge.intake import Intake, Round
from edge.nouns import Rejected, Taken
from edge.outbox import Outbox
from edge.uplink import Uplink

log = logging.getLogger("edge.agent")
LONGEST_PAUSE_S = 60.0
_TICK_S = 1.0
_REJECTS_ALONE_S = 10.0
_JOIN_S = 5.0
_TRIM_S = 600.0


class Link:
    """How one driver is doing."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.is_lost = False
        self.has_ended = False
        self.failures = 0
        self.position: int | None = None


class Agent:
    """See the module. `leftover` is what an earlier agent of this process could not commit."""

    def __init__(
        self,
        outbox: Outbox,
        uplink: Uplink,
        clock: Clock,
        drivers: Sequence[Driver],
        *,
        node: str,
        group_s: float = 1.0,
        health_s: float = 60.0,
        recorder: Recorder | None = None,
        ends: bool = False,
        leftover: Round | None = None,
    ) -> None:
        self._outbox = outbox
        self._uplink = uplink
        self._clock = clock
        self._node = node
        self._group_s = group_s
        self._health_s = health_s
        self._recorder = recorder
        self._ends = ends
        self._links = [Link(driver) for driver in drivers]
        self._intake = Intake(clock, outbox.lose)
        self._lost_outbox = ""
        self._stop = threading.Event()
        self._broken: OutboxBrokenError | None = None
        self._next_health_s = time.monotonic()
        self._next_tick_s = time.monotonic()
        self._next_trim_s = time.monotonic() + 10 * _TICK_S
        self._last_put_s = time.monotonic()
        if leftover is not None:
            self._intake.give_back(leftover)

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; with `ends` until every capture is confirmed. OutboxBrokenError where its file is damaged."""
        threads = [
            threading.Thread(target=self._run_driver, args=(link,), name=link.driver.name, daemon=True)
            for link in self._links
        ]
        threads.append(threading.Thread(target=self._run_uplink, name="uplink", daemon=True))
        for thread in threads:
            thread.start()
        try:
            while not (stop.is_set() or self._is_done()):
                self._intake.wait(self._group_s or 0.05)
                self._step()
        finally:
            self._stop.set()
            self._intake.close()
            self._uplink.wake()
            deadline_s = time.monotonic() + _JOIN_S
            for thread in threads:
                thread.join(max(0.0, deadline_s - time.monotonic()))
        self._last_put_s = 0.0
        self._guarded(self._commit)
        while not (self._intake.is_empty or self._lost_outbox):
            self._guarded(self._commit)

    def leftover(self) -> Round:
        """What was heard and not committed."""
        return self._intake.collect()

    def _is_done(self) -> bool:
        ended = self._ends and all(link.has_ended for link in self._links)
        return ended and self._intake.is_empty and not self._outbox.waiting_rows

    # the writer

    def _step(self) -> None:
        if self._broken is not None:
            raise self._broken
        now_s = time.monotonic()
        if now_s >= self._next_tick_s:
            self._next_tick_s = now_s + _TICK_S
            if self._clock.refresh():
                log.info("clock_believed")
            self._guarded(self._tick)
        if now_s >= self._next_trim_s:
            self._next_trim_s = now_s + _TRIM_S
            health.let_go_of_memory()
        if self._health_s and now_s >= self._next_health_s:
            self._next_health_s = now_s + self._health_s
            self._take_health()
        self._guarded(self._commit)

    def _tick(self) -> None:
        self._outbox.tick(self._clock.belief)

    def _commit(self) -> None:
        collected = self._intake.collect()
        alone = not collected.taken and time.monotonic() - self._last_put_s < _REJECTS_ALONE_S
        if alone or not (collected.taken or collected.rejected):
            self._intake.give_back(collected)
            return
        try:
            self._outbox.put(collected.taken, collected.rejected, self._clock.belief)
        except OutboxError:
            self._intake.give_back(collected)
            raise
        self._last_put_s = time.monotonic()
        self._uplink.wake()

    def _guarded(self, work: Callable[[], None]) -> None:
        """A full or read-only disk is said once and waited out; a damaged file ends this agent."""
        try:
            work()
        except OutboxBrokenError:
            raise
        except OutboxError as error:
            if not self._lost_outbox:
                log.error("outbox_lost error=%s", error)
            self._lost_outbox = str(error)
            self._stop.wait(_TICK_S)
        else:
            if self._lost_outbox:
                log.warning("outbox_back")
            self._lost_outbox = ""

    def _take_health(self) -> None:
        rejected = self._outbox.rejected + self._intake.rejected_count
        belief = self._clock.belief
        self._intake.take(
            Taken(
                device=self._node,
                readings=health.readings(self._outbox.path.parent, self._outbox.waiting_rows, rejected),
                time_us=self._clock.now_us(),
                offset_us=None if belief.believed else belief.offset_us,
            )
        )

    # the other threads

    def _run_driver(self, link: Link) -> None:
        while True:
            failure = self._attempt(link.driver.name, lambda: self._drive(link))
            if failure is not None:
                link.has_ended = isinstance(failure, LinkError) and not failure.retryable
                link.failures += 1
                if not link.is_lost:
                    log.warning("link_lost link=%s error=%s", link.driver.name, failure)
                link.is_lost = True
            if link.has_ended or self._stop.is_set():
                return
            self._pause(link.failures)

    def _run_uplink(self) -> None:
        failures = 0
        while not self._stop.is_set():
            failure = self._attempt("uplink", lambda: self._uplink.run(self._stop))
            if failure is not None:
                failures += 1
                log.error("uplink_stopped error=%s", failure)
                self._pause(failures)

    def _attempt(self, name: str, work: Callable[[], None]) -> Exception | None:
        """Run one thread's work; return what ended it."""
        try:
            work()
        except OutboxBrokenError as error:
            self._broken = error
            return error
        except (LinkError, OutboxError) as error:
            return error
        except Exception as error:
            log.error("thread_failed name=%s", name, exc_info=error)
            return error
        return None

    def _pause(self, failures: int) -> None:
        pause_s = min(LONGEST_PAUSE_S, 0.25 * 2 ** min(failures, 10))
        self._stop.wait(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries in time, no secret

    def _drive(self, link: Link) -> None:
        driver, key = link.driver, link.driver.resumes()
        if key and link.position is None:
            link.position = self._outbox.position(key)

        def reject(reason: str, detail: str, raw: bytes, device: str) -> None:
            self._intake.reject(
                Rejected(
                    time_us=self._clock.now_us(),
                    link=driver.name,
                    reason=reason,
                    detail=detail,
                    payload=raw,
                    device=device,
                )
            )

        ear = Ear(self._stop, self._clock.now_us, reject, link.position or 0)
        for frame in driver.frames(ear):
            self._found(link)
            if self._recorder is not None:
                self._recorder.write(frame)
            link.position = ear.position
            self._intake.frame(driver.name, frame, (key, ear.position) if key else None)
        if not self._stop.is_set():
            if key:
                self._intake.take(Taken(device="", readings=(), time_us=0, position=(key, ear.position)))
            link.has_ended = True
            log.info("link_ended link=%s", driver.name)

    def _found(self, link: Link) -> None:
        if link.is_lost:
            log.warning("link_back link=%s failures=%d", link.driver.name, link.failures)
        link.is_lost = False
        link.failures = 0

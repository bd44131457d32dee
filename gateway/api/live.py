"""From the ledger's threads to open pages: every change of an alert is handed to each listener's own event loop."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.alerts import Alert, Event
from gateway.alerts.ledger import Ledger

MOST_WAITING = 1_000
MOST_LISTENERS = 200
News = tuple[Event, Alert]


class Live:
    """Listeners of open pages. `None` in a listener's queue means: end now (logged out, or too slow)."""

    def __init__(self, ledger: Ledger) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Queue[News | None], tuple[asyncio.AbstractEventLoop, str]] = {}
        ledger.listen(self._told)

    @contextmanager
    def listening(self, session: str) -> Iterator[asyncio.Queue[News | None] | None]:
        """A queue of what happens from now on, for a page of that session; None where too many listen already."""
        queue: asyncio.Queue[News | None] = asyncio.Queue()
        with self._lock:
            full = len(self._listeners) >= MOST_LISTENERS
            if not full:
                self._listeners[queue] = (asyncio.get_running_loop(), session)
        try:
            yield None if full else queue
        finally:
            with self._lock:
                self._listeners.pop(queue, None)

    def dismiss(self, session: str) -> None:
        """End every page of that session."""
        with self._lock:
            ending = [(loop, queue) for queue, (loop, whose) in self._listeners.items() if whose == session]
        for loop, queue in ending:
            _hand(loop, queue, None)

    def _told(self, event: Event, alert: Alert) -> None:
        with self._lock:
            listeners = [(loop, queue) for queue, (loop, _) in self._listeners.items()]
        for loop, queue in listeners:
            _hand(loop, queue, None if queue.qsize() > MOST_WAITING else (event, alert))


def _hand(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[News | None], news: News | None) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(queue.put_nowait, news)

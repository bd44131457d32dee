"""The newest entries in memory, between the journal's commit and those who read along."""

import threading
from collections import deque

from gateway.store import Entry

RECENT_READINGS = 400_000  # about 30 MB, reached only while a backlog pours in


class Recent:
    """The newest committed entries, already decoded, for those who read along: nobody decodes twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[tuple[int, int, Entry]] = deque()  # id before it, readings, entry
        self._readings = 0

    def add(self, before: int, entry: Entry, readings: int) -> None:
        """Keep an entry of so many readings; `before` is the id committed just before it."""
        with self._lock:
            self._entries.append((before, readings, entry))
            self._readings += readings
            while self._readings > RECENT_READINGS and len(self._entries) > 1:
                self._readings -= self._entries.popleft()[1]

    def after(self, entry_id: int, max_readings: int) -> list[Entry]:
        """Entries that follow `entry_id` without a hole, at most so many readings (but one entry); else nothing."""
        found: list[Entry] = []
        readings = 0
        with self._lock:
            if not self._entries or entry_id < self._entries[0][0]:
                return found
            start = max(0, entry_id - self._entries[0][0])
            for index in range(min(start, len(self._entries)), len(self._entries)):
                before, count, entry = self._entries[index]
                if before != (found[-1].id if found else entry_id) or (found and readings + count > max_readings):
                    break
                found.append(entry)
                readings += count
        return found

    def forget(self, through: int) -> None:
        """Everybody has read so far."""
        with self._lock:
            while self._entries and self._entries[0][2].id <= through:
                self._readings -= self._entries.popleft()[1]

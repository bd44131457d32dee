"""Which radio frames were heard already, kept in a file: after a restart nothing old is taken for new.

Kept by node and by a mark of its key: a node that gets a new key (a board that was replaced) begins anew. Written at
most once a second, as a whole and renamed into place: a power cut leaves the old file or the new one, and at worst the
frames of its last second could be said again.
"""

import hmac
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from firmware_bridge.nodeframe import Heard

log = logging.getLogger("edge.heard")


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far one node was heard under one key."""

    mark: str
    heard: Heard


class HeardFile:
    """See the module. `is_kept` is false while the file cannot be written; what is in memory is judged by then."""

    PAUSE_S = 1.0

    def __init__(self, path: Path, keys: Mapping[int, bytes]) -> None:
        self._path = path
        self._marks = {node: hmac.digest(key, b"heard", "sha256").hex()[:16] for node, key in keys.items()}
        self.is_kept = True
        self._is_changed = False
        self._written_s = -math.inf

    def load(self) -> dict[int, Heard]:
        """What was kept for the nodes and keys of today; nothing where there is no file, or where it is damaged.

        A damaged file is moved aside: until each node is heard again, one frame recorded earlier would be believed.
        """
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=dict[int, Kept])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            log.error("heard_damaged file=%s error=%s", self._path, error)
            self._move_aside()
            return {}
        return {node: one.heard for node, one in kept.items() if self._marks.get(node) == one.mark}

    def changed(self) -> None:
        """Something was heard; `write` has something to do."""
        self._is_changed = True

    def write(self, heard: Mapping[int, Heard], now_s: float) -> None:
        """Replace the file, where something changed and the last time is a second ago. `now_s` never steps back.

        A disk that is full or read-only is told once, by `is_kept` and in the log, and tried again.
        """
        if not self._is_changed or now_s - self._written_s < self.PAUSE_S:
            return
        self._is_changed = False
        self._written_s = now_s
        kept = {node: Kept(self._marks[node], one) for node, one in heard.items() if node in self._marks}
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            with fresh.open("wb") as file:
                file.write(msgspec.json.encode(kept))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            if self.is_kept:
                log.error("heard_lost file=%s error=%s", self._path, error)
            self.is_kept = False
            self._is_changed = True
        else:
            self.is_kept = True

    def _move_aside(self) -> None:
        try:
            self._path.replace(self._path.with_name(f"{self._path.name}.damaged"))
        except OSError as error:
            log.error("heard_stuck file=%s error=%s", self._path, error)

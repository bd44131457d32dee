"""Where points live: one interface, two implementations (`sqlite`, `influx`), one contract suite.

A store is fed by the forwarder from the journal, under the forwarder's own cursor, and never gates a receipt.
Times are µs UTC; a range is [start_us, end_us). Values are float64; a store holds no NaN.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_bridge.reading import Column, SeriesKey

SUSPECT_TIME = 1  # quality bit: the time lies more than 5 minutes in the future; kept, never judged, never "latest"
ESTIMATED_TIME = 2  # quality bit: the node's clock was not believed when the time was written


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One journal entry, decoded: what a store appends. `id` is the journal's own, growing number.

    `fingerprint`: 48 bits of the message's key (source, epoch, seq), the same in every journal, so that an entry is
    known again even after the journal was restored; 0 where only the id tells entries apart.
    """

    id: int
    tenant: str
    source: str
    received_us: int
    quality: int = 0
    columns: list[Column]
    fingerprint: int = 0


class Written(msgspec.Struct, frozen=True):
    """What became of the readings offered: each is counted exactly once."""

    new: int = 0
    duplicate: int = 0
    rejected: int = 0


class Latest(msgspec.Struct, frozen=True):
    """The newest value of a series by measurement time, suspect times left out."""

    time_us: int
    value: float
    quality: int = 0


class Store(Protocol):
    """Points, and nothing but points. Every method may be called from any thread."""

    @property
    def name(self) -> str:
        """`sqlite` or `influx`."""
        ...

    def append(self, entries: Sequence[Entry]) -> Written:
        """Keep these; offering an entry again changes nothing. Two values of one series and time are both kept.

        StoreError (retryable): nothing is known to be written, offer the same again. A reading the store will never
        take is put aside with its reason and counted as rejected; it never holds up the others.
        """
        ...

    def series(self) -> list[SeriesKey]:
        """Every series that has a point, sorted."""
        ...

    def read(
        self, key: SeriesKey, start_us: int, end_us: int, limit: int = 100_000, *, suspect: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Times and values of one series in time order; the newest `limit` where there are more.

        Points of a suspect time are left out unless asked for.
        """
        ...

    def latest(self) -> dict[SeriesKey, Latest]:
        """The newest value of every series."""
        ...

    def count(self, start_us: int, end_us: int) -> dict[SeriesKey, int]:
        """Points of each series in the range, those of a suspect time too; series without any are left out."""
        ...

    def rejected(self, start_us: int, end_us: int) -> dict[SeriesKey, int]:
        """Readings of each series in the range that the store refused for ever; they lie aside with the reason."""
        ...

    def hourly(self, key: SeriesKey, start_us: int, end_us: int) -> NDArray[np.float64]:
        """[hours × (hour_us, count, min, mean, max)] of the hours with data, in time order; suspect times left out."""
        ...

    def prune(self, before_us: int) -> int:
        """Delete raw points before this time, roll-ups stay; how many. 0 where the database does that by itself."""
        ...

    def close(self) -> None:
        """Let go of files and connections; safe to call twice."""
        ...

"""What ingest hands to the journal, and what it hears back."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Literal, NamedTuple

from firmware_bridge.reading import Column, Gap

FINGERPRINT_BITS = 48
HOUR_US = 3_600_000_000

Outcome = Literal["fresh", "duplicate", "conflict"]


class Extent(NamedTuple):
    """How much a message holds: its readings, the newest time, and how many of each device fall into each UTC hour."""

    readings: int
    newest_us: int
    hours: dict[tuple[str, int], int]


def extent_of(columns: Sequence[Column]) -> Extent:
    """Extent of these columns; newest 0 where there are none. One pass, because it is made for every message."""
    readings = newest_us = 0
    hours: dict[tuple[str, int], int] = {}
    for column in columns:
        times_us = column.times_us
        readings += len(times_us)
        last_us = max(times_us) if len(times_us) > 1 else times_us[0]
        newest_us = max(newest_us, last_us)
        hour = last_us // HOUR_US
        if len(times_us) == 1 or min(times_us) // HOUR_US == hour:
            key = (column.device, hour)
            hours[key] = hours.get(key, 0) + len(times_us)
        else:
            for hour, count in Counter([time_us // HOUR_US for time_us in times_us]).items():
                hours[column.device, hour] = hours.get((column.device, hour), 0) + count
    return Extent(readings, newest_us, hours)


class Arrival(NamedTuple):
    """One message that was understood: its key and bytes, and what they mean for those who read along."""

    kind: str  # "batch", or the inlet's name
    source: str  # the node, or the inlet's source
    epoch: str
    seq: int
    sha256: bytes
    topic: str
    payload: bytes
    received_us: int
    tenant: str
    columns: list[Column]
    extent: Extent
    quality: int = 0
    read_total: int = 0
    gaps: Sequence[Gap] = ()


class Refusal(NamedTuple):
    """One message that could not be understood, or not believed: kept with its reason.

    `kind` and `origin`: inlet and device of one that is kept whole, because nobody has entered its device yet.
    """

    topic: str
    payload: bytes
    received_us: int
    source: str  # an enrolled node or inlet, "" where nobody can be named
    code: str
    detail: str
    kind: str = ""
    origin: str = ""


class Verdict(NamedTuple):
    """What became of an arrival; `id` is its entry's number, 0 where none was made."""

    outcome: Outcome
    id: int = 0


class Raw(NamedTuple):
    """One entry as it lies in the journal."""

    id: int
    kind: str
    source: str
    epoch: str
    seq: int
    received_us: int
    payload: bytes


def fingerprint(base: int, seq: int) -> int:
    """48 bits that tell entries apart, in step with seq so that neighbours never share them."""
    return (base + seq) % (1 << FINGERPRINT_BITS)


def stream_base(source: str, epoch: str) -> int:
    """Where the fingerprints of a stream begin."""
    return int.from_bytes(sha256(f"{source}\0{epoch}".encode()).digest()[: FINGERPRINT_BITS // 8])

"""What ingest hands to the journal, and what it hears back."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Literal, NamedTuple

from firmware_bridge.reading import Column, Gap

FINGERPRINT_BITS = 48

Outcome = Literal["fresh", "duplicate", "conflict"]


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
    quality: int = 0
    read_total: int = 0
    gaps: Sequence[Gap] = ()


class Refusal(NamedTuple):
    """One message that could not be understood, or not believed: kept with its reason."""

    topic: str
    payload: bytes
    received_us: int
    source: str  # an enrolled node or inlet, "" where nobody can be named
    code: str
    detail: str


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

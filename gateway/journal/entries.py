"""A journal entry's bytes → the Entry that stores and window read: the same, today or on a later day."""

from collections.abc import Mapping

from firmware_bridge import envelope
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Clock
from gateway.inlets import Inlet
from gateway.journal.arrivals import Raw, extent_of, fingerprint, stream_base
from gateway.registry import Registry
from gateway.store import ESTIMATED_TIME, SUSPECT_TIME, Entry

FUTURE_US = 5 * 60 * 1_000_000


def quality_of(newest_us: int, clock: Clock, received_us: int) -> int:
    """Quality bits of a message: its newest time over 5 minutes ahead of its arrival, its clock not believed."""
    suspect = SUSPECT_TIME if newest_us > received_us + FUTURE_US else 0
    return suspect | (0 if clock == "synced" else ESTIMATED_TIME)


def unpack(raw: Raw, registry: Registry, inlets: Mapping[str, Inlet]) -> Entry:
    """Entry of an entry's bytes. EnvelopeError or DecodeError where the registry no longer knows its node or device."""
    if raw.kind == "batch":
        batch = envelope.decode(raw.payload, registry.key_of)
        columns, clock = batch.columns, batch.clock
    else:
        if raw.kind not in inlets:
            raise DecodeError("inlet-unknown", f"no inlet {raw.kind!r}")
        columns, clock = inlets[raw.kind].decode(raw.payload, registry, raw.source, raw.received_us), "synced"
    return Entry(
        id=raw.id,
        tenant=registry.tenant,
        source=raw.source,
        received_us=raw.received_us,
        quality=quality_of(extent_of(columns).newest_us, clock, raw.received_us),
        columns=columns,
        fingerprint=fingerprint(stream_base(raw.source, raw.epoch), raw.seq),
    )

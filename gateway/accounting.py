"""The account: per source and local day, read = sent = stored, and every exception by its name.

    read   what the node says it took: sent + dropped + under way (its own running total stands in every batch)
    sent   what lies in the journal, by the time it was measured
    stored what the store holds of it; values derived at the gateway do not count

A source is a node, or an inlet with all its devices. Days begin at local midnight of the town's zone; a zone whose
offset is not whole hours is counted to the hour.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from gateway.forwarder import CURSOR, DERIVED
from gateway.journal import Journal, evidence
from gateway.registry import Registry
from gateway.store import Store

Verdict = Literal[
    "good", "dropped", "on-its-way", "catching-up", "rejected", "not-stored", "extra", "mismatch", "conflict"
]
# good         read = sent = stored
# dropped      the node had to let readings go, and said so
# on-its-way   the node has taken more than has arrived yet
# catching-up  the store does not have everything of the journal yet
# rejected     the store refused readings for ever; they lie aside with the reason
# not-stored   sent and not stored, and nobody says why
# extra        more is stored than was sent
# mismatch     more arrived than the node says it took
# conflict     a number came twice with different content: a cloned card, or an outbox restored from an old copy


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One source on one local day; all numbers are readings, except `duplicates`, `quarantined`, `conflicts`: messages.

    `under_way` stands on the day of the source's last message: what it took and what has not arrived.
    """

    source: str
    kind: Literal["node", "inlet"]
    day: str
    read: int
    sent: int
    stored: int
    dropped: int
    under_way: int
    rejected: int
    duplicates: int
    quarantined: int
    conflicts: int
    verdict: Verdict

    @property
    def good(self) -> bool:
        """Whether read = sent = stored."""
        return self.verdict == "good"


def accounting(
    journal: Journal, store: Store, registry: Registry, first: date, last: date, zone: ZoneInfo
) -> list[Row]:
    """Rows of `first` … `last`, by day and source. StoreError where the store cannot be asked."""
    under_way = _under_way(journal)
    waiting = _by_name(evidence.waiting(journal, journal.cursor(CURSOR)))
    rows: list[Row] = []
    for day in _days(first, last):
        rows += _Day(journal, store, registry, day, zone).rows(under_way, waiting)
    return rows


class _Day:
    def __init__(self, journal: Journal, store: Store, registry: Registry, day: date, zone: ZoneInfo) -> None:
        self._day = day
        self._registry = registry
        self._start_us, self._end_us = _midnight_us(day, zone), _midnight_us(day + timedelta(days=1), zone)
        bounds = (self._start_us, self._end_us)
        self._sent = evidence.sent(journal, *bounds)
        self._counters = evidence.counters(journal, *bounds)
        self._dropped: Counter[str] = Counter()
        for gap in evidence.gaps(journal, *bounds):
            self._dropped[_name(gap.source)] += max(gap.readings - gap.arrived, 0)
        self._stored: Counter[str] = Counter()
        for key, number in store.count(*bounds).items():
            device = registry.device(key.device)
            if not (key.quantity in DERIVED and device is not None and device.mount_mm is not None):
                self._stored[key.device] += number
        self._rejected: Counter[str] = Counter()
        for key, number in store.rejected(*bounds).items():
            self._rejected[key.device] += number

    def rows(self, under_way: dict[str, tuple[int, int]], waiting: dict[str, int]) -> list[Row]:
        stored, rejected = self._shares()
        sent: Counter[str] = Counter()
        for (source, _), number in self._sent.items():
            sent[_name(source)] += number
        names = sorted({*self._registry.nodes, *sent, *self._dropped, *(_name(s) for _, s in self._counters if s)})
        found = []
        for name in names:
            last_us, missing = under_way.get(name, (0, 0))
            if not self._start_us <= last_us < self._end_us:
                missing = 0
            found.append(self._row(name, sent[name], stored[name], rejected[name], missing, waiting.get(name, 0)))
        return found

    def _row(self, name: str, sent: int, stored: int, rejected: int, missing: int, waiting: int) -> Row:
        counted: Counter[str] = Counter()
        for (counter, source), number in self._counters.items():
            if _name(source) == name:
                counted[counter.split(":")[0]] += number
        conflicts = self._counters.get(("quarantined:conflict", name), 0)
        dropped = self._dropped[name]
        return Row(
            source=name,
            kind="node" if name in self._registry.nodes else "inlet",
            day=self._day.isoformat(),
            read=sent + dropped + missing,
            sent=sent,
            stored=stored,
            dropped=dropped,
            under_way=missing,
            rejected=rejected,
            duplicates=counted["duplicate"],
            quarantined=counted["quarantined"],
            conflicts=conflicts,
            verdict=_verdict(sent - stored, waiting, rejected, missing, dropped, conflicts),
        )

    def _shares(self) -> tuple[Counter[str], Counter[str]]:
        """What is stored and rejected of a device, by the source that sent it; a shortage goes to the largest share."""
        carriers: dict[str, Counter[str]] = {}
        for (source, device), number in self._sent.items():
            carriers.setdefault(device, Counter())[_name(source)] += number
        stored: Counter[str] = Counter()
        rejected: Counter[str] = Counter()
        for device, shares in carriers.items():
            largest = max(shares, key=lambda name: (shares[name], name))
            stored.update(shares)
            stored[largest] += self._stored[device] - sum(shares.values())
            rejected[largest] += self._rejected[device]
        return stored, rejected


def _verdict(short: int, waiting: int, rejected: int, missing: int, dropped: int, conflicts: int) -> Verdict:
    found: list[tuple[bool, Verdict]] = [
        (conflicts > 0, "conflict"),
        (missing < 0, "mismatch"),
        (short < 0, "extra"),
        (short > rejected + waiting, "not-stored"),
        (short > rejected, "catching-up"),
        (rejected > 0, "rejected"),
        (missing > 0, "on-its-way"),
        (dropped > 0, "dropped"),
    ]
    return next((verdict for holds, verdict in found if holds), "good")


def _under_way(journal: Journal) -> dict[str, tuple[int, int]]:
    """By node: when it was last heard, and how many readings it says it took beyond what came or was declared lost."""
    lost = evidence.declared_lost(journal)
    found: dict[str, tuple[int, int]] = {}
    for stream in journal.streams():
        if stream.kind == "batch":
            last_us, missing = found.get(stream.source, (0, 0))
            missing += stream.read_total - stream.readings - lost.get(stream.id, 0)
            found[stream.source] = (max(last_us, stream.last_us), missing)
    return found


def _by_name(readings: dict[str, int]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for source, number in readings.items():
        found[_name(source)] += number
    return found


def _name(source: str) -> str:
    return source.split("/", 1)[0]


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _midnight_us(day: date, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, time(), zone).timestamp()) * 1_000_000

"""One commit of the journal: arrivals are admitted one by one, then everything is written in few statements."""

from collections import Counter
from collections.abc import Mapping
from sqlite3 import Connection

from firmware_bridge.reading import Gap
from gateway.journal import strangers
from gateway.journal.arrivals import HOUR_US, Arrival, Refusal, Verdict, fingerprint
from gateway.journal.streams import UPDATE, Stream
from gateway.store import Entry

HEAD_BYTES = 1024
QUARANTINE_ROWS = 10_000
REMEMBERED = 256  # newest messages of a source that numbers nothing, among which a repetition is known
_KNOWN = "SELECT 1 FROM (SELECT sha256 FROM entry WHERE stream = ? ORDER BY seq DESC LIMIT ?) WHERE sha256 = ?"
_REVIVE = "UPDATE gap SET arrived = arrived + ? WHERE stream = ? AND ? BETWEEN first AND last"


class Commit:
    """Collects what one transaction will write. `last_id`: the newest entry, this commit's included.

    Of what is refused only the first 1 KiB is kept, and of all refusals the newest 10,000; the counters keep the rest.
    """

    def __init__(self, last_id: int, counts: Mapping[tuple[str, str], int]) -> None:
        self.last_id = last_id
        self.entries: list[tuple[Entry, int]] = []  # with the number of readings
        self.refusals: list[Refusal] = []
        self._counts: Counter[tuple[str, str]] = Counter(counts)
        self._rows: list[tuple[object, ...]] = []
        self._hashes: dict[tuple[int, int], bytes] = {}
        self._contents: set[tuple[int, bytes]] = set()  # of what is not numbered by its source
        self._sent: dict[tuple[int, str, int], int] = {}
        self._touched: dict[int, Stream] = {}

    def admit(self, db: Connection, stream: Stream, arrival: Arrival) -> Verdict:
        """Fresh, duplicate or conflict; a number that had been declared lost and comes after all is fresh.

        An arrival without a number (seq 0) gets the stream's next one, unless one of the newest has the same hash.
        """
        if arrival.seq == 0:
            if self._repeats(db, stream, arrival):
                return self._duplicate(stream, arrival)
            return self._keep(db, stream, arrival._replace(seq=stream.top_seq + 1))
        if arrival.seq in stream.coverage:
            known = self._hashes.get((stream.id, arrival.seq)) or _known_hash(db, stream.id, arrival.seq)
            if known is not None and known != arrival.sha256:
                return self._conflict(arrival)
            readings = arrival.extent.readings
            if known is not None or not db.execute(_REVIVE, (readings, stream.id, arrival.seq)).rowcount:
                return self._duplicate(stream, arrival)
        return self._keep(db, stream, arrival)

    def _repeats(self, db: Connection, stream: Stream, arrival: Arrival) -> bool:
        content = (stream.id, arrival.sha256)
        if content in self._contents or db.execute(_KNOWN, (stream.id, REMEMBERED, arrival.sha256)).fetchone():
            return True
        self._contents.add(content)
        return False

    def _duplicate(self, stream: Stream, arrival: Arrival) -> Verdict:
        self._touched[stream.id] = stream
        self._counts["duplicate", arrival.source] += 1
        return Verdict("duplicate")

    def _conflict(self, arrival: Arrival) -> Verdict:
        detail = f"{arrival.source} {arrival.epoch} {arrival.seq}: this number is known with other content"
        self.refusals.append(
            Refusal(arrival.topic, arrival.payload, arrival.received_us, arrival.source, "conflict", detail)
        )
        return Verdict("conflict")

    def _keep(self, db: Connection, stream: Stream, arrival: Arrival) -> Verdict:
        self.last_id += 1
        readings = arrival.extent.readings
        for (device, hour), count in arrival.extent.hours.items():
            key = (stream.id, device, hour)
            self._sent[key] = self._sent.get(key, 0) + count
        self._rows.append(
            (
                self.last_id,
                stream.id,
                arrival.seq,
                arrival.sha256,
                arrival.received_us,
                readings,
                arrival.read_total,
                arrival.payload,
            )
        )
        self._hashes[stream.id, arrival.seq] = arrival.sha256
        self._touched[stream.id] = stream
        stream.take(arrival, readings)
        for gap in arrival.gaps:
            _declare(db, stream, gap, arrival)
        entry = Entry(
            id=self.last_id,
            tenant=arrival.tenant,
            source=arrival.source,
            received_us=arrival.received_us,
            quality=arrival.quality,
            columns=arrival.columns,
            fingerprint=fingerprint(stream.base, arrival.seq),
        )
        self.entries.append((entry, readings))
        self._counts["accepted", arrival.source] += 1
        return Verdict("fresh", self.last_id)

    def write(self, db: Connection, now_us: int) -> None:
        """Write all of it; counters count for the hour of `now_us`."""
        db.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._rows)
        db.executemany(
            "INSERT INTO sent VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET readings = readings + excluded.readings",
            [(*key, count) for key, count in self._sent.items()],
        )
        db.executemany(UPDATE, [stream.changed() for stream in self._touched.values()])
        self._write_refusals(db)
        hour = now_us // HOUR_US
        db.executemany(
            "INSERT INTO counter VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
            [(*key, hour, count) for key, count in self._counts.items()],
        )

    def _write_refusals(self, db: Connection) -> None:
        if not self.refusals:
            return
        for refusal in self.refusals:
            self._counts[f"quarantined:{refusal.code}", refusal.source] += 1
        db.executemany(
            "INSERT INTO quarantine VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", [_kept(one) for one in self.refusals]
        )
        strangers.keep(db, self.refusals)
        db.execute("DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?", (QUARANTINE_ROWS,))


def _declare(db: Connection, stream: Stream, gap: Gap, arrival: Arrival) -> None:
    if gap.last < gap.first or stream.coverage.covers(gap.first, gap.last):
        return
    newest_us = arrival.extent.newest_us or arrival.received_us
    db.execute(
        "INSERT OR IGNORE INTO gap VALUES (?, ?, ?, ?, ?, ?, 0)",
        (stream.id, gap.first, gap.last, gap.readings, gap.reason, newest_us // HOUR_US),
    )
    stream.coverage.add(gap.first, gap.last)


def _kept(refusal: Refusal) -> tuple[object, ...]:
    return (
        refusal.received_us,
        refusal.topic[:200],
        refusal.source,
        refusal.code,
        refusal.detail[:500],
        len(refusal.payload),
        refusal.payload[:HEAD_BYTES],
    )


def _known_hash(db: Connection, stream: int, seq: int) -> bytes | None:
    row = db.execute("SELECT sha256 FROM entry WHERE stream = ? AND seq = ?", (stream, seq)).fetchone()
    return row[0] if row else None

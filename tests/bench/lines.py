"""Line protocol: our encoder beside influxdb-client's `Point`, on the same readings in the same run (aim ≥ 10×)."""

import time
from collections.abc import Callable

from bench.ingest import batches
from influxdb_client import Point

from gateway.store import Entry
from gateway.store.line_protocol import LineEncoder

ROUNDS = 5


def best_s(work: Callable[[], object]) -> float:
    """CPU seconds of the best of a few rounds."""
    times = []
    for _ in range(ROUNDS):
        began_s = time.process_time()
        work()
        times.append(time.process_time() - began_s)
    return min(times)


def with_point(entries: list[Entry]) -> list[str]:
    """The same lines by the client's own builder."""
    return [
        Point(column.quantity)
        .tag("device", column.device)
        .tag("tenant", entry.tenant)
        .field("value", value)
        .time(time_us * 1000)
        .to_line_protocol()
        for entry in entries
        for column in entry.columns
        for time_us, value in zip(column.times_us, column.values, strict=True)
    ]


def main() -> None:
    """Measure and print."""
    for readings in (10, 500):
        made = batches(20_000 // readings, readings)
        entries = [
            Entry(id=number, tenant="014729", source=batch.node, received_us=0, columns=batch.columns)
            for number, batch in enumerate(made, 1)
        ]
        encoder = LineEncoder()
        total = sum(batch.count() for batch in made)
        ours_s = best_s(lambda entries=entries, encoder=encoder: [encoder.encode(entry) for entry in entries])
        point_s = best_s(lambda entries=entries: with_point(entries))
        print(
            f"lines {readings:>4} a batch  ours {total / ours_s:>12,.0f}/s  Point {total / point_s:>9,.0f}/s"
            f"  → {point_s / ours_s:.0f}× (aim 10×)",
            flush=True,
        )


if __name__ == "__main__":
    main()

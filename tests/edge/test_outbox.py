"""The outbox keeps its promise: sent until the receipt, or counted as dropped, through crashes and full disks."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from edge_parts import OWNER, Hands, load, motion, open_outbox, opened_batch

from edge import outbox_file, report
from edge.errors import OutboxBusyError, OutboxError
from edge.nouns import Rejected, Taken
from edge.outbox import Outbox
from firmware_bridge import envelope
from firmware_bridge.reading import Reading


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def outbox(tmp_path: Path, hands: Hands) -> Iterator[Outbox]:
    opened = open_outbox(tmp_path / "outbox.db", hands)
    yield opened
    opened.close()


def reopen(outbox: Outbox, hands: Hands) -> Outbox:
    outbox.close()
    return open_outbox(outbox.path, hands)


def test_one_put_is_one_commit_and_the_same_seq_is_the_same_bytes_for_ever(outbox: Outbox, hands: Hands) -> None:
    done = outbox.put([load(hands, 1.0, 2.0), load(hands, 3.0, device="scale-2")], (), hands.belief())
    assert [(one.seq, one.readings) for one in done] == [(1, 3)]
    (row,) = outbox.ready(0, 10)
    batch = opened_batch(row.payload)
    assert (batch.seq, batch.read_total, batch.clock, batch.epoch) == (1, 3, "synced", outbox.epoch)
    hands.move(3600)
    again = reopen(outbox, hands)
    assert again.ready(0, 10) == [row]
    again.close()


def test_events_and_gauges_and_old_readings_travel_in_rows_of_their_own(outbox: Outbox, hands: Hands) -> None:
    old = msgspec.structs.replace(load(hands, 9.0), time_us=hands.wall_us - 3_600_000_000)
    done = outbox.put([load(hands, 1.0), motion(hands), old, load(hands, 2.0)], (), hands.belief())
    assert sorted(one.readings for one in done) == [1, 1, 2]


def test_a_large_put_becomes_rows_that_keep_every_limit_of_the_envelope(outbox: Outbox, hands: Hands) -> None:
    taken = [load(hands, float(index), device=f"scale-{index % 90}") for index in range(3000)]
    outbox.put(taken, (), hands.belief())
    batches = [opened_batch(row.payload) for row in outbox.ready(0, 1000)]
    assert sum(batch.count() for batch in batches) == 3000
    assert max(batch.count() for batch in batches) <= 500
    assert max(len(batch.columns) for batch in batches) <= envelope.MAX_COLUMNS
    assert batches[-1].read_total == 3000


def test_a_seq_is_never_given_twice_even_if_its_row_is_gone(outbox: Outbox, hands: Hands) -> None:
    outbox.put([load(hands, 1.0)], (), hands.belief())
    outbox.bury(1, "refused")
    again = reopen(outbox, hands)
    assert [one.seq for one in again.put([load(hands, 2.0)], (), hands.belief())] == [2]
    batch = opened_batch(again.ready(0, 10)[0].payload)
    assert [(gap.first, gap.last, gap.readings, gap.reason) for gap in batch.gaps] == [(1, 1, 1, "refused")]
    assert batch.read_total == 2
    again.close()


def test_a_receipt_confirms_only_what_was_sent_and_is_still_known_after_a_restart(outbox: Outbox, hands: Hands) -> None:
    for value in range(5):
        outbox.put([load(hands, float(value))], (), hands.belief())
    outbox.note_sent(3)
    assert outbox.confirm(5, [])
    assert (outbox.confirmed_seq, outbox.waiting_rows) == (3, 2)
    assert not outbox.confirm(3, [])
    outbox.note_sent(5)
    assert outbox.confirm(3, [(5, 5)])
    again = reopen(outbox, hands)
    assert (again.confirmed_seq, again.waiting_rows, again.sent_seq) == (3, 1, 5)
    assert [row.seq for row in again.ready(0, 10)] == [4]
    again.close()


def test_confirmed_rows_stay_for_the_grace_window_and_not_longer(tmp_path: Path, hands: Hands) -> None:
    outbox = open_outbox(tmp_path / "outbox.db", hands, grace_days=7)
    for value in range(10):
        outbox.put([load(hands, float(value))], (), hands.belief())
    outbox.note_sent(10)
    outbox.confirm(8)
    outbox.sweep()
    hands.move(6 * 86_400)
    outbox.sweep()
    assert report.report(outbox.path).last_seq == 10
    outbox.resync(0)
    assert len(outbox.ready(0, 100)) == 10
    outbox.confirm(8)
    outbox.sweep()
    hands.move(7.1 * 86_400)
    outbox.sweep()
    outbox.resync(0)
    assert [row.seq for row in outbox.ready(0, 100)] == [9, 10]
    outbox.close()


def test_after_a_resync_what_is_past_the_grace_window_is_told_as_a_gap(tmp_path: Path, hands: Hands) -> None:
    outbox = open_outbox(tmp_path / "outbox.db", hands, grace_days=0)
    for value in range(5):
        outbox.put([load(hands, float(value))], (), hands.belief())
    outbox.note_sent(5)
    outbox.confirm(4)
    outbox.sweep()
    outbox.resync(1)
    outbox.put([load(hands, 9.0)], (), hands.belief())
    batches = [opened_batch(row.payload) for row in outbox.ready(1, 100)]
    assert [batch.seq for batch in batches] == [5, 6]
    assert [(gap.first, gap.last, gap.reason) for gap in batches[1].gaps] == [(2, 4, "past-grace")]
    outbox.close()


def test_e10_nothing_unsent_is_deleted_before_the_hard_limit(outbox: Outbox, hands: Hands) -> None:
    outbox.put([load(hands, 1.0)], (), hands.belief())
    for _ in range(20):
        hands.move(30 * 86_400)
        outbox.sweep()
        outbox.tick(hands.belief())
    assert [row.seq for row in outbox.ready(0, 10)] == [1]


def test_e09_a_full_outbox_drops_the_oldest_gauges_first_and_events_last(tmp_path: Path, hands: Hands) -> None:
    outbox = open_outbox(tmp_path / "outbox.db", hands, max_mb=1)
    for index in range(40):
        outbox.put([motion(hands)], (), hands.belief())
        outbox.put([load(hands, *[float(index)] * 500)], (), hands.belief())
        hands.move(60)
    for index in range(60):
        outbox.put([load(hands, *[float(index)] * 500)], (), hands.belief())
    batches = [opened_batch(row.payload) for row in outbox.ready(0, 1000)]
    motions = [batch for batch in batches if batch.columns[0].quantity == "motion"]
    assert len(motions) == 40
    found = report.report(outbox.path)
    assert found.dropped["outbox-full"] > 0
    assert found.read_total == 40 + 100 * 500
    assert found.waiting_readings + found.dropped["outbox-full"] == found.read_total
    assert found.file_bytes <= 1 << 20
    assert batches[-1].columns[0].values[0] == 59.0
    outbox.close()


def test_every_dropped_row_is_told_exactly_once_and_the_mark_can_pass_it(tmp_path: Path, hands: Hands) -> None:
    outbox = open_outbox(tmp_path / "outbox.db", hands, max_mb=1)
    for index in range(120):
        outbox.put([load(hands, *[float(index)] * 500)], (), hands.belief())
    outbox.put([load(hands, 1.0)], (), hands.belief())
    told: set[int] = set()
    dropped = 0
    batches = [opened_batch(row.payload) for row in outbox.ready(0, 1000)]
    for batch in batches:
        for gap in batch.gaps:
            assert not told & set(range(gap.first, gap.last + 1))
            told |= set(range(gap.first, gap.last + 1))
            dropped += gap.readings
    assert told | {batch.seq for batch in batches} == set(range(1, 122))
    assert dropped + sum(batch.count() for batch in batches) == batches[-1].read_total
    outbox.close()


def test_readings_that_never_found_a_row_get_a_seq_of_their_own_as_a_gap(outbox: Outbox, hands: Hands) -> None:
    outbox.lose(7, "memory-full")
    (one,) = outbox.put([load(hands, 1.0)], (), hands.belief())
    batch = opened_batch(outbox.ready(0, 1)[0].payload)
    assert (one.seq, batch.read_total) == (2, 8)
    assert [(gap.first, gap.readings, gap.reason) for gap in batch.gaps] == [(1, 7, "memory-full")]


def test_a_drivers_position_is_committed_with_its_readings(outbox: Outbox, hands: Hands) -> None:
    taken = msgspec.structs.replace(load(hands, 1.0), position=("replay:/x", 77))
    outbox.put([taken, Taken(device="", readings=(), time_us=0, position=("replay:/x", 99))], (), hands.belief())
    again = reopen(outbox, hands)
    assert (again.position("replay:/x"), again.position("other")) == (99, 0)
    again.close()


def test_rejected_frames_are_counted_for_ever_and_the_last_are_kept_with_their_bytes(
    outbox: Outbox, hands: Hands
) -> None:
    for index in range(30):
        bad = Rejected(time_us=1, link="radio", reason="crc", detail=f"number {index}", payload=bytes([index] * 2000))
        outbox.put((), [bad] * 15, hands.belief())
    again = reopen(outbox, hands)
    assert again.rejected == 450
    kept = report.refusals(again.path, limit=1000)
    assert len(kept) == 200
    assert (kept[0].detail, len(kept[0].hex)) == ("number 29", 2048)
    again.close()


def test_a_damaged_row_is_found_by_its_checksum_buried_and_told(outbox: Outbox, hands: Hands) -> None:
    for value in (1.0, 2.0, 3.0):
        outbox.put([load(hands, value)], (), hands.belief())
    outbox.close()
    with sqlite3.connect(outbox.path) as raw:
        raw.execute("UPDATE batch SET body=cast(replace(body, '2.0', '7.0') AS BLOB) WHERE seq=2")
    raw.close()
    again = open_outbox(outbox.path, hands)
    assert [row.seq for row in again.ready(0, 10)] == [1, 3]
    again.put([load(hands, 4.0)], (), hands.belief())
    gaps = opened_batch(again.ready(3, 10)[0].payload).gaps
    assert [(gap.first, gap.readings, gap.reason) for gap in gaps] == [(2, 1, "row-damaged")]
    again.close()


def test_another_nodes_or_another_keys_outbox_is_refused_in_words(outbox: Outbox, hands: Hands) -> None:
    outbox.close()
    for owner in (
        msgspec.structs.replace(OWNER, node="node-2"),
        msgspec.structs.replace(OWNER, key=bytes(32)),
    ):
        with pytest.raises(OutboxError, match="belongs to node node-1"):
            open_outbox(outbox.path, hands, owner=owner)
    open_outbox(outbox.path, hands).close()


def test_e15_a_second_process_on_one_outbox_is_refused_with_a_clear_message(outbox: Outbox, hands: Hands) -> None:
    with pytest.raises(OutboxBusyError, match="another satomori-edge has this outbox open"):
        open_outbox(outbox.path, hands)


def test_e16_a_lock_file_left_by_a_power_cut_blocks_nobody(tmp_path: Path, hands: Hands) -> None:
    (tmp_path / "outbox.db.lock").write_text("12345")
    open_outbox(tmp_path / "outbox.db", hands).close()


def test_e07_a_file_of_zero_bytes_is_a_new_outbox(tmp_path: Path, hands: Hands) -> None:
    (tmp_path / "outbox.db").touch()
    outbox = open_outbox(tmp_path / "outbox.db", hands)
    assert outbox.put([load(hands, 1.0)], (), hands.belief())
    outbox.close()


def test_an_outbox_of_a_newer_program_is_not_touched(outbox: Outbox, hands: Hands) -> None:
    outbox.close()
    with sqlite3.connect(outbox.path) as raw:
        raw.execute(f"PRAGMA user_version={outbox_file.VERSION + 1}")
    raw.close()
    with pytest.raises(OutboxError, match="newer satomori-edge"):
        open_outbox(outbox.path, hands)


def test_e04_the_file_shrinks_again_after_a_backlog_has_drained(tmp_path: Path, hands: Hands) -> None:
    outbox = open_outbox(tmp_path / "outbox.db", hands, grace_days=0)
    for index in range(300):
        outbox.put([load(hands, *[float(index)] * 500)], (), hands.belief())
    outbox.note_sent(300)
    outbox.confirm(300)
    for _ in range(40):
        outbox.sweep()
    outbox.close()
    assert (tmp_path / "outbox.db").stat().st_size < 1_500_000


def test_two_values_of_one_timestamp_are_both_kept(outbox: Outbox, hands: Hands) -> None:
    outbox.put(
        [
            Taken(
                device="d-1", readings=(Reading("distance_mm", 1.0), Reading("distance_mm", 2.0)), time_us=hands.wall_us
            )
        ],
        (),
        hands.belief(),
    )
    (column,) = opened_batch(outbox.ready(0, 1)[0].payload).columns
    assert column.values == [1.0, 2.0]

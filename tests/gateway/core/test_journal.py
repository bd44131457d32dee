import os
import resource
import stat
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rig import EPOCH, KEY, NOW_US, a_gap, a_message, an_ingest

from firmware_bridge.envelope import decode_receipt
from gateway.errors import StoreError
from gateway.ingest import Ingest, Message
from gateway.journal import Journal, evidence
from gateway.journal.commit import QUARANTINE_ROWS


def outcomes(ingest: Ingest) -> Counter[str]:
    counted: Counter[str] = Counter()
    for (name, _), value in evidence.counters(ingest.journal).items():
        counted[name] += value
    return counted


def mark(journal: Journal, node: str = "n-01") -> tuple[int, list[tuple[int, int]]]:
    return next((s.mark, s.ranges) for s in journal.streams() if s.source == node)


def test_entries_lie_in_the_order_of_their_commit_as_they_came(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    messages = [a_message(seq) for seq in (1, 3, 2)]
    ingest.take(messages)
    raws = ingest.journal.read(0, 10)
    assert [raw.id for raw in raws] == [1, 2, 3]
    assert [raw.seq for raw in raws] == [1, 3, 2]
    assert [raw.payload for raw in raws] == [message.payload for message in messages]
    assert ingest.journal.read(2, 10)[0].seq == 2
    ingest.journal.close()


def test_e03_e25_the_same_message_again_is_counted_and_not_kept(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([a_message(1), a_message(1)])
    receipts = ingest.take([a_message(1)])
    assert ingest.journal.last_id == 1
    assert outcomes(ingest) == {"accepted": 1, "duplicate": 2}
    assert len(receipts) == 1, "whoever asks again is answered again"
    ingest.journal.close()


@pytest.mark.parametrize("together", [True, False])
def test_f39_a_cloned_card_is_a_conflict_kept_apart(tmp_path: Path, together: bool) -> None:
    ingest = an_ingest(tmp_path)
    first, clone = a_message(1), a_message(1, read_total=99)
    for messages in [[first, clone]] if together else [[first], [clone]]:
        ingest.take(messages)
    assert [raw.payload for raw in ingest.journal.read(0, 10)] == [first.payload]
    kept = evidence.quarantined(ingest.journal)
    assert [(one.code, one.source, one.head) for one in kept] == [("conflict", "n-01", clone.payload)]
    assert outcomes(ingest)["quarantined:conflict"] == 1
    ingest.journal.close()


def test_marks_and_ranges_survive_a_restart(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([a_message(seq) for seq in (1, 2, 5, 6, 9)])
    ingest.journal.close()
    journal = Journal(tmp_path / "journal.db")
    assert mark(journal) == (2, [(5, 6), (9, 9)])
    assert journal.last_id == 5
    journal.close()


def test_a_declared_gap_is_settled_and_shown(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([a_message(1), a_message(5, gaps=[a_gap(2, 4, 6)])])
    ingest.take([a_message(6, gaps=[a_gap(2, 4, 6)])])
    assert mark(ingest.journal) == (6, [])
    gaps = evidence.gaps(ingest.journal)
    assert [(g.source, g.first, g.last, g.readings, g.reason) for g in gaps] == [("n-01", 2, 4, 6, "disk-full")]
    ingest.journal.close()


def test_what_was_declared_lost_and_comes_after_all_is_kept(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([a_message(1), a_message(5, gaps=[a_gap(2, 4, 6)])])
    ingest.take([a_message(3), a_message(3)])
    assert [raw.seq for raw in ingest.journal.read(0, 10)] == [1, 5, 3]
    assert evidence.gaps(ingest.journal)[0].arrived == 2
    assert outcomes(ingest) == {"accepted": 3, "duplicate": 1}
    ingest.journal.close()


def test_two_epochs_of_one_node_do_not_meet(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([a_message(1), a_message(1, epoch="ff" * 8)])
    assert ingest.journal.last_id == 2
    assert [stream.mark for stream in ingest.journal.streams()] == [1, 1]
    ingest.journal.close()


def test_only_its_owner_may_read_the_files(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([a_message(1)])
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    ingest.journal.close()


def test_e06_f27_a_broken_file_is_set_aside_and_everything_is_asked_for_again(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([a_message(1)])
    ingest.journal.close()
    (tmp_path / "journal.db").write_bytes(os.urandom(8192))
    again = an_ingest(tmp_path)
    assert again.journal.set_aside == tmp_path / "journal.db.broken-1"
    assert again.journal.last_id == 0
    asked = [decode_receipt(again.take([a_message(seq)])[0].payload, KEY) for seq in (7, 8)]
    assert [(receipt.seq, receipt.resync) for receipt in asked] == [(0, True), (0, False)]
    again.journal.close()


def test_e07_an_empty_file_is_a_new_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    journal = Journal(tmp_path / "journal.db")
    assert journal.last_id == 0
    journal.close()


def test_f22_e17_a_full_disk_promises_nothing_and_loses_nothing(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([a_message(1)])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(StoreError) as caught:
            ingest.take([a_message(seq) for seq in range(2, 2000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.retryable
    assert mark(ingest.journal) == (1, [])
    ingest.take([a_message(seq) for seq in range(2, 2000)])
    assert mark(ingest.journal) == (1999, [])
    assert [raw.id for raw in ingest.journal.read(0, 5000, 1 << 30)] == list(range(1, 2000))
    ingest.journal.close()


def test_a_cursor_moves_with_the_next_commit_or_a_flush(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([a_message(1)])
    assert ingest.journal.cursor("store") == 0
    ingest.journal.move_cursor("store", 1)
    ingest.journal.close()
    journal = Journal(tmp_path / "journal.db")
    assert journal.cursor("store") == 1
    assert journal.cursor("export") == 0
    journal.close()


def test_e10_pruning_takes_only_what_every_reader_has_and_forgets_no_number(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([a_message(seq) for seq in range(1, 6)])
    assert ingest.journal.prune(NOW_US, 5) == 0, "received at this moment, not before it"
    assert ingest.journal.prune(NOW_US + 1, 3) == 3
    assert [raw.seq for raw in ingest.journal.read(0, 10)] == [4, 5]
    ingest.take([a_message(2)])
    assert outcomes(ingest)["duplicate"] == 1
    ingest.journal.close()
    journal = Journal(tmp_path / "journal.db")
    assert journal.prune(NOW_US + 1, 5) == 2
    assert journal.last_id == 5, "a number is never given twice"
    journal.close()


def test_e91_quarantine_keeps_the_newest_and_the_head_of_each(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    topic = "satomori/1/014729/n-01/data"
    for start in range(0, QUARANTINE_ROWS + 50, 5000):
        size = min(5000, QUARANTINE_ROWS + 50 - start)
        ingest.take([Message(topic, b"%06d" % (start + i) + b"x" * 2000) for i in range(size)])
    kept = evidence.quarantined(ingest.journal, limit=20_000)
    assert len(kept) == QUARANTINE_ROWS
    assert kept[0].head[:6] == b"%06d" % (QUARANTINE_ROWS + 49)
    assert (len(kept[0].head), kept[0].size) == (1024, 2006)
    assert outcomes(ingest)["quarantined:json"] == QUARANTINE_ROWS + 50, "what is thrown out is still counted"
    ingest.journal.close()


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(1, 12), max_size=6), max_size=8), st.integers(0, 8))
def test_any_order_of_arrival_with_restarts_settles_the_same(
    tmp_path_factory: pytest.TempPathFactory, commits: list[list[int]], restart_at: int
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    ingest = an_ingest(folder)
    for number, seqs in enumerate(commits):
        if number == restart_at:
            ingest.journal.close()
            ingest = an_ingest(folder)
        ingest.take([a_message(seq) for seq in seqs])
    seen = {seq for seqs in commits for seq in seqs}
    raws = ingest.journal.read(0, 100)
    assert sorted(raw.seq for raw in raws) == sorted(seen)
    if seen:
        expected = next(n for n in range(20) if n + 1 not in seen)
        assert mark(ingest.journal)[0] == expected
        assert [(s.epoch, s.readings) for s in ingest.journal.streams()] == [(EPOCH, 2 * len(seen))]
    ingest.journal.close()

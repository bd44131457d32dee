from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rig import NOW_US, a_gap, a_message, a_registry, an_ingest
from uplinks import EUI, TOPIC, uplink

from firmware_bridge.reading import Column
from gateway.accounting import Row, accounting
from gateway.forwarder import Forwarder
from gateway.ingest import Ingest, Message
from gateway.settings import Device
from gateway.store.sqlite import SqliteStore

TOKYO = ZoneInfo("Asia/Tokyo")
DAY = date(2027, 1, 15)  # NOW_US is 17:00 in Tokyo
DAY_US, HOUR_US = 86_400_000_000, 3_600_000_000
REGISTRY = a_registry(
    devices=[
        Device(id="roof1-depth", model="dragino/ldds75", site="field-1", node="n-01", mount_mm=3000),
        Device(id="field1-lora", model="dragino/lse01", site="field-1", dev_eui=EUI),
    ]
)


class Town:
    def __init__(self, folder: Path) -> None:
        self.ingest: Ingest = an_ingest(folder, REGISTRY)
        self.store = SqliteStore(folder / "points.db")

    def take(self, *messages: Message, forward: bool = True) -> None:
        self.ingest.take(messages)
        if forward:
            one = Forwarder(self.ingest.journal, self.store, REGISTRY, [], lambda: NOW_US)
            while one.forward():
                pass

    def rows(self, first: date = DAY, last: date = DAY, zone: ZoneInfo = TOKYO) -> list[Row]:
        return accounting(self.ingest.journal, self.store, REGISTRY, first, last, zone)

    def row(self, source: str = "n-01", **more: Any) -> Row:
        return next(row for row in self.rows(**more) if row.source == source)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.store.close()
    made.ingest.journal.close()


def numbers(row: Row) -> tuple[int, int, int]:
    return row.read, row.sent, row.stored


def test_read_is_sent_is_stored(town: Town) -> None:
    town.take(*(a_message(seq) for seq in range(1, 51)))
    row = town.row()
    assert (row.verdict, row.good, row.kind, row.day) == ("good", True, "node", "2027-01-15")
    assert numbers(row) == (100, 100, 100)
    assert numbers(town.row("n-02")) == (0, 0, 0), "a node that said nothing has a row too"


def test_a_batch_over_midnight_is_split_and_late_data_counts_for_its_own_day(town: Town) -> None:
    midnight_us = NOW_US + 7 * HOUR_US
    columns = [Column("d1", "motion", [midnight_us - 1, midnight_us, NOW_US - 3 * DAY_US], [1.0, 1.0, 1.0])]
    town.take(a_message(1, columns=columns, read_total=3))
    rows = {row.day: row for row in town.rows(date(2027, 1, 12), date(2027, 1, 16)) if row.source == "n-01"}
    assert {day: row.stored for day, row in rows.items() if row.stored} == {
        "2027-01-12": 1,
        "2027-01-15": 1,
        "2027-01-16": 1,
    }
    assert all(row.good for row in rows.values())


def test_e46_days_begin_at_local_midnight_even_when_they_have_25_hours(town: Town) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    autumn_us = 1_793_484_000_000_000  # 2026-10-31 23:00 in Berlin… the day of 25 hours was 2026-10-25
    long_day_us = autumn_us - 6 * DAY_US - 30 * 60_000_000
    columns = [Column("d1", "motion", [long_day_us, long_day_us + HOUR_US, long_day_us + 25 * HOUR_US], [1.0] * 3)]
    town.take(a_message(1, columns=columns, read_total=3))
    rows = town.rows(date(2026, 10, 24), date(2026, 10, 27), berlin)
    assert sum(row.stored for row in rows) == 3
    assert all(row.good for row in rows)


def test_a_declared_gap_is_dropped_and_not_hidden(town: Town) -> None:
    town.take(a_message(1), a_message(5, gaps=[a_gap(2, 4, 6)], read_total=10))
    row = town.row()
    assert (row.verdict, row.dropped) == ("dropped", 6)
    assert numbers(row) == (10, 4, 4)


def test_what_a_node_has_taken_and_not_sent_is_on_its_way(town: Town) -> None:
    town.take(a_message(1), a_message(10))
    row = town.row()
    assert (row.verdict, row.under_way) == ("on-its-way", 16)
    town.take(*(a_message(seq) for seq in range(2, 10)))
    assert town.row().good


def test_a_store_that_is_behind_is_catching_up(town: Town) -> None:
    town.take(a_message(1))
    town.take(a_message(2), forward=False)
    row = town.row()
    assert (row.verdict, numbers(row)) == ("catching-up", (4, 4, 2))


def test_what_vanished_from_the_store_is_found(town: Town) -> None:
    town.take(a_message(1), a_message(2))
    town.store.prune(NOW_US + 10 * DAY_US)
    assert town.row().verdict == "not-stored"


def test_more_than_the_node_says_it_took_is_a_mismatch(town: Town) -> None:
    town.take(a_message(1, read_total=1))
    assert town.row().verdict == "mismatch"


def test_a_clone_is_told(town: Town) -> None:
    town.take(a_message(1), a_message(1, read_total=5))
    row = town.row()
    assert (row.verdict, row.conflicts) == ("conflict", 1)


def test_duplicates_and_quarantine_are_counted_and_spoil_nothing(town: Town) -> None:
    town.take(a_message(1), a_message(1), a_message(1), Message("satomori/1/014729/n-01/data", b"x"))
    row = town.row()
    assert (row.verdict, row.duplicates, row.quarantined) == ("good", 2, 1)


def test_values_the_gateway_derived_are_nobodys_readings(town: Town) -> None:
    town.take(a_message(1, columns=[Column("roof1-depth", "distance_mm", [NOW_US], [2000.0])], read_total=1))
    assert len(town.store.series()) == 2
    assert numbers(town.row()) == (1, 1, 1)


def test_an_inlet_is_one_source_with_all_its_devices(town: Town) -> None:
    town.take(Message(TOPIC, uplink()), Message(TOPIC, uplink()))
    row = town.row("chirpstack")
    assert (row.kind, row.verdict, row.duplicates) == ("inlet", "good", 1)
    assert row.read == row.sent == row.stored == 7


def test_a_device_that_changed_its_node_on_that_day_is_counted_for_both(town: Town) -> None:
    def message(node: str, values: int, start: int) -> Message:
        times_us = [NOW_US + start + i for i in range(values)]
        columns = [Column("d1", "motion", times_us, [1.0] * values)]
        return a_message(1, node=node, columns=columns, read_total=values)

    town.take(message("n-01", 3, 0), message("n-02", 5, 100))
    assert numbers(town.row("n-01")) == (3, 3, 3)
    assert numbers(town.row("n-02")) == (5, 5, 5)


def test_a_new_epoch_adds_to_the_old_one(town: Town) -> None:
    town.take(a_message(1), a_message(2), a_message(1, epoch="ab" * 8))
    assert numbers(town.row()) == (6, 6, 6)
    assert town.row().good

import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from parts import free_port
from rig import KEY, NOW_US, a_message, a_registry, an_ingest, running
from waiting import wait_until

from firmware_bridge.reading import Column, SeriesKey
from gateway.forwarder import Forwarder
from gateway.journal import Journal, evidence
from gateway.registry import Registry
from gateway.settings import Device
from gateway.store import Entry, Store
from gateway.store.influx import InfluxStore
from gateway.store.sqlite import SqliteStore

MOISTURE = SeriesKey("014729", "field1-soil", "soil_moisture_vwc_pct")


class Listener:
    def __init__(self) -> None:
        self.ids: list[int] = []

    def __call__(self, entries: Sequence[Entry]) -> None:
        self.ids += [entry.id for entry in entries]


def forwarder(
    journal: Journal, store: Store, listener: Listener, registry: Registry | None = None, keep_days: float = 30
) -> Forwarder:
    return Forwarder(journal, store, registry or a_registry(), [listener], lambda: NOW_US, keep_days=keep_days)


def drain(one: Forwarder) -> None:
    while one.listen() | one.forward():
        pass


def test_every_entry_reaches_the_store_and_every_listener_once(tmp_path: Path) -> None:
    ingest, store, heard = an_ingest(tmp_path), SqliteStore(tmp_path / "points.db"), Listener()
    one = forwarder(ingest.journal, store, heard)
    for start in (1, 11, 21):
        ingest.take([a_message(seq) for seq in range(start, start + 10)])
        drain(one)
    assert heard.ids == list(range(1, 31))
    assert store.count(0, 1 << 62)[MOISTURE] == 30
    assert one.waiting == 0
    store.close()
    ingest.journal.close()


def test_after_a_restart_it_goes_on_where_the_store_stands(tmp_path: Path) -> None:
    ingest, store = an_ingest(tmp_path), SqliteStore(tmp_path / "points.db")
    ingest.take([a_message(1), a_message(2)])
    drain(forwarder(ingest.journal, store, Listener()))
    ingest.take([a_message(3)])
    ingest.journal.close()
    again, heard = an_ingest(tmp_path), Listener()
    drain(forwarder(again.journal, store, heard))
    assert heard.ids == [3]
    assert store.count(0, 1 << 62)[MOISTURE] == 3
    store.close()
    again.journal.close()


def test_a_cursor_that_was_lost_costs_nothing(tmp_path: Path) -> None:
    ingest, store = an_ingest(tmp_path), SqliteStore(tmp_path / "points.db")
    ingest.take([a_message(seq) for seq in range(1, 6)])
    drain(forwarder(ingest.journal, store, Listener()))
    ingest.journal.move_cursor("store", 0)
    drain(forwarder(ingest.journal, store, Listener()))
    assert store.count(0, 1 << 62)[MOISTURE] == 5
    store.close()
    ingest.journal.close()


def test_f32_a_dead_store_delays_no_listener_and_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    ingest, heard = an_ingest(tmp_path), Listener()
    dead = InfluxStore(f"http://127.0.0.1:{port}", "o", "b", "t", tmp_path / "aside.db", timeout_s=1)
    one = forwarder(ingest.journal, dead, heard)
    with running(one):
        for seq in range(1, 21):
            ingest.take([a_message(seq)])
        wait_until(lambda: len(heard.ids) == 20, 10)
        wait_until(lambda: one.trouble != "", 10)
        ingest.take([a_message(21)])
        wait_until(lambda: len(heard.ids) == 21, 10)
    assert one.waiting == 21
    store = SqliteStore(tmp_path / "points.db")
    drain(forwarder(ingest.journal, store, Listener()))
    assert store.count(0, 1 << 62)[MOISTURE] == 21
    dead.close()
    store.close()
    ingest.journal.close()


def test_what_was_read_in_memory_and_what_was_read_from_disk_is_the_same(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    columns = [Column("d1", "motion", [NOW_US], [1.0]), Column("d2", "motion", [NOW_US + 9_000_000_000], [0.0])]
    ingest.take([a_message(1), a_message(2, columns=columns), a_message(3, clock="estimated")])
    taken: list[list[Entry]] = []
    for _ in range(2):
        store = SqliteStore(tmp_path / f"points{len(taken)}.db")
        got: list[Entry] = []
        one = Forwarder(ingest.journal, store, a_registry(), [got.extend], lambda: NOW_US)
        one.listen()
        taken.append(got)
        ingest.journal.recent.forget(1 << 60)
        store.close()
    assert taken[0] == taken[1]
    assert [entry.quality for entry in taken[0]] == [0, 1, 2]
    ingest.journal.close()


def test_a_distance_to_the_snow_becomes_a_depth_where_the_mount_is_known(tmp_path: Path) -> None:
    mounted = Device(id="roof1-depth", model="dragino/ldds75", site="field-1", mount_mm=3000)
    bare = Device(id="well", model="dragino/ldds75", site="field-1")
    registry = a_registry(devices=[mounted, bare])
    ingest, store = an_ingest(tmp_path, registry), SqliteStore(tmp_path / "points.db")
    columns = [
        Column("roof1-depth", "distance_mm", [NOW_US, NOW_US + 1, NOW_US + 2], [2000.0, 0.0, 3010.0]),
        Column("well", "distance_mm", [NOW_US], [900.0]),
    ]
    ingest.take([a_message(1, columns=columns)])
    drain(forwarder(ingest.journal, store, Listener(), registry))
    times_us, depths = store.read(SeriesKey("014729", "roof1-depth", "snow_depth_cm"), 0, 1 << 62)
    assert depths.tolist() == [100.0, -1.0], "0 is a missing echo, not snow up to the sensor"
    assert times_us.tolist() == [NOW_US, NOW_US + 2]
    assert len(store.series()) == 3
    store.close()
    ingest.journal.close()


def test_an_entry_whose_node_was_removed_is_told_of_and_passed(tmp_path: Path) -> None:
    ingest = an_ingest(tmp_path)
    ingest.take([a_message(1), a_message(1, node="n-02"), a_message(2)])
    ingest.journal.close()
    journal, store, heard = Journal(tmp_path / "journal.db"), SqliteStore(tmp_path / "points.db"), Listener()
    drain(forwarder(journal, store, heard, a_registry(nodes=["n-01"], keys={"n-01": KEY})))
    assert heard.ids == [1, 3]
    assert [one.code for one in evidence.quarantined(journal)] == ["node-unknown"]
    assert store.count(0, 1 << 62)[MOISTURE] == 2
    store.close()
    journal.close()


def test_payloads_leave_the_journal_when_the_store_has_them_and_they_are_old(tmp_path: Path) -> None:
    ingest, store = an_ingest(tmp_path, now=lambda: NOW_US - 40 * 86_400_000_000), SqliteStore(tmp_path / "points.db")
    ingest.take([a_message(1)])
    one = forwarder(ingest.journal, store, Listener())
    with running(one):
        wait_until(lambda: not ingest.journal.read(0, 10), 10)
    assert store.count(0, 1 << 62)[MOISTURE] == 1
    store.close()
    ingest.journal.close()


def test_e12_raw_points_leave_the_store_after_their_days_and_roll_ups_stay(tmp_path: Path) -> None:
    ingest, store = an_ingest(tmp_path), SqliteStore(tmp_path / "points.db")
    day_us = 86_400_000_000
    times_us = [NOW_US - 10 * day_us - 1, NOW_US - 10 * day_us, NOW_US]
    ingest.take([a_message(1, columns=[Column("d1", "motion", times_us, [1.0, 2.0, 3.0])])])
    one = Forwarder(ingest.journal, store, a_registry(), [], lambda: NOW_US, raw_days=10)
    key = SeriesKey("014729", "d1", "motion")
    with running(one):
        wait_until(lambda: store.count(0, 1 << 62) == {key: 2}, 10)
    assert store.read(key, 0, 1 << 62)[0].tolist() == times_us[1:]
    assert store.hourly(key, 0, 1 << 62)[:, 1].tolist() == [1, 1, 1]
    store.close()
    ingest.journal.close()


def test_a_stop_is_obeyed_while_nothing_happens(tmp_path: Path) -> None:
    ingest, store = an_ingest(tmp_path), SqliteStore(tmp_path / "points.db")
    stop = threading.Event()
    stop.set()
    forwarder(ingest.journal, store, Listener()).run(stop)
    store.close()
    ingest.journal.close()


@pytest.mark.parametrize("size", [1, 7, 3000])
def test_entries_of_any_size_come_in_order(tmp_path: Path, size: int) -> None:
    ingest, heard = an_ingest(tmp_path), Listener()
    store = SqliteStore(tmp_path / "points.db")
    column = Column("d1", "motion", [NOW_US + i for i in range(size)], [1.0] * size)
    for seq in range(1, 6):
        ingest.take([a_message(seq, columns=[msgspec.structs.replace(column, quantity=f"motion_{seq}")])])
    ingest.journal.recent.forget(2)
    drain(forwarder(ingest.journal, store, heard))
    assert heard.ids == [1, 2, 3, 4, 5]
    assert sum(store.count(0, 1 << 62).values()) == 5 * size
    store.close()
    ingest.journal.close()

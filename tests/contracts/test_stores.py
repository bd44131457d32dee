"""What every store promises: the same suite on SQLite and on a real InfluxDB."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import RunningInflux, start_influxd

from firmware_bridge.reading import Column, SeriesKey
from gateway.store import ESTIMATED_TIME, SUSPECT_TIME, Entry, Store
from gateway.store.influx import InfluxStore
from gateway.store.sqlite import SqliteStore

TENANT = "014729"
NOON_US = 1_800_000_000_000_000  # a full hour of 2027
MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
END_US = NOON_US + 100 * HOUR_US
KEY = SeriesKey(TENANT, "field1-soil", "soil_moisture_vwc_pct")


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInflux]:
    with start_influxd(tmp_path_factory.mktemp("influxd")) as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("influx", marks=pytest.mark.influx)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        made: Store = SqliteStore(tmp_path / "points.db")
    else:
        running: RunningInflux = request.getfixturevalue("influxd")
        bucket = f"b{abs(hash(request.node.nodeid))}"
        made = InfluxStore(running.url, running.org, bucket, running.token, tmp_path / "aside.db")
        made.ensure()
    yield made
    made.close()


def column(times_us: list[int], values: list[float], key: SeriesKey = KEY) -> Column:
    return Column(key.device, key.quantity, times_us, values, key.channel)


def entry(number: int, *columns: Column, quality: int = 0, fingerprint: int = 0) -> Entry:
    return Entry(
        id=number,
        tenant=TENANT,
        source="n-01",
        received_us=NOON_US,
        quality=quality,
        columns=list(columns),
        fingerprint=fingerprint,
    )


def values(store: Store, key: SeriesKey = KEY, **more: bool) -> list[float]:
    return [float(x) for x in store.read(key, 0, END_US, **more)[1]]


def test_what_is_appended_is_read_in_time_order_and_exactly(store: Store) -> None:
    times_us = [NOON_US + 3, NOON_US + 1, NOON_US + 2]
    store.append([entry(1, column(times_us, [0.1, -273.15, 1e-7]))])
    got_us, got = store.read(KEY, NOON_US, END_US)
    assert got_us.tolist() == [NOON_US + 1, NOON_US + 2, NOON_US + 3]
    assert got.tolist() == [-273.15, 1e-7, 0.1]
    assert got_us.dtype == np.int64
    assert got.dtype == np.float64


def test_a_range_holds_its_start_and_not_its_end(store: Store) -> None:
    store.append([entry(1, column([NOON_US, NOON_US + 1, NOON_US + 2], [1.0, 2.0, 3.0]))])
    assert store.read(KEY, NOON_US, NOON_US + 2)[1].tolist() == [1.0, 2.0]
    assert store.read(KEY, NOON_US + 2, NOON_US + 2)[1].tolist() == []
    assert store.count(NOON_US + 1, NOON_US + 3) == {KEY: 2}


def test_the_newest_are_read_where_there_are_more_than_asked_for(store: Store) -> None:
    store.append([entry(1, column([NOON_US + i for i in range(10)], [float(i) for i in range(10)]))])
    assert store.read(KEY, 0, END_US, limit=3)[1].tolist() == [7.0, 8.0, 9.0]


def test_offering_an_entry_again_changes_nothing(store: Store) -> None:
    offered = [entry(5, column([NOON_US, NOON_US, NOON_US + 1], [1.0, 1.0, 2.0]))]
    assert store.append(offered).new == 3
    store.append(offered)
    store.append([entry(6, column([NOON_US + 2], [3.0])), *offered])
    assert values(store) == [1.0, 1.0, 2.0, 3.0]
    assert store.count(0, END_US) == {KEY: 4}


def test_an_entry_is_known_again_after_the_journal_was_restored(store: Store) -> None:
    store.append([entry(5, column([NOON_US], [1.0]), fingerprint=77)])
    store.append([entry(2, column([NOON_US], [1.0]), fingerprint=77)])
    assert values(store) == [1.0]


def test_e43_two_values_with_one_timestamp_are_both_kept(store: Store) -> None:
    store.append([entry(1, column([NOON_US, NOON_US], [1.0, 2.0])), entry(2, column([NOON_US], [3.0]))])
    store.append([entry(3, column([NOON_US], [4.0]), column([NOON_US], [5.0]))])
    assert sorted(values(store)) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_e44_a_microsecond_survives(store: Store) -> None:
    store.append([entry(1, column([NOON_US + 123_457], [1.0]))])
    assert store.read(KEY, 0, END_US)[0].tolist() == [NOON_US + 123_457]


def test_e40_late_data_does_not_become_the_latest(store: Store) -> None:
    assert store.latest() == {}
    store.append([entry(1, column([NOON_US], [1.0]))])
    store.append([entry(2, column([NOON_US - HOUR_US], [9.0]))])
    assert store.latest()[KEY].value == 1.0
    store.append([entry(3, column([NOON_US + 1], [2.0]))])
    assert (store.latest()[KEY].time_us, store.latest()[KEY].value) == (NOON_US + 1, 2.0)


def test_a_suspect_time_is_kept_and_counted_and_neither_latest_nor_read_unasked(store: Store) -> None:
    store.append([entry(1, column([NOON_US], [1.0]))])
    store.append([entry(2, column([NOON_US + HOUR_US], [2.0]), quality=SUSPECT_TIME)])
    store.append([entry(3, column([NOON_US - 1], [3.0]), quality=ESTIMATED_TIME)])
    assert values(store) == [3.0, 1.0]
    assert values(store, suspect=True) == [3.0, 1.0, 2.0]
    assert store.latest()[KEY].value == 1.0
    assert store.count(0, END_US) == {KEY: 3}
    assert store.hourly(KEY, 0, END_US)[:, 1].sum() == 2


def test_series_with_points_are_listed_each_with_its_channel_and_tenant(store: Store) -> None:
    second = SeriesKey(TENANT, "field1-soil", "soil_moisture_vwc_pct", 2)
    other = SeriesKey(TENANT, "home1-door", "contact_open")
    assert store.series() == []
    store.append(
        [entry(1, column([NOON_US], [1.0], second), column([NOON_US], [0.0], other), column([NOON_US], [2.0]))]
    )
    assert store.series() == sorted([KEY, second, other])
    assert values(store, second) == [1.0]
    assert values(store) == [2.0]


def test_an_unknown_series_has_nothing(store: Store) -> None:
    unknown = SeriesKey(TENANT, "nobody", "motion")
    assert store.read(unknown, 0, END_US)[1].size == 0
    assert store.hourly(unknown, 0, END_US).shape == (0, 5)
    assert store.count(0, END_US) == {}


def test_hours_hold_count_and_least_and_mean_and_most(store: Store) -> None:
    times_us = [NOON_US + i * 20 * MINUTE_US for i in range(4)]
    store.append([entry(1, column(times_us, [1.0, 2.0, 6.0, 4.0]))])
    expected = [[NOON_US, 3, 1.0, 3.0, 6.0], [NOON_US + HOUR_US, 1, 4.0, 4.0, 4.0]]
    assert store.hourly(KEY, NOON_US, END_US).tolist() == expected
    assert store.hourly(KEY, NOON_US + HOUR_US, END_US).tolist() == expected[1:]


def test_late_data_corrects_its_hour(store: Store) -> None:
    store.append([entry(1, column([NOON_US], [1.0]))])
    assert store.hourly(KEY, 0, END_US).tolist() == [[NOON_US, 1, 1.0, 1.0, 1.0]]
    store.append([entry(2, column([NOON_US + MINUTE_US], [3.0]))])
    assert store.hourly(KEY, 0, END_US).tolist() == [[NOON_US, 2, 1.0, 2.0, 3.0]]


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), float("-inf")])
def test_e64_e66_one_bad_value_is_put_aside_and_holds_up_nobody(store: Store, poison: float) -> None:
    written = store.append([entry(1, column([NOON_US, NOON_US + 1, NOON_US + 2], [1.0, poison, 3.0]))])
    assert (written.new, written.rejected) == (2, 1)
    assert values(store) == [1.0, 3.0]
    assert store.rejected(0, END_US) == {KEY: 1}


def test_a_time_that_no_clock_has_is_put_aside(store: Store) -> None:
    written = store.append([entry(1, column([-5, NOON_US, 1 << 63], [1.0, 2.0, 3.0]))])
    assert (written.new, written.rejected) == (1, 2)
    assert values(store) == [2.0]


def test_an_empty_append_is_nothing(store: Store) -> None:
    assert store.append([]).new == 0
    assert store.append([entry(1)]).new == 0
    assert store.series() == []


def test_closing_twice_is_safe(store: Store) -> None:
    store.close()
    store.close()


def test_large_and_small_numbers_come_back_as_they_went(store: Store) -> None:
    numbers = [0.0, -0.0, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 1 / 3, 2.0**53 + 2]
    store.append([entry(1, column([NOON_US + i for i in range(len(numbers))], numbers))])
    assert values(store) == numbers


@given(st.lists(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3)), min_size=1, max_size=8), max_size=8))
def test_any_order_of_offering_keeps_each_reading_once(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[list[tuple[int, int]]]
) -> None:
    store = SqliteStore(tmp_path_factory.mktemp("any") / "points.db")
    entries = [
        entry(number, *(column([NOON_US + t], [float(c)], SeriesKey(TENANT, f"d{c}", "motion")) for t, c in readings))
        for number, readings in enumerate(drawn, 1)
    ]
    for one in (*entries, *reversed(entries)):
        store.append([one])
    total = sum(len(readings) for readings in drawn)
    assert sum(store.count(0, END_US).values()) == total
    newest = {}
    for readings in drawn:
        for t, c in readings:
            newest[f"d{c}"] = max(newest.get(f"d{c}", 0), NOON_US + t)
    assert {key.device: latest.time_us for key, latest in store.latest().items()} == newest
    store.close()

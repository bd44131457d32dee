import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged_town import DAY_US, DEVICES, HOUR_US, MINUTE_US, NODES, SITES, START_US, TOKYO

from firmware_bridge.reading import Column, SeriesKey
from gateway.rings import Ring
from gateway.store import Entry
from gateway.store.sqlite import SqliteStore
from gateway.window import Window

MOISTURE = "soil_moisture_vwc_pct"
CELL_US = 10 * MINUTE_US


class Clock:
    def __init__(self) -> None:
        self.now_us = START_US
        self.steady_s = 0.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def window(clock: Clock) -> Window:
    return Window(
        SITES, DEVICES, NODES, zone=TOKYO, now_us=lambda: clock.now_us, monotonic_s=lambda: clock.steady_s, days=1
    )


def take(window: Window, column: Column, *, source: str = "pi-town", received_us: int = START_US) -> None:
    window.take([Entry(id=1, tenant="014729", source=source, received_us=received_us, columns=[column])])


def soil(*pairs: tuple[int, float], device: str = "probe-1") -> Column:
    return Column(device, MOISTURE, [START_US + at for at, _ in pairs], [value for _, value in pairs])


def last(window: Window, columns: int = 4) -> list[float]:
    return [round(value, 3) for value in window.block(MOISTURE, columns)[1][0].tolist()]


def test_readings_stand_in_the_cell_of_their_measurement(window: Window) -> None:
    take(window, soil((-20 * MINUTE_US, 30), (0, 31)))
    keys, block, grid = window.block(MOISTURE, 3)
    assert keys == [SeriesKey("014729", "probe-1", MOISTURE)]
    assert block.dtype == np.float64
    np.testing.assert_array_equal(block, [[30, np.nan, 31]])
    assert grid.start_us + 3 * grid.step_us > START_US >= grid.start_us + 2 * grid.step_us
    assert grid.offset_us == 9 * HOUR_US


def test_the_last_value_of_a_cell_wins_whatever_order_it_comes_in(window: Window) -> None:
    take(window, soil((0, 31), (60_000_000, 32)))
    take(window, soil((30_000_000, 99)))
    assert last(window, 1) == [32]


def test_late_data_corrects_the_past_and_is_not_heard_now(window: Window) -> None:
    take(window, soil((0, 31)))
    take(window, soil((-30 * MINUTE_US, 25)))
    assert last(window) == [25, pytest.approx(np.nan, nan_ok=True), pytest.approx(np.nan, nan_ok=True), 31]
    assert window.heard_us("probe-1") == START_US
    assert window.late == 1


def test_what_arrives_late_was_measured_then_and_received_now(window: Window) -> None:
    take(window, soil((-2 * HOUR_US, 25)))
    assert window.heard_us("probe-1") == START_US - 2 * HOUR_US
    assert window.received_us("pi-town") == START_US


def test_times_from_the_future_are_counted_and_left_out(window: Window) -> None:
    take(window, soil((0, 31), (6 * MINUTE_US, 99), (DAY_US, 99)))
    assert last(window, 1) == [31]
    assert window.suspect == 2
    assert window.heard_us("probe-1") == START_US
    take(window, soil((DAY_US, 99), device="probe-2"))
    assert window.heard_us("probe-2") == 0


def test_old_cells_leave_the_window_as_time_goes_on(window: Window, clock: Clock) -> None:
    take(window, soil((0, 31)))
    clock.now_us += 2 * DAY_US
    take(window, soil((2 * DAY_US, 40)), received_us=clock.now_us)
    assert np.isnan(window.block(MOISTURE, 144)[1][0, :-1]).all()
    take(window, soil((0, 31)))
    assert np.isfinite(window.block(MOISTURE, 144)[1]).sum() == 1


def test_a_window_that_heard_nothing_for_long_shows_nothing(window: Window, clock: Clock) -> None:
    take(window, soil((0, 31)))
    clock.now_us += 3 * DAY_US
    assert np.isnan(window.block(MOISTURE, 144)[1]).all()


def test_new_series_join_and_keep_their_rows(window: Window) -> None:
    for number in range(40):
        take(window, Column(f"probe-{number}", MOISTURE, [START_US], [float(number)]))
    keys, block, _ = window.block(MOISTURE, 1)
    assert [key.device for key in keys] == [f"probe-{number}" for number in range(40)]
    assert block[:, 0].tolist() == list(range(40))


def test_the_caller_may_write_into_its_block(window: Window) -> None:
    take(window, soil((0, 31)))
    window.block(MOISTURE, 1)[1][:] = 0
    assert last(window, 1) == [31]


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(-200, 0), st.floats(-100, 100, allow_nan=False, width=32)), max_size=60
    ),
    st.integers(1, 30),
)
def test_any_order_and_chunking_gives_the_cells_of_a_plain_dictionary(
    readings: list[tuple[int, int, float]], chunk: int
) -> None:
    ring: Ring[int] = Ring(CELL_US, 144)
    cells: dict[tuple[int, int], float] = {}
    newest: dict[int, int] = {}
    for start in range(0, len(readings), chunk):
        part = sorted(readings[start : start + chunk], key=lambda one: one[1])
        rows = np.array([ring.rows.number(row) for row, _, _ in part], dtype=np.int64)
        times = np.array([START_US + at * MINUTE_US for _, at, _ in part], dtype=np.int64)
        ring.put(rows, times, np.array([value for _, _, value in part]))
        for row, at, value in part:
            cell = (START_US + at * MINUTE_US) // CELL_US
            known = newest.get(row, at)
            if at >= known or (START_US + known * MINUTE_US) // CELL_US != cell:
                cells[row, cell] = value
            newest[row] = max(known, at)
    end = START_US // CELL_US
    block = ring.block(30, end)
    for place, row in enumerate(ring.rows.keys):
        for column in range(30):
            kept = cells.get((row, end - 29 + column))
            assert np.isnan(block[place, column]) if kept is None else block[place, column] == np.float32(kept)


def test_it_fills_itself_from_the_store_and_shows_the_same(tmp_path: Path, window: Window, clock: Clock) -> None:
    store = SqliteStore(tmp_path / "points.db")
    columns = [
        soil(*((-at * CELL_US, 30 + at % 5) for at in range(100))),
        Column("pir-a07", "motion", [START_US - at * 37 * MINUTE_US for at in range(30)], [1.0] * 30),
        Column("pi-a07", "outbox_depth", [START_US - at * MINUTE_US for at in range(1500)], [0.0] * 1500),
    ]
    entries = [
        Entry(id=number, tenant="014729", source=source, received_us=START_US, columns=[column], fingerprint=number)
        for number, (source, column) in enumerate(zip(("pi-town", "pi-a07", "pi-a07"), columns, strict=True), 1)
    ]
    store.append(entries)
    window.take(entries)
    again = Window(SITES, DEVICES, NODES, zone=TOKYO, now_us=lambda: clock.now_us, monotonic_s=lambda: 0.0, days=1)
    assert again.seed(store, START_US) >= 1600
    store.close()
    np.testing.assert_array_equal(window.block(MOISTURE, 144)[1], again.block(MOISTURE, 144)[1])
    np.testing.assert_array_equal(window.activity()[1], again.activity()[1])
    assert again.last_activity("home-a07") == (START_US, "pir-a07", "pir-a07/motion")
    assert again.late == 0


def test_taking_and_looking_from_two_threads_disturb_nobody(window: Window) -> None:
    stop = threading.Event()
    sums: list[float] = []

    def look() -> None:
        while not stop.is_set():
            sums.append(float(np.nansum(window.block(MOISTURE, 144)[1])))

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(300):
        take(window, Column(f"probe-{number}", MOISTURE, [START_US - number * MINUTE_US], [1.0]))
    stop.set()
    thread.join()
    assert float(np.nansum(window.block(MOISTURE, 144)[1])) == 300
    assert all(value <= 300 for value in sums)


def minutes(window: Window, home: str = "home-a07", columns: int = 10) -> list[float]:
    homes, block, _ = window.activity(columns)
    return [-1 if np.isnan(value) else value for value in block[homes.index(home)].tolist()]


def hear(
    window: Window, quantity: str, *pairs: tuple[int, float], device: str = "pir-a07", source: str = "pi-a07"
) -> None:
    column = Column(device, quantity, [START_US + at * MINUTE_US for at, _ in pairs], [value for _, value in pairs])
    take(window, column, source=source)


def test_a_home_is_heard_for_three_intervals_after_its_node_spoke(window: Window) -> None:
    hear(window, "outbox_depth", (-8, 0), device="pi-a07")
    assert minutes(window) == [-1, 0, 0, 0, 0, -1, -1, -1, -1, -1]


def test_another_homes_node_says_nothing_about_this_one(window: Window) -> None:
    hear(window, "outbox_depth", (0, 0), device="pi-b02", source="pi-b02")
    assert set(minutes(window)) == {-1}
    assert minutes(window, "home-b02")[-1] == 0


def test_movement_counts_and_its_end_does_not(window: Window) -> None:
    hear(window, "motion", (-5, 1), (-4, 0), (-3, 0))
    assert minutes(window) == [-1, -1, -1, -1, 1, 0, 0, 0, 0, 0]


def test_a_contact_that_repeats_itself_is_no_movement(window: Window) -> None:
    hear(window, "contact_open", (-9, 0), (-6, 0), (-4, 1), (-2, 1), device="door-a07")
    hear(window, "contact_open", (0, 1), device="door-a07")
    assert [place for place, value in enumerate(minutes(window)) if value == 1] == [5]
    hear(window, "contact_open", (0, 0), device="door-a07")
    assert minutes(window)[-1] == 0


def test_a_counter_that_grows_is_movement(window: Window) -> None:
    hear(window, "open_count", (-9, 4), (-6, 4), (-3, 5), device="door-a07")
    assert [place for place, value in enumerate(minutes(window)) if value == 1] == [6]


def test_a_batch_told_twice_changes_nothing(window: Window) -> None:
    for _ in range(3):
        hear(window, "motion", (-5, 1))
        hear(window, "contact_open", (-4, 0), (-2, 1), device="door-a07")
    assert sum(value == 1 for value in minutes(window)) == 2


def test_a_backlog_of_a_home_was_heard_then(window: Window) -> None:
    hear(window, "outbox_depth", *((at, 0) for at in range(-30, -20)), device="pi-a07")
    hear(window, "motion", (-25, 1))
    assert minutes(window, columns=31)[:14] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, -1]
    assert window.last_activity("home-a07")[:2] == (START_US - 25 * MINUTE_US, "pir-a07")


def test_how_long_nothing_came_is_measured_on_the_steady_clock(window: Window, clock: Clock) -> None:
    take(window, soil((0, 31)))
    clock.now_us += 5 * HOUR_US
    assert window.quiet_s() == 0
    clock.steady_s = 700.0
    assert window.quiet_s() == 700
    take(window, soil((0, 31)), received_us=START_US)
    assert window.quiet_s() == 700, "an old entry of the journal is not news"
    take(window, soil((0, 31)), received_us=clock.now_us)
    assert window.quiet_s() == 0

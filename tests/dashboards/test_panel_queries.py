import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from influxdb_client import InfluxDBClient
from parts import RunningInflux, start_influxd

from dashboards import fields
from dashboards.build import render
from firmware_bridge.quantity import quantity
from firmware_bridge.reading import Column
from gateway.store import ESTIMATED_TIME, SUSPECT_TIME, Entry
from gateway.store.influx import InfluxStore

pytestmark = pytest.mark.influx
START_US = 1_790_000_000_000_000
STEP_US = 600_000_000
STEPS = 36
PANELS = [panel for panel in json.loads(render()["fields-ja.json"])["panels"] if panel["type"] != "row"]
CHARTS = [panel for panel in PANELS if panel["type"] == "timeseries"]
DEVICES = json.loads(render()["fields-ja.json"])["templating"]["list"][0]["query"]["query"]
Rows = list[dict[str, Any]]


def _column(device: str, name: str, steps: range, channel: int = 0) -> Column:
    one = quantity(name)
    middle = (max(one.low, -100) + min(one.high, 100)) / 2
    return Column(device, name, [START_US + STEP_US * n for n in steps], [middle + n / 100 for n in steps], channel)


def _entry(number: int, columns: list[Column], quality: int = 0) -> Entry:
    return Entry(id=number, tenant="014729", source="node-1", received_us=START_US, quality=quality, columns=columns)


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInflux]:
    folder: Path = tmp_path_factory.mktemp("influx")
    with start_influxd(folder) as running:
        store = InfluxStore(running.url, running.org, running.bucket, running.token, folder / "aside.db")
        store.ensure()
        early, late = range(STEPS // 3), range(2 * STEPS // 3, STEPS)
        names = [*fields.SOIL, *fields.NUTRIENTS, *fields.SENSOR]
        store.append(
            [
                _entry(1, [_column("soil-1", name, early) for name in names]),
                _entry(2, [_column("soil-1", name, late) for name in names], ESTIMATED_TIME),
                _entry(3, [_column("soil-2", "soil_moisture_vwc_pct", range(STEPS), channel=1)]),
                _entry(4, [_column("home-1", "motion", early), _column("home-1", "battery_v", early)]),
                _entry(5, [_column("soil-1", "soil_ph", range(STEPS, STEPS + 3))], SUSPECT_TIME),
            ]
        )
        store.close()
        yield running


def _ask(influx: RunningInflux, query: str, devices: str = "(soil-1|soil-2)") -> Rows:
    begin, end = START_US // 1_000_000, (START_US + STEP_US * (STEPS + 10)) // 1_000_000
    given = [
        f'v = {{defaultBucket: "{influx.bucket}", timeRangeStart: {begin}, timeRangeStop: {end}, windowPeriod: 10m}}',
        f"now = () => time(v: {end}000000000)",
    ]
    query = "\n".join([*(f"option {line}" for line in given), query])
    with InfluxDBClient(influx.url, influx.token, org=influx.org) as client:
        tables = client.query_api().query(query.replace("${device:regex}", devices))
    return [record.values for table in tables for record in table.records]


@pytest.mark.parametrize("panel", CHARTS, ids=lambda panel: panel["title"])
def test_a_chart_finds_what_the_store_wrote(influx: RunningInflux, panel: dict[str, Any]) -> None:
    rows = _ask(influx, panel["targets"][0]["query"])
    found = [row for row in rows if row["series"] == "soil-1" and row["_value"] is not None]
    assert len(found) == 2 * (STEPS // 3), "estimated times are drawn, suspect ones never"
    assert {row["series"] for row in rows} <= {"soil-1", "soil-2/1"}


def test_a_silence_is_a_gap_in_the_line(influx: RunningInflux) -> None:
    rows = _ask(influx, CHARTS[0]["targets"][0]["query"])
    values = [row["_value"] is not None for row in rows if row["series"] == "soil-1"]
    first, last = values.index(True), len(values) - 1 - values[::-1].index(True)
    assert values[first : last + 1].count(False) == STEPS // 3


def test_a_second_channel_is_a_line_of_its_own(influx: RunningInflux) -> None:
    rows = _ask(influx, CHARTS[0]["targets"][0]["query"])
    assert sum(row["series"] == "soil-2/1" and row["_value"] is not None for row in rows) == STEPS


def test_the_table_shows_the_newest_value_of_each_series_once(influx: RunningInflux) -> None:
    (table,) = [panel for panel in PANELS if panel["type"] == "table"]
    rows = _ask(influx, table["targets"][0]["query"])
    assert [(row["series"], row["_measurement"]) for row in rows] == sorted(
        [("soil-1", name) for name in fields.SOIL] + [("soil-2/1", "soil_moisture_vwc_pct")]
    )
    newest = START_US + STEP_US * (STEPS - 1)
    assert {round(row["_time"].timestamp() * 1e6) for row in rows} == {newest}


def test_the_viewer_may_choose_soil_sensors_and_nothing_of_a_home(influx: RunningInflux) -> None:
    assert [row["_value"] for row in _ask(influx, DEVICES)] == ["soil-1", "soil-2"]


def test_one_chosen_sensor_is_shown_alone(influx: RunningInflux) -> None:
    rows = _ask(influx, CHARTS[0]["targets"][0]["query"], devices="soil-2")
    assert {row["series"] for row in rows} == {"soil-2/1"}

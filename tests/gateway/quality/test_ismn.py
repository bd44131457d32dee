import csv
import json

import numpy as np
import pytest
from repository import ROOT

from gateway.detect import Block
from gateway.quality import ismn
from gateway.quality.ismn import Ismn, Soil
from gateway.quality.saturation import saturation_pct

FOLDER = ROOT / "tests" / "data" / "flagit"


def column(name: str) -> Block:
    with (FOLDER / "test_dataframe.csv").open(encoding="utf-8") as file:
        return np.array([[float(row[name] or "nan") for row in csv.DictReader(file)]])


@pytest.fixture(scope="module")
def station() -> Soil:
    return Soil(
        moisture_pct=column("soil_moisture"),
        soil_temperature_c=column("soil_temperature"),
        air_temperature_c=column("air_temperature"),
        model_soil_temperature_c=column("gldas_soil_temperature"),
        rain_mm=column("precipitation"),
        model_rain_mm=column("gldas_precipitation"),
        saturation_pct=np.array([[42.7]]),
        depth_m=np.array([[0.09]]),
    )


def names(bits: int) -> list[str]:
    if bits == Ismn.MISSING:
        return []
    return sorted(str(flag.name) for flag in Ismn if bits & flag) or ["G"]


def test_the_published_flags_of_the_published_rows(station: Soil) -> None:
    published = json.loads((FOLDER / "expected_flags.json").read_text("utf-8"))
    found = ismn.flags(station)[0]
    assert {row: names(int(found[int(row)])) for row in published["flags"]} == published["flags"]
    for flag, rows in published["single_check"].items():
        assert {row: flag in names(int(found[int(row)])) for row in rows} == rows


def test_every_row_has_the_flags_that_flagit_gives_it(station: Soil) -> None:
    flagit = json.loads((FOLDER / "all_flags.json").read_text("utf-8"))["flags"]
    assert [names(bits) for bits in ismn.flags(station)[0].tolist()] == flagit


def test_what_nobody_measures_raises_no_flag(station: Soil) -> None:
    found = ismn.flags(Soil(moisture_pct=station.moisture_pct))
    asked = Ismn.C03 | Ismn.D01 | Ismn.D02 | Ismn.D03 | Ismn.D04 | Ismn.D05
    assert not (found & np.uint16(asked)).any()
    assert (found & np.uint16(Ismn.D06)).any()


def test_rain_is_not_asked_of_a_deep_probe(station: Soil) -> None:
    rain = np.zeros_like(station.moisture_pct)
    flags = [
        ismn.flags(Soil(moisture_pct=station.moisture_pct, rain_mm=rain, depth_m=np.array([[depth]])))
        for depth in (0.05, 0.10)
    ]
    assert [bool((one & np.uint16(Ismn.D04)).any()) for one in flags] == [True, False]


def test_a_row_is_flagged_alone_as_in_company(station: Soil) -> None:
    other = np.roll(station.moisture_pct, 100)
    together = ismn.flags(Soil(moisture_pct=np.concatenate([other, station.moisture_pct])))
    np.testing.assert_array_equal(together[1:], ismn.flags(Soil(moisture_pct=station.moisture_pct)))


def test_an_empty_block_has_no_flags() -> None:
    assert ismn.flags(Soil(moisture_pct=np.empty((0, 48)))).shape == (0, 48)
    assert ismn.flags(Soil(moisture_pct=np.full((2, 48), np.nan))).tolist() == [[Ismn.MISSING] * 48] * 2


@pytest.mark.parametrize(
    ("soil", "sand", "clay", "published"),
    [
        ("sand", 88, 5, 46),
        ("loamy sand", 80, 5, 46),
        ("sandy loam", 65, 10, 45),
        ("loam", 40, 20, 46),
        ("silt loam", 20, 15, 48),
        ("silt", 10, 5, 48),
        ("sandy clay loam", 60, 25, 43),
        ("clay loam", 30, 35, 48),
        ("silty clay loam", 10, 35, 51),
        ("silty clay", 10, 45, 52),
        ("sandy clay", 50, 40, 44),
        ("clay", 25, 50, 50),
    ],
)
def test_saturation_is_that_of_saxton_and_rawls_table_3(soil: str, sand: float, clay: float, published: int) -> None:
    found = saturation_pct(np.array([sand + 0.0]), np.array([clay + 0.0]), np.array([2.5]))
    assert round(float(found[0])) == published


@pytest.mark.parametrize(("sand", "clay", "organic"), [(30, 65, 2), (40, 20, 30), (70, 40, 2), (np.nan, 20, 2)])
def test_no_saturation_beyond_what_the_source_covers(sand: float, clay: float, organic: float) -> None:
    assert np.isnan(saturation_pct(np.array([sand + 0.0]), np.array([clay + 0.0]), np.array([organic + 0.0]))[0])


def test_frost_in_the_frozen_season_is_no_doubt() -> None:
    bits = np.array([[0, Ismn.D01 | Ismn.D02, Ismn.D01 | Ismn.D06, Ismn.C01 | Ismn.D01, Ismn.MISSING]], dtype=np.uint16)
    assert ismn.words(bits, np.ones(5, dtype=bool)).tolist() == [[0, 1, 2, 3, 4]]
    assert ismn.words(bits, np.zeros(5, dtype=bool)).tolist() == [[0, 2, 2, 3, 4]]


def test_the_frozen_season_runs_over_new_year() -> None:
    months = [np.datetime64(f"2025-{month:02}-15").astype("datetime64[us]").astype(np.int64) for month in range(1, 13)]
    assert np.flatnonzero(ismn.frozen_season(np.array(months))).tolist() == [0, 1, 2, 3, 10, 11]


def test_an_hour_reports_its_last_value_and_the_sum_of_its_rain() -> None:
    block = np.array([[1.0, 2.0, np.nan, np.nan, np.nan, np.nan, 7.0, 8.0, 9.0, 5.0]])
    np.testing.assert_array_equal(ismn.hourly(block, 3), [[2.0, np.nan, 9.0]])
    np.testing.assert_array_equal(ismn.hourly(block, 3, rain=True), [[3.0, np.nan, 24.0]])


def test_other_quantities_are_only_asked_for_their_range() -> None:
    found = ismn.in_range(np.array([[-61.0, 20.0, 61.0, np.nan]]), "soil_temperature_c")
    assert [names(bits) for bits in found[0].tolist()] == [["C01"], ["G"], ["C02"], []]
    assert ismn.in_range(np.array([[1e9]]), "illuminance_lx").tolist() == [[0]]

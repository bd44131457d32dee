import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.backtest import backtest
from gateway.errors import GatewayError

START = datetime(2027, 1, 1, tzinfo=UTC)
STEP_S = 300
DAYS = 20


def series(seed: int = 3, days: int = DAYS) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    at = np.arange(days * 86400 // STEP_S)
    return np.round(20 + 5 * np.sin(at * STEP_S * 2 * np.pi / 86400) + rng.normal(0, 0.3, at.size), 2)


def written(
    tmp_path: Path,
    *columns: NDArray[np.float64],
    style: str = "%Y-%m-%d %H:%M:%S",
    names: Sequence[str] = ("a", "b", "c"),
) -> Path:
    path = tmp_path / "series.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", *names[: len(columns)]])
        for row, values in enumerate(zip(*columns, strict=True)):
            when = START + timedelta(seconds=STEP_S * row)
            text = str(int(when.timestamp())) if style == "epoch" else when.strftime(style)
            writer.writerow([text, *("" if np.isnan(value) else value for value in values)])
    return path


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "rows.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_calm_series_stay_within_the_budget_of_alarms(tmp_path: Path) -> None:
    summary = backtest(written(tmp_path, series(), series(4)))
    assert summary.over_line <= 2 * 2.2 * DAYS / 30
    assert summary.series == ["a", "b"]
    assert summary.judged > 0.9 * 2 * summary.rows
    assert summary.step_s == STEP_S


@pytest.mark.parametrize("fault", ["flat line", "jump", "departure"])
def test_a_planted_fault_is_found_where_it_is_and_named(tmp_path: Path, fault: str) -> None:
    values = series()
    at = 4000
    if fault == "flat line":
        values[at : at + 200] = values[at]
    elif fault == "jump":
        values[at] += 15
    else:
        values[at : at + 60] -= np.linspace(0, 25, 60)
    summary = backtest(written(tmp_path, values), out=tmp_path / "out")
    flags = {flag for alert in summary.alerts for flag in alert.flags.split("+")}
    assert ("flat_line" if fault == "flat line" else "world") in flags
    times = [line["time"] for line in rows(tmp_path / "out")]
    for alert in summary.alerts[-1:]:
        assert at <= times.index(alert.start) <= at + 220
        assert alert.reason.startswith(tuple(flags))


def test_the_files_say_what_the_summary_says(tmp_path: Path) -> None:
    values = series()
    values[4000] += 15
    values[100:110] = np.nan
    out = tmp_path / "out"
    summary = backtest(written(tmp_path, values, series(9)), out=out)
    lines = rows(out)
    assert list(lines[0]) == ["time", "series", "value", "score", "flags", "reason"]
    assert len(lines) == 2 * summary.rows
    assert lines[105]["value"] == lines[105]["score"] == ""
    over = [line for line in lines if line["score"] and float(line["score"]) >= 1]
    assert len(over) == summary.over_line
    assert all(line["flags"] and line["reason"] for line in over)
    assert not any(line["flags"] for line in lines if line not in over)
    with (out / "alerts.csv").open(encoding="utf-8", newline="") as file:
        alerts = list(csv.DictReader(file))
    assert [alert["start"] for alert in alerts] == [alert.start for alert in summary.alerts]
    picture = (out / "picture.html").read_text("utf-8")
    assert picture.count("<svg") == 2
    assert "<script" not in picture
    assert "http" not in picture


def test_the_future_changes_no_score(tmp_path: Path) -> None:
    values = series()
    backtest(written(tmp_path, values), out=tmp_path / "whole")
    wild = values.copy()
    wild[4500:] = 500.0
    backtest(written(tmp_path, wild), out=tmp_path / "wild")
    backtest(written(tmp_path, values[:4500]), out=tmp_path / "cut")
    whole, other, cut = ([line["score"] for line in rows(tmp_path / name)][:4500] for name in ("whole", "wild", "cut"))
    assert whole == other == cut


def test_seconds_are_judged_by_means_of_five_minutes(tmp_path: Path) -> None:
    path = tmp_path / "fast.csv"
    rng = np.random.default_rng(2)
    values = 20 + 4 * np.sin(np.arange(9 * 1440) * 2 * np.pi / 1440) + rng.normal(0, 0.3, 9 * 1440)
    values[8 * 1440 : 8 * 1440 + 30] += 15
    rows_of_minutes = [f"{1_800_000_000 + 60 * i},{x:.2f}" for i, x in enumerate(values.tolist())]
    path.write_text("\n".join(["time,a", *rows_of_minutes]) + "\n", "utf-8")
    summary = backtest(path, out=tmp_path / "out")
    judged = [line for line in rows(tmp_path / "out") if line["score"] and "world" in line["flags"]]
    assert judged
    begins = 1_800_000_000 + 60 * 8 * 1440
    assert begins <= int(judged[-1]["time"]) <= begins + 3600
    assert summary.step_s == 60


@pytest.mark.parametrize("style", ["epoch", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+09:00", "%Y/%m/%d"])
def test_times_are_read_in_every_promised_way(tmp_path: Path, style: str) -> None:
    path = written(tmp_path, series(days=2), style=style)
    if style == "%Y/%m/%d":
        with pytest.raises(GatewayError, match=r"line 2: wanted a time .* got '2027/01/01'"):
            backtest(path)
    else:
        assert backtest(path).step_s == STEP_S


def test_columns_that_hold_no_numbers_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    path.write_text("time,place,x,none\n2027-01-01,lounge,1,\n2027-01-02,hall,2,\n", "utf-8")
    assert backtest(path).series == ["x"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: wanted a time column"),
        ("time\n1\n", "line 1: wanted a time column"),
        ("time,a,a\n1,2,3\n", "each once"),
        ("time,a\n", "line 2: wanted a row of values, got the end"),
        ("time,a\n1,2\n3\n", "line 3: wanted 2 cells, got 1"),
        ("time,a\n1,2\n\n3,x\n", "line 4: a: wanted a number, got 'x'"),
        ("time,a\nyesterday,2\n", "line 2: wanted a time (ISO 8601, or seconds since 1970), got 'yesterday'"),
        ("time,a\n1,2\nx,2\n", "line 3: wanted seconds since 1970, got 'x'"),
        ("time,a\n1767225600000,2\n", "wanted a time from 1970 to 2100"),
        ("time,a\n1,lounge\n", "wanted at least one column of numbers"),
        ("time,a\n0,1\n1,1\n2,1\n4000000000,1\n", "got gaps of years"),
    ],
)
def test_a_file_that_cannot_be_judged_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(GatewayError) as caught:
        backtest(path)
    assert told in str(caught.value)


def test_other_bytes_and_no_file_are_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(b"time,a\n1,\xff\xfe\n")
    with pytest.raises(GatewayError, match="UTF-8"):
        backtest(path)
    with pytest.raises(GatewayError, match="a file that can be read"):
        backtest(tmp_path / "none.csv")


def test_an_unknown_kind_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="wanted generic or a quantity"):
        backtest(written(tmp_path, series(days=1)), kind="weather")


def test_a_quantity_is_judged_by_the_rules_for_it(tmp_path: Path) -> None:
    values = series() + 10
    values[3000] = 140
    values[4000:4100] = values[4000]
    summary = backtest(written(tmp_path, values), kind="soil_moisture_vwc_pct")
    flags = {flag for alert in summary.alerts for flag in alert.flags.split("+")}
    assert {"value-impossible", "soil-stuck"} <= flags


def test_motion_is_judged_by_silence(tmp_path: Path) -> None:
    moves = np.ones(DAYS * 86400 // STEP_S)
    moves[5000:5200] = 0  # 16 hours and 40 minutes
    summary = backtest(written(tmp_path, moves), kind="motion", out=tmp_path / "out")
    assert [alert.flags for alert in summary.alerts] == ["silence"]
    assert summary.alerts[0].score >= 1


def test_rows_out_of_order_are_judged_in_order_of_time(tmp_path: Path) -> None:
    path = written(tmp_path, series(days=3))
    head, *lines = path.read_text("utf-8").splitlines()
    shuffled = tmp_path / "shuffled.csv"
    shuffled.write_text("\n".join([head, *reversed(lines)]) + "\n", "utf-8")
    backtest(path, out=tmp_path / "one")
    backtest(shuffled, out=tmp_path / "two")
    assert rows(tmp_path / "one") == rows(tmp_path / "two")


@pytest.mark.parametrize(
    "text", ["time,a\n1,2\n", "time,a\n1,\n", "time,a\n1,nan\n2,3\n", "\ufefftime;a;b\n1;2;3\n2;3;4\n"]
)
def test_short_and_odd_files_pass(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(text, "utf-8")
    if text == "time,a\n1,\n":
        with pytest.raises(GatewayError, match="column of numbers"):
            backtest(path)
    else:
        assert backtest(path, out=tmp_path / "out").alerts == []

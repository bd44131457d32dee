import json
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from gateway import cli, csvseries, rules
from gateway.compare import compare, told
from gateway.errors import GatewayError, SettingsError

STEP_S = 600
DAY = 86400 // STEP_S
SOIL = "soil_moisture_vwc_pct"
SHIPPED = (files("gateway") / "rules.toml").read_text("utf-8")


@pytest.fixture
def soil(tmp_path: Path) -> Path:
    rng = np.random.default_rng(8)
    at = np.arange(24 * DAY)
    values = 30 + np.sin(at * 2 * np.pi / DAY) + rng.normal(0, 0.2, at.size)
    values[18 * DAY : 18 * DAY + 80] = values[18 * DAY]
    values[20 * DAY : 20 * DAY + 3] = 140.0
    values[22 * DAY : 22 * DAY + 60] += 20
    path = tmp_path / "soil.csv"
    lines = [f"{1_800_000_000 + STEP_S * i},{x:.3f},{30 + i % 7 / 10}" for i, x in enumerate(values.tolist())]
    path.write_text("\n".join(["time,odd,calm", *lines]) + "\n", "utf-8")
    return path


def changed(tmp_path: Path, pattern: str, into: str) -> Path:
    text, count = re.subn(pattern, into, SHIPPED, count=1, flags=re.DOTALL)
    assert count == 1
    path = tmp_path / "other.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_same_rules_tell_the_same(soil: Path) -> None:
    found = compare(soil, SOIL, None, None)
    assert found.same >= 3
    assert (found.only_a, found.only_b, found.moved) == ([], [], [])


def test_a_rule_that_is_off_is_not_told_any_more(soil: Path, tmp_path: Path) -> None:
    other = changed(tmp_path, r'(id = "soil-stuck")', r"\1\nenabled = false")
    found = compare(soil, SOIL, None, other)
    assert {(one.rule, one.series) for one in found.only_a} == {("soil-stuck", "odd")}
    assert found.only_b == []
    back = compare(soil, SOIL, other, None)
    assert [one.rule for one in back.only_b] == [one.rule for one in found.only_a]


def test_a_longer_hold_moves_an_alert_and_a_very_long_one_drops_it(soil: Path, tmp_path: Path) -> None:
    later = compare(soil, SOIL, None, changed(tmp_path, r'(id = "soil-unusual".*?hold_s = )21600', r"\g<1>25200"))
    assert [(pair.after.rule, pair.later_s) for pair in later.moved] == [("soil-unusual", 3600)]
    never = compare(soil, SOIL, None, changed(tmp_path, r'(id = "soil-unusual".*?hold_s = )21600', r"\g<1>90000"))
    assert {one.rule for one in never.only_a} == {"soil-unusual"}


def test_the_stream_is_asked_by_its_own_rule(soil: Path) -> None:
    found = told(csvseries.in_order(csvseries.read(soil)), SOIL, rules.load())
    assert {"soil-unseen", "soil-stuck", "value-impossible"} <= {one.rule for one in found}


def test_what_cannot_be_compared_is_told_in_words(soil: Path, tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="wanted the quantity of the file"):
        compare(soil, "generic", None, None)
    with pytest.raises(GatewayError, match="wanted generic or a quantity"):
        compare(soil, "weather", None, None)
    broken = tmp_path / "broken.toml"
    broken.write_text("[[rule]]\nid = 3\n", "utf-8")
    with pytest.raises(SettingsError):
        compare(soil, SOIL, None, broken)


def test_the_command_says_it_in_lines_and_in_json(
    soil: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = changed(tmp_path, r'(id = "soil-stuck")', r"\1\nenabled = false")
    asked = ["backtest", "--compare", "shipped", str(other), str(soil), "--kind", SOIL]
    assert cli.main(asked) == 0
    assert "- A  soil-stuck  odd" in capsys.readouterr().out
    assert cli.main([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["only_a"][0]["rule"] == "soil-stuck"

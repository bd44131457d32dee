import json
import re
from itertools import pairwise
from typing import Any

import pytest
import yaml

from dashboards import fields
from dashboards.build import RENDERED, render
from dashboards.panels import DATASOURCE_UID, decimals
from dashboards.push import DATASOURCE_UID as PUSHED_UID
from firmware_bridge.quantity import QUANTITIES, quantity

TEXTS = render()
BOARDS: dict[str, dict[str, Any]] = {name: json.loads(text) for name, text in TEXTS.items()}
PROVISIONING = RENDERED.parent / "provisioning"


def _panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def test_what_is_committed_is_what_the_code_draws() -> None:
    committed = {path.name: path.read_text("utf-8") for path in RENDERED.glob("*.json")}
    assert committed == TEXTS, "run: python -m dashboards.build"


def test_both_languages_ask_the_same_and_say_it_differently() -> None:
    ja, en = BOARDS["fields-ja.json"], BOARDS["fields-en.json"]
    for one, other in zip(ja["panels"], en["panels"], strict=True):
        assert one["gridPos"] == other["gridPos"]
        assert [t["query"] for t in one.get("targets") or []] == [t["query"] for t in other.get("targets") or []]
    said = [panel["title"] for panel in en["panels"]]
    assert not re.search(r"[ぁ-んァ-ヶ一-龠]", "".join(said))
    assert len({panel["title"] for panel in ja["panels"]} & set(said)) == 0


@pytest.mark.parametrize("name", BOARDS)
def test_titles_units_and_digits_come_from_the_quantity(name: str) -> None:
    language = "ja" if name.endswith("-ja.json") else "en"
    for panel in _panels(BOARDS[name]):
        if panel["type"] != "timeseries":
            continue
        asked = re.findall(r'_measurement == "(\w+)"', panel["targets"][0]["query"])
        assert len(asked) == 1, "a chart shows one quantity, so that units never mix"
        one = quantity(asked[0])
        assert panel["title"].startswith(getattr(one, language))
        assert one.unit in panel["title"] or one.unit in {"1", "pH"}
        assert panel["fieldConfig"]["defaults"]["decimals"] == decimals(one)


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_ids_of_their_own_and_never_overlap(name: str) -> None:
    panels = BOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = sorted((p["gridPos"]["y"], p["gridPos"]["x"], p["gridPos"]["w"], p["gridPos"]["h"]) for p in panels)
    for (y, x, width, height), (next_y, next_x, _, _) in pairwise(places):
        assert next_y >= y + height or (next_y == y and next_x >= x + width)
        assert x + width <= 24


def test_only_devices_that_measure_soil_can_be_chosen() -> None:
    for board in BOARDS.values():
        (variable,) = board["templating"]["list"]
        asked = re.findall(r'_measurement == "(\w+)"', variable["query"]["query"])
        assert asked == list(fields.SOIL)
        assert all(name.startswith("soil_") for name in asked)
        for panel in _panels(board):
            assert "=~ /^${device:regex}$/" in panel["targets"][0]["query"]


def test_pushed_and_provisioned_datasource_are_the_one_the_panels_name() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources/satomori.yaml").read_text("utf-8"))["datasources"]
    assert source["uid"] == DATASOURCE_UID == PUSHED_UID
    assert source["jsonData"]["version"] == "Flux"
    assert source["secureJsonData"]["token"].startswith("$__file{"), "a secret comes from a file"


def test_digits_shown_are_enough_for_the_smallest_step_of_any_quantity() -> None:
    assert not [one.name for one in QUANTITIES.values() if round(one.step, decimals(one)) <= 0]

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from firmware_bridge import codecs, devices_page, explain
from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.wiring import WIRING

PAGE = Path(__file__).parents[2] / "docs" / "devices.md"
MODELS = [model for model, _codec in codecs.models().values()]


def test_the_page_of_devices_is_current() -> None:
    told = "print it again: python -m firmware_bridge.devices_page > docs/devices.md"
    assert PAGE.read_text("utf-8") == devices_page.page(), told


def test_the_command_prints_the_page() -> None:
    done = subprocess.run([sys.executable, "-m", "firmware_bridge.devices_page"], capture_output=True, check=True)
    assert done.stdout.decode("utf-8") == devices_page.page()


def test_every_model_stands_there_once_with_what_it_tells_and_cannot() -> None:
    text = devices_page.page()
    for model in MODELS:
        assert text.count(f"\n`{model.id}`\n") == 1
        entry = text.partition(f"\n`{model.id}`\n")[2].partition("\n### ")[0]
        for name in model.quantities:
            assert QUANTITIES[name].ja in entry
        assert model.cannot_ja in entry
        assert model.cannot_en in entry
        assert model.source in entry


def test_there_are_at_least_sixty_models_over_all_ten_kinds() -> None:
    assert len(MODELS) >= 60
    assert {kind for model in MODELS for kind in model.kinds} == set(devices_page.KINDS)
    assert len(devices_page.KINDS) == 10


@pytest.mark.parametrize("link", list(WIRING))
def test_wiring_is_told_in_both_languages_step_by_step(link: codecs.Link) -> None:
    wiring = WIRING[link]
    assert len(wiring.ja) == len(wiring.en) > 0
    assert all(step.isascii() or "–" in step or "…" in step or "Ω" in step or "−" in step for step in wiring.en)
    assert not any(step.isascii() for step in wiring.ja)


def test_every_link_a_model_can_have_has_its_wiring() -> None:
    assert set(WIRING) == set(codecs.Link.__args__)  # type: ignore[attr-defined]  # what a Literal is made of


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_a_profile_is_complete_as_data(model: codecs.Model) -> None:
    described = json.loads(json.dumps(explain.describe(model)))
    assert set(described["units"]) == set(model.quantities)
    assert set(described["resolution"]) | set(described["limits"]) <= set(model.quantities)
    assert all(low < high for low, high in described["limits"].values())
    assert all(step > 0 for step in described["resolution"].values())
    assert bool(described["battery_ja"]) == bool(described["battery_en"])
    assert described["wiring_ja"]
    if {"battery_v", "battery_pct"} & set(model.quantities):
        assert described["battery_ja"]


def test_nobody_has_guessed_a_certification_number() -> None:
    for model in MODELS:
        assert model.certification == ""


def test_a_profile_cannot_give_limits_of_what_it_does_not_tell() -> None:
    model = MODELS[0]
    with pytest.raises(ValueError, match="does not tell"):
        codecs.Model(**{**msgspec.structs.asdict(model), "limits": {"wind_speed_m_s": (0, 1)}})

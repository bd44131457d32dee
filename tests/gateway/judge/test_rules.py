from pathlib import Path

import pytest

from firmware_bridge.quantity import QUANTITIES
from gateway import rules
from gateway.alerts.words import LANGS, fill, flaws
from gateway.errors import SettingsError

GOOD = """
[[rule]]
id = "frost"
detector = "range"
quantities = ["air_temperature_c"]
subject = "device"
severity = "watch"
settings = { low = 2 }
title_ja = "霜"
title_en = "Frost"
reason_ja = "{value:.1f} °C"
reason_en = "{value:.1f} °C"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(text, "utf-8")
    return path


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        rules.load(written(tmp_path, text))
    return [f"{one.key}: {one.wanted} / {one.got}" for one in caught.value.mistakes]


def test_the_shipped_rules_are_sound() -> None:
    shipped = rules.load()
    assert {rule.id for rule in shipped} >= {"roof-load-danger", "home-silence", "soil-stuck", "gateway-blind"}
    assert shipped[0].supersedes


def test_no_shipped_rule_says_clear_the_roof_at_a_load() -> None:
    for rule in rules.load():
        if rule.site_kind == "roof":
            assert rule.settings["ratio"] < 1
            assert "{percent" in rule.reason_ja


def test_every_shipped_text_stands_in_both_languages_with_the_same_numbers() -> None:
    for rule in rules.load():
        for ja, en in ((rule.title_ja, rule.title_en), (rule.reason_ja, rule.reason_en)):
            assert ja
            assert en
            assert not flaws(ja) + flaws(en)
            assert (set(ja.split("{")[1:]) and set(en.split("{")[1:])) or "{" not in ja + en


def test_what_is_heard_is_never_a_persons_alert() -> None:
    for rule in rules.load():
        if rule.detector == "unheard":
            assert rule.severity == "tech"
            assert rule.subject in ("device", "node", "gateway")


def test_a_rule_of_ones_own_is_read(tmp_path: Path) -> None:
    (rule,) = rules.load(written(tmp_path, GOOD))
    detector = rules.build(rule, "", 600)
    assert detector.context == 0


def test_a_rule_that_is_switched_off_is_left_out(tmp_path: Path) -> None:
    assert rules.load(written(tmp_path, GOOD + "enabled = false\n")) == ()


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        """
        extra = 1
        [[rule]]
        id = "Frost!"
        detector = "range"
        subject = "everybody"
        severity = "urgent"
        hold_s = -1
        colour = "red"
        title_ja = "霜"
        title_en = "Frost"
        reason_ja = "x"
        """,
    )
    assert {one.split(":")[0] for one in found} == {
        "extra",
        *(f"rule.Frost!.{name}" for name in ("id", "subject", "hold_s", "colour", "reason_en")),
    }


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"air_temperature_c"', '"air_temprature_c"', "a known quantity / 'air_temprature_c'"),
        ('detector = "range"', 'detector = "wizard"', "'wizard'"),
        ("low = 2", "lwo = 2", "an unknown key"),
        ("low = 2", "low = 5, high = 1", "low to be under high"),
        ("low = 2", 'low = "cold"', "'cold'"),
        ("{value:.1f} °C", "{value:.1f °C", "every { with its }"),
        ("{value:.1f} °C", "{value:banana}", "a known form"),
        ("{value:.1f} °C", "{value.__class__}", "holes like {name}"),
        ('subject = "device"', 'subject = "node"', "site or device / node"),
        ('detector = "range"', 'detector = "silence"', '"home" for silence'),
        ('severity = "watch"', 'severity = "watch"\nsupersedes = ["nobody"]', "another rule's id / 'nobody'"),
    ],
)
def test_a_mistake_says_what_was_wanted_and_got(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert any(told in one for one in mistakes(tmp_path, GOOD.replace(old, new)))


def test_two_rules_of_one_id_are_a_mistake(tmp_path: Path) -> None:
    assert mistakes(tmp_path, GOOD + GOOD) == ["rule.frost: an id of its own / 2 rules of that id"]


def test_events_are_quiet_by_nature_and_never_stuck(tmp_path: Path) -> None:
    for name in (name for name, quantity in QUANTITIES.items() if quantity.kind in ("event", "state")):
        text = GOOD.replace("air_temperature_c", name).replace('"range"', '"flat_line"').replace("low = 2", "")
        assert any("quiet by nature" in one for one in mistakes(tmp_path, text))


@pytest.mark.parametrize("text", ["rule = 5", "[[rule]]\nid = 3", "[rule]\na = 1", "not toml at all ["])
def test_any_other_file_is_told_in_words(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text)


def test_a_missing_file_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="a file that can be read"):
        rules.load(tmp_path / "none.toml")


def test_an_example_of_every_reason_reads_well() -> None:
    numbers = {
        "value": 540.4,
        "percent": 90.1,
        "limit": 600.0,
        "quiet_s": 18600.0,
        "usual_s": 8400.0,
        "flat_s": 21600.0,
    }
    for rule in rules.load():
        for lang in LANGS:
            text = fill(rule.reason_ja if lang == "ja" else rule.reason_en, numbers, lang)
            assert "None" not in text

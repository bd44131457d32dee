from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerts import Alert
from gateway.alerts.words import Phrases, clock, duration, fill, flaws, words

NOON_US = 1_799_982_000_000_000  # 2027-01-15, 12:00 in Japan
HOUR_US = 3_600_000_000


@pytest.mark.parametrize(
    ("seconds", "ja", "en"),
    [
        (0, "0分", "0 min"),
        (59 * 60, "59分", "59 min"),
        (3600, "1時間", "1 h"),
        (18600, "5時間10分", "5 h 10 min"),
        (86400 * 1.5, "36時間", "36 h"),
        (86400 * 2, "2日", "2 d"),
        (86400 * 2 + 3 * 3600, "2日3時間", "2 d 3 h"),
        (-5, "0分", "0 min"),
    ],
)
def test_durations_are_said_as_a_colleague_would(seconds: float, ja: str, en: str) -> None:
    assert (duration(seconds, "ja"), duration(seconds, "en")) == (ja, en)


def test_clock_times_carry_the_date_only_on_another_day() -> None:
    assert clock(NOON_US - 4 * HOUR_US, "ja", now_us=NOON_US) == "8:00"
    assert clock(NOON_US - 4 * HOUR_US, "en", now_us=NOON_US) == "08:00"
    assert clock(NOON_US - 13 * HOUR_US, "ja", now_us=NOON_US) == "1/14(木) 23:00"
    assert clock(NOON_US - 13 * HOUR_US, "en", now_us=NOON_US) == "Thu 14 Jan 23:00"


def test_the_towns_own_zone_is_used() -> None:
    assert clock(NOON_US, "en", ZoneInfo("UTC"), now_us=NOON_US) == "03:00"


def test_numbers_take_their_form() -> None:
    numbers = {"value": 540.44, "low": -12.5, "place_ja": "居間", "place_en": "lounge", "hour": 17.5}
    text = "{value:.0f}|{low:.1f}|{place}|{hour:hour}"
    assert fill(text, numbers, "ja") == "540|−12.5|居間|17時台"
    assert fill(text, numbers, "en") == "540|−12.5|lounge|17:00"


@given(st.text(max_size=60), st.dictionaries(st.text(max_size=5), st.floats() | st.text(max_size=5), max_size=4))
def test_words_never_fail(text: str, numbers: dict[str, float | str]) -> None:
    assert isinstance(fill(text, numbers, "ja"), str)
    assert isinstance(flaws(text), list)


def test_a_number_that_is_not_there_shows_its_name_and_one_that_is_none_a_dash() -> None:
    assert fill("{gone:.1f} {bad:.1f} {odd:clock}", {"bad": float("nan"), "odd": 1e300}, "en") == "{gone} — 1e+300"


def test_no_text_reaches_into_objects() -> None:
    assert fill("{value.__class__} {0} {value!r}", {"value": 1.0}, "en") == "{value.__class__} {0} {value!r}"


def alert(**numbers: float | str) -> Alert:
    return Alert(
        id=1,
        number="2027-0115-01",
        rule="quiet",
        subject="home-a07",
        subject_kind="home",
        severity="urgent",
        state="firing",
        seen_us=NOON_US,
        fired_us=NOON_US,
        numbers=numbers,
    )


PHRASES = Phrases(
    title_ja="静か",
    title_en="Quiet",
    reason_ja="{quiet_s:duration}、ふだんは{usual_s:duration}",
    reason_en="{quiet_s:duration}, usually {usual_s:duration}",
    fallback_ja="{quiet_s:duration}、まだ学習中",
    fallback_en="{quiet_s:duration}, still learning",
)


def test_a_number_not_known_yet_brings_the_other_sentence() -> None:
    assert words(alert(quiet_s=7200.0), PHRASES, "ja").reason == "2時間、まだ学習中"
    assert words(alert(quiet_s=7200.0, usual_s=3600.0), PHRASES, "en").reason == "2 h, usually 1 h"


def test_an_alert_whose_rule_is_gone_is_still_shown() -> None:
    assert words(alert(), None, "ja").title == "quiet"

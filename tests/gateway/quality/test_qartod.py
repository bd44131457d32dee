import json

import numpy as np
import pytest
from numpy.typing import NDArray
from repository import ROOT

from gateway.detect import Block
from gateway.quality import qartod
from gateway.quality.qartod import Span, Word, Words

GOLDEN = json.loads((ROOT / "tests" / "data" / "qartod" / "ioos_qc.json").read_text("utf-8"))
GOOD, UNKNOWN, SUSPECT, FAIL, MISSING = Word.GOOD, Word.UNKNOWN, Word.SUSPECT, Word.FAIL, Word.MISSING
MONTHS = np.full((1, 12, 2), np.nan)
NAN = np.nan


def answers(values: Block, times_s: NDArray[np.float64]) -> dict[str, Words]:
    january, wide = MONTHS.copy(), MONTHS.copy()
    january[0, 0], wide[0, 0] = (0, 30), (-20, 45)
    month = np.ones(values.shape[1], dtype=np.int64)
    return {
        "gross_range": qartod.gross_range(values, Span(-30, 50), Span(0, 30)),
        "climatology": qartod.climatology(values, month, january, wide),
        "spike_average": qartod.spike(values, 2, 4),
        "spike_differential": qartod.spike(values, 2, 4, "differential"),
        "rate_of_change": qartod.rate_of_change(values, times_s, 3 / 600, 6 / 600),
        "flat_line": qartod.flat_line(values, times_s, 7200, 14400, 0.105),
        "attenuated_std": qartod.attenuated(values, times_s, 7200, 0.2, 0.05, least=6),
        "attenuated_range": qartod.attenuated(values, times_s, 7200, 0.7, 0.2, measure="range", least=6),
    }


@pytest.mark.parametrize("series", ["whole", "with_gaps"])
@pytest.mark.parametrize("test", GOLDEN["whole"]["flags"])
def test_the_words_are_those_of_ioos_qc_but_where_we_differ_on_purpose(series: str, test: str) -> None:
    values = np.array([[NAN if value is None else value for value in GOLDEN[series]["values"]]])
    times_s = GOLDEN["times_start_s"] + GOLDEN["step_s"] * np.arange(values.shape[1], dtype=np.float64)
    ours, theirs = answers(values, times_s)[test][0], np.array(GOLDEN[series]["flags"][test])
    differs = ours != theirs
    missing = np.isnan(values[0])
    if test == "climatology":  # they call a missing value good
        differs &= ~missing
    if test == "rate_of_change":  # they call the first value, and the one after a gap, good unseen
        differs[0] = False
        differs[1:] &= ~missing[:-1]
    if test == "flat_line":  # they call what is too young to judge good
        differs &= ours != UNKNOWN
    if test == "attenuated_range":  # to them a window with one missing value has no range
        differs &= theirs != UNKNOWN
    assert not differs.any()


def test_flat_line_finds_equal_values_without_a_tolerance() -> None:
    block = np.array([[1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 3.0]])
    found = qartod.flat_line(block, 600.0 * np.arange(7), 1200, 2400, 0)
    assert found.tolist() == [[UNKNOWN, GOOD, GOOD, SUSPECT, SUSPECT, FAIL, GOOD]]


def test_a_pause_makes_no_value_flat() -> None:
    times_s = np.array([0.0, 600, 1200, 90_000, 90_600])
    found = qartod.flat_line(np.array([[1.0, 2.0, 3.0, 5.0, 5.0]]), times_s, 1800, 3600, 0)
    assert found[0, 3:].tolist() == [GOOD, GOOD]


def test_a_steep_rise_is_no_differential_spike() -> None:
    block = np.array([[0.0, 0.0, 5.0, 10.0, 10.0, 16.0, 10.0, 10.0]])
    assert qartod.spike(block, 2, 4)[0, 1:-1].tolist() == [SUSPECT, GOOD, SUSPECT, SUSPECT, FAIL, SUSPECT]
    assert qartod.spike(block, 2, 4, "differential")[0, 1:-1].tolist() == [GOOD, GOOD, GOOD, GOOD, FAIL, GOOD]


def test_a_rate_is_measured_over_a_gap() -> None:
    found = qartod.rate_of_change(np.array([[1.0, NAN, 3.0, 9.0]]), 600.0 * np.arange(4), 2 / 600, 5 / 600)
    assert found.tolist() == [[UNKNOWN, MISSING, GOOD, FAIL]]


def test_late_values_follow_a_gap() -> None:
    found = qartod.gap(np.array([[1.0, 1.0, NAN, 1.0, NAN, NAN, NAN, 1.0]]), 600.0 * np.arange(8), 900, 1800)
    assert found.tolist() == [[UNKNOWN, GOOD, MISSING, SUSPECT, MISSING, MISSING, MISSING, FAIL]]


def test_a_month_without_limits_is_not_judged() -> None:
    limits = MONTHS.copy()
    limits[0, 0] = (-20, 5)
    found = qartod.climatology(np.array([[3.0, 9.0, 9.0]]), np.array([1, 1, 2]), limits)
    assert found.tolist() == [[GOOD, SUSPECT, UNKNOWN]]


def test_the_odd_one_of_a_site_is_named_and_not_its_neighbours() -> None:
    block = np.array([[20.0, 21.0], [20.5, 21.4], [20.2, 26.0], [5.0, 5.0], [5.0, NAN]])
    site = np.array([1, 1, 1, 2, 2])
    usual = np.zeros((5, 1))
    found = qartod.neighbours(block, site, usual, 2, 4)
    assert found.tolist() == [[GOOD, GOOD], [GOOD, GOOD], [GOOD, FAIL], [UNKNOWN, UNKNOWN], [UNKNOWN, MISSING]]


def test_the_usual_distance_of_a_probe_is_not_held_against_it() -> None:
    block = np.array([[20.0], [20.0], [28.0]])
    found = qartod.neighbours(block, np.zeros(3, dtype=np.int64), np.array([[0.0], [0.0], [8.0]]), 2, 4)
    assert found[2].tolist() == [GOOD]


def test_the_worst_word_wins_and_missing_stays_missing() -> None:
    one = np.array([[GOOD, GOOD, UNKNOWN, MISSING]], dtype=np.uint8)
    other = np.array([[SUSPECT, UNKNOWN, FAIL, MISSING]], dtype=np.uint8)
    assert qartod.worst(one, other).tolist() == [[SUSPECT, GOOD, FAIL, MISSING]]


def test_empty_blocks_pass_every_test() -> None:
    for shape in ((0, 5), (3, 0)):
        for words in answers(np.empty(shape), 600.0 * np.arange(shape[1])).values():
            assert words.shape == shape


def test_a_row_is_answered_alone_as_in_company() -> None:
    rng = np.random.default_rng(3)
    block = 15 + rng.normal(0, 2, (4, 300)).round(1)
    block[rng.random(block.shape) < 0.1] = NAN
    times_s = 600.0 * np.arange(300)
    together = answers(block, times_s)
    for test, words in answers(block[[2]], times_s).items():
        np.testing.assert_array_equal(words[0], together[test][2])

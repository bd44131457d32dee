from pathlib import Path

import numpy as np
import pytest
from bench import nab

from gateway.backtest import backtest
from gateway.unusual import Tuning

DATA = Path(__file__).parents[2] / "data" / "nab"
LINE = np.array([0.5])


def made(rows: int = 2000, windows: tuple[tuple[int, int], ...] = ((1000, 1099), (1500, 1599))) -> nab.File:
    return nab.File("made", "made", np.arange(rows) * 300, np.zeros(rows), list(windows))


def scored(file: nab.File, alarms: list[int], profile: str = "standard") -> float:
    scores = np.zeros(file.values.size)
    scores[alarms] = 1
    return float(nab.score([file], [nab.account(file, scores, LINE)], profile)[0])


def test_the_sigmoid_is_the_published_one() -> None:
    assert nab.worth(np.array([-1.0, 0.0, 1.0, 3.1])) == pytest.approx([0.98661, 0.0, -0.98661, -1.0], abs=1e-5)


@pytest.mark.parametrize("profile", nab.PROFILES)
def test_silence_scores_0_and_the_earliest_alarm_of_every_window_100(profile: str) -> None:
    file = made()
    assert scored(file, [], profile) == 0
    assert scored(file, [1000, 1500], profile) == pytest.approx(100)


def test_later_alarms_in_a_window_are_free_and_late_ones_are_worth_less() -> None:
    file = made()
    assert scored(file, [1000, 1001, 1099, 1500]) == pytest.approx(100)
    assert 50 < scored(file, [1000, 1580]) < scored(file, [1000, 1520]) < 100


@pytest.mark.parametrize(("profile", "cost"), [("standard", 0.11), ("low FP", 0.22)])
def test_an_alarm_before_any_window_costs_its_whole_weight(profile: str, cost: float) -> None:
    file = made()
    assert 100 - scored(file, [900, 1000, 1500], profile) == pytest.approx(100 * cost / 4)


def test_an_alarm_shortly_behind_a_window_costs_little() -> None:
    file = made()
    near, far = scored(file, [1000, 1101, 1500]), scored(file, [1000, 1499, 1500])
    assert 99.5 < near < 100
    assert far == pytest.approx(100 - 100 * 0.11 / 4)


def test_the_first_rows_are_not_scored() -> None:
    assert scored(made(), [0, 299]) == 0
    assert nab.unscored(2000) == 300
    assert nab.unscored(20_000) == 750


def test_the_judge_and_the_backtest_find_what_others_have_labelled(tmp_path: Path) -> None:
    files = nab.read(DATA)
    accounts = [nab.account(file, nab.judged(file, Tuning())[:, 0]) for file in files]
    assert float(nab.score(files, accounts)[nab.SHIPPED]) > 70
    for file, one in zip(files, accounts, strict=True):
        summary = backtest(DATA / "data" / file.name, out=tmp_path)
        inside = [
            any(file.seconds[a] <= alert.start_us / 1e6 <= file.seconds[b] for a, b in file.windows)
            for alert in summary.alerts
        ]
        assert sum(inside) >= one.found[nab.SHIPPED] > 0


def test_a_draw_of_shaken_numbers_is_judged_as_it_would_be_alone() -> None:
    file = nab.read(DATA)[1]
    tuning = nab.shaken(3)
    together = nab.judged(file, tuning, 3)
    alone = Tuning(
        **{name: float(getattr(tuning, name)[1]) for name in Tuning.__struct_fields__ if not name.startswith("mute")},
    )
    np.testing.assert_allclose(together[:, 1], nab.judged(file, alone)[:, 0], rtol=1e-3, atol=1e-4)

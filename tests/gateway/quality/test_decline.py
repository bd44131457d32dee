import numpy as np

from gateway.quality import decline, qartod

DAYS = 120


def test_a_median_day_needs_a_quarter_of_its_values() -> None:
    block = np.full((1, 12), np.nan)
    block[0, :4] = [1, 2, 3, 100]
    block[0, 8] = 5
    np.testing.assert_array_equal(decline.daily_medians(block, 4), [[2.5, np.nan, 5.0]])
    np.testing.assert_array_equal(decline.daily_medians(block, 6), [[2.5, np.nan]])


def test_a_battery_is_given_the_days_it_has_left() -> None:
    rng = np.random.default_rng(1)
    falls = 3.6 - 0.005 * np.arange(30) + rng.normal(0, 0.005, 30)
    daily = np.array([falls, np.full(30, 3.6), np.full(30, 2.9), np.full(30, np.nan)])
    left = decline.days_left(daily, np.full((4, 1), 3.0))[:, 0]
    assert 75 < left[0] < 110
    assert left[1] == np.inf
    assert left[2] == 0
    assert np.isnan(left[3])


def test_one_wrong_day_in_four_moves_no_slope() -> None:
    daily = (3.6 - 0.01 * np.arange(28))[None, :].copy()
    daily[0, ::4] = 2.0
    daily[0, 1::7] = np.nan
    assert abs(decline.slopes(daily)[0, 0] + 0.01) < 0.002


def test_a_battery_is_not_emptied_by_the_cold() -> None:
    rng = np.random.default_rng(2)
    cold = np.linspace(15, -20, 30)[None, :] + rng.normal(0, 1, (1, 30))
    shown = 3.6 - 0.006 * (20 - cold)
    empty = np.array([[3.0]])
    assert decline.days_left(shown, empty)[0, 0] < 100
    assert decline.days_left(shown, empty, cold=cold, per_degree=0.006)[0, 0] > 1000


def test_a_fading_link_is_measured_against_its_own_past() -> None:
    rng = np.random.default_rng(3)
    daily = -90 + rng.normal(0, 1, (3, 30))
    daily[1, -3:] -= 12
    daily[2, :-4] = np.nan
    weaker = decline.weaker_than_usual(daily)[:, 0]
    assert abs(weaker[0]) < 3
    assert 9 < weaker[1] < 15
    assert np.isnan(weaker[2])


def probes(seed: int, ramp_per_day: float) -> tuple[np.ndarray, np.ndarray]:
    """(daily distances, site): 30 fields of four soil probes; the first probe of each drifts from day 40 on."""
    rng = np.random.default_rng(seed)
    site = np.repeat(np.arange(30), 4)
    shared = 25 + np.cumsum(rng.normal(0, 0.6, (30, DAYS)), axis=1)
    daily = shared[site] + rng.normal(0, 2, (120, 1)) + rng.normal(0, 0.3, (120, DAYS))
    daily[::4, 40:] += ramp_per_day * np.arange(DAYS - 40)
    return qartod.distance_from_site(daily, site), site


def test_a_slow_ramp_is_seen_against_the_neighbours() -> None:
    distance, _ = probes(4, ramp_per_day=0.1)
    score = decline.drift_from_neighbours(distance)
    found = score[::4] >= 12
    assert not found[:, :40].any()
    delay = np.where(found.any(axis=1), np.argmax(found, axis=1) - 40, 999)
    assert np.median(delay) <= 16
    assert (delay <= 21).mean() > 0.9


def test_neighbours_that_only_differ_do_not_drift() -> None:
    distance, _ = probes(5, ramp_per_day=0.0)
    score = decline.drift_from_neighbours(distance)
    assert (np.nanmax(score, axis=1) >= 12).mean() < 0.02


def test_a_day_without_neighbours_is_not_judged() -> None:
    distance, _ = probes(6, ramp_per_day=0.0)
    distance[0, 60:70] = np.nan
    assert np.isnan(decline.drift_from_neighbours(distance)[0, 60:70]).all()

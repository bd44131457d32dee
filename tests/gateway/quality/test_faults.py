import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.detect import Block
from gateway.quality import signatures
from gateway.quality.fault_terms import Code
from gateway.quality.faults import FaultSet
from gateway.quality.floors import FLOORS, floors
from gateway.quality.signatures import Signature

STEP_S = 600.0
DAY = 144


def town(series: int, days: int, seed: int = 1) -> Block:
    """Air temperatures of different places: a day's rhythm, a week's weather, the noise of a sensor. 0.1 °C steps."""
    rng = np.random.default_rng(seed)
    at = np.arange(days * DAY)
    weather = np.cumsum(rng.normal(0, 0.03, (series, at.size)), axis=1)
    rhythm = rng.uniform(2, 6, (series, 1)) * np.sin(2 * np.pi * (at / DAY + rng.random((series, 1))))
    noise = rng.normal(0, 1, (series, at.size)) * rng.uniform(0.03, 0.15, (series, 1))
    block: Block = (10 + weather + rhythm + noise).round(1)
    return block


def judged(block: Block, fault_set: FaultSet | None = None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(codes, signatures) [series × time]."""
    fault_set = fault_set or FaultSet(block.shape[0])
    codes, named = (np.zeros(block.shape, dtype=np.uint8) for _ in range(2))
    for column in range(block.shape[1]):
        codes[:, column] = fault_set.step(block[:, column], STEP_S)
        named[:, column] = signatures.named(fault_set.state, codes[:, column])
    return codes, named


def test_a_clean_month_is_silent_for_nearly_everybody() -> None:
    codes, _ = judged(town(100, 30))
    starts = (codes[:, 1:] > 0) & (codes[:, :-1] == 0)
    assert starts.sum() / (100 * 30 / 7) < 0.1  # episodes a series-week


def test_a_wild_value_is_wild_and_its_return_is_good() -> None:
    block = town(20, 6)
    block[:, 700] += 15
    codes, named = judged(block)
    assert (codes[:, 700] == Code.WILD).all()
    assert not codes[:, 701:710].any()
    assert (named[:, 700] == Signature.WILD).all()


def test_an_offset_lasts_until_the_value_comes_back() -> None:
    block = town(20, 6)
    block[:, 700:760] += 30
    codes, named = judged(block)
    assert (codes[:, 703:760] == Code.OFFSET).mean() > 0.95
    assert (codes[:, 765] == 0).mean() > 0.8  # the night has moved on meanwhile: some are doubted a little longer
    assert not codes[:, 790].any()
    assert (named[:, 740:760] == Signature.BIAS).mean() > 0.9


def test_noise_is_found_within_three_hours_and_ends_with_the_burst() -> None:
    block = town(20, 6)
    block[:, 600:700] += np.random.default_rng(3).normal(0, 2, (20, 100)).round(1)
    codes, named = judged(block)
    assert (codes[:, 618:700] > 0).mean() > 0.9
    assert (codes[:, 730:] > 0).mean() < 0.02
    assert np.isin(named[:, 618:700][codes[:, 618:700] == Code.NOISE], [Signature.NOISE]).all()


def test_a_stuck_sensor_is_named_as_soon_as_it_has_been_still_for_too_long() -> None:
    block = town(20, 6)
    block[:, 600:] = block[:, [600]]
    codes, named = judged(block)
    first = np.argmax(codes[:, 600:] == Code.STUCK, axis=1) * STEP_S
    assert (first >= 7200 - 2 * STEP_S).all()  # it may have rested a little before
    assert (first <= 7200 * 2).all()
    assert (named[:, -1] == Signature.STUCK).all()


def test_a_channel_that_never_moved_is_not_connected_and_not_stuck() -> None:
    codes, _ = judged(np.zeros((3, 1000)))
    assert not codes.any()


def test_an_honest_leap_is_believed_once_it_has_been_calm() -> None:
    block = town(20, 8)
    block[:, 700:] += 3  # a heater, and it stays
    codes, _ = judged(block)
    assert (codes[:, 700] > 0).mean() > 0.5
    assert (codes[:, 745:] == 0).mean() > 0.99


def test_noise_that_stays_becomes_usual_within_a_week() -> None:
    block = town(10, 16)
    block[:, 3 * DAY :] += np.random.default_rng(4).normal(0, 1.0, (10, 13 * DAY)).round(1)
    codes, _ = judged(block)
    assert (codes[:, 3 * DAY + 20 : 3 * DAY + 60] > 0).mean() > 0.5
    assert (codes[:, -2 * DAY :] > 0).mean() < 0.05


def test_the_future_changes_nothing_and_neither_does_company() -> None:
    block = town(6, 6)
    block[:, 500:520] += 9
    block[np.random.default_rng(5).random(block.shape) < 0.1] = np.nan
    whole, _ = judged(block)
    np.testing.assert_array_equal(judged(block[:, :510])[0], whole[:, :510])
    np.testing.assert_array_equal(judged(block[[4]])[0][0], whole[4])


def test_a_missing_value_is_no_fault_and_changes_nothing_learned() -> None:
    fault_set = FaultSet(1)
    judged(town(1, 3), fault_set)
    before = {name: array.copy() for name, array in fault_set.state.items()}
    assert fault_set.step(np.array([np.nan]), STEP_S).tolist() == [Code.GOOD]
    changed = {
        name for name, array in fault_set.state.items() if not np.array_equal(array, before[name], equal_nan=True)
    }
    assert changed <= {"age_s", "known_s", "since_s", "run_s", "last_age_s"}


def quiet_room() -> Block:
    rng = np.random.default_rng(6)
    at = np.arange(7 * DAY)
    return (22 + 1.5 * np.sin(2 * np.pi * at / DAY) + rng.normal(0, 0.03, at.size)).round(2)[None, :]


def test_leaps_of_one_size_are_a_bad_connection_and_in_the_damp_a_humid_housing() -> None:
    block = quiet_room()
    block[0, [700, 701, 709]] -= 24.7
    fault_set = FaultSet(1)
    codes, named = judged(block[:, :710], fault_set)
    assert codes[0, [700, 701, 709]].all()
    assert named[0, [700, 709]].tolist() == [Signature.WILD, Signature.BAD_CONNECTION]
    damp = signatures.named(fault_set.state, codes[:, 709], humid=np.array([True]))
    assert damp.tolist() == [Signature.HUMID_HOUSING]


def test_a_swelling_that_goes_back_is_a_short_circuit() -> None:
    block = quiet_room()
    block[0, 700:707] += [1.9, 6.7, 7.5, 7.8, 8.5, 5.7, 2.2]
    codes, named = judged(block)
    assert codes[0, 701:706].all()
    assert named[0, 705] == Signature.SHORT_CIRCUIT
    assert not codes[0, 712:].any()


def test_a_thermometer_at_the_end_of_its_scale_is_named_so() -> None:
    block = np.array([[1.2, 0.0, 0.0, 0.0, 0.1, 0.0], [5.0, 5.0, 5.0, 5.0, 5.0, 5.0]])
    low, high = np.array([[0.0], [np.nan]]), np.array([[40.0], [np.nan]])
    found = signatures.at_range_limit(block, low, high, 0.1)
    assert found.tolist() == [[False, False, False, True, False, False], [False] * 6]
    named = signatures.named(FaultSet(2).state, np.zeros(2, dtype=np.uint8), at_limit=found[:, 3])
    assert named.tolist() == [Signature.AT_RANGE_LIMIT, Signature.NONE]


@pytest.mark.parametrize("quantity", [*FLOORS, "soil_ec_us_cm", "not a quantity"])
def test_every_quantity_has_floors(quantity: str) -> None:
    assert min(floors(quantity)) > 0


def test_nothing_is_asked_of_no_series() -> None:
    assert FaultSet(0).step(np.empty(0), STEP_S).shape == (0,)

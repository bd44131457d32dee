import pytest

from gateway.snow import depth_cm, echo_factor


@pytest.mark.parametrize(("air_c", "factor"), [(-20, 0.9627), (-10, 0.9815), (0, 1.0), (10, 1.0181)])
def test_the_echo_factor_is_the_speed_of_sound_against_that_at_freezing(air_c: float, factor: float) -> None:
    assert echo_factor(air_c) == pytest.approx(factor, abs=5e-5)


def test_depth_is_mount_less_distance_in_centimetres() -> None:
    assert depth_cm(2000, 3000) == 100.0
    assert depth_cm(3000, 3000) == 0.0


def test_an_uncorrected_three_metres_at_minus_twenty_is_112_mm_wrong() -> None:
    wrong_mm = (depth_cm(3000, 4000, -20.0) - depth_cm(3000, 4000)) * 10
    assert wrong_mm == pytest.approx(112, abs=0.5)


def test_mown_grass_is_a_negative_depth_and_not_hidden() -> None:
    assert depth_cm(3050, 3000) == -5.0

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import codecs, modbus
from firmware_bridge.errors import DecodeError, FrameError
from firmware_bridge.reading import Reading

SEVEN, SEEED = "generic/rs485-soil-7in1", "seeed/s-soil-mtec-02"
TENTHS_C = st.integers(-350, 450)


def refused(model: str, payload: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        codecs.decode(model, 0, payload)
    assert caught.value.code == "implausible"
    return caught.value.detail


@given(st.floats(-35, 45), st.floats(8.1, 60), st.integers(10, 3000), st.floats(2, 60))
def test_a_seeed_probe_in_any_moist_soil_never_passes_for_a_7_in_1(
    temperature_c: float, moisture_pct: float, ec: int, permittivity: float
) -> None:
    readings = (
        Reading("soil_temperature_c", temperature_c),
        Reading("soil_moisture_vwc_pct", moisture_pct),
        Reading("soil_ec_us_cm", ec),
        Reading("soil_permittivity", permittivity),
    )
    assert "Seeed" in refused(SEVEN, codecs.encode(SEEED, 0, readings))


@given(st.integers(50, 600), TENTHS_C.filter(bool), st.integers(10, 3000), st.integers(35, 90), st.integers(1, 89))
def test_a_7_in_1_probe_with_usual_phosphorus_never_passes_for_a_seeed(
    moisture: int, temperature: int, ec: int, ph: int, phosphorus: int
) -> None:
    registers = (moisture, temperature & 0xFFFF, ec, ph, 20, phosphorus)
    assert "7-in-1" in refused(SEEED, modbus.encode_response(1, 3, registers))


@given(st.integers(0, 1000), TENTHS_C, st.integers(0, 20000), st.integers(30, 100), st.integers(0, 2000))
def test_a_7_in_1_probe_is_read_by_its_own_model(moisture: int, temperature: int, ec: int, ph: int, npk: int) -> None:
    payload = modbus.encode_response(1, 3, (moisture, temperature & 0xFFFF, ec, ph, npk, npk, npk))
    values = [reading.value for reading in codecs.decode(SEVEN, 0, payload)]
    assert values == [moisture / 10, temperature / 10, ec, ph / 10, npk, npk, npk]


def test_a_value_no_register_holds_is_not_sent() -> None:
    with pytest.raises(FrameError, match="register"):
        codecs.encode(SEVEN, 0, (Reading("soil_ec_us_cm", 70_000),))


@pytest.mark.parametrize(
    ("raw", "value"), [(0x7FFE, "implausible"), (0x7FFF, None), (0x8000, None), (0xFFFF, -0.1), (0, 0.0)]
)
def test_signed_borders_are_values_sentinels_or_impossible(raw: int, value: str | float | None) -> None:
    payload = modbus.encode_response(1, 3, (300, raw, 100))
    if value == "implausible":
        refused(SEVEN, payload)
        return
    readings = {reading.quantity: reading.value for reading in codecs.decode(SEVEN, 0, payload)}
    assert readings.get("soil_temperature_c") == value

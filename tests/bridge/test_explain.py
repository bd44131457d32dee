import math

import pytest

from firmware_bridge import codecs, explain
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading, SeriesKey


def test_a_frame_is_explained_in_the_one_documented_shape() -> None:
    answer = explain.explain("generic/rs485-soil-7in1", 0, "01 03 06 01 ef 01 44 00 04 b5 59")
    assert answer == {
        "device": "generic/rs485-soil-7in1",
        "readings": [
            {"quantity": "soil_moisture_vwc_pct", "value": 49.5, "age_s": 0, "channel": 0},
            {"quantity": "soil_temperature_c", "value": 32.4, "age_s": 0, "channel": 0},
            {"quantity": "soil_ec_us_cm", "value": 4, "age_s": 0, "channel": 0},
        ],
        "error": None,
    }


@pytest.mark.parametrize(
    ("device", "port", "hex_text", "code"),
    [
        ("generic/rs485-soil-7in1", 0, "01 03 06 01 ef 01 44 00 04 b5 58", "crc"),
        ("dragino/lse01", 2, "0D1", "hex"),
        ("dragino/lse01", 2, "zz", "hex"),
        ("dragino/lse01", 2, "０Ｄ", "hex"),
        ("dragino/lse01", 2, "", "size"),
        ("dragino/lse01", 2, "00" * 5000, "size"),
        ("dragino/lse01", 2, "0D16", "length"),
        ("nobody/nothing", 2, "0D16", "model-unknown"),
    ],
)
def test_what_cannot_be_explained_is_named_in_the_same_shape(device: str, port: int, hex_text: str, code: str) -> None:
    answer = explain.explain(device, port, hex_text)
    assert (answer["device"], answer["readings"], answer["error"]["code"]) == (device, [], code)
    assert answer["error"]["detail"]


def test_a_model_describes_itself_as_plain_data() -> None:
    described = explain.describe(codecs.models()["dragino/ldds75"][0])
    assert list(described) == [
        "id",
        "name",
        "kinds",
        "link",
        "quantities",
        "interval_s",
        "cannot_ja",
        "cannot_en",
        "source",
        "units",
        "resolution",
        "limits",
        "battery_ja",
        "battery_en",
        "certification",
        "blind_s",
        "registers",
        "settings",
        "wiring_ja",
        "wiring_en",
    ]
    assert described["kinds"] == ["snow"]
    assert [model["id"] for model in explain.describe_all()] == list(codecs.models())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_reading_is_finite(value: float) -> None:
    with pytest.raises(DecodeError, match="not-finite"):
        Reading("motion", value)


def test_a_series_names_its_channel_only_where_it_has_one() -> None:
    assert str(SeriesKey("014729", "multi-1", "acceleration_g", 2)) == "multi-1/acceleration_g/2"
    assert str(SeriesKey("014729", "hall-pir", "motion")) == "hall-pir/motion"

import sys
from collections.abc import Iterator
from pathlib import Path

import codec_rules
import pytest

from firmware_bridge import codecs, explain, tlv
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

NEWCOMER = '''"""Newcomer: a sensor of tagged values, added by data alone.

01 75 u8 battery %      03 67 int16 ÷10 °C      20 ce a record: u32 seconds, int16 ÷10 °C      ff 16 serial number
Source: example.org/newcomer, data sheet 1.0.
"""

from firmware_bridge.tlv import Family, Item, Value, device

_ITEMS = {
    "01 75": Item("B", (Value("battery_pct"),)),
    "03 67": Item("<h", (Value("air_temperature_c", 10),)),
    "20 ce": Item("<Ih", (Value("air_temperature_c", 10),), dated=True),
    "ff 16": Item("8x"),
}
_FAMILY = Family(
    (
        device(
            _ITEMS,
            id="example/newcomer",
            name="Example newcomer",
            kinds=("weather",),
            interval_s=600,
            source="example.org/newcomer, data sheet 1.0",
        ),
    )
)
MODELS, decode, encode = _FAMILY.models, _FAMILY.decode, _FAMILY.encode
'''
VECTORS = """exact = true

[[frame]]
name = "a mild day"
model = "example/newcomer"
port = 85
hex = "01 75 64 03 67 d7 00"
source = "built from example.org/newcomer"
readings = [
  { quantity = "battery_pct", value = 100 },
  { quantity = "air_temperature_c", value = 21.5 },
]

[[frame]]
name = "a record below zero"
model = "example/newcomer"
port = 85
hex = "20 ce 9e 74 46 63 cb ff"
source = "built from example.org/newcomer"
readings = [{ quantity = "air_temperature_c", value = -5.3, at_us = 1665561758000000 }]

[[frame]]
name = "truncated"
model = "example/newcomer"
port = 85
hex = "01 75 64 03 67 d7"
source = "built: the frame above, cut"
error = "length"

[[frame]]
name = "corrupted: one bit of a channel"
model = "example/newcomer"
port = 85
hex = "01 75 64 03 66 d7 00"
source = "built: the frame above, one bit flipped"
error = "channel"
"""
NOW_US = 1_665_565_358_000_000  # an hour after the record


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package with one codec file and one vector file more, and nothing else."""
    (tmp_path / "newcomer.py").write_text(NEWCOMER, "utf-8")
    (tmp_path / "newcomer.toml").write_text(VECTORS, "utf-8")
    monkeypatch.setattr(codecs, "__path__", [*codecs.__path__, str(tmp_path)])
    _forget()
    yield tmp_path / "newcomer.toml"
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    codecs.families.cache_clear()
    codecs.models.cache_clear()
    sys.modules.pop("firmware_bridge.codecs.newcomer", None)
    vars(codecs).pop("newcomer", None)


def test_a_device_is_added_by_data_alone(newcomer: Path) -> None:
    codec_rules.check_family(codecs.families()["newcomer"], newcomer)
    described = next(model for model in explain.describe_all() if model["id"] == "example/newcomer")
    assert described["quantities"] == ["battery_pct", "air_temperature_c"]
    assert described["resolution"] == {"battery_pct": 1.0, "air_temperature_c": 0.1}


def test_a_record_becomes_an_age_where_it_is_known_when_it_was_heard(newcomer: Path) -> None:
    record = bytes.fromhex("20 ce 9e 74 46 63 cb ff")
    assert codecs.decode("example/newcomer", 85, record, NOW_US) == (Reading("air_temperature_c", -5.3, 0, 3600),)
    (undated,) = codecs.decode("example/newcomer", 85, record)
    assert (undated.age_s, undated.at_us) == (0, 1_665_561_758_000_000)


@pytest.mark.parametrize(("ahead_s", "age_s"), [(0, 0), (-10, 10), (300, 0)])
def test_a_device_whose_clock_is_a_little_ahead_is_believed(newcomer: Path, ahead_s: int, age_s: int) -> None:
    record = bytes.fromhex("20 ce 9e 74 46 63 cb ff")
    heard_us = 1_665_561_758_000_000 - ahead_s * 1_000_000
    assert codecs.decode("example/newcomer", 85, record, heard_us)[0].age_s == age_s


def test_a_record_from_the_future_is_an_error_by_name(newcomer: Path) -> None:
    record = bytes.fromhex("20 ce 9e 74 46 63 cb ff")
    with pytest.raises(DecodeError, match="device-clock"):
        codecs.decode("example/newcomer", 85, record, 1_665_561_457_999_999)


def test_a_frame_of_records_and_live_values_tells_each_its_time(newcomer: Path) -> None:
    frame = bytes.fromhex("03 67 d7 00 20 ce 9e 74 46 63 cb ff 20 ce a8 74 46 63 cc ff")
    told = codecs.decode("example/newcomer", 85, frame, NOW_US)
    assert [(reading.value, reading.age_s) for reading in told] == [(21.5, 0), (-5.3, 3600), (-5.2, 3590)]
    again = codecs.encode("example/newcomer", 85, codecs.decode("example/newcomer", 85, frame))
    assert again == frame


def test_the_command_shows_the_time_of_a_record(newcomer: Path) -> None:
    told = explain.explain("example/newcomer", 85, "20 ce 9e 74 46 63 cb ff")["readings"]
    assert told == [
        {"quantity": "air_temperature_c", "value": -5.3, "age_s": 0, "channel": 0, "at_us": 1_665_561_758_000_000}
    ]


def test_a_value_no_tag_says_exactly_is_refused_when_written() -> None:
    family = tlv.Family((_battery(),))
    with pytest.raises(DecodeError, match="missing"):
        family.encode("example/battery", 1, (Reading("battery_pct", 0.5),))
    with pytest.raises(DecodeError, match="missing"):
        family.encode("example/battery", 1, (Reading("battery_pct", 300),))
    with pytest.raises(DecodeError, match="missing"):
        family.encode("example/battery", 1, (Reading("humidity_pct", 50),))
    assert family.encode("example/battery", 1, (Reading("battery_pct", 50),)) == b"\x01\x75\x32"


def test_a_number_that_means_no_value_is_never_written_for_a_value() -> None:
    items = {"01": tlv.Item("B", (tlv.Value("battery_pct", absent=(255,)),))}
    family = tlv.Family((tlv.device(items, id="a/b", name="b", kinds=("soil",), interval_s=60, source="here"),))
    with pytest.raises(DecodeError, match="no-value"):
        family.decode("a/b", 1, b"\x01\xff")
    with pytest.raises(DecodeError, match="missing"):
        family.encode("a/b", 1, (Reading("battery_pct", 255),))


def _battery() -> tlv.Device:
    items = {"01 75": tlv.Item("B", (tlv.Value("battery_pct"),))}
    return tlv.device(items, id="example/battery", name="b", kinds=("soil",), interval_s=60, source="here")

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.reading import Column
from gateway.store import SUSPECT_TIME, Entry
from gateway.store.line_protocol import RANKS, LineEncoder, LineError, prefix

NOON_US = 1_800_000_000_000_000


def entry(*columns: Column, number: int = 1, quality: int = 0) -> Entry:
    return Entry(id=number, tenant="014729", source="n-01", received_us=NOON_US, quality=quality, columns=list(columns))


@pytest.mark.parametrize(
    ("measurement", "tags", "field", "expected"),
    [
        ("cpu", {"regions": "east"}, "value", "cpu,regions=east value="),
        ("cpu,main", {"tag,bar": "value"}, "name,bar", "cpu\\,main,tag\\,bar=value name\\,bar="),
        ("cpu load", {"region": "east"}, "value", "cpu\\ load,region=east value="),
        ("cpu=load", {"equals=foo": "tag=value"}, "value", "cpu=load,equals\\=foo=tag\\=value value="),
        ("cpu", {"regions": "east west"}, "value ms", "cpu,regions=east\\ west value\\ ms="),
        ("cpu", {"regions": "eas\\t"}, "value", "cpu,regions=eas\\t value="),
        ("cpu", {"regions": "\\ east"}, "value", "cpu,regions=\\\\ east value="),
        ("cpu", {" ": "east"}, "value", "cpu,\\ =east value="),
        ("cpu", {'"host"': '"serverA"'}, "value", 'cpu,"host"="serverA" value='),
        ("土壌水分", {"場所": "北の畑", "b": "2"}, "値", "土壌水分,b=2,場所=北の畑 値="),
    ],
)
def test_e69_names_are_escaped(measurement: str, tags: dict[str, str], field: str, expected: str) -> None:
    assert prefix(measurement, tags.items(), field) == expected


def test_e70_an_empty_tag_is_left_out() -> None:
    assert prefix("cpu", [("a", ""), ("b", "1")], "value") == "cpu,b=1 value="


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\tb", "\x00", "a\x7f", "a\\", ""])
def test_e69_security_78_a_name_that_could_begin_another_line_is_refused(name: str) -> None:
    with pytest.raises(LineError):
        prefix(name, [], "value")
    with pytest.raises(LineError):
        prefix("m", [], name)
    if name:
        with pytest.raises(LineError):
            prefix("m", [("t", name)], "value")


def test_a_comment_cannot_be_written() -> None:
    with pytest.raises(LineError):
        prefix("#cpu", [], "value")


def test_tags_stand_in_order_and_only_where_they_say_something() -> None:
    plain = LineEncoder().encode(entry(Column("d1", "motion", [NOON_US], [1.0])))
    assert plain == [f"motion,device=d1,tenant=014729 value=1.0 {NOON_US}016"]
    full = LineEncoder().encode(entry(Column("d1", "motion", [NOON_US], [1.0], 3), quality=SUSPECT_TIME))
    assert full == [f"motion,channel=3,device=d1,quality=1,tenant=014729 value=1.0 {NOON_US}016"]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_e63_a_value_is_always_a_float_and_comes_back_exactly(values: list[float]) -> None:
    column = Column("d1", "motion", [NOON_US + i for i in range(len(values))], values)
    for line, value in zip(LineEncoder().encode(entry(column)), values, strict=True):
        text = line.split(" value=")[1].split(" ")[0]
        assert float(text) == value
        assert not text.endswith(("i", "u"))


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5), min_size=1, max_size=3), st.integers(1, 2**48))
def test_e43_readings_of_one_series_and_time_get_lines_of_their_own(drawn: list[list[int]], number: int) -> None:
    encoder = LineEncoder()
    columns = [Column("d1", "motion", [NOON_US + t for t in times], [1.0] * len(times)) for times in drawn]
    lines = encoder.encode(entry(*columns, number=number))
    neighbours = [line for more in range(1, 62) for line in encoder.encode(entry(*columns, number=number + more))]
    assert len(set(lines)) == len(lines)
    assert not set(lines) & set(neighbours)
    assert encoder.encode(entry(*columns, number=number)) == lines, "the same entry, the same bytes"
    assert {int(line.rsplit(" ", 1)[1]) // 1000 for line in lines} == {NOON_US + t for times in drawn for t in times}


def test_more_readings_of_one_time_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(LineError):
        LineEncoder().encode(entry(Column("d1", "motion", [NOON_US] * (RANKS + 1), [1.0] * (RANKS + 1))))
    assert len(set(LineEncoder().encode(entry(Column("d1", "motion", [NOON_US] * RANKS, [1.0] * RANKS))))) == RANKS

from hypothesis import given
from hypothesis import strategies as st

from gateway.journal.coverage import Coverage

spans = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6)).map(lambda s: (s[0], s[0] + s[1])), max_size=20)


@given(spans)
def test_it_is_the_set_of_everything_added(added: list[tuple[int, int]]) -> None:
    coverage = Coverage()
    expected: set[int] = set()
    for first, last in added:
        coverage.add(first, last)
        expected |= set(range(first, last + 1))
    assert {n for n in range(1, 60) if n in coverage} == expected
    mark = next(n for n in range(60) if n + 1 not in expected)
    assert coverage.mark == mark
    told = {n for first, last in coverage.ranges() for n in range(first, last + 1)}
    assert told == {n for n in expected if n > mark}
    assert Coverage(coverage.mark, coverage.ranges()).ranges() == coverage.ranges()


@given(spans, st.integers(1, 50), st.integers(0, 10))
def test_a_span_is_covered_where_each_of_its_numbers_is(added: list[tuple[int, int]], first: int, more: int) -> None:
    coverage = Coverage(0, added)
    assert coverage.covers(first, first + more) == all(n in coverage for n in range(first, first + more + 1))


@given(spans, st.integers(0, 60))
def test_holes_are_what_is_missing_up_to_the_top(added: list[tuple[int, int]], top: int) -> None:
    coverage = Coverage(0, added)
    holes = {n for first, last in coverage.holes(top) for n in range(first, last + 1)}
    assert holes == {n for n in range(coverage.mark + 1, top + 1) if n not in coverage}


def test_the_usual_case_needs_no_ranges() -> None:
    coverage = Coverage()
    for number in range(1, 10_000):
        coverage.add(number, number)
    assert (coverage.mark, coverage.ranges()) == (9_999, [])

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from firmware_bridge.reading import Column, SeriesKey
from gateway import rules
from gateway.detect.flat_line import FlatLine
from gateway.detect.world import World
from gateway.flow import ALLOWANCE, Flow
from gateway.judge import Judge
from gateway.models import KEPT, Kept, Models
from gateway.settings import Device, Site
from gateway.store import Entry
from gateway.window import Window

STEP_US = 600_000_000
START_US = 1_800_000_000_000_000 // STEP_US * STEP_US
QUANTITY = "soil_moisture_vwc_pct"
DAY = 144
KEYS = [SeriesKey("014729", f"probe-{number}", QUANTITY) for number in range(3)]
RNG = np.random.default_rng(4)
PAST = 30 + 2 * np.sin(np.arange(12 * DAY) * 2 * np.pi / DAY) + RNG.normal(0, 0.2, (3, 12 * DAY))


def window() -> Window:
    return Window(now_us=lambda: START_US)


def tell(window: Window, columns: Sequence[int], values: np.ndarray, series: Sequence[int] = (0, 1, 2)) -> None:
    times = [START_US + column * STEP_US for column in columns]
    told = [Column(KEYS[s].device, QUANTITY, times, values[s, list(columns)].tolist()) for s in series]
    window.take([Entry(id=1, tenant="014729", source="pi", received_us=times[-1], columns=told)])


def at(column: int) -> int:
    return START_US + column * STEP_US + 1


def live(flow: Flow, window: Window, values: np.ndarray, columns: Sequence[int]) -> list[np.ndarray]:
    found = []
    for column in columns:
        window._now_us = lambda column=column: at(column)  # type: ignore[misc]
        tell(window, [column], values)
        flow.bring_on(window, at(column))
        found.append(flow.scores(KEYS))
    return found


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    with closing(Models(tmp_path / "models.db")) as opened:
        yield opened


def test_live_columns_score_as_a_block_that_was_always_there() -> None:
    values = PAST.copy()
    values[1, 10 * DAY :] += 8
    flow = Flow(World(), QUANTITY)
    found = np.array(live(flow, window(), values, range(11 * DAY)))
    state = World().state({}, 3)
    whole = [
        World().scores(state.step(values[:, c].astype(np.float32), (at(c) - 1) // 10**6, 32400))
        for c in range(10 * DAY + 20)
    ]
    np.testing.assert_array_equal(found[ALLOWANCE : 10 * DAY + 20 + ALLOWANCE], np.array(whole))
    assert np.nanmax(found[10 * DAY :, 1]) > 1
    assert flow.numbers(KEYS[0]) == {}


def test_what_is_told_is_said_with_its_reason_in_both_languages() -> None:
    values = PAST.copy()
    values[1, 10 * DAY] += 9
    flow = Flow(World(), QUANTITY)
    live(flow, window(), values, range(10 * DAY + ALLOWANCE + 1))
    numbers = flow.numbers(KEYS[1])
    assert {"view_ja", "view_en", "low", "high", "seen", "usual"} <= set(numbers)
    assert float(numbers["score"]) == pytest.approx(flow.scores(KEYS)[1])


def test_a_kept_state_goes_on_where_it_was_whatever_the_order_of_the_series(models: Models) -> None:
    world = World()
    first = window()
    flow = Flow(world, QUANTITY)
    live(flow, first, PAST, range(8 * DAY))
    models.keep("rule/soil", world, flow.kept(7))
    whole = live(flow, first, PAST, range(8 * DAY, 9 * DAY))
    kept = models.newest("rule/soil", world)
    assert kept is not None
    assert (kept.version, kept.learned_us, kept.until) == (1, 7, at(8 * DAY - 1) // STEP_US - ALLOWANCE)
    later, fresh = Flow(world, QUANTITY), window()
    later.restore(kept)
    fresh._now_us = lambda: at(8 * DAY - 1)
    tell(fresh, range(8 * DAY - 10, 8 * DAY), PAST, series=(2, 0, 1))
    np.testing.assert_array_equal(np.array(live(later, fresh, PAST, range(8 * DAY, 9 * DAY))), np.array(whole))


def test_late_data_corrects_the_state() -> None:
    full = window()
    flow = Flow(World(), QUANTITY)
    live(flow, full, PAST, range(9 * DAY))
    patchy = window()
    other = Flow(World(), QUANTITY)
    live(other, patchy, PAST, range(8 * DAY))
    other.learn(patchy, at(8 * DAY - 1), late=False)
    patchy._now_us = lambda: at(9 * DAY - 1)
    tell(patchy, range(9 * DAY - 6, 9 * DAY), PAST)
    other.bring_on(patchy, at(9 * DAY - 1))
    tell(patchy, range(8 * DAY, 9 * DAY - 6), PAST)
    other.learn(patchy, at(9 * DAY - 1), late=True)
    for name, array in flow.kept(0).arrays.items():
        np.testing.assert_array_equal(array, other.kept(0).arrays[name])


def test_a_doubted_value_does_not_reach_the_judge() -> None:
    flow, past = Flow(World(), QUANTITY), window()
    live(flow, past, PAST, range(9 * DAY))
    wild = PAST.copy()
    wild[0, 9 * DAY] = 90
    past._now_us = lambda: at(9 * DAY + ALLOWANCE)
    tell(past, [9 * DAY], wild)
    for column in range(9 * DAY, 9 * DAY + ALLOWANCE + 1):
        flow.bring_on(past, at(column), {KEYS[0]})
    assert np.isnan(flow.scores(KEYS)[0])
    assert np.isfinite(flow.scores(KEYS)[1])


def test_the_judge_keeps_and_restores_what_it_has_learned(models: Models) -> None:
    town = (
        [Site(id="field-1", kind="field", label_ja="畑", label_en="Field")],
        [_probe(number) for number in range(3)],
    )
    judge, past = Judge(rules.load(), *town), window()
    past._now_us = lambda: at(12 * DAY - 1)
    tell(past, range(12 * DAY), PAST)
    assert judge.restore(models) == 0
    judge.learn(past, at(12 * DAY - 1), late=True)
    judge.keep(models, at(12 * DAY - 1))
    stuck = PAST.copy()
    stuck[1, 9 * DAY :] = 30.0
    later = Judge(rules.load(), *town)
    assert later.restore(models) > 0
    blind = window()  # a store that is down: three days are known, too few to learn from
    blind._now_us = past._now_us
    tell(blind, range(9 * DAY, 12 * DAY), stuck, series=(2, 1, 0))
    found = later.judge(blind, at(12 * DAY - 1), {})
    assert {(finding.rule, finding.subject) for finding in found} == {("soil-stuck", "probe-1")}


def _probe(number: int) -> Device:
    return Device(id=f"probe-{number}", model="generic/line-load-cell", site="field-1")


def test_other_settings_do_not_find_the_model_and_old_versions_go(models: Models) -> None:
    kept = Kept(KEYS, -1, {"moves": np.arange(3.0)[:, None]})
    for _ in range(KEPT + 2):
        version = models.keep("a", FlatLine(), kept)
    assert version == KEPT + 2
    found = models.newest("a", FlatLine())
    assert found is not None
    assert list(found.series) == KEYS
    np.testing.assert_array_equal(found.arrays["moves"], kept.arrays["moves"])
    assert models.newest("a", FlatLine(limit_s=60)) is None
    assert models.newest("b", FlatLine()) is None


def test_a_broken_version_is_passed_over_for_the_one_before(models: Models, tmp_path: Path) -> None:
    kept = Kept(KEYS, -1, {"moves": np.arange(3.0)[:, None]})
    models.keep("a", FlatLine(), kept)
    models.keep("a", FlatLine(), kept)
    with models._file.writing() as db:
        db.execute("UPDATE model SET arrays = x'00' WHERE version = 2")
    found = models.newest("a", FlatLine())
    assert found is not None
    assert found.version == 1

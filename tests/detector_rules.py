"""What every detector promises, as checks that take any detector class: shipped, or built by a page's example."""

import io
from collections.abc import Callable

import msgspec
import numpy as np

from gateway.detect import Block, Detector, Grid, Lender, Model

START_US = 1_800_000_000_000_000
STEP_US = 600_000_000
ROWS, PAST, MORE = 5, 2200, 40


def world(detector: Detector, seed: int = 7) -> tuple[Block, Block, Grid, Block]:
    """(history, block, the block's grid, limits): days of daily rhythm, noise, gaps, a stuck row and an event row."""
    rng = np.random.default_rng(seed)
    columns = PAST + detector.context + MORE
    at = np.arange(columns)
    whole = 20 + 3 * np.sin(at * 2 * np.pi * STEP_US / 86_400e6) + rng.normal(0, 0.3, (ROWS, columns))
    whole[1, -300:] = whole[1, -300]
    whole[2] = rng.random(columns) < 0.05
    whole[3, rng.random(columns) < 0.3] = np.nan
    whole[4] = np.nan
    grid = Grid(START_US + PAST * STEP_US, STEP_US, 9 * 3_600_000_000)
    limits = np.array([[25.0], [np.nan], [1.0], [25.0], [25.0]])
    return whole[:, :PAST], whole[:, PAST:], grid, limits


def learned(detector: Detector, history: Block) -> Model:
    return detector.learn(history, Grid(START_US, STEP_US, 9 * 3_600_000_000))


def same(one: Block, other: Block) -> None:
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9, equal_nan=True)


def rows_of(model: Model, rows: list[int]) -> Model:
    return {name: array[rows] for name, array in model.items()}


def it_is_a_frozen_strict_struct_with_defaults(kind: type[Detector]) -> None:
    assert issubclass(kind, msgspec.Struct)
    assert kind.__struct_config__.frozen
    assert kind.__struct_config__.forbid_unknown_fields
    assert kind.__doc__
    assert isinstance(kind().context, int)
    assert kind().context >= 0


def scores_have_the_shape_of_the_block(kind: type[Detector]) -> None:
    detector = kind()
    history, block, grid, limits = world(detector)
    scores = detector.score(block, grid, limits, learned(detector, history))
    assert scores.shape == block.shape
    assert scores.dtype == np.float64
    assert not np.isinf(scores).any()
    assert not (scores < 0).any()


def nan_in_is_nan_out(kind: type[Detector]) -> None:
    detector = kind()
    history, block, grid, limits = world(detector)
    scores = detector.score(block, grid, limits, learned(detector, history))
    assert np.isnan(scores[np.isnan(block)]).all()


def something_is_judged(kind: type[Detector]) -> None:
    detector = kind()
    history, block, grid, limits = world(detector)
    assert np.isfinite(detector.score(block, grid, limits, learned(detector, history))[:, detector.context :]).any()


def the_input_is_untouched(kind: type[Detector]) -> None:
    detector = kind()
    history, block, grid, limits = world(detector)
    model = learned(detector, history)
    before = [array.copy() for array in (history, block, limits, *model.values())]
    detector.score(block, grid, limits, model)
    detector.learn(history, grid)
    for old, new in zip(before, (history, block, limits, *model.values()), strict=True):
        np.testing.assert_array_equal(old, new)


def the_future_changes_nothing(kind: type[Detector]) -> None:
    detector = kind()
    history, block, grid, limits = world(detector)
    model = learned(detector, history)
    scores = detector.score(block, grid, limits, model)
    other = block.copy()
    other[:, -10:] = 999.0
    same(detector.score(other, grid, limits, model)[:, :-10], scores[:, :-10])
    same(detector.score(block[:, :-10], grid, limits, model), scores[:, :-10])


def a_row_alone_scores_as_in_company(kind: type[Detector]) -> None:
    detector = kind()
    history, block, grid, limits = world(detector)
    model = learned(detector, history)
    scores = detector.score(block, grid, limits, model)
    for rows in ([0], [3], [4, 1, 2]):
        alone = learned(detector, history[rows])
        for name, array in alone.items():
            same(array, model[name][rows])
        same(detector.score(block[rows], grid, limits[rows], alone), scores[rows])


def a_window_scores_as_the_whole(kind: type[Detector]) -> None:
    detector = kind()
    history, block, grid, limits = world(detector)
    model = learned(detector, history)
    scores = detector.score(block, grid, limits, model)
    carry = getattr(detector, "carry", None)  # a stream: its model is brought on to where the window begins
    for new in (1, 2, 17):
        part = block[:, block.shape[1] - detector.context - new :]
        start_us = grid.start_us + (block.shape[1] - part.shape[1]) * grid.step_us
        if carry:
            model = carry(block[:, : -part.shape[1]], grid, learned(detector, history))
        window = detector.score(part, Grid(start_us, grid.step_us, grid.offset_us), limits, model)
        same(window[:, -new:], scores[:, -new:])


def empty_blocks_pass(kind: type[Detector]) -> None:
    detector = kind()
    history, block, grid, limits = world(detector)
    none = np.empty((0, block.shape[1]))
    model = learned(detector, np.empty((0, history.shape[1])))
    assert detector.score(none, grid, limits[:0], model).shape == none.shape
    short = learned(detector, np.empty((ROWS, 0)))
    assert detector.score(np.empty((ROWS, 0)), grid, limits, short).shape == (ROWS, 0)


def the_models_first_axis_is_the_series(kind: type[Detector]) -> None:
    detector = kind()
    for name, array in learned(detector, world(detector)[0]).items():
        assert array.dtype == np.float64, name
        assert array.ndim == 2
        assert array.shape[0] == ROWS, name


def a_row_of_zeros_in_the_model_means_nothing_learned(kind: type[Detector]) -> None:
    detector = kind()
    history, block, grid, limits = world(detector)
    empty = {name: np.zeros_like(array) for name, array in learned(detector, history).items()}
    scores = detector.score(block, grid, limits, empty)
    assert not np.isinf(scores).any()


def a_model_survives_storage(kind: type[Detector]) -> None:
    detector = kind()
    history, block, grid, limits = world(detector)
    model = learned(detector, history)
    file = io.BytesIO()
    np.savez(file, **model)  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        back = {name: stored[name] for name in stored.files}
    np.testing.assert_array_equal(detector.score(block, grid, limits, back), detector.score(block, grid, limits, model))


def what_is_lent_leaves_those_who_know_as_they_are(kind: type[Detector]) -> None:
    detector = kind()
    if not isinstance(detector, Lender):
        return
    history, block, grid, limits = world(detector)
    model = learned(detector, history)
    before = {name: array.copy() for name, array in model.items()}
    lent = detector.lend(model)
    same(detector.score(block, grid, limits, lent)[:4], detector.score(block, grid, limits, model)[:4])
    for name, array in before.items():
        np.testing.assert_array_equal(model[name], array)
        assert lent[name].shape == array.shape
    assert detector.lend({}) == {}


def it_explains_what_it_says(kind: type[Detector]) -> None:
    detector = kind()
    history, block, grid, limits = world(detector)
    model = learned(detector, history)
    scores = detector.score(block, grid, limits, model)
    for row in np.flatnonzero(np.isfinite(scores[:, -1])).tolist():
        numbers = detector.explain(block[[row]], grid, limits[[row]], rows_of(model, [row]))
        assert numbers
        assert all(isinstance(value, float) and isinstance(name, str) for name, value in numbers.items())


RULES: dict[str, Callable[[type[Detector]], None]] = {
    rule.__name__: rule
    for rule in (
        it_is_a_frozen_strict_struct_with_defaults,
        scores_have_the_shape_of_the_block,
        nan_in_is_nan_out,
        something_is_judged,
        the_input_is_untouched,
        the_future_changes_nothing,
        a_row_alone_scores_as_in_company,
        a_window_scores_as_the_whole,
        empty_blocks_pass,
        the_models_first_axis_is_the_series,
        a_row_of_zeros_in_the_model_means_nothing_learned,
        a_model_survives_storage,
        what_is_lent_leaves_those_who_know_as_they_are,
        it_explains_what_it_says,
    )
}

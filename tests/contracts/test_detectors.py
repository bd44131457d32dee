import detector_rules
import numpy as np
import pytest

from gateway.detect import Block, Detector, Grid, Model, detectors


@pytest.mark.parametrize("rule", detector_rules.RULES)
@pytest.mark.parametrize("name", detectors())
def test_every_detector_keeps_its_promises(name: str, rule: str) -> None:
    detector_rules.RULES[rule](detectors()[name])


class _LooksAhead(detectors()["range"]):  # type: ignore[misc]
    def score(self, block: Block, _grid: Grid, limits: Block, _model: Model, /) -> Block:
        return np.maximum(np.roll(block, -1, axis=1) / np.nan_to_num(limits, nan=1.0), 0) + 0 * block


class _MixesRows(detectors()["range"]):  # type: ignore[misc]
    def score(self, block: Block, _grid: Grid, _limits: Block, _model: Model, /) -> Block:
        return np.abs(block - np.nanmean(np.nan_to_num(block)))


@pytest.mark.parametrize(
    ("kind", "rule"),
    [(_LooksAhead, "the_future_changes_nothing"), (_MixesRows, "a_row_alone_scores_as_in_company")],
)
def test_the_contract_notices(kind: type[Detector], rule: str) -> None:
    with pytest.raises(AssertionError):
        detector_rules.RULES[rule](kind)

"""One quantity's series under the world judge, live: every column is judged once, when it has had time to fill.

Late data corrects: the judge goes back to the oldest state it keeps (a day or two) and lives through the window again;
what it would have told of columns past is not told any more. Values that a quality rule doubts do not reach it.
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import SeriesKey
from gateway.detect import Block
from gateway.detect.world import World, view_of
from gateway.models import Kept
from gateway.unusual import Told, Unusual
from gateway.window import Window

ALLOWANCE = 2  # columns that still fill: the present one, and one for what is late
_KEEP_COLUMNS = 144
_KEPT = 2
_WORDS = {
    "level": ("値そのもの", "the value itself"),
    "usual": ("ふだんの一日との差", "its distance from the usual day"),
    "usual_mean": ("ふだんの一日から離れ続けた幅", "its lasting distance from the usual day"),
    "noise": ("変動の大きさ", "how unsteady it is"),
    "shift": ("数日の水準", "its level over days"),
}


class Flow:
    """`until`: absolute number of the last column judged, −1 for none."""

    def __init__(self, detector: World, quantity: str) -> None:
        self._detector = detector
        self._quantity = quantity
        self._places: dict[SeriesKey, int] = {}
        self._state = detector.state({}, 0)
        self._told: Told | None = None
        self._kept: list[Kept] = []
        self.until = -1

    def bring_on(self, window: Window, now_us: int, doubted: Collection[SeriesKey] = ()) -> None:
        """Judge the columns that have become ready; of `doubted` series the newest is left out."""
        _, _, grid = window.block(self._quantity, 1, now_us)
        last = grid.start_us // grid.step_us - ALLOWANCE
        span = window.columns(self._quantity) - ALLOWANCE
        count = span if self.until < 0 else min(last - self.until, span)
        if count <= 0:
            return
        keys, block, _ = window.block(self._quantity, count + ALLOWANCE, now_us)
        block = self._possible(block[:, :count])
        rows = self._rows(keys)
        block[[place for place, key in enumerate(keys) if key in doubted], -1] = np.nan
        for place in range(count):
            values = np.full(len(self._state), np.nan)
            values[rows] = block[:, place]
            second = (last - count + 1 + place) * grid.step_us // 1_000_000
            self._told = self._state.step(values, second, grid.offset_us // 1_000_000)
        self.until = last

    def learn(self, window: Window, now_us: int, *, late: bool) -> None:
        """Once a day keep the state; after late data live through the window again from the oldest kept."""
        if late and self._kept:
            self.restore(self._kept[0])
            del self._kept[1:]
        elif late:
            self._begin()
        self.bring_on(window, now_us)
        if self.until >= 0 and (not self._kept or self.until - self._kept[-1].until >= _KEEP_COLUMNS):
            self._kept = [*self._kept, self.kept(now_us)][-_KEPT:]

    def scores(self, keys: Sequence[SeriesKey]) -> NDArray[np.float64]:
        """Of the last column judged; NaN for a series not in it."""
        out = np.full(len(keys), np.nan)
        if self._told is not None:
            scores = self._detector.scores(self._told)
            for place, key in enumerate(keys):
                row = self._places.get(key, scores.size)
                out[place] = scores[row] if row < scores.size else np.nan
        return out

    def numbers(self, key: SeriesKey) -> "dict[str, float | str]":
        """Why: the numbers of World, and in words what is unlike before."""
        row = self._places.get(key)
        found = {} if row is None or self._told is None else self._detector.numbers(self._told, row)
        if not found:
            return {}
        ja, en = _WORDS[view_of(found)]
        return {**found, "view_ja": ja, "view_en": en}

    def kept(self, now_us: int) -> Kept:
        """The state as it is, to be restored later."""
        return Kept(list(self._places), self.until, self._state.arrays(), learned_us=now_us)

    def restore(self, kept: Kept) -> None:
        """Go on from a kept state."""
        self._begin()
        self._state = Unusual(len(kept.series), self._state.tuning, self._detector.floor)
        self._state.restore(kept.arrays)
        self._places = {key: place for place, key in enumerate(kept.series)}
        self.until = kept.until

    def _begin(self) -> None:
        self._places, self._told, self.until = {}, None, -1
        self._state = self._detector.state({}, 0)

    def _possible(self, block: Block) -> Block:
        quantity = QUANTITIES[self._quantity]
        return np.where((block < quantity.low) | (block > quantity.high), np.nan, block)

    def _rows(self, keys: Sequence[SeriesKey]) -> NDArray[np.int64]:
        for key in keys:
            self._places.setdefault(key, len(self._places))
        self._state.grow(len(self._places))
        return np.array([self._places[key] for key in keys], dtype=np.int64)


__all__ = ["ALLOWANCE", "Flow"]

"""Is the world unusual? Record excess with a leak, for any number of series that share a clock.

A series is unusual when it leaves the range it has shown so far; by how much is measured in units of that range, and
the range leaks, so that old extremes fade. Five views of a series are watched, each for what the others miss: the
value, its distance from the usual day (now and over a while), how noisy it is about its usual day, and its medium
against its long mean. The usual day is the better of a profile by clock hour, one by hour of the week, and the
long mean, by their errors so far. What is unusual enough counts once: for a while only a higher excess is told again.

State: float32 `[quantity × series]`, 1,052 bytes a series. A missing value (NaN) changes nothing and scores NaN. Every
number is taken before the value that it judges changes it: nothing looks ahead, and a series scores as in company.
Every span counts samples, made for steps of 5 to 60 minutes; bring faster series to 5 minutes first.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
VIEWS = ("level", "usual", "usual_mean", "noise", "shift")
BINS = 24 + 168  # hours of the day, hours of the week
CHUNK = 4096  # series at a time: their state stays in the cache
_MEANS, _ERRORS, _ABOUT, _SCALE, _NOISE, _HIGH, _LOW, _PEAK, _ROWS = 0, 2, 5, 6, 7, 8, 13, 18, 19
_TINY = 1e-9
_EXCESS_CAP = 50.0


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """One default for every series. Spans in samples; for trials each number may also be an array, one a series."""

    medium: float = 64.0
    long: float = 256.0
    about: float = 32.0  # of the mean distance from the usual day
    noise: float = 24.0
    scale: float = 2000.0
    errors: float = 600.0
    unseen: float = 1.2  # error of a profile where it knows nothing yet, in errors of the long mean
    day_hours: float = 6.0  # hours heard in one bin until it has learned most of a new habit
    week_hours: float = 3.0
    leak: float = 1e-4  # of the range, a sample and a side: a memory of about 5,000 samples
    warm: float = 30.0
    pause: float = 0.05  # of the age
    pause_least: float = 60.0
    pause_most: float = 300.0
    mute: int = 150  # samples
    mute_days: float = 1.0


class Told(NamedTuple):
    """One step, [series]: excess in ranges (NaN: no value, or too young), and `fired`: worth telling if over the line.

    `view`: index in VIEWS of the largest excess; `value`, `usual`, `low`, `high`: its value now, the usual value of the
    series, and the range that view had shown. These five are set where fired only.
    """

    excess: Floats
    fired: NDArray[np.bool_]
    view: NDArray[np.int8]
    value: Floats
    usual: Floats
    low: Floats
    high: Floats


class Unusual:
    """The state of `size` series. `floor`: what a range is at least, in the unit of the values; 0 for unknown ones."""

    def __init__(self, size: int, tuning: Tuning | None = None, floor: float = 0.0) -> None:
        self.tuning = tuning or Tuning()
        self._floor = np.full((len(VIEWS), 1), max(floor, _TINY), dtype=np.float32)
        self._floor[VIEWS.index("noise")] = 0.7 if floor else _TINY  # of its logarithm: a range of twice, at least
        self._least_noise = np.float32(max(0.1 * floor, _TINY))
        self._rows = np.zeros((_ROWS, size), dtype=np.float32)
        self._profile = np.zeros((BINS, size), dtype=np.float32)
        self._known = np.zeros((BINS, size), dtype=np.uint8)
        self._count = np.zeros((4, size), dtype=np.uint32)  # samples; at the last telling; first and last second

    def __len__(self) -> int:
        """How many series."""
        return self._rows.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of state."""
        return sum(array.nbytes for array in (self._rows, self._profile, self._known, self._count))

    def grow(self, size: int) -> None:
        """Room for new series after the present ones."""
        more = size - len(self)
        if more > 0:
            for name in ("_rows", "_profile", "_known", "_count"):
                array = getattr(self, name)
                setattr(self, name, np.concatenate((array, np.zeros((array.shape[0], more), array.dtype)), axis=1))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The state itself, first axis the series; copies."""
        return {
            "rows": self._rows.T.copy(),
            "profile": self._profile.T.copy(),
            "known": self._known.T.copy(),
            "count": self._count.T.copy(),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `arrays` gave, in any dtype that holds it."""
        self._rows = np.ascontiguousarray(arrays["rows"].T, dtype=np.float32)
        self._profile = np.ascontiguousarray(arrays["profile"].T, dtype=np.float32)
        self._known = np.ascontiguousarray(arrays["known"].T, dtype=np.uint8)
        self._count = np.ascontiguousarray(arrays["count"].T, dtype=np.uint32)

    def step(self, values: NDArray[np.floating], second: int, offset_s: int = 0) -> Told:
        """Judge one value a series [series], NaN = none, measured at `second` since 1970; then learn from it."""
        size = values.shape[0]
        told = _nothing(size)
        local = second + offset_s
        day, week = local // 3600 % 24, 24 + (local // 86400 + 3) % 7 * 24 + local // 3600 % 24
        for begin in range(0, size, CHUNK):
            part = slice(begin, min(size, begin + CHUNK))
            x = values[part].astype(np.float32)
            here = np.isfinite(x)
            if here.all():
                self._advance(part, x, second, (day, week), told)
            elif here.any():
                self._advance(begin + np.flatnonzero(here), x[here], second, (day, week), told)
        return told

    def _advance(
        self, at: "slice | NDArray[np.int64]", x: Floats, second: int, bins: tuple[int, int], told: Told
    ) -> None:
        """One chunk: a slice is changed in place, chosen series are taken out and put back."""
        chosen = not isinstance(at, slice)
        rows, count = self._rows[:, at], self._count[:, at]
        age = count[0].astype(np.float32)
        heard_s = np.where(age > 0, second - count[3].astype(np.int64), 0).astype(np.float32)
        count[2][age == 0] = second
        usual = self._usual(rows, x, age, at, bins, heard_s)
        seen = self._views(rows, x, x - usual, age)
        excess = self._excess(rows, seen, age)
        size = _length(excess)
        fired = self._fire(rows, count, size, age)
        old = (count[0] >= self.tuning.mute) & (second - count[2].astype(np.int64) >= 86400 * self.tuning.mute_days)
        told.excess[at] = np.where(old, size, np.nan)
        fired &= old
        told.fired[at] = fired
        if fired.any():
            self._explain(told, at, fired, (seen, excess, usual, rows))
        self._widen(rows, seen, age)
        count[0] += 1
        count[3] = second
        if chosen:
            self._rows[:, at], self._count[:, at] = rows, count

    def _usual(
        self,
        rows: Floats,
        x: Floats,
        age: Floats,
        at: "slice | NDArray[np.int64]",
        bins: tuple[int, int],
        heard_s: Floats,
    ) -> Floats:
        """What was to be expected, by the best of three; then all three learn."""
        tune = self.tuning
        fresh = 1 / (age + 1)
        rows[_MEANS:_ERRORS] += np.stack([np.maximum(1 / span, fresh) for span in (tune.medium, tune.long)]).astype(
            np.float32
        ) * (x - rows[_MEANS:_ERRORS])
        gain = np.maximum(1 / tune.errors, fresh)
        usual: Floats = rows[1].copy()
        best = rows[_ERRORS].copy()
        rows[_ERRORS] += gain * (np.abs(x - usual) - rows[_ERRORS])
        guess = tune.unseen * rows[_ERRORS]
        for place, (bin_, hours) in enumerate(zip(bins, (tune.day_hours, tune.week_hours), strict=True), 1):
            profile, known = self._profile[bin_, at], self._known[bin_, at]
            away = x - profile
            met = known > 0
            better = met & (rows[_ERRORS + place] < best)
            np.copyto(usual, profile, where=better)
            np.copyto(best, rows[_ERRORS + place], where=better)
            rows[_ERRORS + place] += gain * (np.where(met, np.abs(away), guess) - rows[_ERRORS + place])
            pace = np.maximum(1 / (known.astype(np.float32) + 1), np.minimum(heard_s / (3600 * hours), 0.5))
            self._profile[bin_, at] = profile + pace * away
            self._known[bin_, at] = np.minimum(known, 254) + 1
        return usual

    def _views(self, rows: Floats, x: Floats, away: Floats, age: Floats) -> Floats:
        """[views × series] of this value."""
        tune = self.tuning
        fresh = 1 / (age + 1)
        size = np.abs(away)
        rows[_ABOUT] += np.maximum(1 / tune.about, fresh) * (away - rows[_ABOUT])
        rows[_SCALE] += np.maximum(1 / tune.scale, fresh) * (size - rows[_SCALE])
        rows[_NOISE] += np.maximum(1 / tune.noise, fresh) * (size - rows[_NOISE])
        noise = np.log(rows[_NOISE] + np.float32(0.05) * rows[_SCALE] + self._least_noise)
        seen: Floats = np.stack([x, away, rows[_ABOUT], noise, rows[0] - rows[1]])
        return seen

    def _excess(self, rows: Floats, seen: Floats, age: Floats) -> Floats:
        """How far each view is out of the range it had, in ranges."""
        high, low = rows[_HIGH:_LOW], rows[_LOW:_PEAK]
        excess: Floats = np.maximum(seen - high, low - seen)
        np.maximum(excess, 0, out=excess)
        excess /= high - low + self._floor
        np.minimum(excess, _EXCESS_CAP, out=excess)
        excess *= age > self.tuning.warm
        return excess

    def _widen(self, rows: Floats, seen: Floats, age: Floats) -> None:
        """The ranges leak, and take this value in; while warming up the noise has none yet."""
        high, low = rows[_HIGH:_LOW], rows[_LOW:_PEAK]
        leak = (high - low + self._floor) * np.asarray(self.tuning.leak, dtype=np.float32)
        np.maximum(high - leak, seen, out=high)
        np.minimum(low + leak, seen, out=low)
        for view, young in (
            (slice(None), age == 0),
            (slice(VIEWS.index("noise"), VIEWS.index("noise") + 1), age <= self.tuning.warm),
        ):
            if young.any():
                np.copyto(high[view], seen[view], where=young)
                np.copyto(low[view], seen[view], where=young)

    def _fire(self, rows: Floats, count: NDArray[np.uint32], size: Floats, age: Floats) -> NDArray[np.bool_]:
        """Higher than what was told last, or long enough after it."""
        tune = self.tuning
        pause = np.minimum(np.maximum(tune.pause * age, tune.pause_least), tune.pause_most)
        rows[_PEAK][age - count[1] > pause] = 0
        fired: NDArray[np.bool_] = size > rows[_PEAK]
        np.copyto(rows[_PEAK], size, where=fired)
        np.copyto(count[1], count[0], where=fired)
        return fired

    @staticmethod
    def _explain(
        told: Told,
        at: "slice | NDArray[np.int64]",
        fired: NDArray[np.bool_],
        now: tuple[Floats, Floats, Floats, Floats],
    ) -> None:
        seen, excess, usual, rows = now
        here = np.flatnonzero(fired)
        place = here + at.start if isinstance(at, slice) else at[here]
        view = excess[:, here].argmax(axis=0)
        told.view[place] = view
        told.value[place] = seen[view, here]
        told.usual[place] = usual[here]
        told.low[place] = rows[_LOW + view, here]
        told.high[place] = rows[_HIGH + view, here]


def _length(excess: Floats) -> Floats:
    """Root of the sum of squares, view by view: the same bits for one series as for many."""
    total = excess[0] * excess[0]
    for view in excess[1:]:
        total += view * view
    length: Floats = np.sqrt(total)
    return length


def _nothing(size: int) -> Told:
    def none() -> Floats:
        return np.full(size, np.nan, dtype=np.float32)

    return Told(none(), np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.int8), none(), none(), none(), none())


__all__ = ["BINS", "VIEWS", "Told", "Tuning", "Unusual"]

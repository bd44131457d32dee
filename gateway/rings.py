"""Recent past on a regular grid: rings of columns that many series share. Not thread-safe: the window holds the lock.

Column numbers are absolute (time ÷ step since 1970); a ring keeps the newest `columns` of them. Values are float32:
seven digits, finer than any sensor here resolves, at half the memory (15 days of ten minutes: 8.6 kB a series).
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from gateway.detect import Block

Cell = TypeVar("Cell", bound=np.generic)

K = TypeVar("K", bound=Hashable)


class Rows(Generic[K]):
    """Names of rows, in the order they came."""

    def __init__(self) -> None:
        self.keys: list[K] = []
        self._numbers: dict[K, int] = {}

    def number(self, key: K) -> int:
        """The row of a key, a new one where it has none."""
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.keys)
            self.keys.append(key)
        return found

    def find(self, key: K) -> int | None:
        """The row of a key, None where it has none."""
        return self._numbers.get(key)


class Ring(Generic[K]):
    """Gauges: the last value of a cell wins. `time_us`, `value`: the newest reading of each row, 0 and NaN for none."""

    def __init__(self, step_us: int, columns: int) -> None:
        self.step_us = step_us
        self.columns = columns
        self.rows: Rows[K] = Rows()
        self.newest = -1
        self.time_us = np.zeros(0, dtype=np.int64)
        self.value = np.empty(0, dtype=np.float64)
        self._cells = np.empty((0, columns), dtype=np.float32)

    def put(self, rows: NDArray[np.int64], times_us: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Write readings: late ones correct their cell, those older than the ring are let go."""
        self._grow()
        if not rows.size:
            return
        order = np.argsort(times_us, kind="stable")
        rows, times_us, values = rows[order], times_us[order], values[order]
        columns = times_us // self.step_us
        self.newest = advance(self._cells, self.newest, int(columns[-1]), np.nan)
        newer = times_us >= self.time_us[rows]
        put = (columns > self.newest - self.columns) & (newer | (columns != self.time_us[rows] // self.step_us))
        self._cells[rows[put], columns[put] % self.columns] = values[put]
        self.time_us[rows[newer]] = times_us[newer]
        self.value[rows[newer]] = values[newer]

    def block(self, columns: int, end: int) -> Block:
        """[rows × columns] that ends with column `end`; NaN where nothing is."""
        self._grow()
        return cut(self._cells, self.newest, columns, end, np.float64, np.nan)[: len(self.rows.keys)]

    def row(self, key: K, columns: int, end: int) -> Block:
        """[1 × columns] of one key; NaN where nothing is."""
        self._grow()
        number = self.rows.find(key)
        cells = np.empty((0, self.columns)) if number is None else self._cells[number : number + 1]
        found = cut(cells, self.newest, columns, end, np.float64, np.nan)
        return found if number is not None else np.full((1, columns), np.nan)

    def _grow(self) -> None:
        missing = len(self.rows.keys) - self.time_us.size
        if missing <= 0:
            return
        spare = max(0, len(self.rows.keys) - self._cells.shape[0])
        if spare:
            extra = np.full((max(spare, self._cells.shape[0] // 2), self.columns), np.nan, dtype=np.float32)
            self._cells = np.concatenate((self._cells, extra))
        self.time_us = np.concatenate((self.time_us, np.zeros(missing, dtype=np.int64)))
        self.value = np.concatenate((self.value, np.full(missing, np.nan)))


class Marks(Generic[K]):
    """Events: a cell is 1 where anything happened in it, however often it is told."""

    def __init__(self, step_us: int, columns: int) -> None:
        self.step_us = step_us
        self.columns = columns
        self.rows: Rows[K] = Rows()
        self.newest = -1
        self._cells = np.zeros((0, columns), dtype=np.uint8)

    def mark(self, key: K, columns: NDArray[np.int64]) -> None:
        """Something happened in these columns."""
        row = self.rows.number(key)
        if row >= self._cells.shape[0]:
            extra = np.zeros((max(8, self._cells.shape[0] // 2), self.columns), dtype=np.uint8)
            self._cells = np.concatenate((self._cells, extra))
        if columns.size:
            self.newest = advance(self._cells, self.newest, int(columns.max()), 0)
            kept = columns[columns > self.newest - self.columns]
            self._cells[row, kept % self.columns] = 1

    def row(self, key: K, columns: int, end: int) -> NDArray[np.uint8]:
        """[columns] of one key that end with `end`; 0 where nothing is known."""
        number = self.rows.find(key)
        if number is None:
            return np.zeros(columns, dtype=np.uint8)
        found: NDArray[np.uint8] = cut(self._cells[number : number + 1], self.newest, columns, end, np.uint8, 0)[0]
        return found


def advance(cells: NDArray[np.generic], newest: int, column: int, empty: float) -> int:
    """Make room up to `column` by emptying what is overwritten; the newest column afterwards."""
    if column <= newest:
        return newest
    size = cells.shape[1]
    first = max(newest + 1, column - size + 1) % size
    count = min(column - newest, size)
    cells[:, first : min(first + count, size)] = empty
    cells[:, : max(0, first + count - size)] = empty
    return column


def cut(
    cells: NDArray[np.generic], newest: int, columns: int, end: int, dtype: type[Cell], empty: float
) -> NDArray[Cell]:
    """Copy of the `columns` that end with `end`, in order of time."""
    size = cells.shape[1]
    out: NDArray[Cell] = np.full((cells.shape[0], columns), empty, dtype=dtype)
    start = end - columns + 1
    low, high = max(start, newest - size + 1, 0), min(end, newest)
    while low <= high:
        at = low % size
        count = min(size - at, high - low + 1)
        out[:, low - start : low - start + count] = cells[:, at : at + count]
        low += count
    return out

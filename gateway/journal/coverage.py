"""Which numbers of one epoch are settled: a contiguous mark from 1, and disjoint ranges above it."""

from bisect import bisect_right
from collections.abc import Iterable


class Coverage:
    """A set of positive integers that is mostly one run from 1 on.

    `mark`: every number from 1 to it is in the set, and mark + 1 is not. Adding costs a comparison in the usual case
    (the next number), a binary search otherwise.
    """

    __slots__ = ("_firsts", "_lasts", "mark")

    def __init__(self, mark: int = 0, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self.mark = mark
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def __contains__(self, number: int) -> bool:
        """Whether the number is settled."""
        return self.covers(number, number)

    def covers(self, first: int, last: int) -> bool:
        """Whether every number from `first` to `last` is settled."""
        if last <= self.mark:
            return True
        index = bisect_right(self._firsts, max(first, self.mark + 1)) - 1
        return index >= 0 and self._lasts[index] >= last

    def add(self, first: int, last: int) -> None:
        """Settle `first` … `last`, both ends included."""
        if first <= self.mark + 1 and not self._firsts:
            self.mark = max(self.mark, last)
            return
        low = bisect_right(self._firsts, first)
        if low and self._lasts[low - 1] >= first - 1:
            low -= 1
        high = bisect_right(self._firsts, last + 1)
        if low < high:
            first, last = min(first, self._firsts[low]), max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]
        while self._firsts and self._firsts[0] <= self.mark + 1:
            self.mark = max(self.mark, self._lasts.pop(0))
            del self._firsts[0]

    def ranges(self) -> list[tuple[int, int]]:
        """The settled ranges above the mark, in order."""
        return list(zip(self._firsts, self._lasts, strict=True))

    def holes(self, top: int) -> list[tuple[int, int]]:
        """What is not settled between the mark and `top`, in order."""
        found, start = [], self.mark + 1
        for first, last in self.ranges():
            if start < first and start <= top:
                found.append((start, min(first - 1, top)))
            start = last + 1
        if start <= top:
            found.append((start, top))
        return found

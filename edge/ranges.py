"""A set of whole numbers from 1 up, kept as the few ranges it consists of."""

from bisect import bisect_right
from collections.abc import Iterable


class Ranges:
    """Sorted ranges that neither touch nor overlap."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges: list[tuple[int, int]] = []
        for first, last in ranges:
            self.add(first, last)

    def add(self, first: int, last: int) -> list[tuple[int, int]]:
        """Put in `first`…`last`; return the parts of it that were not in yet."""
        if first > last:
            return []
        fresh, at = [], first
        merged_first, merged_last = first, last
        kept = []
        for low, high in self._ranges:
            if high < first - 1 or low > last + 1:
                kept.append((low, high))
                continue
            merged_first, merged_last = min(merged_first, low), max(merged_last, high)
            if at < low:
                fresh.append((at, min(last, low - 1)))
            at = max(at, high + 1)
        if at <= last:
            fresh.append((at, last))
        kept.append((merged_first, merged_last))
        self._ranges = sorted(kept)
        return fresh

    def cut(self, after: int) -> None:
        """Take out everything above `after`."""
        self._ranges = [(low, min(high, after)) for low, high in self._ranges if low <= after]

    def __contains__(self, number: int) -> bool:
        """True where the number is in."""
        at = bisect_right(self._ranges, (number, 1 << 62)) - 1
        return at >= 0 and self._ranges[at][0] <= number <= self._ranges[at][1]

    @property
    def mark(self) -> int:
        """Everything from 1 up to here is in; 0 where not even 1 is."""
        return self._ranges[0][1] if self._ranges and self._ranges[0][0] <= 1 else 0

    def list(self) -> list[tuple[int, int]]:
        """The ranges, lowest first."""
        return list(self._ranges)

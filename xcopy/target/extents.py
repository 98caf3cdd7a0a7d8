"""A set of numbers kept as the runs they form: for offsets of which many neighbours are in it, or none."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Extents:
    """Runs, first number and the one behind the last; in ascending order, and none touches another."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._ends: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._firsts, self._ends, strict=True)))

    def add(self, first: int, end: int) -> None:
        """Put the numbers from `first` to before `end` in."""
        if first >= end:
            return
        low, high = bisect_left(self._ends, first), bisect_right(self._firsts, end)
        if low < high:  # the runs that it touches become one with it
            first, end = min(first, self._firsts[low]), max(end, self._ends[high - 1])
        self._firsts[low:high], self._ends[low:high] = [first], [end]

    def remove(self, first: int, end: int) -> None:
        """Take the numbers from `first` to before `end` out."""
        if first >= end:
            return
        low, high = bisect_right(self._ends, first), bisect_left(self._firsts, end)
        if low >= high:
            return
        left = [(self._firsts[low], first)] if self._firsts[low] < first else []
        right = [(end, self._ends[high - 1])] if self._ends[high - 1] > end else []
        self._firsts[low:high] = [f for f, _ in left + right]
        self._ends[low:high] = [e for _, e in left + right]

    def within(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """The runs from `first` to before `end`, cut to that."""
        low, high = bisect_right(self._ends, first), bisect_left(self._firsts, end)
        for n in range(low, high):
            yield max(self._firsts[n], first), min(self._ends[n], end)

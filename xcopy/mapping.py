"""Where the blocks of a volume lie on the units below it: linear and striped pieces, one upon another.

Arithmetic alone: no device, no block size. Everything counts in sectors of 512 bytes. A striped volume has a
million runs or more, so they are made as they are asked for, and what can be said of all is said of regions.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SECTOR = 512


class Run(NamedTuple):
    """`length` sectors or blocks of unit number `unit`, from `start` on."""

    unit: int
    start: int
    length: int

    @property
    def end(self) -> int:
        """The one after the last."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Ground:
    """A unit, or a partition of it: what lies below everything mapped."""

    unit: int
    start: int
    length: int

    def runs(self, start: int, length: int) -> Iterator[Run]:
        """Where these sectors lie."""
        yield Run(self.unit, self.start + start, length)

    def regions(self, start: int, length: int) -> Iterator[Run]:
        """All that these sectors may lie in."""
        yield from self.runs(start, length)

    @property
    def grain(self) -> int:
        """What every address and length is a multiple of, the length of all being a whole number of it."""
        return self.start

    def said(self) -> str:
        """In words that tell any two apart."""
        return f"{self.unit}:{self.start}+{self.length}"


@dataclass(frozen=True, slots=True)
class Stripes:
    """`length` sectors of a volume from `start` on: chunks dealt out in turn to columns, from their sectors.

    One column and one chunk is a linear piece. The length is whole rows.
    """

    start: int
    length: int
    chunk: int
    columns: tuple[tuple[Below, int], ...]

    def __post_init__(self) -> None:
        depth = self.length // len(self.columns)
        if self.chunk < 1 or self.length % (self.chunk * len(self.columns)):
            raise ValueError(f"{self.length} sectors are no whole rows of chunks of {self.chunk}")
        for below, first in self.columns:
            if not 0 <= first <= below.length - depth:
                raise ValueError(f"{depth} sectors from {first} on are not inside {below.length}")

    def runs(self, start: int, length: int) -> Iterator[Run]:
        """Where sectors of this piece lie, which count from its own start."""
        while length:
            number, within = divmod(start, self.chunk)
            row, column = divmod(number, len(self.columns))
            below, first = self.columns[column]
            part = min(self.chunk - within, length)
            yield from below.runs(first + row * self.chunk + within, part)
            start, length = start + part, length - part

    def regions(self, start: int, length: int) -> Iterator[Run]:
        """All that sectors of this piece may lie in: of every column the rows that are touched."""
        width = self.chunk * len(self.columns)
        if len(self.columns) == 1:
            below, first = self.columns[0]
            yield from below.regions(first + start, length)
            return
        row = start // width
        depth = -(-(start + length) // width) - row
        for below, first in self.columns:
            yield from below.regions(first + row * self.chunk, depth * self.chunk)

    @property
    def grain(self) -> int:
        """What every address and length is a multiple of."""
        of_columns = (gcd(below.grain, first) for below, first in self.columns)
        return gcd(self.start, self.length, self.chunk, *of_columns)

    def said(self) -> str:
        """In words that tell any two apart."""
        columns = " ".join(f"{first}@({below.said()})" for below, first in self.columns)
        return f"{self.start}+{self.length}/{self.chunk} {columns}"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A volume: pieces that follow each other without gaps from sector 0."""

    pieces: tuple[Stripes, ...]

    def __post_init__(self) -> None:
        for one, other in pairwise((None, *self.pieces)):
            if other is not None and other.start != (one.start + one.length if one else 0):
                raise ValueError(f"a piece begins at sector {other.start}, not where the one before ends")

    @property
    def length(self) -> int:
        """Sectors of the whole volume."""
        return sum(piece.length for piece in self.pieces)

    def runs(self, start: int, length: int) -> Iterator[Run]:
        """Where these sectors lie, in their order; neighbours may come apart."""
        for piece, first, part in self._within(start, length):
            yield from piece.runs(first, part)

    def regions(self, start: int, length: int) -> Iterator[Run]:
        """All that these sectors may lie in; few, however many runs there are."""
        for piece, first, part in self._within(start, length):
            yield from piece.regions(first, part)

    def _within(self, start: int, length: int) -> Iterator[tuple[Stripes, int, int]]:
        """The pieces that have any of these sectors, each with its part of them from its own start."""
        at, end = start, start + length
        index = max(0, bisect_right(self.pieces, start, key=lambda piece: piece.start) - 1)
        while at < end:
            piece = self.pieces[index]
            part = min(end, piece.start + piece.length) - at
            yield piece, at - piece.start, part
            at, index = at + part, index + 1

    @property
    def whole(self) -> tuple[Run, ...]:
        """The regions of all of it, by unit and address."""
        return tuple(sorted(self.regions(0, self.length)))

    @property
    def grain(self) -> int:
        """What every address and length of its runs is a multiple of."""
        return gcd(*(piece.grain for piece in self.pieces))

    @property
    def twice(self) -> Run | None:
        """A region that two parts of the volume lie in, if there is one."""
        return next((other for one, other in pairwise(self.whole) if meet(one, other)), None)

    def said(self) -> str:
        """In words that tell any two apart."""
        return "; ".join(piece.said() for piece in self.pieces)


Below: TypeAlias = "Ground | Mapping"


def meet(one: Run, other: Run) -> bool:
    """True when two runs have a block in common."""
    return one.unit == other.unit and one.start < other.end and other.start < one.end


def any_meet(some: Iterable[Run], others: Iterable[Run]) -> bool:
    """True when any of these has a block in common with any of those."""
    rest = tuple(others)
    return any(meet(one, other) for one in some for other in rest)

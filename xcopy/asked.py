"""The ranges that were asked for: each inside both extents, no block written twice, one request of all.

Columns of 64-bit numbers, because there may be a million. Knows how a range is called in what the user wrote,
so that an error can name it; knows no device, and not what became of a range.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from operator import index as whole
from typing import TYPE_CHECKING

from xcopy.errors import UnsafeError, UsageError
from xcopy.plan import Piece, Range, Request
from xcopy.ranges import Number, Quantity, Written

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Extent:
    """The part of a unit that was named: `blocks` blocks of `block_size` bytes from LBA `base`."""

    name: str
    base: int
    blocks: int
    block_size: int


class Asked:
    """Ranges from one extent to another in the order given; their `request` goes by the destination's LBAs.

    `file` is the name of the file that they are lines of; "" for a list of a program, None for the one range
    of a command line.
    """

    def __init__(
        self,
        source: Extent,
        destination: Extent,
        ranges: Iterable[tuple[int, Written]],
        *,
        file: str | None = None,
    ) -> None:
        """`ranges` come with line numbers. Raises UsageError, and UnsafeError for a block written twice."""
        self.source, self.destination, self.file = source, destination, file
        self._size = max(source.block_size, destination.block_size)
        self._scales = self._size // source.block_size, self._size // destination.block_size
        self._lines = array("Q")
        self._sources, self._blocks, self._destinations = array("Q"), array("Q"), array("Q")
        for line, written in ranges:
            self._add(line, written)
        order = self._order()
        self._refuse_rewriting(order)
        self.request = Request.over(
            (Range(self._sources[i], self._blocks[i], self._destinations[i]) for i in order),
            source_block_size=source.block_size,
            destination_block_size=destination.block_size,
        )
        self._starts = array("Q", bytes(8 * len(self._lines)))
        at = 0
        for index in order:
            self._starts[index] = at
            at += self._blocks[index]

    def __len__(self) -> int:
        return len(self._lines)

    def line(self, index: int) -> int:
        """The line number that a range came with."""
        return self._lines[index]

    def place(self, index: int) -> str:
        """How the user finds this range in what he wrote; nothing for the one of a command line."""
        return self._place(index, self._lines[index])

    @property
    def single(self) -> bool:
        """True for the one range of a command line."""
        return self.file is None

    def named(self, index: int) -> tuple[int, int, int]:
        """Source LBA, source blocks and destination LBA of a range; LBAs count from the extents' starts."""
        return (
            self._sources[index] - self.source.base,
            self._blocks[index] * self._scales[0],
            self._destinations[index] - self.destination.base,
        )

    def piece(self, index: int) -> Piece:
        """A range as a piece of the request; all of one range of it."""
        return Piece(self._starts[index], self._blocks[index])

    def clash(self) -> tuple[int, int] | None:
        """A range whose source blocks another, or it itself, writes: their indices, the reader first.

        For two extents of one unit.
        """
        starts, ends = array("Q"), array("Q")
        for each in self.request.ranges:
            starts.append(each.destination_lba)
            ends.append(each.destination_lba + each.blocks - 1)
        for each in self.request.ranges:
            last = bisect_left(starts, each.source_lba + each.blocks) - 1
            if last >= 0 and ends[last] >= each.source_lba:
                lba = max(starts[last], each.source_lba)
                return self._holder(self._sources, lba), self._holder(self._destinations, lba)
        return None

    def _add(self, line: int, written: Written) -> None:
        source, destination = self.source, self.destination
        try:
            if len(written) != 3:
                raise UsageError(f"{len(written)} numbers where three are expected")
            lba, count, to = (
                number if type(number) is int else _blocks(number, side.block_size)
                for number, side in zip(written, (source, source, destination), strict=True)
            )
            if min(lba, count, to) < 0:
                raise UsageError(f"{lba} {count} {to}: LBAs and counts are not negative")
            if lba + count > source.blocks:
                raise self._past(source, lba, count)
            blocks, rest = divmod(count, self._scales[0])
            if rest:
                raise UsageError(
                    f"{count} blocks of {source.block_size} bytes are not whole blocks of "
                    f"{destination.name}, which has {destination.block_size} bytes: COUNT has to be a "
                    f"multiple of {self._scales[0]}"
                )
            if to + blocks * self._scales[1] > destination.blocks:
                raise self._past(destination, to, blocks * self._scales[1])
        except UsageError as error:
            place = self._place(len(self._lines), line)
            raise UsageError(f"{place}: {error}" if place else str(error)) from error
        self._lines.append(line)
        self._sources.append(source.base + lba)
        self._blocks.append(blocks)
        self._destinations.append(destination.base + to)

    def _past(self, side: Extent, lba: int, blocks: int) -> UsageError:
        has = f"it has {side.blocks} blocks of {side.block_size} bytes"
        if lba > side.blocks:
            return UsageError(f"{side.name}: LBA {lba} is past its end: {has}")
        out = "; give a COUNT with the source" if side is self.destination and self.file is None else ""
        return UsageError(
            f"{side.name}: {blocks} blocks from LBA {lba} end past its last block: {has}, "
            f"{side.blocks - lba} from there{out}"
        )

    def _order(self) -> Sequence[int]:
        """The ranges that are not empty, by destination LBA."""
        inside = range(len(self._lines))
        if all(self._blocks) and all(one <= other for one, other in pairwise(self._destinations)):
            return inside
        order = array("Q", (index for index in inside if self._blocks[index]))
        return array("Q", sorted(order, key=self._destinations.__getitem__))

    def _refuse_rewriting(self, order: Sequence[int]) -> None:
        scale = self._scales[1]
        for one, other in pairwise(order):
            if self._destinations[one] + self._blocks[one] * scale > self._destinations[other]:
                first, second = sorted((one, other))
                raise UnsafeError(
                    f"{self.place(first)} and {self.place(second)} both write LBA "
                    f"{self._destinations[other] - self.destination.base} of {self.destination.name}: "
                    "which of them is to stay is not known; leave one out"
                )

    def _holder(self, column: Sequence[int], lba: int) -> int:
        """The range that has this LBA in a column of LBAs; for two extents of one unit."""
        return next(i for i, first in enumerate(column) if first <= lba < first + self._blocks[i])

    def _place(self, index: int, line: int) -> str:
        if self.file is None:
            return ""
        return f"{self.file} line {line}" if self.file else f"ranges[{index}]"


def _blocks(number: Number, block_size: int) -> int:
    """Blocks of a number that is no plain `int`."""
    if isinstance(number, Quantity):
        return number.blocks(block_size)
    try:
        return whole(number)
    except TypeError:
        raise UsageError(f"{number!r} is no number of blocks") from None

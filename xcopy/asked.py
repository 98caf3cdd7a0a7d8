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

from xcopy.errors import UnsafeError, UnsupportedError, UsageError
from xcopy.mapping import SECTOR, Mapping, Run
from xcopy.plan import Piece, Range, Request
from xcopy.ranges import Number, Quantity, Written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


MOST_PIECES = 1 << 22  # of volumes; it takes 20 seconds to plan them, and 120 MB


@dataclass(frozen=True, slots=True)
class Extent:
    """What was named: `blocks` blocks of `block_size` bytes from LBA `base` of a unit; of 1 in a file.

    Those of a volume lie where its `mapping` says, on `units` units; its blocks are whole numbers of grains.
    """

    name: str
    base: int
    blocks: int
    block_size: int
    mapping: Mapping | None = None
    units: int = 1

    @property
    def address(self) -> str:
        """What an address here is called."""
        return "byte" if self.block_size == 1 else "LBA"

    def counted(self, blocks: int) -> str:
        """So many blocks, in words."""
        return f"{blocks} bytes" if self.block_size == 1 else f"{blocks} blocks of {self.block_size} bytes"

    def runs(self, lba: int, blocks: int) -> Iterator[Run]:
        """Where these blocks lie, in blocks, with each unit's number."""
        if self.mapping is None:
            yield Run(0, self.base + lba, blocks)
            return
        scale = self.block_size // SECTOR
        for unit, start, length in self.mapping.runs(lba * scale, blocks * scale):
            yield Run(unit, start // scale, length // scale)


class Asked:
    """Ranges from one extent to another in the order given; their `request` goes by the destination's LBAs.

    LBAs count from the extents' starts; those of the request are the units' own.

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
        each: str = "line",
    ) -> None:
        """`ranges` come with numbers, of what `each` of them is in the file.

        Raises UsageError, and UnsafeError for a block written twice.
        """
        self.source, self.destination, self.file, self._each = source, destination, file, each
        self._size = max(source.block_size, destination.block_size)
        self._scales = self._size // source.block_size, self._size // destination.block_size
        self._lines = array("Q")
        self._sources, self._blocks, self._destinations = array("Q"), array("Q"), array("Q")
        for line, written in ranges:
            self._add(line, written)
        order = self._order()
        self._refuse_rewriting(order)
        self.request = Request.over(
            self._all_placed(order),
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
            self._sources[index],
            self._blocks[index] * self._scales[0],
            self._destinations[index],
        )

    def piece(self, index: int) -> Piece:
        """A range as a piece of the request, which is in several ranges of it where a side is a volume."""
        return Piece(self._starts[index], self._blocks[index])

    def writes(self, first: int, end: int) -> bool:
        """True when a block of the destination extent from `first` up to `end` is written."""
        scale = self._scales[1]
        ranges = zip(self._destinations, self._blocks, strict=True)
        return any(blocks and to < end and first < to + blocks * scale for to, blocks in ranges)

    def clash(
        self, sources: Sequence[int] = (0,), destinations: Sequence[int] = (0,)
    ) -> tuple[int, int] | None:
        """A range whose source blocks another, or it itself, writes: their indices, the reader first.

        `sources` and `destinations` have a number for each unit of a side, the same for the same unit.
        """
        written: dict[int, _Writes] = {}
        at, scales, several = 0, self._scales, self.destination.units
        for each in self.request.ranges:
            unit = destinations[each.pair % several]
            written.setdefault(unit, _Writes()).add(each.destination_lba, each.blocks * scales[1], at)
            at += each.blocks
        at = 0
        for each in self.request.ranges:
            writes = written.get(sources[each.pair // several])
            met = writes.meeting(each.source_lba, each.blocks * scales[0]) if writes else None
            if met is not None:
                lba, into, start = met
                read, wrote = (lba - each.source_lba) // scales[0], into // scales[1]
                return self._holder(at + read), self._holder(start + wrote)
            at += each.blocks
        return None

    def _all_placed(self, order: Sequence[int]) -> Iterator[Range]:
        """Every range where it lies; `UsageError` where volumes are in too many pieces to plan them."""
        volumes = [side.name for side in (self.source, self.destination) if side.mapping is not None]
        placed = (each for index in order for each in self._placed(index))
        if not volumes:
            return placed
        return self._counted(placed, " and ".join(volumes))

    def _counted(self, placed: Iterator[Range], volumes: str) -> Iterator[Range]:
        for count, each in enumerate(placed):
            if count == MOST_PIECES:
                raise UsageError(
                    f"the copy is in more than {MOST_PIECES} pieces by the stripes of {volumes}: "
                    "copy it in parts, by LBA and COUNT"
                )
            yield each

    def _placed(self, index: int) -> Iterator[Range]:
        """Where a range lies on the units of both sides, cut where either of them is."""
        lba, count, to = self.named(index)
        if self.source.mapping is None and self.destination.mapping is None:
            yield Range(self.source.base + lba, self._blocks[index], self.destination.base + to)
            return
        writes = self.destination.runs(to, self._blocks[index] * self._scales[1])
        reads = self.source.runs(lba, count)
        read = write = Run(0, 0, 0)
        left = self._blocks[index]
        while left:
            read = read if read.length else next(reads)
            write = write if write.length else next(writes)
            blocks = min(read.length // self._scales[0], write.length // self._scales[1])
            if not blocks:
                raise self._inside_a_block(index)
            pair = read.unit * self.destination.units + write.unit
            yield Range(read.start, blocks, write.start, pair)
            read, write = _behind(read, blocks * self._scales[0]), _behind(write, blocks * self._scales[1])
            left -= blocks

    def _inside_a_block(self, index: int) -> UnsupportedError:
        """A block of the side with the larger ones has its bytes in two places of the volume on the other."""
        small, large = self.source, self.destination
        if small.block_size > large.block_size:
            small, large = large, small
        place = self.place(index)
        return UnsupportedError(
            (f"{place}: " if place else "")
            + f"{small.name} lies in pieces of which one ends inside a block of {large.name}, which has "
            f"{large.block_size} bytes: no block is copied in parts; begin at LBAs from which the pieces are "
            f"whole blocks of {large.block_size} bytes, or copy it by other means"
        )

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
                what = "LBAs and counts" if self._size > 1 else "offsets and lengths"
                raise UsageError(f"{lba} {count} {to}: {what} are not negative")
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
        self._sources.append(lba)
        self._blocks.append(blocks)
        self._destinations.append(to)

    def _past(self, side: Extent, lba: int, blocks: int) -> UsageError:
        has = f"it has {side.counted(side.blocks)}"
        if lba > side.blocks:
            return UsageError(f"{side.name}: {side.address} {lba} is past its end: {has}")
        out = "; give a COUNT with the source" if side is self.destination and self.file is None else ""
        what = "byte" if side.block_size == 1 else "block"
        return UsageError(
            f"{side.name}: {blocks} {what}s from {side.address} {lba} end past its last {what}: {has}, "
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
                    f"{self.place(first)} and {self.place(second)} both write "
                    f"{self.destination.address} {self._destinations[other]} of {self.destination.name}: "
                    "which of them is to stay is not known; leave one out"
                )

    def _holder(self, at: int) -> int:
        """The range that has this block of the request."""
        pieces = enumerate(zip(self._starts, self._blocks, strict=True))
        return next(index for index, (start, blocks) in pieces if start <= at < start + blocks)

    def _place(self, index: int, line: int) -> str:
        if self.file is None:
            return ""
        return f"{self.file} {self._each} {line}" if self.file else f"ranges[{index}]"


class _Writes:
    """What is written of one unit: in columns, because there may be a million ranges."""

    def __init__(self) -> None:
        self._firsts, self._blocks, self._ats = array("Q"), array("Q"), array("Q")
        self._sorted = True

    def add(self, first: int, blocks: int, at: int) -> None:
        """These blocks, which are those from block `at` of the request."""
        self._sorted = self._sorted and not (self._firsts and first < self._firsts[-1])
        self._firsts.append(first)
        self._blocks.append(blocks)
        self._ats.append(at)

    def meeting(self, lba: int, blocks: int) -> tuple[int, int, int] | None:
        """A block of these that is written, where in its write it is, and the request's block of that."""
        if not self._sorted:
            order = sorted(range(len(self._firsts)), key=self._firsts.__getitem__)
            columns = self._firsts, self._blocks, self._ats
            self._firsts, self._blocks, self._ats = (array("Q", (c[i] for i in order)) for c in columns)
            self._sorted = True
        last = bisect_left(self._firsts, lba + blocks) - 1
        if last < 0 or self._firsts[last] + self._blocks[last] <= lba:
            return None
        met = max(self._firsts[last], lba)
        return met, met - self._firsts[last], self._ats[last]


def _behind(run: Run, blocks: int) -> Run:
    return Run(run.unit, run.start + blocks, run.length - blocks)


def _blocks(number: Number, block_size: int) -> int:
    """Blocks of a number that is no plain `int`."""
    if isinstance(number, Quantity):
        return number.blocks(block_size)
    try:
        return whole(number)
    except TypeError:
        raise UsageError(f"{number!r} is no number of blocks") from None

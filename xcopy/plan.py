"""From a request and its limits to pieces, lazily: every block once, none outside.

A request is one or many ranges, one after the other in one line of blocks; a piece counts in blocks of that
line from its start, so that both sides follow from one number. Nothing here knows by which means a piece is
copied, or whether it was.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xcopy.limits import Limits


PACKED_SEGMENTS = 64  # in one command where ranges are short: their list fits a page of memory


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """`blocks` blocks of the request from its block `start`."""

    start: int
    blocks: int

    @property
    def end(self) -> int:
        """The block after the last."""
        return self.start + self.blocks


class Range(NamedTuple):
    """`blocks` blocks of the request; LBAs are of each unit, in its own blocks, a partition's start added.

    `pair` tells which unit of each side they are of, where a side has several.
    """

    source_lba: int
    blocks: int
    destination_lba: int
    pair: int = 0


class Request:
    """What is to be copied, in `blocks` of `block_size` bytes: the larger of both sides' block sizes.

    Columns of 64-bit numbers, because there may be a million ranges.
    """

    __slots__ = (
        "_destination_scale",
        "_destinations",
        "_pairs",
        "_several",
        "_source_scale",
        "_sources",
        "_starts",
        "blocks",
        "destination_block_size",
        "source_block_size",
    )

    def __init__(
        self,
        *,
        source_lba: int,
        destination_lba: int,
        blocks: int,
        source_block_size: int,
        destination_block_size: int,
    ) -> None:
        """One range; `over` makes a request of many."""
        self.source_block_size, self.destination_block_size = source_block_size, destination_block_size
        self._source_scale = self.block_size // source_block_size
        self._destination_scale = self.block_size // destination_block_size
        self._starts, self._sources, self._destinations = array("Q"), array("Q"), array("Q")
        self._pairs, self._several = array("I"), False
        self.blocks = 0
        self._add(Range(source_lba, blocks, destination_lba))

    @classmethod
    def over(cls, ranges: Iterable[Range], *, source_block_size: int, destination_block_size: int) -> Request:
        """These ranges in this order; empty ones are left out, and neighbours on both sides are one."""
        made = cls(
            source_lba=0,
            destination_lba=0,
            blocks=0,
            source_block_size=source_block_size,
            destination_block_size=destination_block_size,
        )
        for each in ranges:
            made._add(each)
        return made

    def _add(self, new: Range) -> None:
        if new.blocks <= 0:
            return
        if self._starts:
            last = self.blocks - self._starts[-1]
            source = self._sources[-1] + last * self._source_scale
            destination = self._destinations[-1] + last * self._destination_scale
            if (source, destination, self._pairs[-1]) == (new.source_lba, new.destination_lba, new.pair):
                self.blocks += new.blocks
                return
        self._starts.append(self.blocks)
        self._sources.append(new.source_lba)
        self._destinations.append(new.destination_lba)
        self._pairs.append(new.pair)
        self._several = self._several or new.pair != self._pairs[0]
        self.blocks += new.blocks

    @property
    def block_size(self) -> int:
        """Bytes in a block of the request."""
        return max(self.source_block_size, self.destination_block_size)

    @property
    def bytes(self) -> int:
        """Bytes in the whole request."""
        return self.blocks * self.block_size

    @property
    def ranges(self) -> Iterator[Range]:
        """The ranges, in order, none of them empty."""
        for index, start in enumerate(self._starts):
            blocks = self._end(index) - start
            yield Range(self._sources[index], blocks, self._destinations[index], self._pairs[index])

    def __len__(self) -> int:
        """How many ranges there are, neighbours being one."""
        return len(self._starts)

    def room(self, start: int) -> Piece:
        """From block `start` to the end of its range."""
        return Piece(start, self._end(self._index(start)) - start)

    @property
    def pairs(self) -> frozenset[int]:
        """The numbers of all pairs of units that are copied between."""
        return frozenset(self._pairs)

    def pair(self, start: int) -> int:
        """The pair of units that block `start` is copied between."""
        return self._pairs[self._index(start) if self._several else 0]

    def of_one_pair(self, room: Piece) -> Piece:
        """As much of `room` from its start as is copied between the same two units."""
        if not self._several:
            return room
        at, pair = room.start, self.pair(room.start)
        while at < room.end and self.pair(at) == pair:
            at = self.room(at).end
        return Piece(room.start, min(at, room.end) - room.start)

    def parts(self, piece: Piece) -> Iterator[Piece]:
        """A piece that may cross the ends of ranges, as pieces that do not."""
        for number in range(self.crossed(piece)):
            yield self.part(piece, number)

    def crossed(self, piece: Piece) -> int:
        """How many ranges a piece has blocks of: the number of its `parts`."""
        return self._index(piece.end - 1) - self._index(piece.start) + 1

    def part(self, piece: Piece, number: int) -> Piece:
        """One of the `parts` of a piece, counted from 0."""
        index = self._index(piece.start) + number
        start = max(piece.start, self._starts[index])
        return Piece(start, min(piece.end, self._end(index)) - start)

    def whole(self, block: int, granule: int, *, up: bool = False) -> int:
        """The next block down, or `up`, that is whole granules from the start of its range, or at its end."""
        if granule == 1 or block == self.blocks:
            return block
        index = self._index(block)
        rest = (block - self._starts[index]) % granule
        if not rest:
            return block
        return min(self._end(index), block - rest + granule) if up else block - rest

    def source(self, piece: Piece) -> tuple[int, int]:
        """LBA and blocks of a piece of one range on the source."""
        index, scale = self._within(piece), self._source_scale
        return self._sources[index] + (piece.start - self._starts[index]) * scale, piece.blocks * scale

    def destination(self, piece: Piece) -> tuple[int, int]:
        """LBA and blocks of a piece of one range on the destination."""
        index, scale = self._within(piece), self._destination_scale
        return self._destinations[index] + (piece.start - self._starts[index]) * scale, piece.blocks * scale

    def _index(self, start: int) -> int:
        if not 0 <= start < self.blocks:
            raise ValueError(f"block {start} is not inside a request of {self.blocks} blocks")
        return bisect_right(self._starts, start) - 1

    def _within(self, piece: Piece) -> int:
        """The index of the one range that has all of `piece`."""
        index = self._index(piece.start)
        if piece.end > self._end(index):
            raise ValueError(f"{piece} goes beyond the end of its range at block {self._end(index)}")
        return index

    def _end(self, index: int) -> int:
        return self._starts[index + 1] if index + 1 < len(self._starts) else self.blocks


@dataclass(frozen=True, slots=True)
class Shape:
    """How big a command is: at most `segments` segments of at most `segment_blocks` blocks."""

    segment_blocks: int
    segments: int


@dataclass(frozen=True)
class Batch:
    """The segments of one command, in order and without gaps, none across the end of a range."""

    pieces: tuple[Piece, ...]

    @cached_property
    def whole(self) -> Piece:
        """What the batch covers of the request; it may cross the ends of ranges."""
        first = self.pieces[0]
        return Piece(first.start, self.pieces[-1].end - first.start)

    def rest(self, left: Piece) -> tuple[Piece, ...]:
        """Its segments within `left`, which is what is left of it to the end."""
        return tuple(
            Piece(max(each.start, left.start), each.end - max(each.start, left.start))
            for each in self.pieces
            if each.end > left.start
        )

    def settled(self, copied: int, granule: int) -> int:
        """Of the first `copied` blocks so many that whole granules are left of every segment."""
        blocks = 0
        for piece in self.pieces:
            part = min(copied - blocks, piece.blocks)
            if part < piece.blocks:
                return blocks + part - part % granule
            blocks += part
        return blocks


def clip(shape: Shape | None, limits: Limits) -> Shape:
    """A shape within the limits, at least a granule; without one, as large as they allow."""
    granule, most = limits.granularity_blocks.value, limits.segment_blocks.value
    blocks = most if shape is None else min(shape.segment_blocks, most)
    blocks = max(granule, blocks - blocks % granule)
    count = min(limits.segments_per_command.value, max(1, limits.command_blocks.value // blocks))
    return Shape(blocks, count if shape is None else max(1, min(shape.segments, count)))


def fragment(room: Piece, request: Request, granule: int) -> Piece | None:
    """What another means has to copy first: less than a granule to the end of its range, or of `room`."""
    left = min(request.room(room.start).blocks, room.blocks)
    return Piece(room.start, left) if left < granule else None


def packed(limits: Limits) -> int:
    """How many segments of short ranges may stand in for fewer that are long."""
    return min(limits.segments_per_command.value, PACKED_SEGMENTS)


def batch_in(room: Piece, shape: Shape, request: Request, granule: int = 1, most: int = 0) -> Batch:
    """The next command's segments from the start of `room`, which is no `fragment`; it ends before one.

    The blocks of `shape` are whole granules. Where ranges are short there are up to `most` segments, with no
    more blocks than `shape` has. All are of one pair of units.
    """
    pieces: list[Piece] = []
    at, end = room.start, min(room.end, room.start + shape.segment_blocks * shape.segments)
    pair = request.pair(at)
    while at < end and len(pieces) < max(shape.segments, most) and request.pair(at) == pair:
        left = min(request.room(at).blocks, end - at)
        blocks = min(shape.segment_blocks, left - left % granule)
        if not blocks:
            break
        pieces.append(Piece(at, blocks))
        at += blocks
    if not pieces:
        raise ValueError(f"{room} begins with less than a granule of {granule} blocks")
    return Batch(tuple(pieces))


def batches(request: Request, limits: Limits) -> Iterator[Batch]:
    """Every command of a request, in order, made as they are asked for."""
    shape, granule = clip(None, limits), limits.granularity_blocks.value
    at = 0
    while at < request.blocks:
        room = Piece(at, request.blocks - at)
        rest = fragment(room, request, granule)
        if rest is None:
            batch = batch_in(room, shape, request, granule, packed(limits))
            yield batch
            rest = batch.whole
        at = rest.end


def remainders(request: Request, limits: Limits) -> Iterator[Piece]:
    """What is left beside the batches: less than one granule, at the end of a range."""
    granule = limits.granularity_blocks.value
    if granule == 1:
        return
    at = 0
    for each in request.ranges:
        at += each.blocks
        if rest := each.blocks % granule:
            yield Piece(at - rest, rest)

"""From a request and its limits to pieces, lazily: every block once, none outside.

Pieces are counted in blocks of the request from its start, so that both sides follow from one number.
Nothing here knows by which means a piece is copied, or whether it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xcopy.limits import Limits


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """`blocks` blocks of the request from its block `start`."""

    start: int
    blocks: int

    @property
    def end(self) -> int:
        """The block after the last."""
        return self.start + self.blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be copied: `blocks` of `block_size` bytes, the larger of both sides' block sizes.

    LBAs are of each unit, in its own blocks; a partition's start is already added.
    """

    source_lba: int
    destination_lba: int
    blocks: int
    source_block_size: int
    destination_block_size: int

    @property
    def block_size(self) -> int:
        """Bytes in a block of the request."""
        return max(self.source_block_size, self.destination_block_size)

    @property
    def bytes(self) -> int:
        """Bytes in the whole request."""
        return self.blocks * self.block_size

    def source(self, piece: Piece) -> tuple[int, int]:
        """LBA and blocks of a piece on the source."""
        scale = self.block_size // self.source_block_size
        return self.source_lba + piece.start * scale, piece.blocks * scale

    def destination(self, piece: Piece) -> tuple[int, int]:
        """LBA and blocks of a piece on the destination."""
        scale = self.block_size // self.destination_block_size
        return self.destination_lba + piece.start * scale, piece.blocks * scale


@dataclass(frozen=True, slots=True)
class Batch:
    """The segments of one command, in order and without gaps."""

    pieces: tuple[Piece, ...]

    @property
    def whole(self) -> Piece:
        """The range that the batch covers."""
        first = self.pieces[0]
        return Piece(first.start, self.pieces[-1].end - first.start)


def offloadable(blocks: int, limits: Limits) -> int:
    """How many of the first blocks are whole granules; the rest is for another means."""
    return blocks - blocks % limits.granularity_blocks.value


def batch_in(room: Piece, limits: Limits) -> Batch:
    """The next command's segments from the start of `room`, which is not empty."""
    pieces: list[Piece] = []
    at = room.start
    while at < room.end and len(pieces) < limits.segments_per_command.value:
        blocks = min(limits.segment_blocks.value, room.end - at)
        pieces.append(Piece(at, blocks))
        at += blocks
    return Batch(tuple(pieces))


def batches(blocks: int, limits: Limits) -> Iterator[Batch]:
    """Every command of a request of `blocks` blocks, in order, made as they are asked for."""
    end = offloadable(blocks, limits)
    at = 0
    while at < end:
        batch = batch_in(Piece(at, end - at), limits)
        yield batch
        at = batch.whole.end


def remainder(blocks: int, limits: Limits) -> Piece | None:
    """What is left after the batches: less than one granule, at the end."""
    done = offloadable(blocks, limits)
    return Piece(done, blocks - done) if done < blocks else None

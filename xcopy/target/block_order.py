"""Blocks from disk to disk in an order that is not the ascending one: all read first, or from the end on.

Of ranges that overlap each order makes something else. Chunks of a range without residual data only; whatever
else a segment does is done in ascending order (`movement`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.target.internal_io import check_range, check_writable, read_blocks, write_blocks
from xcopy.target.movement import check_limits
from xcopy.target.sides import BlockSide

if TYPE_CHECKING:
    from cdb.segment import BlockToBlock
    from xcopy.target.run import CopyRun
    from xcopy.target.sides import NullSide

ASCENDING, DESCENDING, READ_FIRST = "ascending", "descending", "read first"


def differs(run: CopyRun, source: BlockSide | NullSide, destination: BlockSide | NullSide) -> bool:
    """Whether the array has an order of its own for a segment between these."""
    return (
        run.place.profile.copies.order != ASCENDING
        and isinstance(source, BlockSide)
        and isinstance(destination, BlockSide)
        and source.unit.block_size == destination.unit.block_size
        and not (run.source_data or run.destination_data)
    )


def copy(run: CopyRun, source: BlockSide, destination: BlockSide, segment: BlockToBlock) -> int:
    """Copy the segment's blocks in the array's order; how many bytes that are."""
    size, blocks = source.unit.block_size, segment.blocks
    check_limits(run, "blocks", blocks * size)
    run.planned = blocks
    if not blocks:
        return 0
    check_range(run, source, segment.source_lba, blocks, "source_lba")
    check_range(run, destination, segment.destination_lba, blocks, "destination_lba")
    check_writable(run, destination)
    chunk = max(run.place.profile.chunk_size // size, 1)
    pieces = [(done, min(chunk, blocks - done)) for done in range(0, blocks, chunk)]
    read = {}
    if run.place.profile.copies.order == READ_FIRST:
        read = {done: read_blocks(run, source, segment.source_lba + done, n) for done, n in pieces}
    else:
        pieces.reverse()
    for done, n in pieces:
        data = read[done] if read else read_blocks(run, source, segment.source_lba + done, n)
        write_blocks(run, destination, segment.destination_lba + done, data)
        if read:
            run.wrote(n, n * size)
        else:
            run.out_of_order = True  # from the beginning on nothing is there until all of it is
    if not read:
        run.wrote(blocks, blocks * size)
    return blocks * size

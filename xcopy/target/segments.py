"""What each segment type does: one function and one entry in the table.

A no from here on is COPY ABORTED, and what earlier chunks wrote stays written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.segment import BlockToBlock
from xcopy.target.faults import Step
from xcopy.target.refusal import Refused
from xcopy.target.run import CopiedSegment

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.target.run import CopyRun, Side


def perform(run: CopyRun) -> None:
    """Perform the segment at hand; `Refused` when it fails."""
    PERFORMED[run.segment.descriptor_type](run)


def block_to_block(run: CopyRun) -> None:
    """02h: the blocks of one unit to another, in ascending chunks."""
    segment = run.segment
    assert isinstance(segment, BlockToBlock)
    source, destination = run.side("source"), run.side("destination")
    enforced = run.place.profile.enforced
    length = segment.blocks * (destination if segment.dc else source).unit.block_size
    if length % source.unit.block_size or length % destination.unit.block_size:
        run.abort(0x26, 0x0A, run.in_segment("blocks"))
    if length % (1 << enforced.data_segment_granularity):
        run.abort(0x26, 0x0D, run.in_segment("blocks"))
    if enforced.maximum_segment_length and length > enforced.maximum_segment_length:
        run.abort(0x26, 0x00, run.in_segment("blocks"))
    if length:
        _check_access(run, source, segment.source_lba, length)
        _check_access(run, destination, segment.destination_lba, length)
        try:
            destination.unit.check_writable()
        except Refused as refusal:
            run.device_failed(destination, refusal.reply, destination.pointer)
        _move(run, source, destination, length)
    run.place.copied.append(
        CopiedSegment(
            source=source.unit.number,
            source_lba=segment.source_lba,
            destination=destination.unit.number,
            destination_lba=segment.destination_lba,
            length=length,
        )
    )


def _check_access(run: CopyRun, side: Side, lba: int, length: int) -> None:
    """The whole range is there, before the first chunk moves."""
    try:
        side.unit.check_range(lba, length // side.unit.block_size)
    except Refused as refusal:
        run.device_failed(side, refusal.reply, run.in_segment(f"{side.role}_lba"))


def _move(run: CopyRun, source: Side, destination: Side, length: int) -> None:
    """Read and write chunk by chunk, from the first to the last."""
    segment = run.segment
    assert isinstance(segment, BlockToBlock)
    step = max(source.unit.block_size, destination.unit.block_size)  # 512 divides 4096
    chunk = max(run.place.profile.chunk_size // step, 1) * step
    done = 0
    while done < length:
        size = min(chunk, length - done)
        # Nothing written: no residual. Something written: how many destination blocks are missing.
        residual = (length - done) // destination.unit.block_size if done else None
        run.go_on(residual)
        try:
            data = read(run, source, segment.source_lba + done // source.unit.block_size, size)
        except Refused as refusal:
            run.device_failed(source, refusal.reply, source.pointer, residual)
        try:
            write(run, destination, segment.destination_lba + done // destination.unit.block_size, data)
        except Refused as refusal:
            run.device_failed(destination, refusal.reply, destination.pointer, residual)
        done += size
        run.operation.transferred += size


def read(run: CopyRun, side: Side, lba: int, size: int) -> bytes:
    """`size` bytes of a block unit, through the faults."""
    unit, blocks = side.unit, size // side.unit.block_size
    step = Step(kind="read", unit=unit.number, lba=lba, blocks=blocks)
    data = run.place.faults.read(step, lambda: unit.read(lba, blocks))
    run.operation.commands += 1
    return data


def write(run: CopyRun, side: Side, lba: int, data: bytes) -> None:
    """Whole blocks to a block unit, through the faults."""
    unit = side.unit
    step = Step(kind="write", unit=unit.number, lba=lba, blocks=len(data) // unit.block_size)
    run.place.faults.write(step, data, lambda changed: unit.write(lba, changed))
    run.operation.commands += 1


PERFORMED: dict[int, Callable[[CopyRun], None]] = {
    0x02: block_to_block,
}

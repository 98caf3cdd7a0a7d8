"""What each segment type does: one function and one entry in the table. Here are those of disks alone.

A no from here on is COPY ABORTED, and what earlier chunks wrote stays written. Those with a tape at either
side are in `segments_tape`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.command import Command
from cdb.cscd import RodCscd
from cdb.segment import BlockImage, BlockOffsetToBlockOffset, BlockToBlock, VerifyCscd
from xcopy.target import block_order
from xcopy.target.endpoints import disk_reader, disk_writer
from xcopy.target.faults import Step
from xcopy.target.movement import Movement, move
from xcopy.target.refusal import Refused
from xcopy.target.run import CopiedSegment
from xcopy.target.segment_reservation import register_key
from xcopy.target.segment_rod import populate
from xcopy.target.segments_tape import PERFORMED_ON_TAPES
from xcopy.target.sides import BlockSide, NullSide, disk, real_disk, side
from xcopy.target.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.target.run import CopyRun

TEST_UNIT_READY = Command(name="TEST UNIT READY", cdb=bytes(6))
HELD = 0x0D
UNSUPPORTED_SEGMENT_TYPE = (0x26, 0x09)


def perform(run: CopyRun) -> None:
    """Perform the segment at hand; `Refused` when it fails."""
    run.begin()
    kind = run.segment.descriptor_type
    step = Step(kind="segment", unit=run.receiver.number, segment=run.number, segment_type=kind)
    performed = PERFORMED.get(kind)
    if performed is None:  # a profile that implements what nobody does
        run.refuse(*UNSUPPORTED_SEGMENT_TYPE, run.in_segment("descriptor_type"))
    run.place.faults.segment(step, lambda: performed(run))
    run.begin()


def block_to_block(run: CopyRun) -> None:
    """02h and 0Dh: blocks of one disk to another, counted at either (SPC-4 6.4.6.4)."""
    segment = run.segment
    assert isinstance(segment, BlockToBlock)
    source, destination = disk(run, "source"), disk(run, "destination")
    counted = destination if segment.dc else source
    if isinstance(counted, NullSide) and segment.blocks:
        run.not_reachable(counted.pointer)
    asked = segment.blocks * (0 if isinstance(counted, NullSide) else counted.unit.block_size)
    if segment.descriptor_type != HELD and block_order.differs(run, source, destination):
        assert isinstance(source, BlockSide)
        assert isinstance(destination, BlockSide)
        written = block_order.copy(run, source, destination, segment)
        _copied(run, source, destination, segment, written)
        return
    written = move(
        run,
        Movement(
            reader=disk_reader(run, source, segment.source_lba, "source_lba"),
            writer=disk_writer(run, destination, segment.destination_lba, "destination_lba", segment.blocks),
            amount=max(asked - len(run.destination_data), 0) if segment.dc else asked,
            designated=asked if segment.dc else None,
            source_pad=source.pad,
            destination_pad=destination.pad,
            held=segment.descriptor_type == HELD,
        ),
    )
    _copied(run, source, destination, segment, written)


def offset_to_offset(run: CopyRun) -> None:
    """0Ah: bytes of one disk to another, what lies around them in their blocks kept (SPC-4 6.4.6.12)."""
    segment = run.segment
    assert isinstance(segment, BlockOffsetToBlockOffset)
    source, destination = disk(run, "source"), disk(run, "destination")
    check_offset(run, source, "source_byte_offset")
    check_offset(run, destination, "destination_byte_offset")
    written = move(
        run,
        Movement(
            reader=disk_reader(run, source, segment.source_lba, "source_lba", segment.source_byte_offset),
            writer=disk_writer(
                run,
                destination,
                segment.destination_lba,
                "destination_lba",
                segment.byte_count,
                segment.destination_byte_offset,
            ),
            amount=segment.byte_count,
            designated=segment.byte_count,
            source_pad=source.pad,
            destination_pad=destination.pad,
            counted_by="byte_count",
        ),
    )
    _copied(run, source, destination, segment, written)


def check_offset(run: CopyRun, found: BlockSide | NullSide, field: str) -> None:
    """An offset is into the first block."""
    if isinstance(found, BlockSide) and getattr(run.segment, field) >= found.unit.block_size:
        run.abort(0x26, 0x00, run.in_segment(field))


def block_image(run: CopyRun) -> None:
    """16h: blocks as they are, up to the end of either disk (SPC-4 6.4.6.19); residual data stay."""
    segment = run.segment
    assert isinstance(segment, BlockImage)
    source, destination = real_disk(run, "source"), real_disk(run, "destination")
    size = source.unit.block_size
    if size != destination.unit.block_size:
        run.abort(0x0D, 0x03, destination.pointer)
    there = source.unit.blocks - segment.source_lba, destination.unit.blocks - segment.destination_lba
    blocks = max(min(segment.blocks or max(there), *there), 1)  # beyond an end: the first block is not there
    reader = disk_reader(run, source, segment.source_lba, "source_lba")
    writer = disk_writer(run, destination, segment.destination_lba, "destination_lba", blocks)
    longest = run.place.profile.enforced.maximum_segment_length
    if longest and blocks * size > longest:
        run.abort(0x26, 0x00, run.in_segment("blocks"))
    reader.plan(blocks * size, 0)
    reader.check()
    writer.plan(blocks * size, 0)
    if not segment.blocks:
        run.planned = None  # no transfer count, no residual (SPC-4 5.17.7.4)
    chunk = max(run.place.profile.chunk_size // size, 1) * size
    while reader.left:
        writer.write(reader.read(chunk))
    _keep_without_storage(source, destination, segment, blocks)
    _copied(run, source, destination, segment, blocks * size)


def verify_cscd(run: CopyRun) -> None:
    """07h: that a CSCD is there and, if asked, ready (SPC-4 6.4.6.9); a null unit never is.

    Of a ROD there is nothing to ask: a token was found valid before the first segment, and a ROD that the
    command populates is let be.
    """
    segment = run.segment
    assert isinstance(segment, VerifyCscd)
    cscds = run.request.cscds
    if segment.source_cscd < len(cscds) and isinstance(cscds[segment.source_cscd], RodCscd):
        return
    found = side(run, "source")
    if isinstance(found, NullSide):
        run.not_reachable(found.pointer)
    if not segment.tur:
        return
    if not run.place.profile.test_unit_ready:
        run.abort(0x26, 0x00, run.in_segment("tur"))
    unit = run.place.units.get(found.unit.number) or run.place.tapes[found.unit.number]
    try:
        unit.perform(TEST_UNIT_READY)
    except Refused as refusal:
        run.device_failed(found, refusal)


def _keep_without_storage(
    source: BlockSide, destination: BlockSide, segment: BlockImage, blocks: int
) -> None:
    """What has no storage in a thin source needs none in a thin destination: zeros were written there."""
    one, other = source.unit, destination.unit
    if not (isinstance(one, Unit) and isinstance(other, Unit) and one.thin and other.thin):
        return
    at, end = segment.source_lba, segment.source_lba + blocks
    for first, behind in [*one.mapped(at), (end, end)]:
        hole = min(first, end) - at
        if hole > 0:
            other.unmap(segment.destination_lba + at - segment.source_lba, hole)
        at = max(at, behind)


def _copied(
    run: CopyRun,
    source: BlockSide | NullSide,
    destination: BlockSide | NullSide,
    segment: BlockToBlock | BlockOffsetToBlockOffset | BlockImage,
    length: int,
) -> None:
    if isinstance(source, BlockSide) and isinstance(destination, BlockSide):
        run.place.copied.append(
            CopiedSegment(
                source=source.unit.number,
                source_lba=segment.source_lba,
                destination=destination.unit.number,
                destination_lba=segment.destination_lba,
                length=length,
                source_offset=getattr(segment, "source_byte_offset", 0),
                destination_offset=getattr(segment, "destination_byte_offset", 0),
            )
        )


PERFORMED: dict[int, Callable[[CopyRun], None]] = {
    0x02: block_to_block,
    0x07: verify_cscd,
    0x0A: offset_to_offset,
    0x0D: block_to_block,
    0x14: register_key,
    0x16: block_image,
    0xBE: populate,
    0xBF: populate,
    **PERFORMED_ON_TAPES,
}

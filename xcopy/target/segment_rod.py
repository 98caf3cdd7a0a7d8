"""BEh and BFh: blocks of the unit that received the command are added to the end of a ROD (SPC-4 6.4.6.20).

What a ROD is to other segments is the business of `copy_rods`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.cscd import BlockParameters, RodCscd
from cdb.segment_rod import RECEIVING_UNIT, PopulateRod, PopulateRodRange, RodRange
from xcopy.target.refusal import Refused, at_row
from xcopy.target.rods import Extent
from xcopy.target.sides import real_disk

if TYPE_CHECKING:
    from cdb.sense import FieldPointer
    from xcopy.target.run import CopyRun

Ranges = list[tuple[Extent, "FieldPointer"]]


def populate(run: CopyRun) -> None:
    """Add the ranges of the segment at hand to its destination, in their order."""
    cscd_id = _destination(run)
    ranges = _ranges(run)
    _check_ranges(run, ranges, run.rods.populated(cscd_id))
    extents = tuple(extent for extent, _ in ranges if extent.blocks)
    if not run.rods.populate(cscd_id, extents):
        run.abort(0x26, 0x00, run.in_segment("destination_cscd"))  # SPC-4 5.17.7.5.2: it was used already


def _destination(run: CopyRun) -> int:
    """The id of a ROD CSCD descriptor of a block device's ROD that a command populates."""
    segment = run.segment
    assert isinstance(segment, PopulateRod | PopulateRodRange)
    if segment.source_cscd != RECEIVING_UNIT:
        run.refuse(0x26, 0x00, run.in_segment("source_cscd"))
    cscd_id, cscds = segment.destination_cscd, run.request.cscds
    cscd = cscds[cscd_id] if cscd_id < len(cscds) else None
    if not isinstance(cscd, RodCscd) or not cscd.rod_type:
        run.refuse(0x26, 0x00, run.in_segment("destination_cscd"))
    base = run.request.cscd_offset(cscd_id)
    parameters = cscd.parameters
    if cscd.peripheral_device_type or not isinstance(parameters, BlockParameters):
        run.refuse(0x26, 0x00, at_row(RodCscd.row("peripheral_device_type"), base))
    if parameters.block_length not in (0, run.receiver.block_size):
        base += RodCscd.row("parameters").offset
        run.abort(0x26, 0x00, at_row(BlockParameters.row("block_length"), base))
    return cscd_id


def _ranges(run: CopyRun) -> Ranges:
    """Each with a pointer at its LBA."""
    segment = run.segment
    if isinstance(segment, PopulateRodRange):
        return [(Extent(segment.lba, segment.blocks), run.in_segment("lba"))]
    assert isinstance(segment, PopulateRod)
    row, first = RodRange.row("lba"), PopulateRod.row("ranges").offset
    return [
        (Extent(found.lba, found.blocks), at_row(row, first + n * RodRange.size, segment=True))
        for n, found in enumerate(segment.ranges)
    ]


def _check_ranges(run: CopyRun, ranges: Ranges, before: tuple[Extent, ...]) -> None:
    """All of it is there, no block twice (SPC-4 5.17.6.3), and no more than a ROD may have."""
    maximum = run.place.profile.rods.maximum_bytes
    seen = list(before)
    for extent, pointer in ranges:
        try:
            run.receiver.check_range(extent.lba, extent.blocks)
        except Refused as refusal:
            run.device_failed(real_disk(run, "source"), refusal, pointer)
        seen_already = any(extent.common(other) for other in seen)
        seen.append(extent)
        size = sum(each.blocks for each in seen) * run.receiver.block_size
        if seen_already or (maximum and size > maximum):
            run.refuse(0x26, 0x00, pointer)

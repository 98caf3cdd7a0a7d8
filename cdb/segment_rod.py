"""Segment descriptors that say which blocks a ROD represents (SPC-4 6.4.6.20 and 6.4.6.21).

The source is the unit the command was sent to (FFFFh), the destination a ROD CSCD descriptor whose ROD
type is not 0; both are direct access block devices.
"""

from __future__ import annotations

from cdb.cscd_id import cscd_id_name
from cdb.record import Record, const, items, length, record, reserved, uint

RECEIVING_UNIT = 0xFFFF


@record
class RodRange(Record):
    """Four gibi-block range: `blocks` blocks from `lba` on (SPC-4 6.4.6.20, table 169)."""

    lba: int = uint(64, label="LOGICAL BLOCK ADDRESS")
    blocks: int = uint(32, label="NUMBER OF LOGICAL BLOCKS")
    _byte12 = reserved(32)


@record
class PopulateRod(Record):
    """Populate ROD from one or more block ranges (SPC-4 6.4.6.20, tables 167 and 168).

    The ranges are added to the end of the ROD; no block may be in two of them.
    """

    descriptor_type = const(8, 0xBE, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(8)
    descriptor_length = length(16, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, default=RECEIVING_UNIT, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte8 = reserved(40)
    range_type = const(8, 0x01, label="RANGE DESCRIPTOR TYPE", names={1: "four gibi-block ranges"})
    ranges_length = length(16, "ranges", label="RANGE DESCRIPTORS LENGTH")
    ranges: tuple[RodRange, ...] = items(RodRange, label="Range descriptor")


@record
class PopulateRodRange(Record):
    """Populate ROD from one block range (SPC-4 6.4.6.21, table 170)."""

    descriptor_type = const(8, 0xBF, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(8)
    descriptor_length = const(16, 0x10, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, default=RECEIVING_UNIT, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    lba: int = uint(64, label="LOGICAL BLOCK ADDRESS")
    blocks: int = uint(32, label="NUMBER OF LOGICAL BLOCKS")

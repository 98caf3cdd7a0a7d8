"""Segment descriptors: what is copied. Today block to block, 02h (SPC-4 6.4.6)."""

from __future__ import annotations

from cdb.record import Record, const, flag, record, reserved, uint

MAXIMUM_BLOCKS = 0xFFFF  # BLOCK DEVICE NUMBER OF BLOCKS is 16 bits (SPC-4 6.4.6.4)


@record
class SegmentHeader(Record):
    """The first eight bytes of any segment descriptor (SPC-4 6.4.6.1)."""

    descriptor_type: int = uint(8, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(6)
    dc: bool = flag(default=False)
    cat: bool = flag(default=False)
    descriptor_length: int = uint(16)
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID")
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID")


@record
class BlockToBlock(Record):
    """Copy from block device to block device, 02h (SPC-4 6.4.6.4).

    `blocks` counts source blocks, or destination blocks with `dc`; 0 copies nothing and is no error.
    """

    descriptor_type = const(8, 0x02, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(6)
    dc: bool = flag(default=False)
    cat: bool = flag(default=False)
    descriptor_length = const(16, 0x18)
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID")
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID")
    _byte8 = reserved(16)
    blocks: int = uint(16, label="BLOCK DEVICE NUMBER OF BLOCKS")
    source_lba: int = uint(64, label="SOURCE BLOCK DEVICE LOGICAL BLOCK ADDRESS")
    destination_lba: int = uint(64, label="DESTINATION BLOCK DEVICE LOGICAL BLOCK ADDRESS")

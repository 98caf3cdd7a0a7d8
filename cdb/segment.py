"""Segment descriptors: what is copied from which CSCD to which (SPC-4 6.4.6); one record, one entry each."""

from __future__ import annotations

from cdb.family import Family, Member
from cdb.record import Record, const, data, flag, length, record, reserved, uint

MAXIMUM_BLOCKS = 0xFFFF  # BLOCK DEVICE NUMBER OF BLOCKS is 16 bits (SPC-4 6.4.6.4)

SPECIAL_CSCD_IDS = {
    0xC000: "null block device",
    0xC001: "null stream device",
    0xF800: "the logical unit a ROD token names",
    0xFFFF: "the logical unit the command was sent to",
}


def cscd_id_name(value: int) -> str:
    """What a CSCD descriptor id stands for (SPC-4 6.4.6.1, table 148)."""
    return f"CSCD descriptor {value}" if value <= 0x07FF else SPECIAL_CSCD_IDS.get(value, "reserved")


@record
class UnknownSegment(Record):
    """A segment descriptor of a type not known here (SPC-4 6.4.6.1, table 147)."""

    descriptor_type: int = uint(8, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(6)
    dc: bool = flag(default=False)
    cat: bool = flag(default=False)
    descriptor_length = length(16, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    parameters: bytes = data(default=b"", label="Segment descriptor parameters")


@record
class BlockToBlock(Record):
    """Copy from block device to block device (SPC-4 6.4.6.4, table 151).

    0Dh also holds the data for the application client. `blocks` counts source blocks, or destination
    blocks with `dc`; 0 copies nothing and is no error.
    """

    descriptor_type: int = uint(8, default=0x02, allowed=(0x02, 0x0D), label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(6)
    dc: bool = flag(default=False)
    cat: bool = flag(default=False)
    descriptor_length = const(16, 0x18, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte8 = reserved(16)
    blocks: int = uint(16, label="BLOCK DEVICE NUMBER OF BLOCKS")
    source_lba: int = uint(64, label="SOURCE BLOCK DEVICE LOGICAL BLOCK ADDRESS")
    destination_lba: int = uint(64, label="DESTINATION BLOCK DEVICE LOGICAL BLOCK ADDRESS")


SEGMENTS = Family(
    label="segment",
    unknown=UnknownSegment,
    members={
        0x02: Member("block to block", BlockToBlock),
        0x0D: Member("block to block, data held", BlockToBlock),
    },
)

Segment = BlockToBlock | UnknownSegment

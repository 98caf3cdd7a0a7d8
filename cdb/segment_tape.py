"""Segment descriptors that move a tape, mark it, or copy one tape to another as it is (SPC-4 6.4.6)."""

from __future__ import annotations

from cdb.cscd_id import cscd_id_name
from cdb.record import Record, const, data, flag, length, record, reserved, uint

SPACE_CODES = {
    0: "logical blocks",
    1: "filemarks",
    2: "sequential filemarks",
    3: "end of data",
    4: "setmarks",
    5: "sequential setmarks",
}


def space_count(value: int) -> str:
    """The COUNT of a SPACE command, 24 bits in two's complement: negative is towards the beginning."""
    return f"{(1 << 24) - value} backwards" if value >> 23 else ""


@record
class WriteFilemarks(Record):
    """Write filemarks to sequential-access device (SPC-4 6.4.6.13, table 160).

    `w_immed`: the tape may answer before they are written.
    """

    descriptor_type = const(8, 0x10, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(8)
    descriptor_length = const(16, 0x08, label="DESCRIPTOR LENGTH")
    _byte4 = reserved(16)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte8 = reserved(6)
    _byte8b = reserved(1, label="Obsolete")
    w_immed: bool = flag(default=False, label="W_IMMED")
    filemarks: int = uint(24, label="FILEMARK COUNT")


@record
class Space(Record):
    """Space records or filemarks on sequential-access device (SPC-4 6.4.6.14, table 161).

    What the codes mean, and that the count is signed, is by way of the manuals of tape drives.
    """

    descriptor_type = const(8, 0x11, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(8)
    descriptor_length = const(16, 0x08, label="DESCRIPTOR LENGTH")
    _byte4 = reserved(16)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte8 = reserved(5)
    code: int = uint(3, names=SPACE_CODES)
    count: int = uint(24, names=space_count)


@record
class Locate(Record):
    """Locate on sequential-access device, in the current partition (SPC-4 6.4.6.15, table 162)."""

    descriptor_type = const(8, 0x12, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(8)
    descriptor_length = const(16, 0x08, label="DESCRIPTOR LENGTH")
    _byte4 = reserved(16)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    logical_object: int = uint(32, label="LOGICAL OBJECT IDENTIFIER")


@record
class TapeImage(Record):
    """Tape device image copy (SPC-4 6.4.6.16, table 163).

    It ends at the end of the data or of the partition, or after so many consecutive filemarks.
    """

    descriptor_type = const(8, 0x13, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(8)
    descriptor_length = const(16, 0x08, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    count: int = uint(32, default=0, names={0: "filemarks do not end it"})


@record
class Spc5Tape(Record):
    """A tape segment of SPC-5, its layout not public (SPC-5 6.6.6.1, table 119, by way of python-scsi).

    17h positions a tape, 18h copies logical objects from tape to tape, 19h mirrors a tape as it is written.
    No more than the codes and names is known here, and the header all segment descriptors have.
    """

    descriptor_type: int = uint(8, default=0x17, allowed=(0x17, 0x18, 0x19), label="DESCRIPTOR TYPE CODE")
    flags: int = uint(8, default=0, label="Byte 1")
    descriptor_length = length(16, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    contents: bytes = data(default=b"", label="Segment descriptor parameters")

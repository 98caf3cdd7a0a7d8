"""Segment descriptors: what is copied from which CSCD to which (SPC-4 6.4.6); one record, one entry each.

Here are those that copy data; those for tapes, reservations and RODs have files of their own.
Where a segment has no source or no destination, the place of that CSCD's id is reserved.
The tables' CAT bit: what is left over of this segment is kept for the next. Transfer lengths of stream
devices are in bytes or in blocks, as the device's CSCD descriptor says. A count of 0 is never an error.
"""

from __future__ import annotations

from cdb.cscd_id import cscd_id_name
from cdb.family import Family, Member
from cdb.record import Record, const, data, flag, length, record, reserved, uint
from cdb.segment_reservation import RegisterKey, ThirdPartyReservation
from cdb.segment_rod import PopulateRod, PopulateRodRange
from cdb.segment_tape import Locate, Space, Spc5Tape, TapeImage, WriteFilemarks

MAXIMUM_BLOCKS = 0xFFFF  # BLOCK DEVICE NUMBER OF BLOCKS is 16 bits (SPC-4 6.4.6.4)


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
class BlockToStream(Record):
    """Copy from block device to stream device (SPC-4 6.4.6.2, table 149).

    0Bh also holds the data for the application client. `blocks` counts source blocks; 0 copies nothing.
    """

    descriptor_type: int = uint(8, default=0x00, allowed=(0x00, 0x0B), label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(7)
    cat: bool = flag(default=False)
    descriptor_length = const(16, 0x14, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte8 = reserved(8)
    stream_transfer_length: int = uint(24, label="STREAM DEVICE TRANSFER LENGTH")
    _byte12 = reserved(16)
    blocks: int = uint(16, label="BLOCK DEVICE NUMBER OF BLOCKS")
    lba: int = uint(64, label="BLOCK DEVICE LOGICAL BLOCK ADDRESS")


@record
class StreamToBlock(Record):
    """Copy from stream device to block device (SPC-4 6.4.6.3, table 150).

    0Ch also holds the data for the application client. `blocks` counts destination blocks; 0 writes none.
    """

    descriptor_type: int = uint(8, default=0x01, allowed=(0x01, 0x0C), label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(7)
    cat: bool = flag(default=False)
    descriptor_length = const(16, 0x14, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte8 = reserved(8)
    stream_transfer_length: int = uint(24, label="STREAM DEVICE TRANSFER LENGTH")
    _byte12 = reserved(16)
    blocks: int = uint(16, label="BLOCK DEVICE NUMBER OF BLOCKS")
    lba: int = uint(64, label="BLOCK DEVICE LOGICAL BLOCK ADDRESS")


@record
class BlockToBlock(Record):
    """Copy from block device to block device (SPC-4 6.4.6.4, table 151).

    0Dh also holds the data for the application client. `blocks` counts source blocks, or destination
    blocks with `dc`; 0 copies nothing and is no error. SPC-5's FCO (fast copy only, by way of sg3_utils
    and python-scsi) is a reserved bit here: a device of SPC-4 must refuse it.
    """

    descriptor_type: int = uint(8, default=0x02, allowed=(0x02, 0x0D), label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(5)
    _fco = reserved(1, label="Reserved (FCO in SPC-5)")
    dc: bool = flag(default=False, names={0: "blocks of the source", 1: "blocks of the destination"})
    cat: bool = flag(default=False)
    descriptor_length = const(16, 0x18, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte8 = reserved(16)
    blocks: int = uint(16, label="BLOCK DEVICE NUMBER OF BLOCKS")
    source_lba: int = uint(64, label="SOURCE BLOCK DEVICE LOGICAL BLOCK ADDRESS")
    destination_lba: int = uint(64, label="DESTINATION BLOCK DEVICE LOGICAL BLOCK ADDRESS")


@record
class StreamToStream(Record):
    """Copy from stream device to stream device (SPC-4 6.4.6.5, table 152).

    0Eh also holds the data for the application client.
    """

    descriptor_type: int = uint(8, default=0x03, allowed=(0x03, 0x0E), label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(7)
    cat: bool = flag(default=False)
    descriptor_length = const(16, 0x10, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte8 = reserved(8)
    source_transfer_length: int = uint(24, label="SOURCE STREAM DEVICE TRANSFER LENGTH")
    _byte12 = reserved(8)
    destination_transfer_length: int = uint(24, label="DESTINATION STREAM DEVICE TRANSFER LENGTH")
    byte_count: int = uint(32)


@record
class InlineToStream(Record):
    """Copy inline data to stream device (SPC-4 6.4.6.6, table 153).

    `inline_offset` is in bytes from the first byte of inline data, a multiple of 4.
    """

    descriptor_type = const(8, 0x04, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(7)
    cat: bool = flag(default=False)
    descriptor_length = const(16, 0x10, label="DESCRIPTOR LENGTH")
    _byte4 = reserved(16)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte8 = reserved(8)
    stream_transfer_length: int = uint(24, label="STREAM DEVICE TRANSFER LENGTH")
    inline_offset: int = uint(32, label="INLINE DATA OFFSET")
    byte_count: int = uint(32, label="INLINE DATA NUMBER OF BYTES")


@record
class EmbeddedToStream(Record):
    """Copy embedded data to stream device (SPC-4 6.4.6.7, table 154).

    The data is in the descriptor, at most 65520 bytes, zeros behind it up to a multiple of 4.
    """

    descriptor_type = const(8, 0x05, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(7)
    cat: bool = flag(default=False)
    descriptor_length = length(16, label="DESCRIPTOR LENGTH")
    _byte4 = reserved(16)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte8 = reserved(8)
    stream_transfer_length: int = uint(24, label="STREAM DEVICE TRANSFER LENGTH")
    embedded_data_length = length(16, "embedded_data", label="EMBEDDED DATA NUMBER OF BYTES")
    _byte14 = reserved(16)
    embedded_data: bytes = data(pad_to=4)


@record
class StreamToDiscard(Record):
    """Read from stream device and discard (SPC-4 6.4.6.8, table 155).

    0Fh holds the data for the application client instead.
    """

    descriptor_type: int = uint(8, default=0x06, allowed=(0x06, 0x0F), label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(7)
    cat: bool = flag(default=False)
    descriptor_length = const(16, 0x0C, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte6 = reserved(16)
    _byte8 = reserved(8)
    stream_transfer_length: int = uint(24, label="STREAM DEVICE TRANSFER LENGTH")
    byte_count: int = uint(32, label="NUMBER OF BYTES")


@record
class VerifyCscd(Record):
    """Verify that a CSCD can be reached (SPC-4 6.4.6.9, table 156).

    `tur` asks by TEST UNIT READY; without it no unit attention is to be disturbed.
    """

    descriptor_type = const(8, 0x07, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(8)
    descriptor_length = const(16, 0x08, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte6 = reserved(16)
    _byte8 = reserved(7)
    tur: bool = flag(default=False)
    _byte9 = reserved(24)


@record
class BlockOffsetToStream(Record):
    """Copy from block device with offset to stream device (SPC-4 6.4.6.10, table 157).

    `byte_offset` is into the first block.
    """

    descriptor_type = const(8, 0x08, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(7)
    cat: bool = flag(default=False)
    descriptor_length = const(16, 0x18, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte8 = reserved(8)
    stream_transfer_length: int = uint(24, label="STREAM DEVICE TRANSFER LENGTH")
    byte_count: int = uint(32, label="NUMBER OF BYTES")
    lba: int = uint(64, label="BLOCK DEVICE LOGICAL BLOCK ADDRESS")
    _byte24 = reserved(16)
    byte_offset: int = uint(16, label="BLOCK DEVICE BYTE OFFSET")


@record
class StreamToBlockOffset(Record):
    """Copy from stream device to block device with offset (SPC-4 6.4.6.11, table 158).

    `byte_offset` is into the first block; what lies around the bytes in their blocks is preserved.
    """

    descriptor_type = const(8, 0x09, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(7)
    cat: bool = flag(default=False)
    descriptor_length = const(16, 0x18, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte8 = reserved(8)
    stream_transfer_length: int = uint(24, label="STREAM DEVICE TRANSFER LENGTH")
    byte_count: int = uint(32, label="NUMBER OF BYTES")
    lba: int = uint(64, label="BLOCK DEVICE LOGICAL BLOCK ADDRESS")
    _byte24 = reserved(16)
    byte_offset: int = uint(16, label="BLOCK DEVICE BYTE OFFSET")


@record
class BlockOffsetToBlockOffset(Record):
    """Copy from block device with offset to block device with offset (SPC-4 6.4.6.12, table 159).

    The offsets are in bytes into the first block; what lies around the bytes written is preserved.
    """

    descriptor_type = const(8, 0x0A, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(7)
    cat: bool = flag(default=False)
    descriptor_length = const(16, 0x1C, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    byte_count: int = uint(32, label="NUMBER OF BYTES")
    source_lba: int = uint(64, label="SOURCE BLOCK DEVICE LOGICAL BLOCK ADDRESS")
    destination_lba: int = uint(64, label="DESTINATION BLOCK DEVICE LOGICAL BLOCK ADDRESS")
    source_byte_offset: int = uint(16, label="SOURCE BLOCK DEVICE BYTE OFFSET")
    destination_byte_offset: int = uint(16, label="DESTINATION BLOCK DEVICE BYTE OFFSET")


@record
class BlockImage(Record):
    """Block device image copy (SPC-4 6.4.6.19, table 166).

    Blocks with their protection information and, where possible, their provisioning, between units of equal
    block length. `blocks` 0 copies up to the end of the smaller unit, which is a success.
    """

    descriptor_type = const(8, 0x16, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(8)
    descriptor_length = const(16, 0x18, label="DESCRIPTOR LENGTH")
    source_cscd: int = uint(16, label="SOURCE CSCD DESCRIPTOR ID", names=cscd_id_name)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    source_lba: int = uint(64, label="STARTING SOURCE LOGICAL BLOCK ADDRESS")
    destination_lba: int = uint(64, label="STARTING DESTINATION LOGICAL BLOCK ADDRESS")
    blocks: int = uint(32, label="NUMBER OF LOGICAL BLOCKS", names={0: "up to the end of a unit"})


SEGMENTS = Family(
    label="segment",
    unknown=UnknownSegment,
    members={
        0x00: Member("block to stream", BlockToStream),
        0x01: Member("stream to block", StreamToBlock),
        0x02: Member("block to block", BlockToBlock),
        0x03: Member("stream to stream", StreamToStream),
        0x04: Member("inline to stream", InlineToStream),
        0x05: Member("embedded to stream", EmbeddedToStream),
        0x06: Member("stream to discard", StreamToDiscard),
        0x07: Member("verify CSCD", VerifyCscd),
        0x08: Member("block with offset to stream", BlockOffsetToStream),
        0x09: Member("stream to block with offset", StreamToBlockOffset),
        0x0A: Member("block with offset to block with offset", BlockOffsetToBlockOffset),
        0x0B: Member("block to stream, data held", BlockToStream),
        0x0C: Member("stream to block, data held", StreamToBlock),
        0x0D: Member("block to block, data held", BlockToBlock),
        0x0E: Member("stream to stream, data held", StreamToStream),
        0x0F: Member("stream to discard, data held", StreamToDiscard),
        0x10: Member("filemarks to tape", WriteFilemarks),
        0x11: Member("space on tape", Space),
        0x12: Member("locate on tape", Locate),
        0x13: Member("image of tape to tape", TapeImage),
        0x14: Member("register persistent reservation key", RegisterKey),
        0x15: Member("third party persistent reservation", ThirdPartyReservation),
        0x16: Member("image of block to block", BlockImage),
        0x17: Member("position tape (SPC-5)", Spc5Tape),
        0x18: Member("logical objects of tape to tape (SPC-5)", Spc5Tape),
        0x19: Member("mirror tape (SPC-5)", Spc5Tape),
        0xBE: Member("ROD from block ranges", PopulateRod),
        0xBF: Member("ROD from one block range", PopulateRodRange),
    },
)

Segment = (
    BlockToStream
    | StreamToBlock
    | BlockToBlock
    | StreamToStream
    | InlineToStream
    | EmbeddedToStream
    | StreamToDiscard
    | VerifyCscd
    | BlockOffsetToStream
    | StreamToBlockOffset
    | BlockOffsetToBlockOffset
    | WriteFilemarks
    | Space
    | Locate
    | TapeImage
    | RegisterKey
    | ThirdPartyReservation
    | BlockImage
    | Spc5Tape
    | PopulateRod
    | PopulateRodRange
    | UnknownSegment
)

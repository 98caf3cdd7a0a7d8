"""Sense data descriptors: the parts of descriptor format sense data; one record, one entry each.

Two of them mean what the sense key says, so a list of descriptors is read by the family of its sense key.
Clause 4.5 is known here by way of sg3_utils and jSCSI; what a copy puts in it is SPC-4 5.17.7.4.
"""

from __future__ import annotations

from cdb.command import Status
from cdb.family import Family, Member
from cdb.record import Record, const, data, flag, items, length, part, record, reserved, uint
from cdb.sense_block import BlockCommands, DirectAccess, Referrals
from cdb.sense_key import (
    COPY_ABORTED,
    HARDWARE_ERROR,
    ILLEGAL_REQUEST,
    KEY_NAMES,
    MEDIUM_ERROR,
    NO_SENSE,
    NOT_READY,
    RECOVERED_ERROR,
    UNIT_ATTENTION,
    AttentionOverflow,
    FieldPointerSpecific,
    OtherSpecific,
    Progress,
    RetryCount,
    SegmentPointerSpecific,
    code_name,
    share,
)

STATUS_NAMES = {status.value: status.name.replace("_", " ") for status in Status}
SOURCE_ROLES = {1: "source", 2: "destination"} | {n: f"destination {n - 1}" for n in range(3, 8)}
STRANGERS = {
    0x06: "OSD object identification",
    0x07: "OSD response integrity check value",
    0x08: "OSD attribute identification",
    0x0E: "device designation",
    0x0F: "microcode activation",  # this and the one before: SPC-5, by way of sg3_utils
}


def descriptor_name(value: int) -> str:
    """What a sense data descriptor of a type not read here is."""
    return "vendor specific" if value >= 0x80 else STRANGERS.get(value, "reserved")


def role_name(value: int) -> str:
    """Whose sense a forwarded sense descriptor holds."""
    return SOURCE_ROLES.get(value, "reserved" if value else "unknown")


def sense_within(inner: bytes) -> type[Record] | None:
    """The record of sense data inside other sense data."""
    from cdb.sense_format import sense_record  # which holds these descriptors

    return sense_record(inner)


@record
class UnknownDescriptor(Record):
    """A sense data descriptor of a type not known here (SPC-4 4.5.2, by way of sg3_utils)."""

    descriptor_type: int = uint(8, names=descriptor_name)
    additional_length = length(8, "value")
    value: bytes = data(default=b"", label="Sense data descriptor specific")


@record
class Information(Record):
    """Information descriptor (SPC-4 4.5.2, by way of sg3_utils).

    In a copy: how much of the segment is not written, in destination blocks (5.17.7.4).
    """

    descriptor_type = const(8, 0x00)
    additional_length = length(8)
    valid: bool = flag(default=True)
    _byte2 = reserved(15)
    value: int = uint(64, label="INFORMATION")


@record
class CommandSpecific(Record):
    """Command-specific information descriptor (SPC-4 4.5.2, by way of sg3_utils)."""

    descriptor_type = const(8, 0x01)
    additional_length = length(8)
    _byte2 = reserved(16)
    value: int = uint(64, label="COMMAND-SPECIFIC INFORMATION")


@record
class CopySpecific(Record):
    """Command-specific information descriptor of COPY ABORTED (SPC-4 5.17.7.4).

    The segment number is in the third and fourth byte of the field; some copy managers right-align it.
    """

    descriptor_type = const(8, 0x01)
    additional_length = length(8)
    _byte2 = reserved(32)
    segment: int = uint(16, default=0, label="SEGMENT NUMBER")
    right_aligned: int = uint(32, default=0, label="SEGMENT NUMBER, RIGHT-ALIGNED")


@record
class PointerDescriptor(Record):
    """Sense key specific descriptor of ILLEGAL REQUEST (SPC-4 4.5.2.4, by way of jSCSI)."""

    descriptor_type = const(8, 0x02)
    additional_length = length(8)
    _byte2 = reserved(16)
    specific: FieldPointerSpecific = part(FieldPointerSpecific, label="SENSE KEY SPECIFIC")
    _byte7 = reserved(8)


@record
class SegmentPointerDescriptor(Record):
    """Sense key specific descriptor of COPY ABORTED (SPC-4 5.17.7.4, 4.5.2.4.5)."""

    descriptor_type = const(8, 0x02)
    additional_length = length(8)
    _byte2 = reserved(16)
    specific: SegmentPointerSpecific = part(SegmentPointerSpecific, label="SENSE KEY SPECIFIC")
    _byte7 = reserved(8)


@record
class RetryDescriptor(Record):
    """Sense key specific descriptor with a retry count (SPC-4 4.5.2.4, by way of jSCSI)."""

    descriptor_type = const(8, 0x02)
    additional_length = length(8)
    _byte2 = reserved(16)
    specific: RetryCount = part(RetryCount, label="SENSE KEY SPECIFIC")
    _byte7 = reserved(8)


@record
class ProgressDescriptor(Record):
    """Sense key specific descriptor with a progress indication (SPC-4 5.11.2.3)."""

    descriptor_type = const(8, 0x02)
    additional_length = length(8)
    _byte2 = reserved(16)
    specific: Progress = part(Progress, label="SENSE KEY SPECIFIC")
    _byte7 = reserved(8)


@record
class OverflowDescriptor(Record):
    """Sense key specific descriptor of UNIT ATTENTION (SPC-4 4.5.2.4, by way of sg3_utils)."""

    descriptor_type = const(8, 0x02)
    additional_length = length(8)
    _byte2 = reserved(16)
    specific: AttentionOverflow = part(AttentionOverflow, label="SENSE KEY SPECIFIC")
    _byte7 = reserved(8)


@record
class OtherSpecificDescriptor(Record):
    """Sense key specific descriptor of a key that defines none (SPC-4 4.5.2.4, by way of jSCSI)."""

    descriptor_type = const(8, 0x02)
    additional_length = length(8)
    _byte2 = reserved(16)
    specific: OtherSpecific = part(OtherSpecific, label="SENSE KEY SPECIFIC")
    _byte7 = reserved(8)


@record
class ReplaceableUnit(Record):
    """Field replaceable unit descriptor (SPC-4 4.5.2, by way of sg3_utils)."""

    descriptor_type = const(8, 0x03)
    additional_length = length(8)
    _byte2 = reserved(8)
    code: int = uint(8, label="FIELD REPLACEABLE UNIT CODE")


@record
class StreamCommands(Record):
    """Stream commands descriptor (SPC-4 4.5.2, by way of sg3_utils)."""

    descriptor_type = const(8, 0x04)
    additional_length = length(8)
    _byte2 = reserved(8)
    filemark: bool = flag(default=False)
    eom: bool = flag(default=False)
    ili: bool = flag(default=False)
    _byte3 = reserved(5)


@record
class AtaStatusReturn(Record):
    """ATA status return descriptor (SAT, by way of sg3_utils).

    An LBA has its bytes in the order of the ATA registers; those with "previous" count with EXTEND.
    """

    descriptor_type = const(8, 0x09)
    additional_length = length(8)
    _byte2 = reserved(7)
    extend: bool = flag(default=False)
    error: int = uint(8)
    count: int = uint(16)
    lba_31_24: int = uint(8, label="LBA (31:24), PREVIOUS")
    lba_7_0: int = uint(8, label="LBA (7:0)")
    lba_39_32: int = uint(8, label="LBA (39:32), PREVIOUS")
    lba_15_8: int = uint(8, label="LBA (15:8)")
    lba_47_40: int = uint(8, label="LBA (47:40), PREVIOUS")
    lba_23_16: int = uint(8, label="LBA (23:16)")
    device: int = uint(8)
    status: int = uint(8)


@record
class AnotherProgress(Record):
    """Another progress indication descriptor (SPC-4 4.5.2.6, by way of sg3_utils)."""

    descriptor_type = const(8, 0x0A)
    additional_length = length(8)
    sense_key: int = uint(8, label="ANOTHER SENSE KEY", names=KEY_NAMES)
    additional_sense: int = uint(16, label="ANOTHER ADDITIONAL SENSE CODE, QUALIFIER", names=code_name)
    _byte5 = reserved(8)
    indication: int = uint(16, label="PROGRESS INDICATION", names=share)


@record
class ForwardedSense(Record):
    """Forwarded sense data descriptor: what a CSCD answered (SPC-4 5.17.7.4, 4.5.2.7).

    SOURCE above 2 by way of sg3_utils. FSDT: the sense data were cut short.
    """

    descriptor_type = const(8, 0x0C)
    additional_length = length(8)
    fsdt: bool = flag(default=False, names={1: "cut short"})
    _byte2 = reserved(3)
    source: int = uint(4, label="SENSE DATA SOURCE", names=role_name)
    status: int = uint(8, label="FORWARDED STATUS", names=STATUS_NAMES)
    sense: bytes = data(default=b"", label="FORWARDED SENSE DATA", holds=sense_within)


def _family(specific: type[Record], command: type[Record] = CommandSpecific) -> Family:
    """The descriptors of one sense key: `command` is its 01h, `specific` its 02h."""
    return Family(
        label="sense data descriptor",
        unknown=UnknownDescriptor,
        members={
            0x00: Member("information", Information),
            0x01: Member("command specific information", command),
            0x02: Member("sense key specific", specific),
            0x03: Member("field replaceable unit", ReplaceableUnit),
            0x04: Member("stream commands", StreamCommands),
            0x05: Member("block commands", BlockCommands),
            0x09: Member("ATA status return", AtaStatusReturn),
            0x0A: Member("another progress indication", AnotherProgress),
            0x0B: Member("user data segment referral", Referrals),
            0x0C: Member("forwarded sense data", ForwardedSense),
            0x0D: Member("direct access block device", DirectAccess),
        },
    )


Descriptor = (
    Information | CommandSpecific | CopySpecific | PointerDescriptor | SegmentPointerDescriptor
    | RetryDescriptor | ProgressDescriptor
    | OverflowDescriptor | OtherSpecificDescriptor | ReplaceableUnit | StreamCommands | BlockCommands
    | AtaStatusReturn | AnotherProgress | Referrals | ForwardedSense | DirectAccess | UnknownDescriptor
)  # fmt: skip


@record
class CopyDescriptors(Record):
    """Sense data descriptors of COPY ABORTED (SPC-4 5.17.7.4)."""

    descriptors: tuple[Descriptor, ...] = items(_family(SegmentPointerDescriptor, CopySpecific), default=())


@record
class PointerDescriptors(Record):
    """Sense data descriptors of ILLEGAL REQUEST (SPC-4 4.5.2, by way of sg3_utils)."""

    descriptors: tuple[Descriptor, ...] = items(_family(PointerDescriptor), default=())


@record
class RetryDescriptors(Record):
    """Sense data descriptors of an error of the device (SPC-4 4.5.2, by way of sg3_utils)."""

    descriptors: tuple[Descriptor, ...] = items(_family(RetryDescriptor), default=())


@record
class ProgressDescriptors(Record):
    """Sense data descriptors of NO SENSE and NOT READY (SPC-4 5.11.2.3)."""

    descriptors: tuple[Descriptor, ...] = items(_family(ProgressDescriptor), default=())


@record
class AttentionDescriptors(Record):
    """Sense data descriptors of UNIT ATTENTION (SPC-4 4.5.2, by way of sg3_utils)."""

    descriptors: tuple[Descriptor, ...] = items(_family(OverflowDescriptor), default=())


@record
class OtherDescriptors(Record):
    """Sense data descriptors of any other sense key (SPC-4 4.5.2, by way of sg3_utils)."""

    descriptors: tuple[Descriptor, ...] = items(_family(OtherSpecificDescriptor), default=())


DescriptorList = (
    CopyDescriptors
    | PointerDescriptors
    | RetryDescriptors
    | ProgressDescriptors
    | AttentionDescriptors
    | OtherDescriptors
)
LISTS: dict[int, type[Record]] = {
    NO_SENSE: ProgressDescriptors,
    RECOVERED_ERROR: RetryDescriptors,
    NOT_READY: ProgressDescriptors,
    MEDIUM_ERROR: RetryDescriptors,
    HARDWARE_ERROR: RetryDescriptors,
    ILLEGAL_REQUEST: PointerDescriptors,
    UNIT_ATTENTION: AttentionDescriptors,
    COPY_ABORTED: CopyDescriptors,
}

"""VPD page 8Fh, Third-party Copy: what a copy manager can do (SPC-4 7.8.17; SBC-4 6.6.9).

One descriptor is one record and one entry. Where a descriptor has a DESCRIPTOR PAD, it is built by `of`,
which puts in the zeros that make it a multiple of four bytes long; when it is read, any pad will do.
The descriptors about RODs are in `third_party_rod`.
"""

from __future__ import annotations

from typing import Self

from cdb.copy_results import NO_LIMIT, descriptor_type_name, power_of_two
from cdb.cscd_id import cscd_id_name
from cdb.family import Family, Member
from cdb.inquiry import PERIPHERAL_DEVICE_TYPES, PERIPHERAL_QUALIFIERS
from cdb.record import Record, const, data, items, length, numbers, record, reserved, uint
from cdb.supported_commands import OPERATION_CODES, SERVICE_ACTIONS
from cdb.third_party_rod import BlockRodLimits, RodTokenFeatures, SupportedRodTypes

THIRD_PARTY_COPY = 0x8F

COPY_OUT = {action: name for (code, action), name in SERVICE_ACTIONS.items() if code == 0x83}
COPY_IN = {action: name for (code, action), name in SERVICE_ACTIONS.items() if code == 0x84}


def descriptor_name(value: int) -> str:
    """What a third-party copy descriptor of a type not read here is (SPC-4 7.8.17.3, table 645)."""
    return "restricted" if 0xE000 <= value <= 0xEFFF else "reserved"


def _pad(size: int) -> bytes:
    return bytes(-size % 4)


@record
class UnknownDescriptor(Record):
    """Third-party copy descriptor of a type not known here (SPC-4 7.8.17.2, table 644)."""

    descriptor_type: int = uint(16, label="THIRD-PARTY COPY DESCRIPTOR TYPE", names=descriptor_name)
    descriptor_length = length(16, label="THIRD-PARTY COPY DESCRIPTOR LENGTH")
    parameters: bytes = data(default=b"", label="Third-party copy parameters")


@record
class OtherCommandSupport(Record):
    """Command support descriptor (SPC-4 7.8.17.4.2, table 647)."""

    operation_code: int = uint(8, label="SUPPORTED OPERATION CODE", names=OPERATION_CODES)
    service_actions_length = length(8, "service_actions", label="SUPPORTED SERVICE ACTIONS LIST LENGTH")
    service_actions: tuple[int, ...] = numbers(8, default=(), label="SUPPORTED SERVICE ACTION")


@record
class CopyOutSupport(Record):
    """Command support descriptor of operation code 83h (SPC-4 7.8.17.4.2, table 647)."""

    operation_code = const(8, 0x83, label="SUPPORTED OPERATION CODE", names=OPERATION_CODES)
    service_actions_length = length(8, "service_actions", label="SUPPORTED SERVICE ACTIONS LIST LENGTH")
    service_actions: tuple[int, ...] = numbers(8, label="SUPPORTED SERVICE ACTION", names=COPY_OUT)


@record
class CopyInSupport(Record):
    """Command support descriptor of operation code 84h (SPC-4 7.8.17.4.2, table 647)."""

    operation_code = const(8, 0x84, label="SUPPORTED OPERATION CODE", names=OPERATION_CODES)
    service_actions_length = length(8, "service_actions", label="SUPPORTED SERVICE ACTIONS LIST LENGTH")
    service_actions: tuple[int, ...] = numbers(8, label="SUPPORTED SERVICE ACTION", names=COPY_IN)


COMMAND_SUPPORT = Family(
    label="command support descriptor",
    unknown=OtherCommandSupport,
    members={
        0x83: Member("third-party copy out", CopyOutSupport),
        0x84: Member("third-party copy in", CopyInSupport),
    },
)
CommandSupport = CopyOutSupport | CopyInSupport | OtherCommandSupport


@record
class SupportedCommands(Record):
    """Supported commands descriptor (SPC-4 7.8.17.4.1, table 646)."""

    descriptor_type = const(16, 0x0001, label="THIRD-PARTY COPY DESCRIPTOR TYPE")
    descriptor_length = length(16, label="THIRD-PARTY COPY DESCRIPTOR LENGTH")
    commands_length = length(8, "commands", label="COMMANDS SUPPORTED LIST LENGTH")
    commands: tuple[CommandSupport, ...] = items(COMMAND_SUPPORT, label="command support descriptor")
    descriptor_pad: bytes = data(default=b"")

    @classmethod
    def of(cls, commands: tuple[CommandSupport, ...]) -> Self:
        """The descriptor with its pad."""
        return cls(commands=commands, descriptor_pad=_pad(cls(commands=commands).packed_size))

    def supports(self, operation_code: int, service_action: int) -> bool:
        """Whether the list has a service action of an operation code."""
        return any(
            c.operation_code == operation_code and service_action in c.service_actions for c in self.commands
        )


@record
class ParameterData(Record):
    """Parameter data descriptor (SPC-4 7.8.17.5, table 648).

    Lengths in bytes; `maximum_list_length` counts CSCD and segment descriptors, not the header.
    """

    descriptor_type = const(16, 0x0004, label="THIRD-PARTY COPY DESCRIPTOR TYPE")
    descriptor_length = length(16, label="THIRD-PARTY COPY DESCRIPTOR LENGTH")
    _byte4 = reserved(32)
    maximum_cscd_count: int = uint(16, label="MAXIMUM CSCD DESCRIPTOR COUNT")
    maximum_segment_count: int = uint(16, label="MAXIMUM SEGMENT DESCRIPTOR COUNT")
    maximum_list_length: int = uint(32, label="MAXIMUM DESCRIPTOR LIST LENGTH")
    maximum_inline_data_length: int = uint(32, default=0)
    _byte20 = reserved(96)


@record
class SupportedDescriptors(Record):
    """Supported descriptors descriptor (SPC-4 7.8.17.6, table 649)."""

    descriptor_type = const(16, 0x0008, label="THIRD-PARTY COPY DESCRIPTOR TYPE")
    descriptor_length = length(16, label="THIRD-PARTY COPY DESCRIPTOR LENGTH")
    types_length = length(8, "types", label="SUPPORTED DESCRIPTOR LIST LENGTH")
    types: tuple[int, ...] = numbers(8, label="SUPPORTED DESCRIPTOR TYPE CODE", names=descriptor_type_name)
    descriptor_pad: bytes = data(default=b"")

    @classmethod
    def of(cls, types: tuple[int, ...]) -> Self:
        """The descriptor with its pad."""
        return cls(types=types, descriptor_pad=_pad(cls(types=types).packed_size))


@record
class SupportedCscdIds(Record):
    """Supported CSCD IDs descriptor (SPC-4 7.8.17.7, table 650).

    Those above 07FFh; the ids of CSCD descriptors are taken anyway.
    """

    descriptor_type = const(16, 0x000C, label="THIRD-PARTY COPY DESCRIPTOR TYPE")
    descriptor_length = length(16, label="THIRD-PARTY COPY DESCRIPTOR LENGTH")
    ids_length = length(16, "ids", label="SUPPORTED CSCD IDS LIST LENGTH")
    ids: tuple[int, ...] = numbers(16, label="SUPPORTED CSCD ID", names=cscd_id_name)
    descriptor_pad: bytes = data(default=b"")

    @classmethod
    def of(cls, ids: tuple[int, ...]) -> Self:
        """The descriptor with its pad."""
        return cls(ids=ids, descriptor_pad=_pad(cls(ids=ids).packed_size))


@record
class CopyGroupIdentifier(Record):
    """Copy group identifier descriptor (SPC-5, by way of sg3_utils).

    The identifier is a UUID designator: 10h, 00h and the 16 bytes of the UUID.
    """

    descriptor_type = const(16, 0x000D, label="THIRD-PARTY COPY DESCRIPTOR TYPE")
    descriptor_length = length(16, label="THIRD-PARTY COPY DESCRIPTOR LENGTH")
    identifier_length = length(8, "identifier", label="COPY GROUP IDENTIFIER LENGTH")
    identifier: bytes = data(label="COPY GROUP IDENTIFIER")
    descriptor_pad: bytes = data(default=b"")

    @classmethod
    def of(cls, identifier: bytes) -> Self:
        """The descriptor with its pad."""
        return cls(identifier=identifier, descriptor_pad=_pad(cls(identifier=identifier).packed_size))


@record
class GeneralCopyOperations(Record):
    """General copy operations descriptor (SPC-4 7.8.17.10, table 658).

    The segment length is in bytes, granularities are log2 of bytes.
    """

    descriptor_type = const(16, 0x8001, label="THIRD-PARTY COPY DESCRIPTOR TYPE")
    descriptor_length = length(16, label="THIRD-PARTY COPY DESCRIPTOR LENGTH")
    total_concurrent_copies: int = uint(32)
    maximum_identified_copies: int = uint(32, label="MAXIMUM IDENTIFIED CONCURRENT COPIES")
    maximum_segment_length: int = uint(32, names=NO_LIMIT)
    data_segment_granularity: int = uint(8, default=0, names=power_of_two)
    inline_data_granularity: int = uint(8, default=0, names=power_of_two)
    _byte18 = reserved(144)


@record
class StreamCopyOperations(Record):
    """Stream copy operations descriptor (SPC-4 7.8.17.11, table 659).

    In bytes.
    """

    descriptor_type = const(16, 0x9101, label="THIRD-PARTY COPY DESCRIPTOR TYPE")
    descriptor_length = length(16, label="THIRD-PARTY COPY DESCRIPTOR LENGTH")
    maximum_transfer_size: int = uint(32, label="MAXIMUM STREAM DEVICE TRANSFER SIZE")
    _byte8 = reserved(64)


@record
class HeldData(Record):
    """Held data descriptor (SPC-4 7.8.17.12, table 660).

    The limit is in bytes, and the least that is held; the granularity is log2 of bytes.
    """

    descriptor_type = const(16, 0xC001, label="THIRD-PARTY COPY DESCRIPTOR TYPE")
    descriptor_length = length(16, label="THIRD-PARTY COPY DESCRIPTOR LENGTH")
    held_data_limit: int = uint(32)
    held_data_granularity: int = uint(8, default=0, names=power_of_two)
    _byte9 = reserved(184)


DESCRIPTORS = Family(
    label="third-party copy descriptor",
    code_bits=16,
    unknown=UnknownDescriptor,
    members={
        0x0000: Member("block device ROD limits", BlockRodLimits),
        0x0001: Member("supported commands", SupportedCommands),
        0x0004: Member("parameter data", ParameterData),
        0x0008: Member("supported descriptors", SupportedDescriptors),
        0x000C: Member("supported CSCD IDs", SupportedCscdIds),
        0x000D: Member("copy group identifier", CopyGroupIdentifier),
        0x0106: Member("ROD token features", RodTokenFeatures),
        0x0108: Member("supported ROD types", SupportedRodTypes),
        0x8001: Member("general copy operations", GeneralCopyOperations),
        0x9101: Member("stream copy operations", StreamCopyOperations),
        0xC001: Member("held data", HeldData),
    },
)


@record
class ThirdPartyCopy(Record):
    """Third-party Copy VPD page (SPC-4 7.8.17.1, table 643)."""

    peripheral_qualifier: int = uint(3, default=0, names=PERIPHERAL_QUALIFIERS)
    peripheral_device_type: int = uint(5, default=0, names=PERIPHERAL_DEVICE_TYPES)
    page_code = const(8, THIRD_PARTY_COPY)
    page_length = length(16)
    descriptors: tuple[Record, ...] = items(DESCRIPTORS, label="third-party copy descriptor")

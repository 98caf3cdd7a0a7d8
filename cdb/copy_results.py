"""RECEIVE COPY OPERATING PARAMETERS: the command and its data (SPC-4 6.22)."""

from __future__ import annotations

from cdb.cscd import CSCDS
from cdb.record import Record, const, flag, length, numbers, record, reserved, uint
from cdb.segment import SEGMENTS

# LIO refuses 1 to 53, and 0 looks like a hang, so the length is one number and is asked for once.
OPERATING_PARAMETERS_ALLOCATION = 520


def descriptor_type_name(code: int) -> str:
    """The name of a CSCD or segment descriptor type code."""
    return CSCDS.name_of(code) or SEGMENTS.name_of(code)


def power_of_two(exponent: int) -> str:
    """A granularity, given as log2 of bytes."""
    return f"{1 << exponent} bytes" if exponent < 64 else "out of all proportion"


@record
class ReceiveCopyOperatingParameters(Record):
    """RECEIVE COPY OPERATING PARAMETERS (SPC-4 6.22)."""

    operation_code = const(8, 0x84)
    _byte1 = reserved(3)
    service_action = const(5, 0x03)
    _byte2 = reserved(64)
    allocation_length: int = uint(32, default=OPERATING_PARAMETERS_ALLOCATION)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class OperatingParameters(Record):
    """RECEIVE COPY OPERATING PARAMETERS data (SPC-4 6.22).

    What a copy manager says it can do; lengths in bytes, granularities as log2 of bytes, 0 "not told".
    `maximum_list_length` counts CSCD and segment descriptors, not the header.
    """

    available_data = length(32)
    _byte4 = reserved(7)
    snlid: bool = flag(doc="supports no list identifier")
    _byte5 = reserved(24)
    maximum_cscd_count: int = uint(16, label="MAXIMUM CSCD DESCRIPTOR COUNT")
    maximum_segment_count: int = uint(16, label="MAXIMUM SEGMENT DESCRIPTOR COUNT")
    maximum_list_length: int = uint(32, label="MAXIMUM DESCRIPTOR LIST LENGTH")
    maximum_segment_length: int = uint(32)
    maximum_inline_data_length: int = uint(32, default=0)
    held_data_limit: int = uint(32, default=0)
    maximum_stream_transfer_size: int = uint(32, default=0, label="MAXIMUM STREAM DEVICE TRANSFER SIZE")
    _byte32 = reserved(16)
    total_concurrent_copies: int = uint(16, default=0)
    maximum_concurrent_copies: int = uint(8, default=0)
    data_segment_granularity: int = uint(8, default=0, names=power_of_two)
    inline_data_granularity: int = uint(8, default=0, names=power_of_two)
    held_data_granularity: int = uint(8, default=0, names=power_of_two)
    _byte40 = reserved(24)
    implemented_list_length = length(8, "implemented_types", label="IMPLEMENTED DESCRIPTOR LIST LENGTH")
    implemented_types: tuple[int, ...] = numbers(8, names=descriptor_type_name)

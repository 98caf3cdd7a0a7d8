"""The commands that ask what became of a copy, and what a copy manager can do (SPC-4 6.20 to 6.26, 6.31).

What they answer is in `copy_status`; only the operating parameters are here.
"""

from __future__ import annotations

from cdb.cscd import CSCDS
from cdb.record import Record, const, flag, length, numbers, record, reserved, uint
from cdb.segment import SEGMENTS

# LIO refuses 1 to 53, and 0 looks like a hang, so the length is one number and is asked for once.
OPERATING_PARAMETERS_ALLOCATION = 520

NO_LIMIT = {0: "no limit"}
NOT_TOLD = {0: "not told"}


def descriptor_type_name(code: int) -> str:
    """The name of a CSCD or segment descriptor type code (SPC-4 6.4.4, table 130)."""
    vendor = "vendor specific" if 0xC0 <= code <= 0xDF else ""
    return vendor or CSCDS.name_of(code) or SEGMENTS.name_of(code)


def power_of_two(exponent: int) -> str:
    """A granularity, given as log2 of bytes."""
    if exponent >= 64:
        return "out of all proportion"
    return f"{1 << exponent} bytes" if exponent else "1 byte"


@record
class ReceiveCopyStatusLid1(Record):
    """RECEIVE COPY STATUS(LID1) (SPC-4 6.25, table 252)."""

    operation_code = const(8, 0x84)
    _byte1 = reserved(3)
    service_action = const(5, 0x00)
    list_identifier: int = uint(8)
    _byte3 = reserved(56)
    allocation_length: int = uint(32)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class ReceiveCopyDataLid1(Record):
    """RECEIVE COPY DATA(LID1) (SPC-4 6.21, table 241)."""

    operation_code = const(8, 0x84)
    _byte1 = reserved(3)
    service_action = const(5, 0x01)
    list_identifier: int = uint(8)
    _byte3 = reserved(56)
    allocation_length: int = uint(32)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class ReceiveCopyOperatingParameters(Record):
    """RECEIVE COPY OPERATING PARAMETERS (SPC-4 6.22, table 243)."""

    operation_code = const(8, 0x84)
    _byte1 = reserved(3)
    service_action = const(5, 0x03)
    _byte2 = reserved(64)
    allocation_length: int = uint(32, default=OPERATING_PARAMETERS_ALLOCATION)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class ReceiveCopyFailureDetailsLid1(Record):
    """RECEIVE COPY FAILURE DETAILS(LID1) (SPC-4 6.23, table 245).

    An allocation length of 0 discards the details.
    """

    operation_code = const(8, 0x84)
    _byte1 = reserved(3)
    service_action = const(5, 0x04)
    list_identifier: int = uint(8)
    _byte3 = reserved(56)
    allocation_length: int = uint(32)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class ReceiveCopyStatusLid4(Record):
    """RECEIVE COPY STATUS(LID4) (SPC-4 6.24, table 247)."""

    operation_code = const(8, 0x84)
    _byte1 = reserved(3)
    service_action = const(5, 0x05)
    list_identifier: int = uint(32)
    _byte6 = reserved(32)
    allocation_length: int = uint(32)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class ReceiveCopyDataLid4(Record):
    """RECEIVE COPY DATA(LID4) (SPC-4 6.20, table 239)."""

    operation_code = const(8, 0x84)
    _byte1 = reserved(3)
    service_action = const(5, 0x06)
    list_identifier: int = uint(32)
    _byte6 = reserved(32)
    allocation_length: int = uint(32)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class ReceiveRodTokenInformation(Record):
    """RECEIVE ROD TOKEN INFORMATION (SPC-4 6.26, table 255).

    An allocation length of 0 discards the tokens.
    """

    operation_code = const(8, 0x84)
    _byte1 = reserved(3)
    service_action = const(5, 0x07)
    list_identifier: int = uint(32)
    _byte6 = reserved(32)
    allocation_length: int = uint(32)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class ReportAllRodTokens(Record):
    """REPORT ALL ROD TOKENS (SPC-4 6.31, table 277)."""

    operation_code = const(8, 0x84)
    _byte1 = reserved(3)
    service_action = const(5, 0x08)
    _byte2 = reserved(64)
    allocation_length: int = uint(32)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class OperatingParameters(Record):
    """RECEIVE COPY OPERATING PARAMETERS data (SPC-4 6.22, table 244).

    What a copy manager says it can do; lengths in bytes, granularities as log2 of bytes.
    `maximum_list_length` counts CSCD and segment descriptors, not the header. `maximum_segment_length` 0 is
    no limit; `total_concurrent_copies` is 0 without `snlid`; `maximum_inline_data_length` is 0 where
    segments of type 04h are not supported.
    """

    available_data = length(32)
    _byte4 = reserved(7)
    snlid: bool = flag(doc="supports no list identifier")
    _byte5 = reserved(24)
    maximum_cscd_count: int = uint(16, label="MAXIMUM CSCD DESCRIPTOR COUNT")
    maximum_segment_count: int = uint(16, label="MAXIMUM SEGMENT DESCRIPTOR COUNT")
    maximum_list_length: int = uint(32, label="MAXIMUM DESCRIPTOR LIST LENGTH")
    maximum_segment_length: int = uint(32, names=NO_LIMIT)
    maximum_inline_data_length: int = uint(32, default=0)
    held_data_limit: int = uint(32, default=0)
    maximum_stream_transfer_size: int = uint(32, default=0, label="MAXIMUM STREAM DEVICE TRANSFER SIZE")
    _byte32 = reserved(16)
    total_concurrent_copies: int = uint(16, default=0, names=NOT_TOLD)
    maximum_concurrent_copies: int = uint(8, default=0)
    data_segment_granularity: int = uint(8, default=0, names=power_of_two)
    inline_data_granularity: int = uint(8, default=0, names=power_of_two)
    held_data_granularity: int = uint(8, default=0, names=power_of_two)
    _byte40 = reserved(24)
    implemented_list_length = length(8, "implemented_types", label="IMPLEMENTED DESCRIPTOR LIST LENGTH")
    implemented_types: tuple[int, ...] = numbers(8, names=descriptor_type_name)

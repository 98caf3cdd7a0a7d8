"""RECEIVE COPY OPERATING PARAMETERS: the command and its data (SPC-4 6.22)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from cdb.errors import DecodeError
from cdb.record import Record, const, flag, record, reserved, uint

# LIO refuses 1 to 53, and 0 looks like a hang, so the length is one number and is asked for once.
OPERATING_PARAMETERS_ALLOCATION = 520


@record
class ReceiveCopyOperatingParameters(Record):
    """The RECEIVE COPY OPERATING PARAMETERS command (SPC-4 6.22)."""

    operation_code = const(8, 0x84)
    _byte1 = reserved(3)
    service_action = const(5, 0x03)
    _byte2 = reserved(64)
    allocation_length: int = uint(32, default=OPERATING_PARAMETERS_ALLOCATION)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class OperatingParametersLayout(Record):
    """The 44 bytes before the list of implemented descriptor types (SPC-4 6.22)."""

    available_data: int = uint(32)
    _byte4 = reserved(7)
    snlid: bool = flag()
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
    data_segment_granularity: int = uint(8, default=0, doc="log2 of bytes")
    inline_data_granularity: int = uint(8, default=0, doc="log2 of bytes")
    held_data_granularity: int = uint(8, default=0, doc="log2 of bytes")
    _byte40 = reserved(24)
    implemented_list_length: int = uint(8, label="IMPLEMENTED DESCRIPTOR LIST LENGTH")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingParameters:
    """What a copy manager says it can do; lengths in bytes, granularities as log2 of bytes, 0 "not told".

    `maximum_list_length` counts CSCD and segment descriptors, not the header.
    """

    snlid: bool
    maximum_cscd_count: int
    maximum_segment_count: int
    maximum_list_length: int
    maximum_segment_length: int
    implemented_types: tuple[int, ...]
    maximum_inline_data_length: int = 0
    held_data_limit: int = 0
    maximum_stream_transfer_size: int = 0
    total_concurrent_copies: int = 0
    maximum_concurrent_copies: int = 0
    data_segment_granularity: int = 0
    inline_data_granularity: int = 0
    held_data_granularity: int = 0

    def pack(self) -> bytes:
        """The data a copy manager returns."""
        layout = OperatingParametersLayout(
            available_data=OperatingParametersLayout.size - 4 + len(self.implemented_types),
            snlid=self.snlid,
            maximum_cscd_count=self.maximum_cscd_count,
            maximum_segment_count=self.maximum_segment_count,
            maximum_list_length=self.maximum_list_length,
            maximum_segment_length=self.maximum_segment_length,
            maximum_inline_data_length=self.maximum_inline_data_length,
            held_data_limit=self.held_data_limit,
            maximum_stream_transfer_size=self.maximum_stream_transfer_size,
            total_concurrent_copies=self.total_concurrent_copies,
            maximum_concurrent_copies=self.maximum_concurrent_copies,
            data_segment_granularity=self.data_segment_granularity,
            inline_data_granularity=self.inline_data_granularity,
            held_data_granularity=self.held_data_granularity,
            implemented_list_length=len(self.implemented_types),
        )
        return layout.pack() + bytes(self.implemented_types)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The parameters in `data`; trailing padding is left alone, a list cut short is an error."""
        layout = OperatingParametersLayout.unpack_from(data)
        end = OperatingParametersLayout.size + layout.implemented_list_length
        if layout.available_data + 4 < end or len(data) < end:
            raise DecodeError(
                f"operating parameters: {layout.implemented_list_length} implemented types need {end} bytes, "
                f"AVAILABLE DATA says {layout.available_data + 4} and {len(data)} arrived"
            )
        return cls(
            snlid=layout.snlid,
            maximum_cscd_count=layout.maximum_cscd_count,
            maximum_segment_count=layout.maximum_segment_count,
            maximum_list_length=layout.maximum_list_length,
            maximum_segment_length=layout.maximum_segment_length,
            implemented_types=tuple(data[OperatingParametersLayout.size : end]),
            maximum_inline_data_length=layout.maximum_inline_data_length,
            held_data_limit=layout.held_data_limit,
            maximum_stream_transfer_size=layout.maximum_stream_transfer_size,
            total_concurrent_copies=layout.total_concurrent_copies,
            maximum_concurrent_copies=layout.maximum_concurrent_copies,
            data_segment_granularity=layout.data_segment_granularity,
            inline_data_granularity=layout.inline_data_granularity,
            held_data_granularity=layout.held_data_granularity,
        )

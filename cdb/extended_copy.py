"""EXTENDED COPY(LID1): the command and its parameter list (SPC-4 6.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from cdb.cscd import CSCD_LENGTH, IdentificationCscd
from cdb.errors import DecodeError
from cdb.record import Record, const, flag, record, reserved, uint
from cdb.segment import BlockToBlock

if TYPE_CHECKING:
    from collections.abc import Callable

Descriptor = TypeVar("Descriptor")

HOLD = 0b00  # LIST ID USAGE: hold results and data
DISCARD = 0b10  # hold results, discard data
NO_LIST_ID = 0b11  # no list identifier: LIST IDENTIFIER is 0, the unit must report SNLID


@record
class ExtendedCopyLid1(Record):
    """The EXTENDED COPY(LID1) command (SPC-4 6.5, table 171)."""

    operation_code = const(8, 0x83)
    _byte1 = reserved(3)
    service_action = const(5, 0x00)
    _byte2 = reserved(64)
    parameter_list_length: int = uint(32)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class Lid1Header(Record):
    """The first 16 bytes of the LID1 parameter list (SPC-4 6.5, table 172)."""

    list_identifier: int = uint(8)
    _byte1 = reserved(2)
    str: bool = flag(default=False)
    list_id_usage: int = uint(2)
    priority: int = uint(3, default=0)
    cscd_list_length: int = uint(16, label="CSCD DESCRIPTOR LIST LENGTH")
    _byte4 = reserved(32)
    segment_list_length: int = uint(32, label="SEGMENT DESCRIPTOR LIST LENGTH")
    inline_data_length: int = uint(32, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lid1ParameterList:
    """What one EXTENDED COPY(LID1) asks for: the units, then the segments between them."""

    list_identifier: int
    list_id_usage: int
    cscds: tuple[IdentificationCscd, ...]
    segments: tuple[BlockToBlock, ...]
    priority: int = 1
    str: bool = False
    inline_data: bytes = b""

    def pack(self) -> bytes:
        """Header, CSCD descriptors, segment descriptors, inline data."""
        cscds = b"".join(c.pack() for c in self.cscds)
        segments = b"".join(s.pack() for s in self.segments)
        header = Lid1Header(
            list_identifier=self.list_identifier,
            str=self.str,
            list_id_usage=self.list_id_usage,
            priority=self.priority,
            cscd_list_length=len(cscds),
            segment_list_length=len(segments),
            inline_data_length=len(self.inline_data),
        )
        return header.pack() + cscds + segments + self.inline_data

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The list in `data`, every descriptor of it; a bad one is an error that says which and where."""
        header = Lid1Header.unpack_from(data)
        first_segment = Lid1Header.size + header.cscd_list_length
        inline = first_segment + header.segment_list_length
        end = inline + header.inline_data_length
        if len(data) != end:
            raise DecodeError(f"the header describes {end} bytes, {len(data)} are there")
        cscds = tuple(
            _named(f"CSCD descriptor {i}", at, IdentificationCscd.unpack, data[at : at + CSCD_LENGTH])
            for i, at in enumerate(range(Lid1Header.size, first_segment, CSCD_LENGTH))
        )
        segments = tuple(
            _named(f"segment {i}", at, BlockToBlock.unpack, data[at : at + BlockToBlock.size])
            for i, at in enumerate(range(first_segment, inline, BlockToBlock.size))
        )
        return cls(
            list_identifier=header.list_identifier,
            list_id_usage=header.list_id_usage,
            cscds=cscds,
            segments=segments,
            priority=header.priority,
            str=header.str,
            inline_data=data[inline:end],
        )


def _named(name: str, at: int, unpack: Callable[[bytes], Descriptor], part: bytes) -> Descriptor:
    try:
        return unpack(part)
    except DecodeError as error:
        raise DecodeError(f"{name} at byte {at}: {error}") from error

"""Phase 1 of EXTENDED COPY(LID1): the parameter list, checked whole before anything is copied.

Every no here is ILLEGAL REQUEST with a pointer at the field, and no data has moved. Works straight on the
bytes, header first, then each descriptor, because the first thing wrong decides which refusal is given.
Knows no unit: whether a CSCD can be reached is phase 2's question.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NoReturn

from cdb.cscd import CSCD_LENGTH, MAXIMUM_DESIGNATOR_LENGTH, BlockParameters, IdentificationCscd
from cdb.extended_copy import NO_LIST_ID, ExtendedCopyLid1, Lid1ParameterList
from cdb.segment import BlockToBlock
from cdb.sense import ILLEGAL_REQUEST, FieldPointer
from xcopy.target.refusal import at_byte, at_row, refuse, reserved_bit_set, wrong_field
from xcopy.target.request import CopyRequest

if TYPE_CHECKING:
    from cdb.copy_results import OperatingParameters
    from cdb.record import Record

IDENTIFICATION = 0xE4
BLOCK_TO_BLOCK = 0x02
RESERVED_USAGE = 0b01
LENGTH_COVERS_FROM = 4  # DESCRIPTOR LENGTH of a segment counts what follows its fourth byte


@dataclass(frozen=True, slots=True)
class Header:
    """What the first 16 bytes say, lengths in bytes and not yet believed."""

    list_identifier: int
    list_id_usage: int
    cscd_list_length: int
    segment_list_length: int
    inline_data_length: int


def check_lid1_list(data: bytes, limits: OperatingParameters) -> CopyRequest:
    """The list in `data`, or `Refused`; `limits` are those the copy manager enforces."""
    if len(data) < Lid1ParameterList.size:
        _list_length_error()
    header = Header(**{f.name: Lid1ParameterList.peek(f.name, data) for f in fields(Header)})
    described = header.cscd_list_length + header.segment_list_length
    if Lid1ParameterList.size + described + header.inline_data_length > len(data):
        _list_length_error()
    if described > limits.maximum_list_length:
        _list_length_error()
    _check_header(header, data, limits)
    first_segment = Lid1ParameterList.size + header.cscd_list_length
    end = first_segment + header.segment_list_length
    cscds = _cscds(data, range(Lid1ParameterList.size, first_segment, CSCD_LENGTH), limits)
    offsets, segments = _segments(data[:end], first_segment, limits)
    if header.inline_data_length > limits.maximum_inline_data_length:
        _invalid(0x0B, at_row(Lid1ParameterList.row("inline_data_length")))
    tracked = header.list_id_usage != NO_LIST_ID
    return CopyRequest(
        list_identifier=header.list_identifier if tracked else None,
        list_id_usage=header.list_id_usage,
        header_length=Lid1ParameterList.size,
        cscds=cscds,
        segments=segments,
        segment_offsets=offsets,
        inline_data=data[end : end + header.inline_data_length],
    )


def _check_header(header: Header, data: bytes, limits: OperatingParameters) -> None:
    _check_reserved(Lid1ParameterList, data, 0)
    usage = at_row(Lid1ParameterList.row("list_id_usage"))
    if header.list_id_usage == RESERVED_USAGE:
        _invalid(0x00, usage)
    if header.list_id_usage == NO_LIST_ID:
        if not limits.snlid:
            _invalid(0x00, usage)
        if header.list_identifier:
            _invalid(0x00, at_row(Lid1ParameterList.row("list_identifier")))
    if header.cscd_list_length % CSCD_LENGTH:
        _invalid(0x00, at_row(Lid1ParameterList.row("cscd_list_length")))


def _cscds(data: bytes, offsets: range, limits: OperatingParameters) -> tuple[IdentificationCscd, ...]:
    if len(offsets) > limits.maximum_cscd_count:
        _invalid(0x06, at_row(Lid1ParameterList.row("cscd_list_length")))
    found = []
    for at in offsets:
        if data[at] != IDENTIFICATION or IDENTIFICATION not in limits.implemented_types:
            _invalid(0x07, at_byte(at))
    for at in offsets:
        part = data[at : at + CSCD_LENGTH]
        _check_reserved(IdentificationCscd, part, at)
        parameters = IdentificationCscd.row("parameters").offset
        _check_reserved(BlockParameters, part[parameters:], at + parameters)
        row = IdentificationCscd.row("designator_length")
        if part[row.offset] > MAXIMUM_DESIGNATOR_LENGTH:
            _invalid(0x00, at_row(row, at))
        found.append(IdentificationCscd.unpack(part))
    return tuple(found)


def _segments(
    data: bytes, start: int, limits: OperatingParameters
) -> tuple[tuple[int, ...], tuple[BlockToBlock, ...]]:
    """Where the segments from `start` on begin, and what they are: counted first, then typed, then read."""
    offsets = _segment_offsets(data, start)
    if len(offsets) > limits.maximum_segment_count:
        _invalid(0x08, at_row(Lid1ParameterList.row("segment_list_length")))
    for at in offsets:
        if data[at] != BLOCK_TO_BLOCK or BLOCK_TO_BLOCK not in limits.implemented_types:
            _invalid(0x09, at_byte(at))
    found = []
    for at in offsets:
        part = data[at : at + BlockToBlock.size]
        row = BlockToBlock.row("descriptor_length")
        if len(part) >= row.offset + row.bytes and _length_at(data, at) != BlockToBlock.size:
            _invalid(0x00, at_row(row, at))
        if len(part) != BlockToBlock.size:
            _invalid(0x00, at_row(Lid1ParameterList.row("segment_list_length")))
        _check_reserved(BlockToBlock, part, at)
        found.append(BlockToBlock.unpack(part))
    return tuple(offsets), tuple(found)


def _segment_offsets(data: bytes, start: int) -> list[int]:
    """Where each descriptor begins; a block-to-block one that lies about its length is the last counted."""
    offsets = []
    at = start
    while at < len(data):
        offsets.append(at)
        length = _length_at(data, at)
        if data[at] == BLOCK_TO_BLOCK and length != BlockToBlock.size:
            break
        at += length
    return offsets


def _length_at(data: bytes, at: int) -> int:
    """How long the segment descriptor at `at` says it is, its first four bytes included."""
    row = BlockToBlock.row("descriptor_length")
    return int.from_bytes(data[at + row.offset : at + row.offset + row.bytes], "big") + LENGTH_COVERS_FROM


def _check_reserved(cls: type[Record], part: bytes, base: int) -> None:
    found = reserved_bit_set(cls, part)
    if found:
        _invalid(0x00, at_byte(base + found[0], found[1]))


def _invalid(ascq: int, pointer: FieldPointer) -> NoReturn:
    refuse(ILLEGAL_REQUEST, 0x26, ascq, pointer)


def _list_length_error() -> NoReturn:
    pointer = at_row(ExtendedCopyLid1.row("parameter_list_length"), command=True)
    refuse(ILLEGAL_REQUEST, 0x1A, 0x00, pointer)


def check_transferred(transferred: int, parameter_list_length: int) -> None:
    """INVALID FIELD IN CDB when the CDB promises more than arrived."""
    if transferred < parameter_list_length:
        wrong_field(ExtendedCopyLid1, "parameter_list_length")

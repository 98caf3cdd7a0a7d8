"""The lists of POPULATE TOKEN and WRITE USING TOKEN, checked before anything is done (SBC-4 5.12, 5.59).

Every no here is ILLEGAL REQUEST with a pointer at the field. Whether a token is any good is not asked here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NoReturn

from cdb.sense import ILLEGAL_REQUEST, FieldPointer
from cdb.token import BlockRange, PopulateToken, PopulateTokenList, WriteUsingTokenList
from xcopy.target.refusal import at_byte, at_row, refuse, reserved_bit_set
from xcopy.target.rod_policy import POINTS_IN_TIME
from xcopy.target.rods import Extent

if TYPE_CHECKING:
    from xcopy.target.rod_policy import RodPolicy
    from xcopy.target.unit import Unit

List = type[PopulateTokenList] | type[WriteUsingTokenList]

DATA_LENGTH = 2  # bytes of the field that counts what follows it
NO_MAXIMUM = (0, 0xFFFF_FFFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulateRequest:
    """What one POPULATE TOKEN asks for; `extents` without those of no blocks."""

    extents: tuple[Extent, ...]
    rod_type: int
    inactivity: int
    immediate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """What one WRITE USING TOKEN asks for; `offset` counts blocks of the unit that is written to."""

    extents: tuple[Extent, ...]
    offset: int
    token: bytes
    delete: bool
    immediate: bool


def check_populate(data: bytes, unit: Unit, policy: RodPolicy) -> PopulateRequest:
    """The list of a POPULATE TOKEN that `unit` received, or `Refused`."""
    of = PopulateTokenList
    _check_lengths(of, data, policy)
    inactivity = of.peek("inactivity_timeout", data)
    if policy.maximum_inactivity not in NO_MAXIMUM and inactivity > policy.maximum_inactivity:
        _invalid(at_row(of.row("inactivity_timeout")))
    asked = of.peek("rod_type", data) if of.peek("rtv", data) else policy.default_type
    made = policy.made(asked)
    if made is None or (asked not in POINTS_IN_TIME and not policy.by_reference):
        _invalid(at_row(of.row("rod_type")))
    return PopulateRequest(
        extents=_extents(of, data, unit, policy),
        rod_type=made,
        inactivity=inactivity or policy.default_inactivity,
        immediate=bool(of.peek("immed", data)),
    )


def check_write(data: bytes, unit: Unit, policy: RodPolicy) -> WriteRequest:
    """The list of a WRITE USING TOKEN that `unit` received, or `Refused`."""
    of = WriteUsingTokenList
    _check_lengths(of, data, policy)
    if of.peek("data_length", data) != of.peek("ranges_length", data) + of.size - DATA_LENGTH:
        _invalid(at_row(of.row("data_length")))
    token = of.row("token").offset
    return WriteRequest(
        extents=_extents(of, data, unit, policy),
        offset=of.peek("offset", data),
        token=data[token : token + of.row("token").bytes],
        delete=bool(of.peek("del_tkn", data)),
        immediate=bool(of.peek("immed", data)),
    )


def _check_lengths(of: List, data: bytes, policy: RodPolicy) -> None:
    if len(data) < of.size:
        row = PopulateToken.row("parameter_list_length")  # WRITE USING TOKEN has it at the same place
        refuse(ILLEGAL_REQUEST, *policy.short_list, at_row(row, command=True))
    if of.peek("data_length", data) < of.size + BlockRange.size - DATA_LENGTH:
        _invalid(at_row(of.row("data_length")))
    reserved = reserved_bit_set(of, data)
    if reserved:
        _invalid(at_byte(*reserved))
    if of.peek("ranges_length", data) < BlockRange.size:
        _invalid(at_row(of.row("ranges_length")))


def _extents(of: List, data: bytes, unit: Unit, policy: RodPolicy) -> tuple[Extent, ...]:
    """The blocks that the complete range descriptors name, in their order; what is cut off is ignored."""
    end = min(len(data), of.peek("data_length", data) + DATA_LENGTH, of.size + of.peek("ranges_length", data))
    starts = range(of.size, end - BlockRange.size + 1, BlockRange.size)
    if policy.maximum_ranges and len(starts) > policy.maximum_ranges:
        refuse(ILLEGAL_REQUEST, 0x26, 0x08, at_row(of.row("ranges_length")))
    left = policy.maximum_bytes
    found: list[tuple[Extent, int]] = []
    for at in starts:
        extent = _extent(data, at, unit, policy)
        if policy.maximum_bytes:
            left -= extent.blocks * unit.block_size
            if left < 0:
                _invalid(at_row(BlockRange.row("blocks"), at))
        if extent.blocks:
            found.append((extent, at))
    check_apart(found)
    return tuple(extent for extent, _ in found)


def _extent(data: bytes, at: int, unit: Unit, policy: RodPolicy) -> Extent:
    reserved = reserved_bit_set(BlockRange, data[at : at + BlockRange.size])
    if reserved:
        _invalid(at_byte(at + reserved[0], reserved[1]))
    read = BlockRange.unpack_from(data, at)
    if read.blocks % policy.granularity:
        _invalid(at_row(BlockRange.row("blocks"), at))
    if read.lba + read.blocks > unit.blocks:
        refuse(ILLEGAL_REQUEST, 0x21, 0x00, at_row(BlockRange.row("lba"), at))
    return Extent(read.lba, read.blocks)


def check_apart(extents: list[tuple[Extent, int]]) -> None:
    """INVALID FIELD IN PARAMETER LIST where a block is in two of them; each comes with where its LBA is.

    A pointer is at the later one.
    """
    ordered = sorted(extents, key=lambda each: each[0].lba)
    for (one, first), (other, second) in pairwise(ordered):
        if one.common(other):
            _invalid(at_byte(max(first, second)))


def _invalid(pointer: FieldPointer) -> NoReturn:
    refuse(ILLEGAL_REQUEST, 0x26, 0x00, pointer)

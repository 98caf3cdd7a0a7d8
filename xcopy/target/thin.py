"""Blocks without storage: how they get rid of it, who asks, and what is told of it (SBC-4 4.7).

A block that lost its storage reads as zeros (LBPRZ). Storage comes and goes in granules; a request that
covers a part of one leaves it as it is. Where storage is, the backing knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdb.blocks import WriteSame10, WriteSame16
from cdb.command import Command, Reply
from cdb.provisioning import (
    DEALLOCATED,
    MAPPED,
    GetLbaStatus16,
    LbaStatus,
    LbaStatusData,
    Unmap,
    UnmapBlockDescriptor,
    UnmapParameterList,
)
from cdb.sense import ILLEGAL_REQUEST
from cdb.vpd import LogicalBlockProvisioning
from xcopy.target.refusal import answer, at_row, parse_cdb, refuse, row_value, wrong_field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xcopy.target.unit import Unit

MAXIMUM_UNMAP_BYTES = 4 << 30  # of one UNMAP
MAXIMUM_UNMAP_DESCRIPTORS = 256
MAXIMUM_WRITE_SAME_BYTES = 1 << 30
WRITE_SAME_CHUNK = 1 << 20
MOST_BLOCKS = 0xFFFFFFFF  # that one LBA status descriptor tells

SURELY_MAPPED = 0x3
EVERYTHING, CERTAIN, ONLY_MAPPED, ONLY_DEALLOCATED, ONLY_ANCHORED, ONLY_DAMAGED = 0, 1, 2, 3, 4, 0x10
REPORTED = {  # for each report type, the status of mapped and of deallocated blocks; None: not reported
    EVERYTHING: (MAPPED, DEALLOCATED),
    CERTAIN: (SURELY_MAPPED, DEALLOCATED),
    ONLY_MAPPED: (SURELY_MAPPED, None),
    ONLY_DEALLOCATED: (None, DEALLOCATED),
    ONLY_ANCHORED: (None, None),
    ONLY_DAMAGED: (None, None),
}
ALLOCATION_REACHED, END_REACHED = 0b001, 0b011
THIN_PROVISIONED, ZEROS = 0b010, 0b001


def get_lba_status(unit: Unit, command: Command) -> Reply:
    """GET LBA STATUS(16): as many extents as the allocation length takes, at least one if there is any."""
    cdb = parse_cdb(GetLbaStatus16, command.cdb)
    if cdb.report_type not in REPORTED:
        wrong_field(GetLbaStatus16, "report_type")
    unit.check_range(cdb.lba, 1)
    room = max((min(cdb.allocation_length, command.data_in) - LbaStatusData.size) // LbaStatus.size, 1)
    found: list[LbaStatus] = []
    condition = END_REACHED
    for status in _statuses(unit, cdb.lba, *REPORTED[cdb.report_type]):
        if len(found) == room:
            condition = ALLOCATION_REACHED
            break
        found.append(status)
    data = LbaStatusData(completion_condition=condition, rtp=True, descriptors=tuple(found))
    return answer(command, data.pack(), cdb.allocation_length)


def unmap(unit: Unit, command: Command) -> Reply:
    """UNMAP: everything is checked before anything is unmapped."""
    if not unit.thin:
        refuse(ILLEGAL_REQUEST, 0x20, 0x00)
    cdb = parse_cdb(Unmap, command.cdb)
    if cdb.anchor:
        wrong_field(Unmap, "anchor")
    size = cdb.parameter_list_length
    reply = Reply(residual=len(command.data_out) - size)
    if size == 0:
        return reply
    if size < UnmapParameterList.size or size > len(command.data_out):
        refuse(ILLEGAL_REQUEST, 0x1A, 0x00)
    unit.check_writable()
    asked = list(_descriptors(bytes(command.data_out[:size])))
    total = sum(each.blocks for each in asked)
    if len(asked) > MAXIMUM_UNMAP_DESCRIPTORS:
        row = UnmapParameterList.row("block_descriptor_data_length")
        refuse(ILLEGAL_REQUEST, 0x26, 0x00, at_row(row))
    if total > MAXIMUM_UNMAP_BYTES // unit.block_size:
        refuse(
            ILLEGAL_REQUEST, 0x26, 0x00, at_row(UnmapBlockDescriptor.row("blocks"), UnmapParameterList.size)
        )
    for each in asked:
        unit.check_range(each.lba, each.blocks)
    for each in asked:
        unit.unmap(each.lba, each.blocks)
    return reply


def write_same(record: type[WriteSame10 | WriteSame16]) -> Callable[[Unit, Command], Reply]:
    """WRITE SAME; with UNMAP, zeros lose their storage and everything else is written (SBC-4 4.7.3.4.4)."""

    def perform(unit: Unit, command: Command) -> Reply:
        cdb = parse_cdb(record, command.cdb)
        no_data = isinstance(cdb, WriteSame16) and cdb.ndob
        if cdb.wrprotect:
            wrong_field(record, "wrprotect")
        if cdb.anchor:
            wrong_field(record, "anchor")
        if cdb.unmap and not unit.thin:
            wrong_field(record, "unmap")
        unit.check_writable()
        unit.check_range(cdb.lba, cdb.blocks or 1)
        blocks = cdb.blocks or unit.blocks - cdb.lba
        if blocks * unit.block_size > MAXIMUM_WRITE_SAME_BYTES:
            wrong_field(record, "blocks")
        sent = 0 if no_data else unit.block_size
        if sent > len(command.data_out):
            wrong_field(record, "blocks")
        block = bytes(command.data_out[:sent]) or bytes(unit.block_size)
        _write_same(unit, cdb.lba, blocks, block, let_go=cdb.unmap and not any(block))
        return Reply(residual=len(command.data_out) - sent)

    return perform


def provisioning_page() -> bytes:
    """VPD page B2h of every thin unit."""
    return LogicalBlockProvisioning(
        lbpu=True, lbpws=True, lbpws10=True, lbprz=ZEROS, provisioning_type=THIN_PROVISIONED
    ).pack()


def unmap_limits(unit: Unit) -> dict[str, Any]:
    """What page B0h says of unmapping and of WRITE SAME, by the names of its fields."""
    limits: dict[str, Any] = {"maximum_write_same_length": MAXIMUM_WRITE_SAME_BYTES // unit.block_size}
    if unit.thin:
        limits |= {
            "maximum_unmap_lba_count": MAXIMUM_UNMAP_BYTES // unit.block_size,
            "maximum_unmap_block_descriptor_count": MAXIMUM_UNMAP_DESCRIPTORS,
            "optimal_unmap_granularity": unit.granularity,
            "ugavalid": True,
        }
    return limits


def write_zeros(unit: Unit, lba: int, blocks: int) -> None:
    """Zeros in those blocks; of a thin unit those that can lose their storage."""
    _write_same(unit, lba, blocks, bytes(unit.block_size), let_go=unit.thin)


def _write_same(unit: Unit, lba: int, blocks: int, block: bytes, *, let_go: bool) -> None:
    first, end = unit.whole_granules(lba, blocks) if let_go else (lba, lba)
    if first >= end:
        first = end = lba
    with unit.changing:
        unit.unmap(first, end - first)
        for begin, behind in ((lba, first), (end, lba + blocks)):
            step = WRITE_SAME_CHUNK // unit.block_size
            for at in range(begin, behind, step):
                unit.write(at, block * min(step, behind - at))


def _descriptors(data: bytes) -> Iterator[UnmapBlockDescriptor]:
    """The whole descriptors that are there; what is cut off is ignored (SBC-4 5.35.2)."""
    told = row_value(UnmapParameterList.row("block_descriptor_data_length"), data)
    end = min(UnmapParameterList.size + told, len(data))
    for at in range(UnmapParameterList.size, end - UnmapBlockDescriptor.size + 1, UnmapBlockDescriptor.size):
        yield UnmapBlockDescriptor.unpack_from(data, at)


def _statuses(unit: Unit, lba: int, mapped: int | None, deallocated: int | None) -> Iterator[LbaStatus]:
    at = lba
    for first, end in unit.mapped(lba):
        yield from _status(at, first, deallocated)
        yield from _status(first, end, mapped)
        at = end
    yield from _status(at, unit.blocks, deallocated)


def _status(first: int, end: int, status: int | None) -> Iterator[LbaStatus]:
    while status is not None and first < end:
        blocks = min(end - first, MOST_BLOCKS)
        yield LbaStatus(lba=first, blocks=blocks, provisioning_status=status)
        first += blocks

"""EXTENDED COPY(LID1) as Linux's own target (LIO) does it, in the order of its checks.

The segment comes before the CSCD descriptors; whatever it has no use for it does not look at; a list
identifier names nothing, and of what went wrong no field is pointed at. Measured on Linux 6.1
(fixtures/lio_answers.json).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from cdb.command import Command, Reply
from cdb.cscd import CSCD_LENGTH, IdentificationCscd
from cdb.extended_copy import ExtendedCopyLid1, Lid1ParameterList
from cdb.segment import BlockToBlock
from cdb.sense import COPY_ABORTED, ILLEGAL_REQUEST, NOT_READY
from xcopy.target import identity
from xcopy.target.copy_list import check_transferred
from xcopy.target.faults import Step
from xcopy.target.operation import LID1, Operation
from xcopy.target.refusal import Refused, parse_cdb, refuse
from xcopy.target.reservation import Through
from xcopy.target.run import COPY_MANAGER, CopiedSegment
from xcopy.target.transfer import Inexact, read_whole, write_whole

if TYPE_CHECKING:
    from cdb.copy_results import OperatingParameters
    from xcopy.target.copy_manager import CopyManager
    from xcopy.target.operation import Steps
    from xcopy.target.run import Place
    from xcopy.target.unit import Unit

HEADER = Lid1ParameterList
BLOCK_TO_BLOCK, IDENTIFICATION = 0x02, 0xE4
LAST_LIST_ID = 0x07FF  # of the CSCD ids that stand for a descriptor of the list
UNIT_NAA_6 = (1, 0, 3)  # code set binary, association logical unit, designator type NAA
NAA_6, NAA_LENGTH = 6, 16


@dataclass(frozen=True, slots=True)
class LinuxCopy:
    """One copy: its segments, and the NAA designator in each CSCD descriptor."""

    segments: tuple[BlockToBlock, ...]
    designators: tuple[bytes, ...]


def linux_extended_copy(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """Answer EXTENDED COPY(LID1)."""
    length = parse_cdb(ExtendedCopyLid1, command.cdb).parameter_list_length
    check_transferred(len(command.data_out), length)
    residual = len(command.data_out) - length
    if length == 0:
        return Reply(residual=residual)
    copy = checked(bytes(command.data_out[:length]), manager.place.profile.enforced)
    sides = [_units(manager.place, copy, segment, receiver, nexus) for segment in copy.segments]
    if any(source.block_size != destination.block_size for source, destination in sides):
        refuse(NOT_READY, 0x08, 0x00)
    operation = Operation(nexus=nexus, unit=receiver.number, list_identifier=None, service_action=LID1)
    return manager.originate(operation, _steps(manager.place, copy, sides, operation, residual), residual)


def checked(data: bytes, limits: OperatingParameters) -> LinuxCopy:
    """The copy that a list asks for, or `Refused`."""
    if len(data) < HEADER.size:
        refuse(ILLEGAL_REQUEST, 0x1A, 0x00)
    cscd_length, segment_length, inline = (
        HEADER.peek(name, data) for name in ("cscd_list_length", "segment_list_length", "inline_data_length")
    )
    if cscd_length + segment_length > limits.maximum_list_length:
        refuse(ILLEGAL_REQUEST, 0x1A, 0x00)
    if inline:
        _invalid()
    segments_at = HEADER.size + cscd_length
    if len(data) < segments_at + segment_length:
        refuse(ILLEGAL_REQUEST, 0x1A, 0x00)
    segments = _segments(data[segments_at : segments_at + segment_length], limits)
    return LinuxCopy(segments, _designators(data[HEADER.size : segments_at], limits))


def _segments(data: bytes, limits: OperatingParameters) -> tuple[BlockToBlock, ...]:
    if len(data) % BlockToBlock.size:
        _invalid(0x09)
    if len(data) > limits.maximum_segment_count * BlockToBlock.size:
        _invalid(0x08)
    if not data:
        _invalid()
    return tuple(_segment(data[at : at + BlockToBlock.size]) for at in range(0, len(data), BlockToBlock.size))


def _segment(data: bytes) -> BlockToBlock:
    if data[0] != BLOCK_TO_BLOCK:
        _invalid(0x09)
    row = BlockToBlock.row("descriptor_length")
    if BlockToBlock.peek("descriptor_length", data) != row.default:
        _invalid()
    segment = BlockToBlock(
        source_cscd=BlockToBlock.peek("source_cscd", data),
        destination_cscd=BlockToBlock.peek("destination_cscd", data),
        blocks=BlockToBlock.peek("blocks", data),
        source_lba=BlockToBlock.peek("source_lba", data),
        destination_lba=BlockToBlock.peek("destination_lba", data),
    )
    if max(segment.source_cscd, segment.destination_cscd) > LAST_LIST_ID:
        _invalid()
    return segment


def _designators(data: bytes, limits: OperatingParameters) -> tuple[bytes, ...]:
    if len(data) % CSCD_LENGTH:
        _invalid(0x07)
    if len(data) > limits.maximum_cscd_count * CSCD_LENGTH:
        _invalid(0x06)
    return tuple(_designator(data[at : at + CSCD_LENGTH]) for at in range(0, len(data), CSCD_LENGTH))


def _designator(data: bytes) -> bytes:
    """The NAA designator of one descriptor; its other fields say nothing."""
    if data[0] != IDENTIFICATION:
        _invalid(0x07)
    cls = IdentificationCscd
    said = tuple(cls.peek(name, data) for name in ("code_set", "association", "designator_type"))
    at = cls.row("value").offset
    value = data[at : at + NAA_LENGTH]
    if said != UNIT_NAA_6 or cls.peek("designator_length", data) != NAA_LENGTH or value[0] >> 4 != NAA_6:
        _invalid()
    return value


def _units(
    place: Place, copy: LinuxCopy, segment: BlockToBlock, receiver: Unit, nexus: str
) -> tuple[Unit, Unit]:
    """Source and destination: one of them received the command, both are there for its nexus."""
    found = [
        _named(place, copy.designators, cscd_id, nexus)
        for cscd_id in (segment.source_cscd, segment.destination_cscd)
    ]
    source, destination = found
    if source is None or destination is None or receiver.number not in (source.number, destination.number):
        refuse(COPY_ABORTED, *place.profile.unreachable)
    return source, destination


def _named(place: Place, designators: tuple[bytes, ...], cscd_id: int, nexus: str) -> Unit | None:
    if cscd_id >= len(designators):
        return None
    for unit in place.units.values():
        if identity.naa(place.array_id, unit.number).value == designators[cscd_id]:
            return unit if unit.third_party_copy and unit.is_seen_by(nexus) else None
    return None


def _steps(
    place: Place, copy: LinuxCopy, sides: list[tuple[Unit, Unit]], operation: Operation, residual: int
) -> Steps:
    for number, segment in enumerate(copy.segments):
        if number:
            yield
        step = Step(kind="segment", unit=operation.unit, segment=number, segment_type=segment.descriptor_type)
        place.faults.segment(step, partial(_move, place, segment, *sides[number]))
    return Reply(residual=residual)


def _move(place: Place, segment: BlockToBlock, source: Unit, destination: Unit) -> None:
    """Read and write, chunk after chunk; what fails fails there, with what came before it written."""
    chunk = max(place.profile.chunk_of(source.block_size) // source.block_size, 1)
    try:
        for done in range(0, segment.blocks, chunk):
            blocks = min(chunk, segment.blocks - done)
            lba, to = segment.source_lba + done, segment.destination_lba + done
            data = read_whole(
                place.faults,
                Step(kind="read", unit=source.number, lba=lba, blocks=blocks),
                blocks * source.block_size,
                partial(_read, place, source.number, lba, blocks),
            )
            write_whole(
                place.faults,
                Step(kind="write", unit=destination.number, lba=to, blocks=blocks),
                data,
                partial(_write, place, destination.number, to),
            )
    except (Refused, Inexact):
        refuse(COPY_ABORTED, *place.profile.unreachable)
    place.copied.append(
        CopiedSegment(
            source=source.number,
            source_lba=segment.source_lba,
            destination=destination.number,
            destination_lba=segment.destination_lba,
            length=segment.blocks * source.block_size,
        )
    )


def _read(place: Place, number: int, lba: int, blocks: int) -> bytes:
    """As a nexus of its own, so that nobody's reservation lets it pass."""
    unit = place.units[number]
    unit.reservations.check(COPY_MANAGER, Through.READERS)
    return unit.read(lba, blocks)


def _write(place: Place, number: int, lba: int, data: bytes) -> None:
    unit = place.units[number]
    unit.reservations.check(COPY_MANAGER, Through.HOLDERS)
    unit.write(lba, data)


def _invalid(ascq: int = 0x00) -> NoReturn:
    refuse(ILLEGAL_REQUEST, 0x26, ascq)

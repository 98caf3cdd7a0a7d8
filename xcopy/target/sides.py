"""Whom the source or destination id of a segment names: a disk, a tape, or nobody at all (SPC-4 6.4.6.1).

A CSCD descriptor is believed only when its segment is performed: units come and go in between (SPC-4
5.17.7.2). A type of descriptor that has no entry in `SIDE_OF` names a unit that cannot be reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cdb.cscd import BlockParameters, CscdExtension, IdentificationCscd, RodCscd, StreamParameters
from cdb.sense import ILLEGAL_REQUEST, FieldPointer
from xcopy.target import identity
from xcopy.target.copy_list import SPC_4
from xcopy.target.refusal import at_byte, at_row, refuse
from xcopy.target.tape import TapeUnit
from xcopy.target.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.record import Record
    from xcopy.target.reservation import Reservations
    from xcopy.target.run import CopyRun

RECEIVING_UNIT = 0xFFFF  # CSCD id of the unit the command was sent to
NULL_BLOCK, NULL_STREAM = 0xC000, 0xC001  # CSCD ids of units that no command is ever sent to
INVALID_OPERATION = (0x26, 0x0C)  # of a segment type, for a unit of that kind


class BlockDevice(Protocol):
    """What a segment asks of a disk, or of whatever stands in for one; `Refused` is its no."""

    @property
    def number(self) -> int:
        """Of the unit, for the record of what was copied."""
        ...

    @property
    def block_size(self) -> int:
        """Bytes of a block."""
        ...

    @property
    def blocks(self) -> int:
        """How many there are."""
        ...

    @property
    def reservations(self) -> Reservations:
        """Who may read and write it."""
        ...

    def check_range(self, lba: int, blocks: int) -> None:
        """Refuse blocks that are not there."""
        ...

    def check_writable(self) -> None:
        """Refuse when nothing can be written."""
        ...

    def read(self, lba: int, blocks: int) -> bytes:
        """Those blocks."""
        ...

    def write(self, lba: int, data: bytes | bytearray | memoryview) -> None:
        """Put whole blocks at `lba`."""
        ...


@dataclass(frozen=True, slots=True)
class BlockSide:
    """A disk at one side of the segment at hand; `pointer` is at its CSCD descriptor or id."""

    role: str
    unit: BlockDevice
    pointer: FieldPointer
    pad: bool = False


@dataclass(frozen=True, slots=True)
class StreamSide:
    """A tape at one side; `block_length` is that of fixed mode in bytes, 0 in variable mode."""

    role: str
    unit: TapeUnit
    pointer: FieldPointer
    pad: bool = False
    block_length: int = 0


@dataclass(frozen=True, slots=True)
class NullSide:
    """A null unit. It has no descriptor, so no PAD bit: as a source it counts as set, as a destination not.

    So a segment of no bytes between null units discards what is left of others, as the standard says that it
    is good for (SPC-4 6.4.6.1, table 148, note b).
    """

    role: str
    pointer: FieldPointer
    stream: bool

    @property
    def pad(self) -> bool:
        """Whether what is left at this side is let go."""
        return self.role == "source"


Side = BlockSide | StreamSide | NullSide


def disk(run: CopyRun, role: str) -> BlockSide | NullSide:
    """The side of a segment that needs a block device; `role` is "source" or "destination"."""
    found = side(run, role)
    if isinstance(found, StreamSide) or (isinstance(found, NullSide) and found.stream):
        run.abort(*INVALID_OPERATION, run.in_segment(f"{role}_cscd"))
    return found


def stream(run: CopyRun, role: str) -> StreamSide | NullSide:
    """The side of a segment that needs a stream device."""
    found = side(run, role)
    if isinstance(found, BlockSide) or (isinstance(found, NullSide) and not found.stream):
        run.abort(*INVALID_OPERATION, run.in_segment(f"{role}_cscd"))
    return found


def tape(run: CopyRun, role: str) -> StreamSide:
    """The side of a segment that sends a tape a command of its own; a null unit cannot be reached."""
    found = stream(run, role)
    if isinstance(found, NullSide):
        run.not_reachable(found.pointer)
    return found


def real_disk(run: CopyRun, role: str) -> BlockSide:
    """The side of a segment that cannot do without a block device."""
    found = disk(run, role)
    if isinstance(found, NullSide):
        run.not_reachable(found.pointer)
    return found


def side(run: CopyRun, role: str) -> Side:
    """Whom the segment's source or destination id names, whatever it is."""
    cscd_id: int = getattr(run.segment, f"{role}_cscd")
    pointer = run.in_segment(f"{role}_cscd")
    if cscd_id in run.place.profile.special_cscd_ids:
        if cscd_id == RECEIVING_UNIT:
            return BlockSide(role, run.place.units[run.receiver.number], pointer)
        if cscd_id in (NULL_BLOCK, NULL_STREAM):
            return NullSide(role, pointer, stream=cscd_id == NULL_STREAM)
    if cscd_id >= len(run.request.cscds):
        run.not_reachable(pointer)
    found = run.request.cscds[cscd_id]
    extends = cscd_id > 0 and run.request.cscds[cscd_id - 1] is not None
    if isinstance(found, CscdExtension) or (found is None and extends):
        run.abort(0x26, 0x00, pointer)  # an extension has no id of its own (SPC-4 6.4.5.2)
    if found is None:
        run.not_reachable(pointer)  # the header of the list
    make = SIDE_OF.get(type(found))
    if make is None:
        run.not_reachable(FieldPointer(sksv=True, byte=run.request.cscd_offset(cscd_id)))
    return make(run, role, cscd_id)


def identified(run: CopyRun, role: str, cscd_id: int) -> Side:
    """The unit of this array that an identification descriptor names."""
    cscd = run.request.cscds[cscd_id]
    assert isinstance(cscd, IdentificationCscd)
    base = run.request.cscd_offset(cscd_id)
    pointer = FieldPointer(sksv=True, byte=base)
    unit = named(run, cscd)
    if cscd.nul and run.place.profile.version < SPC_4 and run.place.profile.copies.unit_identifiers:
        run.not_reachable(pointer)  # SPC-3's null device; from SPC-4 on the bit says nothing
    if unit is None or (isinstance(unit, Unit) and not unit.third_party_copy):
        run.not_reachable(pointer)
    if run.place.profile.copies.same_unit_only and unit.number != run.receiver.number:
        run.not_reachable(pointer)
    parameters = cscd.parameters
    at_parameters = base + IdentificationCscd.row("parameters").offset
    if cscd.peripheral_device_type != unit.device_type:
        run.abort(0x0D, 0x03, at_row(IdentificationCscd.row("peripheral_device_type"), base))
    if isinstance(unit, TapeUnit):
        assert isinstance(parameters, StreamParameters)
        if parameters.fixed == (parameters.block_length == 0):
            run.abort(0x26, 0x00, at_row(StreamParameters.row("block_length"), at_parameters))
        return StreamSide(role, unit, pointer, parameters.pad, parameters.block_length)
    assert isinstance(parameters, BlockParameters)
    if parameters.block_length not in (0, unit.block_size):  # 0: ask the unit (SPC-4 6.4.5.3)
        run.abort(0x26, 0x00, at_row(BlockParameters.row("block_length"), at_parameters))
    return BlockSide(role, unit, pointer, parameters.pad)


def named(run: CopyRun, cscd: IdentificationCscd) -> Unit | TapeUnit | None:
    """The unit with the descriptor's designator in its page 83h, of those the copy's nexus can see."""
    seen = (unit for unit in run.place.units.values() if unit.is_seen_by(run.operation.nexus))
    units: tuple[Unit | TapeUnit, ...] = (*seen, *run.place.tapes.values())
    for unit in units:
        if identity.names(cscd.designator, unit, run.place.array_id, run.place.profile):
            return unit
    return None


def check_names(run: CopyRun) -> None:
    """Refuse a list with a CSCD descriptor that does not fit its unit, also one that no segment uses."""
    for cscd_id, cscd in enumerate(run.request.cscds):
        if not isinstance(cscd, IdentificationCscd):
            continue
        base, unit = run.request.cscd_offset(cscd_id), named(run, cscd)
        length = getattr(cscd.parameters, "block_length", None)
        if cscd.lu_id_type:
            pointer = at_byte(base + 1, 6)  # as SCST's source points, not at its first bit
        elif cscd.peripheral_device_type:
            pointer = at_byte(base + 1, 0)
        elif not isinstance(unit, Unit):
            pointer = at_byte(base)
        elif length != unit.block_size:
            pointer = at_byte(base + 29)
        else:
            continue
        refuse(ILLEGAL_REQUEST, 0x26, 0x00, pointer)


def rod(run: CopyRun, role: str, cscd_id: int) -> Side:
    """A ROD, which is a block device to a segment (SPC-4 5.17.7.6); an empty one cannot be reached."""
    cscd = run.rods.cscd(cscd_id)
    base = run.request.cscd_offset(cscd_id)
    unit = run.rods.unit(cscd_id)
    if unit is None:
        run.not_reachable(FieldPointer(sksv=True, byte=base))
    if role == "destination" and not run.rods.may_be_written(cscd_id):
        run.refuse(0x26, 0x00, run.in_segment("destination_cscd"))  # SPC-4 5.17.6.2.3.1
    parameters = cscd.parameters
    if not cscd.rod_type and cscd.peripheral_device_type:  # of a token's ROD it is not looked at
        return BlockSide(role, unit, FieldPointer(sksv=True, byte=base))
    if not isinstance(parameters, BlockParameters):
        run.abort(0x0D, 0x03, at_row(RodCscd.row("peripheral_device_type"), base))
    if parameters.block_length not in (0, unit.block_size):
        base_of_length = base + RodCscd.row("parameters").offset
        run.abort(0x26, 0x00, at_row(BlockParameters.row("block_length"), base_of_length))
    return BlockSide(role, unit, FieldPointer(sksv=True, byte=base), parameters.pad)


SIDE_OF: dict[type[Record], Callable[[CopyRun, str, int], Side]] = {
    IdentificationCscd: identified,
    RodCscd: rod,
}

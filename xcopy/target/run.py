"""One EXTENDED COPY being performed: the segment at hand, whom it names, and how it ends in COPY ABORTED.

How data moves in a segment is the segments' own business (`segments`); whom an id names is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from cdb.cscd import BlockParameters, IdentificationCscd
from cdb.sense import COPY_ABORTED, DeviceSense, FieldPointer, Sense
from xcopy.target import identity
from xcopy.target.refusal import Aborted, Refused, at_row

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Mapping

    from cdb.command import Reply
    from cdb.segment import Segment
    from xcopy.target.faults import Faults
    from xcopy.target.operation import Operation
    from xcopy.target.profile import Profile
    from xcopy.target.request import CopyRequest
    from xcopy.target.rods import Rods
    from xcopy.target.tokens import Tokens
    from xcopy.target.unit import Unit

RECEIVING_UNIT = 0xFFFF  # CSCD id of the unit the command was sent to
COMMANDS_CLEARED = (0x2F, 0x02)  # COMMANDS CLEARED BY DEVICE SERVER (SPC-4 5.17.4.7)
EMBEDDED_SENSE = 96  # bytes of a device's own sense that are passed on at most


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedSegment:
    """One segment that was copied to its end; lengths in bytes, LBAs in blocks of their unit."""

    source: int
    source_lba: int
    destination: int
    destination_lba: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an array is made of, as far as a copy sees it."""

    array_id: bytes
    units: Mapping[int, Unit]
    profile: Profile
    faults: Faults
    copied: deque[CopiedSegment]  # the last segments that were copied to their end
    rods: Rods
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Side:
    """Source or destination of the segment at hand; `pointer` is at its CSCD descriptor or id."""

    role: str
    unit: Unit
    pointer: FieldPointer


@dataclass(slots=True)
class CopyRun:
    """The state of a copy while its segments are performed, in their order."""

    place: Place
    request: CopyRequest
    operation: Operation
    receiver: Unit
    number: int = 0

    @property
    def segment(self) -> Segment:
        """The segment descriptor at hand."""
        return self.request.segments[self.number]

    def side(self, role: str) -> Side:
        """The unit that the segment's source or destination id names; `role` is "source" or "destination"."""
        cscd_id: int = getattr(self.segment, f"{role}_cscd")
        id_pointer = self.in_segment(f"{role}_cscd")
        if cscd_id == RECEIVING_UNIT:
            return Side(role, self.receiver, id_pointer)
        found = self.request.cscds[cscd_id] if cscd_id < len(self.request.cscds) else None
        if not isinstance(found, IdentificationCscd):
            self.abort(*self.place.profile.unreachable, id_pointer)
        base = self.request.cscd_offset(cscd_id)
        unit = self._named(found)
        pointer = FieldPointer(sksv=True, byte=base)
        if unit is None or not unit.third_party_copy:
            self.abort(*self.place.profile.unreachable, pointer)
        parameters = found.parameters
        if found.peripheral_device_type or not isinstance(parameters, BlockParameters):
            self.abort(0x0D, 0x03, at_row(IdentificationCscd.row("peripheral_device_type"), base))
        if parameters.block_length != unit.block_size:
            base += IdentificationCscd.row("parameters").offset
            self.abort(0x26, 0x00, at_row(BlockParameters.row("block_length"), base))
        return Side(role, unit, pointer)

    def _named(self, cscd: IdentificationCscd) -> Unit | None:
        for unit in self.place.units.values():
            if cscd.designator in identity.designators(unit, self.place.array_id):
                return unit
        return None

    def in_segment(self, name: str) -> FieldPointer:
        """A pointer at a field of the segment descriptor at hand, by the name of its row."""
        return at_row(type(self.segment).row(name), segment=True)

    def abort(
        self,
        asc: int,
        ascq: int,
        pointer: FieldPointer | None = None,
        *,
        residual: int | None = None,
        devices: tuple[DeviceSense, ...] = (),
    ) -> NoReturn:
        """End the command with COPY ABORTED in the segment at hand."""
        sense = Sense(
            key=COPY_ABORTED,
            asc=asc,
            ascq=ascq,
            information=residual,
            segment=self.number,
            pointer=pointer,
            devices=devices,
        )
        raise Refused.of(sense)

    def go_on(self, residual: int | None = None) -> None:
        """End the copy if it was told to stop: asked between segments and between the chunks of one."""
        if self.operation.aborting:
            asc, ascq = COMMANDS_CLEARED
            raise Aborted.of(
                Sense(key=COPY_ABORTED, asc=asc, ascq=ascq, information=residual, segment=self.number)
            )

    def device_failed(
        self, side: Side, reply: Reply, pointer: FieldPointer, residual: int | None = None
    ) -> NoReturn:
        """THIRD PARTY DEVICE FAILURE, with what the device answered."""
        device = DeviceSense(role=side.role, status=reply.status, sense=reply.sense[:EMBEDDED_SENSE])
        self.abort(0x0D, 0x01, pointer, residual=residual, devices=(device,))

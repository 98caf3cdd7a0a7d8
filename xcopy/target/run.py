"""One EXTENDED COPY being performed: the segment at hand, what earlier ones left over, how it ends early.

Whom an id names is decided in `sides`; how data move in a segment is the business of `segments`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from cdb.sense import COPY_ABORTED, ILLEGAL_REQUEST, DeviceSense, FieldPointer, Sense
from xcopy.target.copy_rods import CopyRods
from xcopy.target.refusal import Aborted, Refused, at_byte, at_row, refuse

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Mapping

    from cdb.segment import Segment
    from xcopy.target.faults import Faults
    from xcopy.target.operation import Operation
    from xcopy.target.profile import Profile
    from xcopy.target.request import CopyRequest
    from xcopy.target.rods import Rods
    from xcopy.target.sides import BlockSide, StreamSide
    from xcopy.target.tape import TapeUnit
    from xcopy.target.tokens import Tokens
    from xcopy.target.unit import Unit

COMMANDS_CLEARED = (0x2F, 0x02)  # COMMANDS CLEARED BY DEVICE SERVER (SPC-4 5.17.4.7)
COPY_MANAGER = "copy manager"  # the nexus by which copies read and write
EMBEDDED_SENSE = 96  # bytes of a device's own sense that are passed on at most


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedSegment:
    """One segment from disk to disk that was copied to its end; LBAs in blocks of their unit.

    `length` is the bytes written, and the offsets are bytes into the first block.
    """

    source: int
    source_lba: int
    destination: int
    destination_lba: int
    length: int
    source_offset: int = 0
    destination_offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an array is made of, as far as a copy sees it."""

    array_id: bytes
    units: Mapping[int, Unit]
    tapes: Mapping[int, TapeUnit]
    profile: Profile
    faults: Faults
    copied: deque[CopiedSegment]  # the last segments that were copied to their end
    rods: Rods
    tokens: Tokens
    descriptor_sense: Callable[[int], bool]  # the format of a unit's sense data, by its number

    def answered(self, role: str, number: int, refusal: Refused) -> DeviceSense:
        """What a unit told the copy manager, in the unit's own format."""
        reply = refusal.answered(self.descriptor_sense(number))
        return DeviceSense(role=role, status=reply.status, sense=reply.sense[:EMBEDDED_SENSE])


@dataclass(slots=True)
class CopyRun:
    """The state of a copy while its segments are performed, in their order.

    `source_data` and `destination_data` are what earlier segments left over (SPC-4 5.17.7.2). Of the segment
    at hand `planned` is how much is to be written and `written` how much was, in destination blocks, or in
    bytes where the destination is a tape in variable mode; `planned` is None where no count is told. With
    `out_of_order` something was written, too, that does not follow on that.
    """

    place: Place
    request: CopyRequest
    operation: Operation
    receiver: Unit
    number: int = 0
    source_data: bytes = b""
    destination_data: bytes = b""
    planned: int | None = None
    written: int = 0
    out_of_order: bool = False
    rods: CopyRods = field(init=False)

    def __post_init__(self) -> None:
        self.rods = CopyRods(self.place, self.request, self.receiver)

    @property
    def segment(self) -> Segment:
        """The segment descriptor at hand."""
        return self.request.segments[self.number]

    @property
    def nexus(self) -> str:
        """As whom it reads and writes."""
        return self.operation.nexus if self.place.profile.copies_as_initiator else COPY_MANAGER

    @property
    def residual(self) -> int | None:
        """What is not written of a segment that stops now; None when nothing is (SPC-4 5.17.7.4)."""
        if self.planned is None or not (self.written or self.out_of_order):
            return None
        return self.planned - self.written

    def begin(self) -> None:
        """Nothing is written yet of the segment at hand, or of the next one."""
        self.planned, self.written, self.out_of_order = None, 0, False

    def wrote(self, units: int, data: int) -> None:
        """So many blocks, or bytes, are at the destination, `data` bytes of them from this copy."""
        self.written += units
        self.operation.transferred += data

    def hold(self, data: bytes) -> None:
        """Keep a copy of what is processed for the initiator."""
        self.operation.hold(data, self.place.profile.enforced.held_data_limit)

    def in_segment(self, name: str) -> FieldPointer:
        """A pointer at a field of the segment descriptor at hand, by the name of its row."""
        return at_row(type(self.segment).row(name), segment=True)

    def abort(
        self,
        asc: int,
        ascq: int,
        pointer: FieldPointer | None = None,
        *,
        devices: tuple[DeviceSense, ...] = (),
    ) -> NoReturn:
        """End the command with COPY ABORTED in the segment at hand."""
        sense = Sense(
            key=COPY_ABORTED,
            asc=asc,
            ascq=ascq,
            information=self.residual,
            segment=self.number,
            pointer=pointer,
            devices=devices,
        )
        raise Refused.of(sense)

    def refuse(self, asc: int, ascq: int, pointer: FieldPointer) -> NoReturn:
        """End the command with ILLEGAL REQUEST, where the standard says so of a segment."""
        if pointer.segment:  # that sense key has pointers into the parameter list only
            at = self.request.segment_offsets[self.number] + pointer.byte
            pointer = at_byte(at, pointer.bit if pointer.bpv else None)
        refuse(ILLEGAL_REQUEST, asc, ascq, pointer)

    def go_on(self) -> None:
        """End the copy if it was told to stop: asked between segments and between the chunks of one."""
        if self.operation.aborting:
            asc, ascq = COMMANDS_CLEARED
            raise Aborted.of(
                Sense(key=COPY_ABORTED, asc=asc, ascq=ascq, information=self.residual, segment=self.number)
            )

    def not_reachable(self, pointer: FieldPointer) -> NoReturn:
        """COPY TARGET DEVICE NOT REACHABLE, or what the profile says instead."""
        self.abort(*self.place.profile.unreachable, pointer)

    def device_failed(
        self, side: BlockSide | StreamSide, refusal: Refused, pointer: FieldPointer | None = None
    ) -> NoReturn:
        """THIRD PARTY DEVICE FAILURE, with what the device answered; points at its CSCD descriptor."""
        if self.place.profile.copies.forwards_failure:
            raise refusal
        device = self.place.answered(side.role, side.unit.number, refusal)
        self.abort(0x0D, 0x01, pointer or side.pointer, devices=(device,))

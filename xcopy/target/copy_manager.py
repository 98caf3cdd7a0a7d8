"""The copy manager: EXTENDED COPY(LID1) and RECEIVE COPY OPERATING PARAMETERS.

Phase 2 lives here: which units a segment names, what it would move, and moving it, chunk by chunk,
ascending. A no from here on is COPY ABORTED, and what earlier chunks wrote stays written.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, NoReturn

from cdb.command import Command, Reply, Status
from cdb.copy_results import ReceiveCopyOperatingParameters
from cdb.cscd import BlockParameters, IdentificationCscd
from cdb.extended_copy import NO_LIST_ID, ExtendedCopyLid1
from cdb.segment import BlockToBlock
from cdb.sense import COPY_ABORTED, ILLEGAL_REQUEST, DeviceSense, FieldPointer, Sense
from xcopy.target import identity
from xcopy.target.copy_list import CopyList, check_copy_list, check_transferred, cscd_offset
from xcopy.target.faults import Step
from xcopy.target.refusal import Refused, answer, at_row, check_condition, parse_cdb, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cdb.copy_results import OperatingParameters
    from cdb.record import Row
    from xcopy.target.faults import Faults
    from xcopy.target.unit import Unit

RECEIVING_UNIT = 0xFFFF  # CSCD id of the unit the command was sent to
EMBEDDED_SENSE = 96  # bytes of a device's own sense that are passed on at most


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedSegment:
    """One segment that was copied to its end; lengths in bytes, LBAs in blocks of their unit."""

    source: int
    source_lba: int
    destination: int
    destination_lba: int
    length: int


@dataclass(frozen=True, slots=True)
class _Side:
    """Source or destination of the segment at hand."""

    role: str
    unit: Unit
    lba: int
    pointer: FieldPointer  # at its CSCD
    lba_pointer: FieldPointer


@dataclass(frozen=True, slots=True)
class _Segment:
    number: int
    descriptor: BlockToBlock
    cscds: CopyList

    def abort(
        self,
        asc: int,
        ascq: int,
        pointer: FieldPointer | None = None,
        *,
        residual: int | None = None,
        devices: tuple[DeviceSense, ...] = (),
    ) -> NoReturn:
        """End the command with COPY ABORTED in this segment."""
        sense = Sense(
            key=COPY_ABORTED,
            asc=asc,
            ascq=ascq,
            information=residual,
            segment=self.number,
            pointer=pointer,
            devices=devices,
        )
        raise Refused(check_condition(sense))

    def device_failed(
        self, side: _Side, reply: Reply, pointer: FieldPointer, residual: int | None = None
    ) -> NoReturn:
        """THIRD PARTY DEVICE FAILURE, with what the device answered."""
        device = DeviceSense(role=side.role, status=reply.status, sense=reply.sense[:EMBEDDED_SENSE])
        self.abort(0x0D, 0x01, pointer, residual=residual, devices=(device,))


class CopyManager:
    """Copies between the units of one array; every unit that has 3PC reaches it.

    `advertised` is what RECEIVE COPY OPERATING PARAMETERS says, `enforced` what is held to; a 0 among
    the enforced segment length, granularity and concurrency means no limit. `chunk_size` is in bytes,
    `remembered` is how many copied segments are kept.
    """

    def __init__(
        self,
        *,
        array_id: bytes,
        units: Mapping[int, Unit],
        advertised: OperatingParameters,
        enforced: OperatingParameters,
        chunk_size: int,
        faults: Faults,
        remembered: int,
    ) -> None:
        self._array_id = array_id
        self._units = units
        self._advertised = advertised
        self._enforced = enforced
        self._chunk_size = chunk_size
        self._faults = faults
        self._segments: deque[CopiedSegment] = deque(maxlen=remembered)
        self._lock = Lock()
        self._active: list[tuple[str, int | None]] = []

    @property
    def copied_segments(self) -> tuple[CopiedSegment, ...]:
        """The last segments that were copied to their end, in the order they were finished."""
        with self._lock:
            return tuple(self._segments)

    def extended_copy(self, command: Command, receiver: Unit, nexus: str) -> Reply:
        """Answer an EXTENDED COPY (83h); `Refused` is the copy manager's no."""
        _check_third_party_copy(receiver)
        cdb = parse_cdb(ExtendedCopyLid1, command.cdb)
        length = cdb.parameter_list_length
        check_transferred(len(command.data_out), length)
        if length == 0:
            return Reply(residual=len(command.data_out))
        request = check_copy_list(bytes(command.data_out[:length]), self._enforced)
        tracked = request.header.list_id_usage != NO_LIST_ID
        with self._running(nexus, request.header.list_identifier if tracked else None):
            for number, descriptor in enumerate(request.segments):
                self._copy(_Segment(number, descriptor, request), receiver)
        return Reply(residual=len(command.data_out) - length)

    def receive_results(self, command: Command, receiver: Unit) -> Reply:
        """Answer a RECEIVE COPY RESULTS (84h); only the operating parameters are there to be had."""
        _check_third_party_copy(receiver)
        cdb = parse_cdb(ReceiveCopyOperatingParameters, command.cdb)
        return answer(command, self._advertised.pack(), cdb.allocation_length)

    @contextmanager
    def _running(self, nexus: str, list_id: int | None) -> Iterator[None]:
        """Count the copy while it runs; too many are TASK SET FULL, a list id in use is refused."""
        mine = (nexus, list_id)
        limits = self._enforced
        with self._lock:
            identified = sum(other is not None for _, other in self._active)
            if list_id is not None and mine in self._active:
                refuse(ILLEGAL_REQUEST, 0x00, 0x16)
            if _full(len(self._active), limits.total_concurrent_copies) or (
                list_id is not None and _full(identified, limits.maximum_concurrent_copies)
            ):
                raise Refused(Reply(status=Status.TASK_SET_FULL))
            self._active.append(mine)
        try:
            yield
        finally:
            with self._lock:
                self._active.remove(mine)

    def _copy(self, segment: _Segment, receiver: Unit) -> None:
        """One segment: who, how much, may it, and then the data."""
        d = segment.descriptor
        source = self._side(segment, "source", d.source_cscd, d.source_lba, receiver)
        destination = self._side(segment, "destination", d.destination_cscd, d.destination_lba, receiver)
        length = d.blocks * (destination if d.dc else source).unit.block_size
        blocks_pointer = _in_segment("blocks")
        if length % source.unit.block_size or length % destination.unit.block_size:
            segment.abort(0x26, 0x0A, blocks_pointer)
        if length % (1 << self._enforced.data_segment_granularity):
            segment.abort(0x26, 0x0D, blocks_pointer)
        maximum = self._enforced.maximum_segment_length
        if maximum and length > maximum:
            segment.abort(0x26, 0x00, blocks_pointer)
        if length:
            _check_access(segment, source, destination, length)
            self._move(segment, source, destination, length)
        copied = CopiedSegment(
            source=source.unit.number,
            source_lba=source.lba,
            destination=destination.unit.number,
            destination_lba=destination.lba,
            length=length,
        )
        with self._lock:
            self._segments.append(copied)

    def _side(self, segment: _Segment, role: str, cscd_id: int, lba: int, receiver: Unit) -> _Side:
        """The unit a CSCD id names, or COPY TARGET DEVICE NOT REACHABLE."""
        id_pointer, lba_pointer = _in_segment(f"{role}_cscd"), _in_segment(f"{role}_lba")
        if cscd_id == RECEIVING_UNIT:
            return _Side(role, receiver, lba, id_pointer, lba_pointer)
        if cscd_id >= len(segment.cscds.cscds):
            segment.abort(0x0D, 0x02, id_pointer)
        cscd = segment.cscds.cscds[cscd_id]
        base = cscd_offset(cscd_id)
        pointer = FieldPointer(sksv=True, byte=base)
        unit = next(
            (u for u in self._units.values() if cscd.designator in identity.designators(u, self._array_id)),
            None,
        )
        if unit is None or not unit.third_party_copy:
            segment.abort(0x0D, 0x02, pointer)
        parameters = cscd.parameters
        if cscd.peripheral_device_type or not isinstance(parameters, BlockParameters):
            segment.abort(0x0D, 0x03, at_row(_cscd_row("peripheral_device_type"), base))
        if parameters.block_length != unit.block_size:
            base += _cscd_row("parameters").offset
            segment.abort(0x26, 0x00, at_row(BlockParameters.row("block_length"), base))
        return _Side(role, unit, lba, pointer, lba_pointer)

    def _move(self, segment: _Segment, source: _Side, destination: _Side, length: int) -> None:
        """Read and write chunk by chunk, from the first to the last."""
        step = max(source.unit.block_size, destination.unit.block_size)  # 512 divides 4096
        chunk = max(step, self._chunk_size // step * step)
        done = 0
        while done < length:
            size = min(chunk, length - done)
            # Nothing written: no residual. Something written: how many destination blocks are missing.
            residual = (length - done) // destination.unit.block_size if done else None
            try:
                data = self._read(source, done, size)
            except Refused as refusal:
                segment.device_failed(source, refusal.reply, source.pointer, residual)
            try:
                self._write(destination, done, data)
            except Refused as refusal:
                segment.device_failed(destination, refusal.reply, destination.pointer, residual)
            done += size

    def _read(self, side: _Side, done: int, size: int) -> bytes:
        unit = side.unit
        lba, blocks = side.lba + done // unit.block_size, size // unit.block_size
        step = Step(kind="read", unit=unit.number, lba=lba, blocks=blocks)
        return self._faults.read(step, lambda: unit.read(lba, blocks))

    def _write(self, side: _Side, done: int, data: bytes) -> None:
        unit = side.unit
        lba, blocks = side.lba + done // unit.block_size, len(data) // unit.block_size
        step = Step(kind="write", unit=unit.number, lba=lba, blocks=blocks)
        self._faults.write(step, data, lambda changed: unit.write(lba, changed))


def _check_access(segment: _Segment, source: _Side, destination: _Side, length: int) -> None:
    """Both ranges are there and the destination takes writes, before the first chunk moves."""
    for side in (source, destination):
        try:
            side.unit.check_range(side.lba, length // side.unit.block_size)
        except Refused as refusal:
            segment.device_failed(side, refusal.reply, side.lba_pointer)
    try:
        destination.unit.check_writable()
    except Refused as refusal:
        segment.device_failed(destination, refusal.reply, destination.pointer)


def _check_third_party_copy(unit: Unit) -> None:
    if not unit.third_party_copy:
        refuse(ILLEGAL_REQUEST, 0x20, 0x00)


def _full(running: int, limit: int) -> bool:
    return bool(limit) and running >= limit


def _in_segment(name: str) -> FieldPointer:
    return at_row(BlockToBlock.row(name), segment=True)


def _cscd_row(name: str) -> Row:
    return IdentificationCscd.row(name)

"""One emulated tape: records and filemarks one after another, and the commands that read, write and move it.

A record has the length it was written with; in fixed mode every record has the unit's block length. What
is written ends what there was behind it. Sense data are as SSC-3 has them, by way of Linux's st driver.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import RLock
from typing import TYPE_CHECKING, ClassVar, NoReturn

from cdb.blocks import TestUnitReady
from cdb.command import Command, Reply, Status
from cdb.sense import DATA_PROTECT, ILLEGAL_REQUEST, NO_SENSE, FixedSense
from cdb.sense_key import SPECIFICS, CommandInformation, OtherSpecific
from cdb.tape import (
    SHORT_FORM,
    BlockLengthLimits,
    Locate10,
    Read6,
    ReadBlockLimits,
    ReadPosition,
    Rewind,
    ShortPosition,
    Space6,
    Write6,
    WriteFilemarks6,
)
from xcopy.target.refusal import Refused, answer, parse_cdb, refuse, wrong_field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BLANK_CHECK, VOLUME_OVERFLOW = 0x8, 0xD
FILEMARK_DETECTED, END_OF_MEDIUM, BEGINNING_OF_MEDIUM, END_OF_DATA = 0x01, 0x02, 0x04, 0x05  # ASCQ of ASC 00h
MAXIMUM_RECORD = (1 << 24) - 1  # bytes; the transfer length field holds no more
MAXIMUM_OBJECTS = 1 << 16  # records and filemarks a medium holds
CAPACITY = 64 << 20  # bytes a medium holds unless told otherwise
SPACE_BLOCKS, SPACE_FILEMARKS, SPACE_END_OF_DATA = 0, 1, 3

FILEMARK = None  # among the objects of a medium: every other object is the bytes of a record
Object = bytes | None


class Medium:
    """What is on a tape, and where it stands; `objects` are records in bytes, and `FILEMARK`.

    `position` counts objects from the beginning. Holds at most `capacity` bytes and `MAXIMUM_OBJECTS`.
    """

    def __init__(self, objects: Iterable[Object] = (), *, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.lock = RLock()
        self.position = 0
        self._objects: list[Object] = []
        self._bytes = 0
        self.put(list(objects))
        self.position = 0

    @property
    def objects(self) -> tuple[Object, ...]:
        """All there is, from the beginning."""
        with self.lock:
            return tuple(self._objects)

    @property
    def at_end(self) -> bool:
        """Whether there is nothing behind the position."""
        return self.position == len(self._objects)

    @property
    def end(self) -> int:
        """The position behind the last object."""
        return len(self._objects)

    def look(self, position: int) -> Object:
        """The object at a position before the end."""
        return self._objects[position]

    def fits(self, objects: list[Object]) -> bool:
        """Whether these could be put at the position."""
        behind = self._objects[self.position :]
        size = self._bytes + sum(len(new or b"") for new in objects) - sum(len(old or b"") for old in behind)
        return size <= self.capacity and self.position + len(objects) <= MAXIMUM_OBJECTS

    def put(self, objects: list[Object]) -> None:
        """Write at the position; what was behind it is gone. Too much is a `ValueError`."""
        if not self.fits(objects):
            raise ValueError(f"{len(objects)} objects more do not fit on this medium")
        self._bytes -= sum(len(old or b"") for old in self._objects[self.position :])
        self._objects[self.position :] = objects
        self._bytes += sum(len(new or b"") for new in objects)
        self.position = len(self._objects)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TapeUnit:
    """A logical unit that is a tape; `block_length` is that of fixed mode in bytes, 0: variable mode only."""

    device_type: ClassVar[int] = 0x01
    third_party_copy: ClassVar[bool] = False  # there is no copy manager in it

    number: int
    serial: str
    medium: Medium
    block_length: int = 0
    read_only: bool = False

    def perform(self, command: Command) -> Reply:
        """Answer one command; `Refused` is the unit's no."""
        perform = _COMMANDS.get(command.cdb[:1])
        if perform is None:
            refuse(ILLEGAL_REQUEST, 0x20, 0x00)
        with self.medium.lock:
            return perform(self, command)

    def check_writable(self) -> None:
        """WRITE PROTECTED when it is."""
        if self.read_only:
            refuse(DATA_PROTECT, 0x27, 0x00)

    def read_record(self, length: int, *, sili: bool = False) -> bytes:
        """The next record, which should have `length` bytes; the reply of `Refused` has what was read."""
        with self.medium.lock:
            record = self._next(length)
            missing = length - len(record)
            if missing > 0 and not sili:
                _stop(information=missing, ili=True, data=record)
            if missing < 0 and not (sili and self.block_length == 0):
                _stop(information=missing, ili=True, data=record[:length])
            return record[:length]

    def read_blocks(self, count: int, block_length: int) -> bytes:
        """The next `count` records, all of that length; the reply of `Refused` has those that were read."""
        parts: list[bytes] = []
        try:
            with self.medium.lock:
                for left in range(count, 0, -1):
                    record = self._next(left)
                    if len(record) != block_length:
                        _stop(information=left, ili=True)
                    parts.append(record)
        except Refused as refusal:
            raise Refused(replace(refusal.reply, data=b"".join(parts))) from None
        return b"".join(parts)

    def write_records(self, records: list[bytes]) -> None:
        """Put records at the position; `Refused` when write protected or full, and then none is written."""
        self._put(list(records), len(records))

    def write_filemarks(self, count: int) -> None:
        """Put filemarks at the position."""
        self._put([FILEMARK] * min(count, MAXIMUM_OBJECTS + 1), count)

    def copy_object(self) -> Object:
        """The next object, whatever it is, and pass it; BLANK CHECK at the end of the data."""
        with self.medium.lock:
            if self.medium.at_end:
                _stop(BLANK_CHECK, END_OF_DATA, information=1)
            self.medium.position += 1
            return self.medium.look(self.medium.position - 1)

    def space(self, code: int, count: int) -> None:
        """Pass `count` records or filemarks, backwards when negative, or go to the end of the data."""
        medium = self.medium
        with medium.lock:
            if code == SPACE_END_OF_DATA:
                medium.position = medium.end
                return
            forward = count > 0
            left = abs(count)
            while left:
                if forward and medium.at_end:
                    _stop(BLANK_CHECK, END_OF_DATA, information=left)
                if not forward and medium.position == 0:
                    _stop(NO_SENSE, BEGINNING_OF_MEDIUM, information=left, eom=True)
                passed = medium.look(medium.position - (not forward))
                medium.position += 1 if forward else -1
                if code == SPACE_BLOCKS and passed is FILEMARK:
                    _stop(NO_SENSE, FILEMARK_DETECTED, information=left, filemark=True)
                left -= code == SPACE_BLOCKS or passed is FILEMARK

    def locate(self, position: int) -> None:
        """Go to a logical object; BLANK CHECK, at the end of the data, when there are not so many."""
        with self.medium.lock:
            self.medium.position = min(position, self.medium.end)
            if position > self.medium.end:
                _stop(BLANK_CHECK, END_OF_DATA)

    def _next(self, left: int) -> bytes:
        if self.medium.at_end:
            _stop(BLANK_CHECK, END_OF_DATA, information=left)
        found = self.copy_object()
        if found is FILEMARK:
            _stop(NO_SENSE, FILEMARK_DETECTED, information=left, filemark=True)
        return found

    def _put(self, objects: list[Object], count: int) -> None:
        self.check_writable()
        with self.medium.lock:
            if not self.medium.fits(objects):
                _stop(VOLUME_OVERFLOW, END_OF_MEDIUM, information=count, eom=True)
            self.medium.put(objects)

    def _test_unit_ready(self, command: Command) -> Reply:
        parse_cdb(TestUnitReady, command.cdb)
        return answer(command, b"")

    def _rewind(self, command: Command) -> Reply:
        parse_cdb(Rewind, command.cdb)
        self.medium.position = 0
        return answer(command, b"")

    def _read_block_limits(self, command: Command) -> Reply:
        parse_cdb(ReadBlockLimits, command.cdb)
        return answer(command, BlockLengthLimits(maximum=MAXIMUM_RECORD, minimum=1).pack())

    def _read(self, command: Command) -> Reply:
        cdb = parse_cdb(Read6, command.cdb)
        if cdb.fixed and (cdb.sili or not self.block_length):
            wrong_field(Read6, "sili" if cdb.sili else "fixed")
        if not cdb.transfer_length:
            return answer(command, b"")
        try:
            if cdb.fixed:
                return answer(command, self.read_blocks(cdb.transfer_length, self.block_length))
            return answer(command, self.read_record(cdb.transfer_length, sili=cdb.sili))
        except Refused as refusal:
            whole = answer(command, refusal.reply.data)
            reply = refusal.reply
        return Reply(status=reply.status, data=whole.data, sense=reply.sense, residual=whole.residual)

    def _write(self, command: Command) -> Reply:
        cdb = parse_cdb(Write6, command.cdb)
        if cdb.fixed and not self.block_length:
            wrong_field(Write6, "fixed")
        size = self.block_length if cdb.fixed else cdb.transfer_length
        length = cdb.transfer_length * self.block_length if cdb.fixed else cdb.transfer_length
        if length > len(command.data_out):
            wrong_field(Write6, "transfer_length")
        if length > self.medium.capacity:
            self.check_writable()
            _stop(VOLUME_OVERFLOW, END_OF_MEDIUM, information=cdb.transfer_length, eom=True)
        data = bytes(command.data_out[:length])
        self._put([data[at : at + size] for at in range(0, length, size or 1)], cdb.transfer_length)
        return Reply(residual=len(command.data_out) - length)

    def _write_filemarks(self, command: Command) -> Reply:
        cdb = parse_cdb(WriteFilemarks6, command.cdb)
        self.write_filemarks(cdb.filemarks)
        return answer(command, b"")

    def _space(self, command: Command) -> Reply:
        cdb = parse_cdb(Space6, command.cdb)
        if cdb.code not in (SPACE_BLOCKS, SPACE_FILEMARKS, SPACE_END_OF_DATA):
            wrong_field(Space6, "code")
        self.space(cdb.code, signed(cdb.count))
        return answer(command, b"")

    def _locate(self, command: Command) -> Reply:
        cdb = parse_cdb(Locate10, command.cdb)
        if cdb.bt:
            wrong_field(Locate10, "bt")
        if cdb.cp and cdb.partition:
            wrong_field(Locate10, "partition")
        self.locate(cdb.logical_object)
        return answer(command, b"")

    def _read_position(self, command: Command) -> Reply:
        cdb = parse_cdb(ReadPosition, command.cdb)
        if cdb.service_action != SHORT_FORM:
            wrong_field(ReadPosition, "service_action")
        if cdb.allocation_length:
            wrong_field(ReadPosition, "allocation_length")
        here = self.medium.position
        return answer(command, ShortPosition(bop=here == 0, first=here, last=here).pack())


def signed(count: int) -> int:
    """The COUNT of SPACE, a two's complement of 24 bits."""
    return count - (1 << 24) if count >> 23 else count


def _stop(
    key: int = NO_SENSE,
    ascq: int = 0,
    *,
    information: int | None = None,
    filemark: bool = False,
    eom: bool = False,
    ili: bool = False,
    data: bytes = b"",
) -> NoReturn:
    """End the command with CHECK CONDITION; `information` may be negative, `data` was read all the same."""
    sense = FixedSense(
        valid=information is not None,
        filemark=filemark,
        eom=eom,
        ili=ili,
        sense_key=key,
        information=(information or 0) & 0xFFFFFFFF,
        command_specific=CommandInformation(value=0),
        additional_sense=ascq,
        specific=SPECIFICS.get(key, OtherSpecific)(),  # type: ignore[arg-type]
    )
    raise Refused(Reply(status=Status.CHECK_CONDITION, sense=sense.pack(), data=data))


_COMMANDS: dict[bytes, Callable[[TapeUnit, Command], Reply]] = {
    b"\x00": TapeUnit._test_unit_ready,
    b"\x01": TapeUnit._rewind,
    b"\x05": TapeUnit._read_block_limits,
    b"\x08": TapeUnit._read,
    b"\x0a": TapeUnit._write,
    b"\x10": TapeUnit._write_filemarks,
    b"\x11": TapeUnit._space,
    b"\x2b": TapeUnit._locate,
    b"\x34": TapeUnit._read_position,
}

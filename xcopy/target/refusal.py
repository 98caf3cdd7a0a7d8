"""How the emulated array says no, and how a CDB is checked before it is believed.

A refusal is raised where it is found and becomes a Reply at the array's door. Which condition earns
which sense is decided by the callers; here is only how a field is pointed at (SPC-4 4.5.2.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Self, TypeVar

from cdb.command import Command, Reply, Status
from cdb.sense import ILLEGAL_REQUEST, FieldPointer, Sense

if TYPE_CHECKING:
    from cdb.record import Record, Row

R = TypeVar("R", bound="Record")

CONTROL_CHECKED = 0x3F  # the top two bits of CONTROL are vendor specific, the rest is NACA or reserved
FILL = 7  # the most significant bit of a byte: a field that starts there is pointed at by its byte alone


class Refused(Exception):
    """A unit or the copy manager says no; `reply` is what the initiator gets, its sense in fixed format."""

    def __init__(self, reply: Reply, sense: Sense | None = None) -> None:
        super().__init__(f"status {reply.status:02X}h")
        self.reply = reply
        self._sense = sense

    @classmethod
    def of(cls, sense: Sense) -> Self:
        """CHECK CONDITION with that sense."""
        return cls(check_condition(sense), sense)

    def answered(self, descriptor: bool, *, bare: bool = False) -> Reply:
        """The reply, its sense in descriptor format where that is asked for and it was not given as bytes.

        Of `bare` sense there are the key, the code and INFORMATION, and nothing else.
        """
        if self._sense is None or not (descriptor or bare):
            return self.reply
        sense = self._sense
        if bare:
            sense = Sense(key=sense.key, asc=sense.asc, ascq=sense.ascq, information=sense.information)
        return Reply(status=self.reply.status, sense=packed(sense, descriptor))


class Aborted(Refused):
    """A copy operation stops because it was told to."""


def packed(sense: Sense, descriptor: bool) -> bytes:
    """Sense data in the format a unit has them in."""
    return sense.pack_descriptor() if descriptor else sense.pack_fixed()


def check_condition(sense: Sense) -> Reply:
    """CHECK CONDITION with fixed format sense data."""
    return Reply(status=Status.CHECK_CONDITION, sense=sense.pack_fixed())


def refuse(key: int, asc: int, ascq: int, pointer: FieldPointer | None = None) -> NoReturn:
    """End the command with CHECK CONDITION."""
    raise Refused.of(Sense(key=key, asc=asc, ascq=ascq, pointer=pointer))


def at_byte(
    byte: int, bit: int | None = None, *, command: bool = False, segment: bool = False
) -> FieldPointer:
    """A pointer to a byte, or to one bit of it."""
    bpv = bit is not None
    return FieldPointer(sksv=True, command=command, segment=segment, bpv=bpv, bit=bit or 0, byte=byte)


def at_row(row: Row, base: int = 0, *, command: bool = False, segment: bool = False) -> FieldPointer:
    """A pointer to the first bit of a field; `base` is where its record begins."""
    bit = None if row.bit == FILL and row.bits % 8 == 0 else row.bit
    return at_byte(base + row.offset, bit, command=command, segment=segment)


def wrong_field(cls: type[Record], name: str) -> NoReturn:
    """INVALID FIELD IN CDB, pointing at the field `name`."""
    refuse(ILLEGAL_REQUEST, 0x24, 0x00, at_row(cls.row(name), command=True))


def row_value(row: Row, data: bytes) -> int:
    """The number in a field of a record that begins at byte 0 of `data`."""
    whole = int.from_bytes(data[row.offset : row.offset + row.bytes], "big")
    return (whole >> (row.bytes * 8 - (7 - row.bit) - row.bits)) & ((1 << row.bits) - 1)


def reserved_bit_set(cls: type[Record], data: bytes) -> tuple[int, int] | None:
    """The byte and bit of the first reserved bit that is set in the record at the start of `data`."""
    for row in cls.rows:
        value = row_value(row, data) if row.kind == "reserved" else 0
        if value:
            position = row.offset * 8 + (7 - row.bit) + row.bits - value.bit_length()
            return position // 8, 7 - position % 8
    return None


def parse_cdb(cls: type[R], cdb: bytes) -> R:
    """The command in `cdb`; any bit that means nothing here is INVALID FIELD IN CDB, pointed at.

    Bytes after the CDB's own length are not looked at; of a CDB cut short the first missing byte is wrong.
    """
    if len(cdb) < cls.size:
        refuse(ILLEGAL_REQUEST, 0x24, 0x00, at_byte(len(cdb), command=True))
    for row in cls.rows:
        if row.kind == "const" and row_value(row, cdb) != row.default:
            refuse(ILLEGAL_REQUEST, 0x24, 0x00, at_row(row, command=True))
    reserved = reserved_bit_set(cls, cdb)
    if reserved:
        refuse(ILLEGAL_REQUEST, 0x24, 0x00, at_byte(*reserved, command=True))
    control = cdb[cls.size - 1] & CONTROL_CHECKED
    if control:
        refuse(ILLEGAL_REQUEST, 0x24, 0x00, at_byte(cls.size - 1, control.bit_length() - 1, command=True))
    return cls.unpack_from(cdb)


def answer(command: Command, data: bytes, allocation_length: int | None = None) -> Reply:
    """GOOD with `data`, cut to the allocation length and to the room the initiator has."""
    room = command.data_in if allocation_length is None else min(allocation_length, command.data_in)
    sent = data[:room]
    return Reply(data=sent, residual=command.data_in - len(sent))

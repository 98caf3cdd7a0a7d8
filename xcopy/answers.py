"""The table of answers: what units and copy managers say, and what a copy does next. All sense policy.

One row for each answer that is met; the first row that is true counts. Evidence: measured on LIO of Linux
6.1; tcmu-runner, SCST and CTL read in source; the emulated array by what it does. LIO's A/0D/02 is its only
answer to all that goes wrong in a copy, so only what the units have copied before tells what it means.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from cdb.command import Status
from cdb.extended_copy import NO_LIST_ID, Lid1ParameterList
from cdb.segment import BlockToBlock
from xcopy.conversation import Pushback

if TYPE_CHECKING:
    from cdb.command import Command
    from cdb.sense import Sense


class Action(Enum):
    """What a copy does next."""

    DONE = "done"
    REPEAT = "send it again"
    WAIT = "wait, then send it again"
    ANOTHER_ID = "send it again under another list identifier"
    FEWER = "fewer segments in a command"
    SMALLER = "smaller segments"
    OTHER_MEANS = "copy this piece by another means"
    NO_OFFLOAD = "no offload between these units"
    UNSUPPORTED = "the unit does not take such a command"
    STOP = "stop"


class Place(Enum):
    """What a sense pointer points at, where that decides something."""

    LIST_LENGTH = "PARAMETER LIST LENGTH"
    LIST_ID = "LIST IDENTIFIER"
    LBA = "an LBA of a segment"
    BLOCKS = "NUMBER OF BLOCKS of a segment"
    SEGMENT = "another field of a segment"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: None matches anything. `once_proven` is the action after these units have copied something."""

    status: int
    key: int | None
    asc: int | None
    ascq: int | None
    action: Action
    why: str
    once_proven: Action | None = None
    exhausted: Action = Action.OTHER_MEANS
    pushback: Pushback | None = None
    place: Place | None = None


EXTENDED_COPY_LID1 = b"\x83\x00"
_CHECK = Status.CHECK_CONDITION
_ABORTED = "the command was aborted"
_BECOMING = "the unit becomes ready"
_PAST_END = "the range is past the end of the unit"
_PROTECTED = "the destination is write protected"
_REFUSES = "the copy manager refuses this copy"
_UNREACHABLE = "the copy manager cannot reach one of the two units"
_WAIT, _REPEAT, _STOP = Action.WAIT, Action.REPEAT, Action.STOP
_OTHER, _NO = Action.OTHER_MEANS, Action.NO_OFFLOAD

# What any unit may say of itself: to us, or to the copy manager.
DEVICE_RULES = (
    Rule(Status.BUSY, None, None, None, _WAIT, "the unit is busy", pushback=Pushback.BUSY),
    Rule(
        Status.TASK_SET_FULL, None, None, None, _WAIT, "the unit's task set is full",
        pushback=Pushback.QUEUE_FULL,
    ),
    Rule(Status.ACA_ACTIVE, None, None, None, _WAIT, "an ACA condition is active", pushback=Pushback.BUSY),
    Rule(Status.TASK_ABORTED, None, None, None, _WAIT, _ABORTED, pushback=Pushback.ABORTED),
    # The copy manager reads and writes as a nexus of its own: the holder of a reservation is locked out too.
    Rule(Status.RESERVATION_CONFLICT, None, None, None, _NO, "the unit is reserved by another"),
    Rule(_CHECK, 0x6, 0x2A, 0x09, _STOP, "the capacity changed during the copy"),
    Rule(_CHECK, 0x6, 0x28, None, _STOP, "the medium may have been changed during the copy"),
    Rule(_CHECK, 0x6, 0x3F, 0x03, _STOP, "the unit may have become another during the copy"),
    Rule(_CHECK, 0x6, 0x29, 0x03, _REPEAT, "unit attention"),
    # The path's own: what was acknowledged is not touched by it.
    Rule(_CHECK, 0x6, 0x29, 0x07, _REPEAT, "the path was lost and is back"),
    # A unit that lost its power may have lost what it acknowledged and had not made durable.
    Rule(_CHECK, 0x6, 0x29, None, _REPEAT, "the unit was reset during the copy", once_proven=_STOP),
    Rule(_CHECK, 0x6, None, None, _REPEAT, "unit attention"),
    Rule(_CHECK, 0xB, None, None, _WAIT, _ABORTED, pushback=Pushback.ABORTED),
    Rule(_CHECK, 0x2, 0x04, 0x01, _WAIT, _BECOMING, pushback=Pushback.BUSY),
    Rule(_CHECK, 0x2, 0x04, 0x0A, _WAIT, "the path changes its access state", pushback=Pushback.BUSY),
    Rule(_CHECK, 0x2, 0x04, 0x14, _WAIT, "the unit allocates space", pushback=Pushback.BUSY),
    # LIO says NOT READY, 08h/00h when block sizes differ; it never gets ready.
    Rule(_CHECK, 0x2, None, None, _NO, "the unit is not ready for copies", once_proven=_OTHER),
    Rule(_CHECK, 0x3, None, None, _OTHER, "a block cannot be read or written"),
    Rule(_CHECK, 0x4, None, None, _OTHER, "the hardware failed"),
    Rule(_CHECK, 0x5, 0x21, 0x00, _STOP, _PAST_END),
    Rule(_CHECK, 0x7, 0x27, 0x07, _STOP, "the destination has no space left"),
    Rule(_CHECK, 0x7, None, None, _STOP, _PROTECTED),
)  # fmt: skip

# What a unit told the copy manager, and would not say to us in these words. Looked at before DEVICE_RULES.
FORWARDED_RULES = (
    Rule(_CHECK, 0x5, 0x21, 0x00, _STOP, _PAST_END),
    Rule(_CHECK, 0x5, None, None, _NO, "the unit refuses the copy manager's command", once_proven=_OTHER),
)

# What a copy manager says of a copy. Looked at after DEVICE_RULES.
COPY_RULES = (
    Rule(_CHECK, 0x1, None, None, Action.DONE, "recovered by the device"),
    # Nothing was begun. The identifier may be another program's; an earlier copy of ours may still use it.
    Rule(
        _CHECK, 0x5, 0x00, 0x16, _WAIT, "the list identifier is still in use",
        exhausted=_STOP, pushback=Pushback.ID_IN_USE,
    ),
    Rule(  # CTL
        _CHECK, 0x5, 0x26, 0x00, _WAIT, "the list identifier is still in use",
        exhausted=_STOP, pushback=Pushback.ID_IN_USE, place=Place.LIST_ID,
    ),
    Rule(
        _CHECK, 0x5, 0x55, None, _WAIT, "the copy manager is short of resources",
        pushback=Pushback.RESOURCES,
    ),
    Rule(_CHECK, 0x5, 0x26, 0x08, Action.FEWER, "too many segments for one command"),
    Rule(_CHECK, 0x5, 0x1A, 0x00, Action.FEWER, "the parameter list is too long"),
    Rule(  # CTL: a list longer than all it takes
        _CHECK, 0x5, 0x24, 0x00, Action.FEWER, "the parameter list is too long", place=Place.LIST_LENGTH
    ),
    Rule(_CHECK, 0x5, 0x26, 0x00, Action.SMALLER, "the segment is too long", place=Place.BLOCKS),
    Rule(_CHECK, 0xA, 0x26, 0x00, Action.SMALLER, "the segment is too long", place=Place.BLOCKS),
    Rule(_CHECK, 0x5, 0x26, 0x0C, Action.SMALLER, "the segment does not suit the units"),
    Rule(_CHECK, 0x5, 0x26, 0x0D, Action.SMALLER, "the segment breaks the copy granularity"),
    Rule(_CHECK, 0xA, 0x26, 0x0D, Action.SMALLER, "the segment breaks the copy granularity"),
    Rule(_CHECK, 0xA, 0x21, 0x00, _STOP, _PAST_END),
    Rule(_CHECK, 0xA, 0x00, 0x00, _STOP, _PAST_END, place=Place.LBA),
    # SCST: of the segment a CSCD id, a write protected destination, or that block sizes do not fit.
    Rule(_CHECK, 0xA, 0x00, 0x00, _NO, _REFUSES, once_proven=_OTHER, place=Place.SEGMENT),
    Rule(_CHECK, 0xA, 0x00, 0x00, _NO, _REFUSES, once_proven=_OTHER, place=Place.BLOCKS),
    Rule(_CHECK, 0x5, 0x26, None, _NO, "the copy manager refuses these units or this copy"),
    Rule(_CHECK, 0x5, None, None, _NO, "the unit does not do EXTENDED COPY"),
    Rule(_CHECK, 0xA, 0x0D, 0x02, _NO, _UNREACHABLE, once_proven=_OTHER),
    Rule(_CHECK, 0xA, 0x08, 0x04, _NO, _UNREACHABLE, once_proven=_OTHER),
    Rule(_CHECK, 0xA, 0x0D, 0x03, _NO, "a unit is not the kind of device it was said to be"),
    Rule(_CHECK, 0xA, 0x26, None, _NO, _REFUSES, once_proven=_OTHER),
    Rule(_CHECK, 0xA, 0x2F, None, _WAIT, _ABORTED, pushback=Pushback.ABORTED),
    Rule(_CHECK, 0xA, None, None, _OTHER, "the copy manager could not copy this piece"),
)  # fmt: skip

# What a unit says of WRITE SAME(16). Looked at after DEVICE_RULES.
ZEROING_RULES = (
    Rule(_CHECK, 0x1, None, None, Action.DONE, "recovered by the device"),
    Rule(_CHECK, 0x5, 0x20, 0x00, Action.UNSUPPORTED, "the destination has no WRITE SAME(16)"),
    Rule(_CHECK, 0x5, None, None, Action.UNSUPPORTED, "the destination refuses this WRITE SAME(16)"),
)

_LIST_LENGTH = range(9, 14)  # CTL points at byte 9 of the CDB, one before the field
_LBAS = range(BlockToBlock.row("source_lba").offset, BlockToBlock.size)
_BLOCKS = range(BlockToBlock.row("blocks").offset, BlockToBlock.row("source_lba").offset)


def place_of(sense: Sense, command: Command | None) -> Place | None:
    """What the sense points at; a pointer into the parameter list says something only of a known command."""
    pointer = sense.pointer
    if pointer is None or not pointer.sksv:
        return None
    if pointer.command:
        return Place.LIST_LENGTH if pointer.byte in _LIST_LENGTH else None
    if pointer.segment:
        return _in_segment(pointer.byte)
    if command is None or not _is_copy(command):
        return None
    if pointer.byte == 0:
        usage = Lid1ParameterList.peek("list_id_usage", bytes(command.data_out))
        return None if pointer.bpv or usage == NO_LIST_ID else Place.LIST_ID
    length = Lid1ParameterList.peek("cscd_list_length", bytes(command.data_out))
    into = pointer.byte - Lid1ParameterList.size - length
    return _in_segment(into % BlockToBlock.size) if into >= 0 else None


def _is_copy(command: Command) -> bool:
    """EXTENDED COPY(LID1) with a whole header, as this program sends it."""
    whole = len(command.data_out) >= Lid1ParameterList.size
    return whole and bytes(command.cdb[:2]) == EXTENDED_COPY_LID1


def _in_segment(byte: int) -> Place:
    if byte in _LBAS:
        return Place.LBA
    return Place.BLOCKS if byte in _BLOCKS else Place.SEGMENT

"""What a reply means for a copy: one table, fed by status, sense key and additional sense code.

Targets answer the same condition in different ways; every difference is a row here and nowhere else.
Nothing here sends, waits or counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from cdb.command import Status, TransportError
from cdb.errors import DecodeError
from cdb.sense import RECOVERED_ERROR, Sense

if TYPE_CHECKING:
    from cdb.command import Command, Reply


class Action(Enum):
    """What a copy does next."""

    DONE = "done"
    REPEAT = "send it again"
    WAIT = "wait, then send it again"
    FEWER = "fewer segments in a command"
    SMALLER = "smaller segments"
    OTHER_MEANS = "copy this piece by another means"
    NO_OFFLOAD = "no offload between these units"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The action and why, in words for a person; `exhausted` is the action when repeating did not help.

    Verdicts of one `kind` are one reason, at whatever segment and field; "" is its own.
    """

    action: Action
    reason: str
    exhausted: Action = Action.OTHER_MEANS
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: None matches anything. `once_proven` is the action after these units have copied something."""

    status: int
    key: int | None
    asc: int | None
    ascq: int | None
    action: Action
    once_proven: Action | None = None
    why: str = ""
    exhausted: Action = Action.OTHER_MEANS


_CHECK = Status.CHECK_CONDITION
_UNREACHABLE = "the copy manager cannot reach one of the two units"

# First match counts. Evidence: measured on LIO of Linux 6.1; tcmu-runner, SCST and CTL read in source.
RULES = (
    Rule(Status.BUSY, None, None, None, Action.WAIT, why="the unit is busy"),
    Rule(Status.TASK_SET_FULL, None, None, None, Action.WAIT, why="the unit's task set is full"),
    Rule(Status.ACA_ACTIVE, None, None, None, Action.WAIT, why="an ACA condition is active"),
    Rule(Status.TASK_ABORTED, None, None, None, Action.WAIT, why="the command was aborted"),
    Rule(
        Status.RESERVATION_CONFLICT,
        None,
        None,
        None,
        Action.NO_OFFLOAD,
        why="the unit is reserved by another",
    ),
    Rule(_CHECK, 0x1, None, None, Action.DONE, why="recovered by the device"),
    Rule(_CHECK, 0x6, 0x2A, 0x09, Action.STOP, why="the capacity changed during the copy"),
    Rule(_CHECK, 0x6, 0x28, None, Action.STOP, why="the medium may have been changed during the copy"),
    Rule(_CHECK, 0x6, 0x3F, 0x03, Action.STOP, why="the unit may have become another during the copy"),
    Rule(_CHECK, 0x6, 0x29, 0x03, Action.REPEAT, why="unit attention"),
    # A unit that lost its power may have lost what it acknowledged and had not made durable.
    Rule(_CHECK, 0x6, 0x29, None, Action.REPEAT, Action.STOP, "the unit was reset during the copy"),
    Rule(_CHECK, 0x6, None, None, Action.REPEAT, why="unit attention"),
    Rule(_CHECK, 0xB, None, None, Action.WAIT, why="the command was aborted"),
    # LIO says NOT READY, 08h/00h when block sizes differ; it never gets ready.
    Rule(_CHECK, 0x2, 0x04, 0x0A, Action.WAIT, why="the path changes its access state"),
    Rule(_CHECK, 0x2, None, None, Action.NO_OFFLOAD, Action.OTHER_MEANS, "the unit is not ready for copies"),
    # While its list identifier is in use, an earlier command may still be copying.
    Rule(
        _CHECK,
        0x5,
        0x00,
        0x16,
        Action.WAIT,
        why="the list identifier is still in use",
        exhausted=Action.STOP,
    ),
    Rule(_CHECK, 0x5, 0x55, None, Action.WAIT, why="the copy manager is short of resources"),
    Rule(_CHECK, 0x5, 0x26, 0x08, Action.FEWER, why="too many segments for one command"),
    Rule(_CHECK, 0x5, 0x1A, 0x00, Action.FEWER, why="the parameter list is too long"),
    Rule(_CHECK, 0x5, 0x26, 0x0C, Action.SMALLER, why="the segment does not suit the units"),
    Rule(_CHECK, 0x5, 0x26, 0x0D, Action.SMALLER, why="the segment breaks the copy granularity"),
    Rule(_CHECK, 0xA, 0x26, 0x0D, Action.SMALLER, why="the segment breaks the copy granularity"),
    Rule(_CHECK, 0x5, 0x21, 0x00, Action.STOP, why="the range is past the end of the unit"),
    Rule(_CHECK, 0xA, 0x21, 0x00, Action.STOP, why="the range is past the end of the unit"),
    Rule(_CHECK, 0x5, 0x26, None, Action.NO_OFFLOAD, why="the copy manager refuses these units or this copy"),
    Rule(_CHECK, 0x5, None, None, Action.NO_OFFLOAD, why="the unit does not do EXTENDED COPY"),
    Rule(_CHECK, 0x7, None, None, Action.STOP, why="the destination is write protected"),
    Rule(_CHECK, 0xA, 0x0D, 0x02, Action.NO_OFFLOAD, Action.OTHER_MEANS, _UNREACHABLE),
    Rule(_CHECK, 0xA, 0x08, 0x04, Action.NO_OFFLOAD, Action.OTHER_MEANS, _UNREACHABLE),
    Rule(
        _CHECK, 0xA, 0x0D, 0x03, Action.NO_OFFLOAD, why="a unit is not the kind of device it was said to be"
    ),
    Rule(
        _CHECK, 0xA, 0x26, None, Action.NO_OFFLOAD, Action.OTHER_MEANS, "the copy manager refuses this copy"
    ),
    Rule(_CHECK, 0xA, None, None, Action.OTHER_MEANS, why="the copy manager could not copy this piece"),
    Rule(_CHECK, 0x3, None, None, Action.OTHER_MEANS, why="a block cannot be read or written"),
    Rule(_CHECK, 0x4, None, None, Action.OTHER_MEANS, why="the hardware failed"),
)


def sense_of(reply: Reply) -> Sense | None:
    """The decoded sense of a CHECK CONDITION, or None: another status, no sense, or bytes that are none."""
    if reply.status != Status.CHECK_CONDITION:
        return None
    try:
        return Sense.unpack(reply.sense)
    except DecodeError:
        return None


def describe(reply: Reply, command: Command | None = None) -> str:
    """What the device said, in T10's words, and which field of the `command` it points at."""
    if reply.status != Status.CHECK_CONDITION:
        known = {s.value: s.name.replace("_", " ") for s in Status}
        return known.get(reply.status, f"status {reply.status:02X}h")
    sense = sense_of(reply)
    if sense is not None:
        field = _field_pointed_at(sense, command)
        return f"{replace(sense, pointer=None)}; it points at {field}" if field else str(sense)
    shown = reply.sense.hex(" ") if reply.sense else "none"
    return f"CHECK CONDITION with sense data that cannot be read: {shown}"


def _field_pointed_at(sense: Sense, command: Command | None) -> str | None:
    if command is None or sense.pointer is None:
        return None
    from cdb.pointer import field_named

    return field_named(sense, bytes(command.cdb), bytes(command.data_out))


def judge(reply: Reply, *, proven: bool, command: Command | None = None) -> Verdict:
    """What to do after this reply to EXTENDED COPY; `proven` once these units have copied something.

    With the `command` that was sent, the reason names the field the device points at.
    """
    if reply.good:
        return Verdict(Action.DONE, "")
    sense = sense_of(reply)
    if sense is not None and sense.deferred:
        # It speaks of an earlier command, and this one was not performed.
        if sense.key == RECOVERED_ERROR:
            return Verdict(Action.REPEAT, f"an earlier command was recovered: {sense}")
        return Verdict(Action.STOP, f"an earlier write failed after it was acknowledged: {sense}")
    key, asc, ascq = sense.triple if sense else (None, None, None)
    for rule in RULES:
        if (
            rule.status == reply.status
            and rule.key in (None, key)
            and rule.asc in (None, asc)
            and rule.ascq in (None, ascq)
        ):
            action = rule.once_proven if proven and rule.once_proven else rule.action
            kind = f"{rule.why}: {reply.status:02X} {sense.triple if sense else ''}"
            return Verdict(action, f"{rule.why}: {describe(reply, command)}", rule.exhausted, kind)
    return Verdict(Action.OTHER_MEANS, f"an answer this program does not know: {describe(reply, command)}")


def judge_error(error: TransportError, *, sent: bool) -> Verdict:
    """What to do when no reply came: a command that may still be at work is never copied over."""
    if sent:
        return Verdict(
            Action.STOP,
            f"no answer came, and the copy may still be going on inside the storage: {error}",
        )
    return Verdict(Action.NO_OFFLOAD, str(error))

"""What a reply means for a copy, decided by the table in `answers`: by the status, by the sense, and by what
a unit told the copy manager where that is passed on.

Targets answer the same condition in different ways; every difference is a row there and nowhere else.
Nothing here sends, waits or counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cdb.command import Status, TransportError
from cdb.errors import DecodeError
from cdb.sense import COPY_ABORTED, ILLEGAL_REQUEST, NOT_READY, RECOVERED_ERROR, UNIT_ATTENTION, Sense
from xcopy.answers import COPY_RULES, DEVICE_RULES, FORWARDED_RULES, Action, Rule, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cdb.command import Command, Reply
    from cdb.sense import DeviceSense
    from xcopy.conversation import Pushback

__all__ = ["Action", "Verdict", "describe", "judge", "judge_error", "sense_of"]

# Answers to a command that was not begun: what fails on its way is COPY ABORTED (SPC-4 5.17.7.4).
_NOT_BEGUN = {Status.BUSY, Status.TASK_SET_FULL, Status.RESERVATION_CONFLICT, Status.ACA_ACTIVE}
_NOT_BEGUN_KEYS = {NOT_READY, ILLEGAL_REQUEST, UNIT_ATTENTION}

# What two units said of one failure: the first of these counts.
_GRAVEST = (Action.STOP, Action.NO_OFFLOAD, Action.OTHER_MEANS, Action.WAIT, Action.REPEAT)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The action and why, in words for a person; `exhausted` is the action when repeating did not help.

    Verdicts of one `kind` are one reason, at whatever segment and field; "" is its own. `pushback` is set
    where the unit asked for less at once. `copied` blocks from the start of the batch are certainly copied
    although the command failed. `begun` is False where it was refused, at every try, before it
    copied anything.
    """

    action: Action
    reason: str
    exhausted: Action = Action.OTHER_MEANS
    kind: str = ""
    pushback: Pushback | None = None
    copied: int = 0
    begun: bool = True


def sense_of(reply: Reply) -> Sense | None:
    """The decoded sense of a CHECK CONDITION, or None: another status, no sense, or bytes that are none."""
    if reply.status != Status.CHECK_CONDITION:
        return None
    return _unpacked(reply.sense)


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


def judge(
    reply: Reply,
    *,
    proven: bool,
    command: Command | None = None,
    salvage: Callable[[Sense], int] | None = None,
    rules: Iterable[Rule] = COPY_RULES,
) -> Verdict:
    """What to do after this reply to EXTENDED COPY, or to a command that `rules` are of.

    `proven` is True once these units have copied something.

    With the `command` that was sent, the reason names the field the device points at. `salvage` says of the
    sense how many blocks are certainly copied; it is not asked where a unit was reset, or may be another.
    """
    if reply.good:
        return Verdict(Action.DONE, "")
    sense = sense_of(reply)
    if sense is not None and sense.deferred:
        return _deferred(sense)
    copied = salvage(sense) if salvage and sense is not None and _still_holds(sense) else 0
    proven = proven or copied > 0
    said = describe(reply, command)
    verdict = _by_forwarded(sense, said, proven) if sense is not None else None
    if verdict is None:
        rule = _matching((*DEVICE_RULES, *rules), reply.status, sense, command)
        if rule is None:
            kind = f"unknown: {reply.status:02X} {sense.triple if sense else ''}"
            verdict = Verdict(Action.OTHER_MEANS, f"an answer this program does not know: {said}", kind=kind)
        else:
            kind = f"{rule.why}: {reply.status:02X} {sense.triple if sense else ''}"
            verdict = _of(rule, proven, f"{rule.why}: {said}", kind)
    begun = reply.status not in _NOT_BEGUN and (sense is None or sense.key not in _NOT_BEGUN_KEYS)
    return replace(verdict, copied=copied, begun=begun)


def _deferred(sense: Sense) -> Verdict:
    """It speaks of an earlier command, and this one was not performed."""
    if sense.key == RECOVERED_ERROR:
        return Verdict(Action.REPEAT, f"an earlier command was recovered: {sense}")
    return Verdict(Action.STOP, f"an earlier write failed after it was acknowledged: {sense}")


def _by_forwarded(sense: Sense, said: str, proven: bool) -> Verdict | None:
    """The verdict by what the units told the copy manager, None where that decides nothing."""
    if sense.key != COPY_ABORTED:
        return None
    found = [v for device in sense.devices if (v := _of_device(device, said, proven)) is not None]
    return min(found, key=lambda v: _GRAVEST.index(v.action), default=None)


def _of_device(device: DeviceSense, said: str, proven: bool) -> Verdict | None:
    inner = _unpacked(device.sense) if device.status == Status.CHECK_CONDITION else None
    if inner is not None and inner.deferred:
        return _deferred(inner)
    rule = _matching((*FORWARDED_RULES, *DEVICE_RULES), device.status, inner, None)
    if rule is None or rule.action not in _GRAVEST:
        return None
    kind = f"{device.role}: {rule.why}: {device.status:02X} {inner.triple if inner else ''}"
    who = "one of the units" if device.role == "unknown" else f"the {device.role}"
    return _of(rule, proven, f"{rule.why} ({who}): {said}", kind)


def _of(rule: Rule, proven: bool, reason: str, kind: str) -> Verdict:
    action = rule.once_proven if proven and rule.once_proven else rule.action
    return Verdict(action, reason, rule.exhausted, kind, rule.pushback)


def _matching(
    rules: Iterable[Rule], status: int, sense: Sense | None, command: Command | None
) -> Rule | None:
    """The first row that is true of an answer."""
    key, asc, ascq = sense.triple if sense else (None, None, None)
    place = place_of(sense, command) if sense else None
    for rule in rules:
        if (
            rule.status == status
            and rule.key in (None, key)
            and rule.asc in (None, asc)
            and rule.ascq in (None, ascq)
            and rule.place in (None, place)
        ):
            return rule
    return None


def _still_holds(sense: Sense) -> bool:
    """False where what was copied may be lost again: a unit was reset, or may have become another."""
    inner = [_unpacked(device.sense) for device in sense.devices]
    return not any(s is not None and (s.deferred or s.key == UNIT_ATTENTION) for s in inner)


def _unpacked(sense: bytes) -> Sense | None:
    try:
        return Sense.unpack(sense)
    except DecodeError:
        return None


def judge_error(error: TransportError, *, sent: bool) -> Verdict:
    """What to do when no reply came: a command that may still be at work is never copied over."""
    if sent:
        return Verdict(
            Action.STOP,
            f"no answer came, and the copy may still be going on inside the storage: {error}",
        )
    return Verdict(Action.NO_OFFLOAD, str(error), begun=False)

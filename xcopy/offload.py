"""One batch is one conversation: EXTENDED COPY is sent, and the answer followed up until it has a verdict.

It repeats and waits by itself; anything else is handed back with its verdict.
Nothing here remembers other batches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from cdb.blocks import SynchronizeCache10, SynchronizeCache16
from cdb.command import Command, NoPassThrough, NotSent, Silence
from cdb.cscd import IdentificationCscd
from cdb.extended_copy import (
    DISCARD,
    NO_LIST_ID,
    CopyOperationAbort,
    ExtendedCopyLid1,
    Lid1ParameterList,
)
from cdb.segment import BlockToBlock
from xcopy.conversation import WAITS, Pushback, Send, Side, Wait
from xcopy.errors import AccessError, Busy
from xcopy.follow_up import question, what_became
from xcopy.list_ids import WITHOUT
from xcopy.path_errors import of_command
from xcopy.quirks import quirk_of
from xcopy.salvage import certainly_copied
from xcopy.verdict import Action, Verdict, judge, judge_error, sense_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.command import Reply
    from cdb.sense import Sense
    from xcopy.conversation import Conversation
    from xcopy.plan import Batch, Request
    from xcopy.task import OffloadTask
    from xcopy.unit import LogicalUnit

REPEATS = 8  # unit attentions that may stand between us and one answer
ID_WAITS = 3  # tries of a list identifier that is in use, before it is left to who uses it
LEAST_TIMEOUT = 60.0
COPY_OPERATION_ABORT = (0x83, 0x1C)
NO_SUCH_COMMAND = (0x5, 0x20, 0x00)
SLOWEST = 1e6  # bytes per second that a command is given before it is thought lost


@dataclass(frozen=True)
class Pair:
    """The two units of a copy and whether they are named without a list identifier."""

    source: LogicalUnit
    destination: LogicalUnit
    without_list_id: bool

    def unit(self, side: Side) -> LogicalUnit:
        """The unit of a side."""
        return self.source if side is Side.SOURCE else self.destination

    @cached_property
    def cscds(self) -> tuple[IdentificationCscd, ...]:
        """Their descriptors: the same unit twice has one."""
        units = (self.source, self.destination)
        return tuple(_cscd(unit) for unit in units[: 1 if self.source.named_like(self.destination) else 2])


def command_for(
    batch: Batch, request: Request, pair: Pair, *, list_id: int = 0, timeout: float | None = None
) -> Command:
    """The EXTENDED COPY(LID1) that copies a batch; the same unit twice is one CSCD descriptor."""
    cscds = pair.cscds
    segments = []
    for piece in batch.pieces:
        source_lba, blocks = request.source(piece)
        destination_lba, _ = request.destination(piece)
        segments.append(
            BlockToBlock(
                source_cscd=0,
                destination_cscd=len(cscds) - 1,
                blocks=blocks,
                source_lba=source_lba,
                destination_lba=destination_lba,
            )
        )
    parameters = Lid1ParameterList(
        list_identifier=0 if pair.without_list_id else list_id,
        list_id_usage=NO_LIST_ID if pair.without_list_id else DISCARD,
        cscds=cscds,
        segments=tuple(segments),
    ).pack()
    moved = batch.whole.blocks * request.block_size
    return Command(
        name="EXTENDED COPY(LID1)",
        cdb=ExtendedCopyLid1(parameter_list_length=len(parameters)).pack(),
        data_out=parameters,
        timeout=timeout or LEAST_TIMEOUT + moved / SLOWEST,
    )


def carry(
    task: OffloadTask, request: Request, pair: Pair, *, timeout: float | None = None
) -> Conversation[Verdict]:
    """Send a task's command to the unit it is for, and find out what became of it."""
    unit, without = pair.unit(task.to), task.list_id == WITHOUT
    named = pair if pair.without_list_id is without else replace(pair, without_list_id=without)
    command = command_for(task.batch, request, named, list_id=task.list_id, timeout=timeout)
    quirk, salvage = quirk_of(unit), None
    if quirk is not None and quirk.tells_failed_segment:
        granule = task.limits.granularity_blocks.value
        salvage = partial(certainly_copied, batch=task.batch, granule=granule)
    asked = None if without else question(task.list_id, unit.copy_commands)
    return copy_batch(command, proven=task.proven, to=task.to, salvage=salvage, asked=asked)


def abort_for(task: OffloadTask, pair: Pair, *, timeout: float = LEAST_TIMEOUT) -> Command | None:
    """COPY OPERATION ABORT of a task's command, to be sent to its unit by another way (SPC-4 6.3).

    None where the command has no list identifier, or the unit does not say that it can be aborted. The task
    still has to be waited for: its answer says what is copied.
    """
    if task.list_id == WITHOUT or COPY_OPERATION_ABORT not in pair.unit(task.to).copy_commands:
        return None
    cdb = CopyOperationAbort(list_identifier=task.list_id).pack()
    return Command(name="COPY OPERATION ABORT", cdb=cdb, timeout=timeout)


def copy_batch(
    command: Command,
    *,
    proven: bool,
    to: Side = Side.DESTINATION,
    salvage: Callable[[Sense], int] | None = None,
    asked: Command | None = None,
) -> Conversation[Verdict]:
    """Send a batch's command and find out what became of it.

    `salvage` says of the sense of a failure how many blocks are certainly copied; `asked` is the command
    that asks for the state of this copy when no answer to it comes.
    """
    repeats, waits, in_use = 0, iter(WAITS), 0
    any_begun = False  # True once a try may have copied anything
    begun = False  # True once a copy under this list identifier may have been begun
    while True:
        try:
            reply = yield Send(command, to, same_way=begun)  # another path knows nothing of that copy
        except Silence as error:
            unheard = judge_error(error, sent=True)
            if asked is None:
                return unheard
            patience = max(LEAST_TIMEOUT, command.timeout)
            broken = of_command(error) is not None
            return (yield from what_became(unheard, asked, to, patience, proven=proven, path_failed=broken))
        except (NoPassThrough, NotSent) as error:
            if begun:
                return judge_error(error, sent=True)
            return replace(judge_error(error, sent=False), begun=any_begun)
        verdict = judge(reply, proven=proven, command=command, salvage=salvage)
        any_begun = any_begun or verdict.begun
        verdict = replace(verdict, begun=any_begun)
        begun = begun or verdict.pushback is Pushback.ABORTED
        if verdict.pushback is Pushback.ID_IN_USE and not begun and _has_list_id(command):
            in_use += 1
            if in_use > ID_WAITS:
                return replace(verdict, action=Action.ANOTHER_ID)
        if verdict.action is Action.DONE and reply.residual:
            took = len(command.data_out) - reply.residual
            short = f"the unit took {took} of {len(command.data_out)} bytes of the parameter list"
            return Verdict(Action.OTHER_MEANS, short)
        if verdict.action is Action.WAIT and verdict.copied:  # booked now; the rest is a command of its own
            return verdict if (yield Wait(WAITS[0], verdict.pushback)) else _stopped(verdict)
        if verdict.action is Action.REPEAT and repeats < REPEATS:
            repeats += 1
        elif verdict.action is Action.WAIT and (pause := next(waits, None)) is not None:
            if not (yield Wait(pause, verdict.pushback)):
                return _stopped(verdict)
        elif verdict.action in (Action.REPEAT, Action.WAIT):
            tried = f"still so after many tries: {verdict.reason}"
            return replace(verdict, action=verdict.exhausted, reason=tried)
        else:
            return verdict


def _stopped(verdict: Verdict) -> Verdict:
    return replace(verdict, action=verdict.exhausted, reason=f"stopped while waiting: {verdict.reason}")


def _has_list_id(command: Command) -> bool:
    """Whether an EXTENDED COPY(LID1) is known to the copy manager by a list identifier."""
    data = bytes(command.data_out[: Lid1ParameterList.size])
    whole = len(data) == Lid1ParameterList.size
    return whole and Lid1ParameterList.peek("list_id_usage", data) != NO_LIST_ID


def synchronize(name: str, timeout: float = 300.0) -> Conversation[None]:
    """Have a unit make what it was given durable; a unit without either command has no cache to speak of."""
    for title, cdb in (
        ("SYNCHRONIZE CACHE(16)", SynchronizeCache16().pack()),
        ("SYNCHRONIZE CACHE(10)", SynchronizeCache10().pack()),
    ):
        reply = yield from _synchronized(name, Command(name=title, cdb=cdb, timeout=timeout))
        if reply.good:
            return


def _synchronized(name: str, command: Command) -> Conversation[Reply]:
    """The answer that says it is durable, or that there is no such command; any other is an error."""
    waits, again = iter(WAITS), True
    for _ in range(REPEATS + len(WAITS)):
        try:
            reply: Reply = yield Send(command)
        except Silence as error:  # it does no harm twice: once more, by another path if there is one
            if not again or of_command(error) is None:
                raise
            again = False
            continue
        verdict = judge(reply, proven=True)
        sense = sense_of(reply)
        if verdict.action is Action.DONE or (sense and sense.triple == NO_SUCH_COMMAND):
            return reply
        if verdict.action is Action.WAIT and (pause := next(waits, None)) is not None:
            yield Wait(pause)
        elif verdict.action is not Action.REPEAT:
            kind = Busy if verdict.action is Action.WAIT else AccessError
            raise kind(f"{name} did not make the copy durable: {verdict.reason}")
    raise Busy(f"{name} did not make the copy durable: busy for too long")


def _cscd(unit: LogicalUnit) -> IdentificationCscd:
    designator = unit.copy_designator
    if designator is None:
        raise ValueError(f"{unit.name} has no designator; limits.agree would have refused it")
    return IdentificationCscd.of(designator, block_length=unit.block_size, device_type=unit.device_type)

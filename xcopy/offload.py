"""One batch is one conversation: EXTENDED COPY is sent, and the answer followed up until it has a verdict.

It repeats and waits by itself; anything else is handed back with its verdict.
Nothing here remembers other batches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cdb.blocks import SynchronizeCache10, SynchronizeCache16
from cdb.command import Command, NoPassThrough, NotSent, Silence
from cdb.cscd import IdentificationCscd
from cdb.extended_copy import DISCARD, NO_LIST_ID, ExtendedCopyLid1, Lid1ParameterList
from cdb.segment import BlockToBlock
from xcopy.conversation import Send, Wait
from xcopy.errors import AccessError
from xcopy.verdict import Action, Verdict, judge, judge_error, sense_of

if TYPE_CHECKING:
    from cdb.command import Reply
    from xcopy.conversation import Conversation
    from xcopy.plan import Batch, Request
    from xcopy.unit import LogicalUnit

REPEATS = 8  # unit attentions that may stand between us and one answer
WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0)  # seconds between tries of a busy unit
LEAST_TIMEOUT = 60.0
NO_SUCH_COMMAND = (0x5, 0x20, 0x00)
SLOWEST = 1e6  # bytes per second that a command is given before it is thought lost


@dataclass(frozen=True, slots=True)
class Pair:
    """The two units of a copy and whether they are named without a list identifier."""

    source: LogicalUnit
    destination: LogicalUnit
    without_list_id: bool


def command_for(
    batch: Batch, request: Request, pair: Pair, *, list_id: int = 0, timeout: float | None = None
) -> Command:
    """The EXTENDED COPY(LID1) that copies a batch; the same unit twice is one CSCD descriptor."""
    units = [pair.source]
    if not pair.source.named_like(pair.destination):
        units.append(pair.destination)
    segments = []
    for piece in batch.pieces:
        source_lba, blocks = request.source(piece)
        destination_lba, _ = request.destination(piece)
        segments.append(
            BlockToBlock(
                source_cscd=0,
                destination_cscd=len(units) - 1,
                blocks=blocks,
                source_lba=source_lba,
                destination_lba=destination_lba,
            )
        )
    parameters = Lid1ParameterList(
        list_identifier=0 if pair.without_list_id else list_id,
        list_id_usage=NO_LIST_ID if pair.without_list_id else DISCARD,
        cscds=tuple(_cscd(unit) for unit in units),
        segments=tuple(segments),
    ).pack()
    moved = batch.whole.blocks * request.block_size
    return Command(
        name="EXTENDED COPY(LID1)",
        cdb=ExtendedCopyLid1(parameter_list_length=len(parameters)).pack(),
        data_out=parameters,
        timeout=timeout or LEAST_TIMEOUT + moved / SLOWEST,
    )


def copy_batch(command: Command, *, proven: bool) -> Conversation[Verdict]:
    """Send a batch's command to the destination and find out what became of it."""
    repeats, waits = 0, iter(WAITS)
    while True:
        try:
            reply = yield Send(command)
        except Silence as error:
            return judge_error(error, sent=True)
        except (NoPassThrough, NotSent) as error:
            return judge_error(error, sent=False)
        verdict = judge(reply, proven=proven, command=command)
        if verdict.action is Action.DONE and reply.residual:
            took = len(command.data_out) - reply.residual
            short = f"the unit took {took} of {len(command.data_out)} bytes of the parameter list"
            return Verdict(Action.OTHER_MEANS, short)
        if verdict.action is Action.REPEAT and repeats < REPEATS:
            repeats += 1
        elif verdict.action is Action.WAIT and (pause := next(waits, None)) is not None:
            if not (yield Wait(pause)):
                return replace(
                    verdict, action=verdict.exhausted, reason=f"stopped while waiting: {verdict.reason}"
                )
        elif verdict.action in (Action.REPEAT, Action.WAIT):
            tried = f"still so after many tries: {verdict.reason}"
            return replace(verdict, action=verdict.exhausted, reason=tried)
        else:
            return verdict


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
    waits = iter(WAITS)
    for _ in range(REPEATS + len(WAITS)):
        reply: Reply = yield Send(command)
        verdict = judge(reply, proven=True)
        sense = sense_of(reply)
        if verdict.action is Action.DONE or (sense and sense.triple == NO_SUCH_COMMAND):
            return reply
        if verdict.action is Action.WAIT and (pause := next(waits, None)) is not None:
            yield Wait(pause)
        elif verdict.action is not Action.REPEAT:
            raise AccessError(f"{name} did not make the copy durable: {verdict.reason}")
    raise AccessError(f"{name} did not make the copy durable: busy for too long")


def _cscd(unit: LogicalUnit) -> IdentificationCscd:
    designator = unit.copy_designator
    if designator is None:
        raise ValueError(f"{unit.name} has no designator; limits.agree would have refused it")
    return IdentificationCscd.of(designator, block_length=unit.block_size, device_type=unit.device_type)

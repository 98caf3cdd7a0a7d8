"""What became of a copy whose command was never answered: asked for under its list identifier.

The one thing that is learnt is whether it may still be going on. That it "completed" is not taken for its
result: the record may be of an earlier copy, or of another program, under the same of 255 identifiers, when
the command itself was lost on its way; and a copy that is over can be sent again at no risk. So nothing is
claimed, and nothing is written by others while it may be at work. It is over when the copy manager says twice
in a row that no such copy is in progress; while one is, it has to be known (SPC-4 6.24, 6.25), by the path
that its command went by and by no other: another one's "no such copy" says nothing. A path that failed is
asked until it is back, and then its "no such copy" says nothing either until it was seen to know of the copy:
with a path the storage may forget what came by it, and it may not have ended that yet. A unit that says
meanwhile that it was reset, or may be another, is heard: no later command is told of that again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cdb.command import Command, Status, TransportError
from cdb.copy_results import ReceiveCopyStatusLid1, ReceiveCopyStatusLid4
from cdb.copy_status import (
    LID1_IN_PROGRESS,
    LID1_STATUSES,
    RUNNING,
    STATUSES,
    CopyOperation,
    CopyStatusLid1,
    CopyStatusLid4,
)
from cdb.errors import DecodeError
from cdb.sense import ILLEGAL_REQUEST, UNIT_ATTENTION
from xcopy.conversation import Pushback, Send, Wait
from xcopy.path_errors import of_command
from xcopy.verdict import Action, Verdict, describe, judge, sense_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

    from cdb.command import Reply
    from xcopy.conversation import Conversation, Side

COPY_IN = 0x84
STATUS_LID1, STATUS_LID4 = 0x00, 0x05  # service actions
ALLOCATION = 512
UNKNOWN_ID = (ILLEGAL_REQUEST, 0x24, 0x00)  # INVALID FIELD IN CDB
NEXUS_LOSS = (UNIT_ATTENTION, 0x29, 0x07)
TIMEOUT = 60.0
SURE = 2  # times that it has to be said
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0


def question(list_id: int, commands: Set[tuple[int, int]]) -> Command | None:
    """The command that asks for the state of a copy, if the unit says that it has one."""
    if (COPY_IN, STATUS_LID1) in commands:
        cdb = ReceiveCopyStatusLid1(list_identifier=list_id, allocation_length=ALLOCATION).pack()
        name = "RECEIVE COPY STATUS(LID1)"
    elif (COPY_IN, STATUS_LID4) in commands:
        cdb = ReceiveCopyStatusLid4(list_identifier=list_id, allocation_length=ALLOCATION).pack()
        name = "RECEIVE COPY STATUS(LID4)"
    else:
        return None
    return Command(name=name, cdb=cdb, data_in=ALLOCATION, timeout=TIMEOUT)


def what_became(
    unheard: Verdict, asked: Command, to: Side, patience: float, *, proven: bool, path_failed: bool = False
) -> Conversation[Verdict]:
    """Ask until the copy is over, for `patience` seconds at most; `unheard` is the verdict if it is not.

    When it is over, its piece is to be sent again under another list identifier. `proven` says that a unit
    which lost its power may have lost what was copied before, `path_failed` that it was the path which did.
    """
    over, busy = 0, ""
    for pause in _pauses(patience):
        if not (yield Wait(pause, Pushback.SILENT)):
            return replace(unheard, reason=f"{unheard.reason}; stopped while asking what became of it")
        try:
            reply: Reply = yield Send(asked, to, same_way=True)
        except TransportError as error:
            if of_command(error) is None:
                return replace(unheard, reason=f"{unheard.reason}; asked what became of it: {error}")
            over, busy, path_failed = 0, str(error), True
            continue
        if (sense := sense_of(reply)) is not None and (
            sense.triple == NEXUS_LOSS or (path_failed and sense.triple == UNKNOWN_ID)
        ):
            lost = "the path was lost meanwhile, and with it what was known of the copy"
            return replace(unheard, reason=f"{unheard.reason}; asked what became of it: {lost}")
        if (trouble := alarm(reply, proven=proven)) is not None:
            return replace(trouble, reason=f"{unheard.reason}; asked what became of it: {trouble.reason}")
        running = _running(asked, reply)
        if isinstance(running, str):
            return replace(unheard, reason=f"{unheard.reason}; asked what became of it: {running}")
        if running is None:
            busy = describe(reply)
            continue
        path_failed = False
        over, busy = (0, "it is still in progress") if running else (over + 1, "")
        if over == SURE:
            reason = f"{unheard.reason}; it is over now, and is sent again"
            return Verdict(Action.ANOTHER_ID, reason, kind="no answer", pushback=Pushback.SILENT)
    waited = f"asked for {patience:.0f} seconds what became of it: {busy or 'it is not known'}"
    return replace(unheard, reason=f"{unheard.reason}; {waited}")


def _pauses(patience: float) -> Iterator[float]:
    """Longer and longer ones, at least as many as it takes to be sure."""
    pause, total, count = _FIRST_WAIT, 0.0, 0
    while total < patience or count < SURE:
        yield pause
        total, count, pause = total + pause, count + 1, min(2 * pause, _LONGEST_WAIT)


def _running(asked: Command, reply: Reply) -> bool | str | None:
    """Whether the copy is in progress; None to ask again, words where the answer says nothing."""
    sense = sense_of(reply)
    if not reply.good:
        if sense is None and reply.status in (Status.BUSY, Status.TASK_SET_FULL, Status.ACA_ACTIVE):
            return None
        if sense is not None and sense.key == UNIT_ATTENTION:
            return None
        unknown = sense is not None and sense.triple == UNKNOWN_ID
        return False if unknown else describe(reply)
    state = state_in(asked, reply.data)
    if isinstance(state, str):
        return state
    return state.status in RUNNING if isinstance(state, CopyOperation) else state.status == LID1_IN_PROGRESS


def state_in(asked: Command, data: bytes) -> CopyStatusLid1 | CopyOperation | str:
    """The state of a copy, of a status that is known; or words that say why this is none.

    AVAILABLE DATA of LID1 is 8; tcmu-runner answers with operating parameters, which have more (SPC-4 6.25).
    """
    if asked.cdb[1] == STATUS_LID1:
        if len(data) < CopyStatusLid1.size or int.from_bytes(data[:4], "big") != CopyStatusLid1.size - 4:
            return f"an answer that is no state of a copy: {data[:16].hex(' ')}"
        lid1 = CopyStatusLid1.unpack_from(data)
        return lid1 if lid1.status in LID1_STATUSES else f"COPY COMMAND STATUS {lid1.status:02X}h"
    try:
        lid4 = CopyStatusLid4.unpack_from(data).operation
    except DecodeError as error:
        return f"an answer that is no state of a copy: {error}"
    return lid4 if lid4.status in STATUSES else f"COPY OPERATION STATUS {lid4.status:02X}h"


def tells_of_nexus_loss(reply: Reply) -> bool:
    """True where the storage may have forgotten what came by a path; one command alone is told of that."""
    sense = sense_of(reply)
    return sense is not None and sense.triple == NEXUS_LOSS


def knows_nothing(reply: Reply) -> bool:
    """True where there is no such copy, or none is known any more."""
    sense = sense_of(reply)
    return sense is not None and sense.triple == UNKNOWN_ID


def alarm(reply: Reply, *, proven: bool) -> Verdict | None:
    """What a unit says of itself in place of an answer, once and no more, where that stops the copy."""
    sense = sense_of(reply)
    if sense is None or not (sense.key == UNIT_ATTENTION or sense.deferred):
        return None
    verdict = judge(reply, proven=proven)
    return verdict if verdict.action is Action.STOP else None

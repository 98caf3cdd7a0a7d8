"""Which blocks of a piece the source has no storage for: asked extent by extent with GET LBA STATUS(16).

What is found is a snapshot: a block that is written later was zeros when it was asked about. A device may say
one extent in an answer or many. What it says is believed only where it is in order, without gaps and within
the unit; an answer that is not ends the map, and nothing of that look is used. Of each run the ends and a
block between are read: what is not zeros there, for whatever reason, is not taken for unmapped. Nothing here
decides whether unmapped blocks may be taken for zeros, or what is done about them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from cdb.blocks import Read16
from cdb.command import Command, Reply, TransportError
from cdb.provisioning import DEALLOCATED, GetLbaStatus16, LbaStatus, LbaStatusData
from xcopy.conversation import WAITS, Send, Side, Wait
from xcopy.follow_up import alarm
from xcopy.plan import Piece
from xcopy.verdict import Action, Verdict, describe, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xcopy.conversation import Conversation
    from xcopy.plan import Request
    from xcopy.task import LookTask

ALLOCATION = LbaStatusData.size + 255 * LbaStatus.size
_LENGTH_FIELD = 4  # PARAMETER DATA LENGTH does not count itself (SBC-4 5.6.2.1)
_TRIES = 12  # of one question: unit attentions and a unit that is busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The first `blocks` of a piece were looked at in `calls` commands; of them `unmapped` have no storage.

    `ended` is why no more is to be asked of this unit; `alarm` what it said that stops the copy.
    """

    blocks: int
    unmapped: tuple[Piece, ...] = ()
    calls: int = 0
    ended: str = ""
    alarm: Verdict | None = None


class Extent(NamedTuple):
    """Blocks up to `end`, the LBA after the last, from the end of the extent before it."""

    end: int
    unmapped: bool


def look(task: LookTask, request: Request) -> Conversation[Seen]:
    """Ask about a task's piece, until `calls` are used up or `ahead` blocks with storage were met."""
    seen = yield from _walked(task, request)
    if seen.ended or seen.alarm is not None:
        return replace(seen, unmapped=())
    true = []
    for run in seen.unmapped:
        if not (yield Wait(0.0)):
            return replace(seen, unmapped=(), ended="stopped while its map was checked")
        zeros = yield from _are_zeros(task, *request.source(run))
        if isinstance(zeros, str):
            return replace(seen, unmapped=(), ended=zeros)
        if isinstance(zeros, Verdict):
            return replace(seen, unmapped=(), alarm=zeros)
        if zeros:
            true.append(run)
    return replace(seen, unmapped=tuple(true))


def _walked(task: LookTask, request: Request) -> Conversation[Seen]:
    walk = _Walk(task, request)
    for part in request.parts(task.piece):
        if part.blocks < task.least:
            continue
        lba, blocks = request.source(part)
        at, end = lba, lba + blocks
        while at < end:
            if walk.calls >= task.calls or walk.mapped >= task.ahead * walk.scale:
                return walk.seen(part, lba, at)
            walk.calls += 1
            reply = yield from _asked(task, at)
            if isinstance(reply, str):
                return replace(walk.seen(part, lba, at), ended=reply)
            if isinstance(reply, Verdict):
                return replace(walk.seen(part, lba, at), alarm=reply)
            for extent in reply:
                behind = min(extent.end, end)
                walk.met(part, lba, at, behind, unmapped=extent.unmapped)
                at = behind
                if at == end:
                    break
        walk.close()
    return Seen(blocks=task.piece.blocks, unmapped=tuple(walk.found), calls=walk.calls)


class _Walk:
    """What has been met so far: neighbours without storage are one run."""

    def __init__(self, task: LookTask, request: Request) -> None:
        self._task, self._request = task, request
        self.scale = request.block_size // request.source_block_size
        self.found: list[Piece] = []
        self.calls = self.mapped = 0  # of the source's own blocks
        self._run: tuple[Piece, int, int, int] | None = None  # its range, whose first LBA; first LBA and end

    def met(self, part: Piece, lba: int, first: int, end: int, *, unmapped: bool) -> None:
        if not unmapped:
            self.mapped += end - first
            self.close()
        elif self._run is not None:
            self._run = (*self._run[:3], end)
        else:
            self._run = (part, lba, first, end)

    def close(self) -> None:
        """A run is over; blocks of the request that it has only a part of are none of it."""
        if self._run is None:
            return
        part, lba, first, end = self._run
        self._run = None
        begin, behind = part.start - (lba - first) // self.scale, part.start + (end - lba) // self.scale
        begin = self._request.whole(begin, self._task.granule, up=True)
        behind = self._request.whole(behind, self._task.granule)
        if behind - begin >= self._task.least:
            self.found.append(Piece(begin, behind - begin))

    def seen(self, part: Piece, lba: int, at: int) -> Seen:
        """Up to LBA `at` and no further."""
        self.close()
        behind = self._request.whole(part.start + (at - lba) // self.scale, self._task.granule)
        blocks = max(behind - self._task.piece.start, 0)
        return Seen(blocks=blocks, unmapped=tuple(self.found), calls=self.calls)


def _asked(task: LookTask, lba: int) -> Conversation[list[Extent] | str | Verdict]:
    """The extents from `lba` on; words where there are none to be had, a verdict where the copy stops."""
    cdb = GetLbaStatus16(lba=lba, allocation_length=ALLOCATION).pack()
    what = f"{task.unit.name}: GET LBA STATUS at LBA {lba}"
    command = Command(name="GET LBA STATUS(16)", cdb=cdb, data_in=ALLOCATION, timeout=task.timeout)
    reply = yield from _answer(command)
    if isinstance(reply, bytes):
        return extents(reply, lba, task.unit.blocks, what)
    return f"{what}: {reply}" if isinstance(reply, str) else reply


def _are_zeros(task: LookTask, lba: int, blocks: int) -> Conversation[bool | str | Verdict]:
    """Whether the ends of what is said to be unmapped, and a block between, read as zeros.

    Words where that cannot be read, a verdict where the copy stops.
    """
    size = task.unit.block_size
    for at in sorted({lba, lba + blocks // 2, lba + blocks - 1}):
        cdb = Read16(lba=at, transfer_length=1).pack()
        reply = yield from _answer(Command(name="READ(16)", cdb=cdb, data_in=size, timeout=task.timeout))
        if isinstance(reply, Verdict):
            return reply
        if isinstance(reply, str):
            return f"{task.unit.name}: READ(16) at LBA {at}: {reply}"
        if len(reply) != size or any(reply):
            return False
    return True


def _answer(command: Command) -> Conversation[bytes | str | Verdict]:
    """The data that the source answers with; words where there are none, a verdict where the copy stops."""
    waits = iter(WAITS)
    for _ in range(_TRIES):
        try:
            reply: Reply = yield Send(command, Side.SOURCE)
        except TransportError as error:
            return str(error)
        if reply.good:
            return reply.data
        if (trouble := alarm(reply, proven=True)) is not None:
            return trouble
        verdict = judge(reply, proven=True)
        if verdict.action is Action.WAIT and (pause := next(waits, None)) is not None:
            if not (yield Wait(pause, verdict.pushback)):
                return f"stopped while waiting: {describe(reply)}"
        elif verdict.action is not Action.REPEAT:
            break
    return describe(reply)


def extents(data: bytes, lba: int, blocks: int, what: str) -> list[Extent] | str:
    """The extents of an answer from `lba` on, for a unit of so many blocks; words where it cannot be so.

    Only blocks that are deallocated, and nothing else, are unmapped: anchored ones and those of an unknown
    status are not taken for zeros.
    """
    length = min(len(data), _LENGTH_FIELD + int.from_bytes(data[:_LENGTH_FIELD], "big"))
    found = []
    at = lba
    for status in _statuses(data[:length]):
        end = status.lba + status.blocks
        if status.lba != at or end <= at or end > blocks:
            return f"{what}: an extent of {status.blocks} blocks from LBA {status.lba} where {at} was next"
        unmapped = status.provisioning_status == DEALLOCATED and not status.additional_status
        found.append(Extent(end, unmapped))
        at = end
    return found or f"{what}: an answer without an extent"


def _statuses(data: bytes) -> Iterator[LbaStatus]:
    """The whole descriptors that are there; the last may be cut off by the allocation length."""
    for at in range(LbaStatusData.size, len(data) - LbaStatus.size + 1, LbaStatus.size):
        yield LbaStatus.unpack_from(data, at)

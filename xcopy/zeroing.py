"""A piece of the destination becomes zeros without any being sent: WRITE SAME(16), with UNMAP or without.

Plain WRITE SAME writes zeros, and that is what a unit gets. With the UNMAP bit it may take the storage away,
and has to write what it does not (SBC-4 4.7.3.4); UNMAP itself is a hint, keeps old data where a unit likes,
and is not used. Not every unit does what the bit says, and none can be found out: old data is hidden between
blocks that were zeros before. So the bit is for products that were tried and are named in `quirks`, where the
unit promises zeros (LBPRZ) and tells its granules, and for whole granules alone: Linux's scsi_debug leaves
the others as they are. What is beside them is written. Which blocks are to be zeros is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from cdb.blocks import WriteSame16
from cdb.command import Command, NoPassThrough, NotSent, Reply, Silence
from xcopy.answers import ZEROING_RULES
from xcopy.conversation import WAITS, Send, Wait, Write
from xcopy.errors import IoFailed
from xcopy.quirks import quirk_of
from xcopy.verdict import Action, Verdict, judge, judge_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xcopy.conversation import Conversation
    from xcopy.plan import Request
    from xcopy.task import ZeroTask
    from xcopy.unit import LogicalUnit

LARGEST_UNMAP = 1 << 30  # bytes of one command: it changes the map alone
LARGEST = 64 << 20  # bytes of one command that may write them all
UNTOLD = 16 << 20  # bytes of one command, where the unit does not tell its limit
LARGEST_WRITTEN = 8 << 20  # bytes that the host writes in one task
MOST_BLOCKS = 0xFFFFFFFF  # NUMBER OF LOGICAL BLOCKS of WRITE SAME(16); 0 would be all to the end
LEAST_TIMEOUT = 60.0
SLOWEST = 1e6  # bytes per second that a command is given before it is thought lost
REPEATS = 8  # unit attentions that may stand between us and one answer


class Way(Enum):
    """How blocks become zeros, the cheapest first."""

    UNMAP = "WRITE SAME(16) with UNMAP"
    SAME = "WRITE SAME(16)"
    HOST = "written by the host"


class Stretch(NamedTuple):
    """What one command makes zeros."""

    lba: int
    blocks: int
    unmap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Zeroing:
    """How one unit's blocks become zeros: `most` in a command, of granules as in `Provisioning`."""

    way: Way
    most: int
    granule: int = 1
    aligned_to: int = 0

    def stretches(self, lba: int, blocks: int) -> Iterator[Stretch]:
        """The commands for these blocks: every block in one of them, whole granules alone with UNMAP."""
        end = lba + blocks
        first, last = end, end
        if self.way is Way.UNMAP:
            first, last = self._up(lba), self._down(end)
            if first >= last:
                first = last = end
        for begin, behind, unmap in ((lba, first, False), (first, last, True), (last, end, False)):
            for at in range(begin, behind, self.most):
                yield Stretch(at, min(self.most, behind - at), unmap)

    def cut(self, lba: int, blocks: int) -> int:
        """How many of these blocks make one task: it ends with a granule where it can."""
        if blocks <= self.most:
            return blocks
        end = self._down(lba + self.most)
        return end - lba if end > lba else self.most

    def _up(self, lba: int) -> int:
        return lba + (self.aligned_to - lba) % self.granule

    def _down(self, lba: int) -> int:
        return lba - (lba - self.aligned_to) % self.granule


@dataclass(frozen=True, slots=True)
class Zeroed:
    """`blocks` of the piece from its start are zeros; the verdict says why the rest is not.

    `refused` is the way that the unit does not take at all.
    """

    blocks: int
    verdict: Verdict
    refused: Way | None = None


def zeroing_of(unit: LogicalUnit, refused: frozenset[Way] = frozenset()) -> Zeroing | None:
    """The cheapest way that is certain to leave zeros on a unit, of those it has not refused."""
    told = unit.provisioning
    size = unit.block_size
    limit = min(unit.maximum_write_same_blocks or max(1, UNTOLD // size), MOST_BLOCKS)
    quirk = quirk_of(unit)
    tried = quirk is not None and quirk.unmap_leaves_zeros
    certain = tried and told.managed and told.zeros and told.write_same_unmaps and told.granule > 0
    whole = 0 if not certain else min(limit, LARGEST_UNMAP // size) // told.granule * told.granule
    if whole and Way.UNMAP not in refused:
        return Zeroing(way=Way.UNMAP, most=whole, granule=told.granule, aligned_to=told.aligned_to)
    if Way.SAME not in refused:
        return Zeroing(way=Way.SAME, most=min(limit, max(1, LARGEST // size)))
    if Way.HOST not in refused:
        return Zeroing(way=Way.HOST, most=max(1, LARGEST_WRITTEN // size))
    return None


def zero_piece(task: ZeroTask, request: Request) -> Conversation[Zeroed]:
    """Make a task's piece zeros, command by command, from its start."""
    lba, blocks = request.destination(task.piece)
    size = request.destination_block_size
    for stretch in task.zeroing.stretches(lba, blocks):
        by_host = task.zeroing.way is Way.HOST
        verdict = yield from _written(stretch, size) if by_host else _same(stretch, size, task.timeout)
        if verdict.action is not Action.DONE:
            done = (stretch.lba - lba) * size // request.block_size
            way = Way.UNMAP if stretch.unmap else Way.SAME
            refuses = verdict.action in (Action.UNSUPPORTED, Action.NO_OFFLOAD)
            return Zeroed(done, verdict, way if refuses else None)
    return Zeroed(task.piece.blocks, Verdict(Action.DONE, ""))


def _written(stretch: Stretch, block_size: int) -> Conversation[Verdict]:
    """Zeros from the host."""
    try:
        yield Write(stretch.lba, memoryview(bytes(stretch.blocks * block_size)))
    except IoFailed as error:
        return Verdict(Action.STOP, str(error))
    return Verdict(Action.DONE, "")


def _same(stretch: Stretch, block_size: int, timeout: float | None) -> Conversation[Verdict]:
    """One WRITE SAME(16), and what is to be thought of its answer."""
    command = Command(
        name="WRITE SAME(16)",
        cdb=WriteSame16(lba=stretch.lba, blocks=stretch.blocks, unmap=stretch.unmap).pack(),
        data_out=bytes(block_size),
        timeout=timeout or LEAST_TIMEOUT + stretch.blocks * block_size / SLOWEST,
    )
    try:
        reply, verdict = yield from _answer(command)
    except Silence as error:
        return judge_error(error, sent=True)
    except (NoPassThrough, NotSent) as error:
        return Verdict(Action.UNSUPPORTED, f"WRITE SAME(16) could not be sent: {error}")
    if verdict.action is Action.DONE and reply.residual:
        took = block_size - reply.residual
        short = f"the destination took {took} of the {block_size} bytes of WRITE SAME(16)"
        return Verdict(Action.UNSUPPORTED, short)
    return verdict


def _answer(command: Command) -> Conversation[tuple[Reply, Verdict]]:
    """The last answer to a command, asked for again where that may help, and what is to be thought of it.

    A reset stops the copy, be it that nothing was written: others may be writing at the same time.
    """
    repeats, waits = 0, iter(WAITS)
    while True:
        reply: Reply = yield Send(command)
        verdict = judge(reply, proven=True, command=command, rules=ZEROING_RULES)
        if verdict.action is Action.REPEAT and repeats < REPEATS:
            repeats += 1
        elif verdict.action is Action.WAIT and (pause := next(waits, None)) is not None:
            if not (yield Wait(pause, verdict.pushback)):
                return reply, replace(verdict, action=Action.OTHER_MEANS)
        elif verdict.action in (Action.REPEAT, Action.WAIT):
            tried = f"still so after many tries: {verdict.reason}"
            return reply, replace(verdict, action=Action.OTHER_MEANS, reason=tried)
        else:
            return reply, verdict

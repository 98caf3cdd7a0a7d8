"""A piece of the destination becomes zeros without any being sent: WRITE SAME(16), with UNMAP or without.

UNMAP itself is not used: it is a hint, and blocks that keep their storage keep their data (SBC-4 4.7.3.4).
WRITE SAME with UNMAP has to write what it does not unmap. Not every device does: Linux's scsi_debug leaves
granules alone that a command does not cover whole. So whole granules alone are sent with UNMAP, what is
beside them without; and UNMAP is used only where the unit says that unmapped blocks read as zeros, tells its
granules, and is not known to take it for a hint. Even so it is not believed blindly: granules larger than a
unit says, and promises of zeros that it does not keep, show at the ends of what was unmapped, so the first
block of it, the last and one between are read. Which blocks are to be zeros is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from cdb.blocks import Read16, WriteSame16
from cdb.command import Command, NoPassThrough, NotSent, Reply, Silence, TransportError
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


MARK = b"\xa5"


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

    `refused` is the way that the unit does not take at all, or takes and leaves old data: `lied` then.
    `unmapped` says that some of the blocks were unmapped.
    """

    blocks: int
    verdict: Verdict
    refused: Way | None = None
    lied: bool = False
    unmapped: bool = False


def zeroing_of(unit: LogicalUnit, refused: frozenset[Way] = frozenset()) -> Zeroing | None:
    """The cheapest way that is certain to leave zeros on a unit, of those it has not refused."""
    told = unit.provisioning
    size = unit.block_size
    limit = min(unit.maximum_write_same_blocks or max(1, UNTOLD // size), MOST_BLOCKS)
    quirk = quirk_of(unit)
    certain = told.managed and told.zeros and told.write_same_unmaps and told.granule > 0
    whole = 0 if not certain else min(limit, LARGEST_UNMAP // size) // told.granule * told.granule
    if whole and Way.UNMAP not in refused and not (quirk is not None and quirk.unmap_is_a_hint):
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
    unmapped = False
    for stretch in task.zeroing.stretches(lba, blocks):
        done = (stretch.lba - lba) * size // request.block_size
        if task.zeroing.way is Way.HOST:
            verdict = yield from _written(stretch, size)
        else:
            verdict = Verdict(Action.DONE, "")
            if stretch.unmap:
                verdict = yield from _marked(stretch, size, task)
            if verdict.action is Action.DONE:
                verdict = yield from _same(stretch, size, task)
        refused = None
        if verdict.action in (Action.UNSUPPORTED, Action.NO_OFFLOAD):
            refused = Way.UNMAP if stretch.unmap else Way.SAME
        lied = False
        if verdict.action is Action.DONE and stretch.unmap:
            verdict = yield from _checked(stretch, size, replace(task, written=True))
            lied = verdict.action is Action.UNSUPPORTED
            refused = Way.UNMAP if lied else None
        if verdict.action is not Action.DONE:
            return Zeroed(done, verdict, refused, lied, unmapped)
        unmapped = unmapped or stretch.unmap
        task = replace(task, written=True)  # a reset may lose what this task itself has made zeros
    return Zeroed(task.piece.blocks, Verdict(Action.DONE, ""), unmapped=unmapped)


def _written(stretch: Stretch, block_size: int) -> Conversation[Verdict]:
    """Zeros from the host."""
    try:
        yield Write(stretch.lba, memoryview(bytes(stretch.blocks * block_size)))
    except IoFailed as error:
        return Verdict(Action.STOP, str(error))
    return Verdict(Action.DONE, "")


def _same(
    stretch: Stretch, block_size: int, task: ZeroTask, block: bytes = b""
) -> Conversation[Verdict]:
    """One WRITE SAME(16), of zeros without a `block`, and what is to be thought of its answer."""
    cdb = WriteSame16(lba=stretch.lba, blocks=stretch.blocks, unmap=stretch.unmap).pack()
    command = Command(
        name="WRITE SAME(16)",
        cdb=cdb,
        data_out=block or bytes(block_size),
        timeout=task.timeout or LEAST_TIMEOUT + stretch.blocks * block_size / SLOWEST,
    )
    try:
        reply, verdict = yield from _answer(command, task)
    except Silence as error:
        return judge_error(error, sent=True)
    except (NoPassThrough, NotSent) as error:
        return Verdict(Action.UNSUPPORTED, f"WRITE SAME(16) could not be sent: {error}")
    if verdict.action is Action.DONE and reply.residual:
        took = block_size - reply.residual
        short = f"the destination took {took} of the {block_size} bytes of WRITE SAME(16)"
        return Verdict(Action.UNSUPPORTED, short)
    return verdict


def _looked_at(stretch: Stretch) -> list[int]:
    return sorted({stretch.lba, stretch.lba + stretch.blocks // 2, stretch.lba + stretch.blocks - 1})


def _marked(stretch: Stretch, block_size: int, task: ZeroTask) -> Conversation[Verdict]:
    """No zeros where it is looked after UNMAP: blocks that were zeros before would prove nothing."""
    for lba in _looked_at(stretch):
        verdict = yield from _same(Stretch(lba, 1, unmap=False), block_size, task, block=MARK * block_size)
        if verdict.action is not Action.DONE:
            return verdict
    return Verdict(Action.DONE, "")


def _checked(stretch: Stretch, block_size: int, task: ZeroTask) -> Conversation[Verdict]:
    """Whether blocks that were unmapped are zeros: UNSUPPORTED where one that is read is not."""
    for lba in _looked_at(stretch):
        command = Command(
            name="READ(16)",
            cdb=Read16(lba=lba, transfer_length=1).pack(),
            data_in=block_size,
            timeout=task.timeout or LEAST_TIMEOUT,
        )
        what = f"LBA {lba} of the destination, which was unmapped,"
        try:
            reply, verdict = yield from _answer(command, task)
        except TransportError as error:
            return Verdict(Action.OTHER_MEANS, f"{what} cannot be read: {error}")
        if verdict.action is Action.STOP:
            return verdict
        if verdict.action is not Action.DONE or len(reply.data) != block_size:
            return Verdict(
                Action.OTHER_MEANS, f"{what} cannot be read: {verdict.reason or 'too little data'}"
            )
        if any(reply.data):
            return Verdict(Action.UNSUPPORTED, f"{what} has old data, not the zeros it promises")
    return Verdict(Action.DONE, "")


def _answer(command: Command, task: ZeroTask) -> Conversation[tuple[Reply, Verdict]]:
    """The last answer to a command, asked for again where that may help, and what is to be thought of it."""
    repeats, waits = 0, iter(WAITS)
    while True:
        reply: Reply = yield Send(command)
        verdict = judge(reply, proven=task.written, command=command, rules=ZEROING_RULES)
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

"""A copy between thin units whose tasks end in any order, and whether what it tells is what is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cdb.command import Reply, Silence
from tests.xcopy.thin_model import BLOCK, Thin
from tests.xcopy.units import parameters
from xcopy.conversation import Read, Send, Side, Step, Wait, Write, converse
from xcopy.coverage import State
from xcopy.holes import Holes, Measures
from xcopy.host import copy_piece
from xcopy.job import Job, Method
from xcopy.lba_status import look
from xcopy.limits import Bound, Limits, Refusal, agree
from xcopy.offload import Pair
from xcopy.plan import Range, Request
from xcopy.task import ZERO, HostTask, LookTask, OffloadTask, Task, ZeroTask
from xcopy.verdict import Action, judge
from xcopy.zeroing import zero_piece

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xcopy.job import Outcome


SMALL = Measures(
    portion=96 * BLOCK,
    ahead=64 * BLOCK,
    calls=5,
    least_run=3 * BLOCK,
    pays=2 * BLOCK,
    not_asked=16 * BLOCK,
    least_read=2 * BLOCK,
)
NO_OFFLOAD = Refusal("the test says so")


def copy_of(
    sources: list[Thin],
    destinations: list[Thin],
    ranges: Sequence[Range],
    *,
    offload: bool = True,
    granule: int = 1,
    method: Method = Method.AUTO,
    always: bool = False,
    measures: Measures = SMALL,
    by_source: bool = False,
) -> ThinCopy:
    """A copy of these ranges; `by_source` is whether the source takes the commands too."""
    request = Request.over(ranges, source_block_size=BLOCK, destination_block_size=BLOCK)
    pairs = [Pair(s.told, d.told, True) for s in sources for d in destinations]
    told = replace(sources[0].told, parameters=parameters())
    offer = agree(told, replace(destinations[0].told, parameters=parameters()))
    assert isinstance(offer, Limits)
    offer = replace(offer, granularity_blocks=Bound(granule, "granule"), segment_blocks=Bound(32, "segment"))
    holes = Holes(
        request,
        pairs,
        granule=granule,
        always=always,
        host_may=method is not Method.OFFLOAD,
        host_alone=method is Method.HOST,
        measures=measures,
    )
    other = offer if by_source else None
    job = Job(request, offer if offload else NO_OFFLOAD, method, other, holes=holes)
    return ThinCopy(job, sources, destinations)


def whole(source: Thin, destination: Thin, **how: Any) -> ThinCopy:
    return copy_of([source], [destination], [Range(0, source.blocks, 0)], **how)


def zeroed(copy: ThinCopy) -> set[int]:
    """The blocks of the request that are zeros and were not copied."""
    return {
        block
        for piece, entry in copy.job.coverage.runs(State.COPIED)
        if entry.detail == ZERO
        for block in range(piece.start, piece.end)
    }


class ThinCopy:
    """A job and what is in flight of it; tasks are performed when they end."""

    def __init__(self, job: Job, sources: list[Thin], destinations: list[Thin]) -> None:
        self.job, self.sources, self.destinations = job, sources, destinations
        self.flying: list[Task] = []
        self.silent_after = 1 << 30  # commands to a destination, of which the next is never answered
        self.copy_manager: Callable[[OffloadTask], Reply] = lambda _: Reply()

    def begin(self) -> bool:
        task = self.job.next()
        if task is not None:
            self.flying.append(task)
        return task is not None

    def end(self, number: int = 0) -> Task:
        task = self.flying.pop(number)
        self.job.finish(task, self.performed(task))
        return task

    def all(self, at_once: int = 3) -> Job:
        for _ in range(100_000):
            while len(self.flying) < at_once and self.begin():
                pass
            if not self.flying:
                return self.job
            self.end()
        raise AssertionError("it does not come to an end")

    def performed(self, task: Task) -> Outcome:
        request = self.job.request
        source, destination = self.units(request.pair(task.piece.start))

        def step(step: Step) -> object:
            match step:
                case Send(command=command, to=to):
                    if to is Side.SOURCE:
                        return source.send(command)
                    self.silent_after -= 1
                    if self.silent_after < 0:
                        raise Silence("no answer")
                    return destination.send(command)
                case Read(lba, blocks):
                    return source.read(lba, blocks)
                case Write(lba, data):
                    return destination.write(lba, data)
                case Wait():
                    return True

        if isinstance(task, LookTask):
            return converse(look(task, request), step)
        if isinstance(task, ZeroTask):
            return converse(zero_piece(task, request), step)
        if isinstance(task, HostTask):
            return converse(copy_piece(task, request), step)
        assert isinstance(task, OffloadTask)
        granule = task.limits.granularity_blocks.value
        verdict = judge(self.copy_manager(task), proven=task.proven)
        for piece in task.batch.pieces if verdict.action is Action.DONE else ():
            assert request.whole(piece.start, granule) == piece.start, "not the beginning of a granule"
            assert piece.blocks % granule == 0, "not whole granules"
            lba, blocks = request.source(piece)
            destination.write(request.destination(piece)[0], source.read(lba, blocks))
        return verdict

    def units(self, pair: int) -> tuple[Thin, Thin]:
        read, write = divmod(pair, len(self.destinations))
        return self.sources[read], self.destinations[write]


def holds_its_word(copy: ThinCopy, before: list[bytes]) -> None:
    """Copied blocks are the source's, blocks not asked for are as they were, and so are those not tried.

    Of those, what was zeroed already, of a granule that was then refused, may be the zeros of the source.
    """
    request, coverage = copy.job.request, copy.job.coverage
    allowed: list[list[set[bytes]]] = [
        [{each[at : at + BLOCK]} for at in range(0, len(each), BLOCK)] for each in before
    ]
    for run, entry in coverage.runs():
        for piece in request.parts(run):
            pair = request.pair(piece.start)
            source, _ = copy.units(pair)
            from_lba, to_lba = request.source(piece)[0], request.destination(piece)[0]
            row = allowed[pair % len(before)]
            for n in range(piece.blocks):
                block = bytes(source.read(from_lba + n, 1))
                if entry.state is State.COPIED:
                    row[to_lba + n] = {block}
                elif entry.state is State.FAILED:
                    row[to_lba + n] = set()  # anything
                elif not any(block):
                    row[to_lba + n].add(block)
    for destination, row in zip(copy.destinations, allowed, strict=True):
        for lba, blocks in enumerate(row):
            assert not blocks or bytes(destination.read(lba, 1)) in blocks, lba

"""One copy from its first piece to its last: which piece next, by which means, and what an outcome changes.

The ladder has two rungs here, offload and host; what is zeros for certain, `sparse` keeps from it. Nothing
here sends or waits: a runner takes tasks and brings outcomes back, from one thread.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from xcopy.backlog import Backlog
from xcopy.conversation import Pushback, Side
from xcopy.coverage import Coverage, State
from xcopy.fallbacks import Fallbacks
from xcopy.host import HostOutcome, next_piece
from xcopy.lba_status import Seen
from xcopy.limits import Limits, Refusal
from xcopy.list_ids import WITHOUT, ListIds
from xcopy.odd_ends import odd_ends
from xcopy.pairs import MOST_IN_VAIN, Pairs
from xcopy.plan import Piece, Request, Shape, batch_in, clip, fragment, packed
from xcopy.task import HOST, MAP, OFFLOAD, ZERO, HostTask, LookTask, OffloadTask, Task, ZeroTask, means_of
from xcopy.verdict import Action, Verdict
from xcopy.zeroing import Zeroed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xcopy.holes import Holes

Outcome: TypeAlias = Verdict | HostOutcome | Seen | Zeroed
EARLIER = "earlier run"  # by whichever means
MOST_SILENCES = 8  # commands without an answer, all of them asked after, before offload is given up


class Method(Enum):
    """Which means are allowed."""

    AUTO = "auto"
    OFFLOAD = "offload"
    HOST = "host"


class Job:
    """The state of one copy.

    `offer` is agreed for commands to the destination, `otherwise` for those to the source: these are tried
    once, when the destination says no before anything is copied.
    """

    def __init__(
        self,
        request: Request,
        offer: Limits | Refusal,
        method: Method,
        otherwise: Limits | Refusal | None = None,
        pairs: Pairs | None = None,
        holes: Holes | None = None,
    ) -> None:
        self.request = request
        self.method = method
        self.coverage = Coverage(request.blocks)
        self.limits = offer if isinstance(offer, Limits) and method is not Method.HOST else None
        self.fallbacks = Fallbacks()
        self.commands = {OFFLOAD: 0, HOST: 0}
        self.stopped = ""
        self.in_doubt = False  # True when a unit may have lost what it acknowledged, or be another one
        self.proven = False
        self.refused = self._refused_kind = ""
        self.detour = ""  # why the host copies what the storage would copy too, if it does
        self.holes = holes
        self._backlog = Backlog(self.coverage)
        if holes is not None:
            holes.begin(self.coverage, self._backlog)
            self.commands |= {MAP: 0, ZERO: 0}
        self._ids = ListIds()
        self._in_flight = self._silences = 0
        self._in_vain = self._in_vain_from = 0  # commands in a row, and the number that the next has to have
        self._longest = 0  # blocks of the longest segment that was copied
        self._left_out = ""  # why an end was not copied, where only the storage may
        self.to = Side.DESTINATION  # who gets the commands
        self._pairs = pairs or Pairs()
        self._otherwise = otherwise if isinstance(otherwise, Limits) else None
        self._refused_there = ""  # what the destination said, once the source is tried
        if isinstance(offer, Refusal) and method is not Method.HOST and not self._try_source(offer.reason):
            self.refused = offer.reason
            if method is Method.OFFLOAD:
                self.stop(offer.reason)

    def already(self, pieces: Iterable[Piece]) -> None:
        """These were copied by an earlier run; for a job that has handed out nothing yet."""
        for piece in pieces:
            self.coverage.begin(piece)
            self.coverage.copied(piece, EARLIER)

    def stop(self, reason: str) -> None:
        """Hand out no more tasks; the first reason is kept."""
        self.stopped = self.stopped or reason or "stopped"

    @property
    def means(self) -> str:
        """The means that the next task would be of, "" where there is none."""
        room = None if self.stopped else self._room()
        return room[1] if room else ""

    @property
    def remaining(self) -> int:
        """Bytes that no task has yet."""
        return self.coverage.count(State.PENDING) * self.request.block_size

    @property
    def in_flight(self) -> int:
        """How many tasks are under way."""
        return self._in_flight

    def next(self, shape: Shape | None = None) -> Task | None:
        """The next task, or None: stopped, nothing left, or the first offload's answer is awaited.

        A command is of this shape within the limits, and as large as they allow without one; of what the
        host copies, the shape's segment is one piece.
        """
        room = None if self.stopped else self._room()
        if room is None:
            return None
        piece, means = room
        task: Task
        if self.holes is not None and means in (MAP, ZERO):
            self._counted(means)
            return self.holes.take(piece, means)
        if means == OFFLOAD:
            if not self.proven and self._in_flight - self._looking:
                return None  # one command finds out whether these units can be copied between at all
            assert self.limits is not None
            if self.to is Side.SOURCE and self._in_flight >= self.limits.in_flight.value:
                return None  # who runs the job knows how many the destination takes
            list_id = WITHOUT if self.limits.without_list_id else self._ids.take()
            if list_id is None:
                return None
            granule = self.limits.granularity_blocks.value
            shape = clip(shape, self.limits)
            batch = batch_in(piece, shape, self.request, granule, packed(self.limits))
            task = OffloadTask(batch, list_id, self._written, self.limits, self.to, self.commands[OFFLOAD])
        else:
            detour = "" if self._backlog.is_meant_for_host else self.detour
            piece = next_piece(piece, self.request, shape)
            task = HostTask(piece, detour) if self.holes is None else self.holes.to_host(piece, detour)
        self._take(task.piece, means)
        self.coverage.begin(task.piece)
        self._counted(means)
        return task

    @property
    def _looking(self) -> int:
        return self.holes.looking if self.holes else 0

    def _counted(self, means: str) -> None:
        self.commands[means] += 1
        self._in_flight += 1

    @property
    def _written(self) -> bool:
        """Whether a reset may lose what was copied."""
        return self.proven or any(self.coverage.count(State.COPIED, means) for means in (HOST, ZERO))

    def finish(self, task: Task, outcome: Outcome) -> None:
        """Book what became of a task that `next` handed out."""
        self._in_flight -= 1
        if isinstance(task, OffloadTask):
            assert isinstance(outcome, Verdict)
            if outcome.action is Action.ANOTHER_ID:
                self._ids.put_aside()
            else:
                self._ids.give_back(task.list_id)
            self._offloaded(task, outcome)
        elif isinstance(task, HostTask):
            assert isinstance(outcome, HostOutcome)
            self._hosted(task, outcome)
        elif self.holes is not None:
            assert isinstance(outcome, Seen | Zeroed)
            why, in_doubt = self.holes.finish(task, outcome, self.stopped)
            self.in_doubt = self.in_doubt or in_doubt
            self.stopped = self.stopped or why
        if self._left_out and not self._in_flight and self._room() is None:
            self.stop(self._left_out)

    def lost(self, task: Task, reason: str) -> None:
        """A task ended without an outcome: its blocks are in an unknown state, and the copy stops."""
        self._in_flight -= 1
        self.in_doubt = True
        if not isinstance(task, LookTask):
            self.coverage.failed(task.piece, reason)
        self.stop(reason)

    def untake(self, task: Task) -> None:
        """A task that `next` handed out could not be begun: it comes again."""
        self._in_flight -= 1
        self.commands[means_of(task)] -= 1
        if self.holes is not None and isinstance(task, LookTask | ZeroTask):
            self.holes.untake(task)
            return
        self.coverage.back(task.piece)
        if isinstance(task, OffloadTask):
            self._ids.give_back(task.list_id)
            self._backlog.try_again(task.piece)
        else:
            self._backlog.leave_to_host(task.piece)

    def _offloaded(self, task: OffloadTask, verdict: Verdict) -> None:
        piece = task.piece
        copied = piece.blocks
        if verdict.action is not Action.DONE:
            copied = task.batch.settled(verdict.copied, task.limits.granularity_blocks.value)
        if copied:
            self.proven = True
            self._pairs.copied(self.request.pair(piece.start))
            if task.limits is self.limits:  # what was longer under others is not sent any more
                whole = (each.blocks for each in task.batch.pieces if each.end <= piece.start + copied)
                self._longest = max([self._longest, *whole])
            self.coverage.copied(Piece(piece.start, copied), OFFLOAD)
            piece = Piece(piece.start + copied, piece.blocks - copied)
        match verdict.action:
            case Action.DONE:
                self._in_vain = 0
            case Action.SMALLER if self.limits and (parts := odd_ends(task.batch.rest(piece), self._longest)):
                self._apart(parts, piece, verdict)
            case Action.FEWER | Action.SMALLER:
                self._shrink(task, piece, verdict)
            case Action.ANOTHER_ID:
                self._under_another_id(piece, verdict)
            case Action.NO_OFFLOAD:
                self._give_up(piece, verdict)
            case Action.STOP:
                self.in_doubt = True
                self.coverage.failed(piece, verdict.reason)
                self.stop(verdict.reason)
            case Action.WAIT if copied and not self.stopped:
                self._offload_again(piece, verdict)
            case _ if self._always_in_vain(task, verdict):
                self._give_up(piece, verdict)
            case _:
                self._pairs.failed(self.request.pair(piece.start), verdict)
                self._by_host(piece, verdict)

    def _always_in_vain(self, task: OffloadTask, verdict: Verdict) -> bool:
        """Storage that is busy for ever is not asked for each piece; commands that fail together are one."""
        if (self.proven and verdict.pushback is None) or task.number < self._in_vain_from:
            return False
        self._in_vain, self._in_vain_from = self._in_vain + 1, self.commands[OFFLOAD]
        return self._in_vain >= MOST_IN_VAIN

    def _shrink(self, task: OffloadTask, piece: Piece, verdict: Verdict) -> None:
        """Once for each set of limits: other commands in flight then only come again."""
        limits = self.limits
        if limits is not None and limits is task.limits:
            if verdict.action is Action.FEWER:
                fewer = limits.fewer_segments(len(task.batch.pieces))
            else:
                fewer = limits.smaller_segments()
            if fewer is None:
                self._give_up(piece, verdict)
                return
            self.limits = fewer
            self._longest = min(self._longest, fewer.segment_blocks.value)
        self._offload_again(piece, verdict)

    def _apart(self, parts: Sequence[Piece], piece: Piece, verdict: Verdict) -> None:
        """An odd end in parts; what cannot be cut any more goes by another means, or is left out."""
        if list(parts) != [piece]:
            for part in parts:
                self._offload_again(part, verdict)
        elif self.method is Method.OFFLOAD and not self.stopped:
            self.coverage.failed(piece, verdict.reason)
            self._left_out = self._left_out or verdict.reason
        else:
            self._by_host(piece, verdict)

    def _under_another_id(self, piece: Piece, verdict: Verdict) -> None:
        """Storage that falls silent too often, or lets no identifier go, is left alone."""
        self._silences += verdict.pushback is Pushback.SILENT
        if self._ids.exhausted or self._silences > MOST_SILENCES:
            self._give_up(piece, verdict)
        else:
            self._offload_again(piece, verdict)

    def _offload_again(self, piece: Piece, verdict: Verdict) -> None:
        if self.limits is None:
            self._by_host(piece, verdict)
        else:
            self.coverage.back(piece)
            self._backlog.try_again(piece)

    def _give_up(self, piece: Piece, verdict: Verdict) -> None:
        """No offload by this unit: the other is tried if nothing was copied yet, and then the host."""
        if self.limits is not None:
            if not self.proven and self._try_source(verdict.reason):
                self._offload_again(piece, verdict)
                return
            if self._pairs.close(self.request.pair(piece.start), verdict):
                self._in_vain = 0
                self._by_host(piece, verdict)
                return
            self.limits = None
            if self._refused_there and not self.proven:
                also = "the same" if verdict.reason == self._refused_there else verdict.reason
                reason = f"{self._refused_there}; sent to the source instead: {also}"
                verdict = replace(verdict, reason=reason, kind=verdict.kind and f"both: {verdict.kind}")
            self.refused, self._refused_kind = verdict.reason, verdict.kind
            if self.method is Method.OFFLOAD:
                self.stop(verdict.reason)
        self._by_host(piece, verdict)

    def _try_source(self, refused: str) -> bool:
        """Commands go to the source from now on, unless that was tried before or cannot be."""
        if self._otherwise is None or self.method is Method.HOST:
            return False
        self.limits, self._otherwise = self._otherwise, None
        self.to, self._ids, self._refused_there, self._in_vain = Side.SOURCE, ListIds(), refused, 0
        return True

    def _by_host(self, piece: Piece, verdict: Verdict) -> None:
        """Down a rung: never silently, and not at all where only offload is allowed."""
        if self.stopped or self.method is Method.OFFLOAD:
            self.coverage.failed(piece, verdict.reason)
            self.stop(verdict.reason)
        else:
            self.fallbacks.book(verdict.reason, piece.blocks, verdict.kind)
            self.coverage.back(piece)
            self._backlog.leave_to_host(piece)

    def _hosted(self, task: HostTask, outcome: HostOutcome) -> None:
        piece = task.piece
        for part, means in outcome.parts(piece.start):
            self.coverage.copied(part, means)
        if self.holes is not None and outcome.refused is not None:
            self.holes.refused(self.request.pair(piece.start), outcome.refused)
        if outcome.copied < piece.blocks:
            rest = Piece(piece.start + outcome.copied, piece.blocks - outcome.copied)
            if task.detour and self.limits is not None and not self.stopped:
                self.detour = ""  # the storage may do what the host cannot
                self.fallbacks.book(task.detour, -rest.blocks)
                self.coverage.back(rest)
                self._backlog.try_again(rest)
                return
            self.in_doubt = True
            self.coverage.failed(rest, outcome.reason)
            self.stop(outcome.reason)

    def _room(self) -> tuple[Piece, str] | None:
        """The next blocks without a task and the means for them; they may cross the ends of ranges."""
        backlog, limits = self._backlog, self.limits
        if self.holes is not None:
            idle = self._in_flight == self.holes.looking + self.holes.zeroing and not backlog.for_storage()
            if (first := self.holes.room(known=self.proven or limits is None, idle=idle)) is not None:
                return first
        if limits is not None and not self.detour:
            while (room := backlog.for_storage()) is not None:
                rest = self._not_for_storage(room, limits)
                if rest is None:
                    return room, OFFLOAD
                if self.method is Method.OFFLOAD:
                    self.stop(self._why_not(rest, limits)[0])
                    return None
                backlog.put_off(rest)
        room = backlog.for_host()
        return None if room is None else (room, HOST)

    def _not_for_storage(self, room: Piece, limits: Limits) -> Piece | None:
        """The beginning of this room that it cannot copy: between such units, or by its size."""
        if self._pairs.why_not(self.request.pair(room.start)):
            return self.request.of_one_pair(room)
        return fragment(room, self.request, limits.granularity_blocks.value)

    def _take(self, piece: Piece, means: str) -> None:
        """A task covers this piece; what goes by host and is not accounted for yet is booked."""
        meant = self._backlog.take(piece)
        if means == OFFLOAD or meant or self.method is Method.HOST:
            return
        if self.limits is None:
            self.fallbacks.book(self.refused, piece.blocks, self._refused_kind)
        else:
            reason, kind = (self.detour, "") if self.detour else self._why_not(piece, self.limits)
            self.fallbacks.book(reason, piece.blocks, kind)

    def _why_not(self, piece: Piece, limits: Limits) -> tuple[str, str]:
        """The reason, and its kind, why the storage does not copy this, which is not for it."""
        if closed := self._pairs.why_not(self.request.pair(piece.start)):
            return closed
        grain = limits.granularity_blocks
        return f"the last blocks are less than the {grain.rule}: {grain.value} blocks", ""

    @property
    def report(self) -> dict[str, int]:
        """Bytes copied by each means, read from the ledger."""
        size = self.request.block_size
        found = {means: self.coverage.count(State.COPIED, means) * size for means in (OFFLOAD, HOST)}
        for means in (ZERO, EARLIER):
            if blocks := self.coverage.count(State.COPIED, means):
                found[means] = blocks * size
        return found

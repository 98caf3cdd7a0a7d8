"""One copy from its first piece to its last: which piece next, by which means, and what an outcome changes.

The ladder has two rungs here, offload and host. Nothing here sends or waits: a runner takes tasks and brings
outcomes back, from one thread.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

from xcopy.coverage import Coverage, State
from xcopy.host import HostOutcome, next_piece
from xcopy.limits import Limits, Refusal
from xcopy.plan import Batch, Piece, Request, Shape, batch_in, clip, fragment
from xcopy.verdict import Action, Verdict

OFFLOAD, HOST = "offload", "host"


class Method(Enum):
    """Which means are allowed."""

    AUTO = "auto"
    OFFLOAD = "offload"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class OffloadTask:
    """Send one EXTENDED COPY for this batch."""

    batch: Batch
    list_id: int
    proven: bool
    limits: Limits

    @property
    def piece(self) -> Piece:
        """The range it covers."""
        return self.batch.whole


@dataclass(frozen=True, slots=True)
class HostTask:
    """Read and write this piece by the host."""

    piece: Piece


Task = OffloadTask | HostTask


@dataclass(slots=True)
class Fallback:
    """Why blocks went down a rung, and how many."""

    reason: str
    blocks: int = 0


class Job:
    """The state of one copy."""

    def __init__(self, request: Request, offer: Limits | Refusal, method: Method) -> None:
        self.request = request
        self.method = method
        self.coverage = Coverage(request.blocks)
        self.limits = offer if isinstance(offer, Limits) and method is not Method.HOST else None
        self.fallbacks: dict[str, Fallback] = {}
        self.commands = {OFFLOAD: 0, HOST: 0}
        self.stopped = ""
        self.proven = False
        self.refused = self._refused_kind = ""
        self._cursor = 0
        self._again: deque[tuple[Piece, str]] = deque()
        self._free_ids = deque(range(1, 256))  # list identifiers, the longest unused first
        self._in_flight = 0
        if isinstance(offer, Refusal) and method is not Method.HOST:
            self.refused = offer.reason

    def stop(self, reason: str) -> None:
        """Hand out no more tasks; the first reason is kept."""
        self.stopped = self.stopped or reason or "stopped"

    def next(self, shape: Shape | None = None) -> Task | None:
        """The next task, or None: stopped, nothing left, or the first offload's answer is awaited.

        A command is of this shape within the limits, and as large as they allow without one.
        """
        if self.stopped:
            return None
        room = self._room()
        if room is None:
            return None
        piece, means = room
        task: Task
        if means == OFFLOAD:
            if not self.proven and self._in_flight:
                return None  # one command finds out whether these units can be copied between at all
            assert self.limits is not None
            if not self._free_ids:
                return None
            granule = self.limits.granularity_blocks.value
            batch = batch_in(piece, clip(shape, self.limits), self.request, granule)
            task = OffloadTask(batch, self._free_ids.popleft(), self.proven, self.limits)
        else:
            task = HostTask(next_piece(piece, self.request.block_size))
        self._take(task.piece, means)
        self.coverage.begin(task.piece)
        self.commands[means] += 1
        self._in_flight += 1
        return task

    def finish(self, task: Task, outcome: Verdict | HostOutcome) -> None:
        """Book what became of a task that `next` handed out."""
        self._in_flight -= 1
        if isinstance(task, OffloadTask):
            assert isinstance(outcome, Verdict)
            self._free_ids.append(task.list_id)
            self._offloaded(task, outcome)
        else:
            assert isinstance(outcome, HostOutcome)
            self._hosted(task.piece, outcome)

    def lost(self, task: Task, reason: str) -> None:
        """A task ended without an outcome: its blocks are in an unknown state, and the copy stops."""
        self._in_flight -= 1
        self.coverage.failed(task.piece, reason)
        self.stop(reason)

    def untake(self, task: Task) -> None:
        """A task that `next` handed out could not be begun: it comes again."""
        self._in_flight -= 1
        self.coverage.back(task.piece)
        if isinstance(task, OffloadTask):
            self._free_ids.append(task.list_id)
        means = OFFLOAD if isinstance(task, OffloadTask) else HOST
        self.commands[means] -= 1
        self._again.append((task.piece, means))

    def _offloaded(self, task: OffloadTask, verdict: Verdict) -> None:
        piece = task.piece
        match verdict.action:
            case Action.DONE:
                self.proven = True
                self.coverage.copied(piece, OFFLOAD)
            case Action.FEWER | Action.SMALLER:
                self._shrink(task, verdict)
            case Action.NO_OFFLOAD:
                self._give_up(verdict)
                self._by_host(piece, verdict)
            case Action.STOP:
                self.coverage.failed(piece, verdict.reason)
                self.stop(verdict.reason)
            case _:
                self._by_host(piece, verdict)

    def _shrink(self, task: OffloadTask, verdict: Verdict) -> None:
        """Once for each set of limits: other commands in flight then only come again."""
        piece, limits = task.piece, self.limits
        if limits is not None and limits is task.limits:
            fewer = limits.fewer_segments() if verdict.action is Action.FEWER else limits.smaller_segments()
            if fewer is None:
                self._give_up(verdict)
            else:
                self.limits = fewer
        if self.limits is None:
            self._by_host(piece, verdict)
        else:
            self.coverage.back(piece)
            self._again.append((piece, OFFLOAD))

    def _give_up(self, verdict: Verdict) -> None:
        self.limits = None
        if not self.refused:
            self.refused, self._refused_kind = verdict.reason, verdict.kind
        if self.method is Method.OFFLOAD:
            self.stop(verdict.reason)

    def _by_host(self, piece: Piece, verdict: Verdict) -> None:
        """Down a rung: never silently, and not at all where only offload is allowed."""
        if self.stopped or self.method is Method.OFFLOAD:
            self.coverage.failed(piece, verdict.reason)
            self.stop(verdict.reason)
        else:
            self._book(verdict.reason, piece.blocks, verdict.kind)
            self.coverage.back(piece)
            self._again.append((piece, HOST))

    def _book(self, reason: str, blocks: int, kind: str = "") -> None:
        """One entry for each kind of reason, worded as it was met first."""
        self.fallbacks.setdefault(kind or reason, Fallback(reason)).blocks += blocks

    def _hosted(self, piece: Piece, outcome: HostOutcome) -> None:
        if outcome.copied:
            self.coverage.copied(Piece(piece.start, outcome.copied), HOST)
        if outcome.copied < piece.blocks:
            rest = Piece(piece.start + outcome.copied, piece.blocks - outcome.copied)
            self.coverage.failed(rest, outcome.reason)
            self.stop(outcome.reason)

    def _room(self) -> tuple[Piece, str] | None:
        """The next blocks without a task and the means for them; they may cross the ends of ranges."""
        if self._again:
            room, means = self._again[0]
        elif self._cursor < self.request.blocks:
            room, means = Piece(self._cursor, self.request.blocks - self._cursor), OFFLOAD
        else:
            return None
        if means == HOST or self.limits is None:
            return room, HOST
        rest = fragment(room, self.request, self.limits.granularity_blocks.value)
        if rest is None:
            return room, OFFLOAD
        if self.method is Method.OFFLOAD:
            self.stop(self._too_small(self.limits))
            return None
        return rest, HOST

    def _take(self, piece: Piece, means: str) -> None:
        """A task covers this piece: shorten the blocks it came from, and book what goes by host unasked."""
        meant = OFFLOAD
        if self._again:
            whole, meant = self._again.popleft()
            if piece.end < whole.end:
                self._again.appendleft((Piece(piece.end, whole.end - piece.end), meant))
        else:
            self._cursor = piece.end
        if means == meant or self.method is Method.HOST:
            return
        if self.limits is None:
            self._book(self.refused, piece.blocks, self._refused_kind)
        else:
            self._book(self._too_small(self.limits), piece.blocks)

    def _too_small(self, limits: Limits) -> str:
        grain = limits.granularity_blocks
        return f"the last blocks are less than the {grain.rule}: {grain.value} blocks"

    @property
    def report(self) -> dict[str, int]:
        """Bytes copied by each means, read from the ledger."""
        size = self.request.block_size
        return {means: self.coverage.count(State.COPIED, means) * size for means in (OFFLOAD, HOST)}

"""What of a copy is zeros for certain and need not be copied: found a stretch ahead of the copy, and zeroed.

A source that is thin (LBPME) and reads unmapped blocks as zeros (LBPRZ) is asked for its map, portion by
portion, shortly before the portion is copied; what it has no storage for becomes zeros on the destination.
Everything else, and all of it where anything is in doubt, is copied like the rest. What is promised of a
source that changes meanwhile is what any copy of it promises: every block is as it was at some time during
the copy. Nothing here sends.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xcopy.lba_status import Seen
from xcopy.plan import Piece
from xcopy.polling import TIMEOUT
from xcopy.task import MAP, ZERO, HostTask, LookTask, ZerosRead, ZeroTask
from xcopy.verdict import Action
from xcopy.zeroing import Way, Zeroed, zeroing_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xcopy.backlog import Backlog
    from xcopy.coverage import Coverage
    from xcopy.offload import Pair
    from xcopy.plan import Request
    from xcopy.unit import LogicalUnit
    from xcopy.zeroing import Zeroing

MOST_RANGES = 1024  # in one look
MOST_ZEROING = 4  # tasks at once: they are for the destination's map, and others copy beside them


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """When it pays to ask, and to zero; all but `calls` in bytes.

    A look is at `portion` at the most, sends `calls` commands, and ends once `ahead` with storage were met:
    what is known must not grow old. Shorter runs than `least_run` are copied faster than they are zeroed. An
    answer that tells of less than `pays` costs more than it saves: `not_asked` are copied without a look. Of
    zeros that the host has read, runs of less than `least_read` are written.
    """

    portion: int = 256 << 30
    ahead: int = 4 << 30
    calls: int = 64
    least_run: int = 1 << 20
    pays: int = 256 << 10
    least_read: int = 64 << 10
    not_asked: int = 1 << 30


MEASURES = Measures()


def no_map(unit: LogicalUnit) -> str:
    """Why nothing that a source does not map may be taken for zeros, or nothing."""
    if not unit.provisioning.managed:
        return f"{unit.name} is not thin: it does not manage which blocks have storage (LBPME is 0)"
    if not unit.provisioning.zeros:
        return f"{unit.name} does not say that unmapped blocks read as zeros (LBPRZ)"
    return ""


class Holes:
    """The looks and the zeroing of one copy; `pairs` are those that the request refers to by number.

    What is left between holes is whole granules of `granule` blocks. Without `host_may` the host writes no
    zeros; where `host_alone` copies, nothing has to be zeros without being read. `timeout` is seconds per
    command, None for the usual.
    """

    def __init__(
        self,
        request: Request,
        pairs: Sequence[Pair],
        *,
        granule: int = 1,
        always: bool = False,
        host_may: bool = True,
        host_alone: bool = False,
        timeout: float | None = None,
        measures: Measures = MEASURES,
    ) -> None:
        self.why_not = ""  # why unmapped blocks were copied after all
        self._request, self._pairs, self._always, self._timeout = request, pairs, always, timeout
        self._granule, self._size, self._measures = granule, request.block_size, measures
        self._insists = always and not host_alone
        self._zeros: deque[Piece] = deque()
        self.looking = False
        self.zeroing = 0
        self._closed = {pair.source.name for pair in pairs if no_map(pair.source)}
        never: frozenset[Way] = frozenset() if always and host_may else frozenset({Way.HOST})
        self._refused = {pair.destination.name: never for pair in pairs}

    def begin(self, coverage: Coverage, backlog: Backlog) -> None:
        """These are the copy's own: what was never tried is looked at first from now on."""
        self._coverage, self._backlog = coverage, backlog
        backlog.looked_at_first = any(map(self._asked_of, self._request.pairs))

    def room(self, *, known: bool, idle: bool) -> tuple[Piece, str] | None:
        """What comes before what is copied, and its means; None where there is nothing.

        Nothing is zeroed before it is `known` whether the storage copies. Where there is nothing to find that
        out with, and the copy is `idle` for it, what is behind the holes is looked at, up to the end.
        """
        ahead = idle and not known
        if ahead or not self._zeros:
            if (piece := self._next_look()) is not None:
                return piece, MAP
            ahead = ahead and not (self.looking or self._backlog.waiting)
        if self._zeros and (known or ahead) and self.zeroing < MOST_ZEROING:
            return self._next_zeros(), ZERO
        return None

    def _next_look(self) -> Piece | None:
        while self._may_look() and (room := self._backlog.untried()) is not None:
            room = self._portion(room)
            if self._asked_of(self._request.pair(room.start)):
                return room
            self._backlog.look_at(room)
            self._backlog.try_again(room)
        return None

    def take(self, piece: Piece, means: str) -> LookTask | ZeroTask:
        """The task for what `room` said."""
        pair = self._pairs[self._request.pair(piece.start)]
        if means == MAP:
            self.looking = True
            self._backlog.look_at(piece)
            return LookTask(
                piece=piece,
                unit=pair.source,
                least=1 if self._always else max(1, self._measures.least_run // self._size),
                calls=self._measures.calls,
                ahead=max(1, self._measures.ahead // self._size),
                granule=self._granule,
                timeout=self._timeout or TIMEOUT,
            )
        zeroing = self._way_to(pair.destination)
        assert zeroing is not None
        self.zeroing += 1
        self._coverage.begin(piece)
        whole = self._zeros.popleft()
        if piece.end < whole.end:
            self._zeros.appendleft(Piece(piece.end, whole.end - piece.end))
        return ZeroTask(piece=piece, zeroing=zeroing, timeout=self._timeout)

    def to_host(self, piece: Piece, detour: str) -> HostTask:
        """The task for what the host copies; where zeros always are, it does not send those that it reads."""
        zeroing = self._way_to(self._pairs[self._request.pair(piece.start)].destination)
        if detour or not self._always or zeroing is None or zeroing.way is Way.HOST:
            return HostTask(piece, detour)
        least = max(1, self._measures.least_read // self._size)
        return HostTask(piece, zeros=ZerosRead(zeroing, least, self._timeout))

    def refused(self, pair: int, way: Way) -> None:
        """The destination of this pair does not take this way of making zeros, nor a cheaper one."""
        self._refused[self._pairs[pair].destination.name] |= {Way.UNMAP, way}

    def untake(self, task: LookTask | ZeroTask) -> None:
        """A task could not be begun: it comes again."""
        self._end(task)
        if isinstance(task, LookTask):
            self._backlog.not_looked_at(task.piece.start)
        else:
            self._coverage.back(task.piece)
            self._zeros.appendleft(task.piece)

    def finish(self, task: LookTask | ZeroTask, outcome: Seen | Zeroed, stopped: str) -> tuple[str, bool]:
        """Book what became of a task: why the copy has to stop, "" if not, and whether it is in doubt."""
        self._end(task)
        if isinstance(task, LookTask):
            assert isinstance(outcome, Seen)
            why = self._looked(task, outcome)
            return (why, False) if outcome.alarm is None else (outcome.alarm.reason, True)
        assert isinstance(outcome, Zeroed)
        return self._zeroed(task, outcome, stopped)

    def _end(self, task: LookTask | ZeroTask) -> None:
        if isinstance(task, LookTask):
            self.looking = False
        else:
            self.zeroing -= 1

    def _may_look(self) -> bool:
        """One look at a time, when what the last one found is used up, or nearly so."""
        if self.looking or not self._backlog.looked_at_first:
            return False
        return self._backlog.waiting * self._size <= self._measures.ahead // 2

    def _asked_of(self, pair: int) -> bool:
        """Whether the map of this pair's source is worth having."""
        units = self._pairs[pair]
        return self._way_to(units.destination) is not None and units.source.name not in self._closed

    def _way_to(self, unit: LogicalUnit) -> Zeroing | None:
        return zeroing_of(unit, self._refused[unit.name])

    def _looked(self, task: LookTask, seen: Seen) -> str:
        at = task.piece.start
        behind = at + seen.blocks
        known = self._way_to(self._pairs[self._request.pair(at)].destination)
        for run in seen.unmapped if known is not None else ():  # it may have been refused meanwhile
            self._copy(at, run.start)
            self._to_zero(run)
            at = run.end
        if not seen.ended:
            behind = self._passed_over(task, seen)
        self._copy(at, behind)
        if self._backlog.looked_at_first:
            self._backlog.not_looked_at(behind)
        else:  # given up meanwhile, and others have gone on behind this piece
            self._copy(behind, task.piece.end)
        if not seen.ended:
            return ""
        self._closed.add(task.unit.name)
        return self._given_up(f"the source's map ended: {seen.ended}")

    def _to_zero(self, run: Piece) -> None:
        """After what is there already, or as one with it: a unit may be empty for a long way."""
        if self._zeros and self._zeros[-1].end == run.start:
            both = Piece(self._zeros[-1].start, self._zeros[-1].blocks + run.blocks)
            if self._request.crossed(both) == 1:
                self._zeros[-1] = both
                return
        self._zeros.append(run)

    def _passed_over(self, task: LookTask, seen: Seen) -> int:
        """Up to where nothing more is asked: asking does not pay there, or has come nowhere."""
        behind, end = task.piece.start + seen.blocks, task.piece.end
        dear = seen.calls >= task.calls and seen.blocks * self._size < seen.calls * self._measures.pays
        if behind == end or (not (dear and not self._always) and seen.blocks):
            return behind
        blocks = 1 if self._always else max(1, self._measures.not_asked // self._size)
        return min(end, self._request.whole(min(end, behind + blocks), self._granule, up=True))

    def _zeroed(self, task: ZeroTask, outcome: Zeroed, stopped: str) -> tuple[str, bool]:
        zeros = outcome.blocks
        if zeros < task.piece.blocks:  # whole granules are left
            whole = self._request.whole(task.piece.start + zeros, self._granule)
            zeros = max(0, whole - task.piece.start)
        if zeros:
            self._coverage.copied(Piece(task.piece.start, zeros), ZERO)
        rest = Piece(task.piece.start + zeros, task.piece.blocks - zeros)
        if not rest.blocks:
            return "", False
        verdict = outcome.verdict
        in_doubt = verdict.action is Action.STOP
        why = verdict.reason if in_doubt or stopped else self._otherwise(rest, outcome)
        if why:
            self._coverage.failed(rest, why)
        else:
            self._coverage.back(rest)
        return why, in_doubt

    def _otherwise(self, rest: Piece, outcome: Zeroed) -> str:
        """What could not be zeroed like this goes another way; or why the copy has to stop."""
        unit, reason = self._pairs[self._request.pair(rest.start)].destination, outcome.verdict.reason
        if outcome.refused is not None:
            self.refused(self._request.pair(rest.start), outcome.refused)
            if self._way_to(unit) is not None:
                self._zeros.appendleft(rest)
                return ""
        elif self._insists:
            return f"--sparse always: {reason}"
        self._copy(rest.start, rest.end)
        self.why_not = self.why_not or reason
        return "" if outcome.refused is None else self._given_up(reason)

    def _copy(self, start: int, end: int) -> None:
        if start < end:
            self._backlog.try_again(Piece(start, end - start))

    def _given_up(self, reason: str) -> str:
        """One unit cannot do its part: what was to be zeros there is copied, or the copy stops, and why."""
        self.why_not = self.why_not or reason
        if self._insists:
            return f"--sparse always: {reason}"
        zeros, self._zeros = self._zeros, deque()
        for piece in zeros:
            if self._way_to(self._pairs[self._request.pair(piece.start)].destination) is None:
                self._backlog.try_again(piece)
            else:
                self._zeros.append(piece)
        self._backlog.looked_at_first = any(map(self._asked_of, self._request.pairs))
        return ""

    def _portion(self, room: Piece) -> Piece:
        """As much of the beginning of `room` as one look is at: of one pair, of not too many ranges."""
        request = self._request
        most = Piece(room.start, min(room.blocks, max(1, self._measures.portion // self._size)))
        while request.crossed(most) > MOST_RANGES:
            most = Piece(most.start, most.blocks // 2)
        if most.end < room.end:
            end = request.whole(most.end, self._granule)
            end = end if end > most.start else request.whole(most.start + 1, self._granule, up=True)
            most = Piece(most.start, min(end, room.end) - most.start)
        return request.of_one_pair(most)

    def _next_zeros(self) -> Piece:
        """The beginning of what is to be zeros, as much as one task makes: granules are not cut."""
        whole, request = self._zeros[0], self._request
        zeroing = self._way_to(self._pairs[request.pair(whole.start)].destination)
        assert zeroing is not None
        scale = self._size // request.destination_block_size
        end = whole.start + zeroing.cut(*request.destination(whole)) // scale
        if end < whole.end:
            end = request.whole(end, self._granule)
        if end <= whole.start:  # a granule of the copy is more than a command makes zeros
            end = min(whole.end, whole.start + self._granule)
        return Piece(whole.start, end - whole.start)

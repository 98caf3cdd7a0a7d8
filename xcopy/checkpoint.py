"""What is copied becomes what is recorded: at intervals, and only when the destination has made it durable.

A checkpoint takes the pieces booked copied so far, has the destination make durable what it was given, waits
for the tasks that were in flight then, and records the pieces. It waits because a unit says only once, to
whatever comes next, that it was reset or that a write failed after all: one of those tasks may be told.
Making durable and recording run on threads, so outcomes are heard meanwhile; one checkpoint is under way at a
time. What fails once is never tried again: a unit that could not write its cache may have dropped it and
report success the next time, and a record behind a torn one would not be believed. How to make durable, to
record and to start a thread is handed in; time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

from xcopy.coverage import Coverage, State
from xcopy.errors import NoThread, XcopyError
from xcopy.task import MAP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xcopy.job import Job
    from xcopy.journal import Copied
    from xcopy.plan import Piece

IN_DOUBT = "what was copied since the last record of the journal may be lost, and is not recorded"


class Checkpoints:
    """The checkpoints of one job; every method is called by the thread that books outcomes.

    `interval` is in seconds. `make_durable` answers False when the unit has no time now, and raises an
    XcopyError when what it was given may be lost; `record` raises one when the record may not be there.
    """

    def __init__(
        self,
        job: Job,
        interval: float,
        *,
        make_durable: Callable[[], bool],
        record: Callable[[Sequence[Copied]], None],
        start: Callable[[Callable[[], None], str], object],
    ) -> None:
        self.not_durable = self.not_recorded = ""
        self._job, self._interval = job, interval
        self._make_durable, self._record, self._start = make_durable, record, start
        self._fresh = Coverage(job.coverage.blocks)  # what no checkpoint has: runs, however long that takes
        self._taken: list[Copied] = []  # by the checkpoint that is under way
        self._awaited: list[Piece] = []  # what was in flight when its pieces had become durable
        self._look = 0  # the look at the source's map that was under way then
        self._working = False
        self._due: float | None = None
        self._ended: SimpleQueue[_Ended] = SimpleQueue()
        job.coverage.on_copied = self._add

    @property
    def trouble(self) -> str:
        """Why nothing more is recorded."""
        return self.not_durable or self.not_recorded

    def look(self, now: float) -> str:
        """Take the next step of a checkpoint, if one is due; says why the copy has to stop, if it has."""
        if self._working and not self._ended.empty():
            self._end()
        self._doubt()
        if self._due is None:
            self._due = now + self._interval
        if self._working or self.trouble:
            return self.trouble
        if self._taken:
            self._settle()
        elif now >= self._due and self._fresh.count(State.COPIED):
            self._due = now + self._interval
            self._take()
            self._work(self._synchronize)
        return self.trouble

    def wait(self) -> None:
        """Until no thread is at work."""
        if self._working:
            self._end()

    def last(self) -> None:
        """Nothing is in flight, and what was booked copied is durable: record what is left."""
        self._take()
        self._doubt()
        if self._taken and not self.trouble:
            self._working = True
            self._write()
            self._end()

    def _add(self, piece: Piece, means: str) -> None:
        self._fresh.begin(piece)
        self._fresh.copied(piece, means)

    def _take(self) -> None:
        self._taken += [(run, entry.detail) for run, entry in self._fresh.runs(State.COPIED)]
        self._fresh = Coverage(self._job.coverage.blocks)

    def _doubt(self) -> None:
        """What a unit may have lost since is not recorded, whether it is in its cache or not."""
        if self._job.in_doubt and not self.trouble:
            self.not_recorded = IN_DOUBT

    def _settle(self) -> None:
        """Record what is durable when all tasks of that time are over."""
        self._awaited = [piece for piece in self._awaited if self._is_in_flight(piece)]
        if not self._awaited and not (self._look and self._look == self._looking()):
            self._work(self._write)

    def _is_in_flight(self, piece: Piece) -> bool:
        return any(entry.state is State.IN_FLIGHT for _, entry in self._job.coverage.within(piece))

    def _looking(self) -> int:
        """The number of the look under way, 0 for none: of a unit copied within it may hear of a reset."""
        holes = self._job.holes
        return self._job.commands[MAP] if holes is not None and holes.looking else 0

    def _work(self, step: Callable[[], None]) -> None:
        self._working = True
        try:
            self._start(step, "checkpoint")
        except NoThread:
            step()

    def _synchronize(self) -> None:
        ended = _Ended()
        try:
            ended.durable = self._make_durable()
        except XcopyError as error:
            self.not_durable = str(error)
        except BaseException as error:
            ended.fault = error
        self._ended.put(ended)

    def _write(self) -> None:
        ended = _Ended(recorded=True)
        try:
            self._record(self._taken)
        except XcopyError as error:
            self.not_recorded = str(error)
        except BaseException as error:
            ended.fault = error
        self._ended.put(ended)

    def _end(self) -> None:
        """Hear how a step ended; a fault of the program is raised here."""
        ended = self._ended.get()
        self._working = False
        if ended.fault is not None:
            self.not_recorded = repr(ended.fault)
            raise ended.fault
        if ended.durable:
            self._awaited = [piece for piece, _ in self._job.coverage.runs(State.IN_FLIGHT)]
            self._look = self._looking()
        else:
            for piece, means in () if ended.recorded else self._taken:
                self._add(piece, means)
            self._taken = []


@dataclass(slots=True)
class _Ended:
    durable: bool = False
    recorded: bool = False
    fault: BaseException | None = None

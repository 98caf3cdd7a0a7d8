"""What is copied becomes what is recorded: at intervals, and only when the destination has made it durable.

A checkpoint takes the pieces booked copied so far, has the destination make durable what it was given, and
then records them. It runs on a thread of its own, so outcomes are heard meanwhile; one runs at a time.
What fails once is never tried again: a unit that could not write its cache may have dropped it and report
success the next time, and a record behind a torn one would not be believed. How to make durable, to record
and to start a thread is handed in; time is an argument.
"""

from __future__ import annotations

from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from xcopy.errors import XcopyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xcopy.journal import Copied
    from xcopy.plan import Piece


class Checkpoints:
    """The checkpoints of one copy; every method is called by the thread that books outcomes.

    `interval` is in seconds. `make_durable` answers False when the unit has no time now, and raises an
    XcopyError when what it was given may be lost; `record` raises one when the record may not be there.
    """

    def __init__(
        self,
        interval: float,
        *,
        make_durable: Callable[[], bool],
        record: Callable[[Sequence[Copied]], None],
        start: Callable[[Callable[[], None], str], object],
    ) -> None:
        self.not_durable = self.not_recorded = ""
        self._interval = interval
        self._make_durable, self._record, self._start = make_durable, record, start
        self._fresh: list[Copied] = []
        self._taken: list[Copied] = []  # by the checkpoint that is under way
        self._under_way = False
        self._due: float | None = None
        self._ended: SimpleQueue[bool | BaseException] = SimpleQueue()

    @property
    def trouble(self) -> str:
        """Why nothing more is recorded."""
        return self.not_durable or self.not_recorded

    def copied(self, piece: Piece, means: str) -> None:
        """A piece was booked copied."""
        self._fresh.append((piece, means))

    def look(self, now: float) -> str:
        """Begin a checkpoint when one is due; says why the copy has to stop, if it has."""
        if self._under_way and not self._ended.empty():
            self._end()
        if self._due is None:
            self._due = now + self._interval
        if now >= self._due and self._fresh and not self._under_way and not self.trouble:
            self._due = now + self._interval
            self._taken, self._fresh, self._under_way = self._fresh, [], True
            work = partial(self._carry_out, self._taken)
            try:
                self._start(work, "checkpoint")
            except RuntimeError:  # no more threads to be had
                work()
        return self.trouble

    def wait(self) -> None:
        """Until no checkpoint is under way."""
        if self._under_way:
            self._end()

    def last(self) -> None:
        """Everything booked copied is durable now: record what is left."""
        if self._fresh and not self.trouble:
            self._taken, self._fresh, self._under_way = self._fresh, [], True
            self._write(self._taken)
            self._end()

    def _carry_out(self, pieces: Sequence[Copied]) -> None:
        try:
            durable = self._make_durable()
        except XcopyError as error:
            self.not_durable = str(error)
            self._ended.put(True)
        except BaseException as error:
            self._ended.put(error)
        else:
            if durable:
                self._write(pieces)
            else:
                self._ended.put(False)

    def _write(self, pieces: Sequence[Copied]) -> None:
        try:
            self._record(pieces)
        except XcopyError as error:
            self.not_recorded = str(error)
        except BaseException as error:
            self._ended.put(error)
            return
        self._ended.put(True)

    def _end(self) -> None:
        """Hear how the checkpoint ended; a fault of the program is raised here."""
        ended = self._ended.get()
        self._under_way = False
        if ended is False:
            self._fresh = self._taken + self._fresh
        self._taken = []
        if isinstance(ended, BaseException):
            self.not_recorded = repr(ended)
            raise ended

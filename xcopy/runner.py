"""The loop: keeps tasks of a job in flight, one worker each, and brings their outcomes back to it.

The calling thread alone touches the job. It waits on a queue, so a stop asked for by a signal handler is
seen at once; workers are never interrupted, only waited for. How a thread starts and how time passes are
handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Protocol

from xcopy.conversation import Read, Send, Side, Wait, Write, converse
from xcopy.host import copy_piece
from xcopy.job import OffloadTask
from xcopy.offload import command_for, copy_batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.command import Transport
    from xcopy.conversation import BlockDoor, Step
    from xcopy.host import HostOutcome
    from xcopy.job import Job, Task
    from xcopy.offload import Pair
    from xcopy.verdict import Verdict

TICK = 0.25  # seconds between two looks at the progress when nothing else happens


class Doors(Protocol):
    """One worker's own ways to both units, opened when first used."""

    def transport(self, side: Side) -> Transport:
        """The way commands go to a unit."""
        ...

    def blocks(self, side: Side) -> BlockDoor:
        """The way the host reads the source or writes the destination."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...


@dataclass(frozen=True, slots=True)
class _Finished:
    task: Task
    outcome: Verdict | HostOutcome | BaseException


class Runner:
    """Runs one job; `sleep` takes seconds and what ends them early, `start` a thread without signals."""

    def __init__(
        self,
        job: Job,
        pair: Pair,
        *,
        window: int,
        open_doors: Callable[[], Doors],
        start: Callable[[Callable[[], None], str], object],
        sleep: Callable[[float, Event], object],
        timeout: float | None = None,
        observe: Callable[[Job], object],
    ) -> None:
        self._job, self._pair, self._window = job, pair, window
        self._open_doors, self._start, self._sleep = open_doors, start, sleep
        self._timeout, self._observe = timeout, observe
        self._todo: SimpleQueue[Task | None] = SimpleQueue()
        self._done: SimpleQueue[_Finished | str] = SimpleQueue()
        self._stopping = Event()
        self._workers = self._out = 0

    def stop(self, reason: str) -> None:
        """Issue nothing more; safe to call from a signal handler or another thread."""
        self._stopping.set()
        self._done.put(reason)

    def run(self) -> None:
        """Copy until nothing is left or in flight; whatever goes wrong, what is in flight is waited for.

        An error of a worker, of a renderer or of the system is raised when nothing is in flight any more.
        """
        error: BaseException | None = None
        try:
            while (error := self._heard()) is None:
                self._fill()
                if not self._out:
                    break
                if error := self._next():
                    break
        except BaseException as raised:
            error = raised
        if error is not None:
            self._stopping.set()
            self._job.stop(str(error) or repr(error))
        while self._out:
            error = self._next(observed=False) or error
        for _ in range(self._workers):
            self._todo.put(None)
        if error is not None:
            raise error

    def _heard(self) -> BaseException | None:
        """Take what has come in before anything more goes out: a stop may be among it."""
        error = None
        while not self._done.empty():
            error = self._take(self._done.get()) or error
        return error

    def _fill(self) -> None:
        while self._out < self._window and (task := self._job.next()) is not None:
            if self._workers <= self._out:
                try:
                    self._start(self._work, f"copy-{self._workers}")
                except RuntimeError:  # no more threads to be had
                    self._job.untake(task)
                    if not self._workers:
                        raise
                    self._window = self._workers
                    return
                self._workers += 1
            self._todo.put(task)
            self._out += 1

    def _next(self, *, observed: bool = True) -> BaseException | None:
        """Wait for one message or one tick; the error of a worker is handed back."""
        error = None
        try:
            error = self._take(self._done.get(timeout=TICK))
        except Empty:
            pass
        if observed:
            self._observe(self._job)
        return error

    def _take(self, message: _Finished | str) -> BaseException | None:
        if isinstance(message, str):
            self._job.stop(message)
            return None
        self._out -= 1
        if isinstance(message.outcome, BaseException):
            self._stopping.set()
            self._job.lost(message.task, str(message.outcome) or repr(message.outcome))
            return message.outcome
        self._job.finish(message.task, message.outcome)
        if self._job.stopped:
            self._stopping.set()
        return None

    def _work(self) -> None:
        doors: Doors | None = None
        try:
            while (task := self._todo.get()) is not None:
                try:
                    doors = doors or self._open_doors()
                    outcome: Verdict | HostOutcome | BaseException = self._perform(task, doors)
                except BaseException as error:
                    outcome = error
                self._done.put(_Finished(task, outcome))
        finally:
            if doors is not None:
                doors.close()

    def _perform(self, task: Task, doors: Doors) -> Verdict | HostOutcome:
        def step(step: Step) -> object:
            return self._step(step, doors)

        request = self._job.request
        if isinstance(task, OffloadTask):
            command = command_for(
                task.batch, request, self._pair, list_id=task.list_id, timeout=self._timeout
            )
            return converse(copy_batch(command, proven=task.proven), step)
        return converse(copy_piece(task.piece, request), step)

    def _step(self, step: Step, doors: Doors) -> object:
        match step:
            case Send(command, to):
                return doors.transport(to).send(command)
            case Wait(seconds):
                self._sleep(seconds, self._stopping)
                return not self._stopping.is_set()
            case Read(lba, blocks):
                return doors.blocks(Side.SOURCE).read(lba, blocks)
            case Write(lba, data):
                doors.blocks(Side.DESTINATION).write(lba, data)
                return None

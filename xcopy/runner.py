"""The loop: keeps tasks of a job in flight, one worker each, and brings their outcomes back to it.

The calling thread alone touches the job. It waits on a queue, so a stop asked for by a signal handler is
seen at once; workers are never interrupted, only waited for. How a thread starts and how time passes are
handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from queue import Empty, SimpleQueue
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
    """Runs one job; `sleep` takes seconds, `start` starts a thread with all signals blocked."""

    def __init__(
        self,
        job: Job,
        pair: Pair,
        *,
        window: int,
        open_doors: Callable[[], Doors],
        start: Callable[[Callable[[], None], str], object],
        sleep: Callable[[float], None],
        timeout: float | None = None,
        observe: Callable[[Job], None],
    ) -> None:
        self._job, self._pair, self._window = job, pair, window
        self._open_doors, self._start, self._sleep = open_doors, start, sleep
        self._timeout, self._observe = timeout, observe
        self._todo: SimpleQueue[Task | None] = SimpleQueue()
        self._done: SimpleQueue[_Finished | str] = SimpleQueue()

    def stop(self, reason: str) -> None:
        """Issue nothing more; safe to call from a signal handler or another thread."""
        self._done.put(reason)

    def run(self) -> None:
        """Copy until nothing is left or in flight; an error of a worker itself is raised at the end."""
        workers = out = 0
        error: BaseException | None = None
        try:
            while True:
                while out < self._window and (task := self._job.next()) is not None:
                    if workers <= out:
                        self._start(self._work, f"copy-{workers}")
                        workers += 1
                    self._todo.put(task)
                    out += 1
                if not out:
                    break
                try:
                    message = self._done.get(timeout=TICK)
                except Empty:
                    self._observe(self._job)
                    continue
                if isinstance(message, str):
                    self._job.stop(message)
                    continue
                out -= 1
                if isinstance(message.outcome, BaseException):
                    error = error or message.outcome
                    self._job.lost(message.task, str(message.outcome))
                else:
                    self._job.finish(message.task, message.outcome)
                self._observe(self._job)
        finally:
            for _ in range(workers):
                self._todo.put(None)
        if error is not None:
            raise error

    def _work(self) -> None:
        doors = self._open_doors()
        try:
            while (task := self._todo.get()) is not None:
                try:
                    outcome: Verdict | HostOutcome | BaseException = self._perform(task, doors)
                except BaseException as error:
                    outcome = error
                self._done.put(_Finished(task, outcome))
        finally:
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
                self._sleep(seconds)
                return None
            case Read(lba, blocks):
                return doors.blocks(Side.SOURCE).read(lba, blocks)
            case Write(lba, data):
                doors.blocks(Side.DESTINATION).write(lba, data)
                return None

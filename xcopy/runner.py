"""The loop: keeps tasks of a job in flight, one worker each, and brings their outcomes back to it.

The calling thread alone touches the job and what drives it. It waits on a queue, so a stop asked for by a
signal handler is seen at once; workers are never interrupted, only waited for. How many tasks and how large
is the drive's to say, one for each means; how a thread starts and how time passes are handed in. Threads
that send something aside are waited for a moment only.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Protocol, TypeAlias

from cdb.command import Reply
from xcopy.conversation import Read, Send, Side, Wait, Write, converse
from xcopy.errors import NoThread
from xcopy.follow_up import alarm, knows_nothing, tells_of_nexus_loss
from xcopy.host import HostOutcome, copy_piece
from xcopy.inbox import Inbox
from xcopy.lba_status import Seen, look
from xcopy.offload import abort_for, carry
from xcopy.polling import Aside, Flying, Polling, ask, send_all
from xcopy.progress import Meter
from xcopy.task import HOST, MAP, OFFLOAD, ZERO, LookTask, OffloadTask, ZeroTask, means_of
from xcopy.verdict import Action, Verdict
from xcopy.zeroing import Zeroed, zero_piece

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cdb.command import Transport
    from xcopy.comparison import Comparison
    from xcopy.conversation import BlockDoor, Pushback, Step
    from xcopy.drive import Drive
    from xcopy.job import Job, Outcome
    from xcopy.limits import Limits
    from xcopy.offload import Pair
    from xcopy.polling import Sender
    from xcopy.settings import Bounds
    from xcopy.task import Task

TICK = 0.25  # seconds between two looks at the progress when nothing else happens
MOMENT = 1.0  # seconds without a word, after which what was sent aside is not waited for any more
TO_COMPARE = "copied by the host to compare how fast it is"
BESIDE = (MAP, ZERO)
FASTER = "the host is faster, and speed is preferred"


class Doors(Protocol):
    """One worker's own ways to the units of every pair, by its number, opened when first used."""

    def transport(self, side: Side, pair: int) -> Transport:
        """The way commands go to a unit."""
        ...

    def same_way(self, side: Side, pair: int) -> Transport:
        """The path by which commands went to a unit last, or by which they went first, and no other."""
        ...

    def blocks(self, side: Side, pair: int) -> BlockDoor:
        """The way the host reads the source or writes the destination."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...


@dataclass(frozen=True, slots=True)
class _Finished:
    task: Task
    outcome: Outcome | BaseException
    ended: float


@dataclass(frozen=True, slots=True)
class _PushedBack:
    task: Task
    why: Pushback
    at: float
    pause: float


_Message: TypeAlias = "_Finished | _PushedBack | Aside | str | None"  # None: what went aside together is over


class Runner:
    """Runs one job between `pairs` of units, to which the request refers by number.

    `drives` has one for each means, `most` is how many tasks there are at once at the most.
    `bounds` says what the drive of the offload is bound to where the units turn out to have other limits.
    `now` gives seconds, `sleep` takes seconds and what ends them early, `start` a thread without signals.
    """

    def __init__(
        self,
        job: Job,
        pairs: Sequence[Pair],
        *,
        drives: Mapping[str, Drive],
        most: int,
        bounds: Callable[[Limits], Bounds],
        open_doors: Callable[[], Doors],
        start: Callable[[Callable[[], None], str], object],
        now: Callable[[], float],
        sleep: Callable[[float, Event], object],
        timeout: float | None = None,
        comparison: Comparison | None = None,
        observe: Callable[[Job], object],
    ) -> None:
        self._job, self._pairs, self._drives = job, pairs, drives
        self._most, self._bounds = most, bounds
        self._open_doors, self._start, self._now, self._sleep = open_doors, start, now, sleep
        self._timeout, self._comparison, self._observe = timeout, comparison, observe
        self._todo: SimpleQueue[Task | None] = SimpleQueue()
        self._done: Inbox[_Message] = Inbox()
        self._stopping = Event()
        self._flying: dict[int, Flying] = {}
        self._polling = Polling(pairs, job.request, now(), timeout)
        self._asides, self._called_back = 0, False  # how many threads send something aside
        self._beside = 0  # of the tasks under way, those that copying does not wait for
        self._held_back = 0.0  # seconds until the next task may go
        self._nexus_loss: Reply | None = None  # the last that was told of, to whichever command
        self._workers = 0
        self._copied_by = dict.fromkeys(drives, 0)
        self._offload_rate = Meter(0, now())

    @property
    def inside(self) -> int:
        """Bytes that tasks under way are said to have copied: to be shown, and nothing else."""
        return sum(each.reached for each in self._flying.values())

    def stop(self, reason: str) -> None:
        """Issue nothing more; safe to call from a signal handler or another thread.

        No lock is taken here: the thread that runs the copy may hold it when a signal comes. And a worker
        that knew of it before that thread could be heard first, with a reason of its own.
        """
        self._done.put(reason)

    def run(self) -> None:
        """Copy until nothing is left or in flight; whatever goes wrong, what is in flight is waited for.

        An error of a worker, of a renderer or of the system is raised when nothing is in flight any more.
        """
        error: BaseException | None = None
        try:
            while (error := self._heard()) is None:
                self._fill()
                if not self._flying and not self._held_back:
                    break
                self._ask()
                if error := self._next():
                    break
        except BaseException as raised:
            error = raised
        if error is not None:
            self._stopping.set()
            self._job.stop(str(error) or repr(error))
        while self._flying:
            try:
                error = self._next(observed=False) or error
            except Exception as raised:  # what else is in flight is waited for all the same
                error = error or raised
        for _ in range(self._workers):
            self._todo.put(None)
        with suppress(Empty):
            while self._asides:
                self._take(MOMENT)
        if error is not None:
            raise error

    def _heard(self) -> BaseException | None:
        """Take what has come in before anything more goes out: a stop may be among it."""
        error = None
        while not self._done.empty():
            error = self._take() or error
        return error

    def _fill(self) -> None:
        """Hand out as many tasks as the drive of the means at hand allows now."""
        self._held_back = 0.0
        if self._comparison is not None and not self._compared(self._comparison):
            return
        while len(self._flying) < min(self._most, max(drive.window for drive in self._drives.values())):
            means = self._job.means
            beside = self._beside if means not in BESIDE else 0
            if not means or len(self._flying) - beside >= self._drives[means].window:
                return
            drive, now = self._drives[means], self._now()
            if (ready := drive.ready_at(now)) > now:
                self._held_back = ready - now
                return
            task = self._job.next(drive.shape_for(self._job.remaining))
            if task is None or not self._handed_out(task):
                return
            drive.sent(self._size(task), now)

    def _compared(self, comparison: Comparison) -> bool:
        """Take the trial of the host a step further; False while its beginning waits for the storage."""
        job, now = self._job, self._now()
        rate = self._offload_rate.seen(self._copied_by[OFFLOAD], now)
        if comparison.begins(rate, job.remaining, now):
            job.detour = TO_COMPARE
        if comparison.trying:
            if not job.detour:  # the host could not copy what it tried
                comparison.give_up()
            elif any(means_of(each.task) == OFFLOAD for each in self._flying.values()):
                return False
            else:
                comparison.hosted(self._copied_by[HOST], now)
                if comparison.found is not None:
                    job.detour = FASTER if comparison.takes_host else ""
        return True

    def _handed_out(self, task: Task) -> bool:
        if self._workers <= len(self._flying):
            self._workers += 1
            try:
                self._start(self._work, f"copy-{self._workers - 1}")
            except NoThread:
                self._workers -= 1
                self._job.untake(task)
                if not self._workers:
                    raise
                self._most = self._workers
                return False
        self._beside += means_of(task) in BESIDE
        number, flying = id(task), Flying(task, now := self._now(), now)
        self._flying[number] = flying  # no call between this and the next: there no signal handler is run
        self._todo.put(task)
        return True

    def _size(self, task: Task) -> int:
        return task.piece.blocks * self._job.request.block_size

    def _next(self, *, observed: bool = True) -> BaseException | None:
        """Wait for one message or one tick; the error of a worker is handed back."""
        error = None
        try:
            error = self._take(min(TICK, self._held_back) if self._held_back else TICK)
        except Empty:
            pass
        if observed:
            self._observe(self._job)
        return error

    def _take(self, timeout: float = -1) -> BaseException | None:
        """Take the next message, which is dropped when a task is known to be over: a handler may raise."""
        message, flight = self._done.first(timeout), None
        if isinstance(message, _Finished):
            flight = self._flying.pop(id(message.task), None)
        self._done.drop()
        match message:
            case str():
                self._job.stop(message)
                self._stopping.set()
                self._call_back()
                return None
            case _PushedBack(task, why, at, pause):
                self._drives[means_of(task)].pushed_back(why, at)
                self._flying[id(task)].sent_again(at + pause)
                return None
            case Aside():
                self._heard_aside(message)
                return None
            case None:
                self._asides -= 1
                return None
        return None if flight is None else self._booked(message, flight.sent)

    def _booked(self, message: _Finished, sent: float) -> BaseException | None:
        task, outcome = message.task, message.outcome
        means = means_of(task)
        self._beside -= means in BESIDE
        if isinstance(outcome, BaseException):
            self._stopping.set()
            self._job.lost(task, str(outcome) or repr(outcome))
            return outcome
        limits, drive = self._job.limits, self._drives[means]
        self._job.finish(task, outcome)
        if _whole(task, outcome):
            size = self._size(task)
            self._copied_by[means] += size
            drive.completed(size, message.ended - sent, message.ended)
        else:
            drive.lost(message.ended)
            if isinstance(outcome, Verdict) and not outcome.begun:
                drive.refused(self._size(task), sent, message.ended)
        if self._job.limits is not limits and self._job.limits is not None:
            drive.bound(self._bounds(self._job.limits), message.ended)
        if self._job.stopped:
            self._stopping.set()
        return None

    def _call_back(self) -> None:
        """Have the units end what is under way, where they can: once for each command, by another way."""
        aborts = [
            (command, task.to, self._pair(task))
            for task in (each.task for each in self._flying.values())
            if isinstance(task, OffloadTask)
            and (command := abort_for(task, self._pairs[self._pair(task)])) is not None
        ]
        if aborts and not self._called_back:
            self._called_back = True
            self._send_aside(partial(send_all, aborts), "abort")

    def _ask(self) -> None:
        """Have the units say how far what takes long has come."""
        if not self._asides and (questions := self._polling.questions(self._flying.values(), self._now())):
            self._send_aside(partial(ask, questions), "status")

    def _send_aside(self, send: Sender, name: str) -> None:
        def work() -> None:
            doors = self._open_doors()
            try:
                send(doors.same_way, self._done.put)
            finally:
                self._done.put(None)
                doors.close()

        with suppress(NoThread):  # what is under way ends by itself
            self._start(work, name)
            self._asides += 1

    def _heard_aside(self, aside: Aside) -> None:
        """What a unit says of itself may stop the copy; what it says of a task under way is shown."""
        if aside.reply is not None and tells_of_nexus_loss(aside.reply):
            self._nexus_loss = aside.reply
        if aside.reply is not None and (trouble := alarm(aside.reply, proven=True)) is not None:
            self._job.in_doubt = True
            self._job.stop(trouble.reason)
            self._stopping.set()
        if (asked := aside.question) is not None and self._flying.get(id(asked.about.task)) is asked.about:
            self._polling.heard(asked, aside.reply)

    def _work(self) -> None:
        doors: Doors | None = None
        try:
            while (task := self._todo.get()) is not None:
                try:
                    doors = doors or self._open_doors()
                    outcome: Outcome | BaseException = self._perform(task, doors)
                except BaseException as error:
                    outcome = error
                self._done.put(_Finished(task, outcome, self._now()))
        finally:
            if doors is not None:
                doors.close()

    def _perform(self, task: Task, doors: Doors) -> Outcome:
        pair, known = self._pair(task), self._nexus_loss

        def step(step: Step) -> object:
            answer = self._step(step, doors, pair, task)
            if not isinstance(step, Send) or not isinstance(answer, Reply):
                return answer
            if tells_of_nexus_loss(answer):
                self._nexus_loss = answer
            elif step.same_way and knows_nothing(answer) and (lost := self._nexus_loss) is not known:
                return lost  # while this command was at work; whoever asks what became of it has to know
            return answer

        request = self._job.request
        if isinstance(task, OffloadTask):
            return converse(carry(task, request, self._pairs[pair], timeout=self._timeout), step)
        if isinstance(task, LookTask):
            return converse(look(task, request), step)
        if isinstance(task, ZeroTask):
            return converse(zero_piece(task, request), step)
        return converse(copy_piece(task, request), step)

    def _pair(self, task: Task) -> int:
        """The number of the pair of units that all of a task is of."""
        return self._job.request.pair(task.piece.start)

    def _step(self, step: Step, doors: Doors, pair: int, task: Task) -> object:
        match step:
            case Send(command, to, same_way):
                way = doors.same_way if same_way else doors.transport
                return way(to, pair).send(command)
            case Wait(seconds, pushback):
                if pushback is not None:
                    self._done.put(_PushedBack(task, pushback, self._now(), seconds))
                self._sleep(seconds, self._stopping)
                return not self._stopping.is_set()
            case Read(lba, blocks):
                return doors.blocks(Side.SOURCE, pair).read(lba, blocks)
            case Write(lba, data):
                doors.blocks(Side.DESTINATION, pair).write(lba, data)
                return None


def _whole(task: Task, outcome: Outcome) -> bool:
    """True when all of the task's blocks were copied."""
    if isinstance(outcome, HostOutcome):
        return outcome.copied == task.piece.blocks
    if isinstance(outcome, Seen | Zeroed):
        return outcome.blocks == task.piece.blocks
    return outcome.action is Action.DONE

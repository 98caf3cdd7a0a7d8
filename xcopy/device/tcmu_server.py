"""Answers what comes through the kernel's rings, each from the `Transport` behind it.

Belongs here: who answers on which thread, and what becomes of commands the kernel wants aborted. Does not
know where a ring comes from, nor what a command does.

One thread reads all rings and answers what is quick. What can take long goes to other threads, questions
about a copy to threads of their own, so that they are answered while every copy thread is busy.
"""

from __future__ import annotations

import os
import queue
import select
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from cdb.command import Command, Reply, Status, TransportError
from cdb.sense import HARDWARE_ERROR, Sense
from xcopy.device import worker
from xcopy.device.data_direction import sends_data_out
from xcopy.device.tcmu_ring import LOGICAL_UNIT_RESET, Request, Ring, RingDamaged, TaskManagement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cdb.command import Transport

COPY, COPY_RESULTS, COPY_ABORT = 0x83, 0x84, 0x1C  # the last is a service action of the first
SLOW = frozenset({0x35, 0x91, 0x41, 0x93})  # SYNCHRONIZE CACHE and WRITE SAME: they wait for a file system
COPY_THREADS, QUESTION_THREADS, SLOW_THREADS = 64, 8, 8
DOORBELL = bytes(4)
FAILED = Sense(key=HARDWARE_ERROR, asc=0x44, ascq=0x00).pack_fixed()  # INTERNAL TARGET FAILURE


class _State(Enum):
    WAITING = auto()  # for a thread
    RUNNING = auto()
    SILENT = auto()  # the device does not answer: only an abort ends it


class Refusing:
    """A `Transport` that answers every command with HARDWARE ERROR at once."""

    def send(self, command: Command) -> Reply:
        """No, whatever it is."""
        del command
        return Reply(status=Status.CHECK_CONDITION, sense=FAILED)

    def close(self) -> None:
        """Nothing is held."""


@dataclass(eq=False, slots=True)
class _Job:
    request: Request
    state: _State
    aborted: bool = False


class Device:
    """One ring: what `transport` answers goes into it. `fd` is the ring's uio node.

    `reset` is done when the kernel resets the unit; what runs there should end then.
    """

    def __init__(
        self, name: str, fd: int, ring: Ring, transport: Transport, reset: Callable[[], None]
    ) -> None:
        self.name = name
        self.fd = fd
        self._ring = ring
        self._transport = transport
        self._reset = reset
        self._jobs: dict[int, _Job] = {}
        self._lock = threading.Lock()
        self._ending = False

    def turn(self, crews: Crews) -> None:
        """Take what is there and see to it; `RingDamaged`, or `OSError` of a node that is gone."""
        with suppress(BlockingIOError):
            os.read(self.fd, 4)
        for entry in self._ring.take():
            if isinstance(entry, TaskManagement):
                self._abort(entry)
                if entry.function == LOGICAL_UNIT_RESET:
                    crews.questions.submit(self._reset)
            elif entry.unreadable:
                self._ring.complete(entry, Status.CHECK_CONDITION, sense=FAILED, data=b"")
            else:
                self._begin(entry, crews)
        self.ring_bell()

    def ring_bell(self) -> None:
        """Tell the kernel to look for answers."""
        with suppress(OSError):  # a device that is gone wants none
            os.write(self.fd, DOORBELL)

    def end_silence(self) -> None:
        """Whatever is not answered, or will not be, is answered now with TASK ABORTED."""
        with self._lock:
            self._ending = True
            silent = [job for job in self._jobs.values() if job.state is _State.SILENT]
        for job in silent:
            self._finish(job, Reply(status=Status.TASK_ABORTED))
        self.ring_bell()

    def refuse_all(self, reset: Callable[[], None]) -> None:
        """Answer no to all that comes; `reset` has the kernel end what is there. For the thread of `turn`."""
        with self._lock:
            self._jobs.clear()
            self._transport = Refusing()
            self._ring.restart(reset)

    def close(self) -> None:
        """Let go of the ring and its node; nothing is answered any more. A second call does nothing."""
        if self.fd >= 0:
            self._ring.close()
            os.close(self.fd)
            self.fd = -1

    def _begin(self, request: Request, crews: Crews) -> None:
        crew = crews.crew_for(request.cdb)
        job = _Job(request, _State.RUNNING if crew is None else _State.WAITING)
        command = self._command(request)
        with self._lock:
            self._jobs[request.command_id] = job
        if crew is None:
            self._perform(job, command)
        else:
            crew.submit(lambda: self._perform_later(job, command))

    def _command(self, request: Request) -> Command:
        out = request.pieces and sends_data_out(request.cdb)
        return Command(
            name=f"operation code {request.cdb[0]:02X}h",
            cdb=request.cdb,
            data_out=self._ring.data_out(request) if out else b"",
            data_in=0 if out else request.length,
        )

    def _perform_later(self, job: _Job, command: Command) -> None:
        with self._lock:
            if job.aborted:  # before its turn came: it is answered
                return
            job.state = _State.RUNNING
        self._perform(job, command)
        self.ring_bell()

    def _perform(self, job: _Job, command: Command) -> None:
        try:
            reply = self._transport.send(command)
        except TransportError:
            with self._lock:
                job.state = _State.SILENT
                if not (self._ending or job.aborted):
                    return
            reply = Reply(status=Status.TASK_ABORTED)
        except Exception:  # a fault of ours: the initiator gets an answer, and whoever runs us sees it
            traceback.print_exc()
            reply = Reply(status=Status.CHECK_CONDITION, sense=FAILED)
        self._finish(job, reply)

    def _finish(self, job: _Job, reply: Reply) -> None:
        request = job.request
        with self._lock:
            # Before the answer: the kernel may use the id again as soon as it has it.
            if self._jobs.get(request.command_id) is not job:
                return
            del self._jobs[request.command_id]
            data = None if request.pieces and sends_data_out(request.cdb) else reply.data
            self._ring.complete(request, reply.status, sense=reply.sense, data=data)

    def _abort(self, function: TaskManagement) -> None:
        """End what has not begun or never will; the kernel waits for what runs."""
        with self._lock:
            listed = [self._jobs[i] for i in function.command_ids if i in self._jobs]
            ends = [job for job in listed if job.state is not _State.RUNNING]
            for job in listed:
                job.aborted = True
        for job in ends:
            self._finish(job, Reply(status=Status.TASK_ABORTED))


class _Crew:
    """Up to `size` threads that do what is submitted, first come first served; started as they are needed."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._idle = 0

    def submit(self, do: Callable[[], None]) -> None:
        with self._lock:
            if self._idle:
                self._idle -= 1
            elif self._threads < self._size:
                self._threads += 1
                worker.start(self._run, f"{self._name} {self._threads}")
        self._work.put(do)

    def end(self) -> None:
        """Threads end when they have done what was submitted before."""
        with self._lock:
            for _ in range(self._threads):
                self._work.put(None)

    def _run(self) -> None:
        while (do := self._work.get()) is not None:
            do()
            with self._lock:
                self._idle += 1


class Crews:
    """Which commands are answered by which threads."""

    def __init__(self) -> None:
        self._copies = _Crew("copy", COPY_THREADS)
        self.questions = _Crew("copy results", QUESTION_THREADS)
        self._slow = _Crew("flush", SLOW_THREADS)

    def crew_for(self, cdb: bytes) -> _Crew | None:
        """None for what is answered at once."""
        if cdb[0] == COPY:
            return self.questions if cdb[1] & 0x1F == COPY_ABORT else self._copies
        if cdb[0] == COPY_RESULTS:
            return self.questions
        return self._slow if cdb[0] in SLOW else None

    def end(self) -> None:
        """All threads end when they have done what they have."""
        for crew in (self._copies, self.questions, self._slow):
            crew.end()


class Server:
    """Serves rings from `start` to `stop`; `trouble` says which devices had to be given up, and why."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.trouble: list[str] = []
        self._devices = {device.fd: device for device in devices}
        self._crews = Crews()
        self._stopping = False
        self._refuse: Callable[[str], None] | None = None
        self._refused = threading.Event()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """From now on commands are answered."""
        self._thread = worker.start(self._loop, "rings")

    def refuse_all(self, reset: Callable[[str], None]) -> None:
        """Answer no to all that comes; `reset` has the kernel end what is under way, by a device's name."""
        self._refuse = reset
        with suppress(OSError):  # stopped meanwhile
            os.eventfd_write(self._wake, 1)
        self._refused.wait()

    def stop(self) -> None:
        """No command is answered any more; to be called when none can come."""
        self._stopping = True
        os.eventfd_write(self._wake, 1)
        if self._thread is not None:
            self._thread.join()
        os.close(self._wake)
        self._refused.set()
        self._crews.end()

    def _loop(self) -> None:
        poll = select.poll()
        for fd in (*self._devices, self._wake):
            poll.register(fd, select.POLLIN)
        while not self._stopping:
            for fd, _ in poll.poll():
                device = self._devices.get(fd)
                if device is None:
                    self._woken()
                    break
                try:
                    device.turn(self._crews)
                except (RingDamaged, OSError) as error:
                    poll.unregister(fd)
                    self.trouble.append(f"{device.name} is not served any more: {error}")
                except Exception as error:
                    poll.unregister(fd)
                    self.trouble.append(f"{device.name} is not served any more: {error!r}")
                    traceback.print_exc()

    def _woken(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        if self._refuse is not None:
            for device in self._devices.values():
                device.refuse_all(partial(self._refuse, device.name))
            self._refuse = None
            self._refused.set()

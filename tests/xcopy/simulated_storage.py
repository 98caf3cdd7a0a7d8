"""Storage that copies in simulated time: what governs its throughput is data, and so is its noise.

Commands share what the storage can do, as processes share a processor. Nothing here knows the governor's
policy: a pilot says how many commands and how large, and is told what became of them.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Protocol

from xcopy.conversation import Pushback
from xcopy.plan import Shape

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = 512
KIB, MIB = 2**10, 2**20
WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)  # seconds between tries of a busy unit
SEND = 1e-4  # seconds of the host's one sending thread for each command


class Pilot(Protocol):
    @property
    def window(self) -> int: ...
    @property
    def shape(self) -> Shape: ...
    def ready_at(self, now: float) -> float: ...
    def sent(self, size: int, now: float) -> None: ...
    def completed(self, size: int, latency: float, now: float) -> None: ...
    def pushed_back(self, why: Pushback, now: float) -> None: ...


@dataclass
class Fixed:
    """One setting from beginning to end."""

    window: int
    shape: Shape

    def ready_at(self, now: float) -> float:
        return now

    def sent(self, size: int, now: float) -> None: ...
    def completed(self, size: int, latency: float, now: float) -> None: ...
    def pushed_back(self, why: Pushback, now: float) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Bytes per second and seconds."""

    total: float  # what all commands together get
    each: float = float("inf")  # what one command gets at most
    fixed: float = 0.0  # seconds a command takes whatever its size, beside others
    shared: float = 0.0  # seconds of the whole storage that a command takes whatever its size
    efficiency: Callable[[int], float] = lambda segment: 1.0  # noqa: ARG005 - by bytes in a segment
    crowd: Callable[[int], float] = lambda active: 1.0  # noqa: ARG005 - by commands in flight
    weather: Callable[[float], float] = lambda now: 1.0  # noqa: ARG005 - by time
    takes: Callable[[float], int] = lambda now: 1 << 30  # noqa: ARG005 - commands at a time; one more is told:
    says: Pushback = Pushback.BUSY
    noise: float = 0.0  # a command may take this share more or less

    def average_speed(self, pilot: Pilot, seconds: float, *, seed: int = 0, begin: float = 0.0) -> float:
        run = Run(self, seed, begin)
        run.go(pilot, begin + seconds)
        return run.copied_between(begin, begin + seconds) / seconds


@dataclass(order=True)
class _Command:
    key: float
    number: int
    size: int = field(compare=False)
    sent: float = field(compare=False)
    work: float = field(compare=False)
    tries: int = field(compare=False, default=0)


class Run:
    """One copy against one storage."""

    def __init__(self, storage: Storage, seed: int = 0, begin: float = 0.0) -> None:
        self.storage, self.now = storage, begin
        self.done: list[tuple[float, int]] = []
        self.windows: list[tuple[float, int, Shape]] = []
        self.refusals: list[float] = []
        self.sends: list[tuple[float, int]] = []
        self._random = random.Random(seed)
        self._numbers = count()
        self._fixed: list[_Command] = []  # by the time they begin to move data
        self._moving: list[_Command] = []  # by the service they need
        self._waiting: list[_Command] = []  # by the time they are tried again
        self._service = 0.0  # bytes that a command moving all the time would have got
        self._free = begin  # when the host may send again

    @property
    def out(self) -> int:
        return len(self._fixed) + len(self._moving) + len(self._waiting)

    def copied_between(self, begin: float, end: float) -> float:
        return sum(size for when, size in self.done if begin <= when < end)

    def settings_at(self, when: float) -> tuple[int, Shape]:
        return next((w, s) for at, w, s in reversed(self.windows) if at <= when)

    def go(self, pilot: Pilot, end: float) -> None:
        while True:
            if not self.windows or self.windows[-1][1:] != (pilot.window, pilot.shape):
                self.windows.append((self.now, pilot.window, pilot.shape))
            speed = self._speed()
            events = [(end, 0)]
            if self.out < pilot.window:
                events.append((max(self._free, pilot.ready_at(self.now)), 1))
            if self._fixed:
                events.append((self._fixed[0].key, 2))
            if self._waiting:
                events.append((self._waiting[0].key, 3))
            if self._moving:
                needed = max(self._moving[0].key - self._service, 0.0)
                events.append((self.now + needed / speed, 4))
            when, what = min(events)
            when = max(when, self.now)
            self._service += speed * (when - self.now)
            self.now = when
            match what:
                case 0:
                    return
                case 1:
                    self._send(pilot)
                case 2:
                    command = heapq.heappop(self._fixed)
                    command.key = self._service + command.work
                    heapq.heappush(self._moving, command)
                case 3:
                    self._arrive(heapq.heappop(self._waiting), pilot)
                case 4:
                    command = heapq.heappop(self._moving)
                    self._service = max(self._service, command.key)
                    self.done.append((self.now, command.size))
                    pilot.completed(command.size, self.now - command.sent, self.now)

    def _speed(self) -> float:
        """Bytes per second that each moving command gets."""
        s, moving = self.storage, len(self._moving)
        if not moving:
            return 1.0
        shared = s.total * s.crowd(moving + len(self._fixed)) / moving
        return min(s.each, shared) * s.weather(self.now)

    def _send(self, pilot: Pilot) -> None:
        s, shape = self.storage, pilot.shape
        segment = shape.segment_blocks * BLOCK
        size = segment * shape.segments
        luck = 1 + s.noise * self._random.uniform(-1, 1)
        work = (size / s.efficiency(segment) + s.shared * s.total) * luck
        command = _Command(0.0, next(self._numbers), size, self.now, work)
        self.sends.append((self.now, size))
        self._free = self.now + SEND
        pilot.sent(size, self.now)
        self._arrive(command, pilot)

    def _arrive(self, command: _Command, pilot: Pilot) -> None:
        s = self.storage
        if len(self._fixed) + len(self._moving) >= s.takes(self.now):
            command.key = self.now + WAITS[min(command.tries, len(WAITS) - 1)]
            command.tries += 1
            heapq.heappush(self._waiting, command)
            self.refusals.append(self.now)
            pilot.pushed_back(s.says, self.now)
            return
        command.key = self.now + s.fixed * (1 + s.noise * self._random.uniform(-1, 1))
        heapq.heappush(self._fixed, command)


JOBS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
SEGMENTS = (64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, MIB, 2 * MIB, 4 * MIB, 8 * MIB, 16 * MIB)


def best_fixed(storage: Storage, *, at: tuple[float, ...] = (0.0,)) -> float:
    """Bytes per second of the fastest pair of jobs and segment, measured in the same simulation.

    Where the storage changes with time, the average over the moments `at`.
    """
    return max(
        sum(_steady(storage, jobs, segment, begin) for begin in at) / len(at)
        for jobs in JOBS
        for segment in SEGMENTS
    )


def _steady(storage: Storage, jobs: int, segment: int, begin: float) -> float:
    """Bytes per second of one pair, past its first rounds and over whole ones."""
    run, pilot = Run(storage, begin=begin), Fixed(jobs, Shape(segment // BLOCK, 1))
    first, rounds = 2 * jobs - 1, 8 + 64 // jobs
    last = first + rounds * jobs
    end, step = begin, 0.2
    while len(run.done) <= last:
        end, step = end + step, step * 1.5
        run.go(pilot, end)
    return rounds * jobs * segment / (run.done[last][0] - run.done[first][0])

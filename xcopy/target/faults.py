"""Faults on a script: which step goes wrong, and how. Decides nothing that an array does by itself.

A step is a command that arrived, a segment of a copy, or one internal read or write of it, a filemark written
included. The rules are frozen; only the count of matching steps changes.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Literal, TypeVar

from cdb.command import Reply, Silence, Status, TransportError
from cdb.sense import Sense
from xcopy.target.refusal import Refused, check_condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
Kind = Literal["command", "segment", "read", "write"]

BUSY = Reply(status=Status.BUSY)
TASK_SET_FULL = Reply(status=Status.TASK_SET_FULL)
RESERVATION_CONFLICT = Reply(status=Status.RESERVATION_CONFLICT)


def check(key: int, asc: int = 0, ascq: int = 0) -> Reply:
    """CHECK CONDITION with fixed format sense data of that key and code."""
    return check_condition(Sense(key=key, asc=asc, ascq=ascq))


def nothing(_of: float) -> None:
    """Wait for nothing, tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is about to happen; a command has its `cdb`, a read or write its `lba` and `blocks`.

    Of a tape these are the position and the number of records or filemarks. A segment has its number in the
    list and its type; its unit is the one that received the command. `timeout` is how many seconds whoever
    sent a command waits for its answer, and `nexus` the way that a command came by.
    """

    kind: Kind
    unit: int
    cdb: bytes = b""
    lba: int = 0
    blocks: int = 0
    segment: int = 0
    segment_type: int = 0
    timeout: float = inf
    nexus: str = ""


@dataclass(frozen=True, slots=True)
class Corrupt:
    """Change the bytes on their way: those read, those about to be written, or a command's data-in."""

    change: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Shorten:
    """Let no more than the first `length` bytes through: read, written, or a command's data-in."""

    length: int


@dataclass(frozen=True, slots=True)
class Delay:
    """Take that many seconds more; of a command that is given fewer the answer is never heard."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """Do something first (wait for an event, change a unit); then the step is performed as usual."""

    action: Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """From the `nth` matching step (1 first), `times` times (None: for ever), `then` happens.

    From there on it is at each step, or at one in `every` so many. A `Reply` is answered and an exception
    raised in place of the step; with `after`, once it is performed.
    """

    then: Reply | TransportError | Corrupt | Shorten | Delay | Call
    at: Kind = "command"
    nth: int = 1
    times: int | None = 1
    every: int = 1
    opcode: int | None = None
    unit: int | None = None
    nexus: str | None = None
    when: Callable[[Step], bool] | None = None
    after: bool = False

    def matches(self, step: Step) -> bool:
        """True for the steps this rule counts."""
        return (
            self.at == step.kind
            and (self.unit is None or self.unit == step.unit)
            and (self.nexus is None or self.nexus == step.nexus)
            and (self.opcode is None or step.cdb[:1] == bytes([self.opcode]))
            and (self.when is None or self.when(step))
        )

    def is_due(self, seen: int) -> bool:
        """True when it acts on the matching step of that number, 1 the first."""
        times, between = divmod(seen - self.nth, self.every)
        return seen >= self.nth and not between and (self.times is None or times < self.times)


class Faults:
    """The rules with their counts; every rule counts every step that matches, the first due one acts.

    `pause` waits for the seconds it is handed; `moved` is told how many bytes an internal write has written.
    """

    def __init__(
        self,
        rules: Iterable[Fault] = (),
        *,
        pause: Callable[[float], object] = nothing,
        moved: Callable[[int], object] = nothing,
    ) -> None:
        self._pause, self._moved = pause, moved
        self._lock = Lock()
        self._rules = list(rules)
        self._seen = [0] * len(self._rules)

    def add(self, rule: Fault) -> None:
        """One more rule; it counts from now on."""
        with self._lock:
            self._rules.append(rule)
            self._seen.append(0)

    def command(self, step: Step, perform: Callable[[], Reply]) -> Reply:
        """Perform a command, or what a rule says instead; a rule's `Reply` is raised as `Refused`."""
        fault = self._due(step)
        reply = self._around(fault, step, perform)
        data = _changed(fault, reply.data)
        return replace(reply, data=data, residual=reply.residual + max(len(reply.data) - len(data), 0))

    def segment(self, step: Step, perform: Callable[[], None]) -> None:
        """Perform a segment; a rule's `Reply` ends the copy and is raised as `Refused`, as it is."""
        self._around(self._due(step), step, perform)

    def read(self, step: Step, perform: Callable[[], bytes]) -> bytes:
        """Perform an internal read; a rule's `Reply` is raised as `Refused`."""
        fault = self._due(step)
        return _changed(fault, self._around(fault, step, perform))

    def write(self, step: Step, data: bytes, perform: Callable[[bytes], None]) -> None:
        """Perform an internal write; a rule's `Reply` is raised as `Refused`."""
        fault = self._due(step)
        self._around(fault, step, lambda: perform(_changed(fault, data)))
        self._moved(len(data))

    def _due(self, step: Step) -> Fault | None:
        """The rule that acts on this step; each rule that matches has counted it."""
        acting = None
        with self._lock:
            for i, rule in enumerate(self._rules):
                if not rule.matches(step):
                    continue
                self._seen[i] += 1
                if acting is None and rule.is_due(self._seen[i]):
                    acting = rule
        return acting

    def _around(self, fault: Fault | None, step: Step, perform: Callable[[], T]) -> T:
        """Perform the step, with what the rule says before or after it."""
        if fault is None:
            return perform()
        if isinstance(fault.then, Delay):
            return self._delayed(fault.then.seconds, step, perform)
        if not fault.after:
            _happen(fault)
            return perform()
        done = perform()
        _happen(fault)
        return done

    def _delayed(self, seconds: float, step: Step, perform: Callable[[], T]) -> T:
        self._pause(min(seconds, step.timeout))
        done = perform()
        if seconds >= step.timeout:
            raise Silence(f"no answer in {step.timeout:g} s")
        return done


def _happen(fault: Fault) -> None:
    match fault.then:
        case TransportError() as error:
            raise copy(error)  # each its own: one that was raised remembers where
        case Reply() as reply:
            raise Refused(reply)
        case Call(action):
            action()


def _changed(fault: Fault | None, data: bytes) -> bytes:
    match fault.then if fault else None:
        case Corrupt(change):
            return change(data)
        case Shorten(length):
            return data[:length]
    return data

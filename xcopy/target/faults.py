"""Faults on a script: which step goes wrong, and how. Decides nothing that an array does by itself.

A step is a command that arrived, a segment of a copy, or one internal read or write of it, a filemark written
included. The rules are frozen; only the count of matching steps changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Literal, TypeVar

from cdb.command import Reply, Status, TransportError
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is about to happen; a command has its `cdb`, a read or write its `lba` and `blocks`.

    Of a tape these are the position and the number of records or filemarks. A segment has its number in the
    list and its type; its unit is the one that received the command.
    """

    kind: Kind
    unit: int
    cdb: bytes = b""
    lba: int = 0
    blocks: int = 0
    segment: int = 0
    segment_type: int = 0


@dataclass(frozen=True, slots=True)
class Corrupt:
    """Change the bytes on their way: those read, those about to be written, or a command's data-in."""

    change: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Call:
    """Do something first (wait for an event, change a unit); then the step is performed as usual."""

    action: Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """From the `nth` matching step (1 first), `times` times (None: for ever), `then` happens.

    A `Reply` is answered and an exception raised in place of the step; with `after`, once it is performed.
    """

    then: Reply | TransportError | Corrupt | Call
    at: Kind = "command"
    nth: int = 1
    times: int | None = 1
    opcode: int | None = None
    unit: int | None = None
    when: Callable[[Step], bool] | None = None
    after: bool = False

    def matches(self, step: Step) -> bool:
        """True for the steps this rule counts."""
        return (
            self.at == step.kind
            and (self.unit is None or self.unit == step.unit)
            and (self.opcode is None or step.cdb[:1] == bytes([self.opcode]))
            and (self.when is None or self.when(step))
        )


class Faults:
    """The rules with their counts; every rule counts every step that matches, the first due one acts."""

    def __init__(self, rules: Iterable[Fault] = ()) -> None:
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
        reply = _around(fault, perform)
        return replace(reply, data=_changed(fault, reply.data)) if reply.data else reply

    def segment(self, step: Step, perform: Callable[[], None]) -> None:
        """Perform a segment; a rule's `Reply` ends the copy and is raised as `Refused`, as it is."""
        _around(self._due(step), perform)

    def read(self, step: Step, perform: Callable[[], bytes]) -> bytes:
        """Perform an internal read; a rule's `Reply` is raised as `Refused`."""
        fault = self._due(step)
        return _changed(fault, _around(fault, perform))

    def write(self, step: Step, data: bytes, perform: Callable[[bytes], None]) -> None:
        """Perform an internal write; a rule's `Reply` is raised as `Refused`."""
        fault = self._due(step)
        _around(fault, lambda: perform(_changed(fault, data)))

    def _due(self, step: Step) -> Fault | None:
        """The rule that acts on this step; each rule that matches has counted it."""
        acting = None
        with self._lock:
            for i, rule in enumerate(self._rules):
                if not rule.matches(step):
                    continue
                self._seen[i] += 1
                last = None if rule.times is None else rule.nth + rule.times - 1
                if acting is None and rule.nth <= self._seen[i] and (last is None or self._seen[i] <= last):
                    acting = rule
        return acting


def _around(fault: Fault | None, perform: Callable[[], T]) -> T:
    """Perform the step, with what the rule says before or after it."""
    if fault is None:
        return perform()
    if not fault.after:
        _happen(fault)
        return perform()
    done = perform()
    _happen(fault)
    return done


def _happen(fault: Fault) -> None:
    match fault.then:
        case TransportError() as error:
            raise type(error)(*error.args)
        case Reply() as reply:
            raise Refused(reply)
        case Call(action):
            action()


def _changed(fault: Fault | None, data: bytes) -> bytes:
    return fault.then.change(data) if fault and isinstance(fault.then, Corrupt) else data

"""Copy operations by list identifier: which run, which are finished, and what there is to be told of each.

One state machine for every command that starts an operation (SPC-4 5.17.4.2 to 5.17.4.7). Knows no data and
no unit; time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Condition, get_ident
from typing import TYPE_CHECKING

from cdb.command import Reply, Status
from cdb.copy_status import COMPLETED
from cdb.sense import ILLEGAL_REQUEST
from xcopy.target.refusal import Refused, at_byte, refuse

if TYPE_CHECKING:
    from collections.abc import Generator

    from xcopy.target.copy_policy import CopyPolicy
    from xcopy.target.profile import Profile

    Steps = Generator[None, None, Reply]

LID1, LID4 = 0x00, 0x01  # service actions of EXTENDED COPY
LIST_IDENTIFIER_AT = {LID1: 0, LID4: 20}  # of the parameter list
INVALID_FIELD_IN_PARAMETER_LIST = (0x26, 0x00)


@dataclass(slots=True, eq=False, kw_only=True)
class Operation:
    """One copy operation; changed by whoever performs it, and by `Operations` under its lock.

    `unit` is the number of the one that received the command. `segments_begun` counts the one being
    processed too, `segments_processed` whole ones; `commands` is how many internal reads and writes went
    well; `transferred` is in bytes; `outcome` is the status of an operation that went well. `discardable` is
    a list id usage of 10b. `tokens` are CSCD ids with the tokens made for them.
    """

    nexus: str
    unit: int
    list_identifier: int | None
    service_action: int
    background: bool = False
    discardable: bool = False

    running: bool = True
    aborting: bool = False
    terminated: bool = False
    segments_begun: int = 0
    segments_processed: int = 0
    commands: int = 0
    transferred: int = 0
    outcome: int = COMPLETED
    tokens: tuple[tuple[int, bytes], ...] = ()
    held: bytearray = field(default_factory=bytearray)
    held_discarded: bool = False
    status: int = Status.GOOD
    sense: bytes = b""
    finished_at: float = 0.0

    lid1_status_told: bool = False  # what is told once, and was
    failure_told: bool = False
    tokens_told: bool = False
    forgotten: bool = False  # nothing will be told any more
    steps: Steps | None = None
    performer: int | None = None  # the thread that performs it at this moment

    @property
    def completed(self) -> bool:
        """True when it is over and ended with GOOD."""
        return not self.running and not self.terminated and self.status == Status.GOOD

    def hold(self, data: bytes, limit: int) -> None:
        """Keep `data` for the initiator; of more than `limit` bytes the oldest go (SPC-4 5.17.4.5)."""
        self.held += data
        if len(self.held) > limit:
            del self.held[: len(self.held) - limit]
            self.held_discarded = True


class Operations:
    """Those of one array; a nexus sees its own only."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._changed = Condition()
        self._running: list[Operation] = []
        self._finished: list[Operation] = []  # oldest first

    @property
    def _policy(self) -> CopyPolicy:
        return self._profile.copies

    def start(self, operation: Operation, now: float) -> Operation:
        """Enter it: an identifier in use is refused, one too many is TASK SET FULL, old results are gone."""
        with self._changed:
            self._expire(now)
            if operation.list_identifier is not None:
                for other in self._running:
                    if self._same(other, operation):
                        self._refuse_duplicate(other, operation)
            if self._is_full(operation):
                if self._policy.too_many is None:
                    raise Refused(Reply(status=Status.TASK_SET_FULL))
                refuse(ILLEGAL_REQUEST, *self._policy.too_many)
            self._finished = [other for other in self._finished if not self._same(other, operation)]
            operation.performer = None if operation.background else get_ident()
            self._running.append(operation)
        return operation

    def take(self, operation: Operation | None = None) -> Operation | None:
        """The background operation, or the next one, that nobody performs; the caller performs it now."""
        with self._changed:
            for other in self._running:
                if other.background and other.performer is None and operation in (None, other):
                    other.performer = get_ident()
                    return other
        return None

    def put_back(self, operation: Operation) -> None:
        """It is not performed any more, for the moment; the others are next."""
        with self._changed:
            operation.performer = None
            self._running.remove(operation)
            self._running.append(operation)
            self._changed.notify_all()

    @property
    def waiting(self) -> bool:
        """True while there is something for `take`."""
        with self._changed:
            return any(other.background and other.performer is None for other in self._running)

    def finish(self, operation: Operation, reply: Reply, now: float, *, terminated: bool = False) -> None:
        """It is over, and ended with `reply`."""
        with self._changed:
            operation.status, operation.sense = reply.status, reply.sense
            operation.terminated, operation.finished_at = terminated, now
            operation.running, operation.performer = False, None
            self._running.remove(operation)
            kept = self._policy.keeps_discardable or not operation.discardable
            if operation.list_identifier is not None and not operation.forgotten and kept:
                self._finished.append(operation)
                del self._finished[: -self._policy.results_kept or None]
            self._changed.notify_all()

    def find(self, nexus: str, unit: int, list_identifier: int, now: float) -> Operation | None:
        """The operation that a nexus calls so, None where it knows none."""
        with self._changed:
            self._expire(now)
            for operation in (*self._running, *self._finished):
                if (
                    operation.list_identifier == list_identifier
                    and operation.nexus == nexus
                    and (operation.unit == unit or not self._policy.identifiers_by_unit)
                ):
                    return operation
        return None

    def told(self, operation: Operation) -> None:
        """Something of it was read: where the profile says so, that was the last."""
        with self._changed:
            if operation.running:
                operation.forgotten |= self._policy.polling_frees
            elif self._policy.reading_frees or self._policy.polling_frees:
                self._forget([operation])

    def abort(self, operation: Operation) -> bool:
        """Have it stop. True when nobody performs it: then the caller does, and ends it."""
        with self._changed:
            operation.aborting = True
            if not operation.running or operation.performer is not None:
                return False
            operation.performer = get_ident()
            return True

    def wait(self, operation: Operation) -> None:
        """Until it is over, unless it is this very thread that performs it."""
        with self._changed:
            self._changed.wait_for(lambda: not operation.running or operation.performer == get_ident())

    def of_unit(self, unit: int) -> list[Operation]:
        """Those that run and came to that unit; nothing will be told of them, or of those it finished."""
        with self._changed:
            self._forget([operation for operation in self._finished if operation.unit == unit])
            running = [operation for operation in self._running if operation.unit == unit]
            for operation in running:
                operation.forgotten = True
            return running

    def in_commands(self, nexus: str, unit: int) -> list[Operation]:
        """Those that run in a command a nexus sent to a unit, and not after its answer."""
        with self._changed:
            return [
                operation
                for operation in self._running
                if (operation.nexus, operation.unit, operation.background) == (nexus, unit, False)
            ]

    def of_nexus(self, nexus: str, unit: int) -> list[Operation]:
        """Those that run and that a nexus sent to a unit."""
        with self._changed:
            return [
                operation for operation in self._running if (operation.nexus, operation.unit) == (nexus, unit)
            ]

    def lose(self, nexus: str) -> None:
        """Its results are gone; what runs goes on (SPC-4 5.17.5, table 109)."""
        with self._changed:
            self._forget([operation for operation in self._finished if operation.nexus == nexus])

    def _expire(self, now: float) -> None:
        oldest = now - self._profile.retention
        self._finished = [operation for operation in self._finished if operation.finished_at > oldest]

    def _forget(self, operations: list[Operation]) -> None:
        self._finished = [operation for operation in self._finished if operation not in operations]

    def _same(self, one: Operation, other: Operation) -> bool:
        return (
            one.list_identifier is not None
            and (one.nexus, one.list_identifier) == (other.nexus, other.list_identifier)
            and (one.unit == other.unit or not self._policy.identifiers_by_unit)
        )

    def _refuse_duplicate(self, running: Operation, refused: Operation) -> None:
        """OPERATION IN PROGRESS; INVALID FIELD where the one list was LID1, the other LID4 (6.4.3.2)."""
        actions = {running.service_action, refused.service_action}
        code = INVALID_FIELD_IN_PARAMETER_LIST if actions == {LID1, LID4} else self._policy.duplicate
        at = LIST_IDENTIFIER_AT.get(refused.service_action)
        pointer = None if at is None or code != INVALID_FIELD_IN_PARAMETER_LIST else at_byte(at)
        refuse(ILLEGAL_REQUEST, *code, pointer)

    def _is_full(self, operation: Operation) -> bool:
        limits = self._profile.enforced
        identified = sum(other.list_identifier is not None for other in self._running)
        return _full(len(self._running), limits.total_concurrent_copies) or (
            operation.list_identifier is not None and _full(identified, limits.maximum_concurrent_copies)
        )


def _full(running: int, limit: int) -> bool:
    return bool(limit) and running >= limit

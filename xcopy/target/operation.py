"""Copy operations by list identifier: which run, which are finished, and what there is to be told of each.

One state machine for every command that starts an operation. Knows no data and no unit; time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from cdb.command import Reply, Status
from cdb.sense import ILLEGAL_REQUEST
from xcopy.target.refusal import Refused, refuse

if TYPE_CHECKING:
    from xcopy.target.profile import Profile


@dataclass(slots=True, eq=False)
class Operation:
    """One copy operation; changed by the copy that runs it, under the lock of `Operations`.

    `transferred` and `held` count and keep bytes; `segments_processed` counts whole segments.
    """

    nexus: str
    list_identifier: int | None
    service_action: int
    background: bool = False
    running: bool = True
    aborting: bool = False
    segments_processed: int = 0
    transferred: int = 0
    held: bytearray = field(default_factory=bytearray)
    status: int = Status.GOOD
    sense: bytes = b""
    finished_at: float = 0.0


class Operations:
    """Those of one array; a nexus sees its own only."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._lock = Lock()
        self._running: list[Operation] = []

    def start(self, operation: Operation) -> Operation:
        """Count it among those that run; too many are TASK SET FULL, a list identifier in use is refused."""
        limits = self._profile.enforced
        named = operation.list_identifier is not None
        with self._lock:
            if named and any(self._same(other, operation) for other in self._running):
                refuse(ILLEGAL_REQUEST, 0x00, 0x16)
            identified = sum(other.list_identifier is not None for other in self._running)
            if _full(len(self._running), limits.total_concurrent_copies) or (
                named and _full(identified, limits.maximum_concurrent_copies)
            ):
                raise Refused(Reply(status=Status.TASK_SET_FULL))
            self._running.append(operation)
        return operation

    def finish(self, operation: Operation, reply: Reply, now: float) -> None:
        """It is over, and ended with `reply`."""
        with self._lock:
            operation.running, operation.finished_at = False, now
            operation.status, operation.sense = reply.status, reply.sense
            self._running.remove(operation)

    @staticmethod
    def _same(one: Operation, other: Operation) -> bool:
        return (one.nexus, one.list_identifier) == (other.nexus, other.list_identifier)


def _full(running: int, limit: int) -> bool:
    return bool(limit) and running >= limit

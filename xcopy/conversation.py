"""What a conversation may ask for, and the loop that carries one out.

A conversation is a generator: it yields a step, is handed the answer, and returns its outcome. Silence and
failed I/O are thrown into it. It knows neither how a step is done nor when.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from cdb.command import TransportError
from xcopy.errors import IoFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from cdb.command import Command


WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0)  # seconds between tries of a busy unit


class Side(Enum):
    """Which of the two units a step is for."""

    SOURCE = "source"
    DESTINATION = "destination"


@dataclass(frozen=True, slots=True)
class Send:
    """Send a command; answered by its `Reply`.

    With `same_way` it goes by the path that the last one went by and no other: what a copy manager knows of a
    copy it tells nobody else (SPC-4 6.24).
    """

    command: Command
    to: Side = Side.DESTINATION
    same_way: bool = False


class Pushback(Enum):
    """What a unit said, or did not say, that means: not so much at once."""

    BUSY = "busy"
    QUEUE_FULL = "task set full"
    ABORTED = "command aborted"
    RESOURCES = "short of resources"
    ID_IN_USE = "list identifier in use"
    SILENT = "no answer"


@dataclass(frozen=True, slots=True)
class Wait:
    """Let this many seconds pass; answered by True to go on, False when the copy is being stopped.

    `pushback` is why, where a unit asked for it.
    """

    seconds: float
    pushback: Pushback | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """Read source blocks by the host; answered by their bytes, valid until the next `Read`."""

    lba: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Write:
    """Write whole destination blocks by the host; answered by None."""

    lba: int
    data: memoryview


Step: TypeAlias = Send | Wait | Read | Write
Outcome = TypeVar("Outcome")
if TYPE_CHECKING:
    Conversation: TypeAlias = Generator[Step, Any, Outcome]


class BlockDoor(Protocol):
    """The host's own way to a unit's blocks; a failure is an `IoFailed`."""

    def read(self, lba: int, blocks: int) -> memoryview:
        """Exactly these blocks, valid until the next read."""
        ...

    def write(self, lba: int, data: memoryview) -> None:
        """Write whole blocks, all of them."""
        ...

    def flush(self) -> None:
        """Make what was written durable."""
        ...

    def close(self) -> None:
        """Let go of the unit."""
        ...


def converse(conversation: Generator[Step, Any, Outcome], perform: Callable[[Step], object]) -> Outcome:
    """Carry a conversation to its outcome, one step at a time."""
    try:
        step = next(conversation)
        while True:
            try:
                answer = perform(step)
            except (TransportError, IoFailed) as error:
                step = conversation.throw(error)
            else:
                step = conversation.send(answer)
    except StopIteration as finished:
        outcome: Outcome = finished.value
        return outcome

"""How far a command has come that takes long: the unit that has it is asked, and what it says is shown.

Shown, and nothing else: no block counts as copied, is sent again or is left alone because of it. A unit that
refuses, is silent or cannot be understood is never asked again; so is one that again and again knows nothing
of a copy: a single one may have just ended. Of a copy that runs nothing is lost by this; of one that has just
ended the state may be told once only (SPC-4 6.24, 6.25), and `follow_up` can do without: a copy that is not
known is over. But any command may be told of a unit attention, which the next command of a task then does not
hear of; so what is answered to commands sent aside is all handed on.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from cdb.command import TransportError
from cdb.copy_status import LID1_IN_PROGRESS, RUNNING, CopyOperation
from xcopy.errors import XcopyError
from xcopy.follow_up import STATUS_LID1, knows_nothing, question, state_in
from xcopy.list_ids import WITHOUT
from xcopy.task import OffloadTask
from xcopy.verdict import Action, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cdb.command import Command, Reply, Transport
    from xcopy.conversation import Side
    from xcopy.offload import Pair
    from xcopy.plan import Request
    from xcopy.task import Task

    Ways: TypeAlias = Callable[[Side, int], Transport]  # to a unit of a pair
    Sender: TypeAlias = Callable[[Ways, Callable[["Aside"], object]], None]

LONG = 5.0  # seconds after which a command takes long, and between two times that is asked
STRANGE = 3  # times in a row that a unit knows nothing of a copy, and is not asked again
TIMEOUT = 600.0  # a question may wait behind copies; where one is given up the unit may be reset
UNLISTED = frozenset({(0x84, STATUS_LID1)})  # what a unit is tried with that does not say what it has


@dataclass(slots=True)
class Flying:
    """A task under way, in seconds when it went out and when its command was last sent.

    `reached` is how many bytes of it are said to be copied.
    """

    task: Task
    sent: float
    since: float
    reached: int = 0

    def sent_again(self, at: float) -> None:
        """Its command was not taken, or was not heard of again; the next one begins from the start."""
        self.since, self.reached = at, 0


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a task."""

    about: Flying
    command: Command
    to: Side
    pair: int


@dataclass(frozen=True, slots=True)
class Aside:
    """What was answered to a command sent aside, None for nothing; the `question`, where it was one."""

    reply: Reply | None
    question: Question | None = None


class Polling:
    """Which commands are asked about and when; for the one thread that knows what is under way.

    `timeout` is that of a question, in seconds.
    """

    def __init__(
        self, pairs: Sequence[Pair], request: Request, now: float, timeout: float | None = None
    ) -> None:
        self._pairs, self._request, self._timeout = pairs, request, timeout or TIMEOUT
        self._next = now + LONG
        self._never: set[tuple[Side, int]] = set()
        self._strange: Counter[tuple[Side, int]] = Counter()

    def questions(self, flying: Iterable[Flying], now: float) -> list[Question]:
        """What to ask now, in the order the tasks went out; mostly nothing."""
        if now < self._next:
            return []
        self._next = now + LONG
        return [
            asked
            for each in flying
            if now - each.since >= LONG and (asked := self._question(each)) is not None
        ]

    def heard(self, question: Question, reply: Reply | None) -> None:
        """An answer about a task that is still under way."""
        task, reached, unit = question.about.task, None, (question.to, question.pair)
        if reply is not None and knows_nothing(reply) and self._strange[unit] + 1 < STRANGE:
            self._strange[unit] += 1
            return
        if reply is not None and reply.good:
            reached = reached_in(question.command, reply.data, self._request.block_size)
        elif reply is not None and judge(reply, proven=True).action in (Action.WAIT, Action.REPEAT):
            return
        if reached is None:
            self._never.add(unit)
            return
        self._strange[unit] = 0
        most = task.piece.blocks * self._request.block_size
        question.about.reached = max(question.about.reached, min(reached, most))

    def _question(self, flying: Flying) -> Question | None:
        task = flying.task
        if not isinstance(task, OffloadTask) or task.list_id == WITHOUT:
            return None
        pair = self._request.pair(task.piece.start)
        if (task.to, pair) in self._never:
            return None
        listed = question(task.list_id, self._pairs[pair].unit(task.to).copy_commands)
        command = listed or question(task.list_id, UNLISTED)
        assert command is not None
        return Question(flying, replace(command, timeout=self._timeout), task.to, pair)


def reached_in(asked: Command, data: bytes, block_size: int) -> int | None:
    """The bytes that a running copy is said to have written; 0 for one that is over, None for nonsense."""
    state = state_in(asked, data)
    if isinstance(state, str):
        return None
    running = RUNNING if isinstance(state, CopyOperation) else {LID1_IN_PROGRESS}
    return state.bytes_transferred(block_size) if state.status in running else 0


def ask(questions: Iterable[Question], way_to: Ways, tell: Callable[[Aside], object]) -> None:
    """Send them one after the other; the first that is not answered with data is the last, this time."""
    for each in questions:
        try:
            reply = way_to(each.to, each.pair).send(each.command)
        except (TransportError, XcopyError):
            reply = None
        tell(Aside(reply, each))
        if reply is None or not reply.good:
            return


def send_all(
    commands: Iterable[tuple[Command, Side, int]],
    way_to: Ways,
    tell: Callable[[Aside], object],
) -> None:
    """Send them one after the other, whatever is answered."""
    for command, to, pair in commands:
        with suppress(TransportError, XcopyError):
            tell(Aside(way_to(to, pair).send(command)))

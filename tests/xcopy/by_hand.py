"""A job driven by hand over an emulated array in memory: one task at a time, in this thread, no waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdb.command import Command
from xcopy.conversation import Read, Send, Side, Step, Wait, Write, converse
from xcopy.host import CommandBlocks, copy_piece
from xcopy.job import Job, Method
from xcopy.limits import Limits, agree
from xcopy.offload import Pair, carry
from xcopy.plan import Request
from xcopy.probe import discover
from xcopy.target.array import Array, memory_array
from xcopy.task import HostTask, OffloadTask, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.host import HostOutcome
    from xcopy.unit import LogicalUnit
    from xcopy.verdict import Verdict

BLOCK = 512
NUMBERS = {Side.SOURCE: 0, Side.DESTINATION: 1}


def content(number: int, blocks: int) -> bytes:
    """Every block different, and different on every unit."""
    return b"".join(f"{number}/{lba:08}".encode().ljust(BLOCK, b".") for lba in range(blocks))


def filled(blocks: int, **changes: Any) -> Array:
    """Two units of an array, without unit attentions to hear of."""
    made = memory_array(2, blocks=blocks, **changes)
    for number in (0, 1):
        made.units[number].backing.write(0, content(number, blocks))
        made.open(number).send(Command(name="TEST UNIT READY", cdb=bytes(6)))
    return made


def probed(array: Array, number: int) -> LogicalUnit:
    way = array.open(number)
    return converse(discover(f"unit{number}"), lambda step: way.send(step.command))  # type: ignore[union-attr]


class ByHand:
    """A copy of `blocks` blocks; `waited` has what was waited for, `hook` is called at every wait."""

    def __init__(
        self,
        array: Array,
        blocks: int,
        source_lba: int = 0,
        destination_lba: int = 0,
        *,
        method: Method = Method.AUTO,
        units: tuple[LogicalUnit, LogicalUnit] | None = None,
        hook: Callable[[Wait], bool] = lambda _: True,
    ) -> None:
        self.array, self.hook = array, hook
        units = units or (probed(array, 0), probed(array, 1))
        self.request = Request(
            source_lba=source_lba,
            destination_lba=destination_lba,
            blocks=blocks,
            source_block_size=BLOCK,
            destination_block_size=BLOCK,
        )
        offer = agree(*units)
        other = agree(*units, receiver=Side.SOURCE)
        self.job = Job(self.request, offer, method, other)
        self.pair = Pair(*units, offer.without_list_id if isinstance(offer, Limits) else True)
        self.waited: list[Wait] = []
        self.sent_id: int | None = None  # the list identifier of the last command that had one
        self._ways = {side: array.open(number) for side, number in NUMBERS.items()}
        self._blocks = {
            side: CommandBlocks(self._ways[side], side.value, BLOCK, sleep=lambda _: None) for side in NUMBERS
        }

    def one(self) -> tuple[Task, Verdict | HostOutcome] | None:
        """Perform the next task and book it."""
        task = self.job.next()
        if task is None:
            return None
        outcome = self.perform(task)
        self.job.finish(task, outcome)
        return task, outcome

    def all(self) -> Job:
        """Until there is no task any more."""
        for _ in range(10_000):
            if self.one() is None:
                return self.job
        raise AssertionError("it does not come to an end")

    def perform(self, task: Task) -> Verdict | HostOutcome:
        if isinstance(task, OffloadTask):
            return converse(carry(task, self.request, self.pair), self._step)
        assert isinstance(task, HostTask)
        return converse(copy_piece(task, self.request), self._step)

    def _step(self, step: Step) -> object:
        match step:
            case Send(command, to):
                self.sent_id = command.data_out[0] if command.data_out else None
                return self._ways[to].send(command)
            case Wait():
                self.waited.append(step)
                return self.hook(step)
            case Read(lba, blocks):
                return self._blocks[Side.SOURCE].read(lba, blocks)
            case Write(lba, data):
                self._blocks[Side.DESTINATION].write(lba, data)
        return None

    def found(self, blocks: int) -> bytes:
        """What is on the first blocks of the destination."""
        return self.array.units[1].backing.read(0, blocks * BLOCK)

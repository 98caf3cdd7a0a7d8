"""Ways to a unit that go by another of its paths when one fails: for commands, and for blocks.

What failed without reaching the unit is done again by the next path, once that was seen to lead to the same
unit. A command that was sent and not answered is not: its `Silence` goes to who sent it, because it may still
be at work (`follow_up`). Which path is next is `paths`' to say, what is a path's failure `path_errors`'.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from cdb.command import NotSent, Reply, Silence
from xcopy import path_errors
from xcopy.api.asking import ask, carry_out
from xcopy.device.clock import MonotonicClock
from xcopy.errors import IoFailed, UnsafeError, XcopyError
from xcopy.probe import recognize
from xcopy.verdict import Action, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.command import Command, Transport
    from xcopy.conversation import BlockDoor
    from xcopy.paths import Paths
    from xcopy.unit import LogicalUnit

HEARD = 12  # unit attentions that a path may have kept


class _Closes(Protocol):
    def close(self) -> None: ...


Door = TypeVar("Door", bound=_Closes)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Ways:
    """All paths to `unit`, for all workers; `open_path` opens one for commands, by its name."""

    unit: LogicalUnit
    paths: Paths
    open_path: Callable[[str], Transport]
    timeout: float = 60.0
    now: Callable[[], float] = field(default_factory=lambda: MonotonicClock().now)
    sleep: Callable[[float], object] = field(default_factory=lambda: MonotonicClock().sleep)

    def recognize(self, path: str, way: Transport | None = None) -> Reply | None:
        """None where a path leads to the unit, else what it wants to be heard first; by an open `way` if any.

        `XcopyError` where it leads elsewhere, or nowhere.
        """
        asked = recognize(self.unit, path, self.timeout)
        return (
            carry_out(asked, way, path)
            if way is not None
            else ask(partial(self.open_path, path), asked, path)
        )

    def leads_there(self, path: str) -> bool:
        """False for a path to another unit; before a copy, when what there is to hear is of earlier times.

        A path that does not answer now may lead there later, and is asked again then.
        """
        try:
            for _ in range(HEARD):
                if self.recognize(path) is None:
                    break
        except UnsafeError:
            return False
        except XcopyError:
            pass
        return True


class _Route(Generic[Door]):
    """One worker's open door by the path at hand, opened anew by the next when that has failed."""

    def __init__(
        self, ways: Ways, open_door: Callable[[str], Door], check: Callable[[str, Door], Reply | None]
    ) -> None:
        self._ways, self._open, self._check = ways, open_door, check
        self._door: Door | None = None
        self._generation = -1

    def door(self) -> Door | Reply:
        """A door to the unit, or what the path answers in place of whatever is sent first.

        Raises `NotSent` when no path is left.
        """
        paths = self._ways.paths
        while True:
            found = paths.at(self._ways.now())
            if isinstance(found, float):
                self._ways.sleep(found)
                continue
            generation, path = found
            if self._door is not None and generation == self._generation:
                return self._door
            self.close()
            try:
                door = self._open(path)
            except XcopyError as error:
                if not generation and path_errors.of_opening(error) is None:
                    raise
                paths.fail(generation, str(error))
                continue
            try:
                said = self._check(path, door) if generation else None
            except XcopyError as error:
                door.close()
                paths.fail(generation, str(error))
                continue
            if said is not None:
                door.close()
                return said
            self._door, self._generation = door, generation
            paths.works(generation)
            return door

    def last(self) -> Door:
        """The door that was gone by last, whatever became of its path; `NotSent` where there is none.

        Who has used none yet gets the first path's, and none once that has failed.
        """
        if self._door is None and not self._ways.paths.generation:
            door = self.door()
            if not self._ways.paths.generation and not isinstance(door, Reply):
                return door
        elif self._door is not None:
            return self._door
        raise NotSent(f"{self._ways.unit.name}: the path that it concerns has failed")

    def fail(self, why: str) -> None:
        """The path at hand failed."""
        self._ways.paths.fail(self._generation, why)

    def close(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None


class FailoverTransport:
    """One worker's way for commands to a unit with several paths (`cdb.command.Transport`)."""

    def __init__(self, ways: Ways) -> None:
        self._route: _Route[Transport] = _Route(ways, ways.open_path, ways.recognize)

    def send(self, command: Command) -> Reply:
        """Send by the path at hand, and by the next one what did not reach the unit by it."""
        while True:
            door = self._route.door()
            if isinstance(door, Reply):
                return door
            try:
                reply = door.send(command)
            except (NotSent, Silence) as error:
                why = path_errors.of_command(error)
                if why is not None:
                    self._route.fail(f"{why}: {error}")
                if why is None or isinstance(error, Silence):
                    raise
                continue
            if (why := path_errors.of_reply(reply)) is None:
                return reply
            self._route.fail(why)

    @property
    def same_way(self) -> Transport:
        """The path that was gone by last, and no other."""
        return _SameWay(self._route)

    def close(self) -> None:
        """Let go of the path; a second call does nothing."""
        self._route.close()


class _SameWay:
    """The way of a `FailoverTransport` that stays where it is; whoever has that closes it."""

    def __init__(self, route: _Route[Transport]) -> None:
        self._route = route

    def send(self, command: Command) -> Reply:
        return self._route.last().send(command)

    def close(self) -> None:
        pass


class FailoverBlocks:
    """One worker's way to a unit's blocks by block devices (`conversation.BlockDoor`).

    What a path failed to write is written by the next with the same bytes, as dm-multipath does.
    """

    def __init__(
        self,
        ways: Ways,
        open_blocks: Callable[[str], BlockDoor],
        ask_there: Callable[[str], Transport] | None = None,
    ) -> None:
        """`ask_there` opens for questions the very node that `open_blocks` opens: /dev/sgN is another."""
        self._ways = ways
        there = ways if ask_there is None else replace(ways, open_path=ask_there)

        def check(path: str, _: BlockDoor) -> Reply | None:
            return there.recognize(path)

        self._route: _Route[BlockDoor] = _Route(ways, open_blocks, check)

    def read(self, lba: int, blocks: int) -> memoryview:
        """Exactly these blocks, valid until the next read."""
        return self._by_a_path(lambda door: door.read(lba, blocks))

    def write(self, lba: int, data: memoryview) -> None:
        """Write whole blocks, all of them."""
        self._by_a_path(lambda door: door.write(lba, data))

    def flush(self) -> None:
        """Make what was written durable."""
        self._by_a_path(lambda door: door.flush())

    def close(self) -> None:
        """Let go of the path; a second call does nothing."""
        self._route.close()

    def _by_a_path(self, act: Callable[[BlockDoor], Answer]) -> Answer:
        """What fails by every path, and by one of them again, is the unit's failure."""
        failures = heard = 0
        while True:
            try:
                door = self._route.door()
            except NotSent as error:
                raise IoFailed(str(error)) from error
            if isinstance(door, Reply):
                verdict = judge(door, proven=True)
                heard += 1
                if verdict.action is Action.STOP or heard > HEARD:
                    raise IoFailed(f"{self._ways.unit.name}: {verdict.reason}")
                continue
            try:
                return act(door)
            except IoFailed as error:
                failures += 1
                if (why := path_errors.of_blocks(error)) is None or failures > self._ways.paths.count:
                    raise
                self._route.fail(f"{why}: {error}")

"""Nothing is recorded that power loss can take back; what goes wrong once is not tried again."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.xcopy.journals import BLOCKS, journal
from tests.xcopy.test_job import job
from xcopy.checkpoint import IN_DOUBT, Checkpoints
from xcopy.coverage import State
from xcopy.errors import AccessError, NoThread
from xcopy.journal import read, record
from xcopy.limits import Refusal
from xcopy.plan import Piece

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xcopy.journal import Copied

EVERY = 5.0


class Destination:
    """A unit with a cache, tasks that fill it, and a journal beside it; threads run when told to.

    A reset loses what is in the cache. The unit says so once, to the next command it gets: of a task, which
    then fails, or the one that has it write its cache.
    """

    def __init__(self, events: Sequence[tuple[str, int]] = ()) -> None:
        self.job = job(BLOCKS, Refusal("by the host"))
        self.coverage = self.job.coverage
        self.cached: set[int] = set()
        self.durable: set[int] = set()
        self.begun: list[int] = []
        self.answered: list[tuple[int, bool]] = []  # answers that nobody has heard yet
        self.threads: list[Callable[[], None]] = []
        self.busy = self.attention = False
        self.now = 0.0
        self.amid = iter(events)
        lines = journal()
        self.file = b"".join(lines)
        self.headed = len(self.file)
        self.seals = read("file", lines).seals
        self.checkpoints = self.kept()

    def kept(self, **handed: Any) -> Checkpoints:
        """Checkpoints of this copy, some of what they are handed being another."""
        own = {
            "make_durable": self.make_durable,
            "record": self.record,
            "start": lambda work, _: self.threads.append(work),
        }
        return Checkpoints(self.job, EVERY, **{**own, **handed})

    def make_durable(self) -> bool:
        """What was in the cache when it was asked; meanwhile the copy goes on."""
        if self.attention:
            self.attention = False
            raise AccessError("the unit was reset")
        if self.busy:
            return False
        self.durable |= self.cached
        if (event := next(self.amid, None)) is not None:
            self.happen(*event)
        return True

    def record(self, pieces: Sequence[Copied]) -> None:
        self.file += record(self.seals, pieces)
        assert self.said(self.file) <= self.durable

    def said(self, data: bytes) -> set[int]:
        copied = read("file", data.splitlines(keepends=True)).copied
        return {block for piece, _ in copied for block in range(piece.start, piece.end)}

    def happen(self, event: str, number: int) -> None:
        """One thing that can happen next."""
        match event:
            case "begin" if not self.is_known(number):
                self.coverage.begin(Piece(number, 1))
                self.begun.append(number)
            case "answer" if self.begun:
                block = self.begun.pop(number % len(self.begun))
                self.answered.append((block, not self.attention))
                if not self.attention:
                    self.cached.add(block)
                self.attention = False
            case "hear" if self.answered:
                block, good = self.answered.pop(number % len(self.answered))
                if good:
                    self.coverage.copied(Piece(block, 1), "offload")
                else:
                    self.job.in_doubt = True
                    self.coverage.failed(Piece(block, 1), "the unit was reset")
            case "reset":
                self.cached = set()
                self.attention = True
            case "look":
                self.now += number / 10
                self.checkpoints.look(self.now)
            case "run" if self.threads:
                self.threads.pop()()
            case "busy":
                self.busy = bool(number % 2)

    def is_known(self, block: int) -> bool:
        return next(self.coverage.within(Piece(block, 1)))[1].state is not State.PENDING

    def copied(self, *blocks: int) -> None:
        """Blocks copied from beginning to end."""
        for block in blocks:
            for event in ("begin", "answer", "hear"):
                self.happen(event, block if event == "begin" else -1)


STEPS = ["begin", "begin", "answer", "answer", "hear", "hear", "look", "look", "run", "run", "busy"]
EVENTS = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, BLOCKS - 1)), max_size=200)
OFTEN = [*STEPS, "begin", "answer", "hear", "look", "run"]


def some(chance: Random, count: int) -> list[tuple[str, int]]:
    """So many events, a reset now and then."""
    steps = (chance.choice(OFTEN if chance.random() < 0.993 else ["reset"]) for _ in range(count))
    return [(step, chance.randrange(BLOCKS)) for step in steps]


@given(st.integers(0, 2**32))
@settings(max_examples=300)
def test_after_power_loss_the_journal_says_nothing_that_the_destination_has_not(seed: int) -> None:
    chance = Random(seed)
    world = Destination(some(chance, 20))
    for event in some(chance, chance.randrange(50, 300)):
        world.happen(*event)
    for cut in (len(world.file), chance.randint(world.headed, len(world.file))):
        assert world.said(world.file[:cut]) <= world.durable


@given(EVENTS)
def test_what_is_booked_is_recorded_in_the_end_and_once(events: list[tuple[str, int]]) -> None:
    world = Destination()
    for event in [*events, ("busy", 0)]:
        world.happen(*event)
    while world.threads:
        world.threads.pop()()
    world.checkpoints.wait()
    world.durable |= world.cached
    world.checkpoints.last()
    found = read("file", world.file.splitlines(keepends=True))
    assert not found.notice
    assert world.said(world.file) == {
        block for piece, _ in world.coverage.runs(State.COPIED) for block in range(piece.start, piece.end)
    }


def test_what_is_durable_is_recorded_when_the_tasks_of_that_time_are_over() -> None:
    world = Destination()
    world.copied(1)
    for event in (("begin", 7), ("look", 0), ("look", 50), ("run", 0), ("look", 0), ("begin", 8)):
        world.happen(*event)
    assert not world.threads
    for event in (("answer", 0), ("hear", 0), ("look", 0), ("run", 0)):
        world.happen(*event)
    assert world.said(world.file) == {1}


def test_when_one_of_those_tasks_was_told_of_a_reset_nothing_is_recorded() -> None:
    world = Destination()
    world.copied(1)
    told = ("begin", 7), ("look", 0), ("reset", 0), ("answer", 0), ("look", 50), ("run", 0), ("look", 0)
    for event in (*told, ("hear", 0), ("look", 0), ("look", 99)):
        world.happen(*event)
    assert not world.threads
    world.checkpoints.wait()
    world.checkpoints.last()
    assert world.said(world.file) == set()
    assert world.checkpoints.look(world.now) == IN_DOUBT


def test_a_checkpoint_begins_when_the_interval_has_passed_and_something_is_copied() -> None:
    world = Destination()
    for now in (100.0, 105.0, 110.0):
        world.checkpoints.look(now)
    assert not world.threads
    world.copied(1)
    world.checkpoints.look(110.1)
    assert len(world.threads) == 1


def test_the_first_checkpoint_is_an_interval_after_the_start() -> None:
    world = Destination()
    world.copied(1)
    world.checkpoints.look(100.0)
    world.checkpoints.look(104.9)
    assert not world.threads
    world.checkpoints.look(105.0)
    assert len(world.threads) == 1


def test_one_checkpoint_is_under_way_at_a_time() -> None:
    world = Destination()
    for now in (0.0, 5.0, 10.0, 20.0):
        world.copied(int(now))
        world.checkpoints.look(now)
    assert len(world.threads) == 1
    for now in (20.1, 20.2):
        world.threads.pop()()
        world.checkpoints.look(now)
    assert world.said(world.file) == {0, 5}
    world.checkpoints.look(20.3)
    assert len(world.threads) == 1


def test_a_busy_unit_is_asked_again_an_interval_later() -> None:
    world = Destination()
    world.copied(1)
    world.busy = True
    for now in (0.0, 5.0):
        world.checkpoints.look(now)
    world.threads.pop()()
    world.busy = False
    assert not world.checkpoints.look(9.9)
    assert not world.threads
    for now in (10.0, 10.1):
        world.checkpoints.look(now)
        world.threads.pop()()
    assert world.said(world.file) == {1}


def test_while_a_unit_stays_busy_what_waits_to_be_recorded_is_kept_as_runs() -> None:
    world = Destination()
    world.busy = True
    kept: list[Sequence[Copied]] = []
    checkpoints = world.kept(start=at_once, record=kept.append)
    for block in range(BLOCKS):
        world.copied(block)
        for _ in range(2):  # one begins, and is heard of
            checkpoints.look(world.now)
            world.now += EVERY
    checkpoints.last()
    assert kept == [[(Piece(0, BLOCKS), "offload")]]


def failing(error: BaseException) -> Callable[..., bool]:
    def fail(*_: object) -> bool:
        raise error

    return fail


def at_once(work: Callable[[], None], _: str) -> None:
    work()


@pytest.mark.parametrize("step", ["make_durable", "record"])
def test_what_failed_once_is_never_tried_again_and_stops_the_copy(step: str) -> None:
    world, calls = Destination(), list[int]()

    def fails(*_: object) -> bool:
        calls.append(1)
        raise AccessError("no more")

    kept = world.kept(start=at_once, **{step: fails})
    world.copied(1)
    for now in (0.0, 5.0, 5.1, 5.2):
        said = kept.look(now)
    assert said == "no more"
    assert (kept.not_durable, kept.not_recorded) == (
        ("no more", "") if step == "make_durable" else ("", "no more")
    )
    world.copied(2)
    assert kept.look(100.0) == "no more"
    kept.wait()
    kept.last()
    assert (calls, len(world.file)) == ([1], world.headed)


def test_a_last_record_that_fails_is_said() -> None:
    world = Destination()
    kept = world.kept(record=failing(AccessError("disk full")))
    world.copied(1)
    kept.last()
    assert kept.trouble == "disk full"


@pytest.mark.parametrize("step", ["make_durable", "record"])
def test_a_fault_of_the_program_is_raised_where_the_copy_hears_it(step: str) -> None:
    world = Destination()
    kept = world.kept(start=at_once, **{step: failing(ZeroDivisionError())})
    world.copied(1)
    for now in (0.0, 5.0, 5.1)[: 2 if step == "make_durable" else 3]:
        kept.look(now)
    with pytest.raises(ZeroDivisionError):
        kept.look(5.2)
    assert kept.trouble


def test_without_a_thread_to_be_had_a_checkpoint_is_made_here_and_now() -> None:
    world = Destination()
    kept = world.kept(start=failing(NoThread()))
    world.copied(1)
    for now in (0.0, 5.0, 5.1):
        kept.look(now)
    assert world.said(world.file) == {1}

"""Nothing is recorded that power loss can take back; what goes wrong once is not tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.xcopy.journals import BLOCKS, journal
from xcopy.checkpoint import Checkpoints
from xcopy.errors import AccessError
from xcopy.journal import read, record
from xcopy.plan import Piece

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xcopy.journal import Copied

EVERY = 5.0


class Destination:
    """A unit whose cache is lost with the power, and a journal beside it; threads run when told to."""

    def __init__(self, events: Sequence[tuple[str, int]] = ()) -> None:
        self.cached: set[int] = set()
        self.durable: set[int] = set()
        self.written: list[Piece] = []
        self.threads: list[Callable[[], None]] = []
        self.busy = False
        self.now = 0.0
        self.amid = iter(events)
        lines = journal()
        self.file = b"".join(lines)
        self.headed = len(self.file)
        self.seals = read("file", lines).seals
        self.checkpoints = Checkpoints(
            EVERY,
            make_durable=self.make_durable,
            record=self.record,
            start=lambda work, _: self.threads.append(work),
        )

    def make_durable(self) -> bool:
        """What was in the cache when it was asked; meanwhile the copy goes on."""
        asked = set(self.cached)
        if (event := next(self.amid, None)) is not None:
            self.happen(*event)
        if self.busy:
            return False
        self.durable |= asked
        return True

    def record(self, pieces: Sequence[Copied]) -> None:
        self.file += record(self.seals, pieces)
        assert self.said(self.file) <= self.durable

    def said(self, data: bytes) -> set[int]:
        copied = read("file", data.splitlines(keepends=True)).copied
        return {block for piece, _ in copied for block in range(piece.start, piece.end)}

    def happen(self, event: str, number: int) -> None:
        """One thing that can happen next."""
        if event == "write" and number not in self.cached:
            self.written.append(Piece(number, 1))
            self.cached.add(number)
        elif event == "book" and self.written:
            self.checkpoints.copied(self.written.pop(number % len(self.written)), "offload")
        elif event == "look":
            self.now += number / 10
            self.checkpoints.look(self.now)
        elif event == "run" and self.threads:
            self.threads.pop()()
        elif event == "busy":
            self.busy = bool(number % 2)


EVENTS = st.lists(
    st.tuples(st.sampled_from(["write", "book", "look", "run", "busy"]), st.integers(0, BLOCKS - 1)),
    max_size=150,
)


@given(EVENTS, EVENTS, st.data())
def test_after_power_loss_the_journal_says_nothing_that_the_destination_has_not(
    events: list[tuple[str, int]], amid: list[tuple[str, int]], data: st.DataObject
) -> None:
    world = Destination(amid)
    for event in events:
        world.happen(*event)
    cut = data.draw(st.integers(world.headed, len(world.file)))
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
    booked = world.cached - {piece.start for piece in world.written}
    assert world.said(world.file) == booked


def booked(world: Destination, *blocks: int) -> None:
    for block in blocks:
        world.happen("write", block)
        world.happen("book", -1)


def test_a_checkpoint_begins_when_the_interval_has_passed_and_something_is_copied() -> None:
    world = Destination()
    for now in (100.0, 105.0, 110.0):
        world.checkpoints.look(now)
    assert not world.threads
    booked(world, 1)
    world.checkpoints.look(110.1)
    assert len(world.threads) == 1


def test_the_first_checkpoint_is_an_interval_after_the_start() -> None:
    world = Destination()
    booked(world, 1)
    world.checkpoints.look(100.0)
    world.checkpoints.look(104.9)
    assert not world.threads
    world.checkpoints.look(105.0)
    assert len(world.threads) == 1


def test_one_checkpoint_is_under_way_at_a_time() -> None:
    world = Destination()
    for now in (0.0, 5.0, 10.0, 20.0):
        booked(world, int(now))
        world.checkpoints.look(now)
    assert len(world.threads) == 1
    world.threads.pop()()
    assert world.said(world.file) == {0, 5}
    world.checkpoints.look(20.1)
    assert len(world.threads) == 1


def test_a_busy_unit_is_asked_again_an_interval_later() -> None:
    world = Destination()
    booked(world, 1)
    world.busy = True
    for now in (0.0, 5.0):
        world.checkpoints.look(now)
    world.threads.pop()()
    world.busy = False
    assert not world.checkpoints.look(9.9)
    assert not world.threads
    world.checkpoints.look(10.0)
    world.threads.pop()()
    assert world.said(world.file) == {1}


def failing(error: BaseException) -> Callable[..., bool]:
    def fail(*_: object) -> bool:
        raise error

    return fail


@pytest.mark.parametrize("step", ["make_durable", "record"])
def test_what_failed_once_is_never_tried_again_and_stops_the_copy(step: str) -> None:
    world = Destination()
    handed: dict[str, Callable[..., bool | None]] = {
        "make_durable": world.make_durable,
        "record": world.record,
        step: failing(AccessError("no more")),
    }
    kept = Checkpoints(EVERY, start=lambda work, _: work(), **handed)  # type: ignore[arg-type]
    kept.copied(Piece(1, 1), "offload")
    kept.look(0.0)
    kept.look(5.0)
    assert kept.look(5.1) == "no more"
    assert (kept.not_durable, kept.not_recorded) == (
        ("no more", "") if step == "make_durable" else ("", "no more")
    )
    handed[step] = failing(AssertionError("tried again"))
    kept.copied(Piece(2, 1), "offload")
    assert kept.look(100.0) == "no more"
    kept.wait()
    kept.last()
    assert len(world.file) == world.headed


def test_a_last_record_that_fails_is_said() -> None:
    kept = Checkpoints(
        EVERY,
        make_durable=lambda: True,
        record=failing(AccessError("disk full")),
        start=failing(AssertionError()),
    )  # type: ignore[arg-type]
    kept.copied(Piece(1, 1), "offload")
    kept.last()
    assert kept.trouble == "disk full"


@pytest.mark.parametrize("step", ["make_durable", "record"])
def test_a_fault_of_the_program_is_raised_where_the_copy_hears_it(step: str) -> None:
    world = Destination()
    handed: dict[str, Callable[..., bool | None]] = {
        "make_durable": world.make_durable,
        "record": world.record,
        step: failing(ZeroDivisionError()),
    }
    kept = Checkpoints(EVERY, start=lambda work, _: work(), **handed)  # type: ignore[arg-type]
    kept.copied(Piece(1, 1), "offload")
    kept.look(0.0)
    kept.look(5.0)
    with pytest.raises(ZeroDivisionError):
        kept.look(5.1)
    assert kept.trouble


def test_without_a_thread_to_be_had_a_checkpoint_is_made_here_and_now() -> None:
    world = Destination()
    kept = Checkpoints(
        EVERY, make_durable=world.make_durable, record=world.record, start=failing(RuntimeError())
    )
    world.cached = {1}
    kept.copied(Piece(1, 1), "offload")
    kept.look(0.0)
    kept.look(5.0)
    assert world.said(world.file) == {1}

"""What a source says of its blocks is believed where it is in order, and where blocks looked at are zeros."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cdb.command import Command, NotSent, Reply, Silence
from tests.cdb.independent import fixed_sense
from tests.xcopy.thin_copy import SMALL, whole, zeroed
from tests.xcopy.thin_model import (
    ANCHORED,
    BLOCK,
    BLOCKS,
    DEALLOCATED,
    HOSTILE,
    MAPPED,
    READ,
    RESET,
    Thin,
    answer,
    extent,
    junk,
    thin,
)
from xcopy.conversation import WAITS, Send, Step, Wait, converse
from xcopy.lba_status import look
from xcopy.task import HOST, OFFLOAD, ZERO, LookTask

if TYPE_CHECKING:
    from collections.abc import Callable

MODE_CHANGED = Reply(status=2, sense=fixed_sense(6, 0x2A, 1))


@pytest.mark.parametrize("lie", [name for name in HOSTILE if name != "a length of more than there is"])
def test_a_map_that_cannot_be_is_believed_in_nothing_and_asked_for_once(lie: str) -> None:
    source, destination = thin(0, BLOCKS, set(range(BLOCKS // 2)), wrong=HOSTILE[lie]), junk(1, BLOCKS)
    first = replace_first_answer(source, lie)
    copy = whole(source, destination)
    copy.all()
    assert copy.job.report == {OFFLOAD: BLOCKS * BLOCK, HOST: 0}
    assert source.questions == first
    assert destination.data == source.data
    assert copy.job.holes is not None
    assert "the source's map ended: unit0: GET LBA STATUS at LBA" in copy.job.holes.why_not


def replace_first_answer(source: Thin, lie: str) -> int:
    """An extent before it is a lie only of a later block: the first answer is then of one block."""
    if lie != "an extent before it":
        return 1
    answers = [answer(extent(0, 1, 0)), answer(extent(0, BLOCKS))]
    source.wrong = lambda _: answers[min(source.questions, 2) - 1]
    return 2


def test_an_answer_is_read_as_far_as_there_is_one() -> None:
    source = thin(0, BLOCKS, {0}, wrong=HOSTILE["a length of more than there is"])
    copy = whole(source, junk(1, BLOCKS))
    copy.all()
    assert copy.job.report[ZERO] == (BLOCKS - 1) * BLOCK


@pytest.mark.parametrize("state", [ANCHORED, 3, 15])
def test_blocks_of_any_other_state_than_deallocated_are_copied(state: int) -> None:
    source = thin(0, BLOCKS, set(range(32)), states=dict.fromkeys(range(100, 200), state))
    source.data[130 * BLOCK] = 1
    copy = whole(source, junk(1, BLOCKS))
    copy.all()
    assert zeroed(copy) == {*range(32, 100), *range(200, BLOCKS)}
    assert copy.destinations[0].data == source.data


def test_a_source_that_was_reset_stops_a_copy_that_may_have_lost_something() -> None:
    source, destination = thin(0, BLOCKS, set(range(0, BLOCKS, 2))), junk(1, BLOCKS)
    copy = whole(source, destination, measures=replace(SMALL, ahead=2 * BLOCK, pays=0))
    for _ in range(3):
        assert copy.begin()
        copy.end()
    source.send = lambda _: RESET  # type: ignore[method-assign]
    copy.all(at_once=1)
    assert "reset" in copy.job.stopped
    assert copy.job.in_doubt


@pytest.mark.parametrize("lba", [100, 149, 125])
def test_what_is_said_to_be_unmapped_and_is_not_zeros_where_it_is_looked_at_is_copied(lba: int) -> None:
    source = thin(0, BLOCKS, set(range(BLOCKS)) - set(range(20, 30)) - set(range(100, 150)))
    source.data[lba * BLOCK] = 1
    copy = whole(source, junk(1, BLOCKS), measures=replace(SMALL, portion=1 << 30, ahead=1 << 30))
    copy.all()
    assert zeroed(copy) == set(range(20, 30))
    assert copy.destinations[0].data == source.data


def test_runs_too_short_to_pay_are_copied_with_their_neighbours() -> None:
    source = thin(0, BLOCKS, set(range(BLOCKS)) - {10, 11, 50, 51, 52})
    copy = whole(source, junk(1, BLOCKS), measures=replace(SMALL, calls=64))
    copy.all()
    assert zeroed(copy) == {50, 51, 52}


def test_a_source_that_is_busy_is_asked_again() -> None:
    source = thin(0, BLOCKS, set(range(32)))
    send, told = source.send, iter([Reply(status=8), MODE_CHANGED])
    source.send = lambda command: next(told, None) or send(command)  # type: ignore[method-assign]
    copy = whole(source, junk(1, BLOCKS))
    copy.all()
    assert zeroed(copy) == set(range(32, BLOCKS))


def not_permitted(_: Command) -> Reply:
    raise NotSent("operation not permitted")


def not_answered(_: Command) -> Reply:
    raise Silence("no answer in 60 s")


@pytest.mark.parametrize(
    ("send", "why"),
    [
        (not_permitted, "operation not permitted"),
        (not_answered, "no answer in 60 s"),
        (lambda _: Reply(status=2, sense=fixed_sense(5, 0x20, 0)), "INVALID COMMAND OPERATION CODE"),
        (lambda _: Reply(status=8), "BUSY"),
    ],
)
def test_a_source_that_does_not_tell_is_copied_whole_and_the_reason_is_told(
    send: Callable[[Command], Reply], why: str
) -> None:
    source, destination = thin(0, BLOCKS, set(range(32))), junk(1, BLOCKS)
    source.send = send  # type: ignore[method-assign]
    copy = whole(source, destination)
    copy.all()
    assert copy.job.report == {OFFLOAD: BLOCKS * BLOCK, HOST: 0}
    assert copy.job.holes is not None
    assert why in copy.job.holes.why_not
    assert destination.data == source.data


def test_extents_without_storage_that_follow_each_other_are_one_run() -> None:
    answers = iter([answer(extent(0, 64, MAPPED), *(extent(at, 2) for at in range(64, BLOCKS, 2)))])
    source = thin(0, BLOCKS, set(range(64)), wrong=lambda whole: next(answers, whole))
    copy = whole(source, junk(1, BLOCKS), measures=replace(SMALL, portion=1 << 30, ahead=1 << 30))
    copy.all()
    assert source.questions == 1
    assert zeroed(copy) == set(range(64, BLOCKS))


def test_a_reset_told_where_the_map_is_checked_stops_the_copy() -> None:
    source = thin(0, BLOCKS, set(range(32)))
    send = source.send
    source.send = lambda command: RESET if command.cdb[0] == READ else send(command)  # type: ignore[method-assign]
    copy = whole(source, junk(1, BLOCKS))
    copy.all()
    assert "reset" in copy.job.stopped
    assert not zeroed(copy)


def in_runs_of_four() -> Thin:
    """Every other four blocks are without storage, by one answer."""
    extents = [extent(at, 4, MAPPED if at % 8 else DEALLOCATED) for at in range(0, BLOCKS, 4)]
    return thin(0, BLOCKS, {at for at in range(BLOCKS) if at % 8 >= 4}, wrong=lambda _: answer(*extents))


ALL_AT_ONCE = replace(SMALL, portion=1 << 30, ahead=1 << 30)


@pytest.mark.parametrize(
    ("reads", "most", "why"),
    [(not_answered, 1, "no answer in 60 s"), (lambda _: Reply(status=8), len(WAITS) + 1, "BUSY")],
)
def test_a_source_that_is_not_read_where_its_map_is_checked_is_asked_no_more_and_copied_whole(
    reads: Callable[[Command], Reply], most: int, why: str
) -> None:
    source, destination = in_runs_of_four(), junk(1, BLOCKS)
    send, sent = source.send, []

    def first(command: Command) -> Reply:
        if command.cdb[0] != READ:
            return send(command)
        sent.append(command)
        return reads(command)

    source.send = first  # type: ignore[method-assign]
    copy = whole(source, destination, measures=ALL_AT_ONCE)
    copy.all()
    assert 1 <= len(sent) <= most
    assert copy.job.holes is not None
    assert "READ(16) at LBA 0" in copy.job.holes.why_not
    assert why in copy.job.holes.why_not
    assert destination.data == source.data
    assert not zeroed(copy)


def test_a_stop_is_heard_between_two_runs_that_are_looked_at() -> None:
    source = in_runs_of_four()
    copy = whole(source, junk(1, BLOCKS), measures=ALL_AT_ONCE)
    task = copy.job.next()
    assert isinstance(task, LookTask)
    waits = iter([True, True])

    def step(asked: Step) -> Reply | bool:
        if isinstance(asked, Wait):
            return next(waits, False)
        assert isinstance(asked, Send)
        return source.send(asked.command)

    seen = converse(look(task, copy.job.request), step)
    assert (seen.unmapped, seen.ended) == ((), "stopped while its map was checked")

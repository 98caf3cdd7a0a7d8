"""Copies that are stopped: by COPY OPERATION ABORT, with their command, by a reset.

A thread is there only where two commands must be on their way at once.
"""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from cdb.command import Reply
from tests.target.bench import (
    BLOCK,
    GOOD,
    Bench,
    No,
    bench,
    no,
    residual,
    segment,
    segment_number,
)
from tests.target.results_bench import (
    FINISHED,
    abort,
    copy_lid4,
    failure_details,
    lid1_status,
    lid4_status,
    status_lid4,
    with_policy,
)
from xcopy.target.faults import Call, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

TASK_ABORTED = 0x40
CLEARED = No(0xA, 0x2F, 0x02)  # COMMANDS CLEARED BY DEVICE SERVER
UNKNOWN = No(0x5, 0x24, 0x00, "c00002")
IDS = {"source": 1, "destination": 2}
ONE, TWO, THREE = (segment(8 * n, 8 * n, 4, **IDS) for n in range(3))
HOLD = 0b00


@pytest.fixture
def array() -> Bench:
    return bench()


def copied(array: Bench, *segments: int) -> bool:
    """True when those of the three segments were copied, and no others."""
    expected = bytearray(array.before[1])
    for n in segments:
        expected[8 * n * BLOCK : (8 * n + 4) * BLOCK] = array.before[0][8 * n * BLOCK : (8 * n + 4) * BLOCK]
    return array.contents == [array.before[0], bytes(expected)]


def in_the_copy(array: Bench, action: Callable[[], object], **at: object) -> None:
    """Have something happen in the middle of a copy, in its own thread."""
    array.array.faults.add(Fault(then=Call(action), **at))  # type: ignore[arg-type]


# COPY OPERATION ABORT (SPC-4 5.17.4.7, 6.3).


def test_an_aborted_copy_stops_between_two_chunks_and_says_what_is_missing() -> None:
    array = bench(chunk_size=BLOCK)
    replies: list[Reply] = []
    in_the_copy(array, lambda: replies.append(array.send(1, abort(7))), at="write", nth=6)
    ended = copy_lid4(array, ONE, TWO, THREE)
    assert replies == [Reply()]
    assert no(ended) == CLEARED
    assert (segment_number(ended), residual(ended)) == (1, 2)
    expected = bytearray(array.before[1])
    for start, end in ((0, 4), (8, 10)):
        expected[start * BLOCK : end * BLOCK] = array.before[0][start * BLOCK : end * BLOCK]
    assert array.contents[1] == expected


def test_the_status_of_an_aborted_copy_is_terminated() -> None:
    array = bench(chunk_size=BLOCK)
    in_the_copy(array, lambda: array.send(1, abort(7)), at="write", nth=6)
    copy_lid4(array, ONE, TWO, THREE)
    told = lid4_status(array, 7)
    assert (told.status, told.completion, told.sense) == (0x60, TASK_ABORTED, b"")
    assert (told.segments, told.count, told.delay) == (2, 6 * BLOCK, FINISHED)
    assert lid1_status(array, 7).status == 0x02


def test_an_aborted_lid1_copy_has_failure_details() -> None:
    array = bench(chunk_size=BLOCK)
    in_the_copy(array, lambda: array.send(1, abort(7)), at="write")
    ended = array.copy(segment(0, 0, 4), usage=HOLD, list_id=7)
    assert array.send(1, failure_details(7)).data[60:] == ended.sense


def test_an_aborted_command_ends_with_task_aborted_where_the_profile_says_so() -> None:
    array = with_policy(task_aborted=True)
    in_the_copy(array, lambda: array.send(1, abort(7)), at="write")
    assert copy_lid4(array, ONE, TWO) == Reply(status=TASK_ABORTED)
    assert lid4_status(array, 7).status == 0x60
    assert copied(array, 0)


def test_a_copy_in_the_background_is_aborted_between_two_segments(array: Bench) -> None:
    copy_lid4(array, ONE, TWO, immed=True)
    array.array.work()
    assert array.send(1, abort(7)) == Reply()
    assert not array.array.work()
    assert copied(array, 0)
    told = lid4_status(array, 7)
    assert (told.status, told.completion, told.segments) == (0x60, TASK_ABORTED, 1)


def test_a_segment_that_is_whole_when_the_abort_comes_is_the_copy_s_last(array: Bench) -> None:
    in_the_copy(array, lambda: array.send(1, abort(7)), at="write", nth=2, after=True)
    ended = copy_lid4(array, ONE, TWO, THREE)
    assert (no(ended), segment_number(ended), residual(ended)) == (CLEARED, 2, None)
    assert copied(array, 0, 1)


def test_a_copy_that_was_through_when_the_abort_came_is_good(array: Bench) -> None:
    in_the_copy(array, lambda: array.send(1, abort(7)), at="write", nth=2, after=True)
    assert copy_lid4(array, ONE, TWO).status == GOOD
    assert lid4_status(array, 7).status == 0x01


def test_an_abort_is_answered_when_the_copy_has_stopped() -> None:
    array = bench(chunk_size=BLOCK)
    begun, go_on = Event(), Event()

    def wait() -> None:
        begun.set()
        assert go_on.wait(30)

    in_the_copy(array, wait, at="write", nth=2)
    ended: list[Reply] = []
    copying = Thread(target=lambda: ended.append(copy_lid4(array, ONE)))
    copying.start()
    assert begun.wait(30)
    answered: list[tuple[Reply, int]] = []
    aborting = Thread(target=lambda: answered.append((array.send(1, abort(7)), lid4_status(array, 7).status)))
    (operation,) = array.array._copy_manager.operations.of_nexus(array.nexus, 1)
    aborting.start()
    while not operation.aborting:
        aborting.join(0.001)
    assert answered == []
    go_on.set()
    aborting.join(30)
    copying.join(30)
    assert answered == [(Reply(), 0x60)]
    assert no(ended[0]) == CLEARED


def test_an_abort_is_answered_at_once_where_the_profile_says_so() -> None:
    array = with_policy(abort_waits=False)
    begun, go_on = Event(), Event()

    def wait() -> None:
        begun.set()
        assert go_on.wait(30)

    in_the_copy(array, wait, at="write")
    ended: list[Reply] = []
    copying = Thread(target=lambda: ended.append(copy_lid4(array, ONE, TWO)))
    copying.start()
    assert begun.wait(30)
    assert array.send(1, abort(7)) == Reply()
    still = lid4_status(array, 7).status
    go_on.set()
    copying.join(30)
    assert (still, no(ended[0])) == (0x11, CLEARED)


def test_nothing_to_abort_points_at_the_list_identifier(array: Bench) -> None:
    assert no(array.send(1, abort(7))) == UNKNOWN


def test_a_finished_copy_is_nothing_to_abort_and_keeps_its_results(array: Bench) -> None:
    copy_lid4(array, ONE)
    assert no(array.send(1, abort(7))) == UNKNOWN
    assert lid4_status(array, 7).status == 0x01


def test_to_abort_a_finished_copy_is_good_where_the_profile_says_so() -> None:
    array = with_policy(abort_of_finished=True)
    copy_lid4(array, ONE)
    assert array.send(1, abort(7)) == Reply()
    assert lid4_status(array, 7).status == 0x01


def test_a_nexus_cannot_abort_another_s_copy(array: Bench) -> None:
    array.send(1, abort(7), "other")
    copy_lid4(array, ONE, immed=True)
    assert no(array.send(1, abort(7), "other")) == UNKNOWN
    array.array.work()
    assert copied(array, 0)


# Aborted commands (SPC-4 5.17.4.6, 6.24).


def test_an_aborted_command_s_copy_stops_and_its_status_is_kept() -> None:
    array = bench(chunk_size=BLOCK)
    in_the_copy(array, lambda: array.array.abort(1, "initiator"), at="write", nth=2)
    ended = copy_lid4(array, ONE)
    assert (no(ended), residual(ended)) == (CLEARED, 2)
    assert (lid4_status(array, 7).status, lid4_status(array, 7).count) == (0x60, 2 * BLOCK)


def test_a_copy_in_the_background_has_no_command_to_abort(array: Bench) -> None:
    copy_lid4(array, ONE, TWO, immed=True)
    array.array.abort(1, "initiator")
    while array.array.work():
        pass
    assert copied(array, 0, 1)


@pytest.mark.parametrize(("number", "nexus"), [(0, "initiator"), (1, "other")])
def test_commands_of_another_nexus_or_unit_are_not_aborted(array: Bench, number: int, nexus: str) -> None:
    in_the_copy(array, lambda: array.array.abort(number, nexus), at="write")
    assert copy_lid4(array, ONE, TWO).status == GOOD


# Resets and lost nexuses (SPC-4 5.17.5, table 109).


def test_a_reset_ends_a_copy_in_the_background_and_forgets_it(array: Bench) -> None:
    copy_lid4(array, ONE, TWO, immed=True)
    array.array.work()
    array.array.reset(1)
    assert not array.array.work()
    assert copied(array, 0)
    assert no(array.send(1, status_lid4(7))) == No(0x6, 0x29, 0x03)
    assert no(array.send(1, status_lid4(7))) == UNKNOWN


def test_a_reset_ends_a_copy_in_its_command() -> None:
    array = bench(chunk_size=BLOCK)
    in_the_copy(array, lambda: array.array.reset(1), at="write", nth=2)
    ended = copy_lid4(array, ONE)
    assert (no(ended), residual(ended)) == (CLEARED, 2)


def test_a_reset_of_another_unit_leaves_a_copy_alone(array: Bench) -> None:
    copy_lid4(array, ONE, TWO, immed=True)  # received by unit 1
    array.array.reset(0)
    while array.array.work():
        pass
    assert copied(array, 0, 1)


def test_a_reset_lets_a_copy_end_by_itself_where_the_profile_says_so() -> None:
    array = with_policy(reset_aborts=False)
    in_the_copy(array, lambda: array.array.reset(1), at="write")
    assert copy_lid4(array, ONE, TWO).status == GOOD
    assert copied(array, 0, 1)


def test_a_lost_nexus_does_not_end_its_copy_in_the_background(array: Bench) -> None:
    copy_lid4(array, ONE, TWO, immed=True)
    array.array.lose("initiator")
    while array.array.work():
        pass
    assert copied(array, 0, 1)

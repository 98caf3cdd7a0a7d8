"""Copies that go on after their answer (IMMED), and what is told with GOOD (G_SENSE).

Nothing here has a thread: a segment is copied when the test says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdb.command import Reply, Silence
from tests.target.bench import (
    BLOCK,
    CHECK_CONDITION,
    GOOD,
    Bench,
    No,
    bench,
    embedded,
    no,
    segment,
    segment_number,
)
from tests.target.results_bench import (
    FINISHED,
    UNKNOWN_DELAY,
    abort,
    copy_lid4,
    lid4_status,
    status_lid4,
    with_policy,
)
from xcopy.target.array import Array, memory_array
from xcopy.target.faults import Call, Fault, check

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICE_FAILURE = (0xA, 0x0D, 0x01)
IDS = {"source": 1, "destination": 2}
ONE, TWO, THREE = (segment(8 * n, 8 * n, 4, **IDS) for n in range(3))


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


# IMMED (SPC-4 5.17.4.3, 6.4.2).


def test_immed_is_answered_before_the_first_segment(array: Bench) -> None:
    assert copy_lid4(array, ONE, TWO, immed=True) == Reply()
    assert copied(array)


def test_background_work_is_done_a_segment_at_a_time_and_says_whether_there_is_more(array: Bench) -> None:
    copy_lid4(array, ONE, TWO, THREE, immed=True)
    seen = []
    for n in range(3):
        more = array.array.work()
        seen.append((more, copied(array, *range(n + 1))))
    assert seen == [(True, True), (True, True), (False, True)]


def test_without_background_work_there_is_nothing_to_do(array: Bench) -> None:
    assert not array.array.work()
    copy_lid4(array, ONE)
    assert not array.array.work()


def test_a_segment_that_is_being_copied_is_not_begun_again_by_whoever_works_too(array: Bench) -> None:
    seen: list[bool] = []
    in_the_copy(array, lambda: seen.append(array.array.work()), at="write")
    copy_lid4(array, ONE, TWO, immed=True)
    assert array.array.work()
    assert seen == [False]
    assert copied(array, 0)


def test_two_copies_in_the_background_take_turns(array: Bench) -> None:
    copy_lid4(array, ONE, TWO, list_id=1, immed=True)
    copy_lid4(array, THREE, list_id=2, immed=True)
    array.array.work()
    array.array.work()
    assert copied(array, 0, 2)


def test_the_status_of_a_copy_in_the_background_goes_from_12h_to_01h(array: Bench) -> None:
    copy_lid4(array, ONE, TWO, immed=True)
    told = [lid4_status(array, 7)]
    while array.array.work():
        told.append(lid4_status(array, 7))
    told.append(lid4_status(array, 7))
    assert [(s.status, s.segments, s.count, s.delay) for s in told] == [
        (0x12, 0, 0, UNKNOWN_DELAY),
        (0x12, 1, 4 * BLOCK, UNKNOWN_DELAY),
        (0x01, 2, 8 * BLOCK, FINISHED),
    ]
    assert {s.action for s in told} == {0x01}


def test_the_operation_counter_never_falls(array: Bench) -> None:
    copy_lid4(array, ONE, TWO, THREE, immed=True)
    counted = [lid4_status(array, 7).counter]
    while array.array.work():
        counted.append(lid4_status(array, 7).counter)
    counted.append(lid4_status(array, 7).counter)
    assert counted == [0, 2, 4, 6]


def test_a_failure_in_the_background_is_told_by_the_status_alone(array: Bench) -> None:
    past_the_end = segment(0, 256, 1, **IDS)
    assert copy_lid4(array, ONE, past_the_end, THREE, immed=True) == Reply()
    while array.array.work():
        pass
    told = lid4_status(array, 7)
    assert (told.status, told.completion, told.segments) == (0x02, CHECK_CONDITION, 2)
    ended = Reply(status=told.completion, sense=told.sense)
    assert no(ended) == No(*DEVICE_FAILURE, "a00014")
    assert (segment_number(ended), embedded(ended)) == (
        1,
        ("destination", CHECK_CONDITION, (0x5, 0x21, 0x00)),
    )
    assert copied(array, 0)


def test_a_failure_in_the_background_raises_no_unit_attention(array: Bench) -> None:
    copy_lid4(array, segment(0, 256, 1, **IDS), immed=True)
    array.array.work()
    assert array.send(1, status_lid4(7)).status == GOOD


def test_a_device_that_says_nothing_fails_a_copy_in_the_background() -> None:
    array = bench(faults=[Fault(at="write", then=Silence("lost"))])
    copy_lid4(array, ONE, immed=True)
    assert not array.array.work()
    told = lid4_status(array, 7)
    assert (told.status, no(Reply(status=told.completion, sense=told.sense))[:3]) == (0x02, DEVICE_FAILURE)


def test_a_failed_copy_in_the_background_fails_no_other(array: Bench) -> None:
    array.array.faults.add(Fault(at="read", then=check(3, 0x11, 0x00)))
    copy_lid4(array, ONE, list_id=1, immed=True)
    copy_lid4(array, TWO, list_id=2, immed=True)
    while array.array.work():
        pass
    assert [lid4_status(array, n).status for n in (1, 2)] == [0x02, 0x01]


def test_phase_1_is_before_the_answer(array: Bench) -> None:
    wrong = segment(0, 8, 8, type_code=0x03, **IDS)
    assert no(copy_lid4(array, wrong, immed=True))[:3] == (0x5, 0x26, 0x09)
    assert not array.array.work()


def test_a_list_identifier_is_in_use_while_its_copy_is_in_the_background(array: Bench) -> None:
    copy_lid4(array, ONE, immed=True)
    assert no(copy_lid4(array, TWO)) == No(0x5, 0x00, 0x16)
    array.array.work()
    assert copy_lid4(array, TWO).status == GOOD


def test_immed_is_not_looked_at_where_the_profile_says_so() -> None:
    array = with_policy(immediate=False)
    assert copy_lid4(array, ONE, immed=True) == Reply()
    assert copied(array, 0)


def test_later_is_handed_the_rest_of_a_copy() -> None:
    handed: list[Callable[[], None]] = []
    made = Array(memory_array(2, blocks=256).units.values(), later=handed.append)
    array = Bench(made)
    assert copy_lid4(array, ONE, TWO, immed=True) == Reply()
    assert not made.work()
    assert copied(array)
    (rest,) = handed
    rest()
    assert copied(array, 0, 1)
    assert lid4_status(array, 7).status == 0x01


def test_a_copy_that_was_aborted_before_its_turn_is_not_begun_later() -> None:
    handed: list[Callable[[], None]] = []
    array = Bench(Array(memory_array(2, blocks=256).units.values(), later=handed.append))
    copy_lid4(array, ONE, immed=True)
    assert array.send(1, abort(7)).status == GOOD
    handed[0]()
    assert copied(array)


# G_SENSE (SPC-4 6.4.2).


def test_g_sense_tells_with_good_how_many_segments_were_processed(array: Bench) -> None:
    reply = copy_lid4(array, ONE, TWO, THREE, g_sense=True)
    sense = reply.sense
    assert reply.status == GOOD
    assert (sense[0] & 0x7F, sense[2] & 0x0F, sense[12], sense[13]) == (0x70, 0xF, 0x00, 0x20)
    assert int.from_bytes(sense[8:12], "big") == 3
    assert lid4_status(array, 7).sense == sense


def test_without_g_sense_there_is_no_sense_with_good(array: Bench) -> None:
    assert copy_lid4(array, ONE).sense == b""

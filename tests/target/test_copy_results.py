"""What is told of a copy: while it runs, when it is over, until it is gone.

The clauses are those of SPC-4, read as text. That results read in part are kept it says by what it leaves
out: what discards them is listed, and reading a part is not in the list (6.23, 5.17.4.5).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from cdb.command import Reply
from tests.target.bench import (
    BLOCK,
    CHECK_CONDITION,
    GOOD,
    Bench,
    No,
    bench,
    data_in,
    no,
    segment,
)
from tests.target.results_bench import (
    FINISHED,
    UNKNOWN_DELAY,
    Clock,
    Lid1Status,
    Running,
    abort,
    copy_lid4,
    data_lid1,
    data_lid4,
    failure_details,
    lid1_status,
    lid4_state,
    lid4_status,
    status_lid1,
    status_lid4,
    with_policy,
)
from xcopy.target.array import memory_array
from xcopy.target.copy_results import in_units
from xcopy.target.faults import Fault, check

if TYPE_CHECKING:
    from cdb.command import Command

FIRST = segment(0, 64, 4)
PAST_THE_END = segment(0, 256, 1)
UNKNOWN = No(0x5, 0x24, 0x00, "c00002")
IN_PROGRESS = No(0x5, 0x00, 0x16)
HOLD, DISCARD = 0b00, 0b10


@pytest.fixture
def array() -> Bench:
    return bench()


# While it runs (SPC-4 6.21, 6.23 to 6.25).


def test_the_status_of_a_copy_that_runs_may_be_read_again_and_again(array: Bench) -> None:
    running = Running(array, FIRST, usage=HOLD, list_id=7)
    told = [lid1_status(array, 7) for _ in range(3)]
    running.finish()
    assert set(told) == {Lid1Status(8, False, 0x00, 1, 0, 0)}


def test_the_status_of_a_copy_in_its_command_is_in_the_foreground(array: Bench) -> None:
    running = Running(array, FIRST, usage=HOLD, list_id=7)
    told = lid4_status(array, 7)
    running.finish()
    assert (told.status, told.action, told.delay, told.completion, told.sense) == (
        0x11,
        0,
        UNKNOWN_DELAY,
        0,
        b"",
    )


@pytest.mark.parametrize("question", [failure_details(7), data_lid1(7)], ids=["failure details", "held data"])
def test_what_is_told_at_the_end_is_refused_before(array: Bench, question: Command) -> None:
    running = Running(array, FIRST, usage=HOLD, list_id=7)
    reply = array.send(1, question)
    running.finish()
    assert no(reply) == UNKNOWN


def test_held_data_of_a_lid4_question_is_its_status_alone_before(array: Bench) -> None:
    running = Running(array, FIRST, usage=HOLD, list_id=7)
    told = lid4_state(array.send(1, data_lid4(7)))
    running.finish()
    assert (told.status, told.rest) == (0x11, bytes(4))


def test_the_delay_until_the_next_question_is_the_profile_s() -> None:
    array = with_policy(update_delay=250)
    running = Running(array, FIRST, usage=HOLD, list_id=7)
    told = lid4_status(array, 7).delay
    running.finish()
    assert (told, lid4_status(array, 7).delay) == (250, FINISHED)


# When it is over (SPC-4 6.24, 6.25).


def test_a_copy_that_went_well_tells_its_segments_and_bytes(array: Bench) -> None:
    array.copy(FIRST, segment(8, 0, 3), usage=HOLD, list_id=7)
    told = lid4_status(array, 7)
    assert (told.available, told.action, told.status, told.completion) == (28, 0, 0x01, GOOD)
    assert (told.segments, told.units, told.count, told.delay) == (2, 0, 7 * BLOCK, FINISHED)
    assert (told.sense, told.rest) == (b"", b"")


def test_a_copy_that_failed_tells_the_segment_it_failed_in_its_bytes_and_its_sense(array: Bench) -> None:
    ended = array.copy(FIRST, PAST_THE_END, FIRST, usage=HOLD, list_id=7)
    told = lid4_status(array, 7)
    assert (told.status, told.completion, told.segments, told.count) == (0x02, CHECK_CONDITION, 2, 4 * BLOCK)
    assert told.sense == ended.sense
    assert told.available == 28 + -(-len(ended.sense) // 4) * 4
    assert lid1_status(array, 7) == Lid1Status(8, False, 0x02, 2, 0, 4 * BLOCK)


def test_only_whole_segments_are_counted_where_the_profile_says_so() -> None:
    array = with_policy(counts_running_segment=False)
    array.copy(FIRST, PAST_THE_END, usage=HOLD, list_id=7)
    assert (lid1_status(array, 7).segments, lid4_status(array, 7).segments) == (1, 1)


def test_a_copy_that_failed_half_way_through_a_segment_tells_what_was_written() -> None:
    array = bench(chunk_size=BLOCK, faults=[Fault(at="write", nth=3, then=check(3, 0x0C, 0))])
    array.copy(FIRST, usage=HOLD, list_id=7)
    assert lid1_status(array, 7).count == 2 * BLOCK


def test_the_operation_counter_counts_internal_reads_and_writes_that_went_well() -> None:
    array = bench(chunk_size=BLOCK, faults=[Fault(at="write", nth=3, then=check(3, 0x0C, 0))])
    array.copy(FIRST, usage=HOLD, list_id=7)
    assert lid4_status(array, 7).counter == 5


@pytest.mark.parametrize(
    ("count", "units", "told"),
    [
        pytest.param((1 << 32) - 1, 0, (1 << 32) - 1, id="the last that fits in bytes"),
        pytest.param(1 << 32, 1, 1 << 22, id="the first in KiB"),
        pytest.param((1 << 42) + 1023, 2, 1 << 22, id="the first in MiB, rounded down"),
        pytest.param(1 << 70, 4, 1 << 30, id="TiB"),
    ],
)
def test_the_unit_of_the_transfer_count_is_one_that_does_not_overflow(
    count: int, units: int, told: int
) -> None:
    assert in_units(count, 32) == (units, told)


# What is told once, and what discards the rest (SPC-4 6.23, 6.25).


def test_the_lid1_status_of_a_finished_copy_is_told_once(array: Bench) -> None:
    array.copy(FIRST, usage=HOLD, list_id=7)
    lid1_status(array, 7)
    assert no(array.send(1, status_lid1(7))) == UNKNOWN


def test_the_lid4_status_of_a_finished_copy_is_told_as_often_as_it_is_asked(array: Bench) -> None:
    array.copy(FIRST, PAST_THE_END, usage=HOLD, list_id=7)
    told = [lid4_status(array, 7) for _ in range(3)]
    assert len(set(told)) == 1


def test_the_failure_details_have_the_status_and_sense_the_command_ended_with(array: Bench) -> None:
    ended = array.copy(FIRST, PAST_THE_END, usage=HOLD, list_id=7)
    data = array.send(1, failure_details(7)).data
    available, status, length = struct.unpack(">I52xBxH", data[:60])
    assert (available, status, length) == (len(data) - 4, CHECK_CONDITION, len(ended.sense))
    assert data[60:] == ended.sense
    assert data[4:56] == bytes(52)


def test_failure_details_that_were_told_whole_are_gone(array: Bench) -> None:
    array.copy(PAST_THE_END, usage=HOLD, list_id=7)
    array.send(1, failure_details(7))
    assert array.send(1, failure_details(7)).data == bytes(4)


@pytest.mark.parametrize("room", [4, 59, 60])
def test_failure_details_that_were_told_in_part_are_kept_and_say_how_much_there_is(
    array: Bench, room: int
) -> None:
    array.copy(PAST_THE_END, usage=HOLD, list_id=7)
    part = array.send(1, failure_details(7, room)).data
    whole = array.send(1, failure_details(7)).data
    assert part == whole[:room]
    assert len(whole) > 60


def test_failure_details_are_given_up_by_an_allocation_length_of_0(array: Bench) -> None:
    array.copy(PAST_THE_END, usage=HOLD, list_id=7)
    assert array.send(1, failure_details(7, 0)) == Reply()
    assert array.send(1, failure_details(7)).data == bytes(4)


def test_a_copy_that_went_well_has_no_failure_details(array: Bench) -> None:
    array.copy(FIRST, usage=HOLD, list_id=7)
    assert array.send(1, failure_details(7)).data == bytes(4)


def test_failure_details_are_of_lid1_copies_alone(array: Bench) -> None:
    copy_lid4(array, segment(0, 256, 1, source=1, destination=2), list_id=7)
    assert no(array.send(1, failure_details(7))) == UNKNOWN


def test_reading_the_status_leaves_the_failure_details(array: Bench) -> None:
    ended = array.copy(PAST_THE_END, usage=HOLD, list_id=7)
    lid1_status(array, 7)
    assert array.send(1, failure_details(7)).data[60:] == ended.sense


def test_one_available_byte_too_many_where_the_profile_says_so() -> None:
    array = with_policy(failure_details_excess=1)
    array.copy(PAST_THE_END, usage=HOLD, list_id=7)
    data = array.send(1, failure_details(7)).data
    assert int.from_bytes(data[:4], "big") == len(data) - 3


@pytest.mark.parametrize("question", [status_lid4(7), failure_details(7, 4), data_lid1(7)])
def test_whatever_is_read_of_a_finished_copy_is_the_last_where_the_profile_says_so(question: Command) -> None:
    array = with_policy(reading_frees=True)
    array.copy(PAST_THE_END, usage=HOLD, list_id=7)
    assert array.send(1, question).status == GOOD
    for again in (status_lid1(7), status_lid4(7), failure_details(7)):
        assert no(array.send(1, again)) == UNKNOWN


def test_a_copy_that_was_polled_is_forgotten_when_it_ends_where_the_profile_says_so() -> None:
    array = with_policy(polling_frees=True)
    running = Running(array, FIRST, usage=HOLD, list_id=7)
    assert lid1_status(array, 7).status == 0x00
    assert running.finish().status == GOOD
    assert no(array.send(1, status_lid1(7))) == UNKNOWN


def test_results_are_gone_when_their_time_is_over() -> None:
    clock = Clock()
    array = with_policy(clock=clock)
    array.copy(FIRST, usage=HOLD, list_id=7)
    clock.seconds += 59.9
    assert lid4_status(array, 7).status == 0x01
    clock.seconds += 0.1
    assert no(array.send(1, status_lid4(7))) == UNKNOWN


def test_results_are_gone_when_their_place_is_needed() -> None:
    array = with_policy(results_kept=2)
    for list_id in (1, 2, 3):
        array.copy(FIRST, usage=HOLD, list_id=list_id)
    assert no(array.send(1, status_lid4(1))) == UNKNOWN
    assert [lid4_status(array, n).status for n in (2, 3)] == [0x01, 0x01]


def test_results_are_gone_when_the_nexus_is_lost_and_those_of_another_are_not(array: Bench) -> None:
    array.send(1, status_lid4(7), "other")
    array.copy(FIRST, usage=HOLD, list_id=7)
    copy_lid4(array, segment(0, 0, 1, source=1, destination=2), list_id=8, nexus="other")
    array.array.lose("initiator")
    assert no(array.send(1, status_lid4(7))) == No(0x6, 0x29, 0x07)  # I_T NEXUS LOSS OCCURRED, once
    assert no(array.send(1, status_lid4(7))) == UNKNOWN
    assert lid4_status(array, 8, "other").status == 0x01


def test_a_lost_nexus_does_not_end_its_copy(array: Bench) -> None:
    running = Running(array, FIRST, usage=HOLD, list_id=7)  # SPC-4 5.17.5, table 109
    array.array.lose("initiator")
    assert running.finish().status == GOOD


def test_a_reset_discards_the_results_of_the_unit_and_tells_every_nexus() -> None:
    array = bench(3)
    array.send(1, status_lid4(7), "other")
    array.copy(FIRST, to=1, usage=HOLD, list_id=7)
    array.copy(FIRST, to=2, usage=HOLD, list_id=8)
    array.array.reset(1)
    for nexus in ("initiator", "other"):
        assert no(array.send(1, status_lid4(7), nexus)) == No(0x6, 0x29, 0x03)
        assert no(array.send(1, status_lid4(7), nexus)) == UNKNOWN
    assert lid4_status(array, 8).status == 0x01


def test_lost_power_discards_all_results_and_ends_all_copies(array: Bench) -> None:
    # by way of SAM-5: power on is a logical unit reset of every unit (SPC-4 5.17.5, table 109)
    array.copy(FIRST, usage=HOLD, list_id=7)
    copy_lid4(array, segment(0, 0, 1, source=1, destination=2), list_id=8, immed=True)
    before = array.contents
    array.array.power_cycle()
    assert not array.array.work()
    assert array.contents == before
    assert no(array.send(1, status_lid4(7))) == No(0x6, 0x29, 0x00)
    assert no(array.send(1, status_lid4(7))) == UNKNOWN
    assert no(array.send(1, status_lid4(8))) == UNKNOWN


def test_a_reset_does_not_hide_that_the_unit_was_powered_on() -> None:
    array = Bench(memory_array(2, blocks=256))
    array.array.reset(1)
    assert no(array.send(1, status_lid4(7), "newcomer")) == No(0x6, 0x29, 0x00)


# List id usage 10b (SPC-4 6.4.3.2): held data is gone, the rest is not (5.17.7.4 h).


def test_usage_10b_keeps_status_and_failure_details(array: Bench) -> None:
    ended = array.copy(PAST_THE_END, usage=DISCARD, list_id=7)
    assert array.send(1, failure_details(7)).data[60:] == ended.sense
    assert lid1_status(array, 7).status == 0x02


@pytest.mark.parametrize("question", [data_lid1(7), data_lid4(7)], ids=["LID1", "LID4"])
def test_usage_10b_keeps_no_held_data(array: Bench, question: Command) -> None:
    array.copy(FIRST, usage=DISCARD, list_id=7)
    assert no(array.send(1, question)) == UNKNOWN


def test_usage_10b_keeps_nothing_where_the_profile_says_so() -> None:
    array = with_policy(keeps_discardable=False)
    array.copy(PAST_THE_END, usage=DISCARD, list_id=7)
    for question in (status_lid1(7), status_lid4(7), failure_details(7)):
        assert no(array.send(1, question)) == UNKNOWN


# What the questions themselves may get wrong.


@pytest.mark.parametrize("service_action", [0, 1, 4])
def test_a_reserved_byte_of_a_lid1_question_is_pointed_at(array: Bench, service_action: int) -> None:
    reply = array.send(1, data_in(f"84{service_action:02x}070100000000000000000000ff0000", 255))
    assert no(reply) == No(0x5, 0x24, 0x00, "c80003")


@pytest.mark.parametrize("service_action", [5, 6])
def test_a_reserved_byte_of_a_lid4_question_is_pointed_at(array: Bench, service_action: int) -> None:
    reply = array.send(1, data_in(f"84{service_action:02x}000000070100000000000000ff0000", 255))
    assert no(reply) == No(0x5, 0x24, 0x00, "c80006")


def test_service_actions_the_profile_leaves_out_are_invalid() -> None:
    array = with_policy(copy_out=frozenset({0x00}), copy_in=frozenset({0x03}), unknown_copy_out=(0x20, 0x00))
    assert no(copy_lid4(array, FIRST)) == No(0x5, 0x20, 0x00)
    assert no(array.send(1, abort(7))) == No(0x5, 0x20, 0x00)
    assert no(array.send(1, status_lid4(7))) == No(0x5, 0x24, 0x00, "cc0001")

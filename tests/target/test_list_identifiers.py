"""List identifiers: who knows a copy by which, when one is in use, and how many copies there may be.

SPC-4 5.17.4.2 and 6.4.3.2, read as text; what there may be at once is 6.22.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.target.bench import (
    BLOCK,
    CHECK_CONDITION,
    GOOD,
    TASK_SET_FULL,
    Bench,
    No,
    bench,
    capable,
    copy_list,
    extended_copy,
    no,
    segment,
)
from tests.target.results_bench import (
    Lid1Status,
    Running,
    copy_lid4,
    data_lid1,
    data_lid4,
    failure_details,
    lid1_status,
    lid4_status,
    status_lid1,
    status_lid4,
    with_policy,
)

FIRST = segment(0, 64, 4)
PAST_THE_END = segment(0, 256, 1)
UNKNOWN = No(0x5, 0x24, 0x00, "c00002")
IN_PROGRESS = No(0x5, 0x00, 0x16)
HOLD, DISCARD = 0b00, 0b10


@pytest.fixture
def array() -> Bench:
    return bench()


def test_a_nexus_never_sees_another_s_copy(array: Bench) -> None:
    array.copy(FIRST, usage=HOLD, list_id=7)
    array.send(1, status_lid4(7), "other")  # takes the unit attention
    for question in (status_lid1(7), status_lid4(7), data_lid1(7), data_lid4(7), failure_details(7)):
        assert no(array.send(1, question, "other")) == UNKNOWN
    assert lid1_status(array, 7).status == 0x01


def test_two_nexuses_may_use_one_list_identifier_at_once(array: Bench) -> None:
    running = Running(array, FIRST, usage=HOLD, list_id=7)
    array.send(1, status_lid4(7), "other")
    assert (
        copy_lid4(array, segment(0, 0, 1, source=1, destination=2), list_id=7, nexus="other").status == GOOD
    )
    assert running.finish().status == GOOD


def test_a_list_identifier_of_8_bits_is_one_of_32_bits(array: Bench) -> None:
    array.copy(FIRST, usage=HOLD, list_id=0xFD)
    assert lid4_status(array, 0x000000FD).status == 0x01


def test_the_same_list_identifier_in_the_other_format_is_an_invalid_field(array: Bench) -> None:
    running = Running(array, FIRST, usage=HOLD, list_id=7)
    second = copy_lid4(array, segment(0, 0, 1, source=1, destination=2), list_id=7)
    assert running.finish().status == GOOD
    assert no(second) == No(0x5, 0x26, 0x00, "800014")  # 6.4.3.2


def test_a_copy_that_runs_is_untouched_by_one_that_wanted_its_list_identifier(array: Bench) -> None:
    running = Running(array, FIRST, usage=HOLD, list_id=7)
    assert no(array.copy(segment(0, 0, 1), usage=HOLD, list_id=7)) == IN_PROGRESS
    assert lid1_status(array, 7).status == 0x00
    assert running.finish().status == GOOD
    assert lid1_status(array, 7) == Lid1Status(8, False, 0x01, 1, 0, 4 * BLOCK)


def test_a_duplicate_is_an_invalid_field_where_the_profile_says_so() -> None:
    array = with_policy(duplicate=(0x26, 0x00))
    running = Running(array, FIRST, usage=HOLD, list_id=7)
    second = array.copy(segment(0, 0, 1), usage=HOLD, list_id=7)
    running.finish()
    assert no(second) == No(0x5, 0x26, 0x00, "800000")


def test_the_list_identifier_of_a_finished_copy_starts_a_new_one_and_the_old_results_are_gone(
    array: Bench,
) -> None:
    assert array.copy(FIRST, PAST_THE_END, usage=HOLD, list_id=7).status == CHECK_CONDITION
    assert array.copy(segment(0, 0, 2), usage=HOLD, list_id=7).status == GOOD
    assert lid1_status(array, 7) == Lid1Status(8, False, 0x01, 1, 0, 2 * BLOCK)
    assert array.send(1, failure_details(7)).data == bytes(4)


def test_a_copy_without_list_identifier_is_known_to_nobody(array: Bench) -> None:
    assert array.copy(FIRST).status == GOOD
    assert no(array.send(1, status_lid1(0))) == UNKNOWN
    assert no(array.send(1, status_lid4(0))) == UNKNOWN


def test_a_list_that_is_refused_leaves_no_list_identifier_and_keeps_old_results(array: Bench) -> None:
    array.copy(FIRST, usage=HOLD, list_id=7)
    refused = segment(0, 8, 8, type_code=0x03)
    assert array.copy(refused, usage=HOLD, list_id=7).status == CHECK_CONDITION
    assert array.copy(refused, usage=HOLD, list_id=8).status == CHECK_CONDITION
    assert lid4_status(array, 7).status == 0x01
    assert no(array.send(1, status_lid4(8))) == UNKNOWN


REFUSED: dict[str, dict[str, Any]] = {
    "usage 01b": {"usage": 0b01},
    "a CSCD list of no whole descriptors": {"cscd_length": 33},
    "inline data": {"inline": bytes(4)},
    "a segment list that ends too soon": {"segment_length": 27},
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_whatever_is_wrong_with_a_list_its_identifier_is_free_afterwards(array: Bench, wrong: str) -> None:
    # SPC-4 5.17.7.3: and VALID is 0, the sense key is not COPY ABORTED
    fields: dict[str, Any] = {"usage": HOLD, "list_id": 8, **REFUSED[wrong]}
    reply = array.copy(FIRST, **fields)
    assert (reply.status, reply.sense[0], reply.sense[2]) == (CHECK_CONDITION, 0x70, 0x05)
    assert reply.sense[3:12] == bytes.fromhex("000000000a00000000")
    assert no(array.send(1, status_lid4(8))) == UNKNOWN
    assert array.contents == array.before


def test_a_parameter_list_length_of_0_touches_no_list_identifier(array: Bench) -> None:
    array.copy(FIRST, usage=HOLD, list_id=7)
    again = copy_list(array.cscds(), [FIRST], usage=HOLD, list_id=7)
    assert array.send(1, extended_copy(again, 0)).status == GOOD
    assert lid1_status(array, 7).count == 4 * BLOCK


def test_units_know_each_other_s_list_identifiers(array: Bench) -> None:
    array.copy(FIRST, to=0, usage=HOLD, list_id=7)
    assert lid4_status(array, 7).status == 0x01


def test_units_do_not_know_each_other_s_list_identifiers_where_the_profile_says_so() -> None:
    array = with_policy(identifiers_by_unit=True)
    array.copy(FIRST, to=0, usage=HOLD, list_id=7)
    assert no(array.send(1, status_lid4(7))) == UNKNOWN
    assert array.send(0, status_lid4(7)).status == GOOD


@pytest.mark.parametrize("limit", ["total_concurrent_copies", "maximum_concurrent_copies"])
def test_a_copy_too_many_is_insufficient_resources_where_the_profile_says_so(limit: str) -> None:
    array = with_policy(profile=bench(advertised=capable(**{limit: 1})).array.profile, too_many=(0x55, 0x03))
    running = Running(array, FIRST, usage=DISCARD, list_id=1)
    second = array.copy(segment(0, 0, 1), usage=DISCARD, list_id=2)
    assert running.finish().status == GOOD
    assert no(second) == No(0x5, 0x55, 0x03)


def test_copies_without_list_identifier_do_not_count_among_the_identified() -> None:
    array = bench(advertised=capable(maximum_concurrent_copies=1))
    running = Running(array, FIRST)
    second = array.copy(segment(0, 0, 1), usage=HOLD, list_id=2)
    assert (second.status, running.finish().status) == (GOOD, GOOD)


def test_copies_of_both_kinds_count_together() -> None:
    array = bench(advertised=capable(total_concurrent_copies=1))
    running = Running(array, FIRST, usage=HOLD, list_id=2)
    second = array.copy(segment(0, 0, 1))
    running.finish()
    assert second.status == TASK_SET_FULL

"""Data a copy holds for the initiator: told whole once, cut to a limit, and what else it is gone by.

SPC-4 5.17.4.5, 6.20 and 6.21. Segments of type 0Dh hold what they copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdb.command import Reply
from tests.target.bench import BLOCK, CHECK_CONDITION, GOOD, Bench, No, bench, capable, no, segment
from tests.target.results_bench import (
    Clock,
    abort,
    copy_lid4,
    data_lid1,
    data_lid4,
    lid1_status,
    lid4_state,
    lid4_status,
    with_policy,
)
from xcopy.target.faults import Call, Fault

if TYPE_CHECKING:
    from cdb.command import Command

HELD = segment(0, 64, 2, type_code=0x0D)
MORE = segment(8, 80, 1, type_code=0x0D)
PAST_THE_END = segment(0, 256, 1)
UNKNOWN = No(0x5, 0x24, 0x00, "c00002")
ABLE = capable(implemented_types=(0x02, 0x0D, 0xE4), held_data_limit=3 * BLOCK)


@pytest.fixture
def array() -> Bench:
    return bench(advertised=ABLE)


def held_by(array: Bench, *pieces: tuple[int, int]) -> bytes:
    """Those blocks of the source: from an LBA on, so many."""
    return b"".join(array.before[0][lba * BLOCK : (lba + blocks) * BLOCK] for lba, blocks in pieces)


def length(data: bytes) -> bytes:
    """Four bytes that say how long something is."""
    return len(data).to_bytes(4, "big")


def big(question: Command) -> Command:
    """The question with room for everything."""
    cdb = question.cdb[:10] + (8192).to_bytes(4, "big") + question.cdb[14:]
    return type(question)(name=question.name, cdb=cdb, data_in=8192)


def test_held_data_are_what_the_segments_processed_in_their_order(array: Bench) -> None:
    assert array.copy(HELD, MORE, usage=0, list_id=7).status == GOOD
    data = held_by(array, (0, 2), (8, 1))
    assert array.send(1, big(data_lid1(7))).data == length(data) + data


def test_held_data_of_a_lid4_copy_follow_its_state(array: Bench) -> None:
    segments = [segment(0, 64, 2, type_code=0x0D, source=1, destination=2)]
    assert copy_lid4(array, *segments, list_id=7).status == GOOD
    told = lid4_state(array.send(1, big(data_lid4(7))))
    data = held_by(array, (0, 2))
    assert told.rest == length(data) + data
    assert (told.available, told.status, told.hdd) == (28 + 4 + len(data), 0x01, False)


@pytest.mark.parametrize("question", [data_lid1(7), data_lid4(7)], ids=["LID1", "LID4"])
def test_held_data_that_were_told_whole_are_gone(array: Bench, question: Command) -> None:
    array.copy(HELD, usage=0, list_id=7)
    assert len(array.send(1, big(question)).data) > 2 * BLOCK
    assert array.send(1, big(data_lid1(7))).data == bytes(4)
    assert lid4_state(array.send(1, big(data_lid4(7)))).rest == bytes(4)
    assert not lid4_state(array.send(1, data_lid4(7))).hdd


@pytest.mark.parametrize("room", [3, 4, 5, 4 + 2 * BLOCK - 1])
def test_held_data_that_were_told_in_part_are_kept_and_say_how_much_there_is(array: Bench, room: int) -> None:
    array.copy(HELD, usage=0, list_id=7)
    data = held_by(array, (0, 2))
    assert array.send(1, data_lid1(7, room)).data == (length(data) + data)[:room]
    assert array.send(1, big(data_lid1(7))).data == length(data) + data


@pytest.mark.parametrize("question", [data_lid1(7, 0), data_lid4(7, 0)], ids=["LID1", "LID4"])
def test_held_data_are_given_up_by_an_allocation_length_of_0(array: Bench, question: Command) -> None:
    array.copy(HELD, usage=0, list_id=7)
    assert array.send(1, question) == Reply()
    assert array.send(1, big(data_lid1(7))).data == bytes(4)


def test_of_more_than_the_limit_the_newest_are_held_and_that_is_told(array: Bench) -> None:
    array.copy(HELD, HELD, MORE, usage=0, list_id=7)
    assert lid1_status(array, 7).hdd
    told = lid4_state(array.send(1, data_lid4(7)))
    assert told.hdd
    data = held_by(array, (0, 2), (8, 1))
    assert array.send(1, big(data_lid1(7))).data == length(data) + data


def test_the_lid4_status_does_not_tell_that_held_data_were_discarded(array: Bench) -> None:
    array.copy(HELD, HELD, usage=0, list_id=7)
    assert not lid4_status(array, 7).hdd  # reserved there: 6.24, table 248


def test_of_exactly_the_limit_nothing_is_discarded(array: Bench) -> None:
    array.copy(HELD, MORE, usage=0, list_id=7)
    assert not lid1_status(array, 7).hdd


def test_a_copy_that_failed_tells_its_held_data_to_lid1_alone(array: Bench) -> None:
    assert array.copy(HELD, PAST_THE_END, usage=0, list_id=7).status == CHECK_CONDITION
    told = lid4_state(array.send(1, data_lid4(7)))
    assert (told.status, told.rest) == (0x02, bytes(4))
    data = held_by(array, (0, 2))
    assert array.send(1, big(data_lid1(7))).data == length(data) + data


def test_held_data_are_gone_with_a_new_copy_of_their_list_identifier(array: Bench) -> None:
    array.copy(HELD, usage=0, list_id=7)
    array.copy(segment(0, 0, 1), usage=0, list_id=7)
    assert array.send(1, big(data_lid1(7))).data == bytes(4)


def test_held_data_leave_the_status_and_the_status_leaves_them(array: Bench) -> None:
    array.copy(HELD, usage=0, list_id=7)
    assert lid1_status(array, 7).count == 2 * BLOCK
    assert len(array.send(1, big(data_lid1(7))).data) == 4 + 2 * BLOCK
    assert lid4_status(array, 7).count == 2 * BLOCK


def test_held_data_are_gone_when_their_time_is_over() -> None:
    clock = Clock()
    array = with_policy(clock=clock, profile=bench(advertised=ABLE).array.profile)
    array.copy(HELD, usage=0, list_id=7)
    clock.seconds += 60
    assert no(array.send(1, big(data_lid1(7)))) == UNKNOWN


def test_an_aborted_copy_keeps_what_it_held() -> None:
    array = bench(advertised=ABLE, chunk_size=BLOCK)
    array.array.faults.add(Fault(at="write", nth=2, then=Call(lambda: array.send(1, abort(7)))))
    assert no(array.copy(HELD, MORE, usage=0, list_id=7)) == No(0xA, 0x2F, 0x02)
    assert array.send(1, big(data_lid1(7))).data[4:] == held_by(array, (0, 2))

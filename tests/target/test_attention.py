"""Unit attentions: what a nexus is told of a unit, in which order, and by which commands.

The commands that pass are SPC-4 6.33 and 6.39's; the order is SAM-5's, which could not be checked.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.target.bench import (
    BLOCK,
    BLOCKS,
    GOOD,
    TEST_UNIT_READY,
    Bench,
    No,
    bench,
    data_in,
    embedded,
    no,
    read_16,
    segment,
    write_16,
)
from xcopy.target.array import Array, memory_array
from xcopy.target.attention import INQUIRY_CHANGED, LUNS_CHANGED, MEDIUM_CHANGED
from xcopy.target.faults import Call, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.command import Command

POWER_ON, RESET, NEXUS_LOSS = No(6, 0x29, 0x00), No(6, 0x29, 0x03), No(6, 0x29, 0x07)
CAPACITY = No(6, 0x2A, 0x09)
REQUEST_SENSE = data_in("03000000fc00", 252)
REQUEST_DESCRIPTORS = data_in("03010000fc00", 252)
REPORT_LUNS = data_in("a00000000000000001000000", 256)
INQUIRY = data_in("120000002400", 36)


@pytest.fixture
def array() -> Bench:
    """Two nexuses that have nothing to be told."""
    made = bench()
    for number in (0, 1):
        made.send(number, TEST_UNIT_READY, "other")
    return made


def told(array: Bench, number: int = 0, nexus: str | None = None) -> list[No]:
    """All that a nexus is told until TEST UNIT READY is good."""
    found = []
    while (reply := array.send(number, TEST_UNIT_READY, nexus)).status != GOOD:
        found.append(no(reply))
        assert len(found) < 10
    return found


def sense_of(data: bytes) -> tuple[int, int, int]:
    """Key, ASC and ASCQ of fixed format sense data."""
    assert (data[0], data[7]) == (0x70, len(data) - 8)
    return data[2] & 0x0F, data[12], data[13]


def test_a_resize_is_told_to_every_nexus_of_that_unit_once(array: Bench) -> None:
    array.array.resize(0, 128)
    assert told(array) == told(array, nexus="other") == [CAPACITY]
    assert told(array) == told(array, number=1) == []


def test_what_is_to_be_told_twice_is_told_once(array: Bench) -> None:
    array.array.resize(0, 128)
    array.array.resize(0, BLOCKS)
    assert told(array) == [CAPACITY]


def test_attentions_are_told_in_the_order_in_which_things_happened(array: Bench) -> None:
    array.array.attend(MEDIUM_CHANGED, number=0)
    array.array.resize(0, 128)
    array.array.attend(INQUIRY_CHANGED, number=0)
    assert told(array) == [No(6, 0x28, 0x00), CAPACITY, No(6, 0x3F, 0x03)]


def test_a_reset_is_told_before_what_happened_earlier(array: Bench) -> None:
    array.array.resize(0, 128)
    array.array.reset(0)
    assert told(array) == [RESET, CAPACITY]


def test_a_reset_is_told_to_all_but_the_nexus_that_hears_of_it_elsewhere(array: Bench) -> None:
    array.array.reset(0, but="initiator")
    assert (told(array), told(array, nexus="other")) == ([], [RESET])


@pytest.mark.parametrize("power_first", [True, False])
def test_of_several_resets_the_one_that_says_most_is_told(array: Bench, power_first: bool) -> None:
    events: list[Callable[[], None]] = [
        array.array.power_cycle,
        partial(array.array.reset, 0),
        partial(array.array.lose, "initiator"),
    ]
    for happen in events if power_first else events[::-1]:
        happen()
    assert told(array) == [POWER_ON]


def test_a_lost_nexus_is_told_to_that_nexus_at_every_unit(array: Bench) -> None:
    array.array.lose("initiator")
    assert told(array) == told(array, number=1) == [NEXUS_LOSS]
    assert told(array, nexus="other") == []


def test_who_comes_first_after_a_change_is_told_of_power_on_alone() -> None:
    array = memory_array()
    array.resize(0, 128)
    assert no(array.open(0).send(TEST_UNIT_READY)) == POWER_ON
    assert array.open(0).send(TEST_UNIT_READY).status == GOOD


def test_what_comes_first_may_be_another_attention() -> None:
    session = memory_array(first_attention=(0x3F, 0x0E)).open(0)
    assert no(session.send(TEST_UNIT_READY)) == No(6, 0x3F, 0x0E)
    assert session.send(TEST_UNIT_READY).status == GOOD


@pytest.mark.parametrize("command", [INQUIRY, REPORT_LUNS], ids=["INQUIRY", "REPORT LUNS"])
def test_a_command_that_passes_is_answered_and_leaves_the_attention(array: Bench, command: Command) -> None:
    array.array.resize(0, 128)
    assert array.send(0, command).status == GOOD
    assert told(array) == [CAPACITY]


def test_request_sense_tells_the_next_attention_as_data(array: Bench) -> None:
    array.array.resize(0, 128)
    array.array.attend(INQUIRY_CHANGED, number=0)
    assert sense_of(array.send(0, REQUEST_SENSE).data) == CAPACITY[:3]
    assert sense_of(array.send(0, REQUEST_SENSE).data) == (6, 0x3F, 0x03)
    assert sense_of(array.send(0, REQUEST_SENSE).data) == (0, 0, 0)
    assert told(array) == []


def test_request_sense_tells_in_descriptor_format_when_asked(array: Bench) -> None:
    array.array.resize(0, 128)
    assert array.send(0, REQUEST_DESCRIPTORS).data.hex() == "72062a0900000000"


def test_request_sense_that_is_wrong_takes_no_attention(array: Bench) -> None:
    array.array.resize(0, 128)
    assert no(array.send(0, data_in("03020000fc00", 252))) == No(5, 0x24, 0x00, "c90001")
    assert told(array) == [CAPACITY]


def test_report_luns_tells_that_the_units_changed_at_all_of_them(array: Bench) -> None:
    array.array.attend(LUNS_CHANGED)
    array.array.resize(1, 128)
    array.send(0, REPORT_LUNS)
    assert (told(array), told(array, number=1)) == ([], [CAPACITY])
    assert told(array, nexus="other") == [No(6, 0x3F, 0x0E)]


def test_report_luns_lists_units_by_peripheral_flat_and_extended_addresses() -> None:
    array = Bench(memory_array(1, blocks=1))
    unit = array.array.units[0]
    numbers = (0, 255, 256, 0x3FFF, 0x4000)
    found = Array(
        [type(unit)(number=n, serial="s", block_size=BLOCK, blocks=1, backing=unit.backing) for n in numbers]
    )
    data = found.open(0).send(REPORT_LUNS).data
    assert data[:8].hex() == "0000002800000000"
    assert [data[n : n + 8].hex() for n in range(8, 48, 8)] == [
        "0000000000000000",
        "00ff000000000000",
        "4100000000000000",
        "7fff000000000000",
        "d200400000000000",
    ]


@pytest.mark.parametrize(("select", "units"), [(0, 2), (1, 0), (2, 2)])
def test_report_luns_lists_what_was_selected(array: Bench, select: int, units: int) -> None:
    data = array.send(0, data_in(f"a000{select:02x}000000000001000000", 256)).data
    assert (data[3], len(data)) == (8 * units, 8 + 8 * units)


def test_a_selection_that_is_reserved_is_pointed_at(array: Bench) -> None:
    assert no(array.send(0, data_in("a00003000000000001000000", 256))) == No(5, 0x24, 0, "c00002")


def test_attentions_are_in_the_format_of_the_unit() -> None:
    session = memory_array(descriptor_sense=True).open(0)
    assert session.send(TEST_UNIT_READY).sense.hex() == "7206290000000000"


# What is resized


def test_a_resized_unit_has_its_new_blocks_and_keeps_its_bytes(array: Bench) -> None:
    array.array.resize(0, 128)
    told(array)
    assert array.send(0, data_in("25" + "00" * 9, 8)).data.hex() == "0000007f00000200"
    assert no(array.send(0, read_16(128, 1))) == No(5, 0x21, 0)
    array.array.resize(0, BLOCKS)
    told(array)
    assert array.send(0, read_16(128, 1)).data == array.before[0][128 * BLOCK : 129 * BLOCK]


def test_a_unit_does_not_become_larger_than_its_backing(array: Bench) -> None:
    with pytest.raises(ValueError, match="the backing holds"):
        array.array.resize(0, BLOCKS + 1)
    assert told(array) == []


def test_a_unit_that_shrinks_under_a_copy_ends_it_where_it_has_become_too_short() -> None:
    array = bench(chunk_size=4 * BLOCK)
    shrink = Call(lambda: array.array.resize(0, 6))
    array.array.faults.add(Fault(at="read", nth=2, then=shrink))
    reply = array.copy(segment(0, 0, 12))
    assert no(reply)[:3] == (0xA, 0x0D, 0x01)
    assert embedded(reply) == ("source", 2, (5, 0x21, 0))
    assert array.contents[1] == array.before[0][: 4 * BLOCK] + array.before[1][4 * BLOCK :]


def test_a_unit_that_is_resized_stays_reserved_and_locked_by_the_same() -> None:
    array = memory_array()
    before = array.units[0]
    array.resize(0, 128)
    after = array.units[0]
    assert after.reservations is before.reservations
    assert (after.mode, after.changing) == (before.mode, before.changing)


def test_writes_go_on_after_a_resize(array: Bench) -> None:
    array.array.resize(0, 128)
    told(array)
    assert array.send(0, write_16(127, b"x" * BLOCK)).status == GOOD

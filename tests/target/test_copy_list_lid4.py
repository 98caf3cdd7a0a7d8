"""Phase 1 of EXTENDED COPY(LID4): its header, and the checks it shares with LID1 at offsets of its own.

SPC-4 6.4.1, 6.4.2 with table 126, and 6.4.3. The CSCD id of the first descriptor is 1 by that table.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.target.bench import (
    BLOCK,
    GOOD,
    Bench,
    No,
    bench,
    capable,
    cscd,
    no,
    segment,
    segment_number,
)
from tests.target.results_bench import copy_lid4, extended_copy_lid4, lid4_list, with_policy

IDS = {"source": 1, "destination": 2}
MOVES = segment(0, 8, 8, **IDS)
INVALID = (0x5, 0x26, 0x00)
LENGTH = No(0x5, 0x1A, 0x00, "c0000a")
NOT_REACHABLE = (0xA, 0x0D, 0x02)


@pytest.fixture
def array() -> Bench:
    return bench()


def refused(array: Bench, parameter_list: bytes, length: int | None = None) -> No:
    """The refusal of a list, after making sure that it moved nothing."""
    reply = array.send(1, extended_copy_lid4(parameter_list, length))
    assert array.contents == array.before
    return no(reply)


def moved(array: Bench) -> bool:
    """True when the eight blocks were copied and nothing else."""
    expected = bytearray(array.before[1])
    expected[8 * BLOCK : 16 * BLOCK] = array.before[0][: 8 * BLOCK]
    return array.contents == [array.before[0], bytes(expected)]


@pytest.mark.parametrize("usage", [0b00, 0b10])
def test_a_copy_of_a_lid4_list_moves_its_blocks(array: Bench, usage: int) -> None:
    assert copy_lid4(array, MOVES, usage=usage).status == GOOD
    assert moved(array)


def test_a_copy_without_list_identifier_moves_its_blocks(array: Bench) -> None:
    assert copy_lid4(array, MOVES, usage=0b11, list_id=0).status == GOOD
    assert moved(array)


def test_cscd_id_0_is_the_header_and_names_nobody(array: Bench) -> None:
    reply = copy_lid4(array, segment(0, 8, 8, source=0, destination=1))
    assert no(reply) == No(*NOT_REACHABLE, "a00004")
    assert array.contents == array.before


def test_the_first_cscd_has_id_0_where_the_profile_says_so() -> None:
    array = with_policy(lid4_first_cscd=0)
    assert copy_lid4(array, segment(0, 8, 8, source=0, destination=1)).status == GOOD
    assert moved(array)


@pytest.mark.parametrize(("first", "ids"), [(1, IDS), (0, {"source": 0, "destination": 1})])
def test_a_cscd_that_cannot_be_reached_is_pointed_at(first: int, ids: dict[str, int]) -> None:
    array = with_policy(lid4_first_cscd=first)
    cscds = [array.cscds()[0], cscd(bytes(16))]
    reply = array.send(1, extended_copy_lid4(lid4_list(cscds, [segment(0, 8, 8, **ids)])))
    assert no(reply) == No(*NOT_REACHABLE, "800050")
    assert segment_number(reply) == 0


@pytest.mark.parametrize("length", [1, 15, 16, 20, 47])
def test_a_list_shorter_than_its_header_is_a_length_error(array: Bench, length: int) -> None:
    assert refused(array, lid4_list(array.cscds(), [MOVES])[:length]) == LENGTH


@pytest.mark.parametrize("length", [48, 79, 111, 112, 139])
def test_a_list_cut_short_in_its_descriptors_is_a_length_error(array: Bench, length: int) -> None:
    assert refused(array, lid4_list(array.cscds(), [MOVES])[:length]) == LENGTH


def test_a_parameter_list_length_of_0_is_good_and_copies_nothing(array: Bench) -> None:
    reply = array.send(1, extended_copy_lid4(lid4_list(array.cscds(), [MOVES]), 0))
    assert (reply.status, array.contents) == (GOOD, array.before)


def test_a_cdb_that_promises_more_than_arrived_is_an_invalid_field(array: Bench) -> None:
    assert refused(array, lid4_list(array.cscds(), [MOVES]), 141) == No(0x5, 0x24, 0x00, "c0000a")


@pytest.mark.parametrize(
    ("place", "value", "pointer"),
    [
        pytest.param("0", 0x00, "800000", id="parameter list format 0"),
        pytest.param("0", 0x02, "800000", id="parameter list format 2"),
        pytest.param("1.7", 1, "8f0001", id="reserved bit 7 of byte 1"),
        pytest.param("2-3", 0x0040, "800002", id="header CSCD descriptor list length"),
        pytest.param("4", 0x01, "880004", id="reserved byte 4"),
        pytest.param("14", 0x80, "8f000e", id="reserved byte 14"),
        pytest.param("15.2", 1, "8a000f", id="reserved bit 2 of byte 15"),
        pytest.param("16", 0xE4, "800010", id="header CSCD descriptor type"),
        pytest.param("17", 0x10, "8c0011", id="reserved byte 17"),
        pytest.param("24", 0x01, "880018", id="reserved byte 24"),
        pytest.param("41", 0x01, "880029", id="reserved byte 41"),
    ],
)
def test_a_field_of_the_header_that_must_be_something_else_is_pointed_at(
    array: Bench, place: str, value: int, pointer: str
) -> None:
    parameter_list = lid4_list(array.cscds(), [MOVES], header={place: value})
    assert refused(array, parameter_list) == No(*INVALID, pointer)


def test_usage_01b_is_reserved(array: Bench) -> None:
    assert refused(array, lid4_list(array.cscds(), [MOVES], usage=0b01)) == No(*INVALID, "8c0001")


def test_usage_11b_wants_list_identifier_0(array: Bench) -> None:
    parameter_list = lid4_list(array.cscds(), [MOVES], usage=0b11, list_id=1 << 24)
    assert refused(array, parameter_list) == No(*INVALID, "800014")


def test_usage_11b_is_refused_where_snlid_is_not_reported() -> None:
    array = bench(advertised=capable(snlid=False))
    parameter_list = lid4_list(array.cscds(), [MOVES], usage=0b11, list_id=0)
    assert refused(array, parameter_list) == No(*INVALID, "8c0001")


def test_immed_goes_not_with_g_sense(array: Bench) -> None:
    parameter_list = lid4_list(array.cscds(), [MOVES], immed=True, g_sense=True)
    assert refused(array, parameter_list) == No(0x5, 0x24, 0x00)
    assert not array.array.work()


def test_immed_goes_not_without_list_identifier(array: Bench) -> None:
    parameter_list = lid4_list(array.cscds(), [MOVES], immed=True, usage=0b11, list_id=0)
    assert refused(array, parameter_list) == No(0x5, 0x24, 0x00)
    assert not array.array.work()


def test_sequential_striped_is_accepted(array: Bench) -> None:
    assert array.send(
        1, extended_copy_lid4(lid4_list(array.cscds(), [MOVES], header={"1.5": 1}))
    ).status == GOOD  # fmt: skip
    assert moved(array)


def test_a_cscd_list_that_is_not_made_of_whole_descriptors_is_pointed_at(array: Bench) -> None:
    parameter_list = lid4_list(array.cscds(), [MOVES], header={"42-43": 63})
    assert refused(array, parameter_list) == No(*INVALID, "80002a")


def test_too_many_cscds(array: Bench) -> None:
    nine = array.cscds()[:1] * 9
    assert refused(array, lid4_list(nine, [MOVES])) == No(0x5, 0x26, 0x06, "80002a")


def test_too_many_segments(array: Bench) -> None:
    assert refused(array, lid4_list(array.cscds(), [MOVES] * 17)) == No(0x5, 0x26, 0x08, "80002c")


def test_inline_data_over_the_maximum(array: Bench) -> None:
    parameter_list = lid4_list(array.cscds(), [MOVES], inline=bytes(4))
    assert refused(array, parameter_list) == No(0x5, 0x26, 0x0B, "80002e")


def test_a_list_over_the_maximum_length_is_a_length_error() -> None:
    array = bench(advertised=capable(maximum_list_length=91))
    assert refused(array, lid4_list(array.cscds(), [MOVES])) == LENGTH


def test_descriptors_of_exactly_the_maximum_length_are_accepted() -> None:
    array = bench(advertised=capable(maximum_list_length=92))
    assert copy_lid4(array, MOVES).status == GOOD


def test_a_cscd_type_that_is_not_implemented(array: Bench) -> None:
    wrong = cscd(array.naa(1), type_code=0xE0)
    parameter_list = lid4_list([array.cscds()[0], wrong], [MOVES])
    assert refused(array, parameter_list) == No(0x5, 0x26, 0x07, "800050")


def test_a_segment_type_that_is_not_implemented(array: Bench) -> None:
    wrong = segment(0, 8, 8, type_code=0x03, **IDS)
    expected = No(0x5, 0x26, 0x09, "80008c")
    assert refused(array, lid4_list(array.cscds(), [MOVES, wrong])) == expected


def test_a_segment_that_lies_about_its_length(array: Bench) -> None:
    wrong = segment(0, 8, 8, length=0x17, **IDS)
    assert refused(array, lid4_list(array.cscds(), [MOVES, wrong])) == No(*INVALID, "80008e")


@pytest.mark.parametrize(("at", "pointer"), [(1, "cd0001"), (5, "cd0005"), (14, "cd000e")])
def test_a_reserved_cdb_bit_is_pointed_at(array: Bench, at: int, pointer: str) -> None:
    command = extended_copy_lid4(lid4_list(array.cscds(), [MOVES]))
    cdb = bytearray(command.cdb)
    cdb[at] |= 0x20
    reply = array.send(1, replace(command, cdb=bytes(cdb)))
    assert (no(reply), array.contents) == (No(0x5, 0x24, 0x00, pointer), array.before)

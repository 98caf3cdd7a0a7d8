"""Phase 1: what is wrong with the CDB or the parameter list, and that nothing has moved by then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.target.bench import (
    GOOD,
    Bench,
    No,
    bench,
    capable,
    copy_list,
    cscd,
    extended_copy,
    no,
    segment,
)

MOVES = segment(0, 8, 8)  # a segment that would be copied, so that a refusal that came too late shows
INVALID = (0x5, 0x26, 0x00)
LENGTH = No(0x5, 0x1A, 0x00, "c0000a")


@pytest.fixture
def array() -> Bench:
    return bench()


def refused(array: Bench, parameter_list: bytes, length: int | None = None) -> No:
    """The refusal of a list, after making sure that it moved nothing."""
    reply = array.send(1, extended_copy(parameter_list, length))
    assert array.contents == array.before
    assert array.array.copied_segments == ()
    return no(reply)


@pytest.mark.parametrize("length", range(1, 16))
def test_a_list_shorter_than_its_header_is_a_length_error(array: Bench, length: int) -> None:
    assert refused(array, copy_list(array.cscds(), [MOVES])[:length]) == LENGTH


@pytest.mark.parametrize("length", [16, 40, 79, 81, 107])
def test_a_list_cut_short_in_its_descriptors_is_a_length_error(array: Bench, length: int) -> None:
    assert refused(array, copy_list(array.cscds(), [MOVES])[:length]) == LENGTH


@pytest.mark.parametrize("length", [79, 107])
def test_a_list_cut_short_is_a_length_error_whatever_its_descriptors_say(array: Bench, length: int) -> None:
    cscds = [cscd(array.naa(n), type_code=0xE0, byte1=0x1F) for n in (0, 1)]
    wrong = segment(0, 8, 8, type_code=0x03, length=0)
    assert refused(array, copy_list(cscds, [wrong], usage=0b01, list_id=1)[:length]) == LENGTH


def test_inline_data_that_is_not_there_is_a_length_error(array: Bench) -> None:
    assert refused(array, copy_list(array.cscds(), [MOVES], inline=bytes(4))[:-1]) == LENGTH


def test_a_cdb_that_promises_more_than_arrived_is_an_invalid_field(array: Bench) -> None:
    parameter_list = copy_list(array.cscds(), [MOVES])
    assert refused(array, parameter_list, 109) == No(0x5, 0x24, 0x00, "c0000a")


def test_a_list_over_the_maximum_length_is_a_length_error_though_its_counts_are_too_high_too() -> None:
    array = bench(advertised=capable(maximum_list_length=1024))
    nine = array.cscds() + array.cscds()[:1] * 7
    assert refused(array, copy_list(nine, [MOVES] * 30)) == LENGTH


def test_descriptors_of_exactly_the_maximum_length_are_accepted() -> None:
    array = bench(advertised=capable(maximum_list_length=2 * 32 + 28))
    assert array.copy(MOVES).status == GOOD


@pytest.mark.parametrize(
    ("usage", "list_id", "expected"),
    [
        pytest.param(0b01, 1, No(*INVALID, "8c0001"), id="usage 01b is reserved"),
        pytest.param(0b11, 1, No(*INVALID, "800000"), id="usage 11b wants list identifier 0"),
    ],
)
def test_a_wrong_list_identifier_is_pointed_at(array: Bench, usage: int, list_id: int, expected: No) -> None:
    assert refused(array, copy_list(array.cscds(), [MOVES], usage=usage, list_id=list_id)) == expected


def test_no_list_identifier_is_refused_where_snlid_is_not_reported() -> None:
    array = bench(advertised=capable(snlid=False))
    assert refused(array, copy_list(array.cscds(), [MOVES])) == No(*INVALID, "8c0001")


@pytest.mark.parametrize("usage", [0b00, 0b10])
def test_usages_with_a_list_identifier_are_accepted(array: Bench, usage: int) -> None:
    assert array.copy(MOVES, usage=usage, list_id=7).status == GOOD


@pytest.mark.parametrize("length", [1, 31, 33, 63])
def test_a_cscd_list_that_is_not_made_of_whole_descriptors_is_pointed_at(array: Bench, length: int) -> None:
    parameter_list = copy_list(array.cscds(), [MOVES], cscd_length=length)
    assert refused(array, parameter_list) == No(*INVALID, "800002")


def test_too_many_cscds(array: Bench) -> None:
    assert refused(array, copy_list(array.cscds()[:1] * 9, [MOVES])) == No(0x5, 0x26, 0x06, "800002")


def test_as_many_cscds_as_are_allowed(array: Bench) -> None:
    eight = array.cscds() * 4
    assert array.send(1, extended_copy(copy_list(eight, [MOVES]))).status == GOOD


@pytest.mark.parametrize("code", [0x00, 0xE0, 0xE1, 0xE2, 0xE3, 0xE5, 0xE6, 0xE7, 0xEA, 0xEB, 0xFE, 0xFF])
def test_a_cscd_type_that_is_not_implemented(array: Bench, code: int) -> None:
    second = cscd(array.naa(1), type_code=code)
    expected = No(0x5, 0x26, 0x07, "800030")
    assert refused(array, copy_list([array.cscds()[0], second], [MOVES])) == expected


def test_a_cscd_type_is_refused_before_the_segments_are_counted(array: Bench) -> None:
    wrong = cscd(array.naa(1), type_code=0xE0)
    assert refused(array, copy_list([wrong], [MOVES] * 17)) == No(0x5, 0x26, 0x07, "800010")


def test_a_designator_that_does_not_fit_its_descriptor(array: Bench) -> None:
    wrong = cscd(array.naa(1), length=21)
    assert refused(array, copy_list([array.cscds()[0], wrong], [MOVES])) == No(*INVALID, "800037")


def test_too_many_segments(array: Bench) -> None:
    assert refused(array, copy_list(array.cscds(), [MOVES] * 17)) == No(0x5, 0x26, 0x08, "800008")


def test_as_many_segments_as_are_allowed(array: Bench) -> None:
    assert array.copy(*[MOVES] * 16).status == GOOD


@pytest.mark.parametrize("code", [0x00, 0x01, 0x03, 0x04, 0x07, 0x0A, 0x0B, 0x14, 0x15, 0xBE, 0xBF])
def test_a_segment_type_that_is_not_implemented(array: Bench, code: int) -> None:
    wrong = segment(0, 8, 8, type_code=code)
    assert refused(array, copy_list(array.cscds(), [MOVES, wrong])) == No(0x5, 0x26, 0x09, "80006c")


@pytest.mark.parametrize("length", [0x00, 0x17, 0x19, 0x1C, 0xFFFF])
def test_a_segment_that_lies_about_its_length(array: Bench, length: int) -> None:
    wrong = segment(0, 8, 8, length=length)
    expected = No(*INVALID, "80006e")
    assert refused(array, copy_list(array.cscds(), [MOVES, wrong, MOVES])) == expected


@pytest.mark.parametrize("length", [4, 27])
def test_a_segment_list_that_ends_inside_a_descriptor(array: Bench, length: int) -> None:
    parameter_list = copy_list(array.cscds(), [MOVES], segment_length=length)
    assert refused(array, parameter_list) == No(*INVALID, "800008")


def test_inline_data_over_the_maximum(array: Bench) -> None:
    parameter_list = copy_list(array.cscds(), [MOVES], inline=bytes(4))
    assert refused(array, parameter_list) == No(0x5, 0x26, 0x0B, "80000c")


@pytest.mark.parametrize(
    ("at", "value", "pointer"),
    [
        pytest.param(1, 0x59, "8e0001", id="header byte 1 bit 6"),
        pytest.param(4, 0x01, "880004", id="header byte 4"),
        pytest.param(20, 0x11, "8c0014", id="CSCD byte 4 bit 4"),
        pytest.param(81, 0x04, "8a0051", id="segment byte 1 bit 2"),
        pytest.param(89, 0x80, "8f0059", id="segment byte 9 bit 7"),
    ],
)
def test_a_reserved_bit_in_the_list_is_pointed_at(array: Bench, at: int, value: int, pointer: str) -> None:
    parameter_list = bytearray(copy_list(array.cscds(), [MOVES]))
    parameter_list[at] = value
    assert refused(array, bytes(parameter_list)) == No(*INVALID, pointer)


@pytest.mark.parametrize(
    ("at", "value", "pointer"),
    [
        pytest.param(1, 0x02, "cc0001", id="another service action"),
        pytest.param(1, 0x1F, "cc0001", id="the last service action"),
        pytest.param(1, 0x20, "cd0001", id="reserved bit of byte 1"),
        pytest.param(5, 0x01, "c80005", id="reserved byte 5"),
        pytest.param(14, 0x80, "cf000e", id="reserved byte 14"),
        pytest.param(15, 0x04, "ca000f", id="NACA"),
    ],
)
def test_a_cdb_bit_that_means_nothing_is_pointed_at(array: Bench, at: int, value: int, pointer: str) -> None:
    command = extended_copy(copy_list(array.cscds(), [MOVES]))
    cdb = bytearray(command.cdb)
    cdb[at] = value
    reply = array.send(1, replace(command, cdb=bytes(cdb)))
    assert no(reply) == No(0x5, 0x24, 0x00, pointer)
    assert array.contents == array.before


def test_a_unit_without_third_party_copy_does_not_know_the_command(array: Bench) -> None:
    array.array.change(1, third_party_copy=False)
    assert refused(array, copy_list(array.cscds(), [MOVES])) == No(0x5, 0x20, 0x00)


def test_a_parameter_list_length_of_0_is_good_and_copies_nothing(array: Bench) -> None:
    reply = array.send(1, extended_copy(copy_list(array.cscds(), [MOVES]), 0))
    assert reply.status == GOOD
    assert array.contents == array.before


@pytest.mark.parametrize(
    "parameter_list",
    [
        pytest.param(bytes(16), id="a header of zeros"),
        pytest.param(copy_list([cscd(bytes(16))], []), id="a unit nobody knows, not referenced"),
    ],
)
def test_a_list_without_segments_is_good(array: Bench, parameter_list: bytes) -> None:
    assert array.send(1, extended_copy(parameter_list)).status == GOOD


def test_bytes_behind_the_lists_are_not_looked_at(array: Bench) -> None:
    assert array.send(1, extended_copy(copy_list(array.cscds(), [MOVES]) + b"\xff" * 5)).status == GOOD


@pytest.mark.parametrize("byte1", [0x40, 0x80, 0x20], ids=["LU ID TYPE 1", "LU ID TYPE 2", "NUL"])
def test_a_unit_of_spc_4_looks_neither_at_lu_id_type_nor_at_nul(array: Bench, byte1: int) -> None:
    cscds = [cscd(array.naa(n), byte1=byte1) for n in (0, 1)]
    assert array.send(1, extended_copy(copy_list(cscds, [MOVES]))).status == GOOD

"""Phase 1 of what else a list may have: every segment type, CSCD descriptors of 64 bytes, inline data.

The sizes are those of the tables of SPC-4 6.4.6, counted by hand.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cdb.extended_copy import Lid1ParameterList
from tests.cdb.independent import laid_out
from tests.target.bench import (
    BLOCK,
    CHECK_CONDITION,
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
from tests.target.results_bench import with_policy
from xcopy.target.copy_list import check_list
from xcopy.target.profile import STRICT, Profile
from xcopy.target.refusal import Refused

if TYPE_CHECKING:
    from xcopy.target.request import CopyRequest

MOVES = segment(0, 8, 8)
INVALID = (0x5, 0x26, 0x00)
FIXED = {
    0x00: 24, 0x01: 24, 0x02: 28, 0x03: 20, 0x04: 20, 0x06: 16, 0x07: 12, 0x08: 28, 0x09: 28, 0x0A: 32,
    0x0B: 24, 0x0C: 24, 0x0D: 28, 0x0E: 20, 0x0F: 16, 0x10: 12, 0x11: 12, 0x12: 12, 0x13: 12, 0x14: 28,
    0x16: 28, 0xBF: 20,
}  # fmt: skip
EMBEDDED = laid_out(28, {"0": 0x05, "2-3": 24, "12-13": 10})  # 10 bytes of data and 2 behind them
MOVED_RESERVATION = laid_out(56, {"0": 0x15, "2-3": 52, "28-31": 24, "32": 0x06})
RANGES = laid_out(48, {"0": 0xBE, "2-3": 44, "13": 0x01, "14-15": 32})  # two ranges
VARIABLE = {0x05: EMBEDDED, 0x15: MOVED_RESERVATION, 0xBE: RANGES}
HOLDING = (0x0B, 0x0C, 0x0D, 0x0E, 0x0F)
IPV6 = laid_out(64, {"0": 0xEA, "32": 0xFF})
EVERYTHING = capable(
    implemented_types=(*sorted([*FIXED, *VARIABLE]), 0xE4, 0xEA),
    maximum_segment_count=64,
    maximum_list_length=4096,
    maximum_inline_data_length=8,
)
ABLE = replace(STRICT, advertised=EVERYTHING)


def plain(code: int, length: int | None = None) -> bytes:
    """A segment of a fixed size with zeros in it; `length` is what it says of itself."""
    size = FIXED[code]
    return laid_out(size, {"0": code, "2-3": size - 4 if length is None else length})


def checked(segments: list[bytes], *, usage: int = 0, profile: Profile = ABLE) -> CopyRequest:
    """What phase 1 makes of a list without CSCDs."""
    return check_list(copy_list([], segments, usage=usage, list_id=0), Lid1ParameterList, profile)


def refused(segments: list[bytes], *, usage: int = 0, profile: Profile = ABLE) -> No:
    """The refusal of such a list."""
    with pytest.raises(Refused) as raised:
        checked(segments, usage=usage, profile=profile)
    return no(raised.value.reply)


def test_every_segment_type_that_is_implemented_is_taken_and_known_by_its_place() -> None:
    segments = [*(plain(code) for code in FIXED), *VARIABLE.values()]
    request = checked(segments)
    starts = [16 + sum(len(s) for s in segments[:n]) for n in range(len(segments))]
    assert request.segment_offsets == tuple(starts)
    assert [s.descriptor_type for s in request.segments] == [*FIXED, *VARIABLE]


@pytest.mark.parametrize("code", [*FIXED, *VARIABLE])
def test_a_segment_type_that_is_not_implemented_is_pointed_at(code: int) -> None:
    few = tuple(c for c in EVERYTHING.implemented_types if c != code)
    profile = replace(STRICT, advertised=EVERYTHING.but(implemented_types=few))
    made = VARIABLE[code] if code in VARIABLE else plain(code)
    other = plain(0x0A if code != 0x0A else 0x02)
    at = 16 + len(other)
    assert refused([other, made], profile=profile) == No(0x5, 0x26, 0x09, f"8000{at:02x}")


@pytest.mark.parametrize("code", FIXED)
@pytest.mark.parametrize("off", [-1, 1])
def test_a_segment_of_fixed_size_says_just_that_size(code: int, off: int) -> None:
    wrong = plain(code, FIXED[code] - 4 + off)
    assert refused([plain(0x07), wrong, plain(0x07)]) == No(*INVALID, "80001e")


@pytest.mark.parametrize("code", VARIABLE)
def test_a_segment_of_variable_size_says_at_least_its_least(code: int) -> None:
    wrong = bytearray(VARIABLE[code])
    wrong[2:4] = (8).to_bytes(2, "big")
    assert refused([bytes(wrong[:12]), plain(0x07)]) == No(*INVALID, "800012")


@pytest.mark.parametrize(
    ("code", "at", "length"),
    [
        pytest.param(0x05, 12, "000d", id="embedded data"),
        pytest.param(0x15, 28, "01000018", id="TransportID"),
        pytest.param(0xBE, 14, "0040", id="range descriptors"),
    ],
)
def test_a_segment_too_short_for_a_length_in_it_is_pointed_at(code: int, at: int, length: str) -> None:
    wrong = bytearray(VARIABLE[code])
    wrong[at : at + len(length) // 2] = bytes.fromhex(length)
    assert refused([bytes(wrong)]) == No(*INVALID, "800012")


def test_a_reserved_bit_in_the_second_range_of_a_segment_is_pointed_at() -> None:
    wrong = bytearray(RANGES)
    wrong[16 + 16 + 13] = 0x02
    assert refused([bytes(wrong)]) == No(*INVALID, f"8900{16 + 45:02x}")


def test_segments_of_variable_length_are_limited_by_their_number() -> None:
    profile = replace(STRICT, advertised=EVERYTHING.but(maximum_segment_count=2))
    assert len(checked([EMBEDDED] * 2, profile=profile).segments) == 2
    assert refused([EMBEDDED] * 3, profile=profile) == No(0x5, 0x26, 0x08, "800008")


def test_segments_are_limited_by_their_bytes_where_the_profile_says_so() -> None:
    array = with_policy(segment_list_bytes=256)
    assert array.copy(*[MOVES] * 9).status == GOOD
    assert no(array.copy(*[MOVES] * 10)) == No(0x5, 0x26, 0x08, "800008")


@pytest.mark.parametrize("code", HOLDING)
def test_data_is_not_held_for_a_copy_without_list_identifier(code: int) -> None:
    assert refused([plain(0x07), plain(code)], usage=0b11) == No(*INVALID, "80001c")  # 6.4.3.2


# CSCD descriptors of 64 bytes (SPC-4 6.4.5.2).


@pytest.fixture
def array() -> Bench:
    return bench(advertised=EVERYTHING.but(maximum_cscd_count=3))


def send(array: Bench, cscds: list[bytes], *segments: bytes, **changes: object) -> No | None:
    """The refusal of a list, None when it is good."""
    parameter_list = copy_list(cscds, list(segments), **changes)  # type: ignore[arg-type]
    reply = array.send(1, extended_copy(parameter_list))
    return no(reply) if reply.status == CHECK_CONDITION else None


def test_a_cscd_of_64_bytes_takes_up_two_ids_and_counts_once(array: Bench) -> None:
    cscds = [IPV6, *array.cscds()]
    assert send(array, cscds, segment(0, 8, 8, source=2, destination=3)) is None
    assert array.contents[1][8 * BLOCK : 16 * BLOCK] == array.before[0][: 8 * BLOCK]


def test_a_cscd_behind_one_of_64_bytes_is_pointed_at_where_it_is(array: Bench) -> None:
    cscds = [IPV6, array.cscds()[0], cscd(bytes(16))]
    assert send(array, cscds, segment(0, 8, 8, source=2, destination=3)) == No(0xA, 0x0D, 0x02, "800070")


def test_the_second_half_of_a_cscd_of_64_bytes_is_nobody(array: Bench) -> None:
    cscds = [IPV6, *array.cscds()]
    refusal = send(array, cscds, segment(0, 8, 8, source=1, destination=3))
    assert refusal is not None
    assert refusal.key == 0xA


def test_a_cscd_of_64_bytes_whose_second_half_is_missing(array: Bench) -> None:
    assert send(array, [IPV6[:32]]) == No(*INVALID, "800002")


def test_an_extension_that_is_none_is_pointed_at(array: Bench) -> None:
    wrong = IPV6[:32] + b"\xe4" + IPV6[33:]
    assert send(array, [wrong]) == No(*INVALID, "800030")


def test_an_extension_on_its_own_is_no_descriptor(array: Bench) -> None:
    assert send(array, [IPV6[32:]]) == No(0x5, 0x26, 0x07, "800010")


# Fields of CSCD descriptors.


@pytest.mark.parametrize(("fixed", "length"), [(0, 512), (1, 0)])
def test_a_tape_has_a_block_length_if_and_only_if_it_is_fixed(array: Bench, fixed: int, length: int) -> None:
    wrong = bytearray(cscd(array.naa(0), byte1=0x01, block_length=length))
    wrong[28] = fixed
    assert send(array, [bytes(wrong)]) == No(*INVALID, "80002d")  # 6.4.5.4, table 138


@pytest.mark.parametrize(("byte1", "pointer"), [(0x40, "8f0011"), (0x80, "8f0011")])
def test_a_unit_before_spc_4_looks_at_lu_id_type(byte1: int, pointer: str) -> None:
    array = bench(version=0x05)
    parameter_list = copy_list([cscd(array.naa(0), byte1=byte1)], [])
    assert no(array.send(1, extended_copy(parameter_list))) == No(*INVALID, pointer)


def test_a_unit_before_spc_4_that_is_called_null_is_not_reachable_where_a_segment_uses_it() -> None:
    # by way of libiscsi's tests: which codes it takes; SPC-3 could not be read
    array = bench(version=0x05)
    null = cscd(array.naa(0), byte1=0x20)
    listed = [null, array.cscds()[1]]
    assert array.send(1, extended_copy(copy_list(listed, []))).status == 0x00
    assert no(array.send(1, extended_copy(copy_list(listed, [MOVES])))) == No(0xA, 0x0D, 0x02, "800010")
    assert array.contents == array.before


@pytest.mark.parametrize("byte1", [0x40, 0xC0, 0x20])
def test_a_unit_before_spc_4_looks_at_neither_where_the_profile_says_so(byte1: int) -> None:
    array = with_policy(profile=bench(version=0x05).array.profile, unit_identifiers=False)
    listed = [cscd(array.naa(n), byte1=byte1) for n in (0, 1)]
    assert array.send(1, extended_copy(copy_list(listed, [MOVES]))).status == 0x00


# What is behind the descriptors.


def test_inline_data_up_to_the_maximum_is_accepted(array: Bench) -> None:
    assert send(array, array.cscds(), MOVES, inline=bytes(8)) is None


def test_inline_data_over_the_maximum_are_pointed_at(array: Bench) -> None:
    assert send(array, array.cscds(), MOVES, inline=bytes(9)) == No(0x5, 0x26, 0x0B, "80000c")


def test_inline_data_are_what_is_behind_the_segments() -> None:
    data = copy_list([], [plain(0x07)], usage=0, inline=b"inline!!")
    assert check_list(data + b"more", Lid1ParameterList, ABLE).inline_data == b"inline!!"


def test_bytes_behind_the_list_are_inexact_where_the_profile_says_so() -> None:
    array = with_policy(trailing_bytes=False)
    parameter_list = copy_list(array.cscds(), [MOVES]) + b"\0"
    assert no(array.send(1, extended_copy(parameter_list))) == No(0x5, 0x26, 0x0B, "80006c")
    assert array.contents == array.before


def test_sequential_striped_is_accepted(array: Bench) -> None:
    parameter_list = bytearray(copy_list(array.cscds(), [MOVES]))
    parameter_list[1] |= 0x20
    assert array.send(1, extended_copy(bytes(parameter_list))).status == GOOD

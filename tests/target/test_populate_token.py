"""POPULATE TOKEN: what a token is made of, and which lists are refused (SBC-4 5.12, 4.28; SPC-4 5.17.6)."""

from __future__ import annotations

import pytest

from cdb.command import Command
from tests.cdb.independent import cscd_e4, laid_out
from tests.target.bench import BLOCK, BLOCKS, CHECK_CONDITION, GOOD, No, no, residual
from tests.target.token_bench import (
    ANY,
    BLOCK_COUNTS,
    BY_REFERENCE,
    CHANGE_VULNERABLE,
    LIST_ID,
    PERSISTENT,
    POINT_IN_TIME,
    TokenBench,
    ask,
    populate,
    populate_list,
    sense_triple,
    token_bench,
    token_command,
)

INVALID = (0x5, 0x26, 0x00)


@pytest.fixture
def array() -> TokenBench:
    return token_bench()


def test_the_token_is_told_with_blocks_counted_and_no_segments(array: TokenBench) -> None:
    # SBC-4 5.25.2, table 102
    assert array.populate((3, 5), (20, 2)).status == GOOD
    told = array.told()
    assert (told.action, told.status, told.completion, told.units) == (0x10, 0x01, 0, BLOCK_COUNTS)
    assert (told.count, told.segments, told.delay, told.sense) == (7, 0, 0xFFFFFFFE, b"")
    ((creating_cscd, token),) = told.tokens
    assert (creating_cscd, len(token)) == (0, 512)


def test_a_token_has_type_length_creator_bytes_capacity_and_target_device_where_the_tables_say(
    array: TokenBench,
) -> None:
    # SPC-4 5.17.6.5.1, table 112; SBC-4 6.7, table 287
    token = array.token((3, 5), (20, 2), rod_type=POINT_IN_TIME)
    array_naa = array.naa(0)[:3] + b"\x3f" + b"\xff" * 4 + array.naa(0)[8:]
    assert token[:256] == laid_out(
        256,
        {
            "0-3": POINT_IN_TIME,
            "6-7": 0x01F8,
            "8-15": token[8:16],
            "16-47": cscd_e4(array.naa(0), BLOCK),
            "48-63": 7 * BLOCK,
            "96-99": BLOCK,
            "128.3-0": 1,
            "129.5-4": 2,
            "129.3-0": 3,
            "131": 16,
            "132-147": array_naa,
        },
    )


def test_no_two_tokens_have_the_same_identifier_or_the_same_random_part(array: TokenBench) -> None:
    # SPC-4 5.17.6.4, 5.17.6.5.1: 256 bits of secure random material at least
    tokens = [array.token((3, 5)) for _ in range(20)]
    assert len({token[8:16] for token in tokens}) == 20
    assert len({token[256:] for token in tokens}) == 20
    assert all(any(token[256:]) for token in tokens)


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        (None, POINT_IN_TIME),
        (POINT_IN_TIME, POINT_IN_TIME),
        (CHANGE_VULNERABLE, CHANGE_VULNERABLE),
        (PERSISTENT, PERSISTENT),
        (ANY, PERSISTENT),
    ],
)
def test_the_type_of_a_token_is_the_one_asked_for_and_without_rtv_the_copy_managers(
    array: TokenBench, asked: int | None, made: int
) -> None:
    token = array.token((0, 1), rod_type=asked)
    assert int.from_bytes(token[:4], "big") == made


def test_any_point_in_time_is_change_vulnerable_where_there_is_no_persistent() -> None:
    # SPC-4 5.17.6.2.3.5
    array = token_bench(types=(POINT_IN_TIME, CHANGE_VULNERABLE))
    assert array.token((0, 1), rod_type=ANY)[:4].hex() == "00800001"


def test_without_rtv_the_rod_type_is_not_looked_at(array: TokenBench) -> None:
    listed = bytearray(populate_list((0, 1)))
    listed[8:12] = b"\x12\x34\x56\x78"
    assert array.send(0, token_command(0x10, bytes(listed))).status == GOOD


def test_an_access_upon_reference_token_is_made_where_the_array_does_such_things() -> None:
    array = token_bench(by_reference=True, default_type=BY_REFERENCE)
    assert array.token((0, 1))[:4].hex() == "00010000"


@pytest.mark.parametrize(
    ("listed", "answer"),
    [
        (populate_list((0, 1), data_length=0x1D), No(*INVALID, "800000")),
        (populate_list((0, 1), inactivity=601), No(*INVALID, "800004")),
        (populate_list((0, 1), rod_type=BY_REFERENCE), No(*INVALID, "800008")),
        (populate_list((0, 1), rod_type=0x00800003), No(*INVALID, "800008")),
        (populate_list((0, 1), ranges_length=15), No(*INVALID, "80000e")),
        (populate_list(*[(n, 1) for n in range(65)]), No(0x5, 0x26, 0x08, "80000e")),
        (populate_list((0, 4), (100, 1), (3, 2)), No(*INVALID, "800030")),
        (populate_list((10, 5), (0, 20)), No(*INVALID, "800020")),
        (populate_list((0, 1), (BLOCKS - 1, 2)), No(0x5, 0x21, 0x00, "800020")),
        (populate_list((2**64 - 1, 1)), No(0x5, 0x21, 0x00, "800010")),
        (populate_list((0, 1))[:12] + b"\x01\x00" + populate_list((0, 1))[14:], No(*INVALID, "88000c")),
        (populate_list((0, 1))[:-1] + b"\x01", No(*INVALID, "88001f")),
    ],
    ids=[
        "data length below 30",
        "inactivity timeout above the maximum",
        "a type that is no point in time copy",
        "a type that is not supported",
        "less than one range descriptor",
        "more ranges than the maximum",
        "a block twice",
        "a range within another",
        "a range beyond the end",
        "an LBA beyond everything",
        "a reserved bit in the header",
        "a reserved bit in a range",
    ],
)
def test_a_wrong_list_is_refused_with_a_pointer_and_no_operation_is_remembered(
    array: TokenBench, listed: bytes, answer: No
) -> None:
    # SBC-4 5.12.2, 5.12.3
    assert no(array.send(0, token_command(0x10, listed))) == answer
    assert no(array.send(0, ask(0x07))) == No(0x5, 0x24, 0x00, "c00002")
    assert array.all_tokens() == []


def test_the_largest_inactivity_timeout_is_taken_and_the_most_ranges(array: TokenBench) -> None:
    ranges = [(n, 1) for n in range(64)]
    assert array.populate(*ranges, inactivity=600).status == GOOD


def test_more_bytes_than_a_rod_may_have_are_refused() -> None:
    array = token_bench(maximum_bytes=8 * BLOCK)
    assert array.populate((0, 5), (10, 3)).status == GOOD
    assert no(array.populate((0, 5), (10, 4))) == No(*INVALID, "800028")


def test_ranges_off_the_granularity_are_refused_where_the_array_holds_to_it() -> None:
    array = token_bench(granularity=8)
    assert array.populate((1, 16)).status == GOOD
    assert no(array.populate((1, 12))) == No(*INVALID, "800018")


@pytest.mark.parametrize("length", [1, 15])
def test_a_list_shorter_than_its_header_is_a_list_length_error(array: TokenBench, length: int) -> None:
    # SBC-4 5.12.1
    listed = populate_list((0, 1))[:length]
    assert no(array.send(0, token_command(0x10, listed))) == No(0x5, 0x1A, 0x00, "c0000a")


def test_a_list_of_length_0_does_nothing_and_is_good(array: TokenBench) -> None:
    assert array.send(0, token_command(0x10, b"")).status == GOOD
    assert no(array.send(0, ask(0x07))) == No(0x5, 0x24, 0x00, "c00002")


def test_ranges_that_the_list_length_or_the_ranges_length_cuts_off_are_ignored(array: TokenBench) -> None:
    # SBC-4 5.12.2
    listed = populate_list((0, 1), (10, 2), (20, 4))
    assert array.send(0, token_command(0x10, listed, length=16 + 32 + 15)).status == GOOD
    assert array.told().count == 3
    assert array.populate((0, 1), (10, 2), ranges_length=31).status == GOOD
    assert array.told().count == 1


def test_a_range_of_no_blocks_adds_nothing_and_ranges_of_none_make_no_token(array: TokenBench) -> None:
    # SBC-4 5.12.3; 4.28.1: zero or one token
    assert array.populate((7, 0), (3, 2), (3, 0)).status == GOOD
    assert array.told().count == 2
    assert array.populate((7, 0)).status == GOOD
    assert array.told().tokens == ()


def test_a_token_may_be_of_less_than_was_asked_for_and_the_count_says_so() -> None:
    # SBC-4 4.28.2 b), 5.25.2
    array = token_bench(populates_at_most=4 * BLOCK)
    assert array.populate((0, 3), (10, 3)).status == GOOD
    told = array.told()
    assert (told.status, told.completion, told.count) == (0x03, CHECK_CONDITION, 4)
    assert sense_triple(told.sense) == (0xA, 0x0D, 0x04)
    assert told.sense[0] == 0xF0
    assert told.sense[3:7] == (4).to_bytes(4, "big")
    assert told.token[48:64] == (4 * BLOCK).to_bytes(16, "big")
    assert array.write(told.token, (0, 4)).status == GOOD
    assert array.blocks(1, 0, 4) == array.old(0, 0, 3) + array.old(0, 10, 1)


def test_with_immed_the_token_is_made_after_the_answer(array: TokenBench) -> None:
    # SBC-4 5.12.2
    assert array.populate((0, 4), immed=True).status == GOOD
    told = array.told()
    assert (told.status, told.tokens) == (0x12, ())
    while array.array.work():
        pass
    told = array.told()
    assert (told.status, told.count, len(told.token)) == (0x01, 4, 512)


def test_with_immed_a_wrong_list_is_still_refused_at_once(array: TokenBench) -> None:
    assert no(array.populate((BLOCKS, 1), immed=True))[:3] == (0x5, 0x21, 0x00)


def test_one_token_too_many_is_insufficient_resources_until_one_is_gone() -> None:
    array = token_bench(maximum_tokens=2)
    first, _second = array.token((0, 1)), array.token((1, 1))
    assert no(array.populate((2, 1)))[:3] == (0x5, 0x55, 0x0D)
    assert array.told().status == 0x02
    assert array.write(first, (0, 1), delete=True).status == GOOD
    assert array.populate((2, 1)).status == GOOD


def test_one_rod_too_many_is_insufficient_resources_until_one_is_gone() -> None:
    # SPC-4 5.17.6.2.1: ILLEGAL REQUEST
    array = token_bench(maximum_rods=2, default_inactivity=60)
    first = array.token((0, 1))
    array.time[0] += 30
    array.token((1, 1))
    assert no(array.populate((2, 1)))[:3] == (0x5, 0x55, 0x0C)
    assert array.write(first, (0, 1), delete=True).status == GOOD
    assert array.populate((2, 1)).status == GOOD
    assert no(array.populate((3, 1)))[:3] == (0x5, 0x55, 0x0C)
    array.time[0] += 60
    assert array.populate((3, 1)).status == GOOD


def test_a_rod_of_no_blocks_takes_no_room() -> None:
    array = token_bench(maximum_rods=1)
    for _ in range(3):
        assert array.populate((0, 0)).status == GOOD
    assert array.populate((0, 1)).status == GOOD


def test_a_token_survives_when_its_list_identifier_is_used_again(array: TokenBench) -> None:
    # SPC-4 6.26 c): the results of the list identifier are discarded, not the token
    first = array.token((0, 2))
    assert array.populate((4, 2), list_id=LIST_ID).status == GOOD
    assert array.write(first, (0, 2), list_id=7).status == GOOD


def test_where_the_profile_says_so_the_next_use_of_its_list_identifier_deletes_a_token() -> None:
    # by way of QNAP's target
    array = token_bench(dies_with_list=True)
    first = array.token((0, 2))
    assert array.populate((4, 2), list_id=LIST_ID).status == GOOD
    assert no(array.write(first, (0, 2), list_id=7))[:3] == (0x5, 0x23, 0x09)


def test_a_unit_without_3pc_makes_no_token(array: TokenBench) -> None:
    array.array.change(0, third_party_copy=False)
    assert no(array.send(0, populate((0, 1)))) == No(0x5, 0x20, 0x00)


def test_a_cdb_with_a_reserved_bit_is_refused(array: TokenBench) -> None:
    good = populate((0, 1))
    wrong = Command(name="wrong", cdb=good.cdb[:2] + b"\x10" + good.cdb[3:], data_out=good.data_out)
    assert no(array.send(0, wrong)) == No(0x5, 0x24, 0x00, "cc0002")
    assert residual(array.send(0, wrong)) is None

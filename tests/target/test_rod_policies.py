"""Tokens as public targets have them: each difference from the standard, by way of their sources."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tests.target.bench import BLOCK, GOOD, No, no, write_16
from tests.target.token_bench import (
    BY_REFERENCE,
    POINT_IN_TIME,
    TokenBench,
    token_bench,
    token_command,
    write_list,
)
from xcopy.target.rod_policy import CTL_RODS, QNAP_RODS, QUADSTOR_RODS, RodPolicy

INVALID = (0x5, 0x26, 0x00)


def bench_of(policy: RodPolicy) -> TokenBench:
    return token_bench(**asdict(policy))


def test_ctls_tokens_are_by_reference_and_see_what_is_written_later() -> None:
    array = bench_of(CTL_RODS)
    token = array.token((0, 4))
    assert token[:4].hex() == f"{BY_REFERENCE:08x}"
    array.send(0, write_16(1, bytes(BLOCK)))
    assert array.write(token, (0, 4)).status == GOOD
    assert array.blocks(1, 0, 4) == array.old(0, 0, 1) + bytes(BLOCK) + array.old(0, 2, 2)


def test_ctls_tokens_live_for_60_seconds_of_rest_and_whatever_they_die_of_they_are_unknown() -> None:
    array = bench_of(CTL_RODS)
    expired, deleted = array.token((0, 4)), array.token((0, 4))
    array.time[0] += 59
    assert array.write(deleted, (0, 4), delete=True).status == GOOD
    array.time[0] += 1
    for token in (expired, deleted, bytes(4) + expired[4:]):
        assert no(array.write(token, (0, 4)))[:3] == (0x5, 0x23, 0x04)


def test_ctl_copies_what_there_is_and_then_says_invalid_field_without_a_pointer() -> None:
    array = bench_of(CTL_RODS)
    assert no(array.write(array.token((0, 4)), (0, 9))) == No(*INVALID)
    assert array.blocks(1, 0, 4) == array.old(0, 0, 4)


def test_ctl_says_of_a_short_list_that_the_cdb_is_wrong() -> None:
    array = bench_of(CTL_RODS)
    short = token_command(0x11, write_list(bytes(512), (0, 1))[:100])
    assert no(array.send(1, short))[:3] == (0x5, 0x24, 0x00)


def test_qnap_cancels_a_token_whose_blocks_are_overwritten() -> None:
    array = bench_of(QNAP_RODS)
    token = array.token((0, 4))
    assert token[:4].hex() == f"{POINT_IN_TIME:08x}"
    array.send(0, write_16(3, bytes(BLOCK)))
    assert no(array.write(token, (0, 4)))[:3] == (0x5, 0x23, 0x08)


def test_qnap_deletes_a_token_when_its_list_identifier_is_used_again() -> None:
    array = bench_of(QNAP_RODS)
    first = array.token((0, 4))
    array.token((8, 4))
    assert no(array.write(first, (0, 4), list_id=9))[:3] == (0x5, 0x23, 0x09)


@pytest.mark.parametrize(
    ("policy", "ranges", "rest", "longest"), [(QNAP_RODS, 2, 30, 32), (QUADSTOR_RODS, 1, 35, 60)]
)
def test_the_limits_of_a_target_hold_to_the_last_one(
    policy: RodPolicy, ranges: int, rest: int, longest: int
) -> None:
    array = bench_of(policy)
    listed = [(8 * n, 4) for n in range(ranges + 1)]
    assert array.populate(*listed[:-1], inactivity=longest).status == GOOD
    assert no(array.populate(*listed))[:3] == (0x5, 0x26, 0x08)
    assert no(array.populate(*listed[:-1], inactivity=longest + 1)) == No(*INVALID, "800004")
    token = array.token((0, 4))
    array.time[0] += rest - 1
    assert array.write(token, (0, 4), list_id=9).status == GOOD
    array.time[0] += rest
    ascq = 0x07 if policy.says_why else 0x04
    assert no(array.write(token, (0, 4), list_id=9))[:3] == (0x5, 0x23, ascq)

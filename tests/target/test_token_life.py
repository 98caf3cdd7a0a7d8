"""How long a ROD token lives, and how it is said that it does not (SPC-4 5.17.6.5.2, 5.17.6.7)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.target.bench import BLOCK, GOOD, No, no, write_16
from tests.target.token_bench import (
    BY_REFERENCE,
    CHANGE_VULNERABLE,
    PERSISTENT,
    POINT_IN_TIME,
    ZEROS,
    TokenBench,
    token_bench,
)
from xcopy.target.array import memory_array
from xcopy.target.faults import Call, Fault

TOKEN_AT = "800010"  # ROD TOKEN in the list
UNSUPPORTED_TYPE, REMOTE, UNKNOWN, CORRUPT = 0x01, 0x02, 0x04, 0x05
REVOKED, EXPIRED, CANCELLED, DELETED, WRONG_LENGTH = 0x06, 0x07, 0x08, 0x09, 0x0A


@pytest.fixture
def array() -> TokenBench:
    return token_bench()


def is_refused(array: TokenBench, token: bytes, ascq: int) -> bool:
    """Whether a write is refused with 23h and that code, and wrote nothing."""
    before = array.contents
    return no(array.write(token, (0, 1))) == No(0x5, 0x23, ascq, TOKEN_AT) and array.contents == before


@pytest.mark.parametrize("inactivity", [0, 10, 600])
def test_a_token_expires_when_it_was_not_used_for_its_inactivity_timeout(inactivity: int) -> None:
    # SPC-4 5.17.6.7; 0 is the default of page 8Fh (SBC-4 5.12.2)
    array = token_bench(default_inactivity=60)
    token = array.token((0, 1), inactivity=inactivity)
    array.time[0] += (inactivity or 60) - 0.1
    assert array.write(token, (0, 1)).status == GOOD
    array.time[0] += inactivity or 60
    assert is_refused(array, token, EXPIRED)


def test_each_use_begins_the_inactivity_timeout_again(array: TokenBench) -> None:
    token = array.token((0, 1), inactivity=10)
    for _ in range(20):
        array.time[0] += 9
        assert array.write(token, (0, 1)).status == GOOD


def test_no_time_counts_while_a_token_is_used() -> None:
    # SPC-4 5.17.6.7 a): after the completion of the command
    array = token_bench()
    token = array.token((0, 40), inactivity=10)
    hour = Call(lambda: array.time.__setitem__(0, array.time[0] + 1800))
    array.array.faults.add(Fault(then=hour, at="write"))
    assert array.write(token, (0, 40)).status == GOOD
    array.time[0] += 9
    assert array.write(token, (0, 40)).status == GOOD


def test_asking_about_a_token_is_no_use_of_it(array: TokenBench) -> None:
    token = array.token((0, 1), inactivity=10)
    for _ in range(3):
        array.time[0] += 4
        array.told()
        array.all_tokens()
    assert is_refused(array, token, EXPIRED)


def test_a_token_expires_with_its_lifetime_however_often_it_is_used() -> None:
    array = token_bench(default_lifetime=100)
    token = array.token((0, 1), inactivity=60)
    for _ in range(3):
        array.time[0] += 33
        assert array.write(token, (0, 1)).status == GOOD
    array.time[0] += 1
    assert is_refused(array, token, EXPIRED)


def test_why_a_token_ended_is_told_for_twice_its_lifetime_and_then_it_is_unknown() -> None:
    # SPC-4 5.17.6.7: at least once, should be twice
    array = token_bench(default_lifetime=100)
    token = array.token((0, 1))
    array.time[0] += 199
    assert is_refused(array, token, EXPIRED)
    array.time[0] += 1
    assert is_refused(array, token, UNKNOWN)


def test_del_tkn_deletes_a_token_once_it_was_used(array: TokenBench) -> None:
    # SBC-4 5.59.2
    token = array.token((0, 1))
    assert array.write(token, (5, 1), delete=True).status == GOOD
    assert array.blocks(1, 5, 1) == array.old(0, 0, 1)
    assert is_refused(array, token, DELETED)


def test_a_refused_list_deletes_nothing(array: TokenBench) -> None:
    token = array.token((0, 1))
    assert no(array.write(token, (0, 2), (1, 1), delete=True))[:3] == (0x5, 0x26, 0x00)
    assert array.write(token, (0, 1)).status == GOOD


def test_del_tkn_of_bytes_that_are_no_token_deletes_none(array: TokenBench) -> None:
    token = array.token((0, 1))
    wrong = token[:-1] + bytes([token[-1] ^ 1])
    assert no(array.write(wrong, (0, 1), delete=True)) == No(0x5, 0x23, CORRUPT, TOKEN_AT)
    assert array.write(token, (0, 1)).status == GOOD


def test_an_administrator_revokes_the_tokens_of_a_unit_and_of_no_other(array: TokenBench) -> None:
    token, other = array.token((0, 1)), array.token((0, 1), to=1)
    array.array.revoke_tokens(0)
    assert is_refused(array, token, REVOKED)
    assert array.write(other, (1, 1)).status == GOOD


def test_a_token_whose_unit_gives_no_more_3pc_is_revoked_for_good(array: TokenBench) -> None:
    token = array.token((0, 1))
    array.array.change(0, third_party_copy=False)
    assert is_refused(array, token, REVOKED)
    array.array.change(0, third_party_copy=True)
    assert is_refused(array, token, REVOKED)


@given(at=st.integers(0, 511), change=st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_no_byte_of_a_token_can_be_another_one(at: int, change: int) -> None:
    # SPC-4 5.17.6.5.2.3 1); SBC-4 5.59.2 of ROD TOKEN LENGTH
    array = shared()
    token = bytearray(array.all_512)
    token[at] ^= change
    assert is_refused(array, bytes(token), WRONG_LENGTH if at in (6, 7) else CORRUPT)


class Shared(TokenBench):
    """A bench and one token of it, made once."""

    all_512: bytes


_shared: list[Shared] = []


def shared() -> Shared:
    if not _shared:
        made = Shared(memory_array(2, blocks=16))
        made.all_512 = made.token((0, 1))
        _shared.append(made)
    return _shared[0]


def test_a_token_with_another_length_than_01f8h_has_an_invalid_length(array: TokenBench) -> None:
    assert is_refused(array, ZEROS[:6] + b"\x01\xf7" + ZEROS[8:], WRONG_LENGTH)


@pytest.mark.parametrize("rod_type", [0x00800003, 0xFFFFFFF0, 0x00000000])
def test_a_strangers_token_of_a_type_that_is_not_supported_is_told_so(
    array: TokenBench, rod_type: int
) -> None:
    token = array.token((0, 1))
    strange = rod_type.to_bytes(4, "big") + token[4:8] + bytes(504)
    assert is_refused(array, strange, UNSUPPORTED_TYPE)


def test_a_token_of_another_array_is_remote() -> None:
    other = TokenBench(memory_array(2, array_id=bytes(7) + b"\x09"))
    assert is_refused(token_bench(), other.token((0, 1)), REMOTE)


def test_a_token_of_this_array_in_a_former_life_is_unknown() -> None:
    former, array = token_bench(), token_bench()
    former.token((0, 1))
    assert is_refused(array, former.token((0, 1)), UNKNOWN)


def test_a_strangers_token_without_a_creator_is_corrupt(array: TokenBench) -> None:
    strange = bytes.fromhex("00800000000001f8") + bytes(504)
    assert is_refused(array, strange, CORRUPT)


@pytest.mark.parametrize("end", ["expired", "deleted", "revoked", "corrupt", "length", "remote"])
def test_where_the_profile_says_so_every_bad_token_is_unknown(end: str) -> None:
    # by way of FreeBSD's CTL
    array = token_bench(says_why=False)
    token = array.token((0, 1))
    match end:
        case "expired":
            array.time[0] += 60
        case "deleted":
            array.write(token, (0, 1), delete=True)
        case "revoked":
            array.array.revoke_tokens(0)
        case "corrupt":
            token = token[:-1] + b"\xee"
        case "length":
            token = token[:7] + b"\xf7" + token[8:]
        case "remote":
            token = TokenBench(memory_array(2, array_id=bytes(7) + b"\x09")).token((0, 1))
    assert is_refused(array, token, UNKNOWN)


def test_all_rod_tokens_are_the_beginnings_of_the_valid_ones_of_every_nexus(array: TokenBench) -> None:
    # SPC-4 6.31, 5.17.6.4
    first = array.token((0, 3))
    other = TokenBench(array.array, "other")
    second = other.token((5, 1), to=1)
    third = array.token((9, 1), inactivity=5)
    assert array.all_tokens() == other.all_tokens() == [first[:96], second[:96], third[:96]]
    array.time[0] += 5
    array.write(first, (0, 1), delete=True)
    assert array.all_tokens() == [second[:96]]


@pytest.mark.parametrize("rod_type", [POINT_IN_TIME, PERSISTENT])
def test_point_in_time_keeps_what_the_blocks_were(array: TokenBench, rod_type: int) -> None:
    # SPC-4 5.17.6.2.3.1
    token = array.token((10, 8), (40, 8), rod_type=rod_type)
    array.write(ZEROS, (0, 14), (45, 20), to=0)
    array.send(0, write_16(46, b"\xff" * BLOCK))
    assert array.write(token, (0, 16)).status == GOOD
    assert array.blocks(1, 0, 16) == array.old(0, 10, 8) + array.old(0, 40, 8)
    assert array.blocks(0, 46, 1) == b"\xff" * BLOCK


def test_tokens_of_different_times_have_the_data_of_their_time(array: TokenBench) -> None:
    tokens, data = [], []
    for n in range(4):
        tokens.append(array.token((0, 8)))
        data.append(array.blocks(0, 0, 8))
        array.send(0, write_16(2 * n, bytes([n]) * BLOCK))
    for token, expected in zip(tokens, data, strict=True):
        assert array.write(token, (100, 8)).status == GOOD
        assert array.blocks(1, 100, 8) == expected


def test_a_change_vulnerable_token_is_cancelled_by_a_write_to_its_blocks(array: TokenBench) -> None:
    # SPC-4 5.17.6.2.3.3
    token = array.token((10, 8), rod_type=CHANGE_VULNERABLE)
    array.send(0, write_16(9, bytes(BLOCK)))
    array.send(0, write_16(18, bytes(BLOCK)))
    assert array.write(token, (0, 8)).status == GOOD
    array.send(0, write_16(17, bytes(BLOCK)))
    assert is_refused(array, token, CANCELLED)
    assert array.all_tokens() == []


def test_where_the_profile_says_so_a_write_cancels_default_point_in_time_tokens_too() -> None:
    # by way of QNAP's target
    array = token_bench(cancels=True)
    token, persistent = array.token((0, 8)), array.token((0, 8), rod_type=PERSISTENT)
    array.send(0, write_16(0, bytes(BLOCK)))
    assert is_refused(array, token, CANCELLED)
    assert array.write(persistent, (0, 8)).status == GOOD
    assert array.blocks(1, 0, 8) == array.old(0, 0, 8)


def test_a_token_is_cancelled_when_there_is_no_room_for_what_is_overwritten() -> None:
    # SPC-4 5.17.6.2.3.1: a copy manager that cannot maintain the data invalidates the ROD
    array = token_bench(preserved_bytes=8 * BLOCK)
    token, other = array.token((0, 16)), array.token((100, 8))
    array.send(0, write_16(0, bytes(8 * BLOCK)))
    assert array.write(token, (0, 16)).status == GOOD
    array.send(0, write_16(8, bytes(BLOCK)))
    assert is_refused(array, token, CANCELLED)
    array.send(0, write_16(100, bytes(8 * BLOCK)))  # what was kept for the first has been let go
    assert array.write(other, (0, 8)).status == GOOD


def test_a_token_cancelled_while_it_is_used_ends_the_write_and_nothing_newer_was_written() -> None:
    array = token_bench(cancels=True)
    token = array.token((0, 40))
    overwrite = Call(lambda: array.send(0, write_16(39, bytes(BLOCK))))
    array.array.faults.add(Fault(then=overwrite, at="read", nth=3))
    reply = array.write(token, (0, 40))
    assert no(reply)[:3] == (0xA, 0x23, CANCELLED)
    assert array.blocks(1, 0, 32) == array.old(0, 0, 32)
    assert array.blocks(1, 32, 8) == array.old(1, 32, 8)
    assert array.told(to=1).count == 32


def test_an_access_upon_reference_token_outlives_every_write() -> None:
    array = token_bench(by_reference=True)
    token = array.token((0, 8), rod_type=BY_REFERENCE)
    array.send(0, write_16(0, bytes(8 * BLOCK)))
    assert array.write(token, (0, 8)).status == GOOD
    assert array.blocks(1, 0, 8) == bytes(8 * BLOCK)

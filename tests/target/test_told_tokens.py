"""What RECEIVE ROD TOKEN INFORMATION tells, how often, and what where there is no token (SPC-4 6.26)."""

from __future__ import annotations

import pytest

from cdb.command import Reply
from tests.target.bench import GOOD, No, no, segment
from tests.target.results_bench import ask_lid1, lid4_status, status_lid4
from tests.target.test_segment_rod import RodBench, fill_one, rod_bench, rod_cscd
from tests.target.token_bench import LIST_ID, TokenBench, ask, token_bench, told
from xcopy.target.array import memory_array
from xcopy.target.faults import Call, Fault
from xcopy.target.profiles import PROFILES

ROD_TOKEN_INFORMATION = 0x07
UNKNOWN = No(0x5, 0x24, 0x00, "c00002")
HEADER, LENGTH, DESCRIPTOR = 32, 4, 2 + 512


@pytest.fixture
def array() -> TokenBench:
    return token_bench()


@pytest.mark.parametrize("room", [4, HEADER, HEADER + LENGTH, HEADER + LENGTH + DESCRIPTOR - 1])
def test_a_token_told_in_part_is_told_again_and_the_part_says_how_much_there_is(
    array: TokenBench, room: int
) -> None:
    array.populate((0, 4))
    part = array.send(0, ask(ROD_TOKEN_INFORMATION, room=room)).data
    whole = array.send(0, ask(ROD_TOKEN_INFORMATION)).data
    assert part == whole[:room]
    assert int.from_bytes(part[:4], "big") == HEADER + LENGTH + DESCRIPTOR - 4
    assert len(told(whole).tokens) == 1


def test_a_token_told_whole_is_told_once_and_lives_on(array: TokenBench) -> None:
    # SPC-4 6.26 a)
    token = array.token((0, 4))
    again = array.told()
    assert (again.status, again.count, again.tokens) == (0x01, 4, ())
    assert array.write(token, (0, 4)).status == GOOD


def test_room_for_all_of_it_and_not_a_byte_more_is_enough_to_be_told_whole(array: TokenBench) -> None:
    array.populate((0, 4))
    data = array.send(0, ask(ROD_TOKEN_INFORMATION, room=HEADER + LENGTH + DESCRIPTOR)).data
    assert len(told(data).tokens) == 1
    assert array.told().tokens == ()


def test_a_token_is_given_up_by_an_allocation_length_of_0(array: TokenBench) -> None:
    # SPC-4 6.26 b)
    array.populate((0, 4))
    assert array.send(0, ask(ROD_TOKEN_INFORMATION, room=0)) == Reply()
    found = array.told()
    assert (found.status, found.count, found.tokens) == (0x01, 4, ())


def test_an_allocation_length_of_0_gives_up_nothing_while_the_token_is_being_made(array: TokenBench) -> None:
    array.populate((0, 4), immed=True)
    assert array.send(0, ask(ROD_TOKEN_INFORMATION, room=0)) == Reply()
    while array.array.work():
        pass
    assert len(array.told().tokens) == 1


def test_a_new_operation_of_its_list_identifier_takes_the_place_of_a_token_that_nobody_asked_for(
    array: TokenBench,
) -> None:
    # SPC-4 6.26 c)
    array.populate((0, 4))
    array.populate((8, 2))
    assert array.told().count == 2


@pytest.mark.parametrize("how", ["reset", "lost nexus", "time"])
def test_a_token_that_nobody_asked_for_goes_with_the_results(array: TokenBench, how: str) -> None:
    # SPC-4 6.26 d), e)
    array.populate((0, 4))
    if how == "reset":
        array.array.reset(0)
    elif how == "lost nexus":
        array.array.lose("initiator")
    else:
        array.time[0] += array.array.profile.retention
    if how != "time":
        assert no(array.send(0, ask(ROD_TOKEN_INFORMATION)))[:2] == (0x6, 0x29)
    assert no(array.send(0, ask(ROD_TOKEN_INFORMATION))) == UNKNOWN


def test_of_a_copy_that_made_no_token_there_is_its_state_and_an_empty_list(array: TokenBench) -> None:
    # SPC-4 6.26: all the tokens that were created, and that are none; counted in bytes, as the copy was
    array.copy(segment(0, 0, 4), usage=0b00, list_id=9)
    data = array.send(1, ask(ROD_TOKEN_INFORMATION, list_id=9)).data
    found = told(data)
    assert (len(data), data[HEADER:]) == (HEADER + LENGTH, bytes(LENGTH))
    assert (found.action, found.status, found.units, found.count, found.segments) == (0, 0x01, 0, 2048, 1)


def test_of_a_write_using_a_token_there_is_its_state_and_an_empty_list(array: TokenBench) -> None:
    # SBC-4 5.25.3
    token = array.token((0, 4))
    assert array.write(token, (0, 4), list_id=9).status == GOOD
    found = array.told(to=1, list_id=9)
    assert (found.action, found.status, found.count, found.tokens) == (0x11, 0x01, 4, ())


def test_while_the_token_is_being_made_there_is_its_state_and_an_empty_list(array: TokenBench) -> None:
    array.populate((0, 4), immed=True)
    found = array.told()
    assert (found.status, found.tokens) == (0x12, ())


def test_of_an_operation_that_failed_no_token_is_told() -> None:
    array = rod_bench()
    beyond = segment(0, 1 << 20, 1)
    assert array.run([rod_cscd(r_token=1)], fill_one(0, 4), beyond).status == 0x02
    found = array.told(list_id=7)
    assert (found.status, found.tokens) == (0x02, ())


def test_asking_for_tokens_leaves_the_status_and_the_status_leaves_the_tokens(array: TokenBench) -> None:
    array.populate((0, 4))
    assert lid4_status(array, LIST_ID).status == 0x01
    assert len(array.told().tokens) == 1
    assert lid4_status(array, LIST_ID).status == 0x01


def test_a_list_identifier_that_nobody_used_is_pointed_at(array: TokenBench) -> None:
    assert no(array.send(0, ask(ROD_TOKEN_INFORMATION, list_id=5))) == UNKNOWN


def test_another_nexus_is_not_told(array: TokenBench) -> None:
    array.populate((0, 4))
    array.send(0, status_lid4(1), "other")
    assert no(array.send(0, ask(ROD_TOKEN_INFORMATION), "other")) == UNKNOWN


@pytest.mark.parametrize("room", [4, 4096])
def test_ctl_forgets_a_token_that_was_asked_for_also_in_part(room: int) -> None:
    # as FreeBSD's source reads
    array = TokenBench(memory_array(1, blocks=16, profile=PROFILES["ctl"]))
    array.populate((0, 4))
    assert array.send(0, ask(ROD_TOKEN_INFORMATION, room=room)).status == GOOD
    assert no(array.send(0, ask(ROD_TOKEN_INFORMATION))) == UNKNOWN


# The other questions whose answer may have no room: what that gives up (SPC-4 6.20 to 6.25).


def test_the_lid1_status_is_told_once_however_little_of_it_there_is_room_for(array: TokenBench) -> None:
    # SPC-4 6.25 a): whatever was transferred, it is discarded
    array.copy(segment(0, 0, 4), usage=0b00, list_id=9)
    assert array.send(1, ask_lid1(0x00, 9, room=0)) == Reply()
    assert no(array.send(1, ask_lid1(0x00, 9))) == UNKNOWN


@pytest.mark.parametrize("room", [0, 4, 31])
def test_a_part_of_the_lid4_status_discards_nothing(array: TokenBench, room: int) -> None:
    # SPC-4 6.24: reading is not among what discards it
    array.copy(segment(0, 0, 4), usage=0b00, list_id=9)
    part = array.send(1, status_lid4(9, room)).data
    assert part == array.send(1, status_lid4(9)).data[:room]


def test_a_lid1_status_read_while_the_copy_runs_is_not_the_one_that_is_told_once() -> None:
    array = token_bench()
    seen: list[int] = []
    look = Call(lambda: seen.append(array.send(1, ask_lid1(0x00, 9)).status))
    array.array.faults.add(Fault(at="read", then=look))
    array.copy(segment(0, 0, 4), usage=0b00, list_id=9)
    assert seen == [GOOD]
    assert array.send(1, ask_lid1(0x00, 9)).data[4] == 0x01


def test_a_rod_made_a_token_in_a_copy_is_told_once_too() -> None:
    array: RodBench = rod_bench()
    assert array.run([rod_cscd(r_token=1)], fill_one(0, 4)).status == GOOD
    assert [list(array.made()), list(array.made())] == [[2], []]

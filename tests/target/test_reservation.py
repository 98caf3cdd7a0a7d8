"""Persistent reservations: who registers, who holds, who is preempted, and who is told of it.

SPC-4 5.13.7, 5.13.9 to 5.13.11, and 6.16.
"""

from __future__ import annotations

import pytest

from cdb.command import Command, Reply
from tests.target.bench import GOOD, TEST_UNIT_READY, Bench, No, bench, no
from tests.target.reservation_bench import (
    CLEAR,
    EA,
    EA_AR,
    EA_RO,
    KEY,
    ME,
    OTHER,
    OTHER_KEY,
    PREEMPT,
    PREEMPT_AND_ABORT,
    PREEMPTED,
    REGISTER,
    REGISTER_ANYWAY,
    REGISTRATIONS,
    RELEASE,
    RELEASED,
    RESERVE,
    THIRD,
    THIRD_KEY,
    WE,
    WE_AR,
    WE_RO,
    conflicts,
    data_of,
    held,
    keys,
    out,
    registered,
    stranger,
)


@pytest.fixture
def array() -> Bench:
    """Two registered nexuses."""
    return registered((ME, KEY), (OTHER, OTHER_KEY))


@pytest.fixture
def three() -> Bench:
    """Three registered nexuses."""
    return registered((ME, KEY), (OTHER, OTHER_KEY), (THIRD, THIRD_KEY))


# Registering (5.13.7, tables 67 and 68)


def test_registered_keys_are_told_with_how_often_they_changed(array: Bench) -> None:
    assert keys(array) == (2, [KEY, OTHER_KEY])


def test_a_registration_of_nothing_by_nobody_is_good_and_does_nothing() -> None:
    array = bench()
    assert array.send(0, out(REGISTER)) == Reply()
    assert array.send(0, out(REGISTER_ANYWAY)) == Reply()
    assert keys(array)[1] == []


def test_to_register_with_a_key_that_one_has_not_is_a_conflict(array: Bench) -> None:
    assert conflicts(array.send(0, out(REGISTER, 5, 6)))
    assert conflicts(array.send(0, out(REGISTER, 5, 6), stranger(array)))
    assert keys(array) == (2, [KEY, OTHER_KEY])


def test_a_key_is_changed_by_who_knows_it_and_anyway(array: Bench) -> None:
    array.send(0, out(REGISTER, KEY, 7))
    array.send(0, out(REGISTER_ANYWAY, 99, 8), OTHER)
    assert keys(array) == (4, [7, 8])


def test_a_new_key_of_zero_ends_a_registration(array: Bench) -> None:
    array.send(0, out(REGISTER, KEY, 0))
    array.send(0, out(REGISTER_ANYWAY, 0, 0), OTHER)
    assert keys(array) == (4, [])


def test_registrations_of_one_unit_are_not_those_of_another(array: Bench) -> None:
    assert data_of(array, 0, number=1) == bytes(8)


def test_there_is_an_end_to_registrations() -> None:
    array = bench(1)
    for n in range(257):
        array.send(0, TEST_UNIT_READY, f"n{n}")
    replies = [array.send(0, out(REGISTER, 0, n + 1), f"n{n}") for n in range(257)]
    assert {reply.status for reply in replies[:256]} == {GOOD}
    assert no(replies[256]) == No(5, 0x55, 0x04)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(out(REGISTER, KEY, 7, flags=0x08), No(5, 0x26, 0, "8b0014"), id="SPEC_I_PT"),
        pytest.param(out(REGISTER, KEY, 7, flags=0x04), No(5, 0x26, 0, "8a0014"), id="ALL_TG_PT"),
        pytest.param(out(REGISTER_ANYWAY, 0, 7, flags=0x01), No(5, 0x26, 0, "880014"), id="APTPL"),
        pytest.param(out(REGISTER, KEY, 7, length=23), No(5, 0x1A, 0), id="list too short"),
        pytest.param(out(REGISTER, KEY, 7, length=25), No(5, 0x1A, 0), id="list not sent"),
        pytest.param(out(8, KEY, 7, kind=WE), No(5, 0x24, 0, "cc0001"), id="REPLACE LOST RESERVATION"),
        pytest.param(out(RESERVE, KEY, kind=WE, scope=1), No(5, 0x24, 0, "cf0002"), id="scope"),
        *(
            pytest.param(out(RESERVE, KEY, kind=kind), No(5, 0x24, 0, "cb0002"), id=f"type {kind}")
            for kind in (0, 2, 4, 9, 15)
        ),
    ],
)
def test_what_report_capabilities_does_not_promise_is_refused(
    array: Bench, command: Command, expected: No
) -> None:
    assert no(array.send(0, command)) == expected
    assert (keys(array), held(array)) == ((2, [KEY, OTHER_KEY]), None)


def test_capabilities_say_all_types_and_that_commands_pass_as_the_table_has_it(array: Bench) -> None:
    assert data_of(array, 2).hex() == "000800c0ea010000"


# Reserving and releasing (5.13.9, 5.13.11.2.2)


@pytest.mark.parametrize("kind", [WE, EA, WE_RO, EA_RO])
def test_a_reservation_is_told_with_the_key_of_its_holder(array: Bench, kind: int) -> None:
    assert array.send(0, out(RESERVE, KEY, kind=kind)) == Reply()
    assert held(array) == (KEY, kind)


@pytest.mark.parametrize("kind", [WE_AR, EA_AR])
def test_a_reservation_that_all_registrants_hold_is_told_with_a_key_of_zero(array: Bench, kind: int) -> None:
    array.send(0, out(RESERVE, KEY, kind=kind))
    assert held(array) == (0, kind)


def test_reserving_needs_the_right_key(array: Bench) -> None:
    assert conflicts(array.send(0, out(RESERVE, OTHER_KEY, kind=WE)))
    assert held(array) is None


def test_a_holder_may_reserve_again_but_not_otherwise(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE))
    assert not conflicts(array.send(0, out(RESERVE, KEY, kind=WE)))
    assert conflicts(array.send(0, out(RESERVE, KEY, kind=EA)))
    assert conflicts(array.send(0, out(RESERVE, OTHER_KEY, kind=WE), OTHER))
    assert held(array) == (KEY, WE)


def test_every_registrant_may_repeat_a_reservation_of_all(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE_AR))
    assert not conflicts(array.send(0, out(RESERVE, OTHER_KEY, kind=WE_AR), OTHER))


def test_the_holder_releases_and_registrations_stay(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE))
    assert array.send(0, out(RELEASE, KEY, kind=WE)) == Reply()
    assert (held(array), keys(array)) == (None, (2, [KEY, OTHER_KEY]))


def test_a_release_by_somebody_else_is_good_and_releases_nothing(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE_RO))
    assert array.send(0, out(RELEASE, OTHER_KEY, kind=WE_RO), OTHER) == Reply()
    assert held(array) == (KEY, WE_RO)


def test_a_release_of_another_type_is_refused(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE))
    assert no(array.send(0, out(RELEASE, KEY, kind=EA))) == No(5, 0x26, 0x04)
    assert held(array) == (KEY, WE)


def test_a_release_of_nothing_is_good(array: Bench) -> None:
    assert array.send(0, out(RELEASE, KEY, kind=WE)) == Reply()


@pytest.mark.parametrize(("kind", "told"), [(WE, None), (EA, None), *((k, RELEASED) for k in (5, 6, 7, 8))])
def test_registrants_are_told_of_a_release_where_it_was_theirs_too(
    array: Bench, kind: int, told: No | None
) -> None:
    array.send(0, out(RESERVE, KEY, kind=kind))
    array.send(0, out(RELEASE, KEY, kind=kind))
    reply = array.send(0, TEST_UNIT_READY, OTHER)
    assert (no(reply) if reply.status else None) == told
    assert array.send(0, TEST_UNIT_READY).status == GOOD


# Unregistering (5.13.11.2.3)


@pytest.mark.parametrize(("kind", "told"), [(WE, None), (EA, None), (WE_RO, RELEASED), (EA_RO, RELEASED)])
def test_a_reservation_goes_with_the_registration_of_its_holder(
    array: Bench, kind: int, told: No | None
) -> None:
    array.send(0, out(RESERVE, KEY, kind=kind))
    array.send(0, out(REGISTER, KEY, 0))
    assert held(array) is None
    reply = array.send(0, TEST_UNIT_READY, OTHER)
    assert (no(reply) if reply.status else None) == told


def test_a_reservation_of_all_registrants_goes_with_the_last_of_them(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=EA_AR))
    array.send(0, out(REGISTER, KEY, 0))
    assert held(array) == (0, EA_AR)
    array.send(0, out(REGISTER, OTHER_KEY, 0), OTHER)
    assert held(array) is None


def test_a_changed_key_changes_no_reservation(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=EA))
    array.send(0, out(REGISTER, KEY, 9))
    assert held(array) == (9, EA)


# Preempting (5.13.11.2.4, table 72) and clearing (5.13.11.2.7)


def test_who_preempts_the_holder_has_the_reservation(three: Bench) -> None:
    three.send(0, out(RESERVE, OTHER_KEY, kind=WE), OTHER)
    assert three.send(0, out(PREEMPT, KEY, OTHER_KEY, kind=EA)) == Reply()
    assert (held(three), keys(three)) == ((KEY, EA), (4, [KEY, THIRD_KEY]))
    assert no(three.send(0, TEST_UNIT_READY, OTHER)) == REGISTRATIONS
    assert no(three.send(0, TEST_UNIT_READY, THIRD)) == RELEASED  # the type is another


def test_who_preempts_with_the_same_type_tells_only_those_who_lost_something(three: Bench) -> None:
    three.send(0, out(RESERVE, OTHER_KEY, kind=WE), OTHER)
    three.send(0, out(PREEMPT, KEY, OTHER_KEY, kind=WE))
    assert three.send(0, TEST_UNIT_READY, THIRD).status == GOOD


def test_preempting_a_key_that_holds_nothing_removes_registrations_only(three: Bench) -> None:
    three.send(0, out(RESERVE, OTHER_KEY, kind=WE), OTHER)
    assert three.send(0, out(PREEMPT, KEY, THIRD_KEY, kind=15, scope=0)) == Reply()
    assert (held(three), keys(three)[1]) == ((OTHER_KEY, WE), [KEY, OTHER_KEY])
    assert no(three.send(0, TEST_UNIT_READY, THIRD)) == REGISTRATIONS


def test_preempting_without_a_reservation_removes_registrations(three: Bench) -> None:
    three.send(0, out(PREEMPT, KEY, OTHER_KEY))
    assert keys(three)[1] == [KEY, THIRD_KEY]


def test_preempting_a_key_that_nobody_has_is_a_conflict(array: Bench) -> None:
    assert conflicts(array.send(0, out(PREEMPT, KEY, 77, kind=WE)))


def test_preempting_a_key_of_zero_is_refused_unless_all_registrants_hold_it(array: Bench) -> None:
    array.send(0, out(RESERVE, OTHER_KEY, kind=WE), OTHER)
    assert no(array.send(0, out(PREEMPT, KEY, 0, kind=WE))) == No(5, 0x26, 0, "800008")


def test_preempting_a_key_of_zero_takes_over_from_all_registrants(three: Bench) -> None:
    three.send(0, out(RESERVE, OTHER_KEY, kind=WE_AR), OTHER)
    assert three.send(0, out(PREEMPT, KEY, 0, kind=EA)) == Reply()
    assert (held(three), keys(three)[1]) == ((KEY, EA), [KEY])
    assert {no(three.send(0, TEST_UNIT_READY, who)) for who in (OTHER, THIRD)} == {REGISTRATIONS}


def test_preempting_one_of_all_registrants_leaves_the_reservation_to_the_others(three: Bench) -> None:
    three.send(0, out(RESERVE, OTHER_KEY, kind=WE_AR), OTHER)
    three.send(0, out(PREEMPT, KEY, OTHER_KEY, kind=EA))
    assert (held(three), keys(three)[1]) == ((0, WE_AR), [KEY, THIRD_KEY])


def test_a_holder_may_preempt_itself_and_stays_registered(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE))
    array.send(0, out(PREEMPT, KEY, KEY, kind=EA_RO))
    assert (held(array), keys(array)[1]) == ((KEY, EA_RO), [KEY, OTHER_KEY])
    assert no(array.send(0, TEST_UNIT_READY, OTHER)) == RELEASED


def test_who_preempts_its_own_key_and_holds_nothing_is_not_registered_any_more(array: Bench) -> None:
    array.send(0, out(PREEMPT, KEY, KEY))
    assert keys(array)[1] == [OTHER_KEY]
    assert array.send(0, TEST_UNIT_READY).status == GOOD


def test_a_takeover_with_a_type_that_is_none_changes_nothing(array: Bench) -> None:
    array.send(0, out(RESERVE, OTHER_KEY, kind=WE), OTHER)
    assert no(array.send(0, out(PREEMPT, KEY, OTHER_KEY, kind=2))) == No(5, 0x24, 0, "cb0002")
    assert (held(array), keys(array)) == ((OTHER_KEY, WE), (2, [KEY, OTHER_KEY]))


def test_clearing_leaves_nothing_and_the_others_are_told(three: Bench) -> None:
    three.send(0, out(RESERVE, OTHER_KEY, kind=WE_RO), OTHER)
    assert three.send(0, out(CLEAR, KEY)) == Reply()
    assert (held(three), keys(three)) == (None, (4, []))
    assert {no(three.send(0, TEST_UNIT_READY, who)) for who in (OTHER, THIRD)} == {PREEMPTED}
    assert three.send(0, TEST_UNIT_READY).status == GOOD


def test_what_needs_a_registration_is_a_conflict_without_one() -> None:
    array = registered((OTHER, OTHER_KEY))
    for action in (RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT):
        assert conflicts(array.send(0, out(action, KEY, OTHER_KEY, kind=WE))), action


def test_resets_and_lost_nexuses_change_no_reservation_and_lost_power_does(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE))
    array.array.reset(0)
    array.array.lose(ME)
    array.send(0, TEST_UNIT_READY)
    assert (held(array), keys(array)) == ((KEY, WE), (2, [KEY, OTHER_KEY]))
    array.array.power_cycle()
    array.send(0, TEST_UNIT_READY)
    assert (held(array), keys(array)) == (None, (0, []))

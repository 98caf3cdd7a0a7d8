"""One trial of the host in a long copy: when it is due, what is counted, and what is made of it."""

from __future__ import annotations

import pytest

from xcopy.comparison import COUNTED_FROM, LONG, SETTLED, TRIAL, Comparison, Prefer

OFFLOAD_RATE = 100.0
LONG_COPY = int(LONG * TRIAL * OFFLOAD_RATE)


def tried(prefer: Prefer, host_rate: float) -> Comparison:
    """A comparison whose trial is over; the host's first second was slow."""
    made = Comparison(prefer, 0.0)
    assert made.begins(OFFLOAD_RATE, LONG_COPY, SETTLED)
    made.hosted(0, SETTLED)
    made.hosted(7, SETTLED + COUNTED_FROM)
    made.hosted(7 + round(host_rate * (TRIAL - COUNTED_FROM)), SETTLED + TRIAL)
    assert not made.trying
    return made


def test_a_copy_that_has_not_settled_is_not_compared() -> None:
    assert not Comparison(Prefer.EITHER, 0.0).begins(OFFLOAD_RATE, LONG_COPY, SETTLED - 0.1)


def test_a_copy_that_is_nearly_done_is_not_compared() -> None:
    assert not Comparison(Prefer.SPEED, 0.0).begins(OFFLOAD_RATE, LONG_COPY - 1, SETTLED)


def test_a_copy_that_has_not_moved_is_not_compared() -> None:
    assert not Comparison(Prefer.SPEED, 0.0).begins(0.0, LONG_COPY, SETTLED)


def test_who_prefers_offload_sees_no_trial() -> None:
    assert not Comparison(Prefer.OFFLOAD, 0.0).begins(OFFLOAD_RATE, LONG_COPY, 1000.0)


def test_there_is_one_trial_in_a_copy() -> None:
    made = tried(Prefer.EITHER, 10.0)
    assert not made.begins(OFFLOAD_RATE, LONG_COPY, 1000.0)


def test_what_the_storage_still_does_is_no_time_of_the_host() -> None:
    made = Comparison(Prefer.EITHER, 0.0)
    made.begins(OFFLOAD_RATE, LONG_COPY, SETTLED)
    made.hosted(0, 500.0)
    made.hosted(0, 500.0 + COUNTED_FROM)
    assert made.trying


def test_the_host_s_rate_is_of_the_time_after_its_climb() -> None:
    found = tried(Prefer.EITHER, 250.0).found
    assert found is not None
    assert (found.offload, found.host) == (OFFLOAD_RATE, 250.0)


@pytest.mark.parametrize(
    ("prefer", "host_rate", "takes_host"),
    [
        (Prefer.SPEED, 151.0, True),
        (Prefer.SPEED, 149.0, False),
        (Prefer.EITHER, 1000.0, False),
    ],
)
def test_the_host_is_taken_where_speed_is_preferred_and_there_is_no_doubt(
    prefer: Prefer, host_rate: float, takes_host: bool
) -> None:
    assert tried(prefer, host_rate).takes_host is takes_host


def test_a_trial_that_was_given_up_has_found_nothing() -> None:
    made = Comparison(Prefer.SPEED, 0.0)
    made.begins(OFFLOAD_RATE, LONG_COPY, SETTLED)
    made.give_up()
    made.hosted(1000, 1000.0)
    assert made.found is None
    assert not made.takes_host

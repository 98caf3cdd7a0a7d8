"""How large a call is, from how long the last ones took: no clock, only numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcopy.portion import Portion

MIB = 2**20


def test_it_grows_while_calls_are_quick_and_no_further_than_it_may() -> None:
    portion = Portion(4 * MIB, MIB, 16 * MIB)
    sizes = []
    for _ in range(4):
        portion.took(portion.size, 0.001)
        sizes.append(portion.size // MIB)
    assert sizes == [8, 16, 16, 16]


def test_a_call_that_takes_longer_than_the_goal_makes_the_next_one_as_much_smaller() -> None:
    portion = Portion(256 * MIB, MIB, 256 * MIB, goal=0.1)
    portion.took(256 * MIB, 1.6)
    assert portion.size == 4 * MIB


def test_one_that_took_more_than_half_the_goal_is_halved_before_another_takes_too_long() -> None:
    portion = Portion(8 * MIB, MIB, 8 * MIB, goal=0.1)
    portion.took(8 * MIB, 0.051)
    assert 3 * MIB < portion.size <= 4 * MIB


@pytest.mark.parametrize("seconds", [0.02, 0.05])
def test_it_stays_where_calls_take_a_good_part_of_the_goal(seconds: float) -> None:
    portion = Portion(4 * MIB, MIB, 16 * MIB, goal=0.1)
    portion.took(4 * MIB, seconds)
    assert portion.size == 4 * MIB


def test_a_short_call_says_nothing_of_a_whole_one() -> None:
    portion = Portion(4 * MIB, MIB, 16 * MIB)
    portion.took(MIB, 0.0001)
    assert portion.size == 4 * MIB


@given(st.lists(st.tuples(st.integers(0, 2**40), st.floats(0, 1e6)), max_size=20))
def test_it_stays_within_its_bounds(calls: list[tuple[int, float]]) -> None:
    portion = Portion(4 * MIB, MIB, 16 * MIB)
    for moved, seconds in calls:
        portion.took(moved, seconds)
        assert MIB <= portion.size <= 16 * MIB

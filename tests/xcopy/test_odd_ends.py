"""A command refused for its size though longer segments were copied: what is sent of it next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcopy.odd_ends import odd_ends
from xcopy.plan import Piece


def test_a_command_of_segments_as_long_as_those_copied_has_no_odd_end() -> None:
    assert odd_ends([Piece(0, 128), Piece(128, 128)], 128) == ()


def test_where_nothing_was_copied_there_is_no_odd_end() -> None:
    assert odd_ends([Piece(0, 5)], 0) == ()


def test_the_short_segment_is_sent_apart_from_the_long_ones() -> None:
    left = [Piece(0, 128), Piece(128, 128), Piece(256, 5)]
    assert odd_ends(left, 128) == (Piece(0, 256), Piece(256, 5))


def test_a_short_segment_alone_is_cut_at_the_largest_power_of_two() -> None:
    assert odd_ends([Piece(100, 21)], 128) == (Piece(100, 16), Piece(116, 5))


@pytest.mark.parametrize("blocks", [1, 2, 64])
def test_a_power_of_two_is_not_cut(blocks: int) -> None:
    assert odd_ends([Piece(7, blocks)], 128) == (Piece(7, blocks),)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=8), st.integers(0, 300), st.integers(0, 1000))
def test_the_parts_are_all_of_what_was_left_and_cutting_ends(
    blocks: list[int], longest: int, start: int
) -> None:
    left, at = [], start
    for count in blocks:
        left.append(Piece(at, count))
        at += count
    parts = odd_ends(left, longest)
    if not parts:
        assert min(blocks) >= longest
        return
    assert [parts[0].start, *(part.end for part in parts)] == [*(part.start for part in parts), at]
    assert parts == tuple(left) or len(parts) > 1 or len(left) == 1
    rounds = 0
    while len(parts) > 1 or parts != (odd_ends(parts[-1:], 301) or parts):
        parts = odd_ends(parts[-1:], 301)
        rounds += 1
        assert rounds <= 10

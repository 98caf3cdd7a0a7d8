"""A rate that is kept over every second, whatever is refused meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcopy.bucket import SLACK, Bucket

RATE = 1000.0


def test_what_a_refused_command_would_have_taken_is_free_at_once() -> None:
    bucket = Bucket(RATE)
    bucket.sent(64_000, 10.0)
    bucket.refused(64_000, 10.0, 10.5)
    assert bucket.ready_at(10.5) == 10.5


def test_a_command_that_is_refused_late_gives_nothing_back_of_the_time_that_has_passed() -> None:
    bucket = Bucket(RATE)
    bucket.sent(1000, 10.0)
    bucket.sent(1000, 11.0)
    bucket.refused(1000, 10.0, 11.5)
    assert bucket.ready_at(11.5) == pytest.approx(12.0 - SLACK)


STEPS = st.lists(
    st.tuples(st.integers(1, 5000), st.floats(0, 3), st.none() | st.floats(0, 8)), min_size=1, max_size=30
)


@given(STEPS)
def test_no_time_holds_more_than_its_share_and_one_command(
    steps: list[tuple[int, float, float | None]],
) -> None:
    """Each command: its size, a pause before it, and after how many seconds it is refused, if it is."""
    bucket, now = Bucket(RATE), 0.0
    begun: list[tuple[float, int]] = []
    refusals: list[tuple[float, int, float]] = []  # when it is heard of, size, when it was sent
    for size, pause, refused_after in steps:
        now += pause
        while True:
            due = [each for each in refusals if each[0] <= now]
            for heard, refused, sent in sorted(due):
                bucket.refused(refused, sent, heard)
            refusals = [each for each in refusals if each not in due]
            ready = min([bucket.ready_at(now), *(max(now, each[0]) for each in refusals)])
            if ready <= now:
                break
            now = ready
        bucket.sent(size, now)
        if refused_after is None:
            begun.append((now, size))
        else:
            refusals.append((now + refused_after, size, now))
    for first, (since, _) in enumerate(begun):
        for last in range(first, len(begun)):
            moved = sum(size for _, size in begun[first : last + 1])
            largest = max(size for _, size in begun[first : last + 1])
            assert moved <= RATE * (begun[last][0] - since + SLACK) + largest + 1e-6

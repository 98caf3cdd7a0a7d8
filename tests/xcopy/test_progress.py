"""How far and how fast: the rate follows what happens now, not the average since the beginning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcopy.progress import APART, SPAN, Meter, Progress


def progress(**changes: object) -> Progress:
    given: dict[str, object] = {
        "total": 1000,
        "copied": {"offload": 300, "host": 100},
        "means": "offload",
        "window": "",
        "in_flight": 1,
        "elapsed": 2.0,
        "rate": 200.0,
    }
    return Progress(**(given | changes))  # type: ignore[arg-type]


def test_what_is_done_is_the_sum_of_all_means() -> None:
    assert progress().done == 400


def test_the_time_left_is_what_is_left_at_the_present_rate() -> None:
    assert progress().left == 3.0


def test_what_is_said_to_be_copied_inside_is_reached_and_not_done() -> None:
    inside = progress(inside=200)
    assert (inside.done, inside.reached, inside.left) == (400, 600, 2.0)


def test_without_a_rate_the_time_left_is_not_known() -> None:
    assert progress(rate=0.0).left is None


def test_at_the_first_look_there_is_no_rate() -> None:
    assert Meter(0, 5.0).seen(0, 5.0) == 0.0


def test_a_steady_copy_has_its_rate() -> None:
    meter = Meter(0, 0.0)
    assert [meter.seen(10 * n, float(n)) for n in range(1, 40)] == [10.0] * 39


def test_what_an_earlier_run_copied_is_no_rate() -> None:
    assert Meter(1_000_000, 0.0).seen(1_000_050, 1.0) == 50.0


def test_a_count_that_goes_back_has_no_rate() -> None:
    meter = Meter(0, 0.0)
    assert [meter.seen(count, now) for now, count in ((1.0, 100), (2.0, 300), (3.0, -3))] == [
        100.0,
        150.0,
        0.0,
    ]


def test_a_copy_that_slows_down_has_its_new_rate_after_the_span() -> None:
    meter = Meter(0, 0.0)
    for second in range(1, 101):
        meter.seen(second * 1000, float(second))
    slow = [meter.seen(100_000 + second, 100.0 + second) for second in range(1, 12)]
    assert slow[0] == pytest.approx(900, rel=0.01)
    assert slow[-1] == 1.0


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 1 << 40)), max_size=300))
def test_the_memory_of_a_meter_is_bounded(steps: list[tuple[float, int]]) -> None:
    meter, now, count = Meter(0, 0.0), 0.0, 0
    for seconds, more in steps:
        now, count = now + seconds, count + more
        assert meter.seen(count, now) >= 0
    assert len(meter._samples) <= SPAN / APART + 2

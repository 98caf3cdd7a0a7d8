"""The clock: seconds, forward only."""

from __future__ import annotations

import time

import pytest

from xcopy.device.clock import MonotonicClock


def test_it_is_the_systems_monotonic_clock() -> None:
    before = time.monotonic()

    now = MonotonicClock().now()

    assert before <= now <= time.monotonic()


@pytest.mark.parametrize(("seconds", "waits"), [(0.25, [0.25]), (0, []), (-1.0, [])])
def test_only_a_time_to_come_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, seconds: float, waits: list[float]
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    MonotonicClock().sleep(seconds)

    assert slept == waits

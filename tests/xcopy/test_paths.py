"""Which path of a unit is gone by, and what is told of it."""

from __future__ import annotations

import pytest

from cdb.command import NotSent
from xcopy.paths import AGAIN, PATIENCE, PathChange, Paths


class Storage:
    """Three paths; `running` are those that sysfs would show, the best first."""

    def __init__(self) -> None:
        self.running = ["a", "b", "c"]
        self.paths = Paths("LUN", "a", lambda: self.running, 3)
        self.now = 100.0

    def at(self) -> tuple[int, str]:
        found = self.paths.at(self.now)
        assert not isinstance(found, float)
        return found

    def fail(self, why: str = "broken") -> None:
        self.paths.fail(self.at()[0], why)

    def told(self) -> list[str]:
        return [" ".join(filter(None, (each.path, each.event, each.why))) for each in self.paths.changes]


@pytest.fixture
def storage() -> Storage:
    return Storage()


def test_the_first_is_gone_by_while_it_works(storage: Storage) -> None:
    storage.running = ["c", "b", "a"]
    storage.paths.works(0)
    assert storage.at() == (0, "a")
    assert storage.told() == []


def test_the_best_that_runs_takes_over(storage: Storage) -> None:
    storage.running = ["a", "c"]
    storage.fail("cable")
    assert storage.at() == (1, "c")
    storage.paths.works(1)
    assert storage.told() == ["a failed cable", "c took over"]
    assert storage.paths.changes[0] == PathChange("LUN", "a", "failed", "cable")
    assert storage.paths.failed == {"a"}


def test_what_was_in_flight_when_it_failed_fails_nothing_more(storage: Storage) -> None:
    storage.fail()
    storage.paths.fail(0, "late")
    assert storage.at() == (1, "b")
    storage.paths.fail(0, "later")
    assert storage.at() == (1, "b")
    assert storage.told() == ["a failed broken"]


def test_each_of_many_workers_opens_it_and_it_is_told_once(storage: Storage) -> None:
    storage.fail()
    for _ in range(3):
        storage.paths.works(storage.at()[0])
    assert storage.told() == ["a failed broken", "b took over"]


def test_when_all_have_failed_they_are_tried_again(storage: Storage) -> None:
    for _ in range(3):
        storage.fail()
    assert storage.paths.at(storage.now) == AGAIN
    storage.now += AGAIN
    assert storage.at() == (3, "a")
    storage.paths.works(3)
    assert storage.told() == ["a failed broken", "b failed broken", "c failed broken", "a took over"]
    assert storage.paths.failed == {"b", "c"}


def test_that_lasts_so_long_and_no_longer(storage: Storage) -> None:
    tries = 0

    def try_on() -> None:
        nonlocal tries
        while True:
            found = storage.paths.at(storage.now)
            if isinstance(found, float):
                storage.now += found
            else:
                tries += 1
                storage.paths.fail(found[0], "broken")

    with pytest.raises(NotSent, match="no path to LUN is left: a: broken; b: broken; c: broken"):
        try_on()
    assert storage.now == 100.0 + PATIENCE
    assert tries == 3 * (1 + PATIENCE / AGAIN)
    assert len(storage.paths.changes) == 3


def test_the_second_time_nothing_is_waited_for(storage: Storage) -> None:
    for _ in range(3):
        storage.fail()
    storage.paths.at(storage.now)
    storage.paths.works(storage.at()[0])
    storage.now += PATIENCE
    for _ in range(3):
        storage.fail()
    with pytest.raises(NotSent):
        storage.paths.at(storage.now)


def test_whoever_is_stopped_does_not_wait(storage: Storage) -> None:
    storage.paths.stopping = True
    for _ in range(3):
        storage.fail()
    with pytest.raises(NotSent):
        storage.paths.at(storage.now)


def test_paths_that_do_not_run_are_not_tried(storage: Storage) -> None:
    storage.running = []
    storage.fail()
    assert storage.paths.at(storage.now) == AGAIN
    storage.running = ["b"]
    assert storage.at() == (1, "b")

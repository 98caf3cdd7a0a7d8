"""How many files may be open, in processes of their own: a limit that is lowered is not raised again."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from xcopy.device.descriptors import workers

PROGRAM = """\
import os, resource, sys
from xcopy.device.descriptors import room_for
soft, hard, files = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
room = room_for(files)
opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(room)]
print(room)
"""


def room(soft: int, hard: int, files: int) -> int:
    """What is said to be room for, all of it opened."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(soft), str(hard), str(files)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_what_fits_is_left_as_it_is() -> None:
    assert room(200, 200, 100) == 100


def test_the_limit_is_raised_where_it_is_too_low() -> None:
    assert room(100, 1000, 500) == 500


@pytest.mark.parametrize("soft", [100, 300])
def test_where_it_cannot_be_raised_enough_there_is_room_for_fewer(soft: int) -> None:
    assert 200 < room(soft, 300, 500) < 300


def test_where_nothing_is_left_there_is_no_room() -> None:
    assert room(20, 20, 5) == 0


def test_there_are_as_many_workers_as_can_open_what_they_need_and_always_one() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert workers(8, 4) == 8
        assert workers(8, 1 << 40) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

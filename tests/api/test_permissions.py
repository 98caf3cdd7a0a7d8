"""What a user may not open, and what is said of it."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.device.fake_sysfs import Machine
from xcopy.api.permissions import unchecked
from xcopy.device import privileges
from xcopy.errors import AccessError

if TYPE_CHECKING:
    from pathlib import Path

SDB, SDC = "/dev/sdb", "/dev/sdc"


class User:
    """May open what is in `modes`, as far as it says there."""

    def __init__(self) -> None:
        self.modes = {SDB: os.R_OK | os.W_OK, SDC: os.R_OK | os.W_OK}
        self.capable = True

    def access(self, path: str, mode: int, *, effective_ids: bool) -> bool:
        assert effective_ids
        return self.modes[path] & mode == mode


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> User:
    made = User()
    monkeypatch.setattr(os, "access", made.access)
    monkeypatch.setattr(os.path, "exists", lambda path: path in made.modes)
    monkeypatch.setattr(privileges, "may", lambda _: made.capable)
    return made


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Any, Any]:
    machine = Machine(tmp_path)
    machine.disk("sdb", 16)
    machine.disk("sdc", 32)
    source, destination = (SimpleNamespace(name=path, node=machine.resolve(path)) for path in (SDB, SDC))
    return source, destination


def test_who_may_all_is_warned_of_nothing(user: User, sides: tuple[Any, Any]) -> None:
    del user
    assert unchecked(*sides, force=frozenset()) == []


def test_a_source_that_may_be_read_is_enough(user: User, sides: tuple[Any, Any]) -> None:
    user.modes[SDB] = os.R_OK
    assert unchecked(*sides, force=frozenset()) == []


@pytest.mark.parametrize(("closed", "loss"), [(SDB, "not sent yet"), (SDC, "cannot be held")])
def test_a_node_that_may_not_be_opened_is_refused_with_what_is_lost_and_the_ways_out(
    user: User, sides: tuple[Any, Any], closed: str, loss: str
) -> None:
    user.modes[closed] = 0
    with pytest.raises(AccessError, match=f"no permission to open {closed}: .*{loss}.*run as root.*--force"):
        unchecked(*sides, force=frozenset())
    assert [loss in warning for warning in unchecked(*sides, force=frozenset({"unchecked"}))] == [True]


def test_a_destination_that_may_only_be_read_is_refused(user: User, sides: tuple[Any, Any]) -> None:
    user.modes[SDC] = os.R_OK
    with pytest.raises(AccessError):
        unchecked(*sides, force=frozenset())


def test_without_capabilities_what_is_not_seen_and_not_certain_is_said(
    user: User, sides: tuple[Any, Any]
) -> None:
    user.capable = False
    programs, cache = unchecked(*sides, force=frozenset())
    assert "CAP_SYS_PTRACE" in programs
    assert "CAP_SYS_ADMIN" in cache
    assert SDC in programs
    assert SDC in cache


def test_nodes_that_are_not_there_have_no_cache(user: User, sides: tuple[Any, Any]) -> None:
    user.modes.clear()
    assert unchecked(*sides, force=frozenset()) == []

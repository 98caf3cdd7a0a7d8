"""A signal handler that raises, at every moment at which it may: the copy ends with nothing in flight.

Python runs handlers when a function is entered and after a call; at these moments one is raised here.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.xcopy import test_runner
from tests.xcopy.test_runner import BLOCKS, LAST, array, content, copy
from xcopy.coverage import State
from xcopy.plan import Piece

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from cdb.command import Command, Reply

PLACES = ("xcopy/runner.py", "xcopy/inbox.py")
STEP = 7  # of so many moments one is tried in one test, and the next in the next


class Interrupted(Exception):
    """What the handler raises."""


class ForEver(BaseException):
    """It waits for what is not in flight; not to be taken for what goes wrong in a copy."""


@pytest.fixture
def patience() -> Iterator[None]:
    def over(*_: object) -> None:
        raise ForEver

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, 120)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@dataclass
class Moments:
    """Counts the moments in the loop, and raises in one of them."""

    at: int
    seen: int = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event in ("call", "c_return") and frame.f_code.co_filename.endswith(PLACES):
            self.seen += 1
            if self.seen == self.at:
                raise Interrupted


@dataclass
class Counting(test_runner.Doors):
    """Ways that know how many commands are under way."""

    under_way: list[object] = field(default_factory=list)

    def transport(self, side: Any, pair: int) -> Any:
        return Way(super().transport(side, pair), self.under_way)

    same_way = transport


@dataclass
class Way:
    way: Any
    under_way: list[object]

    def send(self, command: Command) -> Reply:
        self.under_way.append(command)
        try:
            reply: Reply = self.way.send(command)
            return reply
        finally:
            self.under_way.remove(command)


def interrupted(at: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a copy lived to see that moment; the law holds for what became of it."""
    under_way: list[object] = []
    monkeypatch.setattr(test_runner, "Doors", lambda a: Counting(a, under_way=under_way))
    a, moments = array(), Moments(at)
    try:
        sys.setprofile(moments)
        copy(a, 1200, 5, 9, jobs=3)
    except Interrupted:
        assert not under_way
    finally:
        sys.setprofile(None)
    written, source, before = a.units[1].backing.read(0, BLOCKS * 512), content(0), content(1)
    coverage = LAST[0].coverage
    for piece, entry in coverage.within(Piece(0, 1200)):
        if entry.state is State.COPIED:
            first, last = piece.start * 512, piece.end * 512
            assert written[9 * 512 + first : 9 * 512 + last] == source[5 * 512 + first : 5 * 512 + last]
    assert written[: 9 * 512] == before[: 9 * 512]
    assert written[(9 + 1200) * 512 :] == before[(9 + 1200) * 512 :]
    return moments.seen >= at


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("first", range(1, STEP + 1))
def test_whatever_a_handler_raises_is_raised_when_nothing_is_in_flight(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = first
    while interrupted(at, monkeypatch):
        at += STEP
    assert at > 100

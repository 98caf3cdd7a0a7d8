"""What one thread is told: in order, by anybody, a signal handler too; and it never waits too long."""

from __future__ import annotations

import signal
import threading
from queue import Empty
from typing import TYPE_CHECKING

import pytest

from xcopy.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LATE = -1


@pytest.fixture
def box() -> Iterator[Inbox[int]]:
    """One that a test waits for at most twenty seconds."""
    made: Inbox[int] = Inbox()
    rescue = threading.Timer(20, made.put, [LATE])
    rescue.daemon = True
    rescue.start()
    yield made
    rescue.cancel()


@pytest.fixture
def alarm() -> Iterator[Callable[[float, Callable[[], object]], None]]:
    """Have a handler called after so many seconds."""
    before = signal.getsignal(signal.SIGALRM)

    def set_up(seconds: float, call: Callable[[], object]) -> None:
        signal.signal(signal.SIGALRM, lambda *_: call())
        signal.setitimer(signal.ITIMER_REAL, seconds)

    yield set_up
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_messages_are_taken_in_the_order_they_came(box: Inbox[int]) -> None:
    for number in range(5):
        box.put(number)
    assert [box.get() for _ in range(5)] == list(range(5))
    assert box.empty()


def test_the_first_stays_until_it_is_dropped(box: Inbox[int]) -> None:
    box.put(1)
    box.put(2)
    assert (box.first(), box.first()) == (1, 1)
    box.drop()
    assert (box.first(), box.empty()) == (2, False)


def test_none_in_time_is_empty_and_so_it_is_after_one_that_was_taken(box: Inbox[int]) -> None:
    box.put(7)
    assert box.get(0.001) == 7
    with pytest.raises(Empty):
        box.get(0.001)


def test_what_comes_while_it_is_waited_for_is_taken(box: Inbox[int]) -> None:
    threading.Thread(target=lambda: box.put(7), daemon=True).start()
    assert box.get() == 7


def test_what_a_signal_handler_puts_while_it_is_waited_for_is_taken(
    box: Inbox[int], alarm: Callable[[float, Callable[[], object]], None]
) -> None:
    alarm(0.001, lambda: box.put(7))
    assert box.get() == 7


def test_a_handler_that_takes_longer_than_is_left_of_the_time_does_not_make_it_wait_for_ever(
    box: Inbox[int], alarm: Callable[[float, Callable[[], object]], None]
) -> None:
    over = threading.Event()
    alarm(0.005, lambda: over.wait(0.05))
    with pytest.raises(Empty):
        box.get(0.02)


def test_a_thousand_from_four_threads_are_all_taken(box: Inbox[int]) -> None:
    def put(first: int) -> None:
        for number in range(first, 1000, 4):
            box.put(number)

    for first in range(4):
        threading.Thread(target=put, args=[first], daemon=True).start()
    assert sorted(box.get(10) for _ in range(1000)) == list(range(1000))

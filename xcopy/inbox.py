"""What workers and signal handlers tell one thread, which waits for it no longer than it wants to.

Not `SimpleQueue.get` with a timeout: up to Python 3.12, where a signal comes just before the timeout is over,
that waits for a message for ever (tried with 3.11.2, 3.11.7 and 3.12.1; 3.13.0 does not). A lock's timeout
holds whatever signals come.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from queue import Empty
from threading import Lock
from typing import Generic, TypeVar

Message = TypeVar("Message")


class Inbox(Generic[Message]):
    """Messages in the order they came, for one thread that takes them."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._bell = Lock()  # released: something may have come
        self._bell.acquire()

    def put(self, message: Message) -> None:
        """Safe in a signal handler, and between two that interrupt each other."""
        self._messages.append(message)
        with suppress(RuntimeError):  # it has been rung before
            self._bell.release()

    def empty(self) -> bool:
        """Whether nothing has come."""
        return not self._messages

    def first(self, timeout: float = -1) -> Message:
        """The next message, which stays; `queue.Empty` when none came for `timeout` seconds, -1 for ever."""
        while not self._messages:
            if not self._bell.acquire(timeout=timeout):
                raise Empty
        return self._messages[0]

    def drop(self) -> None:
        """The next message is known: whoever needs it whatever a handler raises takes note of it before."""
        self._messages.popleft()

    def get(self, timeout: float = -1) -> Message:
        """The next message, dropped."""
        message = self.first(timeout)
        self.drop()
        return message

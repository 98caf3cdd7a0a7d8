"""When the next command may go under a rate cap: paced, so that no second holds more than its share.

The rate is of what the storage may have moved: a command that failed counts whole, and what is sent in its
place counts again; one that was refused before it began does not count.
Knows sizes and time alone; how large a command is made is the governor's.
"""

from __future__ import annotations

COMMAND_SECONDS = 0.03  # a command is at most this long at the cap: with SLACK under 5 % of any second
SLACK = 0.015  # seconds of delay that may be caught up, or late wake-ups would cost throughput


class Bucket:
    """Paces `rate` bytes per second.

    Over any `t` seconds at most `rate * (t + SLACK)` bytes and one command more may go, refused ones aside.
    """

    __slots__ = ("_next", "rate")

    def __init__(self, rate: float) -> None:
        if not rate > 0:
            raise ValueError(f"a rate of {rate} bytes per second never copies anything")
        self.rate = rate
        self._next = float("-inf")

    @property
    def largest_command(self) -> int:
        """Bytes in a command that no second is overfilled by."""
        return int(self.rate * COMMAND_SECONDS)

    def ready_at(self, now: float) -> float:
        """When the next command may go: `now` when it may at once."""
        return max(now, self._next)

    def sent(self, size: int, now: float) -> None:
        """A command of `size` bytes went."""
        self._next = max(self._next, now - SLACK) + size / self.rate

    def refused(self, size: int, sent: float, now: float) -> None:
        """A command of `size` bytes that went at `sent` was not begun: what is left of its time is free."""
        share = size / self.rate
        self._next -= min(share, max(0.0, sent - SLACK + share - now))

"""How far a copy is and how fast it goes: counted from the ledger, with time as an argument.

Nothing here renders, and nothing decides: what to send next is the governor's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcopy.paths import PathChange

SPAN = 10.0  # seconds that the rate is of: long enough to be calm, short enough to follow a change
APART = 0.25  # seconds between two samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One look at a copy: bytes in all and copied by each means, commands in flight, seconds.

    `inside` is bytes that the commands in flight are said to have copied: they may yet come to nothing.
    `rate` is bytes per second of the last seconds, `window` how the means in use is driven, in words, and
    `stopping` why no more is sent, "" while more is. `finishing` says that nothing is in flight, and what
    was copied is made durable. `path_changes` are all up to now.
    """

    total: int
    copied: Mapping[str, int]
    means: str
    window: str
    in_flight: int
    elapsed: float
    rate: float
    inside: int = 0
    stopping: str = ""
    finishing: bool = False
    path_changes: tuple[PathChange, ...] = ()

    def beside(self, means: str, done: int, total: int) -> Progress:
        """The same with so many bytes more, of which `done` are there by another means."""
        return replace(self, total=self.total + total, copied={**self.copied, means: done})

    @property
    def done(self) -> int:
        """Bytes copied by any means."""
        return sum(self.copied.values())

    @property
    def reached(self) -> int:
        """Bytes copied, and those that are said to be."""
        return self.done + self.inside

    @property
    def left(self) -> float | None:
        """Seconds to the end at this rate; None while there is none."""
        return (self.total - self.reached) / self.rate if self.rate > 0 else None


class Meter:
    """The rate of a count, over the last `SPAN` seconds; of one that went back it is 0."""

    def __init__(self, count: int, now: float) -> None:
        self._samples = deque([(now, count)])

    def seen(self, count: int, now: float) -> float:
        """Units per second up to now."""
        while len(self._samples) > 1 and now - self._samples[1][0] >= SPAN:
            self._samples.popleft()
        began, at_first = self._samples[0]
        if now - self._samples[-1][0] >= APART:
            self._samples.append((now, count))
        return max(0, count - at_first) / (now - began) if now > began else 0.0

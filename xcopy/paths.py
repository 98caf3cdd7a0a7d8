"""Which of the paths to one unit is gone by, which have failed, and what took over.

Shared by all workers of a copy. A path that failed is left alone; when all have failed they are tried again,
once in a copy and for so many seconds. Opens nothing and knows no node: time and the order of the paths that
run now are handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Literal

from cdb.command import NotSent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATIENCE = 60.0  # seconds that all paths may be down: what `no_path_retry 12` is to multipathd
AGAIN = 1.0  # seconds between two tries of them


@dataclass(frozen=True, slots=True)
class PathChange:
    """A path to a unit that failed, and why, or that took over."""

    unit: str
    path: str
    event: Literal["failed", "took over"]
    why: str = ""


class Paths:
    """The `count` paths to one unit; the path in use has a number, `generation`, the next one a greater.

    `order` has the names of those that can be tried now, the best first. `stopping` is set by whoever wants
    nothing to be waited for any more.
    """

    def __init__(self, unit: str, first: str, order: Callable[[], Sequence[str]], count: int) -> None:
        self.unit, self.count, self._order = unit, count, order
        self._current, self.generation = first, 0
        self._failed: dict[str, str] = {}
        self._last_words: dict[str, str] = {}  # of each path, why it failed last
        self._until: float | None = None
        self._working = first  # the path that was told of last
        self._lock = Lock()
        self.changes: list[PathChange] = []
        self.stopping = False

    @property
    def failed(self) -> frozenset[str]:
        """The paths that have failed, and have not worked since."""
        return frozenset(self._last_words)

    def fail(self, generation: int, why: str) -> None:
        """The path of that number failed; not heard where another has taken over meanwhile."""
        with self._lock:
            if generation != self.generation or not self._current:
                return
            path, self._current = self._current, ""
            self._failed[path] = why
            self.lost(path, why)

    def lost(self, path: str, why: str) -> None:
        """Tell that this path has failed; once, until it works again."""
        if path not in self._last_words:
            self.changes.append(PathChange(self.unit, path, "failed", why))
        self._last_words[path] = why

    def works(self, generation: int) -> None:
        """The path of that number leads to the unit; told once of each that took over."""
        with self._lock:
            if generation != self.generation or not self._current:
                return
            self._last_words.pop(self._current, None)
            if self._current != self._working or self._lost_since():
                self.took_over(self._current)

    def took_over(self, path: str) -> None:
        """Tell that this path is gone by now."""
        self._working = path
        self.changes.append(PathChange(self.unit, path, "took over"))

    def at(self, now: float) -> tuple[int, str] | float:
        """The number and name of the path to go by, or seconds to wait before asking again.

        Raises `NotSent` with the reason of every path when none is left.
        """
        with self._lock:
            if not self._current:
                found = next((name for name in self._order() if name not in self._failed), None)
                if found is None:
                    return self._none_left(now)
                self._current = found
                self.generation += 1
            return self.generation, self._current

    def _none_left(self, now: float) -> float:
        if self._until is None:
            self._until = now + PATIENCE
        if now >= self._until or self.stopping:
            reasons = "; ".join(f"{path}: {why}" for path, why in self._last_words.items())
            raise NotSent(f"no path to {self.unit} is left: {reasons or 'none of them is running'}")
        self._failed.clear()
        return AGAIN

    def _lost_since(self) -> bool:
        """True when the last that was told of the path at hand is that it failed."""
        told = [change.event for change in self.changes if change.path == self._current]
        return told[-1:] == ["failed"]

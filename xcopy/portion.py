"""How many bytes to ask for at a time: as many as take no longer than a goal, found out while copying.

Small portions cost next to nothing (60,000 extents cloned 512 or 131,072 at a time take the same time), and
a large one keeps everybody waiting: a stop, the progress, a writer who needs the same file. Calls that are
alike differ: on xfs one in sixty takes twice as long as the others. So they grow up to two fifths of the
goal, and shrink from its half on.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Portion:
    """The next portion of one means, in bytes, from `least` to `most`; `goal` is seconds for one call."""

    size: int
    least: int
    most: int
    goal: float = 0.1

    def took(self, moved: int, seconds: float) -> None:
        """A call moved so many bytes: go smaller at once when it was slow, larger step by step."""
        if seconds > self.goal / 2:
            aimed = int(max(moved, 1) * self.goal / seconds / 4)
            self.size = max(self.least, min(self.size // 2, aimed))
        elif moved >= self.size and seconds < self.goal / 5:
            self.size = min(self.most, self.size * 2)

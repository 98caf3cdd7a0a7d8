"""Which pairs of units the storage copies between, where the sides of a copy have several units.

A pair that it cannot copy between is left to another means, and the others go on. Knows no commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcopy.verdict import Verdict

MOST_IN_VAIN = 8  # commands, each sent after the one before had failed, all of their tries used up


class Pairs:
    """What is known of `count` pairs; `refused` has those that cannot be tried, and why."""

    def __init__(self, count: int = 1, refused: Mapping[int, str] | None = None) -> None:
        self._count = count
        self._closed = {pair: (reason, "") for pair, reason in (refused or {}).items()}
        self._copied: set[int] = set()
        self._in_vain: dict[int, int] = {}

    def why_not(self, pair: int) -> tuple[str, str] | None:
        """The reason, and its kind, why the storage does not copy between these; None where it may."""
        return self._closed.get(pair)

    def copied(self, pair: int) -> None:
        """The storage copied something between them."""
        self._copied.add(pair)

    def close(self, pair: int, verdict: Verdict) -> bool:
        """Leave a pair alone; False, and nothing changed, when it is the last one that is left."""
        if pair in self._closed:  # a command that was under way then
            return True
        if len(self._closed) + 1 >= self._count:
            return False
        self._closed[pair] = verdict.reason, verdict.kind
        return True

    def failed(self, pair: int, verdict: Verdict) -> None:
        """A command failed: one pair of several that never copied anything is not tried for ever."""
        if pair in self._copied or self._count == 1:
            return
        self._in_vain[pair] = self._in_vain.get(pair, 0) + 1
        if self._in_vain[pair] >= MOST_IN_VAIN:
            self.close(pair, verdict)

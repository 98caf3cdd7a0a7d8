"""Why blocks went down a rung: one entry for each kind of reason, worded as it was met first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Fallback:
    """Why blocks went down a rung, and how many."""

    reason: str
    blocks: int = 0


class Fallbacks(dict[str, Fallback]):
    """The entries of one copy by kind."""

    def book(self, reason: str, blocks: int, kind: str = "") -> None:
        """So many blocks more, or less; an entry of none is gone."""
        entry = self.setdefault(kind or reason, Fallback(reason))
        entry.blocks += blocks
        if not entry.blocks:
            del self[kind or reason]

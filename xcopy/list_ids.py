"""List identifiers: one for each command in flight, the longest unused first; some are never used again.

An identifier belongs to its command until the command has an answer (SPC-4 5.17.4.2). Nothing here knows who
else uses which.
"""

from __future__ import annotations

from collections import deque

WITHOUT = 0  # stands in a list that has no identifier
MOST = 255  # an EXTENDED COPY(LID1) has eight bits for it


class ListIds:
    """The identifiers 1 to 255 of one initiator at one copy manager."""

    def __init__(self) -> None:
        self._free = deque(range(1, MOST + 1))
        self.set_aside = 0

    def take(self) -> int | None:
        """The one that has been unused for longest, or None when there is none."""
        return self._free.popleft() if self._free else None

    def give_back(self, list_id: int) -> None:
        """Its command has its answer."""
        if list_id != WITHOUT:
            self._free.append(list_id)

    def put_aside(self) -> None:
        """One that was taken is not given back: somebody else uses it, or an answer was never heard."""
        self.set_aside += 1

    @property
    def exhausted(self) -> bool:
        """True when none will ever be free again."""
        return self.set_aside >= MOST

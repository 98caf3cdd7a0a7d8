"""What of a copy has no task yet, and in which order it comes.

Where the source's map is looked at first, what was never tried is not offered before. What the storage may
copy goes first. What only the host can copy is put off, so that it does not stop a full
window of commands for one piece, but not without bound: holes in the ledger cost time. Nothing here knows why
a piece goes by which means.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from xcopy.coverage import State
from xcopy.plan import Piece

if TYPE_CHECKING:
    from xcopy.coverage import Coverage

MOST_PUT_OFF = 256  # pieces; when there are so many, the host copies all of them


class Backlog:
    """Pieces without a task: those that are tried again, those put off, and all that was never tried.

    A piece is meant for the host once that is accounted for; everything else is meant for the storage.
    """

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._again: deque[tuple[Piece, bool]] = deque()  # each with whether it is meant for the host
        self._put_off: deque[tuple[Piece, bool]] = deque()
        self._cursor = 0
        self.looked_at_first = False
        self.waiting = 0  # blocks that were given back or put off
        self._host_is_due = False

    def for_storage(self) -> Piece | None:
        """What the storage may copy next; None where there is nothing, or what was put off is due."""
        if self._host_is_due:
            return None
        return self._again[0][0] if self._again else self._offered()

    def for_host(self) -> Piece | None:
        """What was put off and comes next, or else anything."""
        if self._put_off:
            return self._put_off[0][0]
        return self._again[0][0] if self._again else self._offered()

    def look_at(self, piece: Piece) -> None:
        """The beginning of what was never tried is being looked at: whoever looks gives it back."""
        self._cursor = piece.end

    def not_looked_at(self, start: int) -> None:
        """From there on nobody has looked."""
        self._cursor = start

    def try_again(self, piece: Piece) -> None:
        """The storage may copy it when what it was given before has its turn."""
        self._again.append((piece, False))
        self.waiting += piece.blocks

    def leave_to_host(self, piece: Piece) -> None:
        """It is meant for the host from now on."""
        self._append(piece, meant=True)

    def put_off(self, piece: Piece) -> None:
        """The beginning of what comes next for the storage is nothing for it, by its size alone."""
        self._append(piece, meant=self.take(piece))

    def take(self, piece: Piece) -> bool:
        """The beginning of what came next has a task now; True where it was meant for the host."""
        for queue in (self._put_off, self._again):
            if queue and queue[0][0].start == piece.start:
                whole, meant = queue.popleft()
                self.waiting -= min(piece.blocks, whole.blocks)
                if piece.end < whole.end:
                    queue.appendleft((Piece(piece.end, whole.end - piece.end), meant))
                self._host_is_due = self._host_is_due and bool(self._put_off)
                return meant
        self._cursor = piece.end
        return False

    @property
    def is_meant_for_host(self) -> bool:
        """Of what comes next for the host."""
        return bool(self._put_off) and self._put_off[0][1]

    def _append(self, piece: Piece, *, meant: bool) -> None:
        self._put_off.append((piece, meant))
        self.waiting += piece.blocks
        self._host_is_due = self._host_is_due or len(self._put_off) >= MOST_PUT_OFF

    def _offered(self) -> Piece | None:
        return None if self.looked_at_first else self.untried()

    def untried(self) -> Piece | None:
        """The next blocks that no task had yet: an earlier run may have left gaps."""
        rest = Piece(self._cursor, self._coverage.blocks - self._cursor)
        return next((run for run, entry in self._coverage.within(rest) if entry.state is State.PENDING), None)

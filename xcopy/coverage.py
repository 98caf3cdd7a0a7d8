"""The ledger: every block of the request is pending, in flight, copied (by which means) or failed (why).

Progress, the report and the exit code are read from here and never counted a second time.
A change that the ledger does not allow is a bug in the caller and ends the copy.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from xcopy.plan import Piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class State(Enum):
    """What has become of a block."""

    PENDING = "pending"
    IN_FLIGHT = "in flight"
    COPIED = "copied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """A state and, for a copied block, the means, for a failed one, the reason."""

    state: State
    detail: str = ""


PENDING = Entry(State.PENDING)
IN_FLIGHT = Entry(State.IN_FLIGHT)


class LedgerError(AssertionError):
    """A change that cannot be: copied twice, failed before it was tried, outside the request."""


class Coverage:
    """Runs of blocks in one state; neighbours alike are one run, so a copy in order stays small.

    A change costs what lies behind it: in a copy in order, what is in flight. A count costs nothing.
    """

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self._starts = array("Q", [0] if blocks else [])
        self._entries: list[Entry] = [PENDING] if blocks else []
        self._counts: Counter[Entry] = Counter({PENDING: blocks})
        self.on_copied: Callable[[Piece, str], object] | None = None  # told of every piece and its means
        self._known: dict[Entry, Entry] = {}  # one object for every entry: there may be millions of runs

    def begin(self, piece: Piece) -> None:
        """Pending or taken back blocks are now in flight."""
        self._change(piece, State.PENDING, IN_FLIGHT)

    def copied(self, piece: Piece, means: str) -> None:
        """Blocks in flight are copied."""
        self._change(piece, State.IN_FLIGHT, Entry(State.COPIED, means))
        if self.on_copied is not None:
            self.on_copied(piece, means)

    def failed(self, piece: Piece, reason: str) -> None:
        """Blocks in flight are not copied and will not be tried again."""
        self._change(piece, State.IN_FLIGHT, Entry(State.FAILED, reason))

    def back(self, piece: Piece) -> None:
        """Blocks in flight are not copied and will be tried again."""
        self._change(piece, State.IN_FLIGHT, PENDING)

    def runs(self, *states: State) -> list[tuple[Piece, Entry]]:
        """The runs in these states, in order; all of them when none is named."""
        return [
            (Piece(start, self._end(index) - start), entry)
            for index, (start, entry) in enumerate(zip(self._starts, self._entries, strict=True))
            if not states or entry.state in states
        ]

    def within(self, piece: Piece) -> Iterator[tuple[Piece, Entry]]:
        """The runs of a part of the request, in order, cut at its ends."""
        at, index = piece.start, bisect_right(self._starts, piece.start) - 1
        while at < piece.end:
            end = min(self._end(index), piece.end)
            yield Piece(at, end - at), self._entries[index]
            at, index = end, index + 1

    def count(self, state: State, detail: str | None = None) -> int:
        """Blocks in a state, of one means or reason if it is named."""
        return sum(
            blocks
            for entry, blocks in self._counts.items()
            if entry.state is state and (detail is None or entry.detail == detail)
        )

    @property
    def complete(self) -> bool:
        """True when every block is copied."""
        return self.count(State.COPIED) == self.blocks

    def _change(self, piece: Piece, before: State, after: Entry) -> None:
        if piece.blocks <= 0 or piece.start < 0 or piece.end > self.blocks:
            raise LedgerError(f"{piece} is not inside a request of {self.blocks} blocks")
        touched = slice(bisect_right(self._starts, piece.start) - 1, bisect_left(self._starts, piece.end))
        for entry in self._entries[touched]:
            if entry.state is not before:
                raise LedgerError(f"{piece} is {entry.state.value}, not {before.value}")
        self._counts[PENDING if before is State.PENDING else IN_FLIGHT] -= piece.blocks
        self._counts[after] += piece.blocks
        first = self._split(piece.start)
        last = self._split(piece.end)
        self._starts[first:last] = array("Q", [piece.start])
        self._entries[first:last] = [self._known.setdefault(after, after)]
        self._join(first + 1)
        self._join(first)

    def _end(self, index: int) -> int:
        """The block after the last of a run."""
        return self._starts[index + 1] if index + 1 < len(self._starts) else self.blocks

    def _split(self, at: int) -> int:
        """The index of the run that starts at block `at`, made if there is none."""
        if at == self.blocks:
            return len(self._starts)
        index = bisect_right(self._starts, at) - 1
        if self._starts[index] == at:
            return index
        self._starts.insert(index + 1, at)
        self._entries.insert(index + 1, self._entries[index])
        return index + 1

    def _join(self, index: int) -> None:
        """Make one of a run and the one before it when they are in the same state."""
        if 0 < index < len(self._starts) and self._entries[index] == self._entries[index - 1]:
            del self._starts[index], self._entries[index]

"""What became of each range that was asked for, and what is not copied: read from the ledger when looked at.

Sequences that hold nothing of their own, because there may be a million ranges. Knows no means and no device.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, overload

from xcopy.coverage import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xcopy.asked import Asked
    from xcopy.coverage import Coverage, Entry
    from xcopy.plan import Piece, Request

UNKNOWN = "not known to be copied: what became of its command was never booked"
NOT_TRIED = "not tried"  # the reason of a block that no task had, or has no more
UNFINISHED = (State.PENDING, State.IN_FLIGHT, State.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRange:
    """Blocks that are not copied, on both units in their own blocks, and why.

    `pair` is the number of the pair of units, which is 0 unless a side is a volume on several.
    """

    source_lba: int
    source_blocks: int
    destination_lba: int
    destination_blocks: int
    reason: str
    pair: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeResult:
    """A range as it was asked for, how many of its blocks are copied, and the rest; blocks are the source's.

    `place` is how the user finds it. LBAs count from the starts of what was named; those of `not_copied` are
    the units' own.
    """

    place: str
    source_lba: int
    blocks: int
    destination_lba: int
    copied: int
    not_copied: tuple[FailedRange, ...]

    @property
    def complete(self) -> bool:
        """True when all of it is copied."""
        return not self.not_copied


@dataclass(frozen=True, slots=True)
class RangeCounts:
    """How many ranges were asked for, and how many are copied whole, in part, and not at all."""

    asked: int
    copied: int
    partly: int
    not_copied: int


class NotCopied(Sequence[FailedRange]):
    """All that is not copied, in order of the destination; none of it crosses the end of a range."""

    def __init__(self, request: Request, coverage: Coverage) -> None:
        self._request = request
        self._runs = coverage.runs(*UNFINISHED)
        self._ends = list(accumulate(request.crossed(run) for run, _ in self._runs))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[FailedRange]:
        for run, entry in self._runs:
            for piece in self._request.parts(run):
                yield _failed(self._request, piece, entry)

    @overload
    def __getitem__(self, index: int) -> FailedRange: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[FailedRange]: ...
    def __getitem__(self, index: int | slice) -> FailedRange | Sequence[FailedRange]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return tuple(self[at] for at in places)
        number = bisect_right(self._ends, places)
        run, entry = self._runs[number]
        before = self._ends[number - 1] if number else 0
        return _failed(self._request, self._request.part(run, places - before), entry)


class RangeResults(Sequence[RangeResult]):
    """What became of every range, in the order they were asked for."""

    def __init__(self, asked: Asked, coverage: Coverage) -> None:
        self._asked, self._coverage = asked, coverage

    def __len__(self) -> int:
        return len(self._asked)

    @property
    def single(self) -> bool:
        """True for the one range of a command line."""
        return self._asked.single

    @overload
    def __getitem__(self, index: int) -> RangeResult: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RangeResult]: ...
    def __getitem__(self, index: int | slice) -> RangeResult | Sequence[RangeResult]:
        place = range(len(self))[index]
        if isinstance(place, range):
            return tuple(self[at] for at in place)
        asked, request = self._asked, self._asked.request
        source_lba, blocks, destination_lba = asked.named(place)
        not_copied = tuple(
            _failed(request, piece, entry)
            for run, entry in self._coverage.within(asked.piece(place))
            if entry.state is not State.COPIED
            for piece in request.parts(run)
        )
        return RangeResult(
            place=asked.place(place),
            source_lba=source_lba,
            blocks=blocks,
            destination_lba=destination_lba,
            copied=blocks - sum(part.source_blocks for part in not_copied),
            not_copied=not_copied,
        )

    @property
    def incomplete(self) -> Iterator[RangeResult]:
        """Those that are not copied whole."""
        if not self._coverage.complete:
            yield from (result for result in self if not result.complete)

    @property
    def counts(self) -> RangeCounts:
        """How many of them came out how."""
        partly = nothing = 0
        for result in self.incomplete:
            partly += bool(result.copied)
            nothing += not result.copied
        return RangeCounts(len(self), len(self) - partly - nothing, partly, nothing)


def _failed(request: Request, piece: Piece, entry: Entry) -> FailedRange:
    source_lba, source_blocks = request.source(piece)
    destination_lba, destination_blocks = request.destination(piece)
    return FailedRange(
        source_lba=source_lba,
        source_blocks=source_blocks,
        destination_lba=destination_lba,
        destination_blocks=destination_blocks,
        reason=entry.detail or (NOT_TRIED if entry.state is State.PENDING else UNKNOWN),
        pair=request.pair(piece.start),
    )

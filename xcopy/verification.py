"""Whether two sides hold the same bytes: which are compared, where they differ, and what is told of it.

Both sides are read by whoever calls. Knows no device, and not by which means anything was copied.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING

from xcopy.coverage import State
from xcopy.errors import IoFailed, UsageError
from xcopy.plan import Piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from xcopy.coverage import Coverage
    from xcopy.plan import Request

    Reader: TypeAlias = Callable[[int, int, int], memoryview]  # from an LBA so many blocks, of a pair's unit

VERIFY = "verify"  # what is going on, where a copy's progress has its means
WHOLE, SAMPLE = "whole", "sample"
SAMPLE_PIECES, SAMPLE_BYTES = 1000, 64 * 2**10
FEWEST_PIECES = 2  # the first blocks and the last
PIECE_BYTES = 4 * 2**20  # what one worker compares before it comes back
AT_ONCE = 64 * 2**10  # bytes: more leaves a processor's cache, and keeps other threads waiting
LISTED = 10  # differing blocks that are told one by one
SHOWN = 16  # bytes of each side, from the first that differs


@dataclass(frozen=True, slots=True)
class Scope:
    """What is verified: all, or of so many `pieces` what `seed` chooses; 0 pieces stand for all."""

    pieces: int = 0
    seed: int | None = None

    def seeded(self, seed: int) -> Scope:
        """With this seed, unless it has one or needs none."""
        return replace(self, seed=seed) if self.pieces and self.seed is None else self

    def __str__(self) -> str:
        seed = "" if self.seed is None else f":{self.seed}"
        return f"{SAMPLE}:{self.pieces}{seed}" if self.pieces else WHOLE


def scope_of(text: str) -> Scope:
    """The scope that is written `whole`, `sample`, `sample:N` or `sample:N:SEED`; UsageError for others."""
    kind, *numbers = text.split(":")
    if kind not in (WHOLE, SAMPLE) or len(numbers) > (2 if kind == SAMPLE else 0):
        raise UsageError(f"{text!r} is no part to verify: write whole, sample, sample:N or sample:N:SEED")
    for number in numbers:
        if not (number.isascii() and number.isdigit() and len(number) < 20):
            raise UsageError(f"{text!r}: {number!r} is not a number; write sample:N or sample:N:SEED")
    if kind == WHOLE:
        return Scope()
    pieces = int(numbers[0]) if numbers else SAMPLE_PIECES
    if pieces < FEWEST_PIECES:
        raise UsageError(
            f"{text!r}: a sample has {FEWEST_PIECES} pieces or more, the first and the last blocks"
        )
    return Scope(pieces, int(numbers[1]) if len(numbers) > 1 else None)


def copied_runs(coverage: Coverage) -> Iterator[Piece]:
    """What is copied, by whichever means, in order; neighbours are one."""
    last: Piece | None = None
    for run, _ in coverage.runs(State.COPIED):
        if last is not None and last.end == run.start:
            last = Piece(last.start, last.blocks + run.blocks)
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last


class Selection:
    """The `blocks` blocks that a scope has of runs of the request, which come in order.

    A sample has its pieces in equal parts of all runs, somewhere in each; the first blocks and the last are
    always among them. It is all of the runs where they are no more than the sample.
    """

    def __init__(self, runs: Iterable[Piece], scope: Scope, block_size: int) -> None:
        self._runs = list(runs)
        self._ends = list(accumulate(run.blocks for run in self._runs))
        self._line = self._ends[-1] if self._ends else 0
        self._sample = max(1, SAMPLE_BYTES // block_size)
        sampled = 0 < scope.pieces * self._sample < self._line
        self.scope = scope.seeded(0) if sampled else Scope()
        self.blocks = scope.pieces * self._sample if sampled else self._line

    def pieces(self, most: int) -> Iterator[Piece]:
        """Every block of it once, in order, in pieces of at most `most` blocks."""
        for start, blocks in self._spans():
            at, end = start, start + blocks
            index = bisect_right(self._ends, at)
            while at < end:
                run, run_end = self._runs[index], self._ends[index]
                count = min(run_end, end, at + most) - at
                yield Piece(run.end - (run_end - at), count)
                at += count
                index += at == run_end

    def _spans(self) -> Iterator[tuple[int, int]]:
        """Start and length in the line of all runs, one after the other."""
        count = self.scope.pieces
        if not count:
            yield 0, self._line
            return
        for number in range(count):
            start, end = (self._line * edge // count for edge in (number, number + 1))
            room = end - start - self._sample
            chosen = {0: 0, count - 1: room}.get(number)
            if chosen is None:
                chosen = _drawn(f"{self.scope.seed}/{number}", room + 1)
            yield start + chosen, self._sample


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Difference:
    """A block that is not the same, and from its first differing byte on what both sides have there.

    `block` counts in the request; LBAs and bytes inside their blocks are each unit's own, and `pair` is the
    number of the pair of units.
    """

    block: int
    source_lba: int
    source_byte: int
    source: bytes
    destination_lba: int
    destination_byte: int
    destination: bytes
    pair: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of a piece: how many of its blocks differ, and the first of them."""

    piece: Piece
    differing: int
    first: tuple[Difference, ...]


def compare(piece: Piece, request: Request, source: Reader, destination: Reader) -> Compared:
    """Read both sides of a piece and compare them; IoFailed for what cannot be read, or comes short."""
    differing = 0
    first: list[Difference] = []
    for part in request.parts(piece):
        from_lba, from_blocks = request.source(part)
        to_lba, to_blocks = request.destination(part)
        pair = request.pair(part.start)
        ours = _all(source, "source", from_lba, from_blocks, pair, request.source_block_size)
        theirs = _all(destination, "destination", to_lba, to_blocks, pair, request.destination_block_size)
        for number in differing_blocks(ours, theirs, request.block_size):
            differing += 1
            if len(first) < LISTED:
                at, end = number * request.block_size, (number + 1) * request.block_size
                at += first_difference(ours[at:end], theirs[at:end])
                first.append(
                    Difference(
                        block=part.start + number,
                        source_lba=from_lba + at // request.source_block_size,
                        source_byte=at % request.source_block_size,
                        source=bytes(ours[at : min(at + SHOWN, end)]),
                        destination_lba=to_lba + at // request.destination_block_size,
                        destination_byte=at % request.destination_block_size,
                        destination=bytes(theirs[at : min(at + SHOWN, end)]),
                        pair=pair,
                    )
                )
    return Compared(piece, differing, tuple(first))


def differing_blocks(ours: memoryview, theirs: memoryview, block_size: int) -> Iterator[int]:
    """The numbers of the blocks that differ, in order, of two equally long runs of whole blocks."""
    step = max(1, AT_ONCE // block_size) * block_size
    for start in range(0, len(ours), step):
        if _equal(ours[start : start + step], theirs[start : start + step]):
            continue
        for at in range(start, min(start + step, len(ours)), block_size):
            if not _equal(ours[at : at + block_size], theirs[at : at + block_size]):
                yield at // block_size


def first_difference(ours: memoryview, theirs: memoryview) -> int:
    """The first byte that differs, of two equally long runs of bytes that do differ."""
    low, high = 0, len(ours)  # all before `low` is equal, and something before `high` is not
    while high - low > 1:
        middle = (low + high) // 2
        if _equal(ours[low:middle], theirs[low:middle]):
            low = middle
        else:
            high = middle
    return low


class Findings:
    """What has been found so far: blocks compared, blocks that differ, and the first of these."""

    def __init__(self) -> None:
        self.compared = self.differing = 0
        self.first: tuple[Difference, ...] = ()

    def add(self, found: Compared) -> None:
        """One more piece, in whatever order."""
        self.compared += found.piece.blocks
        self.differing += found.differing
        self.first = tuple(sorted([*self.first, *found.first]))[:LISTED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The end of a verification: of `total` bytes `compared` were, and `differing` blocks are not the same.

    `first` has the first of these, by their place in the request, at most `LISTED`; `stopped` is why not all
    was compared, "" when all was. `pairs` names the units of every pair.
    """

    scope: Scope
    block_size: int
    total: int
    compared: int
    differing: int
    first: tuple[Difference, ...]
    stopped: str
    elapsed: float
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def equal(self) -> bool:
        """True when all that was to be compared was, and is the same."""
        return self.compared == self.total and not self.differing and not self.stopped


def _all(read: Reader, side: str, lba: int, blocks: int, pair: int, block_size: int) -> memoryview:
    """These blocks, every one: what does not come is no reason to call anything equal."""
    data = read(lba, blocks, pair)
    if data.nbytes != blocks * block_size:
        raise IoFailed(
            f"{side}: {data.nbytes} of {blocks * block_size} bytes came of {blocks} blocks from LBA {lba}"
        )
    return data


def _equal(ours: memoryview, theirs: memoryview) -> bool:
    return bytearray(ours) == theirs  # a memoryview compares its items one by one, a bytearray all at once


def _drawn(seed: str, below: int) -> int:
    """A number from 0 to below `below` that nothing but the seed decides."""
    return int.from_bytes(blake2b(seed.encode(), digest_size=8).digest()) % below

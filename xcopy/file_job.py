"""The copy of ranges of one file to another, as a conversation: what is asked for next, and what is booked.

It owns the offset: whatever a means did or did not do, the next one goes on where the ledger says. It makes
no call, knows no clock, and which means may be taken is the ladder's to say.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from xcopy.coverage import Coverage, State
from xcopy.errnos import Action, Means, action_for
from xcopy.file_steps import Answer, Clone, Extend, FindData, KernelCopy, Settle, Transfer, Zero
from xcopy.plan import Piece
from xcopy.portion import Portion

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from typing import TypeAlias

    from xcopy.file_steps import Step
    from xcopy.ladder import Ladder
    from xcopy.plan import Range, Request

    Asking: TypeAlias = "Generator[Step, Answer, bool]"

MIB = 2**20
GOAL = 0.1  # seconds that one call is to take at the most
SIZES: dict[Means, tuple[int, int, int]] = {  # bytes: to begin with, at the least, at the most
    Means.CLONE: (8 * MIB, MIB, 256 * MIB),
    Means.KERNEL: (4 * MIB, 64 * 2**10, 64 * MIB),
    Means.HOST: (4 * MIB, 64 * 2**10, 64 * MIB),
    Means.HOLE: (64 * MIB, MIB, 1024 * MIB),
}
LEAST_BACKWARDS = 4096  # bytes of a portion where source and destination are closer than that
INTERRUPTIONS = 10  # of one call, one after the other, that are put up with


class FileJob:
    """Ranges of bytes to copy, and what became of them: `coverage` is the truth, whatever happens.

    `calls` are by means, `longest` is seconds; `stopped` is why not all is copied, "" while nothing is wrong.
    """

    def __init__(self, request: Request, ladder: Ladder, *, goal: float = GOAL) -> None:
        """With `ladder.overlapping` the request is one range, copied as by memmove(3)."""
        self.request, self.ladder = request, ladder
        self.coverage = Coverage(request.blocks)
        self.calls: Counter[Means] = Counter()
        self.stopped = ""
        self.means = Means.HOST  # of the call under way, or of the last
        self.longest = 0.0  # seconds of the longest call
        self._portions = {means: Portion(*sizes, goal) for means, sizes in SIZES.items()}
        for means in (Means.CLONE, Means.KERNEL):
            portion = self._portions[means]
            portion.least = max(portion.least, ladder.granule)
            portion.size, portion.most = max(portion.size, portion.least), max(portion.most, portion.least)
        self._settled: set[Means] = set()
        self._synced = False
        self._interrupted = 0
        self._data_end = 0  # where the source's data that was found last ends
        self._hole: Piece | None = None  # what will read as zeros once the destination is longer

    @property
    def bytes(self) -> Mapping[Means, int]:
        """Bytes copied by each means."""
        return {means: self.coverage.count(State.COPIED, means.value) for means in Means}

    @property
    def copied(self) -> int:
        """Bytes copied by any means."""
        return self.coverage.count(State.COPIED)

    def stop(self, reason: str) -> None:
        """Ask for nothing more; what is asked for is booked when it is done."""
        self.stopped = self.stopped or reason

    def conversation(self) -> Generator[Step, Answer, None]:
        """Every step, in order."""
        at = 0
        for each in self.request.ranges:
            self._data_end = 0
            piece = Piece(at, each.blocks)
            if not (
                yield from (self._backwards if self._is_backwards(each) else self._forwards)(piece, each)
            ):
                break
            at = piece.end
        yield from self._grown()

    def _is_backwards(self, each: Range) -> bool:
        return self.ladder.overlapping and each.destination_lba > each.source_lba

    def _forwards(self, piece: Piece, each: Range) -> Asking:
        """From the first byte to the last; false when there is no use in going on."""
        done = 0
        while done < piece.blocks and not self.stopped:
            source, destination, left = (
                each.source_lba + done,
                each.destination_lba + done,
                piece.blocks - done,
            )
            chosen = self.ladder.choose(source, left, destination)
            if chosen is not None and chosen[0] is not Means.CLONE and self.ladder.keeps_holes:
                if source >= self._data_end:
                    hole = yield from self._look(source, left)
                    if hole:
                        done += yield from self._zero(Piece(piece.start + done, hole), destination)
                        continue
                # data may end inside a granule: the means is chosen anew for what there is of it
                chosen = self.ladder.choose(source, min(left, self._data_end - source), destination)
            if chosen is None:
                self.stop(self.ladder.refused[Means.CLONE])
            elif not self.stopped:
                means, room = chosen
                done += yield from self._portion(means, Piece(piece.start + done, room), source, destination)
        return (yield from self._grown()) and done == piece.blocks

    def _look(self, source: int, left: int) -> Generator[Step, Answer, int]:
        """How long a hole the source has here; 0 where it has data, whose end is kept.

        A file system may call a hole what is written and not yet on its device (OpenZFS, xfs with blocks to
        be unshared), but nothing data that is none: the first hole is believed when all is written.
        """
        answer = yield FindData(source, left)
        if not self._synced and (answer.hole or answer.moved < left):
            self._synced = True
            settled = yield Settle()
            if self._failed(settled):
                self._data_end = source + left
                return 0
            answer = yield FindData(source, left)
        if not self._failed(answer) and answer.hole:
            return answer.moved
        self._data_end = source + max(1, answer.moved)
        return 0

    def _portion(
        self, means: Means, room: Piece, source: int, destination: int
    ) -> Generator[Step, Answer, int]:
        """As much of `room` as one call copies; how many bytes that was, maybe none."""
        portion = self._portions[means]
        piece = Piece(room.start, self._cut(means, min(room.blocks, portion.size)))
        self.coverage.begin(piece)
        self.means = means
        answer = self._whole((yield self._step(means, source, piece.blocks, destination)))
        self._book(means, piece, answer)
        if answer.moved:
            portion.took(answer.moved, answer.seconds)
        if answer.errno or not answer.moved:
            yield from self._ended(means, answer)
        else:
            self._interrupted = 0
        return answer.moved

    def _whole(self, answer: Answer) -> Answer:
        """Part of a block is not copied: what is left begins at a block of the device, or cannot be named."""
        part = answer.moved % self.ladder.step
        return replace(answer, moved=answer.moved - part) if part else answer

    def _cut(self, means: Means, length: int) -> int:
        """Whole granules where a means takes nothing else: only the last bytes of both files are fewer."""
        whole = means is Means.CLONE or (means is Means.KERNEL and self.ladder.whole_granules)
        granule = self.ladder.granule if whole else self.ladder.step
        return length - length % granule if length > granule else length

    def _step(self, means: Means, source: int, length: int, destination: int) -> Step:
        if not self.ladder.allows(means, source, length, destination):
            raise AssertionError(
                f"{means.value} of {length} bytes from {source} to {destination} does harm here"
            )
        if means is Means.CLONE:
            return Clone(source, length, destination)
        if means is Means.KERNEL:
            return KernelCopy(source, length, destination)
        return Transfer(source, length, destination, self.ladder.zeros_to_holes, self.ladder.step)

    def _book(self, means: Means, piece: Piece, answer: Answer) -> None:
        """What is said to be copied is, and no more; with it a hole before it, for the file is longer now."""
        moved = answer.moved
        if not 0 <= moved <= piece.blocks:
            raise AssertionError(f"{means.value} copied {moved} of {piece.blocks} bytes")
        self.calls[means] += 1
        self.longest = max(self.longest, answer.seconds)
        if moved:
            self._close_hole()
            self.coverage.copied(Piece(piece.start, moved), means.value)
        if moved < piece.blocks:
            self.coverage.back(Piece(piece.start + moved, piece.blocks - moved))

    def _ended(self, means: Means, answer: Answer) -> Generator[Step, Answer, None]:
        """A call that ended in an errno, or in nothing at all: stop, ask again, or give this means up."""
        if not answer.errno:
            if means is Means.HOST:
                self.stop(
                    f"{self.ladder.source.name} has become shorter while it was copied: {answer.reason}"
                )
            else:
                self.ladder.drop(means, f"{means.value} copied nothing, and said no reason")
            return
        before = self.coverage.count(State.COPIED, means.value)
        action = action_for(means, answer.errno, before, smb=self.ladder.smb)
        if action is Action.AGAIN:
            self._interrupted += 1
            action = action if self._interrupted <= INTERRUPTIONS else Action.STOP
        if action is Action.SETTLE:
            if means in self._settled:
                action = Action.NEXT
            else:
                self._settled.add(means)
                settled = yield Settle()
                self._failed(settled)
        if action in (Action.NEXT, Action.NEXT_IF_NOTHING):
            self.ladder.drop(means, answer.reason)
        elif action is Action.STOP:
            self.stop(answer.reason)

    def _failed(self, answer: Answer) -> bool:
        """True, with the copy stopped, for a step that ended in an errno."""
        if answer.errno:
            self.stop(answer.reason)
        return bool(answer.errno)

    def _zero(self, piece: Piece, destination: int) -> Generator[Step, Answer, int]:
        """A hole of the source becomes one of the destination, a portion at a time; bytes dealt with."""
        portion = self._portions[Means.HOLE]
        piece = Piece(piece.start, min(piece.blocks, portion.size))
        answer = yield Zero(piece.blocks, destination)
        if self._failed(answer):
            return 0
        self.calls[Means.HOLE] += 1
        portion.took(piece.blocks, answer.seconds)
        self.coverage.begin(piece)
        if answer.moved:
            self._close_hole()
            self.coverage.copied(Piece(piece.start, answer.moved), Means.HOLE.value)
        if answer.moved < piece.blocks:
            rest = Piece(piece.start + answer.moved, piece.blocks - answer.moved)
            first = self._hole.start if self._hole else rest.start
            self._hole = Piece(first, rest.end - first)
        return piece.blocks

    def _close_hole(self) -> None:
        if self._hole is not None:
            self.coverage.copied(self._hole, Means.HOLE.value)
            self._hole = None

    def _grown(self) -> Asking:
        """A hole at the end is one only when the destination is that long."""
        if self._hole is None:
            return True
        hole, self._hole = self._hole, None
        start, length = self.request.destination(hole)
        answer = yield Extend(start + length)
        if self._failed(answer):
            self.coverage.back(hole)
            return False
        self.coverage.copied(hole, Means.HOLE.value)
        return True

    def _backwards(self, piece: Piece, each: Range) -> Asking:
        """From the last byte to the first, for a destination that lies behind its overlapping source.

        No portion reaches into its own source; where the two are less than a page apart, no part of one does.
        """
        distance = each.destination_lba - each.source_lba
        left = piece.blocks
        while left and not self.stopped:
            portion = self._portions[Means.HOST]
            length = min(left, portion.size, max(distance, LEAST_BACKWARDS))
            part = Piece(piece.start + left - length, length)
            parts = distance if distance < length else 0
            begin = each.source_lba + left - length
            self.coverage.begin(part)
            answer = yield Transfer(begin, length, begin + distance, backwards=parts)
            self.calls[Means.HOST] += 1
            self.longest = max(self.longest, answer.seconds)
            # what was written at the front of a portion is not next to what is copied: not booked
            moved = answer.moved if parts or answer.moved == length else 0
            if moved:
                self.coverage.copied(Piece(part.end - moved, moved), Means.HOST.value)
                left -= moved
            if moved < length:
                self.coverage.back(Piece(part.start, length - moved))
            portion.took(answer.moved, answer.seconds)
            if moved == length:
                self._interrupted = 0
            else:
                yield from self._ended(Means.HOST, answer)
        return not left

"""Two files in memory that answer the steps of a copy, and fail as they are told to."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xcopy.asked import Asked, Extent
from xcopy.file_job import FileJob
from xcopy.file_steps import Answer, Clone, Extend, FindData, KernelCopy, Settle, Step, Transfer, Zero
from xcopy.ladder import FileFacts, Ladder, Reflink
from xcopy.sparse import Sparse

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class FakeFiles:
    """Both files may be one and the same; `troubles` are what calls of a kind end in, in turn.

    A trouble is an errno, a most of bytes as a negative number, or None for none. `block` is what clones have
    to be aligned to, and `cluster` what they, and copies by the kernel, really move: on OCFS2, more.
    `holes` are the ranges of the source that are holes, `dirty` those that are only called so, until all is
    written.
    """

    source: bytearray
    destination: bytearray
    block: int = 1
    cluster: int = 1
    troubles: dict[type, list[int | None]] = field(default_factory=dict)
    holes: Sequence[tuple[int, int]] = ()
    dirty: Sequence[tuple[int, int]] = ()
    asked: list[Step] = field(default_factory=list)

    def perform(self, step: Step) -> Answer:
        """Carry a step out as a kernel would."""
        self.asked.append(step)
        waiting = self.troubles.get(type(step), [])
        trouble = waiting.pop(0) if waiting else None
        if trouble is not None and trouble >= 0:
            return Answer(0, trouble, f"{type(step).__name__}: {errno.errorcode.get(trouble, 'nothing')}")
        most = -trouble if trouble else 2**40
        match step:
            case Clone(source, length, destination):
                if source % self.block or destination % self.block or source + length > len(self.source):
                    return Answer(0, errno.EINVAL, "Clone: not aligned")
                if length % self.block and (
                    source + length < len(self.source) or destination + length < len(self.destination)
                ):
                    return Answer(0, errno.EINVAL, "Clone: not aligned")
                self._remap(source, length, destination)
                return Answer(length)
            case KernelCopy(source, length, destination):
                moved = min(length, most, max(0, len(self.source) - source))
                self._remap(source, moved, destination)
                return Answer(moved)
            case Transfer(source, length, destination) if step.backwards:
                return self._last_first(step, most)
            case Transfer(source, length, destination):
                moved = min(length, most, max(0, len(self.source) - source))
                self._put(destination, bytes(self.source[source : source + moved]))
                return Answer(moved, 0, "it ends there" if moved < length else "")
            case Zero(length, destination):
                inside = max(0, min(length, len(self.destination) - destination))
                self.destination[destination : destination + inside] = bytes(inside)
                return Answer(inside)
            case Extend(size):
                self.destination.extend(bytes(max(0, size - len(self.destination))))
                return Answer()
            case FindData(source, length):
                end = source + length
                for start, size in sorted([*self.holes, *self.dirty]):
                    if start <= source < start + size:
                        return Answer(min(end, start + size) - source, hole=True)
                    if start > source:
                        return Answer(min(end, start) - source)
                return Answer(length)
            case Settle():
                self.dirty = ()
                return Answer()

    def _last_first(self, step: Transfer, most: int) -> Answer:
        """The part that `most` bytes end in is written up to there, and does not count."""
        data = bytes(self.source[step.source : step.source + step.length])
        if len(data) < step.length:
            return Answer(0, 0, "it ends there")
        left = step.length
        while left:
            first = max(0, left - step.backwards)
            part = data[first:left]
            room = most - (step.length - left)
            self._put(step.destination + first, part[: max(0, room)])
            if room < len(part):
                return Answer(step.length - left, errno.ENOSPC, "no room")
            left = first
        return Answer(step.length)

    def _put(self, at: int, data: bytes) -> None:
        if data:
            self.destination.extend(bytes(max(0, at - len(self.destination))))
            self.destination[at : at + len(data)] = data

    def _remap(self, source: int, length: int, destination: int) -> None:
        """Whole clusters, whatever was asked for."""
        first = source - source % self.cluster
        end = -(-(source + length) // self.cluster) * self.cluster
        data = bytes(self.source[first:end]).ljust(end - first, b"\0") if self.cluster > 1 else b""
        if self.cluster > 1:
            at = destination - destination % self.cluster
            size = max(len(self.destination), destination + length)
            self._put(at, data)
            del self.destination[size:]
        else:
            self._put(destination, bytes(self.source[source : source + length]))

    def run(self, job: FileJob) -> FileJob:
        """Carry all of a job out."""
        conversation = job.conversation()
        try:
            step = next(conversation)
            while True:
                step = conversation.send(self.perform(step))
        except StopIteration:
            return job

    def job(
        self,
        *ranges: tuple[int, int, int],
        system: int = 0,
        reflink: Reflink = Reflink.AUTO,
        sparse: Sparse = Sparse.AUTO,
        overlapping: bool = False,
        granule: int | None = None,
    ) -> FileJob:
        """A job over ranges of (source offset, length, destination offset); all of the source without any."""
        wanted = ranges or ((0, len(self.source), 0),)
        asked = Asked(
            Extent("a", 0, len(self.source), 1), Extent("b", 0, 2**63 - 1, 1), enumerate(wanted), file=""
        )
        block = granule or max(self.block, self.cluster)
        ladder = Ladder(
            FileFacts("a", len(self.source), block, system),
            FileFacts("b", len(self.destination), block, system),
            reflink=reflink,
            sparse=sparse,
            overlapping=overlapping,
        )
        return FileJob(asked.request, ladder)

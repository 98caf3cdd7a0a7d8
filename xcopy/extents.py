"""Where a file's bytes lie on its device, and which of them two files share. Values and arithmetic only.

The place of an extent is a number of the file system's own (on btrfs it is of no device): good for telling
that two files have the same blocks, and for nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# <linux/fiemap.h>: place not known, not yet chosen, inside a block of metadata, not where it says
PLACELESS: Final = 0x2 | 0x4 | 0x100 | 0x200 | 0x400
SHARED: Final = 0x2000


@dataclass(frozen=True, slots=True)
class FileExtent:
    """`length` bytes of a file from `start`, at `place`; `flags` as FIEMAP has them."""

    start: int
    place: int
    length: int
    flags: int

    @property
    def end(self) -> int:
        """The byte after the last."""
        return self.start + self.length


def shared(
    source: Sequence[FileExtent], destination: Sequence[FileExtent], *, ahead: int, start: int, end: int
) -> int:
    """How many of the destination's bytes from `start` to `end` lie where the source's do.

    `ahead` is how far those of the destination are ahead of their counterparts. Both in order.
    """
    total, place = 0, 0
    for mine in destination:
        if not mine.flags & SHARED or mine.flags & PLACELESS:
            continue
        while place < len(source) and source[place].end + ahead <= mine.start:
            place += 1
        at = place
        while at < len(source) and source[at].start + ahead < mine.end:
            other = source[at]
            at += 1
            if not other.flags & PLACELESS and other.place - other.start - ahead == mine.place - mine.start:
                first = max(mine.start, other.start + ahead, start)
                total += max(0, min(mine.end, other.end + ahead, end) - first)
    return total

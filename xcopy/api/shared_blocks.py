"""How many bytes of a copy lie in blocks that its source has too, as the file system says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.device.fiemap import extents
from xcopy.extents import shared

if TYPE_CHECKING:
    from xcopy.plan import Request

MOST_RANGES = 1000  # two questions each
MOST_EXTENTS = 1000  # of all ranges, on either side: asking for each takes as long as cloning it


def shared_bytes(source: int, destination: int, request: Request) -> int | None:
    """Bytes of the ranges that two open files share; None where nobody tells, or asking takes too long."""
    if len(request) > MOST_RANGES:
        return None
    total, asked = 0, 0
    for each in request.ranges:
        start, end = each.destination_lba, each.destination_lba + each.blocks
        try:
            theirs = extents(source, each.source_lba, each.blocks, most=MOST_EXTENTS)
            ours = extents(destination, start, each.blocks, most=MOST_EXTENTS)
        except OSError:
            return None
        asked += max(len(theirs), len(ours))
        if asked > MOST_EXTENTS:
            return None
        total += shared(theirs, ours, ahead=start - each.source_lba, start=start, end=end)
    return total

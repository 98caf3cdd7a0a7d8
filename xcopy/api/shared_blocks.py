"""How many bytes of a copy lie in blocks that its source has too, as the file system says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.device.fiemap import extents
from xcopy.extents import shared

if TYPE_CHECKING:
    from xcopy.plan import Request

MOST_RANGES = 1000  # two questions each


def shared_bytes(source: int, destination: int, request: Request) -> int | None:
    """Bytes of the ranges that two open files share; None where their file system does not tell."""
    if len(request) > MOST_RANGES:
        return None
    total = 0
    for each in request.ranges:
        start, end = each.destination_lba, each.destination_lba + each.blocks
        try:
            theirs = extents(source, each.source_lba, each.blocks)
            ours = extents(destination, start, each.blocks)
        except OSError:
            return None
        total += shared(theirs, ours, ahead=start - each.source_lba, start=start, end=end)
    return total

"""Many ranges as one copy, for a script that knows which blocks it wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.api.copy import prepare
from xcopy.api.request import RangeList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xcopy.api.copy import Report
    from xcopy.api.options import Options


def copy_ranges(
    source: str, destination: str, ranges: Iterable[tuple[int, int, int]], options: Options | None = None
) -> Report:
    """Copy ranges of (source LBA, blocks, destination LBA); `Report.ranges` says what became of each.

    Numbers are logical blocks, `blocks` in the source's, and LBAs count from the starts of what `source` and
    `destination` name. All ranges are checked before anything is written: no two may write one block, and
    none may read what it or another writes. Neighbours on both sides are copied as one. Raises as `prepare`.
    """
    with prepare(source, destination, options, RangeList(enumerate(ranges))) as copy:
        report = copy.run()
        if copy.fault is not None:
            raise copy.fault
        return report

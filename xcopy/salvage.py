"""How many blocks of a batch are certainly copied although its command failed.

SPC-4 5.17.7.4: segments are processed in the order of the list; COPY ABORTED tells the number, from 0, of
the one that failed, and INFORMATION, where valid, how many of its destination blocks are not written, counted
from the first that is not. A product is believed only with a row in `quirks`, because a number that is one
too large claims a block that was never written, and one too small only costs a second copy of it:
LIO leaves the field zero; SCST goes on to the next segment before it puts the number in, so it is one too
large; CTL puts in the right one, in descriptor format at the end of the field, where it is looked for too.
Nothing here decides what becomes of the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.sense import COPY_ABORTED

if TYPE_CHECKING:
    from cdb.sense import Sense
    from xcopy.plan import Batch


def certainly_copied(sense: Sense, batch: Batch, granule: int) -> int:
    """Blocks from the start of `batch`, one side's block being as long as the other's; 0 where it is unsure.

    Of the segment that failed whole granules count, so that the rest can be copied by the storage.
    """
    if sense.key != COPY_ABORTED or sense.deferred or sense.segment is None:
        return 0
    if not 0 <= sense.segment < len(batch.pieces):
        return 0  # no number of a segment that was sent: whatever else it says is not believed either
    failed = batch.pieces[sense.segment]
    written = 0
    if sense.information is not None:
        if not 0 < sense.information <= failed.blocks:
            return 0
        written = failed.blocks - sense.information
    return failed.start - batch.whole.start + written // granule * granule

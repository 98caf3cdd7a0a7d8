"""A copy as it was asked for: a parameter list that passed phase 1, LID1 or LID4 alike.

Offsets are those of the parameter list, for whoever points at a field of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdb.cscd import CSCD_LENGTH

if TYPE_CHECKING:
    from cdb.cscd import Cscd
    from cdb.segment import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRequest:
    """What one EXTENDED COPY asks for.

    `list_identifier` is None for LIST ID USAGE 11b. `cscds` is indexed by CSCD id: None is the second half of
    a 64-byte descriptor, and in a LID4 list the header, if that counts as one (SPC-4 6.4.2, table 126).
    `header_length` is where CSCD 0 begins, `segment_offsets` where the segments do, `inline_offset`
    where the inline data do.
    """

    lid4: bool = False
    list_identifier: int | None
    list_id_usage: int
    header_length: int
    cscds: tuple[Cscd | None, ...]
    segments: tuple[Segment, ...]
    segment_offsets: tuple[int, ...]
    inline_data: bytes = b""
    inline_offset: int = 0
    sequential_striped: bool = False
    immediate: bool = False
    good_with_sense: bool = False

    def cscd_offset(self, cscd_id: int) -> int:
        """Where CSCD descriptor `cscd_id` begins in the parameter list."""
        return self.header_length + cscd_id * CSCD_LENGTH

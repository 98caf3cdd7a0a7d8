"""Products that do not mean what they say, or whose word is believed: one row each, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xcopy.unit import LogicalUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """How a product, by vendor and the start of its product name, departs from its own answers.

    `tells_failed_segment` says that the segment number of COPY ABORTED, and the residual, are to be believed;
    `unmap_is_a_hint` that WRITE SAME with UNMAP may leave old data, whatever it says of zeros.
    """

    vendor: str
    product: str = ""
    concurrent_is_advice: bool = False
    tells_failed_segment: bool = False
    unmap_is_a_hint: bool = False
    evidence: str


QUIRKS = (
    Quirk(
        vendor="LIO-ORG",
        concurrent_is_advice=True,
        unmap_is_a_hint=True,
        evidence="Linux 6.1: TOTAL CONCURRENT COPIES is 1, yet 8 commands in flight on a slow backend copy "
        "7.5 times as fast as one, all GOOD and all bytes right. target_core_sbc.c: WRITE SAME with UNMAP is "
        "a discard, whatever block is sent; target_core_device.c: LBPRZ is set where the block device below "
        "can write zeros, which says nothing of what a discard leaves there",
    ),
    Quirk(
        vendor="FREEBSD",
        product="CTLDISK",
        tells_failed_segment=True,
        evidence="ctl_tpc.c: one segment after the other, and the number of COPY ABORTED is that of the one "
        "that failed: it goes up only when all writes of a segment have ended well",
    ),
    Quirk(
        vendor="XCOPYDEV",
        product="EMULATED ARRAY",
        tells_failed_segment=True,
        evidence="this package's own array: what it claims of many segments, with a fault at every internal "
        "read and write, is compared with the bytes of its units",
    ),
)


def quirk_of(unit: LogicalUnit) -> Quirk | None:
    """The row for this unit's product, if there is one."""
    for quirk in QUIRKS:
        if unit.vendor == quirk.vendor and unit.product.startswith(quirk.product):
            return quirk
    return None

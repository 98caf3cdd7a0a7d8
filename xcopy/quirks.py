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
    `unmap_leaves_zeros` that WRITE SAME with UNMAP was tried, and whole granules read as zeros after it.
    """

    vendor: str
    product: str = ""
    concurrent_is_advice: bool = False
    tells_failed_segment: bool = False
    unmap_leaves_zeros: bool = False
    evidence: str


QUIRKS = (
    Quirk(
        vendor="LIO-ORG",
        concurrent_is_advice=True,
        evidence="Linux 6.1: TOTAL CONCURRENT COPIES is 1, yet 8 commands in flight on a slow backend copy "
        "7.5 times as fast as one, all GOOD and all bytes right. UNMAP leaves what it likes: WRITE SAME "
        "with it is a discard, whatever block is sent (target_core_sbc.c), and LBPRZ is set where the device "
        "below can write zeros, which says nothing of what a discard leaves there (target_core_device.c)",
    ),
    Quirk(
        vendor="Linux",
        product="scsi_debug",
        unmap_leaves_zeros=True,
        evidence="Linux 6.1, lbpws=1 lbprz=1: what WRITE SAME with UNMAP had covered in whole granules, of a "
        "disk full of other bytes, read back as zeros and all beside it as it was. scsi_debug.c: "
        "unmap_region() clears whole granules alone",
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
        unmap_leaves_zeros=True,
        evidence="this package's own array: what it claims of many segments, with a fault at every internal "
        "read and write, is compared with the bytes of its units; so is what WRITE SAME with UNMAP leaves",
    ),
)


def quirk_of(unit: LogicalUnit) -> Quirk | None:
    """The row for this unit's product, if there is one."""
    for quirk in QUIRKS:
        if unit.vendor == quirk.vendor and unit.product.startswith(quirk.product):
            return quirk
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """What to know of a product, by vendor and the start of its name, that none of its answers tells."""

    vendor: str
    product: str = ""
    says: str
    source: str


CAUTIONS = (
    Caution(
        vendor="LIO-ORG",
        product="TCMU device",
        says="tcmu-runner since January 2021 (CVE-2021-3139) copies within one unit only; an older one "
        "copies between any units that its host serves, whoever may reach them. No answer tells which it is",
        source="https://github.com/open-iscsi/tcmu-runner/pull/644",
    ),
    Caution(
        vendor="LIO-ORG",
        says="a Linux target older than 5.10.7, without CVE-2020-28374 fixed, lets an initiator copy from "
        "and to units that it was never given. No answer tells the version: ask whoever runs the target",
        source="https://nvd.nist.gov/vuln/detail/CVE-2020-28374",
    ),
)


def caution_of(unit: LogicalUnit) -> Caution | None:
    """The first row for this unit's product, if there is one."""
    for caution in CAUTIONS:
        if unit.vendor == caution.vendor and unit.product.startswith(caution.product):
            return caution
    return None

"""Products that do not mean what they say: one row each, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xcopy.unit import LogicalUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """How a product, by vendor and the start of its product name, departs from its own answers."""

    vendor: str
    product: str = ""
    concurrent_is_advice: bool = False
    evidence: str


QUIRKS = (
    Quirk(
        vendor="LIO-ORG",
        concurrent_is_advice=True,
        evidence="Linux 6.1: TOTAL CONCURRENT COPIES is 1, yet 8 commands in flight on a slow backend copy "
        "7.5 times as fast as one, all GOOD and all bytes right",
    ),
)


def quirk_of(unit: LogicalUnit) -> Quirk | None:
    """The row for this unit's product, if there is one."""
    for quirk in QUIRKS:
        if unit.vendor == quirk.vendor and unit.product.startswith(quirk.product):
            return quirk
    return None

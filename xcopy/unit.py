"""A logical unit as a copy sees it: who it is, how large it is, what it says it can do.

Identity is the designator, never the path: two paths of one unit are the same unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cdb.copy_results import OperatingParameters
    from cdb.vpd import Designator

LOGICAL_UNIT = 0  # ASSOCIATION 00b: the designator names the unit, not a port or target
NAA, EUI64, T10_VENDOR, NAME_STRING = 3, 2, 1, 8
LONGEST_IN_CSCD = 20  # bytes of designator an E4h descriptor holds (SPC-4 6.4.5.6)

_PREFERENCE = (NAA, EUI64, T10_VENDOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioning:
    """What a unit says of blocks without storage; sizes in its blocks, 0 where it does not say.

    `zeros` is True where it says that unmapped blocks read as zeros, and nowhere says otherwise. Storage
    comes and goes in granules of `granule` blocks, one of which begins at `aligned_to`; `write_same_unmaps`
    says that WRITE SAME(16) can take it away.
    """

    managed: bool = False
    zeros: bool = False
    write_same_unmaps: bool = False
    granule: int = 0
    aligned_to: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicalUnit:
    """One unit as its own answers describe it; `block_size` in bytes, `blocks` its capacity.

    `parameters` is None where the unit did not give operating parameters; `no_parameters` says why.
    `copy_commands` are the operation codes and service actions that its VPD page 8Fh lists.
    """

    name: str
    block_size: int
    blocks: int
    vendor: str = ""
    product: str = ""
    revision: str = ""
    serial: str = ""
    device_type: int = 0
    designators: tuple[Designator, ...] = ()
    third_party_copy: bool = False
    parameters: OperatingParameters | None = None
    no_parameters: str = ""
    maximum_transfer_blocks: int = 0
    maximum_write_same_blocks: int = 0
    provisioning: Provisioning = Provisioning()
    copy_commands: frozenset[tuple[int, int]] = frozenset()

    @property
    def names(self) -> frozenset[tuple[int, bytes]]:
        """Everything that identifies this unit and no other."""
        found = {
            (d.designator_type, d.value)
            for d in self.designators
            if d.association == LOGICAL_UNIT
            and d.designator_type in (*_PREFERENCE, NAME_STRING)
            and not _blank(d.value)
        }
        if not found and self.serial:
            found.add((-1, f"{self.vendor}/{self.product}/{self.serial}".encode()))
        return frozenset(found)

    @property
    def copy_designator(self) -> Designator | None:
        """The designator that names this unit in a CSCD descriptor."""
        return copy_designator(self.designators)

    def same_as(self, other: LogicalUnit) -> bool:
        """True when both may be one unit, whatever the paths to it are called: one name in common is enough.

        For refusing only. Which unit a command means is said by `copy_designator` and nothing else.
        """
        return bool(self.names & other.names)

    def is_identified_by(self, designators: tuple[Designator, ...]) -> bool:
        """True when these are this unit's: all names in common, and not none.

        For writing by another path; what has no designator is not known again.
        """
        there = replace(self, designators=designators, serial="")
        return bool(there.names) and there.names == self.names

    def named_like(self, other: LogicalUnit) -> bool:
        """True when a CSCD descriptor names both by the same designator."""
        return self.copy_designator is not None and self.copy_designator == other.copy_designator


def copy_designator(designators: Iterable[Designator]) -> Designator | None:
    """The one that names a unit in a CSCD descriptor: a 16-byte NAA first, then the next best."""
    fitting = [
        d
        for d in designators
        if d.association == LOGICAL_UNIT
        and d.designator_type in _PREFERENCE
        and len(d.value) <= LONGEST_IN_CSCD
        and not _blank(d.value)
    ]
    return min(fitting, key=lambda d: (_PREFERENCE.index(d.designator_type), -len(d.value)), default=None)


def _blank(value: bytes) -> bool:
    """True for a designator that was never filled in: it names nobody."""
    return not value.strip(b"\0 ")

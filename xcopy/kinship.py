"""Whether two units say that a copy manager may not reach both of them; that it does, only a copy shows.

Nothing is refused for what is found here. Goes by what units say of themselves, never by paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.vpd import printable

if TYPE_CHECKING:
    from cdb.vpd import Designator
    from xcopy.unit import LogicalUnit

TARGET_DEVICE = 2  # ASSOCIATION 10b: the designator names the target that has the unit (SPC-4 7.8.6.1)


def doubt(source: LogicalUnit, destination: LogicalUnit) -> str:
    """Why a copy between these may be refused when it is tried, nothing where no answer hints at it."""
    if source.same_as(destination):
        return ""
    if source.vendor != destination.vendor:
        return (
            f"{source.name} is made by {source.vendor or 'nobody it names'}, {destination.name} by "
            f"{destination.vendor or 'nobody it names'}: a copy manager seldom reaches units of another array"
        )
    reads, writes = _targets(source), _targets(destination)
    if reads and writes and not reads.keys() & writes.keys():
        return (
            f"{source.name} is a unit of target {_said(reads)}, {destination.name} of {_said(writes)}: many "
            "copy managers reach only what the same target has; where one has both, name the paths by it"
        )
    return ""


def _targets(unit: LogicalUnit) -> dict[tuple[int, bytes], Designator]:
    return {
        (each.designator_type, each.value): each
        for each in unit.designators
        if each.association == TARGET_DEVICE and each.value.strip(b"\0 ")
    }


def _said(targets: dict[tuple[int, bytes], Designator]) -> str:
    return " or ".join(printable(each.text.encode()) for each in targets.values())

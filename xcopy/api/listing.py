"""The SCSI units there are as a script asks for them: what each is, its links, what lies on it, who uses it.

Nothing is opened and no command is sent, except to units of an emulated array, which are asked in process.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xcopy.device.inventory import Inventory, Listed, Way, inventory
from xcopy.errors import AccessError
from xcopy.ranges import EMULATED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xcopy.claim import Claim
    from xcopy.device.claims import Uses
    from xcopy.device.disk import Node


@dataclass(frozen=True, slots=True)
class Entry:
    """A unit, its links in /dev/disk, and its uses; None where these cannot be told, for the reason given."""

    unit: Listed
    links: tuple[str, ...] = ()
    claims: tuple[Claim, ...] | None = ()
    no_claims: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found; `others` has nodes that take no block commands of SCSI, each with what it is."""

    entries: tuple[Entry, ...]
    others: tuple[tuple[str, str], ...] = ()


def listing(names: Sequence[str] = ()) -> Listing:
    """Every SCSI unit of this machine, or those that paths, emu:DIRECTORY or emu:DIRECTORY/NUMBER lead to.

    Raises UsageError for a name that leads nowhere, AccessError where sysfs cannot be read.
    """
    if not names:
        found = inventory()
        return Listing(tuple(_entries(found.units)), found.others)
    machine: Inventory | None = None
    entries: list[Entry] = []
    for name in names:
        if name.startswith(EMULATED):
            entries += _emulated(name)
        else:
            machine = machine or inventory()
            entries += _entries(_behind(name, machine))
    return Listing(tuple({entry.unit.name: entry for entry in entries}.values()))


def _entries(units: Sequence[Listed]) -> Iterator[Entry]:
    """Each with its links and uses; who uses what is read once, for there may be hundreds of units."""
    from xcopy.device.claims import uses

    known, why = None, ""
    try:
        known = uses()
    except AccessError as error:
        why = str(error)
    for unit in units:
        yield _entry(unit, known, why)


def _entry(unit: Listed, known: Uses | None, why: str) -> Entry:
    from xcopy.device.claims import claims
    from xcopy.device.topology import links_of

    node = unit.node
    if node is None:
        return Entry(unit, claims=None, no_claims=unit.unknown.get("claims", ""))
    numbers = [(False, disk.major, disk.minor) for disk in node.blocks] or [(True, node.major, node.minor)]
    links = tuple(sorted({link for number in numbers for link in links_of(*number)}))
    return Entry(unit, links, claims(node, known=known) if known else None, why)


def _behind(name: str, machine: Inventory) -> list[Listed]:
    """The units that a path lies on."""
    from xcopy.device.topology import resolve

    nodes = {node for disk in resolve(name).disks for node in _nodes(disk)}
    return [unit for unit in machine.units if any({way.block, way.sg} & nodes for way in unit.ways)]


def _nodes(disk: Node) -> set[str]:
    return {node for node in (disk.node, disk.sg) if node}


def _emulated(name: str) -> list[Entry]:
    """All units of an array by its directory, or the one that is named."""
    from xcopy.device.array_dir import DESCRIPTION, open_array

    directory = name.removeprefix(EMULATED).rstrip("/")
    if not os.path.exists(os.path.join(directory, DESCRIPTION)):
        if os.path.isdir(directory):
            open_array(directory)  # says what is missing
        return [_asked(name)]
    return [_asked(f"{EMULATED}{directory}/{number}") for number in sorted(open_array(directory).units)]


def _asked(name: str) -> Entry:
    from xcopy.api.endpoint import open_endpoint, split

    unit = open_endpoint(split(name)).unit
    return Entry(
        Listed(
            ways=(Way(name, ""),),
            vendor=unit.vendor,
            product=unit.product,
            revision=unit.revision,
            serial=unit.serial,
            block_size=unit.block_size,
            blocks=unit.blocks,
            third_party_copy=unit.third_party_copy,
            designators=unit.designators,
        )
    )

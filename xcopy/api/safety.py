"""What may not be written to, decided before anything is: overlaps, destinations in use, what they hold.

By identity and LBA, never by path. Holds what it allows until the copy is done; copies nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from xcopy import reserved
from xcopy.api.asking import ask
from xcopy.api.contents import at_stake, of_device, of_unit
from xcopy.api.permissions import forbidden
from xcopy.claim import KINDS, UNCHECKED, Claim, allow
from xcopy.errors import AccessError, UnsafeError, XcopyError
from xcopy.mapping import SECTOR, Run, any_meet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import ExitStack

    from xcopy.api.contents import Place
    from xcopy.api.endpoint import Endpoint
    from xcopy.asked import Asked
    from xcopy.device.disk import Node
    from xcopy.device.open_file import OpenFile
    from xcopy.device.topology import Found


def refuse_overlap(source: Endpoint, destination: Endpoint, asked: Asked) -> None:
    """By identity and LBA, never by path: two names can be one unit, or have one in common."""
    same = _same_units(source, destination)
    if not same:
        return
    if source.unit.block_size != destination.unit.block_size:
        raise UnsafeError(
            f"{source.name} and {destination.name} look like one unit, but with blocks of "
            f"{source.unit.block_size} and {destination.unit.block_size} bytes: find out which is right first"
        )
    if len({read for read, _ in same}) < len(same) or len({write for _, write in same}) < len(same):
        raise UnsafeError(
            f"{source.name} and {destination.name} have units in common that go by each other's names; "
            "which blocks are the same cannot be known"
        )
    clash = _clash(source, destination, asked, same)
    if clash is None:
        return
    one = _related(source, destination)
    paths = "" if source.name == destination.name else f" ({source.name} and {destination.name} {one})"
    reader, writer = (asked.place(index) for index in clash)
    if not reader:
        lba, blocks, to = asked.named(0)
        which = f"LBA {source.base + lba} and {destination.base + to}, {blocks} blocks each"
    elif reader == writer:
        which = f"{reader} reads blocks that it writes"
    else:
        which = f"{reader} reads blocks that {writer} writes"
    raise UnsafeError(
        f"source and destination overlap on the same unit{paths}: {which}; an array copies in an "
        "order nobody promises"
    )


def refuse_own_ground(source: Endpoint, destination: Endpoint, whole: Asked) -> None:
    """`UnsafeError` where any of what is written lies on the source, the device of the file's file system.

    `whole` is all that is written, one range, in the destination's blocks on both sides.
    """
    _, blocks, to = whole.named(0)
    reads = list(_ground(source, 0, source.blocks))
    writes = list(_ground(destination, to, blocks))
    for read, write in _same_units(source, destination):
        mine = [Run(write, *run[1:]) for run in reads if run.unit == read]
        if any_meet(mine, [run for run in writes if run.unit == write]):
            raise UnsafeError(
                f"{destination.name}: what would be written there is on {source.name}, which the file's own "
                "file system is on: no --force overrides that"
            )


def _ground(side: Endpoint, lba: int, blocks: int) -> Iterator[Run]:
    """All that these blocks may lie in, in bytes."""
    size = side.unit.block_size
    if side.mapping is None:
        yield Run(0, (side.base + lba) * size, blocks * size)
        return
    for unit, start, length in side.mapping.regions(lba * size // SECTOR, blocks * size // SECTOR):
        yield Run(unit, start * SECTOR, length * SECTOR)


def reading_only(source: Endpoint, destination: Endpoint, asked: Asked) -> list[str]:
    """What to mind where both sides are only read: who may write them, and blocks that are on both."""
    warnings = [
        f"the {side} is in use: {claim}; blocks that change meanwhile may be found different"
        for side, end in (("source", source), ("destination", destination))
        for claim in _writers(end)
    ]
    same = _same_units(source, destination)
    if same and _clash(source, destination, asked, same) is not None:
        warnings.append(
            f"{source.name} and {destination.name} {_related(source, destination)}, "
            "and share blocks of these ranges"
        )
    return warnings


def _writers(side: Side) -> list[Claim]:
    """Uses of a side by which its blocks may change while they are read."""
    if side.node is None:
        return []
    from xcopy.device.claims import claims

    return [claim for claim in claims(side.node) if claim.kind in ("mounted", "swap")]


def _same_units(source: Endpoint, destination: Endpoint) -> list[tuple[int, int]]:
    """The numbers of parts of both sides that may be one unit."""
    return [
        (read, write)
        for read in range(len(source.parts))
        for write in range(len(destination.parts))
        if _same(source, read, destination, write)
    ]


def _clash(
    source: Endpoint, destination: Endpoint, asked: Asked, same: list[tuple[int, int]]
) -> tuple[int, int] | None:
    """A range that reads what another writes, by index: units of both sides that are one have one number."""
    numbers, writes = dict(same), len(destination.parts)
    strangers = range(writes, writes + len(source.parts))
    return asked.clash([numbers.get(read, other) for read, other in enumerate(strangers)], range(writes))


def _related(source: Endpoint, destination: Endpoint) -> str:
    whole = len(source.parts) == len(destination.parts) == 1
    return "are one unit" if whole else "have blocks of one unit"


def _same(source: Endpoint, read: int, destination: Endpoint, write: int) -> bool:
    """True when these parts of both sides may be one unit."""
    if source.parts[read].unit.same_as(destination.parts[write].unit):
        return True
    if source.node is None or destination.node is None:
        return False
    return bool(_names(source.node.disks[read]) & _names(destination.node.disks[write]))


def _names(node: Node) -> set[object]:
    """Every name the kernel has for a unit: its disks by all paths, its sg node, its wwid."""
    names: set[object] = {(disk.major, disk.minor) for disk in node.blocks}
    return names | {name for name in (node.sg, node.wwid) if name}


class Side(Protocol):
    """What may be in use: a unit, a volume, or what the host alone reads and writes."""

    @property
    def name(self) -> str:
        """How the user called it."""
        ...

    @property
    def node(self) -> Found | None:
        """What the kernel knows of it; None for what it does not know, and for a file."""
        ...


@dataclass(frozen=True, slots=True)
class Cleared:
    """A destination that may be written to: what to mind, and what of its contents will be destroyed."""

    warnings: list[str]
    destroyed: tuple[str, ...] = ()


def secure(
    source: Endpoint,
    destination: Endpoint,
    asked: Asked | None,
    stack: ExitStack,
    *,
    force: frozenset[str] = frozenset(),
    timeout: float | None = None,
    still: bool = False,
    writing: bool = True,
) -> Cleared:
    """Refuse a destination in use, and keep it from being used while we write; warn of a source in use.

    `force` has the kinds of use (`xcopy.claim`) that are overridden; `timeout` is of each question to a unit.
    `still` is whether what is mounted of the source will be frozen. Not for `writing`, it is only looked
    whether that would be refused; then `asked` is None where no range fits.
    """
    warnings = [
        f"the source is in use: {claim}; blocks that change during the copy may be copied either way"
        for claim in _writers(source)
        if not (still and claim.kind == "mounted" and claim.by.startswith("/"))
    ]
    found, notes = _uses(destination, timeout)
    place = of_unit(destination) if asked is not None else None
    return _cleared(destination, place, asked, found, warnings, notes, stack, force, writing=writing)


def _cleared(
    destination: Side,
    place: Place | None,
    asked: Asked | None,
    found: list[Claim],
    warnings: list[str],
    notes: list[str],
    stack: ExitStack,
    force: frozenset[str],
    *,
    writing: bool,
) -> Cleared:
    """What the destination holds is a use as well, or will be destroyed; then it is held."""
    contents, unread = at_stake(place, asked) if place is not None and asked is not None else ([], [])
    listed = tuple(found)
    found += [
        Claim(each.signature.kind, each.device)
        for each in contents
        if each.signature.kind
        and not any((claim.kind, claim.device) == (each.signature.kind, each.device) for claim in found)
    ]
    warnings += allow(destination.name, found, force) + notes
    warnings += _hold(destination, listed, stack, force, writing=writing)
    destroyed = tuple(
        [str(each) for each in contents if not each.signature.kind]
        + [f"whatever cannot be read there ({why})" for why in unread]
    )
    warnings += [f"this will be destroyed: {each}" for each in destroyed]
    return Cleared(warnings, destroyed)


def secure_by_host(
    source: OpenFile,
    destination: OpenFile,
    asked: Asked,
    stack: ExitStack,
    *,
    force: frozenset[str] = frozenset(),
    writing: bool = True,
) -> Cleared:
    """As `secure`, where this host alone reads and writes: no unit is asked who has reserved it."""
    from xcopy.device.claims import below, claims, loops_beside, loops_of, mounts_on

    if destination.number:
        _refuse_loop_over_device(destination)
        if source.number:
            _refuse_loop_over_device(source)
            if source.number != destination.number:
                _refuse_common_ground(source, destination)
    for device, file in ((source, destination), (destination, source)):
        if device.node is not None and file.node is None:
            itself = loops_of(file.identity) & below(device.number)
            if itself:
                raise UnsafeError(
                    f"{device.name} is, or lies on, {min(itself)}, which is {file.name} by another name: "
                    "what is written would be read again; copy within the file"
                )
    warnings = [
        f"the source is in use: {claim}; what changes may be copied either way" for claim in _writers(source)
    ]
    if destination.node is None:
        if source.node is not None:
            mine = [m.point for m in mounts_on(source.node) if _is_there(m.point, destination)]
            warnings += [
                f"{destination.name} is on {point}, a file system of {source.name} itself: where that is "
                "read, the copy has it half written"
                for point in mine[:1]
            ]
        used = [
            Claim("holder", destination.name, f"{loop} (a loop device)")
            for loop in sorted(loops_of(destination.identity))
        ]
        return Cleared(warnings + allow(destination.name, used, force))
    found = [
        *claims(destination.node),
        *(
            Claim("holder", destination.name, f"{loop} (a loop device over the same file)")
            for loop in sorted(loops_beside(destination.number))
        ),
    ]
    place = of_device(destination)
    return _cleared(destination, place, asked, found, warnings, [], stack, force, writing=writing)


def _refuse_loop_over_device(side: OpenFile) -> None:
    """`UnsafeError` where uses of what is below cannot be seen: a loop device claims nothing of it."""
    from xcopy.device.claims import loops_over_devices

    for loop, device in loops_over_devices(side.number).items():
        raise UnsafeError(
            f"{side.name} is, or lies on, {loop}, a loop device over a block device ({device}), whose uses "
            "are not seen through it: no --force overrides that; name that device, with the blocks on it"
        )


def _refuse_common_ground(source: OpenFile, destination: OpenFile) -> None:
    """`UnsafeError` for two devices of which one lies on the other, or nobody knows that none does."""
    from xcopy.device.claims import below, loops_beside
    from xcopy.device.common_ground import meeting

    one_file = loops_beside(destination.number) & below(source.number)
    where = min(one_file, default="") or meeting(source.number, destination.number)
    if where:
        raise UnsafeError(
            f"{source.name} and {destination.name} both are, or lie on, {where}, and may have bytes in "
            "common: no --force overrides that; copy to a file, and from that"
        )


def _is_there(point: str, file: OpenFile) -> bool:
    try:
        return os.stat(point).st_dev == file.identity[0]
    except OSError:
        return False


def _uses(destination: Endpoint, timeout: float | None) -> tuple[list[Claim], list[str]]:
    """Every use of a destination that can be found out, and what to mind besides."""
    node = destination.node
    if node is None:
        return [], []
    from xcopy.device.claims import claims
    from xcopy.device.initiator_ports import own_ports

    found, notes = list(claims(node)), []
    if node.read_only and not any(claim.kind == "read-only" for claim in found):
        found.append(Claim("read-only", destination.name))
    for part in destination.parts:
        try:
            access = ask(part.open_transport, reserved.ask(timeout or 60.0), part.unit.name)
        except XcopyError as error:
            notes.append(f"whether {part.unit.name} is reserved is not known: {error}")
            continue
        if access.reserved is not None:
            found.append(reserved.claim(part.unit.name, access.reserved, own_ports()))
        elif access.registrations:
            notes.append(
                f"{part.unit.name} is not reserved, but {access.registrations} initiators are registered to "
                "reserve it: does a cluster use it?"
            )
    return found, notes


def _explained(node: Found, top: str, listed: Sequence[Claim]) -> bool:
    """True where a use that was overridden keeps others from what is opened here: a use of the same path."""
    families = [{block.path for block in disk.walk()} for each in node.disks for disk in each.blocks]
    exclusive = [claim.device for claim in listed if KINDS[claim.kind].exclusive]
    return any({top, device} <= family for device in exclusive for family in families)


def _hold(
    destination: Side, listed: Sequence[Claim], stack: ExitStack, force: frozenset[str], *, writing: bool
) -> list[str]:
    """Open it exclusively, by every path; what is in use by what was overridden stays as it is.

    `listed` are the uses that the kernel knows of: what is only written on it keeps nobody out.
    """
    if destination.node is None:
        return []
    from xcopy.device.claims import hold

    warnings = []
    for top in destination.node.tops:
        try:
            stack.enter_context(hold(top, writing=writing))
        except UnsafeError as error:
            if _explained(destination.node, top, listed):
                warnings.append(f"not held open exclusively: {error}")
            else:
                warnings += allow(destination.name, [Claim("open", top)], force)
        except AccessError as error:
            if not (UNCHECKED in force and forbidden(error)):
                raise
            warnings.append(f"--force={UNCHECKED}: {error}")
    return warnings

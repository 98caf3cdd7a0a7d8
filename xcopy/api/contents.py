"""What a destination holds that a copy would destroy, found by reading it where signatures are.

Here the table (`xcopy.signatures`), the ranges and the way to the blocks meet. Refuses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from xcopy.errors import XcopyError
from xcopy.signatures import Look, destroyed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xcopy.api.endpoint import Endpoint
    from xcopy.asked import Asked
    from xcopy.conversation import BlockDoor
    from xcopy.device.open_file import OpenFile
    from xcopy.device.topology import Found as Device
    from xcopy.signatures import Found


NEAR: Final = 1 << 20  # bytes that are looked at where a copy begins in the middle of a device


@dataclass(frozen=True, slots=True)
class Place:
    """What will be written to: `blocks` of `size` bytes, the first of them block `base` by the door."""

    name: str
    node: Device | None
    size: int
    blocks: int
    base: int
    door: Callable[[], BlockDoor]


def of_unit(destination: Endpoint) -> Place:
    """A unit, a partition of one, or a volume."""
    size = destination.unit.block_size
    base = 0 if destination.mapping is not None else destination.base
    return Place(
        destination.name, destination.node, size, destination.blocks, base, lambda: _door(destination)
    )


def of_device(destination: OpenFile) -> Place:
    """A block device of any kind that this host writes."""
    from xcopy.device.blockio import BlockFile

    size = destination.facts.block
    return Place(
        destination.name,
        destination.node,
        size,
        destination.facts.size // size,
        0,
        lambda: BlockFile(destination.fd, size, writable=False),
    )


def at_stake(destination: Place, asked: Asked) -> tuple[list[Found], list[str]]:
    """What would be destroyed, and of what cannot be read, why nobody can tell."""
    size, unit = destination.size, asked.destination.block_size

    def writes(first: int, end: int) -> bool:
        return asked.writes(first // unit, -(-end // unit))

    found: list[Found] = []
    trouble: list[str] = []
    if not asked.request.blocks:
        return found, trouble
    try:
        door = destination.door()
    except XcopyError as error:
        return found, [str(error)]
    try:
        for look in _looks(destination, asked):
            if not writes(look.start, look.start + look.size):
                continue
            pieces = []
            for offset, length in look.windows(size):
                try:
                    pieces.append(
                        (offset, bytes(door.read(destination.base + offset // size, length // size)))
                    )
                except XcopyError as error:
                    trouble.append(str(error))
            found += destroyed(look, pieces, writes)
    finally:
        door.close()
    return found, trouble


def _looks(destination: Place, asked: Asked) -> Iterator[Look]:
    """All of what was named, its partitions, and what may begin where the one range of a copy begins."""
    size, unit = destination.size, asked.destination.block_size
    node = destination.node
    whole = node is not None and node.kind != "volume" and node.partition is None
    parts = node.disks[0].partitions if node is not None and whole else ()
    parts = tuple(part for part in parts if part.start * 512 % size == 0)
    yield Look(destination.name, 0, destination.blocks * size, divided=bool(parts))
    starts = {0}
    for part in parts:
        starts.add(part.start * 512)
        yield Look(part.path, part.start * 512, part.length * 512)
    if asked.single:
        _, _, to = asked.named(0)
        if to * unit not in starts:
            length = min(asked.request.blocks * asked.request.block_size, NEAR)
            yield Look(
                f"{destination.name}, {asked.destination.address} {to}", to * unit, length, endless=True
            )


def _door(destination: Endpoint) -> BlockDoor:
    if destination.mapping is None or destination.node is None:
        return destination.parts[0].open_blocks(False)
    from xcopy.device.blockio import BlockFile

    return BlockFile(destination.node.path, destination.unit.block_size, writable=False)

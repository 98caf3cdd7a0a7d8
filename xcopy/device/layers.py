"""What a mapped device is made of: a multipath map is one unit by several paths, a volume is pieces of units.

Belongs here: going down from a device-mapper device to SCSI disks, by sysfs and by tables (`dm_table`), and
which devices on those disks lie elsewhere. A layer that does more than move addresses is refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from cdb.errors import DecodeError
from xcopy.device.disk import BY_HOST, Node, of_block, whole_of
from xcopy.device.dm_table import striping, table
from xcopy.device.paths import rank
from xcopy.device.tree import number_of, text_of
from xcopy.errors import AccessError, UnsafeError, UnsupportedError, XcopyError
from xcopy.mapping import Ground, Mapping, Run, Stripes, any_meet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from xcopy.device.dm_table import Target
    from xcopy.device.tree import Block, Tree
    from xcopy.mapping import Below

# What a target does to blocks (the kernel's Documentation/admin-guide/device-mapper), and what to do then.
SNAPSHOTS: Final = (
    "keeps blocks for snapshots, and a copy of the disk below it would go behind their back",
    "remove the snapshots first (`lvs` lists them, lvremove removes them)",
)
ELSEWHERE: Final = (
    "keeps its blocks where a pool's own tables say",
    "copy all of the pool's disks while nothing uses them",
)
SEVERAL: Final = (
    "keeps its blocks, or what restores them, on several devices that have to agree",
    "where it mirrors, `lvconvert -m0` makes it a linear volume",
)
CACHED: Final = (
    "may have its newest blocks on another device",
    "take the cache off first (lvconvert --splitcache)",
)
TARGETS: Final = {
    "crypt": ("encrypts its blocks", "to copy them as they are encrypted, name the device below it"),
    "snapshot": SNAPSHOTS,
    "snapshot-origin": SNAPSHOTS,
    "snapshot-merge": SNAPSHOTS,
    "thin": ELSEWHERE,
    "thin-pool": ELSEWHERE,
    "vdo": ELSEWHERE,
    "raid": SEVERAL,
    "mirror": SEVERAL,
    "cache": CACHED,
    "writecache": CACHED,
    "multipath": ("leads to one unit by several paths", "name one of them"),
}
OTHER: Final = "does something to its blocks that is not known here", "copy what it is made of"

DEEPEST: Final = 16  # layers one upon another


@dataclass(frozen=True, slots=True)
class Volume:
    """A device made of pieces of units, as the kernel had it when it was resolved.

    `disks` has one path to every unit, by the unit's number in `mapping`. `below` has the kernel names of all
    it lies on, `apart` of partitions and mapped devices on the same units that share no block with it.
    """

    kind: ClassVar[Literal["volume"]] = "volume"

    path: str
    major: int
    minor: int
    block: Block
    disks: tuple[Node, ...]
    mapping: Mapping
    below: frozenset[str]
    apart: frozenset[str]
    tops: tuple[str, ...]  # the nodes to hold so that nobody gets at it by any path

    @property
    def read_only(self) -> bool:
        """True when the kernel takes it, or a disk below it, for read-only."""
        return self.block.read_only or any(disk.read_only for disk in self.disks)

    def same_layout(self, other: object) -> bool:
        """True when the other is this volume, and every block of it is where it was."""
        return (
            isinstance(other, Volume)
            and (self.major, self.minor, self.mapping) == (other.major, other.minor, other.mapping)
            and len(self.disks) == len(other.disks)
            and all(_numbers(one) & _numbers(its) for one, its in zip(self.disks, other.disks, strict=True))
        )


def mapped(
    tree: Tree, path: str, here: Path, *, ioctl: Callable[[bytearray], None] | None = None
) -> Node | Volume:
    """What a device-mapper device is: a disk by its best path for a multipath map, a volume for others."""
    major, minor = _number(here)
    if text_of(here / "dm/uuid").startswith("mpath-"):
        return replace(of_block(tree, path, best_path(tree, path, here), named=(major, minor)), kind="disk")
    _refuse_internal(tree, path, here)
    down = _Descent(tree, path, ioctl)
    mapping = down.mapping(here)
    for unit, ways in down.ways.items():
        if len(ways) > 1:
            raise UnsafeError(
                f"{path} lies on {' and on '.join(sorted(ways))}, which say that they are one unit "
                f"({down.disks[unit].wwid or 'VPD page 83h'}): either two places of it may be one block, or "
                "two units go by one name and nobody can tell which of them a block is on"
            )
    if (twice := mapping.twice) is not None:
        raise UnsafeError(
            f"{path} has some blocks of {down.disks[twice.unit].node} twice, from sector {twice.start} on: "
            "copied in an order that nobody promises; name the disks below it"
        )
    named = tree.block(here)
    own = frozenset(block.name for block in named.walk())
    return Volume(
        path=path,
        major=major,
        minor=minor,
        block=named,
        disks=tuple(down.disks),
        mapping=mapping,
        below=frozenset(down.below),
        apart=frozenset(down.apart(mapping.whole, own)),
        tops=(named.path, *down.other_ways()),
    )


def best_path(tree: Tree, path: str, here: Path) -> Path:
    """The path of a multipath map to send commands by: running, and in the best access state of all.

    `UnsafeError` where its paths say that they lead to different units: only one of them can be right.
    """
    names = tree.names(here / "slaves")
    wwids = {text_of(tree.named(name) / "device/wwid") for name in names} - {""}
    if len(wwids) > 1:
        raise UnsafeError(
            f"{path}: the paths of {tree.layer(here)} lead to different units ({', '.join(sorted(wwids))}); "
            "`multipath -ll` shows them, `multipath -r` makes the map anew"
        )
    found = [(best, name) for name in names if (best := rank(tree.named(name) / "device")) is not None]
    if not found:
        raise AccessError(
            f"{path} is {tree.layer(here)}, and none of its paths is running; "
            "`multipath -ll` shows them, or name a path that works"
        )
    return tree.named(min(found)[1])


@dataclass
class _Descent:
    """On the way down from one device; what is met is numbered and noted."""

    tree: Tree
    path: str
    ioctl: Callable[[bytearray], None] | None
    disks: list[Node] = field(default_factory=list)
    below: set[str] = field(default_factory=set)
    parts: dict[int, set[int | None]] = field(default_factory=dict)  # partitions that are used, of each unit
    ways: dict[int, set[str]] = field(default_factory=dict)  # disks or multipath maps that lead to each unit

    def mapping(self, here: Path, depth: int = 0) -> Mapping:
        """The pieces of a mapped device."""
        layer, (major, minor) = self.tree.layer(here), _number(here)
        if depth > DEEPEST:
            raise UnsupportedError(f"{self.path} has more than {DEEPEST} layers, one upon another")
        try:
            found = table(major, minor, ioctl=self.ioctl)
        except AccessError as error:
            raise AccessError(f"{self.path}: {error}") from error
        if found.uuid != text_of(here / "dm/uuid"):
            raise AccessError(f"{self.path}: {layer} became another device while it was looked at")
        if found.suspended:
            raise UnsafeError(
                f"{self.path}: {layer} is suspended, so its blocks may be about to be moved; "
                "wait for whoever does that, or `dmsetup resume` it"
            )
        try:
            pieces = tuple(self._piece(here, target, depth) for target in found.targets)
            mapping = Mapping(pieces)
        except (DecodeError, ValueError) as error:
            raise UnsupportedError(
                f"{self.path}: the table of {layer} makes no sense, so nobody knows its blocks: {error}"
            ) from error
        size = number_of(here / "size")
        if mapping.length != size:
            raise AccessError(
                f"{self.path}: {layer} has {size} sectors, and its table {mapping.length}: "
                "it is being changed; try again"
            )
        return mapping

    def other_ways(self) -> Iterator[str]:
        """Of every unit the paths that the volume does not lie on, or the partition of each that it does."""
        for unit, disk in enumerate(self.disks):
            for number in sorted(self.parts[unit], key=lambda each: each or 0):
                for sibling in disk.siblings:
                    top = sibling.to_hold(number)
                    if not {top.name, sibling.name} & self.below:
                        yield top.path

    def apart(self, mine: tuple[Run, ...], own: frozenset[str]) -> Iterator[str]:
        """What lies on the same units, but not on our blocks; what is not understood may be anywhere."""
        for block in self._neighbours(own):
            try:
                theirs = self._regions(block)
            except XcopyError:
                continue
            if not any_meet(mine, theirs):
                yield block.name

    def _neighbours(self, own: frozenset[str]) -> list[Block]:
        """Partitions of the units, and what is built on the units directly, besides the volume."""
        disks = [block for disk in self.disks for block in disk.blocks]
        found: dict[str, Block] = {}
        for disk in disks:
            for block in disk.walk():
                if block in disk.partitions and block.name not in self.below:
                    found[block.name] = block
                if block is disk or block in disk.partitions or block.name in self.below:
                    found |= {holder.name: holder for holder in block.holders if not holder.is_multipath}
        return [block for name, block in found.items() if name not in own | self.below]

    def _regions(self, block: Block) -> tuple[Run, ...]:
        """Where another device lies on the same units; looked up apart, so that nothing is noted of it."""
        here = self.tree.named(block.name)
        other = _Descent(self.tree, self.path, self.ioctl, disks=list(self.disks))
        if (here / "dm").is_dir():
            return other.mapping(here).whole
        below = other.below_of(here, 0)
        return tuple(below.regions(0, below.length))

    def _piece(self, here: Path, target: Target, depth: int) -> Stripes:
        dealt = striping(target)
        if dealt is None:
            raise self._refusal(here, target.kind)
        columns = tuple((self._column(here, number, depth), first) for number, first in dealt.columns)
        return Stripes(target.start, target.length, dealt.chunk, columns)

    def _column(self, here: Path, number: tuple[int, int], depth: int) -> Below:
        below = self.tree.at(*number)
        if below is None:
            raise AccessError(
                f"{self.path}: {self.tree.layer(here)} lies on a device that is gone: {number[0]}:{number[1]}"
            )
        return self.below_of(below, depth)

    def below_of(self, here: Path, depth: int) -> Below:
        """A disk, a partition, a multipath map as the unit it is, or another mapped device's pieces."""
        self.below.add(here.name)
        if not (here / "dm").is_dir():
            return self._ground(here, here)
        if text_of(here / "dm/uuid").startswith("mpath-"):
            self.below |= set(self.tree.names(here / "slaves"))
            return self._ground(here, best_path(self.tree, self.path, here), way=here.name)
        return self.mapping(here, depth + 1)

    def _ground(self, here: Path, disk: Path, way: str = "") -> Ground:
        """`here` is what is as large as it is used, `disk` where it lies: a path of the map `way`."""
        whole = whole_of(disk)
        self.below.add(whole.name)
        below = self.tree.path(whole.name)
        try:
            node = of_block(self.tree, below, disk)
        except UnsupportedError as error:
            raise UnsupportedError(f"{self.path} lies on {below}: {error}") from error
        unit = self._unit(replace(node, kind="disk", partition=None))
        number = node.partition.number if node.partition else None
        self.parts.setdefault(unit, set()).add(number)
        self.ways.setdefault(unit, set()).add(self.tree.path(way or whole.name))
        return Ground(unit, node.start or 0, number_of(here / "size") or 0)

    def _unit(self, disk: Node) -> int:
        """The number of a unit: two paths to one are the same."""
        for number, known in enumerate(self.disks):
            if _numbers(known) & _numbers(disk):
                return number
        self.disks.append(replace(disk, start=None, length=None))
        return len(self.disks) - 1

    def _refusal(self, here: Path, kind: str) -> UnsupportedError:
        does, way_out = TARGETS.get(kind, OTHER)
        layer = self.tree.layer(here)
        named = f"{self.path} is {layer}" if not self.below else f"{self.path} lies on {layer}"
        disks = ", ".join(self.tree.path(name) for name in self.tree.disks_below(here))
        return UnsupportedError(
            f"{named}: its {kind} target {does}, so blocks cannot be copied by their addresses on a disk; "
            f"{way_out}, or {BY_HOST}" + (f" (below it: {disks})" if disks else "")
        )


def _refuse_internal(tree: Tree, path: str, here: Path) -> None:
    """LVM marks volumes that it keeps for itself by a word behind the 64 characters of the identifier."""
    if internal := re.fullmatch(r"LVM-[^-]+-(\w+)", text_of(here / "dm/uuid")):
        raise UnsupportedError(
            f"{path} is {tree.layer(here)}, a part ({internal[1]}) of another volume, which LVM keeps for "
            "itself; name the volume that it is part of"
        )


def _number(here: Path) -> tuple[int, int]:
    major, _, minor = text_of(here / "dev").partition(":")
    return int(major or 0), int(minor or 0)


def _numbers(disk: Node) -> set[tuple[int, int]]:
    """Of all paths to a unit; a disk that is gone meanwhile has none, or it would be like any other."""
    return {(block.major, block.minor) for block in disk.blocks if block.major}

"""A SCSI disk as the kernel has it: its node, its sg node, its partitions, and the other paths to the unit.

"SG_IO works on it" proves nothing: on a partition it reaches the whole disk with the whole disk's addresses.
Does not know what a mapped device is made of (`layers`), nor who uses what (`claims`); sends no command.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from xcopy.device.paths import Way, way
from xcopy.device.tree import Block, Tree, number_of, text_of
from xcopy.errors import UnsupportedError, UsageError

BY_HOST: Final = "have the host copy it (--method host)"
Kind = Literal["disk", "partition", "sg"]

# Device types (SPC-4 6.6.2) that answer to block commands: direct access, optical memory, simplified, zoned.
DISK_TYPES: Final = frozenset({0x00, 0x07, 0x0E, 0x14})


@dataclass(frozen=True, slots=True)
class Node:
    """What a path stands for, as the kernel sees it when `resolve` runs.

    `start` and `length` are in units of 512 bytes whatever the block size, None for a whole disk.
    `disk` is None for an sg node without a block node (no sd driver on it).
    """

    path: str
    kind: Kind
    major: int  # of what was named
    minor: int
    disk: Block | None
    sg: str | None
    partition: Block | None = None
    start: int | None = None
    length: int | None = None
    siblings: tuple[Block, ...] = ()  # the other paths to the same unit
    ways: tuple[Way, ...] = ()  # all paths to it, this one first; none without a block node
    wwid: str | None = None
    vendor: str = ""
    model: str = ""

    @property
    def disks(self) -> tuple[Node]:
        """The one unit: as of a volume, which has several."""
        return (self,)

    @property
    def node(self) -> str | None:
        """Path of the whole disk's block node."""
        return self.disk.path if self.disk else None

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The block nodes of the whole disk by every path, its own first."""
        return (*((self.disk,) if self.disk else ()), *self.siblings)

    @property
    def read_only(self) -> bool:
        """True when the kernel takes the partition, or its disk, for read-only."""
        return any(block.read_only for block in (self.disk, self.partition) if block)

    @property
    def partitions(self) -> tuple[Block, ...]:
        """The partitions of the disk."""
        return self.disk.partitions if self.disk else ()

    @property
    def holders(self) -> tuple[Block, ...]:
        """All that is built on the disk and its partitions, at any depth."""
        if self.disk is None:
            return ()
        return tuple(b for b in self.disk.walk() if b is not self.disk and b not in self.disk.partitions)

    @property
    def tops(self) -> tuple[str, ...]:
        """The nodes to hold so that no path to the disk, or to the partition, is free: `claims.hold` each."""
        number = self.partition.number if self.partition else None
        return tuple(dict.fromkeys(block.to_hold(number).path for block in self.blocks))


def of_block(tree: Tree, path: str, here: Path, *, named: tuple[int, int] | None = None) -> Node:
    """The disk or partition of a directory of sysfs; `UnsupportedError` unless it is SCSI's.

    `named` is the number of a multipath map that was named, where the disk is a path of it.
    """
    _refuse_unless_scsi(tree, path, whole_of(here))
    return of_any_block(tree, path, here, named=named)


def of_any_block(tree: Tree, path: str, here: Path, *, named: tuple[int, int] | None = None) -> Node:
    """As `of_block`, for every kind: who only reads and writes them need not know what they are."""
    whole = whole_of(here)
    disk = tree.block(whole)
    partition = next((part for part in disk.partitions if part.name == here.name), None)
    major, _, minor = text_of(here / "dev").partition(":")
    numbers = named or (int(major or 0), int(minor or 0))
    return _node(tree, path, "disk" if partition is None else "partition", numbers, whole, disk, partition)


def whole_of(here: Path) -> Path:
    """The directory of the whole disk, for that of a partition or of the disk itself."""
    return here.parent if (here / "partition").exists() else here


def of_sg(tree: Tree, path: str, major: int, minor: int) -> Node:
    """The disk of an sg node, and the unit alone where no block driver took it."""
    here = (tree.root / f"dev/char/{major}:{minor}").resolve()
    subsystem = (here / "subsystem").resolve().name
    if subsystem != "scsi_generic":
        what = f"of the subsystem {subsystem}, " if (here / "subsystem").exists() else ""
        raise UsageError(f"{path} is a character device, {what}not a SCSI one; name a disk such as /dev/sdb")
    _refuse_other_types(path, here / "device")
    blocks = tree.names(here / "device/block")
    if not blocks:
        return _node(tree, path, "sg", (major, minor), here, None, None)
    whole = tree.named(blocks[0])
    return _node(tree, path, "sg", (major, minor), whole, tree.block(whole), None)


def _node(
    tree: Tree,
    path: str,
    kind: Kind,
    numbers: tuple[int, int],
    here: Path,
    disk: Block | None,
    partition: Block | None,
) -> Node:
    """Gather what sysfs says; `here` is the directory of the disk, or of an sg node without one."""
    generic = tree.names(here / "device/scsi_generic")
    siblings = tree.siblings(here)
    return Node(
        path=path,
        kind=kind,
        major=numbers[0],
        minor=numbers[1],
        disk=disk,
        sg=tree.path(generic[0]) if generic else None,
        partition=partition,
        start=partition.start if partition else None,
        length=partition.length if partition else None,
        siblings=siblings,
        ways=tuple(way(tree, each) for each in (disk, *siblings)) if disk else (),
        wwid=text_of(here / "device/wwid") or None,
        vendor=text_of(here / "device/vendor"),
        model=text_of(here / "device/model"),
    )


def _refuse_unless_scsi(tree: Tree, path: str, whole: Path) -> None:
    """Name what a block device is if it is not a SCSI disk, and what to name instead."""
    named = path if Path(path).name == whole.name else f"{path} ({whole.name})"
    if layer := tree.layer(whole):
        below = " or ".join(tree.path(name) for name in tree.disks_below(whole))
        raise UnsupportedError(
            f"{named} is {layer}, not a SCSI disk, and its block addresses are not a disk's; "
            f"name the disk below it, with the range of blocks on that disk{f' ({below})' * bool(below)}, "
            f"or {BY_HOST}"
        )
    bus = (whole / "device/subsystem").resolve().name
    if whole.name.startswith("loop"):
        what, way_out = "a loop device", "or its backing file"
    elif whole.name.startswith("nvme"):
        what, way_out = "an NVMe device", "`xcopy-dev list` lists them"
    elif bus == "virtio":
        what, way_out = "a virtio disk", "`xcopy-dev list` lists them"
    elif bus != "scsi":
        what, way_out = "a block device off the SCSI bus", "`xcopy-dev list` lists them"
    else:
        return _refuse_other_types(path, whole / "device")
    raise UnsupportedError(
        f"{named} is {what}, not a SCSI unit: it takes no SCSI commands; "
        f"name a SCSI disk such as /dev/sdb ({way_out}), or {BY_HOST}"
    )


def _refuse_other_types(path: str, device: Path) -> None:
    kind = number_of(device / "type")
    if kind is not None and kind not in DISK_TYPES:
        raise UnsupportedError(
            f"{path} is a SCSI unit of device type {kind:02X}h, not a disk; "
            "name a disk (`xcopy-dev list` lists them)"
        )

"""What a node is: its disk, its partitions, what sits on them, and the other paths to the same unit.

Belongs here: sysfs, which alone tells the truth about a node. "SG_IO works on it" proves nothing: on a
partition, or a logical volume of one segment, it reaches the whole disk with the whole disk's addresses.
Does not know who uses what (`claims`) and sends no command.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from xcopy.errors import AccessError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Kind = Literal["disk", "partition", "sg"]

# dm/uuid begins with the layer that made the map.
LAYERS: Final = {
    "LVM-": "an LVM logical volume",
    "mpath-": "a multipath map",
    "part": "a partition map (kpartx)",
    "CRYPT-": "an encrypted volume (dm-crypt)",
    "DMRAID-": "a BIOS RAID map",
    "stratis-": "a Stratis volume",
}
# Device types (SPC-4 6.6.2) that answer to block commands: direct access, optical memory, simplified, zoned.
DISK_TYPES: Final = frozenset({0x00, 0x07, 0x0E, 0x14})


@dataclass(frozen=True, slots=True)
class Block:
    """One block node, and all that is built on it: partitions of a disk, and holders (LVM, md, multipath)."""

    name: str  # of the kernel: "sdb1", "dm-0"
    path: str
    major: int
    minor: int
    number: int | None = None  # of a partition
    read_only: bool = False
    layer: str = ""  # what a holder is, in words: "an LVM logical volume vg-root"
    uuid: str = ""  # dm/uuid of a mapped device
    partitions: tuple[Block, ...] = ()
    holders: tuple[Block, ...] = ()

    def walk(self) -> Iterator[Block]:
        """This node, and everything above it, each once."""
        seen: set[str] = set()
        todo = [self]
        while todo:
            block = todo.pop(0)
            if block.name not in seen:
                seen.add(block.name)
                yield block
                todo += [*block.partitions, *block.holders]

    @property
    def is_multipath(self) -> bool:
        """True for a multipath map: the same unit by another name."""
        return self.uuid.startswith("mpath-")

    @property
    def maps_partition(self) -> int | None:
        """The partition's number if this is kpartx's map of one on a multipath map."""
        found = re.match(r"part(\d+)-mpath-", self.uuid)
        return int(found[1]) if found else None

    def to_hold(self, number: int | None = None) -> Block:
        """The node of this disk, or of its partition `number`, whose O_EXCL open keeps others out.

        Below a multipath map everything is busy by design: then the map, or kpartx's map of the partition.
        """
        top = next((holder for holder in self.holders if holder.is_multipath), None)
        if number is None:
            return top or self
        if top is None:
            return next((part for part in self.partitions if part.number == number), self)
        return next((part for part in top.holders if part.maps_partition == number), top)


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
    wwid: str | None = None
    vendor: str = ""
    model: str = ""

    @property
    def node(self) -> str | None:
        """Path of the whole disk's block node."""
        return self.disk.path if self.disk else None

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
        blocks = (*((self.disk,) if self.disk else ()), *self.siblings)
        number = self.partition.number if self.partition else None
        return tuple(dict.fromkeys(block.to_hold(number).path for block in blocks))


def resolve(
    path: str, *, sysfs: str = "/sys", dev: str = "/dev", status: Callable[[str], os.stat_result] = os.stat
) -> Node:
    """Find the disk behind a path, a /dev/disk link included.

    `UsageError` for what is no device; `UnsupportedError` for a device that is no SCSI disk, or a layer above
    one; `AccessError` when it cannot be looked at. `sysfs`, `dev` and `status` are for tests.
    """
    try:
        found = status(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise UsageError(
                f"{path}: no such file; `lsblk -S` lists the SCSI disks of this machine"
            ) from error
        raise AccessError(f"{path}: {error.strerror}; run as root, or make it accessible") from error
    tree = _Tree(Path(sysfs), dev)
    major, minor = os.major(found.st_rdev), os.minor(found.st_rdev)
    if stat.S_ISBLK(found.st_mode):
        return _of_block(tree, path, major, minor)
    if stat.S_ISCHR(found.st_mode):
        return _of_sg(tree, path, major, minor)
    what = "a directory" if stat.S_ISDIR(found.st_mode) else "a file, not a device"
    raise UsageError(f"{path} is {what}; name a SCSI disk such as /dev/sdb, or a partition of one")


def block(name: str, *, sysfs: str = "/sys", dev: str = "/dev") -> Block:
    """Any block node by its kernel name, SCSI or not, with all that is built on it."""
    tree = _Tree(Path(sysfs), dev)
    here = tree.root / "class/block" / name
    if not here.exists():
        raise UsageError(f"{name}: the kernel knows no block device of that name; `lsblk` lists them")
    return tree.block(here.resolve())


def links(node: Node) -> tuple[str, ...]:
    """The /dev/disk links of what was named, as udev knows them; empty without udev or pyudev."""
    try:
        import pyudev  # late: 30 ms, for messages only
    except ImportError:
        return ()
    kind = "char" if node.kind == "sg" else "block"
    number = os.makedev(node.major, node.minor)
    try:
        device = pyudev.Devices.from_device_number(pyudev.Context(), kind, number)
        return tuple(sorted(device.device_links))
    except (ImportError, pyudev.DeviceNotFoundError, OSError):  # no libudev, no such device, no /run/udev
        return ()


def _of_block(tree: _Tree, path: str, major: int, minor: int) -> Node:
    here = tree.root / f"dev/block/{major}:{minor}"
    if not here.exists():
        raise AccessError(f"{path}: the kernel knows no block device {major}:{minor}; the node is stale")
    here = here.resolve()
    number = _number(here / "partition")
    whole = here.parent if number is not None else here
    _refuse_unless_scsi(tree, path, whole)
    disk = tree.block(whole)
    partition = next((part for part in disk.partitions if part.name == here.name), None)
    return _node(
        tree, path, "disk" if partition is None else "partition", (major, minor), whole, disk, partition
    )


def _of_sg(tree: _Tree, path: str, major: int, minor: int) -> Node:
    here = (tree.root / f"dev/char/{major}:{minor}").resolve()
    subsystem = (here / "subsystem").resolve().name
    if subsystem != "scsi_generic":
        what = f"of the subsystem {subsystem}, " if (here / "subsystem").exists() else ""
        raise UsageError(f"{path} is a character device, {what}not a SCSI one; name a disk such as /dev/sdb")
    _refuse_other_types(path, here / "device")
    blocks = tree.names(here / "device/block")
    if not blocks:
        return _node(tree, path, "sg", (major, minor), here, None, None)
    whole = (tree.root / "class/block" / blocks[0]).resolve()
    return _node(tree, path, "sg", (major, minor), whole, tree.block(whole), None)


def _node(
    tree: _Tree,
    path: str,
    kind: Kind,
    numbers: tuple[int, int],
    here: Path,
    disk: Block | None,
    partition: Block | None,
) -> Node:
    """Gather what sysfs says; `here` is the directory of the disk, or of an sg node without one."""
    generic = tree.names(here / "device/scsi_generic")
    part = here / partition.name if partition else None
    return Node(
        path=path,
        kind=kind,
        major=numbers[0],
        minor=numbers[1],
        disk=disk,
        sg=tree.path(generic[0]) if generic else None,
        partition=partition,
        start=_number(part / "start") if part else None,
        length=_number(part / "size") if part else None,
        siblings=tree.siblings(here),
        wwid=_text(here / "device/wwid") or None,
        vendor=_text(here / "device/vendor"),
        model=_text(here / "device/model"),
    )


def _refuse_unless_scsi(tree: _Tree, path: str, whole: Path) -> None:
    """Name what a block device is if it is not a SCSI disk, and what to name instead."""
    named = path if Path(path).name == whole.name else f"{path} ({whole.name})"
    if layer := tree.layer(whole):
        below = " or ".join(tree.path(name) for name in tree.disks_below(whole))
        raise UnsupportedError(
            f"{named} is {layer}, not a SCSI disk, and its block addresses are not a disk's; "
            f"name the disk below it, with the range of blocks on that disk" + (f": {below}" if below else "")
        )
    bus = (whole / "device/subsystem").resolve().name
    if whole.name.startswith("loop"):
        what, way_out = "a loop device", "or copy its backing file by other means"
    elif whole.name.startswith("nvme"):
        what, way_out = "an NVMe device", "`lsblk -S` lists them"
    elif bus == "virtio":
        what, way_out = "a virtio disk", "`lsblk -S` lists them"
    elif bus != "scsi":
        what, way_out = "a block device off the SCSI bus", "`lsblk -S` lists them"
    else:
        return _refuse_other_types(path, whole / "device")
    raise UnsupportedError(
        f"{named} is {what}, not a SCSI unit: it takes no SCSI commands; "
        f"name a SCSI disk such as /dev/sdb ({way_out})"
    )


def _refuse_other_types(path: str, device: Path) -> None:
    kind = _number(device / "type")
    if kind is not None and kind not in DISK_TYPES:
        raise UnsupportedError(
            f"{path} is a SCSI unit of device type {kind:02X}h, not a disk; "
            "name a disk (`lsblk -S` lists them)"
        )


class _Tree:
    """sysfs at `root`, its nodes in `dev`."""

    def __init__(self, root: Path, dev: str) -> None:
        self.root = root
        self.dev = dev

    def path(self, name: str) -> str:
        """The node of a kernel name; `!` in it stands for `/`."""
        return f"{self.dev}/{name.replace('!', '/')}"

    def names(self, directory: Path) -> list[str]:
        """What a directory holds, sorted; nothing if it is not there."""
        try:
            return sorted(os.listdir(directory))
        except OSError:
            return []

    def block(self, here: Path) -> Block:
        """The node of a sysfs directory, with all that is built on it."""
        major, _, minor = _text(here / "dev").partition(":")
        # A device may vanish between listing and looking; 0:0 matches no mount and no swap.
        held = [(self.root / "class/block" / name).resolve() for name in self.names(here / "holders")]
        return Block(
            name=here.name,
            path=self.path(here.name),
            major=int(major or 0),
            minor=int(minor or 0),
            number=_number(here / "partition"),
            read_only=_text(here / "ro") == "1",
            layer=self.layer(here),
            uuid=_text(here / "dm/uuid"),
            partitions=tuple(
                sorted(
                    (
                        self.block(here / name)
                        for name in self.names(here)
                        if (here / name / "partition").exists()
                    ),
                    key=lambda part: part.number or 0,
                )
            ),
            holders=tuple(self.block(holder) for holder in held),
        )

    def layer(self, here: Path) -> str:
        """What a mapped device is, in words."""
        if (here / "md").is_dir():
            return f"an md array ({_text(here / 'md/level')})"
        if not (here / "dm").is_dir():
            return ""
        uuid, name = _text(here / "dm/uuid"), _text(here / "dm/name")
        what = next(
            (words for prefix, words in LAYERS.items() if uuid.startswith(prefix)), "a device-mapper device"
        )
        return f"{what}, {name}" if name else what

    def disks_below(self, here: Path) -> list[str]:
        """Names of the whole disks that a mapped device rests on."""
        found: list[str] = []
        for name in self.names(here / "slaves"):
            slave = (self.root / "class/block" / name).resolve()
            if below := self.disks_below(slave):
                found += below
            else:
                found.append(slave.parent.name if (slave / "partition").exists() else slave.name)
        return list(dict.fromkeys(found))

    def siblings(self, here: Path) -> tuple[Block, ...]:
        """The other disks that say they are the same unit, by `wwid` or by the whole of VPD page 83h.

        udev is no help: it makes one link for all paths that share an identity.
        """
        mine = _identity(here)
        own = (here / "device").resolve()
        return tuple(
            self.block(other)
            for name in self.names(self.root / "class/block")
            if (other := (self.root / "class/block" / name).resolve()) != here
            and not (other / "partition").exists()
            and (other / "device").exists()
            and (other / "device").resolve() != own
            and any(a and a == b for a, b in zip(mine, _identity(other), strict=True))
        )


def _identity(here: Path) -> tuple[bytes, bytes]:
    return _bytes(here / "device/wwid").strip(), _bytes(here / "device/vpd_pg83")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _text(path: Path) -> str:
    return _bytes(path).decode("utf-8", "replace").strip()


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None

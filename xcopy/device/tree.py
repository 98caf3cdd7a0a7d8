"""The block nodes of sysfs: disks, partitions, what is built on them, and who says to be the same unit.

Belongs here: reading sysfs, which alone tells the truth about a node. Does not know which node was named, nor
what to refuse.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cdb.errors import DecodeError
from cdb.vpd import DeviceIdentification
from xcopy.unit import EUI64, LOGICAL_UNIT, NAA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from cdb.vpd import Designator
    from xcopy.unit import LogicalUnit

KERNEL_S: Final = {NAA: "naa", EUI64: "eui"}  # how `wwid` begins (drivers/scsi/scsi_lib.c, scsi_vpd_lun_id)
UNIT_GROUP: Final = 6  # a designator (`vpd.DESIGNATOR_TYPES`) that all units of a group have

# dm/uuid begins with the layer that made the map.
LAYERS: Final = {
    "LVM-": "an LVM logical volume",
    "mpath-": "a multipath map",
    "part": "a partition map (kpartx)",
    "CRYPT-": "an encrypted volume (dm-crypt)",
    "DMRAID-": "a BIOS RAID map",
    "stratis-": "a Stratis volume",
}


MD: Final = "an md array"


@dataclass(frozen=True, slots=True)
class Block:
    """One block node, and all that is built on it: partitions of a disk, and holders (LVM, md, multipath)."""

    name: str  # of the kernel: "sdb1", "dm-0"
    path: str
    major: int
    minor: int
    number: int | None = None  # of a partition
    start: int = 0  # of a partition, in sectors of 512 bytes whatever the block size
    length: int = 0  # in the same
    read_only: bool = False
    layer: str = ""  # what a holder is, in words: "an LVM logical volume vg-root"
    uuid: str = ""  # dm/uuid of a mapped device
    partitions: tuple[Block, ...] = ()
    holders: tuple[Block, ...] = ()

    def walk(self, without: frozenset[str] = frozenset()) -> Iterator[Block]:
        """This node, and everything above it, each once, but nothing that has one of these names."""
        seen = set(without)
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
    def is_md(self) -> bool:
        """True for an md array."""
        return self.layer.startswith(MD)

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


class Tree:
    """sysfs at `root`, its nodes in `dev`: one look at a machine, which may have thousands of disks.

    No node is read twice, so what is found fits together; a later look is a tree of its own.
    """

    def __init__(self, root: Path, dev: str) -> None:
        self.root = root
        self.dev = dev
        self._blocks: dict[str, Block] = {}
        self._disks: dict[object, list[Path]] | None = None  # by what identifies their unit

    def at(self, major: int, minor: int) -> Path | None:
        """The directory of a block device, None if there is none of this number."""
        here = self.root / f"dev/block/{major}:{minor}"
        return here.resolve() if here.exists() else None

    def named(self, name: str) -> Path:
        """The directory of a block device by its kernel name."""
        return (self.root / "class/block" / name).resolve()

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
        if (known := self._blocks.get(here.name)) is None:
            known = self._blocks[here.name] = self._read(here)
        return known

    def _read(self, here: Path) -> Block:
        major, _, minor = text_of(here / "dev").partition(":")
        # A device may vanish between listing and looking; 0:0 matches no mount and no swap.
        held = [self.named(name) for name in self.names(here / "holders")]
        return Block(
            name=here.name,
            path=self.path(here.name),
            major=int(major or 0),
            minor=int(minor or 0),
            number=number_of(here / "partition"),
            start=number_of(here / "start") or 0,
            length=number_of(here / "size") or 0,
            read_only=text_of(here / "ro") == "1",
            layer=self.layer(here),
            uuid=text_of(here / "dm/uuid"),
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
            return f"{MD} ({text_of(here / 'md/level')})"
        if not (here / "dm").is_dir():
            return ""
        uuid, name = text_of(here / "dm/uuid"), text_of(here / "dm/name")
        what = next(
            (words for prefix, words in LAYERS.items() if uuid.startswith(prefix)), "a device-mapper device"
        )
        return f"{what}, {name}" if name else what

    def disks_below(self, here: Path) -> list[str]:
        """Names of the whole disks that a mapped device rests on."""
        found: list[str] = []
        for name in self.names(here / "slaves"):
            slave = self.named(name)
            if below := self.disks_below(slave):
                found += below
            else:
                found.append(slave.parent.name if (slave / "partition").exists() else slave.name)
        return list(dict.fromkeys(found))

    def siblings(self, here: Path) -> tuple[Block, ...]:
        """The other disks that say they are the same unit: by `wwid`, or by all designators of VPD page 83h.

        udev is no help: it makes one link for all paths that share an identity.
        """
        if self._disks is None:
            self._disks = self._identified()
        own = (here / "device").resolve()
        found = {
            other.name: other
            for mark in identity(here)
            for other in self._disks.get(mark, ())
            if other != here and (other / "device").resolve() != own
        }
        return tuple(self.block(found[name]) for name in sorted(found))

    def _identified(self) -> dict[object, list[Path]]:
        """Every disk that says which unit it is."""
        found: dict[object, list[Path]] = {}
        for name in self.names(self.root / "class/block"):
            here = self.named(name)
            if (here / "device").exists() and not (here / "partition").exists():
                for mark in identity(here):
                    found.setdefault(mark, []).append(here)
        return found


def identity(here: Path) -> set[object]:
    """What identifies the unit of a disk; nothing where its words would fit any disk."""
    wwid = text_of(here / "device/wwid") or text_of(here / "wwid")  # SCSI's, and NVMe's
    page = bytes_of(here / "device/vpd_pg83")
    found: set[object] = {wwid} if wwid.split(".", 1)[-1].strip("0 ") else set()
    try:
        designators = DeviceIdentification.unpack_from(page).designators if page else ()
    except DecodeError:
        designators = ()
    names = names_in(designators)
    return found | ({names} if names else set())


def names_in(designators: Iterable[Designator]) -> frozenset[tuple[int, bytes]]:
    """What of these names a unit, and no group of units."""
    return frozenset(
        (each.designator_type, each.value)
        for each in designators
        if each.association == LOGICAL_UNIT
        and each.designator_type != UNIT_GROUP
        and each.value.strip(b"\0 ")
    )


def says_to_be(here: Path, unit: LogicalUnit) -> bool:
    """True where the kernel knew a disk, which may be offline now, by all the names that a unit gives."""
    names, known = names_in(unit.designators), identity(here)
    words = {f"{KERNEL_S[kind]}.{value.hex()}" for kind, value in names if kind in KERNEL_S}
    return names in known if any(isinstance(each, frozenset) for each in known) else bool(words & known)


def bytes_of(path: Path) -> bytes:
    """What a file of sysfs holds; nothing where it is not there, or its device is gone."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def text_of(path: Path) -> str:
    return bytes_of(path).decode("utf-8", "replace").strip()


def number_of(path: Path) -> int | None:
    text = text_of(path)
    return int(text) if text.isascii() and text.isdigit() else None

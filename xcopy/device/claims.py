"""Who uses a unit, by whichever path, and the claim of our own that keeps others out.

Belongs here: mounts, swap, holders, read-only, and the O_EXCL open. Does not know whether a claim matters:
a caller refuses a destination, lets a source pass, or obeys `--force`.

The list explains; the O_EXCL open decides. It alone sees other mount namespaces, kernel targets and
exclusive openers, and it alone does not see a claim on another path, so every path is held (`Node.tops`).
"""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xcopy.errors import AccessError, UnsafeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from xcopy.device.disk import Node
    from xcopy.device.topology import Found
    from xcopy.device.tree import Block

FORBIDDEN = (errno.EACCES, errno.EPERM)


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of a device: which, what kind, and by whom (mount point, holder)."""

    kind: Literal["mounted", "swap", "holder", "open elsewhere", "read-only"]
    device: str
    by: str = ""
    other_path: bool = False  # the device is another path to the unit that was asked about

    def __str__(self) -> str:
        sentence = {
            "mounted": f"{self.device} is mounted on {self.by}",
            "swap": f"{self.device} is in use as swap",
            "holder": f"{self.device} is held by {self.by}",
            "open elsewhere": f"{self.device} is open elsewhere" + (f" ({self.by})" if self.by else ""),
            "read-only": f"{self.device} is read-only",
        }[self.kind]
        return sentence + (" (another path to the same unit)" if self.other_path else "")


def claims(
    node: Found, *, partition: str | None = None, proc: str = "/proc", sysfs: str = "/sys"
) -> tuple[Claim, ...]:
    """Every use of the blocks that the kernel lists, by any path: their partitions and what is built on them.

    When a partition was resolved, or `partition` is the path of one, uses of the other partitions do not
    count and uses of the whole disk do; of a volume, uses of what shares no block with it do not. A multipath
    map is no claim by itself, being the same unit by another name, nor is what a volume lies on; what sits on
    it counts.
    """
    others = _others(node, partition)
    mounts = _mounts(Path(proc) / "self/mountinfo")
    swaps = _swaps(Path(proc) / "swaps")
    pools = _btrfs(Path(sysfs) / "fs/btrfs")
    loops = _loops(Path(sysfs) / "class/block")
    found: list[Claim] = []
    seen: set[str] = set()
    for disk, other in ((disk, disk is not each.disk) for each in node.disks for disk in _paths(each)):
        for block in _in_scope(disk, others, seen):
            at = [Claim("mounted", block.path, mount.point, other) for mount in mounts if mount.is_of(block)]
            if block.name in pools and not at:
                at = [Claim("mounted", block.path, f"a btrfs pool ({pools[block.name]})", other)]
            found += at
            if block.name in swaps:
                found.append(Claim("swap", block.path, "", other))
            for holder in block.holders:
                if not others.excuse(holder):
                    by = f"{holder.path} ({holder.layer})" if holder.layer else holder.path
                    found.append(Claim("holder", block.path, by, other))
            if block.name in loops:
                found.append(Claim("holder", block.path, f"{loops[block.name]} (a loop device)", other))
            if block.read_only and (block is disk or block in disk.partitions or block.name in others.own):
                found.append(Claim("read-only", block.path, "", other))
    return tuple(dict.fromkeys(found))


class Held:
    """An exclusive open of a block node until `close`; mkfs, mount and pvcreate on it fail meanwhile."""

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self.fd = fd

    def __enter__(self) -> Held:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the node; a second call does nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def hold(path: str) -> Held:
    """Claim a block node as mount does: `UnsafeError` when the kernel reports it in use.

    Never a /dev/sgN: O_EXCL there ignores mounts and holders, so it is refused with `UsageError`.
    """
    try:
        if not stat.S_ISBLK(os.stat(path).st_mode):
            raise UsageError(
                f"{path} is not a block node, so it cannot be held; name the disk, such as /dev/sdb"
            )
        return Held(path, os.open(path, os.O_RDWR | os.O_EXCL))
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise UnsafeError(
                f"{path}: the kernel reports it in use (mounted, held by a device or opened exclusively, "
                f"maybe in a container); `lsblk {path}` and `fuser -v {path}` may tell by whom; stop it first"
            ) from error
        way_out = "; run as root, or have it writable for a group of yours" * (error.errno in FORBIDDEN)
        raise AccessError(f"{path} cannot be claimed: {error.strerror}{way_out}") from error


@dataclass(frozen=True, slots=True)
class _Mount:
    numbers: tuple[int, int]
    point: str
    device: str  # kernel name of the source, "" if it is no path

    def is_of(self, block: Block) -> bool:
        """By number; or by source, for btrfs mounts have a number of no device."""
        by_number = block.major != 0 and self.numbers == (block.major, block.minor)
        return by_number or self.device == Path(block.path).name


@dataclass(frozen=True, slots=True)
class _Others:
    """What has blocks of the same units, but none of those that were asked about."""

    number: int | None = None  # of the partition that was asked about
    apart: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()  # a volume, and what it lies on

    def has(self, block: Block) -> bool:
        """True for another partition, and for what lies elsewhere."""
        if block.name in self.apart:
            return True
        return self.number is not None and (block.number or block.maps_partition) not in (None, self.number)

    def excuse(self, holder: Block) -> bool:
        """True for a holder that is no use by itself."""
        maps_a_partition = self.number is not None and holder.maps_partition is not None
        return holder.is_multipath or maps_a_partition or holder.name in self.own | self.apart


def _others(node: Found, partition: str | None) -> _Others:
    if node.kind == "volume":
        return _Others(apart=node.apart, own=node.below | {node.block.name})
    if partition is not None:
        return _Others(_number_of(node, partition))
    return _Others(node.partition.number if node.partition else None)


def _paths(disk: Node) -> tuple[Block, ...]:
    """The nodes of a unit; none where no block driver took it."""
    return (disk.disk, *disk.siblings) if disk.disk else ()


def _in_scope(disk: Block, others: _Others, seen: set[str]) -> Iterator[Block]:
    """Every node whose use is a use of the request."""
    todo = [disk]
    while todo:
        block = todo.pop(0)
        if block.name not in seen and not others.has(block):
            seen.add(block.name)
            yield block
            todo += [*block.partitions, *block.holders]


def _number_of(node: Node, partition: str) -> int:
    name = Path(os.path.realpath(partition)).name
    for part in node.partitions:
        if name == part.name and part.number is not None:
            return part.number
    raise UsageError(f"{partition} is not a partition of {node.node}")


def _mounts(path: Path) -> list[_Mount]:
    """`36 35 98:0 /root /mnt opts optional... - type source options` (proc_pid_mountinfo(5))."""
    found = []
    for line in _lines(path, may_miss=False):
        before, dash, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if not dash or len(fields) < 5 or len(rest) < 2:
            continue
        major, _, minor = fields[2].partition(":")
        source = _unescape(rest[1])
        device = Path(os.path.realpath(source)).name if source.startswith("/") else ""
        found.append(_Mount((int(major), int(minor)), _unescape(fields[4]), device))
    return found


def _swaps(path: Path) -> set[str]:
    """Kernel names of the block devices in use as swap; swap files belong to a mount already."""
    found = (_unescape(line.split()[0]) for line in _lines(path)[1:] if line.strip())
    return {Path(os.path.realpath(name)).name for name in found}


def _btrfs(path: Path) -> dict[str, str]:
    """Every device of every mounted btrfs, also those that mountinfo does not name, with the pool's UUID."""
    return {device.name: device.parent.parent.name for device in path.glob("*/devices/*")}


def _loops(path: Path) -> dict[str, str]:
    """Block devices that a loop device is laid over; it claims nothing, so only this shows it."""
    found = {}
    for backing in path.glob("loop*/loop/backing_file"):
        for name in _lines(backing):
            found[Path(os.path.realpath(name)).name] = f"/dev/{backing.parent.parent.name}"
    return {name: loop for name, loop in found.items() if name}


def _lines(path: Path, *, may_miss: bool = True) -> list[str]:
    """Lines end at newlines alone: a mount point may hold any other character that Python splits at."""
    try:
        return path.read_text(errors="surrogateescape").removesuffix("\n").split("\n")
    except OSError as error:
        if may_miss and error.errno == errno.ENOENT:  # no swap in this kernel, a loop device just freed
            return []
        raise AccessError(f"{path}: {error.strerror}; without it nobody can tell what is in use") from error


def _unescape(text: str) -> str:
    r"""Undo the kernel's octal: `\040` is a space."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)

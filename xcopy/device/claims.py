"""Who uses a unit, by whichever path, and the claim of our own that keeps others out.

Belongs here: mounts, swap, holders, writers, read-only, and the O_EXCL open. Does not know whether a claim
matters: a caller refuses a destination, lets a source pass, or obeys `--force` (`xcopy.claim`).

The list explains; the O_EXCL open decides. It alone sees other mount namespaces, kernel targets and
exclusive openers, and it alone does not see a claim on another path, so every path is held (`Node.tops`).
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xcopy.claim import Claim
from xcopy.device.mounts import lines, mounts, unescape
from xcopy.device.openers import writers
from xcopy.errors import AccessError, UnsafeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from xcopy.device.disk import Node
    from xcopy.device.mounts import Mount
    from xcopy.device.topology import Found
    from xcopy.device.tree import Block

LOOP_GET_STATUS64 = 0x4C05  # <linux/loop.h>; struct loop_info64 begins with what `_file_of` says
LOOP_INFO = 232  # bytes
FORBIDDEN = (errno.EACCES, errno.EPERM)


@dataclass(frozen=True, slots=True)
class Uses:
    """All uses of block devices that the kernel lists, by whatever device, at one moment."""

    mounts: list[Mount]
    writers: dict[tuple[int, int], tuple[str, ...]]
    swaps: set[str]
    pools: dict[str, str]
    loops: dict[str, str]


def uses(
    *, proc: str = "/proc", sysfs: str = "/sys", status: Callable[[str], os.stat_result] = os.stat
) -> Uses:
    """Read them; once for many units. `AccessError` where they cannot be read.

    `proc`, `sysfs` and `status` are for tests.
    """
    return Uses(
        mounts=mounts(proc),
        writers=writers(proc, status),
        swaps=_swaps(Path(proc) / "swaps"),
        pools=_btrfs(Path(sysfs) / "fs/btrfs"),
        loops=_loops(Path(sysfs) / "class/block"),
    )


def claims(
    node: Found,
    *,
    partition: str | None = None,
    known: Uses | None = None,
    proc: str = "/proc",
    sysfs: str = "/sys",
    status: Callable[[str], os.stat_result] = os.stat,
) -> tuple[Claim, ...]:
    """Every use of the blocks that the kernel lists, by any path: their partitions and what is built on them.

    When a partition was resolved, or `partition` is the path of one, uses of the other partitions do not
    count and uses of the whole disk do; of a volume, uses of what shares no block with it do not. A multipath
    map is no claim by itself, being the same unit by another name, nor is what a volume lies on; what sits on
    it counts. The uses are those of now, or `known` ones.
    """
    others = _others(node, partition)
    known = known or uses(proc=proc, sysfs=sysfs, status=status)
    pools, swaps, loops, writing = known.pools, known.swaps, known.loops, known.writers
    found: list[Claim] = []
    for block, disk, other in _used(node, others):
        at = [
            Claim("mounted", block.path, mount.point, other) for mount in known.mounts if mount.is_of(block)
        ]
        if block.name in pools and not at:
            at = [Claim("mounted", block.path, f"a btrfs pool ({pools[block.name]})", other)]
        found += at
        if block.name in swaps:
            found.append(Claim("swap", block.path, "", other))
        for holder in block.holders:
            if not others.excuse(holder):
                by = f"{holder.path} ({holder.layer})" if holder.layer else holder.path
                found.append(Claim(_kind_of(holder), block.path, by, other))
        if block.name in loops:
            found.append(Claim("holder", block.path, f"{loops[block.name]} (a loop device)", other))
        found += [Claim("open", block.path, by, other) for by in writing.get((block.major, block.minor), ())]
        named = block is disk or block in disk.partitions or block.is_multipath or block.name in others.own
        if block.read_only and named:
            found.append(Claim("read-only", block.path, "", other))
    return tuple(dict.fromkeys(found))


def mounts_on(node: Found, *, proc: str = "/proc", sysfs: str = "/sys") -> tuple[Mount, ...]:
    """Every mount that `claims` tells of, a btrfs of several devices by whichever of them it goes."""
    pools = _btrfs(Path(sysfs) / "fs/btrfs")
    found = mounts(proc)
    blocks = [block for block, _, _ in _used(node, _others(node, None))]
    mine = {pools[block.name] for block in blocks if block.name in pools}
    return tuple(
        mount
        for mount in found
        if any(mount.is_of(block) for block in blocks) or pools.get(mount.device) in mine
    )


def loops_of(identity: tuple[int, int], *, sysfs: str = "/sys") -> frozenset[str]:
    """The loop devices that have the bytes of a file, known by its device and inode; nothing shows them."""
    shown = (Path(sysfs) / "class/block").glob("loop*/loop/backing_file")
    return frozenset(f"/dev/{each.parent.parent.name}" for each in shown if _file_of(each)[:2] == identity)


def _file_of(shown: Path) -> tuple[int, ...]:
    """Device and inode of a loop device's file, and its number if it is a device; () where nobody can tell.

    The loop device is asked: a name may be gone, or be another file's in the mount namespace that it is of.
    """
    if shown.is_relative_to("/sys") and shown.exists():
        with suppress(OSError):  # not for everybody to open
            fd = os.open(f"/dev/{shown.parent.parent.name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.ioctl(fd, LOOP_GET_STATUS64, room := bytearray(LOOP_INFO), True)
            finally:
                os.close(fd)
            return struct.unpack_from("=QQQ", room)
    for name in lines(shown):
        with suppress(OSError, ValueError):
            there = os.stat(name)
            return there.st_dev, there.st_ino, there.st_rdev
    return ()


def below(number: int, *, sysfs: str = "/sys") -> frozenset[str]:
    """A block device by its number, the disk of a partition, and all that they are built on."""
    todo = [(Path(sysfs) / f"dev/block/{os.major(number)}:{os.minor(number)}").resolve()]
    found: set[str] = set()
    while todo:
        here = todo.pop()
        here = here.parent if (here / "partition").exists() else here
        if here.name not in found:
            found.add(here.name)
            todo += [(Path(sysfs) / "class/block" / each.name).resolve() for each in here.glob("slaves/*")]
    return frozenset(f"/dev/{name}" for name in found)


def files_below(number: int, *, sysfs: str = "/sys") -> dict[str, str]:
    """The files that a block device lies in, each with the loop device over it."""
    found = {}
    for device in sorted(below(number, sysfs=sysfs)):
        for name in lines(Path(sysfs) / "class/block" / Path(device).name / "loop/backing_file"):
            found[name] = device
    return found


def loops_over_devices(number: int, *, sysfs: str = "/sys") -> dict[str, str]:
    """The loop devices that a block device is or lies on, and that lie on a block device: which."""
    found = {}
    for device in sorted(below(number, sysfs=sysfs)):
        shown = Path(sysfs) / "class/block" / Path(device).name / "loop/backing_file"
        file, names = _file_of(shown), lines(shown)
        if any(file[2:]) or any(Path(name).is_block_device() for name in names):
            found[device] = names[0] if names else "another block device"
    return found


def system_below(loop: Path) -> int:
    """The number of the device that a loop device's file is on the file system of; 0 where that has none."""
    file = _file_of(loop / "loop/backing_file")
    return file[0] if file else 0


def loops_beside(number: int, *, sysfs: str = "/sys") -> frozenset[str]:
    """Other loop devices over the files that a block device lies in."""
    itself = below(number, sysfs=sysfs)
    found: set[str] = set()
    for device in itself:
        if file := _file_of(Path(sysfs) / "class/block" / Path(device).name / "loop/backing_file"):
            found |= loops_of((file[0], file[1]), sysfs=sysfs)
    return frozenset(found - itself)


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


def hold(path: str, *, writing: bool = True) -> Held:
    """Claim a block node as mount does: `UnsafeError` when the kernel reports it in use.

    Not for `writing`, closing it leaves no trace: udev looks anew at a disk that was open for writing, and
    meanwhile the nodes of its partitions may be gone.

    Never a /dev/sgN: O_EXCL there ignores mounts and holders, so it is refused with `UsageError`.
    """
    try:
        if not stat.S_ISBLK(os.stat(path).st_mode):
            raise UsageError(
                f"{path} is not a block node, so it cannot be held; name the disk, such as /dev/sdb"
            )
        return Held(path, os.open(path, (os.O_RDWR if writing else os.O_RDONLY) | os.O_EXCL))
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise UnsafeError(
                f"{path}: the kernel reports it in use (mounted, held by a device or opened exclusively, "
                f"maybe in a container); `lsblk {path}` and `fuser -v {path}` may tell by whom; stop it first"
            ) from error
        way_out = "; run as root, or have it writable for a group of yours" * (error.errno in FORBIDDEN)
        raise AccessError(f"{path} cannot be claimed: {error.strerror}{way_out}") from error


@dataclass(frozen=True, slots=True)
class _Others:
    """What has blocks of the same units, but none of those that were asked about."""

    number: int | None = None  # of the partition that was asked about
    apart: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()  # a volume, and what it lies on

    def has(self, block: Block, disk: Block) -> bool:
        """True for another partition of the disk, and for what lies elsewhere."""
        if block.name in self.apart:
            return True
        number = block.number if block in disk.partitions else block.maps_partition
        return self.number is not None and number not in (None, self.number)

    def excuse(self, holder: Block) -> bool:
        """True for a holder that is no use by itself."""
        maps_a_partition = self.number is not None and holder.maps_partition is not None
        return holder.is_multipath or maps_a_partition or holder.name in self.own | self.apart


def _kind_of(holder: Block) -> str:
    if holder.uuid.startswith("LVM-"):
        return "lvm"
    return "md" if holder.is_md else "holder"


def _others(node: Found, partition: str | None) -> _Others:
    if node.kind == "volume":
        return _Others(apart=node.apart, own=node.below | {node.block.name})
    if partition is not None:
        return _Others(_number_of(node, partition))
    return _Others(node.partition.number if node.partition else None)


def _used(node: Found, others: _Others) -> Iterator[tuple[Block, Block, bool]]:
    """Every node whose use is a use of the request, its disk, and whether that is another path."""
    seen: set[str] = set()
    for each in node.disks:
        for disk in each.blocks:
            for block in _in_scope(disk, others, seen):
                yield block, disk, disk is not each.disk


def _in_scope(disk: Block, others: _Others, seen: set[str]) -> Iterator[Block]:
    """Every node whose use is a use of the request."""
    todo = [disk]
    while todo:
        block = todo.pop(0)
        if block.name not in seen and not others.has(block, disk):
            seen.add(block.name)
            yield block
            todo += [*block.partitions, *block.holders]


def _number_of(node: Node, partition: str) -> int:
    name = Path(os.path.realpath(partition)).name
    for part in node.partitions:
        if name == part.name and part.number is not None:
            return part.number
    raise UsageError(f"{partition} is not a partition of {node.node}")


def _swaps(path: Path) -> set[str]:
    """Kernel names of the block devices in use as swap; swap files belong to a mount already."""
    found = (unescape(line.split()[0]) for line in lines(path)[1:] if line.strip())
    return {Path(os.path.realpath(name)).name for name in found}


def _btrfs(path: Path) -> dict[str, str]:
    """Every device of every mounted btrfs, also those that mountinfo does not name, with the pool's UUID."""
    return {device.name: device.parent.parent.name for device in path.glob("*/devices/*")}


def _loops(path: Path) -> dict[str, str]:
    """Block devices that a loop device is laid over; it claims nothing, so only this shows it."""
    found = {}
    for backing in path.glob("loop*/loop/backing_file"):
        names = lines(backing)
        if (file := _file_of(backing)) and file[2]:
            names.append(str(path.parent.parent / f"dev/block/{os.major(file[2])}:{os.minor(file[2])}"))
        for name in names:
            found[Path(os.path.realpath(name)).name] = f"/dev/{backing.parent.parent.name}"
    return {name: loop for name, loop in found.items() if name}

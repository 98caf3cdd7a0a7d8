"""What a path stands for: a disk, a partition, an sg node, a multipath map, a volume made of pieces of disks.

Here a path becomes a device of the kernel's; what that is, `disk` and `layers` find out. Sends no command.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from xcopy.device import disk, layers
from xcopy.device.tree import Block, Tree, number_of
from xcopy.errors import AccessError, UnsafeError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.device.disk import Node
    from xcopy.device.layers import Volume

Found: TypeAlias = "Node | Volume"


def resolve(
    path: str,
    *,
    sysfs: str = "/sys",
    dev: str = "/dev",
    status: Callable[[str], os.stat_result] = os.stat,
    ioctl: Callable[[bytearray], None] | None = None,
) -> Found:
    """Find the disk or disks behind a path, a /dev/disk link included.

    `UsageError` for what is no device; `UnsupportedError` for a device that is no SCSI disk and not made of
    pieces of such; `UnsafeError` for one whose pieces are being moved, and where a unit's own name leads to
    another device; `AccessError` when it cannot be looked at. `sysfs`, `dev`, `status` and `ioctl` (of
    `dm_table.table`) are for tests.
    """
    try:
        found = status(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise UsageError(
                f"{path}: no such file; `xcopy-dev list` lists the SCSI disks of this machine"
            ) from error
        raise AccessError(f"{path}: {error.strerror}; run as root, or make it accessible") from error
    tree = Tree(Path(sysfs), dev)
    major, minor = os.major(found.st_rdev), os.minor(found.st_rdev)
    if stat.S_ISBLK(found.st_mode):
        here = tree.at(major, minor)
        if here is None:
            raise AccessError(f"{path}: the kernel knows no block device {major}:{minor}; the node is stale")
        if (here / "dm").is_dir():
            return _by_its_name(layers.mapped(tree, path, here, ioctl=ioctl), status)
        return _by_its_name(disk.of_block(tree, path, here), status)
    if stat.S_ISCHR(found.st_mode):
        return _by_its_name(disk.of_sg(tree, path, major, minor), status)
    what = "a directory" if stat.S_ISDIR(found.st_mode) else "a file, not a device"
    raise UsageError(f"{path} is {what}; name a SCSI disk such as /dev/sdb, or a partition of one")


def _by_its_name(found: Found, status: Callable[[str], os.stat_result]) -> Found:
    """`UnsafeError` where a kernel's name, by which a unit is opened, leads to another device in /dev."""
    blocks = [block for each in found.disks for block in each.blocks]
    if found.kind == "volume":
        blocks.append(found.block)
    elif found.partition is not None:
        blocks.append(found.partition)
    numbers = {block.path: (block.major, block.minor) for block in blocks if block.major}
    if found.kind == "sg" and found.sg is not None:
        numbers[found.sg] = found.major, found.minor
    for path, number in numbers.items():
        try:
            there = status(path).st_rdev
        except OSError:  # whoever opens it says so
            continue
        if (os.major(there), os.minor(there)) != number:
            raise UnsafeError(
                f"{found.path} is, or lies on, {number[0]}:{number[1]}, which the kernel calls {path}; but "
                f"{path} is {os.major(there)}:{os.minor(there)} here, another device; give a container "
                "its devices by their own names"
            )
    return found


def of_host(path: str, *, sysfs: str = "/sys", dev: str = "/dev") -> tuple[Found, bool]:
    """A block device that a host reads and writes: as `resolve` where SCSI commands reach it, else as it is.

    With it whether they do.

    Raises as `resolve`, but no `UnsupportedError`.
    """
    try:
        return resolve(path, sysfs=sysfs, dev=dev), True
    except UnsupportedError:
        tree, number = Tree(Path(sysfs), dev), os.stat(path).st_rdev
        here = tree.at(os.major(number), os.minor(number))
        if here is None:
            raise
        return _by_its_name(disk.of_any_block(tree, path, here), os.stat), False


def is_unit(path: str, *, sysfs: str = "/sys", dev: str = "/dev") -> bool:
    """Whether SCSI commands reach the blocks of a device; raises as `resolve`, but no `UnsupportedError`."""
    try:
        resolve(path, sysfs=sysfs, dev=dev)
    except UnsupportedError:
        return False
    return True


def copies_at_most(number: int, *, sysfs: str = "/sys") -> int:
    """Bytes of a block device that the kernel has it copy at once; 0 for none, as of every Linux up to 6.18.

    `queue/copy_max_bytes` is of patches that have copy_file_range(2) copy between devices opened O_DIRECT
    (Nitesh Shetty, "Implement copy offload support", 2022 to 2024).
    """
    here = Tree(Path(sysfs), "/dev").at(os.major(number), os.minor(number))
    return 0 if here is None else number_of(disk.whole_of(here) / "queue/copy_max_bytes") or 0


def block(name: str, *, sysfs: str = "/sys", dev: str = "/dev") -> Block:
    """Any block node by its kernel name, SCSI or not, with all that is built on it."""
    tree = Tree(Path(sysfs), dev)
    here = tree.named(name)
    if not here.exists():
        raise UsageError(f"{name}: the kernel knows no block device of that name; `lsblk` lists them")
    return tree.block(here)


def links(node: Found) -> tuple[str, ...]:
    """The /dev/disk links of what was named, as udev knows them; empty without udev or pyudev."""
    return links_of(node.kind == "sg", node.major, node.minor)


def links_of(is_sg: bool, major: int, minor: int) -> tuple[str, ...]:
    """The same for a node by its number."""
    try:
        import pyudev  # late: 30 ms, for messages only
    except ImportError:
        return ()
    try:
        device = pyudev.Devices.from_device_number(
            pyudev.Context(), "char" if is_sg else "block", os.makedev(major, minor)
        )
        return tuple(sorted(device.device_links))
    except (ImportError, pyudev.DeviceNotFoundError, OSError):  # no libudev, no such device, no /run/udev
        return ()

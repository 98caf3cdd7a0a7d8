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
from xcopy.device.tree import Block, Tree
from xcopy.errors import AccessError, UnsafeError, UsageError

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
                f"{path}: no such file; `lsblk -S` lists the SCSI disks of this machine"
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
    blocks = [block for each in found.disks for block in (each.disk, *each.siblings) if block is not None]
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


def block(name: str, *, sysfs: str = "/sys", dev: str = "/dev") -> Block:
    """Any block node by its kernel name, SCSI or not, with all that is built on it."""
    tree = Tree(Path(sysfs), dev)
    here = tree.named(name)
    if not here.exists():
        raise UsageError(f"{name}: the kernel knows no block device of that name; `lsblk` lists them")
    return tree.block(here)


def links(node: Found) -> tuple[str, ...]:
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

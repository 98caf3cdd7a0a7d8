"""Which processes have a block device open for writing: /proc/PID/fd.

The kernel lists no other users of a device that is open and not claimed. One that is open for reading only
is not told of: udev, multipathd and monitors look at every disk now and then, and write to none.
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from xcopy.device.mounts import lines

if TYPE_CHECKING:
    from collections.abc import Callable

SERVED = (
    "nfs",
    "cifs",
    "smb",
    "fuse",
    "ceph",
    "9p",
    "afs",
    "lustre",
    "gpfs",
    "glusterfs",
    "orangefs",
    "autofs",
)


def writers(
    proc: str = "/proc", status: Callable[[str], os.stat_result] = os.stat
) -> dict[tuple[int, int], tuple[str, ...]]:
    """Other processes, as `qemu (process 17)`, by the number of the device; those that may be looked at.

    `status` is for tests.
    """
    found: dict[tuple[int, int], dict[str, None]] = defaultdict(dict)
    for process in Path(proc).glob("[0-9]*"):
        near = cache(partial(_near, process))
        if process.name == str(os.getpid()):
            continue
        try:
            descriptors = os.listdir(process / "fd")
        except OSError:  # gone, or another user's
            continue
        for number in descriptors:
            with suppress(OSError, ValueError, KeyError):
                if device := _device(process, number, status, near):
                    name = (process / "comm").read_text(errors="replace").strip()
                    found[device][f"{name} (process {process.name})"] = None
    return {device: tuple(names) for device, names in found.items()}


def _device(
    process: Path, number: str, status: Callable[[str], os.stat_result], near: Callable[[], frozenset[str]]
) -> tuple[int, int] | None:
    """The device that a descriptor writes to, wherever its node is."""
    at = f"{process}/fd/{number}"
    if not (name := os.readlink(at)).startswith("/"):
        return None
    told = dict(line.split(":", 1) for line in (process / "fdinfo" / number).read_text().splitlines())
    if int(told["flags"], 8) & os.O_ACCMODE == os.O_RDONLY:
        return None
    if not name.startswith("/dev/") and told["mnt_id"].strip() not in near():
        return None
    found = status(at)
    return (os.major(found.st_rdev), os.minor(found.st_rdev)) if stat.S_ISBLK(found.st_mode) else None


def _near(process: Path) -> frozenset[str]:
    """The mounts that a process sees and no server has, by number: a dead one would never answer."""
    parted = (line.partition(" - ") for line in lines(process / "mountinfo"))
    return frozenset(before.split(" ")[0] for before, _, after in parted if not after.startswith(SERVED))

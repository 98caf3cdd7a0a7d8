"""Which processes have a block device open for writing: /proc/PID/fd.

The kernel lists no other users of a device that is open and not claimed. One that is open for reading only
is not told of: udev, multipathd and monitors look at every disk now and then, and write to none.
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def writers(
    proc: str = "/proc", status: Callable[[str], os.stat_result] = os.stat
) -> dict[tuple[int, int], tuple[str, ...]]:
    """Other processes, as `qemu (process 17)`, by the number of the device; those that may be looked at.

    `status` is for tests.
    """
    found: dict[tuple[int, int], dict[str, None]] = defaultdict(dict)
    for process in Path(proc).glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            descriptors = os.listdir(process / "fd")
        except OSError:  # gone, or another user's
            continue
        for number in descriptors:
            with suppress(OSError, ValueError):
                if (device := _device(process, number, status)) and _writes(process, number):
                    name = (process / "comm").read_text(errors="replace").strip()
                    found[device][f"{name} (process {process.name})"] = None
    return {device: tuple(names) for device, names in found.items()}


def _device(process: Path, number: str, status: Callable[[str], os.stat_result]) -> tuple[int, int] | None:
    """The device behind a descriptor; files elsewhere are not touched, for a dead server may have them."""
    at = f"{process}/fd/{number}"
    if not os.readlink(at).startswith("/dev/"):
        return None
    found = status(at)
    return (os.major(found.st_rdev), os.minor(found.st_rdev)) if stat.S_ISBLK(found.st_mode) else None


def _writes(process: Path, number: str) -> bool:
    for line in (process / "fdinfo" / number).read_text().splitlines():
        key, _, value = line.partition(":")
        if key == "flags":
            return int(value, 8) & os.O_ACCMODE != os.O_RDONLY
    return False

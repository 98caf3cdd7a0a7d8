"""Where a file is and how it stands: its file system and that one's device, its times, where its bytes lie.

Belongs here: what the kernel is asked of one open file to copy it by its blocks. What of that may be copied,
and what tells that it changed, is `file_map`'s.
"""

from __future__ import annotations

import fcntl
import os
import signal
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xcopy.device.clock import MonotonicClock, file_time
from xcopy.device.fiemap import extents
from xcopy.device.mounts import mount_of, mounts
from xcopy.device.tree import Tree
from xcopy.errors import AccessError, UnsafeError, UnsupportedError
from xcopy.file_map import Look, file_map, refuse_attributes, refuse_elsewhere

if TYPE_CHECKING:
    from xcopy.device.mounts import Mount
    from xcopy.device.open_file import OpenFile

FS_IOC_GETFLAGS: Final = 0x80086601  # <linux/fs.h>; it writes an int, whatever its number says
FS_IOC_FSGETXATTR: Final = 0x801C581F  # <linux/fs.h>: struct fsxattr, 28 bytes, flags first
REAL_TIME: Final = 0x1
SECOND: Final = 10**9  # nanoseconds
TICK: Final = 10**7  # nanoseconds: no kernel's clock for files goes on by more at a time
TRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Place:
    """The mount that a file was found by, and the node of the device that its file system is on."""

    mount: Mount
    device: str


def mounted(file: OpenFile) -> Mount:
    """The mount that an open file is in; `AccessError` where this process does not see it."""
    number = mount_of(file.fd)
    found = next((mount for mount in mounts() if mount.number == number), None)
    if found is None:
        raise AccessError(
            f"{file.name}: where its file system is mounted is not seen here: run this outside the container"
        )
    return found


def place_of(file: OpenFile, *, frozen: bool) -> Place:
    """Where a file is, if its bytes can be copied from there; `frozen`: it will be, meanwhile.

    `UnsupportedError` where they may not be those that are read.
    """
    mount = mounted(file)
    refuse_elsewhere(file.name, mount.kind)
    try:
        attributes = _number(file.fd, FS_IOC_GETFLAGS, 8)
        real_time = mount.kind == "xfs" and bool(_number(file.fd, FS_IOC_FSGETXATTR, 28) & REAL_TIME)
    except OSError as error:
        raise UnsupportedError(
            f"{file.name}: its file system does not tell its attributes: {error.strerror}"
        ) from error
    tree = Tree(Path("/sys"), "/dev")
    here = tree.at(*mount.numbers)
    if here is None or os.makedev(*mount.numbers) != os.fstat(file.fd).st_dev:
        raise UnsupportedError(f"{file.name}: which device its file system ({mount.kind}) is on is not known")
    journaled = mount.journals_data or _journals_by_default(mount.kind, here.name)
    refuse_attributes(file.name, attributes, journaled=journaled, real_time=real_time, frozen=frozen)
    return Place(mount, tree.path(here.name))


def look(file: OpenFile, start: int, length: int, still: os.stat_result | None = None) -> Look:
    """How it stands now, all that was written to it before being on its device.

    Who changes it later changes its times, too, if it stood `still` before (`stand_still`).
    """
    try:
        found = still or os.fstat(file.fd)
        os.fdatasync(file.fd)
        lies = extents(file.fd, start, length, sync=True)
    except OSError as error:
        raise UnsupportedError(
            f"{file.name}: its file system does not tell where it lies (FIEMAP): {error.strerror}"
        ) from error
    mapped = file_map(file.name, lies, start, length)
    return Look(found.st_size, found.st_mtime_ns, found.st_ctime_ns, mapped)


def stand_still(file: OpenFile) -> os.stat_result:
    """How it stood when whatever changes it from there on gives it other times.

    That is a tick after its last change, or a second on old ext4, with nobody who could be at a write that
    has changed the times already. `UnsafeError` for a file that is changed all the time, or open for writing.
    """
    clock = MonotonicClock()
    for _ in range(TRIES):
        now = file_time()  # first: what is changed after it is not older
        found = os.fstat(file.fd)
        step = TICK if found.st_ctime_ns % SECOND else SECOND
        left = found.st_ctime_ns + step - now
        if not 0 < left <= 2 * step:  # newer kernels give finer times, ahead of that clock by a tick
            _refuse_writers(file)
            return found
        clock.sleep(left / SECOND)
    raise UnsafeError(f"{file.name} is written to all the time: --freeze keeps it still while it is copied")


def _refuse_writers(file: OpenFile) -> None:
    """A lease for reading is given to nobody while somebody may write, by a mapping as well (fcntl(2))."""
    try:
        fcntl.fcntl(file.fd, fcntl.F_SETSIG, signal.SIGURG)  # of one that is broken: SIGIO ends a process
        fcntl.fcntl(file.fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file.fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        raise UnsafeError(
            f"{file.name} is open for writing, and a write may be under way: close it there, or --freeze"
        ) from None
    except OSError:  # no leases here, or only for its owner
        pass


def _journals_by_default(kind: str, device: str) -> bool:
    """Whether that is the file system's own default, of which its mount says nothing."""
    if kind != "ext4":
        return False
    try:
        return "data=journal" in Path(f"/proc/fs/ext4/{device}/options").read_text().split()
    except OSError:  # a kernel that shows no such file
        return False


def _number(fd: int, request: int, room: int) -> int:
    """The first 32 bits of what an ioctl fills in."""
    found = bytearray(room)
    fcntl.ioctl(fd, request, found, True)
    return int(struct.unpack_from("=I", found)[0])

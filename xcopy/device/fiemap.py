"""FIEMAP: where a file system says that a file's bytes lie. Does not know what for."""

from __future__ import annotations

import fcntl
import struct
from typing import Final

from xcopy.extents import FileExtent

FS_IOC_FIEMAP: Final = 0xC020660B  # <linux/fs.h>
LAST: Final = 0x1
SYNC: Final = 0x1
AT_ONCE: Final = 256  # extents in one call
_HEAD: Final = struct.Struct("=QQIIII")  # start, length, flags, mapped, count, 0: <linux/fiemap.h>
_EXTENT: Final = struct.Struct("=QQQQQIIII")  # start, place, length, 0, 0, flags, 0, 0, 0


def extents(
    fd: int, start: int, length: int, *, sync: bool = False, most: int | None = None
) -> list[FileExtent]:
    """The extents that have bytes of a range, in order; `OSError` where the file system does not tell.

    With `sync`, what is still to be written gets its place first. With `most`, no more is asked once there
    are more than that.
    """
    found: list[FileExtent] = []
    at, end = start, start + length
    while at < end:
        room = bytearray(_HEAD.size + AT_ONCE * _EXTENT.size)
        _HEAD.pack_into(room, 0, at, end - at, SYNC if sync else 0, 0, AT_ONCE, 0)
        fcntl.ioctl(fd, FS_IOC_FIEMAP, room, True)
        mapped = _HEAD.unpack_from(room)[3]
        for index in range(min(mapped, AT_ONCE)):
            first, place, size, _, _, flags, *_ = _EXTENT.unpack_from(room, _HEAD.size + index * _EXTENT.size)
            found.append(FileExtent(first, place, size, flags))
        if not mapped or found[-1].flags & LAST or found[-1].end <= at:
            break
        if most is not None and len(found) > most:
            break
        at = found[-1].end
    return found

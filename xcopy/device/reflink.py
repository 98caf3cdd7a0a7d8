"""The calls that make a whole file share the blocks of another: FICLONE, and OCFS2's own, by names.

Does not know which of them a file system takes.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from typing import Final

FICLONE: Final = 0x40049409  # <linux/fs.h>; `fcntl` has it from Python 3.12 on
OCFS2_IOC_REFLINK: Final = 0x40186F04  # fs/ocfs2/ocfs2_fs.h: _IOW('o', 4, struct reflink_arguments)


def clone_whole(source: int, new: int) -> None:
    """All of the source into an open, empty file; `OSError` where it cannot be. The size is to be checked."""
    fcntl.ioctl(new, FICLONE, source)


def reflink_by_name(source: int, path: str, new: str) -> None:
    """Make the file `new` of the file at `path`, open as `source`, at once and whole, on OCFS2.

    The kernel takes addresses of both names; the new file gets the caller's own owner and mode.
    """
    names = [ctypes.create_string_buffer(os.fsencode(name)) for name in (path, new)]
    fcntl.ioctl(source, OCFS2_IOC_REFLINK, struct.pack("=QQQ", *map(ctypes.addressof, names), 0))

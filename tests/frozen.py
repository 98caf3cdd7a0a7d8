"""Whether a file system is frozen, asked of the kernel itself."""

from __future__ import annotations

import errno
import fcntl
import os

from xcopy.device.guardian import FIFREEZE, FITHAW


def ioctl(point: str, number: int) -> None:
    fd = os.open(point, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, number, 0)
    finally:
        os.close(fd)


def is_frozen(point: str) -> bool:
    """Freezing what is not frozen succeeds, and is undone at once."""
    try:
        ioctl(point, FIFREEZE)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return True
    ioctl(point, FITHAW)
    return False

"""BLKZEROOUT: a block device makes zeros of its blocks, by whatever its kernel and storage have for that."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from typing import Final

BLKZEROOUT: Final = 0x127F  # <linux/fs.h>: first byte, length


class ZeroingDevice:
    """A block node, open for writing until `close`; `OSError` where it cannot be, or has another number."""

    def __init__(self, path: str, number: int) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        if os.fstat(self._fd).st_rdev != number:
            self.close()
            raise OSError(errno.ENXIO, f"{path} is another device by now")

    def zero(self, start: int, length: int) -> None:
        """Have these bytes, whole blocks, read as zeros, by its page cache as well; `OSError` if not so."""
        fcntl.ioctl(self._fd, BLKZEROOUT, struct.pack("=QQ", start, length))

    def close(self) -> None:
        """Let go of it; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

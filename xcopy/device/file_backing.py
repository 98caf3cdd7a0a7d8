"""The blocks of an emulated unit in a sparse file: what is a hole there has no storage.

Knows no unit and no block size.
"""

from __future__ import annotations

import ctypes
import errno
import os
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEEP_SIZE, PUNCH_HOLE = 0x01, 0x02  # FALLOC_FL_ of linux/falloc.h
ZEROS = 1 << 20  # bytes written at once where no hole can be punched

_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


class FileBacking:
    """The blocks of one unit in a file that must keep its size; the file is closed with the last user.

    Storage is what the file system has allocated to it, in blocks of its own.
    """

    def __init__(self, path: Path, size: int, *, writable: bool) -> None:
        self.path = path
        self._size = size
        self._fd = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._fd)

    @property
    def size(self) -> int:
        """Bytes, as array.json says."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; a file that has become shorter is an `OSError`."""
        parts = []
        while length:
            part = os.pread(self._fd, length, offset)
            if not part:
                raise OSError(f"{self.path} ends at byte {offset}")
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return b"".join(parts)

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """All of `data`; a file that has become shorter is an `OSError` and is not made longer."""
        if os.fstat(self._fd).st_size < self._size:
            raise OSError(f"{self.path} has become shorter than {self._size} bytes")
        rest = memoryview(data).cast("B")
        while rest:
            written = os.pwrite(self._fd, rest, offset)
            offset += written
            rest = rest[written:]

    def flush(self) -> None:
        """fdatasync."""
        os.fdatasync(self._fd)

    def mapped(self, offset: int, length: int) -> Iterator[tuple[int, int]]:
        """The parts of those bytes that are not holes of the file."""
        end = offset + length
        while offset < end:
            try:
                first = os.lseek(self._fd, offset, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # nothing but a hole up to the end of the file
                    return
                raise
            if first >= end:
                return
            offset = min(os.lseek(self._fd, first, os.SEEK_HOLE), end)
            yield first, offset - first

    def unmap(self, offset: int, length: int) -> None:
        """Punch a hole; where the file system has none, write zeros instead."""
        if _fallocate(self._fd, PUNCH_HOLE | KEEP_SIZE, offset, length) == 0:
            return
        reason = ctypes.get_errno()
        if reason not in (errno.EOPNOTSUPP, errno.ENOSYS):
            raise OSError(reason, os.strerror(reason), str(self.path))
        for at in range(offset, offset + length, ZEROS):
            self.write(at, bytes(min(ZEROS, offset + length - at)))

"""Reads and writes of whole blocks by the host, past the page cache.

Belongs here: O_DIRECT, its alignment, short transfers, and what stands in where a file system refuses it.
Does not know what is being copied, nor SCSI.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import stat
from typing import TYPE_CHECKING

from xcopy.errors import AccessError, IoFailed, UnsafeError, UsageError

if TYPE_CHECKING:
    from types import TracebackType

HUGE_PAGE = 2 << 20  # bytes; of x86-64 and of most others


class BlockFile:
    """A block device or file, open for reading (and writing) in blocks of `block_size` bytes; one worker's.

    A descriptor instead of a path is opened anew, so its flags stay as they are. `exclusive` adds O_EXCL on a
    block device: `UnsafeError` when the kernel reports it in use. `direct` tells whether O_DIRECT is on:
    files on a file system without it go through the page cache, whose pages are dropped; a device never does.
    """

    def __init__(
        self, path_or_fd: str | int, block_size: int, *, writable: bool, exclusive: bool = False
    ) -> None:
        if block_size <= 0:
            raise ValueError(f"a block has 1 byte or more, not {block_size}")
        self.block_size = block_size
        self.path = path_or_fd if isinstance(path_or_fd, str) else os.readlink(f"/proc/self/fd/{path_or_fd}")
        at = path_or_fd if isinstance(path_or_fd, str) else f"/proc/self/fd/{path_or_fd}"
        self._buffer = _Aligned()
        self._staging = _Aligned()
        try:
            self._is_device = stat.S_ISBLK(os.stat(at).st_mode)
            flags = os.O_RDWR if writable else os.O_RDONLY
            if exclusive and self._is_device:
                flags |= os.O_EXCL
            self._fd, self.direct = self._open(at, flags)
        except OSError as error:
            raise self._cannot_open(error) from error

    def __enter__(self) -> BlockFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def size_blocks(self) -> int:
        """Whole blocks it holds now."""
        return os.lseek(self._fd, 0, os.SEEK_END) // self.block_size

    def read(self, lba: int, blocks: int) -> memoryview:
        """The blocks from `lba` on, page-aligned and writable, valid until the next read of this instance."""
        if blocks < 0:
            raise ValueError(f"{self.path}: {blocks} blocks cannot be read")
        view = self._buffer.view(blocks * self.block_size)
        if not self.direct:  # what the cache holds may be older than the device
            os.posix_fadvise(self._fd, lba * self.block_size, len(view), os.POSIX_FADV_DONTNEED)
        self._all("read", lba, view)
        return view

    def write(self, lba: int, data: memoryview) -> None:
        """Write whole blocks from `lba` on; aligned memory (another instance's) is not copied first."""
        view = memoryview(data).cast("B")
        if len(view) % self.block_size:
            raise ValueError(f"{self.path}: {len(view)} bytes are not whole blocks of {self.block_size}")
        if self.direct and not _is_aligned(view, min(self.block_size, mmap.PAGESIZE)):
            staged = self._staging.view(len(view))
            staged[:] = view
            view = staged
        self._all("write", lba, view)

    def flush(self) -> None:
        """Everything written is on the device; raises `IoFailed` where the device says it is not."""
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise IoFailed(
                f"{self.path}: flush failed: {_text(error)}; what was written may be lost"
            ) from error
        if not self.direct:
            os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        """Let go of it, flushing nothing; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self, at: str, flags: int) -> tuple[int, bool]:
        try:
            return os.open(at, flags | os.O_DIRECT), True
        except OSError as error:
            if error.errno != errno.EINVAL or self._is_device:
                raise
            return os.open(at, flags), False

    def _all(self, verb: str, lba: int, view: memoryview) -> None:
        """Transfer all of `view`, however many calls that takes."""
        start, done = lba * self.block_size, 0
        while done < len(view):
            rest = view[done:]
            try:
                if verb == "read":
                    moved = os.preadv(self._fd, [rest], start + done)
                else:
                    moved = os.pwritev(self._fd, [rest], start + done)
            except OSError as error:
                if error.errno == errno.EINVAL and self._give_up_direct():
                    continue
                raise IoFailed(self._failed(verb, lba, view, done, _text(error))) from error
            if moved == 0:
                raise IoFailed(self._failed(verb, lba, view, done, "it ends there"))
            done += moved

    def _give_up_direct(self) -> bool:
        """A file on a disk of larger blocks takes no O_DIRECT in ours; a device's blocks are ours."""
        if not self.direct or self._is_device:
            return False
        fcntl.fcntl(self._fd, fcntl.F_SETFL, fcntl.fcntl(self._fd, fcntl.F_GETFL) & ~os.O_DIRECT)
        self.direct = False
        return True

    def _failed(self, verb: str, lba: int, view: memoryview, done: int, why: str) -> str:
        blocks = len(view) // self.block_size
        return (
            f"{self.path}: {verb} of {blocks} blocks of {self.block_size} bytes from block {lba} failed "
            f"at block {lba + done // self.block_size}: {why}"
        )

    def _cannot_open(self, error: OSError) -> UsageError | UnsafeError | AccessError:
        match error.errno:
            case errno.ENOENT | errno.ENOTDIR | errno.EISDIR:
                return UsageError(f"{self.path}: {_text(error)}; name a block device or a file")
            case errno.EBUSY:
                return UnsafeError(f"{self.path} is in use, the kernel says; unmount it or stop its holder")
            case errno.EROFS:
                return AccessError(f"{self.path}: write-protected, so it can only be a source")
            case errno.EACCES | errno.EPERM:
                return AccessError(f"{self.path}: {_text(error)}; run as root, or make it accessible")
            case _:
                return AccessError(f"{self.path}: cannot be opened: {_text(error)}")


class _Aligned:
    """Page-aligned memory that grows on demand; what was handed out before stays intact, only unused.

    On huge pages where there are any: thousands of small ones cost a fault each when they are first used, and
    a look-up each in every transfer.
    """

    def __init__(self) -> None:
        self._room = memoryview(b"")

    def view(self, length: int) -> memoryview:
        if len(self._room) < length:
            self._room = _memory(-(-length // mmap.PAGESIZE) * mmap.PAGESIZE)
        return self._room[:length]


def _memory(size: int) -> memoryview:
    """Zeros that begin with a page, with a huge one where they fill one; the map's other ends stay unused."""
    if size < HUGE_PAGE:
        return memoryview(mmap.mmap(-1, size))
    area = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # a kernel without them
        area.madvise(mmap.MADV_HUGEPAGE)
    start = -ctypes.addressof(ctypes.c_char.from_buffer(area)) % HUGE_PAGE
    return memoryview(area)[start : start + size]


def _is_aligned(view: memoryview, boundary: int) -> bool:
    """Read-only memory has no address that Python tells, so it counts as unaligned."""
    if view.readonly or not len(view):
        return False
    return ctypes.addressof(ctypes.c_char.from_buffer(view)) % boundary == 0


def _text(error: OSError) -> str:
    return error.strerror or str(error)

"""The page caches in front of a unit: out of the way before and after commands that go around them.

Belongs here: which nodes have a cache (each node its own: the disk, every partition, every holder, on every
path) and how to empty it. Flushing one leaves the others as they are. Does not send SCSI commands.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from xcopy.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.device.topology import Found

BLKFLSBUF: Final = 0x1261  # <linux/fs.h>

# A node that is gone has no cache left: a partition table read anew, a volume deactivated meanwhile.
GONE: Final = frozenset({errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOMEDIUM})
FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM})
# A read-only node holds no dirty page, and a device without a cache of its own may refuse the flush.
NOTHING_TO_FLUSH: Final = frozenset({errno.EROFS, errno.EOPNOTSUPP})


def nodes(node: Found) -> tuple[str, ...]:
    """Every node with a cache of the blocks, holders first: what they write lands in those below.

    Of a volume's neighbours on the same units, which have other blocks, nothing is touched.
    """
    apart = node.apart if node.kind == "volume" else frozenset()
    disks = [disk for each in node.disks for disk in each.blocks]
    blocks = [block for disk in disks for block in disk.walk(apart)]
    return tuple(dict.fromkeys(block.path for block in reversed(blocks)))


def settle(node: Found, *, closed: bool = False) -> None:
    """Write every dirty page of a source to the device; `AccessError` where that cannot be known.

    What a mounted file system still holds in its files' pages is not among them: unmount it, or freeze it.
    Nodes that may not be opened are left out where they may be `closed`.
    """
    for path in nodes(node):
        _each(path, _fsync, closed=closed)


def drop(node: Found, lost: frozenset[str] = frozenset(), *, closed: bool = False) -> None:
    """Write the dirty pages of a destination and forget the clean ones, before a copy and after.

    `AccessError` where it fails, for a stale page would be read, or written back, later; nodes that may not
    be opened are left out where they may be `closed`. Without CAP_SYS_ADMIN pages in use stay. What is `lost`
    are nodes of paths that have failed: nothing can be written by them, and what they say to that is no news.
    """
    disks = [disk for each in node.disks for disk in each.blocks]
    lost |= {part.path for disk in disks if disk.path in lost for part in disk.partitions}
    for path in nodes(node):
        if path in lost:
            with suppress(AccessError):
                _each(path, _fsync)
            with suppress(AccessError):
                _each(path, _forget)
        else:
            _each(path, _fsync, _forget, closed=closed)


def _each(path: str, *actions: Callable[[int], None], closed: bool = False) -> None:
    try:
        # Not O_EXCL and not for writing: it works while the destination is held, and on a read-only one.
        fd = os.open(path, os.O_RDONLY)
    except OSError as error:
        if error.errno in GONE or (closed and error.errno in FORBIDDEN):
            return
        raise AccessError(
            f"{path}: its cache cannot be flushed: {error.strerror}; run as root, or make it readable"
        ) from error
    try:
        for action in actions:
            action(fd)
    except OSError as error:
        if error.errno not in GONE:
            raise AccessError(
                f"{path}: flushing its cache failed: {error.strerror}; "
                "what the host holds and what the device holds may differ"
            ) from error
    finally:
        os.close(fd)


def _fsync(fd: int) -> None:
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in NOTHING_TO_FLUSH:
            raise


def _forget(fd: int) -> None:
    """All clean pages; without CAP_SYS_ADMIN all that nobody uses."""
    try:
        fcntl.ioctl(fd, BLKFLSBUF, 0)  # fcntl's own retry after EINTR does no harm to this one
    except PermissionError:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)

"""A file opened for a copy: what it is, its size, block and file system, and how it is made durable.

Does not copy, and does not judge whether two of them go together.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from xcopy.device.fiemap import extents
from xcopy.device.topology import copies_at_most, is_unit, of_host
from xcopy.errors import AccessError, UnsafeError, UnsupportedError, UsageError
from xcopy.ladder import SHOWS_OTHERS, FileFacts

if TYPE_CHECKING:
    from typing import Self

    from xcopy.device.topology import Found

FIGETBSZ: Final = 2  # <linux/fs.h>: _IO(0x00, 2)
BLKSSZGET: Final = 0x1268  # <linux/fs.h>
FILE: Final = "file"
BLOCK_DEVICE: Final = "block device"
NOWHERE: Final = "/dev/"  # a file made here by a slip of the pen fills memory, and backs nothing up
MEMORY: Final = "/dev/shm/"
NO_FILE_SYSTEM: Final = -1
ROOM: Final = 256  # bytes, more than any struct statfs has; f_type is its first word
Path: TypeAlias = "str | os.PathLike[str] | int"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(slots=True)
class OpenFile:
    """An open file until `close`; `identity` is the same for all names of one file on one mount.

    And for all nodes of one block device.
    """

    fd: int
    facts: FileFacts
    identity: tuple[int, int]
    created: str = ""
    node: Found | None = None  # of a device
    number: int = 0  # of a device: st_rdev
    unit: bool = False  # a device that SCSI commands reach: a unit, a partition, or a volume on units

    @property
    def name(self) -> str:
        """How the user called it."""
        return self.facts.name

    @property
    def step(self) -> int:
        """What offsets and lengths are multiples of: a device's block, and 1 in a file."""
        return self.facts.block if self.facts.device else 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it; a second call does nothing."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            with suppress(OSError):  # it was heard of before
                os.close(fd)

    def is_same_as(self, other: OpenFile) -> bool:
        """Whether both are one file, by any names.

        Where a file system shows what lies elsewhere, one file can have two device numbers: a layer and its
        overlay, two mounts of one export. Files with one ctime, which nobody can set, are one if their inode
        numbers say so, or their blocks: an overlay shows the number that a file had before it was copied up.
        """
        if self.identity[0] == other.identity[0]:
            return self.identity == other.identity
        if SHOWS_OTHERS.isdisjoint({self.facts.system, other.facts.system}) or min(self.fd, other.fd) < 0:
            return False
        mine, theirs = os.fstat(self.fd), os.fstat(other.fd)
        if (mine.st_size, mine.st_mtime_ns, mine.st_ctime_ns) != (
            theirs.st_size,
            theirs.st_mtime_ns,
            theirs.st_ctime_ns,
        ):
            return False
        return mine.st_ino == theirs.st_ino or self._lies_where(other, mine.st_size)

    def _lies_where(self, other: OpenFile, size: int) -> bool:
        """Whether both begin with the same blocks; true as well where nobody tells."""
        try:
            mine, theirs = (extents(fd, 0, size, sync=True, most=1) for fd in (self.fd, other.fd))
        except OSError:
            return True
        return mine == theirs

    def has_bytes(self) -> bool:
        """Whether reading gives any, whatever its size is said to be; an error counts as some."""
        try:
            return bool(os.pread(self.fd, 1, 0))
        except OSError:
            return True

    def take_back(self, *, whatever: bool = False) -> None:
        """Remove it, if this made it and it is what its name says, and still empty, or `whatever` it has."""
        with suppress(OSError):
            if self.created and (whatever or os.fstat(self.fd).st_size == 0):
                there = os.stat(self.created, follow_symlinks=False)
                if (there.st_dev, there.st_ino) == self.identity:
                    os.unlink(self.created)

    def let_out(self) -> None:
        """Hear of what could not be written as far as a close tells: on NFS, all; `AccessError` for it."""
        try:
            os.close(os.dup(self.fd))
        except OSError as error:
            raise AccessError(
                f"{self.facts.name}: {error.strerror}: what was written to it may be lost; copy it again"
            ) from error

    def sync(self) -> None:
        """Have what was written survive a loss of power, a new name as well; `AccessError` if it may not."""
        try:
            os.fsync(self.fd)
            if self.created:
                folder = os.open(os.path.dirname(self.created) or ".", os.O_RDONLY | os.O_DIRECTORY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
        except OSError as error:
            raise AccessError(
                f"{self.facts.name}: {error.strerror}: what was written to it may be lost; copy it again"
            ) from error


def open_source(path: Path) -> OpenFile:
    """A regular file or block device to read; a descriptor is opened anew: its flags and position stay.

    A device is read past its page cache: what is held in that is to be written first (`caches.settle`).
    """
    name, at = _names(path)
    kind = _kind(name, at)
    if not kind:
        raise UsageError(f"{name}: no such file")
    if isinstance(path, int) and fcntl.fcntl(path, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY:
        raise UsageError(f"{name} is open for writing alone, so nothing can be copied from it")
    opened = _opened_device if kind == BLOCK_DEVICE else _opened
    return opened(name, at, os.O_RDONLY)


def open_destination(path: Path, like: OpenFile, *, make: bool = True) -> OpenFile:
    """A regular file to write, made with the permissions of `like` where there is none; never made shorter.

    Or a block device, written past its page cache: whether it is in use is to be found out before a byte is.
    Without `make`, one that is not there is as it would be: empty, on its directory's file system, not open;
    and no device is opened for writing: udev looks anew at one that was.
    """
    name, at = _names(path)
    kind = _kind(name, at)
    if isinstance(path, int) and not kind:
        raise UsageError(f"{name}: no such file")
    if isinstance(path, int) and fcntl.fcntl(path, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise UsageError(f"{name} is open for reading alone, so nothing can be copied to it")
    if kind == BLOCK_DEVICE and like.unit and is_unit(os.path.realpath(at)):
        raise UnsupportedError(f"{name} and {like.facts.name} are devices: copy them in blocks, as units")
    if kind == BLOCK_DEVICE:
        return _opened_device(name, at, os.O_WRONLY if make else os.O_RDONLY)
    if kind == FILE:
        _refuse_slip(name, at)
        return _opened(name, at, os.O_WRONLY)
    _refuse_new(name)
    if not make:
        with _opened(name, os.path.dirname(at) or ".", os.O_RDONLY | os.O_DIRECTORY) as folder:
            return OpenFile(
                -1, FileFacts(name, 0, folder.facts.block, folder.facts.system), (folder.identity[0], 0)
            )
    mode = stat.S_IMODE(os.fstat(like.fd).st_mode) & 0o777
    made = _opened(name, at, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    made.created = os.path.abspath(at)
    return made


def _refuse_new(name: str) -> None:
    """`UsageError` where no file is to be made."""
    if name.endswith("/"):
        raise UsageError(f"{name}: no such directory; name the file that is to be made")
    if real := _nowhere(os.path.dirname(name)):
        raise UsageError(f"{name}: no such device, and no file is made in {real}; `lsblk` lists the disks")
    tail = os.path.basename(name).rpartition(":")
    if tail[1] and (not tail[2] or tail[2].lstrip(" +-")[:1].isdigit()):
        raise UsageError(
            f"{name}: no such file, and {tail[2]!r} is no offset: write FILE:OFFSET, as in a.img:4KiB"
        )


def _refuse_slip(name: str, at: str) -> None:
    """`UsageError` for a file where only devices are: an earlier slip of the pen made it."""
    if real := _nowhere(os.path.dirname(os.path.realpath(at))):
        raise UsageError(
            f"{name} is a file in {real}, in memory, and no device; remove it, and look with `lsblk` where "
            "the device is"
        )


def _nowhere(folder: str) -> str:
    """The directory in full, if it is one of devices."""
    real = os.path.join(os.path.realpath(folder or "."), "")
    return real if real.startswith(NOWHERE) and not real.startswith(MEMORY) else ""


def _names(path: Path) -> tuple[str, str]:
    """How it is called, and where it is opened."""
    if isinstance(path, int):
        return f"file descriptor {path}", f"/proc/self/fd/{path}"
    name = os.fspath(path)
    return name, name


def _kind(name: str, at: str) -> str:
    """FILE, BLOCK_DEVICE, or "" for what is not there; all else is refused before an open that may wait."""
    try:
        mode = os.stat(at).st_mode
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise _cannot(name, error) from error
    if stat.S_ISREG(mode):
        return FILE
    if stat.S_ISBLK(mode):
        return BLOCK_DEVICE
    if stat.S_ISDIR(mode):
        raise UsageError(f"{name} is a directory: name a file in it")
    raise UsageError(f"{name} is neither a regular file nor a block device")


def _opened(name: str, at: str, flags: int, mode: int = 0) -> OpenFile:
    try:
        fd = os.open(at, flags | os.O_CLOEXEC, mode)
    except (OSError, ValueError) as error:
        raise _cannot(name, error) from error
    try:
        found = os.fstat(fd)
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise OSError(errno.EEXIST, "not the file any more that it was a moment ago")
        block = max(found.st_blksize, _file_system_block(fd))
        facts = FileFacts(name, found.st_size, block, _file_system(fd))
    except OSError as error:
        os.close(fd)
        raise _cannot(name, error) from error
    return OpenFile(fd, facts, (found.st_dev, found.st_ino))


def _opened_device(name: str, at: str, flags: int) -> OpenFile:
    node, unit = of_host(os.path.realpath(at))
    try:
        fd = os.open(at, flags | os.O_DIRECT | os.O_CLOEXEC)
    except OSError as error:
        raise _cannot(name, error) from error
    try:
        size = os.lseek(fd, 0, os.SEEK_END)
        block = _number(fd, BLKSSZGET)
        found = os.fstat(fd)
        if found.st_rdev != os.makedev(node.major, node.minor):
            raise OSError(errno.EEXIST, "not the device any more that it was a moment ago")
    except OSError as error:
        os.close(fd)
        raise _cannot(name, error) from error
    facts = FileFacts(name, size, block, device=True, copies=copies_at_most(found.st_rdev))
    identity = NO_FILE_SYSTEM, found.st_rdev  # nodes of one number are one device, wherever they are
    return OpenFile(fd, facts, identity, node=node, number=found.st_rdev, unit=unit)


def _number(fd: int, request: int) -> int:
    """What an ioctl that answers with an int says."""
    room = bytearray(4)
    fcntl.ioctl(fd, request, room, True)
    return int(struct.unpack("=i", room)[0])


def _file_system_block(fd: int) -> int:
    try:
        return max(1, _number(fd, FIGETBSZ))
    except OSError:  # a file system without blocks
        return 1


def _file_system(fd: int) -> int:
    """f_type of statfs(2), which Python's own does not tell; 0 where it cannot be asked."""
    room = ctypes.create_string_buffer(ROOM)
    if _libc.fstatfs(fd, room) != 0:
        return 0
    return ctypes.c_ulong.from_buffer(room).value & 0xFFFFFFFF


def _cannot(name: str, error: OSError | ValueError) -> UsageError | AccessError | UnsafeError:
    if isinstance(error, ValueError):
        return UsageError(f"{name!r} is no path: {error}")
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR | errno.EISDIR | errno.ENAMETOOLONG | errno.ELOOP | errno.EBADF:
            return UsageError(f"{name}: {error.strerror}")
        case errno.EEXIST:
            return UsageError(
                f"{name}: made by somebody else this moment, or a link to nowhere; look, and try again"
            )
        case errno.ETXTBSY:
            return UnsafeError(f"{name} is in use as a program or as swap: stop that first")
        case errno.EROFS:
            return UnsafeError(f"{name} is on a file system that is read-only")
        case _:
            return AccessError(f"{name}: {error.strerror}; run as root, or make it accessible")

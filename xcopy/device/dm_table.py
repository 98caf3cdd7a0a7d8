"""The table of a mapped device, as device-mapper gives it: its targets, from where to where, in what words.

Belongs here: the ioctl DM_TABLE_STATUS, its structures (<linux/dm-ioctl.h>), and the words of the two targets
that only move addresses, `linear` and `striped`. Does not know which device lies below, nor sysfs.
All lengths and addresses are in sectors of 512 bytes, on disks with larger blocks too.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cdb.errors import DecodeError
from xcopy.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL: Final = "/dev/mapper/control"
DM_TABLE_STATUS: Final = 0xC138FD0C  # _IOWR(0xfd, 12, struct dm_ioctl)
INTERFACE: Final = 4  # major version
STATUS_TABLE, SUSPENDED, ACTIVE = 0x10, 0x2, 0x20
NO_FLUSH, BUFFER_FULL = 0x800, 0x100
ALIGNED: Final = 8  # bytes: where a target begins
FIRST_ROOM, MOST_ROOM = 16 << 10, 64 << 20  # bytes for an answer
MOST_NUMBER: Final = 1 << 63  # sectors; what is more is no place on a disk

_HEAD = struct.Struct("=3IIIIiIIIQ128s129s7x")
_TARGET = struct.Struct("=QQiI16s")


@dataclass(frozen=True, slots=True)
class Target:
    """`length` sectors of a mapped device from sector `start`, made by a target of this kind."""

    start: int
    length: int
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Table:
    """The live table of a mapped device; its targets follow each other without gaps from sector 0."""

    uuid: str
    suspended: bool
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Striping:
    """Chunks of `chunk` sectors, dealt out in turn to columns: a device (major, minor) and a first sector.

    A linear target is one column and one chunk.
    """

    chunk: int
    columns: tuple[tuple[tuple[int, int], int], ...]


def table(major: int, minor: int, *, ioctl: Callable[[bytearray], None] | None = None) -> Table:
    """The live table of the mapped device of this number; `AccessError` where it cannot be had.

    `ioctl` carries out DM_TABLE_STATUS in a buffer, raising OSError; by default it asks the kernel.
    """
    who, room = f"device-mapper's {major}:{minor}", FIRST_ROOM
    while room <= MOST_ROOM:
        buffer = _question(major, minor, room)
        try:
            (ioctl or _control)(buffer)
        except OSError as error:
            raise _cannot(who, error) from error
        try:
            found = decode(bytes(buffer), major, minor)
        except DecodeError as error:
            raise AccessError(f"{who}: its table makes no sense: {error}") from error
        if found is not None:
            return found
        room *= 4
    raise AccessError(f"{who}: its table takes more than {MOST_ROOM} bytes; name the disks below it")


def decode(answer: bytes, major: int, minor: int) -> Table | None:
    """What the kernel put into the buffer, None where it was too small; `DecodeError` for any odd answer."""
    if len(answer) < _HEAD.size:
        raise DecodeError(f"{len(answer)} bytes are no answer")
    version, _, _, size, start, count, _, flags, _, _, device, _, uuid = _HEAD.unpack_from(answer)
    if version != INTERFACE:
        raise DecodeError(f"version {version} of the interface, not {INTERFACE}")
    if device != _encoded(major, minor):
        raise DecodeError(f"it is the table of another device ({device:X}h)")
    if flags & BUFFER_FULL:
        return None
    if not flags & ACTIVE:
        raise DecodeError("there is no live table")
    if not _HEAD.size <= start <= size <= len(answer):
        raise DecodeError(f"data from byte {start} to {size} in {len(answer)} bytes")
    targets: list[Target] = []
    at = sector = 0
    for _ in range(count):
        target, at = _target(answer[start:size], at)
        if target.start != sector or not 0 < target.length < MOST_NUMBER - sector:
            raise DecodeError(f"{target.length} sectors from sector {target.start}, behind sector {sector}")
        sector += target.length
        targets.append(target)
    if not targets:
        raise DecodeError("it has no target")
    return Table(_text(uuid), bool(flags & SUSPENDED), tuple(targets))


def striping(target: Target) -> Striping | None:
    """Where the blocks of a linear or striped target lie, None for any other; `DecodeError` for odd words."""
    words = target.words.split(" ")
    if target.kind == "linear":
        if len(words) != 2:
            raise DecodeError(f"`{target.words}` is no linear target")
        return Striping(target.length, (_column(words),))
    if target.kind != "striped":
        return None
    if len(words) < 4 or len(words) != 2 + 2 * _number(words[0]):
        raise DecodeError(f"`{target.words}` is no striped target")
    chunk = _number(words[1])
    columns = tuple(_column(words[at : at + 2]) for at in range(2, len(words), 2))
    if not chunk or target.length % (chunk * len(columns)):
        raise DecodeError(
            f"{target.length} sectors are no whole rows of {len(columns)} chunks of {chunk} sectors"
        )
    return Striping(chunk, columns)


def _question(major: int, minor: int, room: int) -> bytearray:
    """No flush: what a thin pool has to write is not waited for."""
    buffer = bytearray(room)
    flags, device = STATUS_TABLE | NO_FLUSH, _encoded(major, minor)
    _HEAD.pack_into(buffer, 0, INTERFACE, 0, 0, room, _HEAD.size, 0, 0, flags, 0, 0, device, b"", b"")
    return buffer


def _encoded(major: int, minor: int) -> int:
    """A device number as the kernel's huge_encode_dev has it."""
    return minor & 0xFF | major << 8 | (minor & ~0xFF) << 12


def _target(data: bytes, at: int) -> tuple[Target, int]:
    """The target at this byte, and where the next one is: both count from the start of the data."""
    if at + _TARGET.size > len(data):
        raise DecodeError(f"a target at byte {at} of {len(data)}")
    start, length, _, following, kind = _TARGET.unpack_from(data, at)
    if not at + _TARGET.size < following < len(data) + ALIGNED:  # the last one's points past the data
        raise DecodeError(f"a target at byte {at} of {len(data)}, with the next one at byte {following}")
    return Target(start, length, _text(kind), _text(data[at + _TARGET.size : following])), following


def _text(field: bytes) -> str:
    text, end, _ = field.partition(b"\0")
    if not end:
        raise DecodeError("a text that has no end")
    return text.decode("ascii", "backslashreplace").strip(" ")


def _column(words: list[str]) -> tuple[tuple[int, int], int]:
    major, colon, minor = words[0].partition(":")
    if not colon:
        raise DecodeError(f"`{words[0]}` is no device number")
    return (_number(major), _number(minor)), _number(words[1])


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 20) or int(word) >= MOST_NUMBER:
        raise DecodeError(f"`{word}` is no number")
    return int(word)


def _control(buffer: bytearray) -> None:
    fd = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, DM_TABLE_STATUS, buffer, True)
    finally:
        os.close(fd)


def _cannot(who: str, error: OSError) -> AccessError:
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return AccessError(f"{who}: only root may read its table ({CONTROL}: {error.strerror})")
        case errno.ENXIO:
            return AccessError(f"{who} is gone, or is not device-mapper's")
        case errno.ENOENT | errno.ENODEV:
            return AccessError(
                f"{who}: there is no {CONTROL} to read its table by; `modprobe dm_mod` makes it"
            )
        case _:
            return AccessError(f"{who}: its table cannot be read by {CONTROL}: {error.strerror}")

"""Where the blocks of a file lie on its device, as far as they may be copied from there behind its back.

Belongs here: which file systems and extents that holds for, what of a range is data at a place and what is
zeros, and whether a file stood still between two looks. Values and arithmetic: FIEMAP is asked elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from xcopy.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from xcopy.extents import FileExtent
    from xcopy.ranges import Written

UNWRITTEN: Final = 0x800
# <linux/fiemap.h>: the last one, several joined into one, blocks that other files have too
HARMLESS: Final = 0x1 | 0x1000 | 0x2000
NAMES: Final[Mapping[int, str]] = {
    0x2: "UNKNOWN, its place is not known",
    0x4: "DELALLOC, it has no place yet",
    0x8: "ENCODED, its blocks do not hold the file's bytes",
    0x80: "ENCRYPTED, its blocks do not hold the file's bytes",
    0x100: "NOT_ALIGNED, it begins inside a block",
    0x200: "INLINE, it is inside the file system's own records",
    0x400: "TAIL, it shares a block with other files",
}

PLACED: Final = frozenset(
    {"ext4", "ocfs2", "xfs"}
)  # their extents are bytes of the device they are mounted from
ELSEWHERE: Final[Mapping[str, str]] = {
    "btrfs": "its extents are addresses of its own, which it spreads over devices",
    "zfs": "it spreads blocks over a pool, compressed or not, and tells nobody where",
    "overlay": "its files lie in other file systems",
    "nfs": "its files lie on a server",
    "nfs4": "its files lie on a server",
    "cifs": "its files lie on a server",
    "smb3": "its files lie on a server",
    "tmpfs": "its files lie in memory",
    "ramfs": "its files lie in memory",
}
UNSURE: Final = "whether its extents are places on a device is not known here"

# <linux/fs.h>: attributes of a file whose blocks on the device are not what its readers get
COMPRESSED, ENCRYPTED, JOURNALED = 0x4, 0x800, 0x4000


class Piece(NamedTuple):
    """`length` bytes of a file from byte `start`, at byte `place` of its device."""

    start: int
    place: int
    length: int


@dataclass(frozen=True, slots=True)
class FileMap:
    """`length` bytes of a file from `start`: pieces in order that do not touch; what is between is zeros."""

    start: int
    length: int
    pieces: tuple[Piece, ...]

    @property
    def zeros(self) -> Iterator[tuple[int, int]]:
        """Holes, and what is allocated and was never written: first byte and length, in order."""
        at = self.start
        for piece in self.pieces:
            if piece.start > at:
                yield at, piece.start - at
            at = piece.start + piece.length
        if at < self.start + self.length:
            yield at, self.start + self.length - at

    @property
    def data(self) -> int:
        """Bytes that have a place."""
        return sum(piece.length for piece in self.pieces)

    def in_blocks(self, reads: int, writes: int, to: int) -> Iterator[tuple[int, Written]]:
        """Each piece with its number: LBA on its device, blocks, and LBA on a destination from `to` on.

        `reads` and `writes` are bytes in a block of either side; `UnsupportedError` for a part of one.
        """
        for number, (start, place, length) in enumerate(self.pieces, 1):
            ahead = start - self.start
            if place % reads or length % reads or length % writes or ahead % writes:
                raise UnsupportedError(
                    f"{length} bytes from byte {start} lie at byte {place} of its device: they are not "
                    f"whole blocks of {max(reads, writes)} bytes on both sides"
                )
            yield number, (place // reads, length // reads, to + ahead // writes)

    def zeros_in_blocks(self, writes: int, to: int) -> Iterator[tuple[int, int]]:
        """LBA and blocks of every run of zeros on a destination from `to` on; pieces being whole blocks."""
        for start, length in self.zeros:
            yield to + (start - self.start) // writes, length // writes


def file_map(name: str, extents: Iterable[FileExtent], start: int, length: int) -> FileMap:
    """The bytes from `start` on, by what FIEMAP said; `UnsupportedError` where they may lie elsewhere."""
    pieces: list[Piece] = []
    end, behind = start + length, 0
    for each in extents:
        if bad := each.flags & ~(HARMLESS | UNWRITTEN):
            flags = [NAMES.get(1 << bit, f"flagged {1 << bit:x}h") for bit in range(32) if bad & 1 << bit]
            raise UnsupportedError(
                f"{name}: its extent at byte {each.start} is {'; '.join(flags)}: what the storage would copy "
                "from there may not be what is read"
            )
        if each.start < behind:
            raise UnsupportedError(
                f"{name}: two of its extents have byte {each.start}: only one can be right"
            )
        behind = each.end
        first, last = max(each.start, start), min(each.end, end)
        if first < last and not each.flags & UNWRITTEN:
            _append(pieces, Piece(first, each.place + first - each.start, last - first))
    return FileMap(start, length, tuple(pieces))


def _append(pieces: list[Piece], new: Piece) -> None:
    """One that goes on where the last one ends, in the file and on the device, is a part of that."""
    if pieces:
        start, place, length = pieces[-1]
        if (start + length, place + length) == (new.start, new.place):
            pieces[-1] = Piece(start, place, length + new.length)
            return
    pieces.append(new)


def refuse_elsewhere(name: str, kind: str) -> None:
    """`UnsupportedError` unless a file system of this kind has the bytes of its files where FIEMAP says."""
    if kind not in PLACED:
        raise UnsupportedError(
            f"{name} is on {kind}: {ELSEWHERE.get(kind, UNSURE)}; only files of "
            f"{', '.join(sorted(PLACED))} are copied by their extents"
        )


def refuse_attributes(name: str, attributes: int, *, journaled: bool, real_time: bool, frozen: bool) -> None:
    """`UnsupportedError` for a file whose blocks hold something else than its bytes, or lie elsewhere.

    `attributes` are FS_IOC_GETFLAGS'; `journaled`: the file system writes data to its journal first, and to
    its place some time later, unless it is `frozen`.
    """
    if attributes & ENCRYPTED:
        raise UnsupportedError(f"{name} is encrypted: its blocks do not hold its bytes")
    if attributes & COMPRESSED:
        raise UnsupportedError(f"{name} is compressed: its blocks do not hold its bytes")
    if real_time:
        raise UnsupportedError(
            f"{name} is on the real-time device of its file system, not on the one mounted"
        )
    if (journaled or attributes & JOURNALED) and not frozen:
        raise UnsupportedError(
            f"{name}: its data goes to the journal first (data=journal), and its blocks may hold older data; "
            "--freeze has the file system write them"
        )


@dataclass(frozen=True, slots=True)
class Look:
    """What tells that a file was changed: its size, its times in nanoseconds, and where it lies."""

    size: int
    modified: int
    changed: int
    map: FileMap


def moved_on(before: Look, after: Look) -> str:
    """What is different, in words; "" for a file that stood still as far as its file system tells."""
    if before.size != after.size:
        return f"it had {before.size} bytes and has {after.size}"
    if before.map != after.map:
        return "its blocks are in other places"
    if (before.modified, before.changed) != (after.modified, after.changed):
        return "it was written to, or changed in other ways"
    return ""

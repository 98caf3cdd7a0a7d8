"""What the LUNs hold: written and read with O_DIRECT in large pieces, compared whole.

Belongs here: direct I/O on block nodes, and the ledger of what each unit must hold by now. Does not
know who copies, nor how. A test says what it changed; the check reads the whole unit and compares.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import TYPE_CHECKING

from tests.lio.luns import MIB

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.lio.luns import Lun

PIECE = 16 * MIB
LARGEST = 96 * MIB  # of the units that are held in memory, whole
GRAIN = 4096  # bytes; where fresh data starts in the pool
LIBC = ctypes.CDLL(None)
LIBC.memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


def memory(size: int) -> memoryview:
    """Page-aligned zeros, on huge pages where there are any: fewer faults under emulation."""
    area = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    area.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(area)


def read(path: str, offset: int, into: memoryview) -> None:
    """Fill page-aligned memory from a node at a byte offset, past every cache."""
    node = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        for start in range(0, len(into), PIECE):
            piece = into[start : start + PIECE]
            if os.preadv(node, [piece], offset + start) != len(piece):
                raise RuntimeError(f"{path}: short read at byte {offset + start}")
    finally:
        os.close(node)


def write(path: str, offset: int, data: memoryview) -> None:
    """Write page-aligned memory to a node at a byte offset, past every cache."""
    node = os.open(path, os.O_RDWR | os.O_DIRECT)
    try:
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            if os.pwritev(node, [piece], offset + start) != len(piece):
                raise RuntimeError(f"{path}: short write at byte {offset + start}")
    finally:
        os.close(node)


def bytes_at(path: str, offset: int, length: int) -> bytes:
    """A small piece of a node, read past every cache; offset and length in whole blocks."""
    piece = memory(length)
    read(path, offset, piece)
    return bytes(piece)


def equal(left: memoryview, right: memoryview, low: int, high: int) -> bool:
    """Whether two writable pieces of memory hold the same bytes from `low` up to `high`."""
    here, there = (ctypes.addressof(ctypes.c_char.from_buffer(side)) for side in (left, right))
    return not LIBC.memcmp(here + low, there + low, high - low)


def first_difference(left: memoryview, right: memoryview) -> int | None:
    """Byte at which two equally long pieces of memory first differ; None when they are equal."""
    low, high = 0, len(left)
    if equal(left, right, low, high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if not equal(left, right, low, middle) else (middle, high)
    return low


class Media:
    """The ledger: what each unit must hold, by its NAA, so that two paths share one entry.

    At the start every unit that can be written, and is small enough, is filled with random data.
    """

    def __init__(self, luns: Iterable[Lun]) -> None:
        units = [lun for lun in luns if lun.size <= LARGEST]
        self._known = {lun.naa: memory(lun.size) for lun in units}
        self._found = memory(LARGEST)
        self._pool = memory(3 * PIECE)
        self._turn = 0
        with open("/dev/urandom", "rb", buffering=0) as random:
            for start in range(0, len(self._pool), PIECE):
                random.readinto(self._pool[start : start + PIECE])
        for lun in units:
            if lun.writable:
                self.renew(lun, 0, lun.blocks)

    def holds(self, lun: Lun) -> memoryview:
        """All that a unit must hold now."""
        return self._known[lun.naa]

    def renew(self, lun: Lun, lba: int, blocks: int) -> None:
        """Write random data to a range of a unit, other data there than at any call before."""
        end = (lba + blocks) * lun.block_size
        for start in range(lba * lun.block_size, end, PIECE):
            self._turn = (self._turn + 997) % (2 * PIECE // GRAIN)
            fresh = self._pool[self._turn * GRAIN :][: min(PIECE, end - start)]
            self.holds(lun)[start : start + len(fresh)] = fresh
            write(lun.path, start, fresh)

    def wrote(self, lun: Lun, lba: int, data: bytes) -> None:
        """Note that someone wrote `data` at an LBA."""
        start = lba * lun.block_size
        self.holds(lun)[start : start + len(data)] = data

    def accept(self, lun: Lun) -> None:
        """Take what is on a unit now, caches apart, as what must be there."""
        read(lun.path, 0, self._known[lun.naa])

    def copied(self, source: Lun, lba: int, destination: Lun, to: int, length: int) -> None:
        """Note that `length` bytes of the source from `lba` are now at `to` of the destination."""
        here, there = lba * source.block_size, to * destination.block_size
        self.holds(destination)[there : there + length] = self.holds(source)[here : here + length]

    def wrong_byte(self, lun: Lun) -> int | None:
        """First byte of the whole unit that is not what it must be; None when all of it is right.

        What is found becomes what must be there: one failure does not fail the tests after it.
        """
        found = self._found[: lun.size]
        read(lun.path, 0, found)
        place = first_difference(found, self.holds(lun))
        if place is not None:
            self.holds(lun)[:] = found
        return place

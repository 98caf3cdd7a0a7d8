"""The kernel's side of a TCMU ring, played over shared memory.

Offsets here are those of linux/target_core_user.h as a C compiler lays it out, written down once more
by hand and in plain byte numbers: nothing is taken from the code under test.
"""

from __future__ import annotations

import mmap
import os
import struct

RING_AT, RING_SIZE = 128, 4096 - 128
DATA_AT, DATA_SIZE = 4096, 8 * 4096


def shared_memory() -> tuple[mmap.mmap, mmap.mmap]:
    """The same memory twice: for the kernel, and for us."""
    fd = os.memfd_create("ring")
    os.ftruncate(fd, DATA_AT + DATA_SIZE)
    theirs, ours = mmap.mmap(fd, 0), mmap.mmap(fd, 0)
    os.close(fd)
    return theirs, ours


class Kernel:
    """What target_core_user does: puts entries in, and takes answers out in the order of the ring."""

    def __init__(self, memory: mmap.mmap) -> None:
        self.memory = memory
        struct.pack_into("<HHII", memory, 0, 2, 0xF, RING_AT, RING_SIZE)
        self.cleaned = 0

    @property
    def head(self) -> int:
        return self._u32(12)

    @property
    def tail(self) -> int:
        return self._u32(64)

    def _u32(self, at: int) -> int:
        return int.from_bytes(self.memory[at : at + 4], "little")

    def _advance(self, length: int) -> None:
        head = (self.head + length) % RING_SIZE
        self.memory[12:16] = head.to_bytes(4, "little")

    def room(self) -> int:
        """Bytes that can be put in: one entry's worth of room always stays, or full would look empty."""
        return (self.tail - self.head - 8) % RING_SIZE

    def put(self, entry: bytes, *, told_length: int | None = None) -> int:
        """An entry as it is, after a PAD where it does not fit before the end; where it is in memory."""
        to_end = RING_SIZE - self.head
        if len(entry) > to_end:
            assert self.room() >= to_end, "the ring is full"
            struct.pack_into("<IHBB", self.memory, RING_AT + self.head, to_end | 0, 0, 0, 0)
            self._advance(to_end)
        assert self.room() >= len(entry), "the ring is full"
        at = RING_AT + self.head
        self.memory[at : at + len(entry)] = entry
        self._advance(len(entry) if told_length is None else told_length)
        return at

    def command(self, command_id: int, cdb: bytes, pieces: tuple[tuple[int, int], ...] = ()) -> None:
        """A command; `pieces` are offset and length of its buffer."""
        cdb_at = max(112, 48 + 16 * len(pieces))
        length = cdb_at + -(-len(cdb) // 8) * 8
        begins = self.head if length <= RING_SIZE - self.head else 0
        entry = bytearray(b"\xee" * length)  # what was there before
        struct.pack_into("<IHBB", entry, 0, length | 1, command_id, 0, 0)
        struct.pack_into("<IIIIQ", entry, 8, len(pieces), 0, 0, 0xEEEEEEEE, RING_AT + begins + cdb_at)
        for n, piece in enumerate(pieces):
            struct.pack_into("<QQ", entry, 48 + 16 * n, *piece)
        entry[cdb_at : cdb_at + len(cdb)] = cdb
        self.put(bytes(entry))

    def task_management(self, function: int, ids: tuple[int, ...]) -> None:
        length = -(-(32 + 2 * len(ids)) // 8) * 8
        entry = bytearray(length)
        struct.pack_into("<IHBBB3xI", entry, 0, length | 2, 0, 0, 0, function, len(ids))
        struct.pack_into(f"<{len(ids)}H", entry, 32, *ids)
        self.put(bytes(entry))

    def answers(self) -> list[Answer]:
        """What is answered since the last call, as the kernel finds it."""
        found = []
        while self.cleaned != self.tail:
            at = RING_AT + self.cleaned
            word = self._u32(at)
            if word & 7 == 1 or word & 7 > 2:
                found.append(Answer(bytes(self.memory[at : at + 112])))
            assert word & ~7, "an entry has lost its length"
            self.cleaned = (self.cleaned + (word & ~7)) % RING_SIZE
        return found


class Answer:
    """An answer by byte numbers."""

    def __init__(self, entry: bytes) -> None:
        self.command_id = int.from_bytes(entry[4:6], "little")
        self.flags = entry[7]
        self.status = entry[8]
        self.read_length = int.from_bytes(entry[12:16], "little")
        self.sense = entry[16:112]

"""A file read a chunk ahead of whoever takes what was read: while that is written, the next is being read.

Belongs here: the thread that reads, its buffers, and what ended the reading. Does not know what becomes of
the bytes: that none is written over before it was read is seen to by who asks for them.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from itertools import cycle, repeat
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from xcopy.device.worker import start
from xcopy.errors import NoThread

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

CHUNK: Final = 2**20  # bytes read and written at once: more do not stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes in whole steps, the byte of the file that reading came to, and the error that kept it there.

    Without `data` it is the last one. `data` is memory that is read into again once the next is asked for.
    """

    data: memoryview
    end: int
    error: BaseException | None = None


class ReadAhead:
    """An open file whose chunks are read in turn, by one range at a time."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffers = tuple(memoryview(mmap.mmap(-1, CHUNK)) for _ in range(2))

    def chunks(self, begin: int, length: int, step: int = 1) -> Generator[Chunk]:
        """`length` bytes from `begin`, in multiples of `step`; or fewer, and then a chunk without data.

        Whoever leaves before the last one has to close it, and waits for a read that is under way: that has
        the file and a buffer.
        While a chunk is written, only bytes behind it are read.
        """
        rooms: SimpleQueue[memoryview | None] = SimpleQueue()
        read: SimpleQueue[Chunk] = SimpleQueue()

        def work() -> None:
            try:
                for chunk in self._read(begin, length, step, iter(rooms.get, None)):
                    read.put(chunk)
            except BaseException as error:  # or whoever waits for a chunk would wait for ever
                read.put(Chunk(memoryview(b""), begin, error))

        try:
            thread = start(work, "read ahead") if length > CHUNK else None
        except NoThread:
            thread = None
        if thread is None:
            yield from self._read(begin, length, step, repeat(self._buffers[0]))
            return
        try:
            for room in self._buffers:
                rooms.put(room)
            for room in cycle(self._buffers):
                chunk = read.get()
                yield chunk
                length -= len(chunk.data)
                if not chunk.data or length <= 0:
                    return
                rooms.put(room)
        finally:
            rooms.put(None)
            thread.join()

    def _read(
        self, begin: int, length: int, step: int, rooms: Iterable[memoryview | None]
    ) -> Generator[Chunk]:
        """Each chunk once there is room for it, up to the last."""
        at, end = begin, begin + length
        for room in rooms:
            if room is None or at >= end:
                return
            chunk = self._chunk(room[: min(CHUNK, end - at)], at, step)
            yield chunk
            if not chunk.data:
                return
            at += len(chunk.data)

    def _chunk(self, room: memoryview, at: int, step: int) -> Chunk:
        try:
            got = os.preadv(self._fd, [room], at)
        except BaseException as error:  # it is whoever takes the chunk that has to hear of it
            return Chunk(room[:0], at, error)
        return Chunk(room[: got - got % step], at + got)

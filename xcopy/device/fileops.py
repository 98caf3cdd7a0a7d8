"""The calls of the kernel that copy between files: clone, copy, read and write, holes, sizes.

Each is made once, as asked, and its errno is the answer: nothing here decides what to do next. Offsets are
always given, so no file position is used or changed.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
from contextlib import closing
from typing import TYPE_CHECKING, Final

from xcopy.device.read_ahead import CHUNK, ReadAhead
from xcopy.file_steps import Answer, Clone, Extend, FindData, KernelCopy, Settle, Transfer, Zero

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.file_steps import Step

FICLONERANGE: Final = 0x4020940D  # <linux/fs.h>; `fcntl` has it from Python 3.12 on
PUNCH: Final = 0x01 | 0x02  # FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE: <linux/falloc.h>
BLOCK: Final = 4096  # bytes; zeros that fill one of them may become a hole
ZEROS: Final = bytes(CHUNK)
WORD: Final = bytes(8)
NO_HOLES: Final = frozenset({errno.EOPNOTSUPP, errno.ENOSYS})
NOT_SETTLED: Final = frozenset({errno.EINVAL, errno.EROFS, errno.EOPNOTSUPP})  # nothing there to be written

_libc = ctypes.CDLL(None, use_errno=True)
_fallocate = _libc.fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


class FileCalls:
    """Two open files, or the same one twice, and the calls between them; one thread's."""

    def __init__(
        self, source: int, destination: int, names: tuple[str, str], now: Callable[[], float]
    ) -> None:
        self._source, self._destination, self._now = source, destination, now
        self._names = names
        self._ahead = 0  # where zeros that were not written end, if that may be past the end of the file
        self._reader = ReadAhead(source)
        os.posix_fadvise(source, 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def perform(self, step: Step) -> Answer:
        """Carry a step out; an errno is an answer, and no exception."""
        began = self._now()
        try:
            moved, number, reason, hole = self._perform(step)
        except OSError as error:
            moved, number, reason, hole = 0, _number(error), self._reason(step, error), False
        return Answer(moved, number, reason, self._now() - began, hole)

    def _perform(self, step: Step) -> tuple[int, int, str, bool]:
        match step:
            case Clone(source, length, destination):
                wanted = struct.pack("=qQQQ", self._source, source, length, destination)
                fcntl.ioctl(self._destination, FICLONERANGE, wanted)
                return length, 0, "", False
            case KernelCopy(source, length, destination):
                moved = os.copy_file_range(self._source, self._destination, length, source, destination)
                return moved, 0, "", False
            case Transfer():
                return *(self._last_first(step) if step.backwards else self._transfer(step)), False
            case Zero(length, destination):
                return self._zero(destination, length), 0, "", False
            case Extend(size):
                self._extend(size)
                return 0, 0, "", False
            case FindData(source, length):
                moved, hole = self._find(source, length)
                return moved, 0, "", hole
            case Settle():
                self._settle()
                return 0, 0, "", False

    def _transfer(self, step: Transfer) -> tuple[int, int, str]:
        """Read and write; an error after some bytes tells how many, and so does the end of the source."""
        self._ahead = 0
        moved, number, reason = self._moved(step)
        try:
            self._extend(self._ahead)
        except OSError as error:
            there = os.fstat(self._destination).st_size - step.destination
            return max(0, min(moved, there)), _number(error), self._said("writing", 1, self._ahead - 1, error)
        return moved, number, reason

    def _last_first(self, step: Transfer) -> tuple[int, int, str]:
        """No part that is written reaches into bytes that are still to be copied; all are read before."""
        room, got = memoryview(bytearray(step.length)), 0
        try:
            while got < step.length and (more := os.preadv(self._source, [room[got:]], step.source + got)):
                got += more
        except OSError as error:
            return 0, _number(error), self._said("reading", 0, step.source + got, error)
        if got < step.length:
            return 0, 0, f"it ends at byte {step.source + got} now"
        left = step.length
        while left:
            start = at = max(0, left - step.backwards)
            try:
                while at < left:
                    at += os.pwritev(self._destination, [room[at:left]], step.destination + at)
            except OSError as error:
                reason = self._said("writing", 1, step.destination + at, error)
                return step.length - left, _number(error), reason
            left = start
        return step.length, 0, ""

    def _moved(self, step: Transfer) -> tuple[int, int, str]:
        """Chunk by chunk, each read whole before it is written; zeros at the end may be past the file's."""
        done = 0
        with closing(self._reader.chunks(step.source, step.length, step.step)) as chunks:
            for chunk in chunks:
                if isinstance(chunk.error, OSError):
                    reason = self._said("reading", 0, chunk.end, chunk.error)
                    return done, _number(chunk.error), reason
                if chunk.error is not None:
                    raise chunk.error
                if not chunk.data:
                    return done, 0, f"it ends at byte {chunk.end} now"
                end = done + len(chunk.data)
                try:
                    while done < end:
                        done += self._put(
                            chunk.data[done - end :], step.destination + done, step.zeros_to_holes
                        )
                except OSError as error:
                    return done, _number(error), self._said("writing", 1, step.destination + done, error)
        return done, 0, ""

    def _put(self, data: memoryview, at: int, zeros_to_holes: bool) -> int:
        """Write some of `data`, at least a byte; a hole for a whole run of zeros, where it may be one."""
        if not zeros_to_holes:
            return os.pwritev(self._destination, [data], at)
        run, zero = alike(data, at)
        if not zero:
            return os.pwritev(self._destination, [data[:run]], at)
        if self._zero(at, run) < run:
            self._ahead = at + run
        return run

    def _extend(self, size: int) -> None:
        """A truncate could cut off what others append meanwhile; a byte more never does."""
        if os.fstat(self._destination).st_size < size:
            os.pwrite(self._destination, b"\0", size - 1)

    def _zero(self, at: int, length: int) -> int:
        """Zeros in what of this the destination has; how many bytes that is."""
        inside = max(0, min(length, os.fstat(self._destination).st_size - at))
        if not inside or _fallocate(self._destination, PUNCH, at, inside) == 0:
            return inside
        number = ctypes.get_errno()
        if number not in NO_HOLES:
            raise OSError(number, os.strerror(number))
        done = 0
        while done < inside:
            done += os.pwrite(self._destination, ZEROS[: min(CHUNK, inside - done)], at + done)
        return inside

    def _find(self, source: int, length: int) -> tuple[int, bool]:
        """How far data, or a hole, goes from here; where nobody knows, it is data."""
        end = source + length
        try:
            data = os.lseek(self._source, source, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                return length, False
            there = min(end, os.fstat(self._source).st_size) - source
            return (there, True) if there > 0 else (length, False)  # past its end: reading will tell
        if data > source:
            return min(data, end) - source, True
        hole = os.lseek(self._source, source, os.SEEK_HOLE)
        return (min(hole, end) - source, False) if hole > source else (length, False)

    def _settle(self) -> None:
        try:
            os.fdatasync(self._source)
        except OSError as error:
            if error.errno not in NOT_SETTLED:
                raise

    def _reason(self, step: Step, error: OSError) -> str:
        match step:
            case Clone(source, length, _):
                what = f"cloning {length} bytes from byte {source} of {self._names[0]}"
            case KernelCopy(source, length, _):
                what = f"copy_file_range of {length} bytes from byte {source} of {self._names[0]}"
            case FindData(source, _):
                what = f"looking for data from byte {source} of {self._names[0]}"
            case Zero(length, destination):
                what = f"making {length} bytes from byte {destination} of {self._names[1]} zero"
            case Extend(size):
                what = f"making {self._names[1]} {size} bytes long"
            case _:
                what = f"writing what is held of {self._names[0]} to its device"
        return f"{what}: {error.strerror or error}"

    def _said(self, verb: str, side: int, at: int, error: OSError) -> str:
        return f"{verb} {self._names[side]} at byte {at}: {error.strerror or error}"


def _number(error: OSError) -> int:
    return error.errno or errno.EIO


def alike(data: memoryview, at: int) -> tuple[int, bool]:
    """How many bytes are blocks of zeros, or are not, and which; `at` is their offset in the file.

    A block is 4096 bytes of the file, or what there is of one at either end.
    """
    if ZEROS.startswith(data):
        return len(data), True
    first = end = min(len(data), BLOCK - at % BLOCK)
    zero = ZEROS.startswith(data[:first])
    words = b"" if zero else _first_words(data[first:])
    while end < len(data):
        if not zero:
            found = words.find(WORD, (end - first) // BLOCK * len(WORD))
            end = first + (len(words) if found < 0 else found) // len(WORD) * BLOCK
        more = min(len(data), end + BLOCK)
        if ZEROS.startswith(data[end:more]) != zero:
            break
        end = more
    return end, zero


def _first_words(data: memoryview) -> bytes:
    """The first eight bytes of each whole block: one that does not begin with zeros need not be looked at."""
    whole = data[: len(data) - len(data) % BLOCK]
    return whole.cast("Q")[:: BLOCK // len(WORD)].tobytes()

"""The ring in which the kernel's target puts SCSI commands for a program to answer (target_core_user).

Belongs here: the shared memory, its entries, and how an answer is put in. Does not know configfs, where
the memory comes from, which way a command's data goes, or what the answer is. Layout and rules:
linux/target_core_user.h; what it leaves open was measured on Linux 6.1.

Offsets in the ring grow modulo its size: the kernel moves `cmd_head`, we move `cmd_tail`. Answers may
come in any order: the n-th answer goes into the place of the n-th command, with the id of its own.
Only bytes of a command that is not yet answered may be touched in the data area; others can be gone.
"""

from __future__ import annotations

import ctypes
import struct
from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable

VERSION = 2
OUT_OF_ORDER, READ_LENGTH = 0x1, 0x2  # mailbox flags
NEEDED = OUT_OF_ORDER | READ_LENGTH

MAILBOX = struct.Struct("=HHII")  # version, flags, offset and size of the ring
HEAD_AT, TAIL_AT, MAILBOX_SIZE = 12, 64, 128

HEADER = struct.Struct("=IHBB")  # length and op, command id, kernel's flags, our flags
OP_BITS = 0x7
GRAIN = 8  # bytes; every entry begins and ends at a multiple of it
PAD, COMMAND, TASK_MANAGEMENT = 0, 1, 2

REQUEST = struct.Struct("=III4xQ")  # numbers of pieces: data, second data, protection; offset of the CDB
REQUEST_AT, PIECES_AT = 8, 48
PIECE = struct.Struct("=QQ")  # offset from the start of the memory, length
SMALLEST_COMMAND = 112

RESPONSE = struct.Struct("=B3xI")  # status, bytes of data-in
RESPONSE_AT, SENSE_AT = 8, 16
SENSE_LENGTH = 96
UNKNOWN_OP, READ_LENGTH_VALID = 0x1, 0x2  # our flags

FUNCTION = struct.Struct("=B3xI")  # which task management function, how many ids
FUNCTION_AT, IDS_AT = 8, 32
ABORT_TASK, LOGICAL_UNIT_RESET = 1, 5

CHECK_CONDITION = 0x02
GROUP_LENGTHS = (6, 10, 10, 12, 16, 12, 10, 10)  # of a CDB, by the top three bits of its first byte
VARIABLE_LENGTH_CDB = 0x7F


class RingDamaged(Exception):
    """What is in the ring cannot be followed any further; says what and where."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command to be answered; `length` bytes of buffer in `pieces`, offset and length each.

    `unreadable` is empty, or says what is wrong with an entry that can only be answered with an error.
    """

    command_id: int
    cdb: bytes
    pieces: tuple[tuple[int, int], ...] = ()
    unreadable: str = ""
    unknown_op: bool = False

    @property
    def length(self) -> int:
        """Bytes of the initiator's buffer, whatever the CDB says."""
        return sum(length for _, length in self.pieces)


@dataclass(frozen=True, slots=True)
class TaskManagement:
    """The kernel is about to abort those commands and waits until they are answered."""

    function: int
    command_ids: tuple[int, ...]


class Ring:
    """One ring; `memory` is the whole of it, mapped shared, and is closed with it.

    `take` and `data_out` are for one thread; `complete` may be called from any.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        self._mapping = memory
        self._memory = memoryview(memory)
        version, flags, self._start, self._size = MAILBOX.unpack_from(memory)
        try:
            self._check_mailbox(version, flags)
        except RingDamaged:
            self._memory.release()
            raise
        # One aligned 32-bit access each; struct would go byte by byte.
        self._head = ctypes.c_uint32.from_buffer(memory, HEAD_AT)
        self._tail = ctypes.c_uint32.from_buffer(memory, TAIL_AT)
        self._seen = self._answered = self._place()
        self._slots: deque[tuple[int, bool]] = deque()  # length, and whether an answer goes there
        self._open: dict[int, Request] = {}
        self._lock = Lock()
        self._closed = False

    def _check_mailbox(self, version: int, flags: int) -> None:
        if version != VERSION or flags & NEEDED != NEEDED:
            raise RingDamaged(
                f"a ring of version {version} with flags {flags:X}h; version {VERSION} with answers in any "
                f"order and of any length ({NEEDED:X}h) is needed: Linux 5.10 or later has it"
            )
        end = self._start + self._size
        if self._start < MAILBOX_SIZE or self._size < SMALLEST_COMMAND or end > len(self._memory):
            raise RingDamaged(
                f"a ring of {self._size} bytes at {self._start} in {len(self._memory)} bytes of memory"
            )
        if self._start % GRAIN or self._size % GRAIN:
            raise RingDamaged(f"a ring of {self._size} bytes at {self._start}, not whole {GRAIN} bytes")

    def take(self) -> list[Request | TaskManagement]:
        """What the kernel has put in since the last call, oldest first."""
        taken: list[Request | TaskManagement] = []
        with self._lock:
            if self._closed:
                return taken
            head = self._head.value
            if head >= self._size or head % GRAIN:
                raise RingDamaged(f"the kernel's place {head} is outside the ring of {self._size} bytes")
            while self._seen != head:
                entry, length = self._entry(self._start + self._seen, (head - self._seen) % self._size)
                if entry is not None:
                    taken.append(entry)
                if isinstance(entry, Request):
                    if entry.command_id in self._open:
                        raise RingDamaged(f"command id {entry.command_id} is there twice")
                    self._open[entry.command_id] = entry
                self._slots.append((length, isinstance(entry, Request)))
                self._seen = (self._seen + length) % self._size
            self._skip()
        return taken

    def _entry(self, at: int, room: int) -> tuple[Request | TaskManagement | None, int]:
        """The entry at `at` and its length; `room` bytes were put in from there on, modulo the ring."""
        word, command_id, _, _ = HEADER.unpack_from(self._memory, at)
        op, length = word & OP_BITS, word & ~OP_BITS
        if not length or length > min(room, self._start + self._size - at):
            raise RingDamaged(f"an entry of {length} bytes at {at - self._start}, where {room} were put in")
        if op == PAD:
            return None, length
        if op == TASK_MANAGEMENT:
            if length < IDS_AT:
                raise RingDamaged(f"a task management entry of {length} bytes")
            function, count = FUNCTION.unpack_from(self._memory, at + FUNCTION_AT)
            if IDS_AT + 2 * count > length:
                raise RingDamaged(f"{count} command ids in a task management entry of {length} bytes")
            return TaskManagement(
                function, struct.unpack_from(f"={count}H", self._memory, at + IDS_AT)
            ), length
        if length < SMALLEST_COMMAND:
            raise RingDamaged(f"an entry of {length} bytes, too short for a command and its answer")
        if op != COMMAND:
            return Request(command_id, b"", unreadable=f"an entry of kind {op}", unknown_op=True), length
        return self._request(command_id, at, length), length

    def _request(self, command_id: int, at: int, length: int) -> Request:
        count, second, protection, cdb_at = REQUEST.unpack_from(self._memory, at + REQUEST_AT)
        if PIECES_AT + (count + second + protection) * PIECE.size > length:
            return Request(command_id, b"", unreadable=f"{count} pieces of data in {length} bytes")
        if not at + PIECES_AT <= cdb_at <= at + length - GRAIN:
            return Request(command_id, b"", unreadable=f"a CDB at {cdb_at}, outside its entry")
        cdb = bytes(self._memory[cdb_at : min(at + length, cdb_at + cdb_length(self._memory, cdb_at))])
        pieces = tuple(PIECE.unpack_from(self._memory, at + PIECES_AT + n * PIECE.size) for n in range(count))
        data_area, end = self._start + self._size, len(self._memory)
        for offset, size in pieces:
            if not data_area <= offset <= offset + size <= end:
                return Request(command_id, cdb, unreadable=f"{size} bytes of data at {offset}, outside")
        return Request(command_id, cdb, pieces)

    def data_out(self, request: Request) -> bytes:
        """What the initiator sends, copied: the memory is gone when the request is answered."""
        with self._lock:
            if self._closed:
                return b""
            if len(request.pieces) == 1:
                offset, length = request.pieces[0]
                return bytes(self._memory[offset : offset + length])
            return b"".join(self._memory[offset : offset + length] for offset, length in request.pieces)

    def complete(
        self, request: Request, status: int, *, sense: bytes = b"", data: bytes | None = None
    ) -> None:
        """Answer; `data` is None where none comes in. The kernel looks when it is told to, not before.

        Data longer than the initiator's buffer is cut. No data at all cannot be said by this ring: then
        the buffer is filled with zeros, for else it would hold bytes of an earlier command. Sense beyond
        96 bytes is cut. A request that is answered already is a `ValueError`; a closed ring ignores all.
        """
        with self._lock:
            if self._closed:
                return
            if self._open.get(request.command_id) is not request:
                raise ValueError(f"command {request.command_id} is not there to be answered")
            flags = UNKNOWN_OP if request.unknown_op else 0
            read = 0
            if data is not None and request.pieces:
                read = min(len(data), request.length)
                if read:
                    flags |= READ_LENGTH_VALID
                    self._scatter(request, data[:read])
                elif status != CHECK_CONDITION:  # with which no data is passed on
                    self._scatter(request, bytes(request.length))
            del self._open[request.command_id]
            self._answer(request.command_id, flags, status, read, sense)

    def _scatter(self, request: Request, data: bytes) -> None:
        rest = memoryview(data)
        for offset, length in request.pieces:
            part, rest = rest[:length], rest[length:]
            self._memory[offset : offset + len(part)] = part

    def _answer(self, command_id: int, flags: int, status: int, read: int, sense: bytes) -> None:
        """Into the oldest place that has no answer yet, and on."""
        at = self._start + self._answered
        word, _, kernel_flags, _ = HEADER.unpack_from(self._memory, at)
        HEADER.pack_into(self._memory, at, word, command_id, kernel_flags, flags)
        RESPONSE.pack_into(self._memory, at + RESPONSE_AT, status, read)
        self._memory[at + SENSE_AT : at + SENSE_AT + SENSE_LENGTH] = sense[:SENSE_LENGTH].ljust(
            SENSE_LENGTH, b"\0"
        )
        length, _ = self._slots.popleft()
        self._answered = (self._answered + length) % self._size
        self._skip()

    def _skip(self) -> None:
        """Past what wants no answer; then say how far we are."""
        while self._slots and not self._slots[0][1]:
            length, _ = self._slots.popleft()
            self._answered = (self._answered + length) % self._size
        self._tail.value = self._answered

    def restart(self, reset: Callable[[], None]) -> None:
        """Forget what was taken; `reset` has the kernel end all that and begin anew."""
        with self._lock:
            if self._closed:
                return
            reset()
            self._open.clear()
            self._slots.clear()
            self._seen = self._answered = self._place()

    def _place(self) -> int:
        place: int = self._tail.value % self._size
        return place // GRAIN * GRAIN

    def close(self) -> None:
        """Let go of the memory; what is not answered stays so. A second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            del self._head, self._tail
            self._memory.release()
            self._mapping.close()


def cdb_length(memory: memoryview, at: int) -> int:
    """Bytes of the CDB at `at` as the kernel counts them, by its operation code."""
    operation_code = memory[at]
    if operation_code == VARIABLE_LENGTH_CDB:
        return 8 + int(memory[at + 7])
    return GROUP_LENGTHS[operation_code >> 5]

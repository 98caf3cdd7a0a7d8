"""The host copies a piece by reading and writing it, portion by portion; and how, by READ(16) and WRITE(16).

The means of last resort. Nothing here knows why it is needed. Where it is told how the destination makes
zeros, long runs of them that were read are not sent: what is not made zeros then is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from cdb.blocks import Read16, SynchronizeCache16, Write16
from cdb.command import Command, Reply, Silence, TransportError
from xcopy.conversation import WAITS, Read, Write
from xcopy.errors import IoFailed
from xcopy.path_errors import of_command
from xcopy.plan import Piece
from xcopy.task import HOST, ZERO, ZeroTask
from xcopy.verdict import Action, describe, judge
from xcopy.zeroing import zero_piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cdb.command import Transport
    from xcopy.conversation import Conversation
    from xcopy.plan import Request, Shape
    from xcopy.task import HostTask
    from xcopy.zeroing import Way

PIECE_BYTES = 8 * 2**20  # what one worker copies before it comes back, unless it is told
COMMAND_BYTES = 512 * 2**10  # what one READ(16) or WRITE(16) moves: below what any driver refuses


@dataclass(frozen=True, slots=True)
class HostOutcome:
    """`copied` blocks of the piece from its start; `reason` why the rest is not, if it is not.

    Of them `zeroed` were not written, but made zeros; `refused` is a way of that which is not taken.
    """

    copied: int
    reason: str = ""
    zeroed: tuple[Piece, ...] = ()
    refused: Way | None = None

    def parts(self, start: int) -> Iterator[tuple[Piece, str]]:
        """What is copied of a piece that starts there, and by which means."""
        end = start + self.copied
        for zeros in (*self.zeroed, Piece(end, 0)):
            if start < zeros.start:
                yield Piece(start, zeros.start - start), HOST
            if zeros.blocks:
                yield zeros, ZERO
            start = zeros.end


def next_piece(room: Piece, request: Request, shape: Shape | None = None) -> Piece:
    """The next piece for a worker from the start of `room`: of one pair of units, maybe of many ranges."""
    blocks = shape.segment_blocks if shape else PIECE_BYTES // request.block_size
    return request.of_one_pair(Piece(room.start, min(room.blocks, max(1, blocks))))


def copy_piece(task: HostTask, request: Request) -> Conversation[HostOutcome]:
    """Read what is of one range from the source and write it to the destination."""
    piece, how = task.piece, task.zeros
    at, refused = piece.start, None
    zeroed: list[Piece] = []
    while at < piece.end:
        portion = Piece(at, min(request.room(at).blocks, piece.end - at))
        lba, blocks = request.source(portion)
        try:
            data = yield Read(lba, blocks)
            for run, part, zeros in _runs(portion, data, how.least) if how else ((portion, data, False),):
                at, left = run.start, part
                if how and zeros:
                    made = yield from zero_piece(ZeroTask(run, how.zeroing, how.timeout), request)
                    at, refused = run.start + made.blocks, made.refused
                    left = part[made.blocks * request.block_size :]
                    if made.blocks:
                        zeroed.append(Piece(run.start, made.blocks))
                    if made.verdict.action is Action.STOP:
                        return HostOutcome(at - piece.start, made.verdict.reason, tuple(zeroed))
                    how = how if made.verdict.action is Action.DONE else None
                if left:
                    yield Write(request.destination(Piece(at, run.end - at))[0], left)
        except IoFailed as error:
            return HostOutcome(at - piece.start, str(error), tuple(zeroed))
        at = portion.end
    return HostOutcome(piece.blocks, "", tuple(zeroed), refused)


def _runs(portion: Piece, data: memoryview, least: int) -> Iterator[tuple[Piece, memoryview, bool]]:
    """What was read in turn of data and of zeros; it is looked at in steps of `least` blocks."""
    size = len(data) // portion.blocks
    zeros = bytes(least * size)

    def are_zeros(first: int) -> bool:
        return zeros.startswith(data[first * size : (first + least) * size])

    for alike, steps in groupby(range(0, portion.blocks, least), are_zeros):
        first, *others = steps
        end = min((others or [first])[-1] + least, portion.blocks)
        yield Piece(portion.start + first, end - first), data[first * size : end * size], alike


class CommandBlocks:
    """A unit's blocks by READ(16) and WRITE(16), for a unit that has no block device here."""

    def __init__(
        self,
        transport: Transport,
        name: str,
        block_size: int,
        *,
        sleep: Callable[[float], object],
        timeout: float = 60.0,
    ) -> None:
        self._transport, self._name, self._size, self._timeout = transport, name, block_size, timeout
        self._sleep = sleep
        self._step = max(1, COMMAND_BYTES // block_size)

    def read(self, lba: int, blocks: int) -> memoryview:
        """Exactly these blocks."""
        parts = []
        for at in range(lba, lba + blocks, self._step):
            count = min(self._step, lba + blocks - at)
            cdb = Read16(lba=at, transfer_length=count).pack()
            reply = self._send(
                Command(name="READ(16)", cdb=cdb, data_in=count * self._size, timeout=self._timeout), at
            )
            if len(reply.data) != count * self._size:
                short = f"{len(reply.data)} of {count * self._size} bytes"
                raise IoFailed(f"{self._name}: READ(16) at LBA {at} returned {short}")
            parts.append(reply.data)
        return memoryview(b"".join(parts))

    def write(self, lba: int, data: memoryview) -> None:
        """Write whole blocks, all of them."""
        step = self._step * self._size
        for at in range(0, len(data), step):
            part = data[at : at + step]
            start = lba + at // self._size
            cdb = Write16(lba=start, transfer_length=len(part) // self._size).pack()
            command = Command(name="WRITE(16)", cdb=cdb, data_out=part, timeout=self._timeout)
            reply = self._send(command, start)
            if reply.residual:
                raise IoFailed(f"{self._name}: WRITE(16) at LBA {start} left {reply.residual} bytes over")

    def flush(self) -> None:
        """SYNCHRONIZE CACHE(16) over the whole unit."""
        cdb = SynchronizeCache16().pack()
        self._send(Command(name="SYNCHRONIZE CACHE(16)", cdb=cdb, timeout=self._timeout), 0)

    def close(self) -> None:
        """Let go of the transport."""
        self._transport.close()

    def _send(self, command: Command, lba: int) -> Reply:
        where = f"{self._name}: {command.name} at LBA {lba} failed"
        reply, again = Reply(), not command.data_out  # a write that is at work may land after another's
        for pause in WAITS:
            try:
                reply = self._transport.send(command)
            except TransportError as error:
                if isinstance(error, Silence) and again and of_command(error) is not None:
                    again = False  # once more, by another path if there is one
                    continue
                raise IoFailed(f"{where}: {error}") from error
            action = judge(reply, proven=True).action
            if action is Action.DONE:
                return reply
            if action is Action.WAIT:
                self._sleep(pause)
            elif action is not Action.REPEAT:
                break
        raise IoFailed(f"{where}: {describe(reply)}")

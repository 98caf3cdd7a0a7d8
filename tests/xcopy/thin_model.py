"""Thin units as arrays of bytes, and a copy between them whose tasks end in any order; written from SBC-4.

The destination is as bad as devices are: it may know neither form of WRITE SAME, have limits that it does not
tell, and take UNMAP for a hint where a command does not cover whole granules.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cdb.command import Command, Reply, Silence
from tests.cdb.independent import fixed_sense
from tests.xcopy.units import unit
from xcopy.conversation import Read, Send, Side, Step, Wait, Write, converse
from xcopy.host import copy_piece
from xcopy.lba_status import look
from xcopy.task import HostTask, LookTask, OffloadTask, Task, ZeroTask
from xcopy.unit import LogicalUnit, Provisioning
from xcopy.verdict import Action, Verdict
from xcopy.zeroing import zero_piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.job import Job, Outcome

BLOCK = 512
GET_LBA_STATUS, READ, WRITE_SAME = b"\x9e\x12", 0x88, 0x93
NO_COMMAND = Reply(status=2, sense=fixed_sense(5, 0x20, 0))
NO_FIELD = Reply(status=2, sense=fixed_sense(5, 0x24, 0))
RESET = Reply(status=2, sense=fixed_sense(6, 0x29, 0))


@dataclass
class Thin:
    """A unit; `mapped` are the blocks that have storage, the others are zeros."""

    number: int
    data: bytearray
    mapped: set[int]
    extents: int = 1  # in one answer
    granule: int = 1
    aligned_to: int = 0
    really: int = 0  # blocks of a granule, where it is not what is told
    knows_unmap: bool = True
    knows_same: bool = True
    most: int = 1 << 20  # blocks that WRITE SAME takes
    told_most: int = 0
    wrong: Callable[[bytes], bytes] = bytes  # what becomes of the answers of GET LBA STATUS
    questions: int = 0
    sent: list[tuple[int, int, bool]] = field(default_factory=list)  # WRITE SAME: LBA, blocks, UNMAP

    @property
    def blocks(self) -> int:
        return len(self.data) // BLOCK

    @property
    def told(self) -> LogicalUnit:
        """What a probe finds."""
        return unit(
            self.number % 2,
            name=f"unit{self.number}",
            blocks=self.blocks,
            maximum_write_same_blocks=self.told_most,
            provisioning=Provisioning(
                managed=True,
                zeros=True,
                write_same_unmaps=True,
                granule=self.granule,
                aligned_to=self.aligned_to,
            ),
        )

    def send(self, command: Command) -> Reply:
        cdb = bytes(command.cdb)
        if cdb[:2] == GET_LBA_STATUS:
            return self._status(struct.unpack(">Q", cdb[2:10])[0])
        if cdb[0] == READ:
            return Reply(data=bytes(self.read(*struct.unpack(">QI", cdb[2:14]))))
        assert cdb[0] == WRITE_SAME, cdb.hex()
        (lba, blocks), unmap = struct.unpack(">QI", cdb[2:14]), bool(cdb[1] & 8)
        assert blocks, "0 blocks are all to the end of the unit"
        assert lba + blocks <= self.blocks, "out of range"
        self.sent.append((lba, blocks, unmap))
        if unmap and not self.knows_unmap:
            return NO_FIELD
        if not unmap and not self.knows_same:
            return NO_COMMAND
        if blocks > self.most:
            return NO_FIELD
        assert len(command.data_out) == BLOCK
        if unmap:
            self._let_go(lba, blocks)
        else:
            self.write(lba, bytes(command.data_out) * blocks)
        return Reply()

    def write(self, lba: int, data: bytes | memoryview) -> None:
        self.data[lba * BLOCK : lba * BLOCK + len(data)] = data
        self.mapped |= set(range(lba, lba + len(data) // BLOCK))

    def read(self, lba: int, blocks: int) -> memoryview:
        return memoryview(bytes(self.data[lba * BLOCK : (lba + blocks) * BLOCK]))

    def _let_go(self, lba: int, blocks: int) -> None:
        """Of whole granules only: what is beside them keeps its data."""
        granule = self.really or self.granule
        for first in range(self.aligned_to % granule, self.blocks, granule):
            if lba <= first and first + granule <= lba + blocks:
                self.data[first * BLOCK : (first + granule) * BLOCK] = bytes(granule * BLOCK)
                self.mapped -= set(range(first, first + granule))

    def _status(self, lba: int) -> Reply:
        self.questions += 1
        found, at = b"", lba
        for _ in range(self.extents):
            if at >= self.blocks:
                break
            end = at + 1
            while end < self.blocks and (end in self.mapped) == (at in self.mapped):
                end += 1
            found += struct.pack(">QIBB2x", at, end - at, at not in self.mapped, 0)
            at = end
        return Reply(data=self.wrong(struct.pack(">I4x", 4 + len(found)) + found))


def thin(number: int, blocks: int, mapped: set[int], **how: object) -> Thin:
    """A source: every block that has storage is unlike all others."""
    data = bytearray(blocks * BLOCK)
    for lba in mapped:
        data[lba * BLOCK : (lba + 1) * BLOCK] = f"{number}/{lba}".encode().ljust(BLOCK, b"s")
    return Thin(number, data, set(mapped), **how)  # type: ignore[arg-type]


def junk(number: int, blocks: int, **how: object) -> Thin:
    """A destination full of what must not stay."""
    return Thin(number, bytearray(b"j" * blocks * BLOCK), set(range(blocks)), **how)  # type: ignore[arg-type]


class ThinCopy:
    """A job and what is in flight of it; tasks are performed when they end."""

    def __init__(self, job: Job, sources: list[Thin], destinations: list[Thin]) -> None:
        self.job, self.sources, self.destinations = job, sources, destinations
        self.flying: list[Task] = []
        self.silent_after = 1 << 30  # commands to a destination, of which the next is never answered

    def begin(self) -> bool:
        task = self.job.next()
        if task is not None:
            self.flying.append(task)
        return task is not None

    def end(self, number: int = 0) -> Task:
        task = self.flying.pop(number)
        self.job.finish(task, self._performed(task))
        return task

    def all(self, at_once: int = 3) -> Job:
        for _ in range(100_000):
            while len(self.flying) < at_once and self.begin():
                pass
            if not self.flying:
                return self.job
            self.end()
        raise AssertionError("it does not come to an end")

    def _performed(self, task: Task) -> Outcome:
        request = self.job.request
        source, destination = self.units(request.pair(task.piece.start))

        def step(step: Step) -> object:
            match step:
                case Send(command, to):
                    if to is Side.SOURCE:
                        return source.send(command)
                    self.silent_after -= 1
                    if self.silent_after < 0:
                        raise Silence("no answer")
                    return destination.send(command)
                case Read(lba, blocks):
                    return source.read(lba, blocks)
                case Write(lba, data):
                    return destination.write(lba, data)
                case Wait():
                    return True

        if isinstance(task, LookTask):
            return converse(look(task, request), step)
        if isinstance(task, ZeroTask):
            return converse(zero_piece(task, request), step)
        if isinstance(task, HostTask):
            return converse(copy_piece(task.piece, request), step)
        assert isinstance(task, OffloadTask)
        for piece in task.batch.pieces:
            lba, blocks = request.source(piece)
            destination.write(request.destination(piece)[0], source.read(lba, blocks))
        return Verdict(Action.DONE, "")

    def units(self, pair: int) -> tuple[Thin, Thin]:
        read, write = divmod(pair, len(self.destinations))
        return self.sources[read], self.destinations[write]

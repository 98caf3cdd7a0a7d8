"""Thin units as arrays of bytes, and a copy between them whose tasks end in any order; written from SBC-4.

The destination is as bad as devices are: it may know neither form of WRITE SAME, have limits that it does not
tell, and take UNMAP for a hint where a command does not cover whole granules. Where it was not `tried`, by
the quirks' word, it must never be sent the bit; one that was tells its granules as they are.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cdb.command import Command, Reply
from tests.cdb.independent import fixed_sense
from tests.xcopy.units import unit
from xcopy.unit import LogicalUnit, Provisioning

if TYPE_CHECKING:
    from collections.abc import Callable


BLOCK = 512
BLOCKS = 256  # of the units of most tests
GET_LBA_STATUS, READ, WRITE_SAME = b"\x9e\x12", 0x88, 0x93
MAPPED, DEALLOCATED, ANCHORED = 0, 1, 2  # PROVISIONING STATUS (SBC-4 table 65)
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
    tried: bool = True
    granule: int = 1
    aligned_to: int = 0
    really: int = 0  # blocks of a granule, where it is not what is told
    knows_unmap: bool = True
    knows_same: bool = True
    most: int = 1 << 20  # blocks that WRITE SAME takes
    told_most: int = 0
    states: dict[int, int] = field(default_factory=dict)  # PROVISIONING STATUS, where it is not by `mapped`
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
            vendor="Linux" if self.tried else "ACME",
            product="scsi_debug" if self.tried else "ARRAY",
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
        assert self.tried or not unmap, "nobody knows what it leaves after UNMAP"
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

    def _state(self, lba: int) -> int:
        return self.states.get(lba, MAPPED if lba in self.mapped else DEALLOCATED)

    def _status(self, lba: int) -> Reply:
        self.questions += 1
        found, at = b"", lba
        for _ in range(self.extents):
            if at >= self.blocks:
                break
            end, state = at + 1, self._state(at)
            while end < self.blocks and self._state(end) == state:
                end += 1
            found += extent(at, end - at, state)
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


def extent(lba: int, blocks: int, status: int = 1) -> bytes:
    return struct.pack(">QIBB2x", lba, blocks, status, 0)


def answer(*extents: bytes) -> bytes:
    body = b"".join(extents)
    return struct.pack(">I4x", 4 + len(body)) + body


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "nothing at all": lambda _: b"",
    "no extent": lambda _: answer(),
    "an extent cut off": lambda whole: whole[:20],
    "an extent of no blocks": lambda whole: answer(whole[8:16] + bytes(4) + b"\1\0\0\0"),
    "an extent behind the block asked about": lambda _: answer(extent(BLOCKS // 2, 8)),
    "an extent before it": lambda _: answer(extent(0, BLOCKS - 1), extent(0, BLOCKS)),
    "an extent beyond the end": lambda whole: answer(whole[8:16] + b"\xff\xff\xff\xff" + b"\1\0\0\0"),
    "extents that overlap": lambda _: answer(extent(0, 8), extent(4, 8)),
    "a length of more than there is": lambda whole: b"\xff\xff\xff\xff" + whole[4:24],
}

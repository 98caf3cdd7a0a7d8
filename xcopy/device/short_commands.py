"""READ, WRITE and SYNCHRONIZE CACHE of 6, 10 and 12 bytes, as the commands of 16 bytes they are short for.

An emulated unit knows only the long ones; the kernel's disk driver sends the short ones to any disk below
2 TiB. Belongs here: which bytes go where. What a command does is the unit's question.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cdb.command import Command, Reply, Transport

READ_16, WRITE_16, SYNCHRONIZE_CACHE_16 = 0x88, 0x8A, 0x91
GROUP_NUMBER = 0x3F
BLOCKS_FOR_0 = 256  # of a READ(6) or WRITE(6)


class _Layout(NamedTuple):
    """Where the fields of a short CDB are: slices of bytes, and the byte of the group number."""

    long: int
    lba: slice
    blocks: slice
    group: int


_TEN = slice(2, 6), slice(7, 9), 6
_TWELVE = slice(2, 6), slice(6, 10), 10
LAYOUTS = {
    0x28: _Layout(READ_16, *_TEN),
    0x2A: _Layout(WRITE_16, *_TEN),
    0x35: _Layout(SYNCHRONIZE_CACHE_16, *_TEN),
    0xA8: _Layout(READ_16, *_TWELVE),
    0xAA: _Layout(WRITE_16, *_TWELVE),
}
SIX = {0x08: READ_16, 0x0A: WRITE_16}


def lengthened(cdb: bytes) -> bytes:
    """The command of 16 bytes that does the same (by way of sg3_utils); others as they are.

    Byte 1 means the same in both, but in a command of 6 bytes, where it is a part of the LBA.
    """
    if len(cdb) == 6 and cdb[0] in SIX:
        lba = int.from_bytes(cdb[1:4], "big") & 0x1FFFFF
        return _long(SIX[cdb[0]], 0, lba, cdb[4] or BLOCKS_FOR_0, 0, cdb[5])
    layout = LAYOUTS.get(cdb[0]) if cdb else None
    if layout is None or len(cdb) not in (10, 12):
        return cdb
    lba, blocks = (int.from_bytes(cdb[field], "big") for field in (layout.lba, layout.blocks))
    return _long(layout.long, cdb[1], lba, blocks, cdb[layout.group] & GROUP_NUMBER, cdb[-1])


def _long(code: int, flags: int, lba: int, blocks: int, group: int, control: int) -> bytes:
    return bytes((code, flags)) + lba.to_bytes(8, "big") + blocks.to_bytes(4, "big") + bytes((group, control))


class LongCommands:
    """A `Transport` that sends short commands as long ones."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, command: Command) -> Reply:
        """What the transport behind it answers; a sense pointer is then one into the long command."""
        cdb = lengthened(command.cdb)
        return self._transport.send(command if cdb is command.cdb else replace(command, cdb=cdb))

    def close(self) -> None:
        """Close the transport behind it."""
        self._transport.close()

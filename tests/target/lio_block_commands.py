"""The older and the rarer commands of the table: other ways to read, write, compare and give back blocks."""

from __future__ import annotations

import struct

from tests.target.lio_case import SMALL, UNITS, Case, question, writing

END = UNITS["a"].blocks


def ten(opcode: int, lba: int, blocks: int, *, flags: int = 0) -> bytes:
    """The CDB of a READ, WRITE, VERIFY, WRITE SAME or SYNCHRONIZE CACHE(10)."""
    return struct.pack(">BBIBHB", opcode, flags, lba, 0, blocks, 0)


def twelve(opcode: int, lba: int, blocks: int, *, flags: int = 0) -> bytes:
    """The CDB of a READ or WRITE(12)."""
    return struct.pack(">BBIIBB", opcode, flags, lba, blocks, 0, 0)


def sixteen(opcode: int, lba: int, blocks: int, *, flags: int = 0) -> bytes:
    """The CDB of a VERIFY, WRITE SAME or GET LBA STATUS(16)."""
    return struct.pack(">BBQIBB", opcode, flags, lba, blocks, 0, 0)


def read(name: str, cdb: bytes, blocks: int, *, to: str = "a") -> Case:
    """A command with room for so many blocks."""
    touched = () if to in SMALL else (to,)
    return question(name, cdb.hex(), blocks * UNITS[to].block_size, to=to, touched=touched)


def write(name: str, cdb: bytes, blocks: int, *, to: str = "a") -> Case:
    """A command that sends so many blocks."""
    touched = () if to in SMALL else (to,)
    return writing(name, cdb, b"W" * blocks * UNITS[to].block_size, to=to, touched=touched)


def unmap(lba: int, blocks: int) -> bytes:
    """The parameter list of an UNMAP of one range."""
    return struct.pack(">HH4xQI4x", 22, 16, lba, blocks)


def compare_and_write(lba: int, blocks: int) -> bytes:
    """The CDB of a COMPARE AND WRITE."""
    return struct.pack(">BBQ3xBBB", 0x89, 0, lba, blocks, 0, 0)


HELD = UNITS["a"].block(7)  # what block 7 holds at the start of every case

OLDER = (
    read("READ(10) of one block", ten(0x28, 7, 1), 1),
    read("READ(10) of a block of 4096", ten(0x28, 63, 1), 1, to="k"),
    read("READ(10) of no blocks", ten(0x28, 7, 0), 0),
    read("READ(10) one block past the end", ten(0x28, END - 1, 2), 2),
    read("READ(10) of no blocks past the end", ten(0x28, END + 1, 0), 0),
    read("READ(10) with RDPROTECT 1", ten(0x28, 7, 1, flags=0x20), 1),
    read(
        "READ(10) at the highest address, of a unit of more than 2^32 blocks",
        ten(0x28, 0xFFFFFFFF, 1),
        1,
        to="huge",
    ),
    read("READ(12) of one block", twelve(0xA8, 7, 1), 1),
    read("READ(12) one block past the end", twelve(0xA8, END - 1, 2), 2),
    read("READ(16) with another reserved bit", sixteen(0x88, 7, 1, flags=0x02), 1),
    write("WRITE(10) of one block", ten(0x2A, 7, 1), 1),
    write("WRITE(10) of no blocks", ten(0x2A, 7, 0), 0),
    write("WRITE(10) one block past the end", ten(0x2A, END - 1, 2), 2),
    write("WRITE(12) of one block", twelve(0xAA, 7, 1), 1),
    write("WRITE(12) one block past the end", twelve(0xAA, END - 1, 2), 2),
    write("WRITE(16) with another reserved bit", sixteen(0x8A, 7, 1, flags=0x02), 1),
    read("SYNCHRONIZE CACHE(10) of all", ten(0x35, 0, 0), 0),
    read("SYNCHRONIZE CACHE(10) one block past the end", ten(0x35, 7, END - 6), 0),
)

RARER = (
    read("VERIFY(10) of one block", ten(0x2F, 7, 1), 0),
    read("VERIFY(10) one block past the end", ten(0x2F, END - 1, 2), 0),
    read("VERIFY(16) of one block", sixteen(0x8F, 7, 1), 0),
    read("VERIFY(16) one block past the end", sixteen(0x8F, END - 1, 2), 0),
    writing("COMPARE AND WRITE, the same", compare_and_write(7, 1), HELD + b"W" * 512),
    writing("COMPARE AND WRITE, another", compare_and_write(7, 1), b"?" + HELD[1:] + b"W" * 512),
    writing(
        "COMPARE AND WRITE, one byte late is another",
        compare_and_write(7, 1),
        HELD[:300] + b"?" + HELD[301:] + b"W" * 512,
    ),
    writing("COMPARE AND WRITE past the end", compare_and_write(END, 1), bytes(1024)),
    write("WRITE SAME(10) of four blocks", ten(0x41, 7, 4), 1),
    write("WRITE SAME(16) of four blocks", sixteen(0x93, 7, 4), 1),
    write("WRITE SAME(16) one block past the end", sixteen(0x93, END - 1, 2), 1),
    write("WRITE SAME(16) with UNMAP", sixteen(0x93, 7, 4, flags=0x08), 1),
    writing("UNMAP", bytes.fromhex("42000000000000001800"), unmap(7, 4)),
    question("GET LBA STATUS", sixteen(0x9E, 0, 64, flags=0x12).hex(), 64),
    question("PERSISTENT RESERVE IN, READ KEYS", "5e000000000000004000", 64),
    question("PERSISTENT RESERVE IN, READ RESERVATION", "5e010000000000004000", 64),
    question("REQUEST SENSE", "030000001200", 18),
    question("REQUEST SENSE in descriptor format", "030100001200", 18),
    question("REPORT SUPPORTED OPERATION CODES, of one command", "a30c010800000000004000" + "00", 64),
    question("REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", "a30d000000000000001000" + "00", 16),
)

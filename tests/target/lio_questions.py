"""The other commands of the table: what an initiator asks before a copy, and reads and writes beside it."""

from __future__ import annotations

import struct

from tests.target.lio_case import SMALL, UNITS, Case, question, writing

END = UNITS["a"].blocks
HIGHEST = (1 << 64) - 1


def results(
    service_action: int, allocation: int, *, list_id: int = 0, flags: int = 0, control: int = 0
) -> str:
    """The CDB of a RECEIVE COPY RESULTS."""
    head = struct.pack(">BBB7xIBB", 0x84, service_action | flags, list_id, allocation, 0, control)
    return head.hex()


def inquiry(allocation: int, *, flags: int = 0, page: int = 0, control: int = 0) -> str:
    """The CDB of an INQUIRY."""
    return struct.pack(">BBBHB", 0x12, flags, page, allocation, control).hex()


def page(code: int, allocation: int = 255) -> str:
    """The CDB of an INQUIRY for a page of vital product data."""
    return inquiry(allocation, flags=1, page=code)


def capacity_16(allocation: int, *, lba: int = 0, pmi: int = 0, service_action: int = 0x10) -> str:
    """The CDB of a READ CAPACITY(16)."""
    return struct.pack(">BBQIBB", 0x9E, service_action, lba, allocation, pmi, 0).hex()


def sixteen(opcode: int, lba: int, blocks: int, *, flags: int = 0, control: int = 0) -> bytes:
    """The CDB of a READ, WRITE or SYNCHRONIZE CACHE(16)."""
    return struct.pack(">BBQIBB", opcode, flags, lba, blocks, 0, control)


def read(name: str, lba: int, blocks: int, *, to: str = "a", room: int | None = None, flags: int = 0) -> Case:
    """A READ(16)."""
    size = blocks * UNITS[to].block_size if room is None else room
    touched = () if to in SMALL else (to,)
    return question(name, sixteen(0x88, lba, blocks, flags=flags).hex(), size, to=to, touched=touched)


def write(
    name: str, lba: int, blocks: int, *, to: str = "a", sent: int | None = None, flags: int = 0
) -> Case:
    """A WRITE(16)."""
    size = blocks * UNITS[to].block_size if sent is None else sent
    touched = () if to in SMALL else (to,)
    return writing(name, sixteen(0x8A, lba, blocks, flags=flags), b"W" * size, to=to, touched=touched)


def flush(name: str, lba: int, blocks: int, *, to: str = "a", flags: int = 0) -> Case:
    """A SYNCHRONIZE CACHE(16)."""
    return question(name, sixteen(0x91, lba, blocks, flags=flags).hex(), 0, to=to)


RESULTS = (
    *(
        question(f"operating parameters, room for {n}", results(3, n), n)
        for n in (520, 255, 54, 53, 47, 46, 45, 4, 1)
    ),
    question("operating parameters, no room", results(3, 0), 0, timeout=1.0),
    question("operating parameters, allocation length more than the room", results(3, 520), 64),
    question("operating parameters, allocation length less than the room", results(3, 64), 520),
    question("operating parameters of a unit of 4096", results(3, 520), 520, to="k"),
    question("operating parameters of a unit with third-party copy off", results(3, 520), 520, to="off"),
    question("operating parameters of a unit of more than 2^32 blocks", results(3, 520), 520, to="huge"),
    question("operating parameters with a list id", results(3, 520, list_id=1), 520),
    question("operating parameters with a reserved bit", results(3, 520, flags=0x80), 520),
    question("operating parameters with NACA", results(3, 520, control=0x04), 520),
    *(
        question(f"copy results, service action {sa:02X}h", results(sa, 520), 520)
        for sa in (0, 1, 2, 4, 5, 6, 7, 8, 0x1F)
    ),
    question("copy status of a list id", results(0, 520, list_id=7), 520),
    question("copy status, no room", results(0, 0), 0),
    question("copy status, sent to a unit of more than 2^32 blocks", results(0, 520), 520, to="huge"),
    question("copy status of a unit with third-party copy off", results(0, 520), 520, to="off"),
)

IDENTITY = (
    *(question(f"standard INQUIRY, room for {n}", inquiry(n), n) for n in (255, 96, 36, 35, 5, 4, 1, 0)),
    question("standard INQUIRY of a unit of 4096", inquiry(96), 96, to="k"),
    question("standard INQUIRY of a unit with third-party copy off", inquiry(96), 96, to="off"),
    question("standard INQUIRY with a page code", inquiry(96, page=0x83), 96),
    question("INQUIRY with the obsolete CMDDT bit", inquiry(96, flags=2), 96),
    question("INQUIRY with a reserved bit", inquiry(96, flags=0x80), 96),
    question("INQUIRY with NACA", inquiry(96, control=0x04), 96),
    *(
        question(f"page {code:02X}h", page(code), 255)
        for code in (0x00, 0x80, 0x83, 0x86, 0xB0, 0xB1, 0xB2, 0xB3)
    ),
    *(
        question(f"page {code:02X}h of a unit of 4096", page(code), 255, to="k")
        for code in (0x83, 0xB0, 0xB1)
    ),
    question("page 83h of a unit with third-party copy off", page(0x83), 255, to="off"),
    question("page 00h of a unit with third-party copy off", page(0x00), 255, to="off"),
    *(question(f"page {code:02X}h", page(code), 255) for code in (0x01, 0x81, 0x85, 0x8F, 0xB4, 0xC0, 0xFF)),
    *(question(f"page 00h, room for {n}", page(0x00, n), n) for n in (5, 4, 3, 0)),
    *(question(f"page 83h, room for {n}", page(0x83, n), n) for n in (24, 4, 1, 0)),
    *(question(f"page 80h, room for {n}", page(0x80, n), n) for n in (8, 4, 0)),
    *(question(f"page B0h, room for {n}", page(0xB0, n), n) for n in (64, 16, 4, 0)),
    question("page 8Fh, room for 4", page(0x8F, 4), 4),
    question("page 8Fh of a unit of more than 2^32 blocks", page(0x8F), 255, to="huge"),
)

CAPACITY = (
    question("READ CAPACITY(10)", "25" + "00" * 9, 8),
    question("READ CAPACITY(10) of a unit of 4096", "25" + "00" * 9, 8, to="k"),
    question("READ CAPACITY(10) of a unit of more than 2^32 blocks", "25" + "00" * 9, 8, to="huge"),
    question("READ CAPACITY(10), room for more", "25" + "00" * 9, 64),
    question("READ CAPACITY(10), room for less", "25" + "00" * 9, 4),
    question("READ CAPACITY(10) with an address", "250000000001" + "00" * 4, 8),
    question("READ CAPACITY(10) with an address and PMI", "250000000001" + "00" * 2 + "0100", 8),
    *(question(f"READ CAPACITY(16), room for {n}", capacity_16(n), n) for n in (32, 64, 31, 12, 8, 4, 0)),
    question("READ CAPACITY(16) of a unit of 4096", capacity_16(32), 32, to="k"),
    question("READ CAPACITY(16) of a unit of more than 2^32 blocks", capacity_16(32), 32, to="huge"),
    question("READ CAPACITY(16) with an address", capacity_16(32, lba=1), 32),
    question("READ CAPACITY(16) with an address and PMI", capacity_16(32, lba=1, pmi=1), 32),
    question("READ CAPACITY(16) with a reserved bit", capacity_16(32, service_action=0x90), 32),
    *(
        question(f"opcode 9Eh, service action {n:02X}h", capacity_16(32, service_action=n), 32)
        for n in (0x00, 0x11, 0x1F)
    ),
)

READS = (
    read("READ(16) of one block", 7, 1),
    read("READ(16) of sixteen blocks", 7, 16),
    read("READ(16) of the last block", END - 1, 1),
    read("READ(16) of a block of 4096", 63, 1, to="k"),
    read(
        "READ(16) of the last block of a unit of more than 2^32 blocks",
        UNITS["huge"].blocks - 1,
        1,
        to="huge",
    ),
    read("READ(16) of no blocks", 7, 0),
    read("READ(16) of no blocks at the end", END, 0),
    read("READ(16) of no blocks past the end", END + 1, 0),
    read("READ(16) of no blocks at the highest address", HIGHEST, 0),
    read("READ(16) one block past the end", END - 1, 2),
    read("READ(16) at the end", END, 1),
    read("READ(16) at the highest address", HIGHEST, 1),
    read("READ(16) past the end of a unit of 4096", 64, 1, to="k"),
    read("READ(16) past the end of a unit of more than 2^32 blocks", UNITS["huge"].blocks, 1, to="huge"),
    read("READ(16) with FUA", 7, 1, flags=0x08),
    read("READ(16) with DPO", 7, 1, flags=0x10),
    *(read(f"READ(16) with RDPROTECT {n}", 7, 1, flags=n << 5) for n in (1, 3, 7)),
    read("READ(16) with a reserved bit", 7, 1, flags=0x01),
    read("READ(16), room for less", 7, 2, room=512),
    read("READ(16), room for half a block", 7, 1, room=256),
    read("READ(16), room for more", 7, 1, room=1024),
    read("READ(16), room for less, of a unit of 4096", 7, 2, room=4096, to="k"),
    read("READ(16), room for more, of a unit of 4096", 7, 1, room=8192, to="k"),
    read("READ(16), no room", 7, 1, room=0),
    read("READ(16), room for less, past the end", END, 2, room=512),
)

WRITES = (
    write("WRITE(16) of one block", 7, 1),
    write("WRITE(16) of sixteen blocks", 7, 16),
    write("WRITE(16) of the last block", END - 1, 1),
    write("WRITE(16) of a block of 4096", 63, 1, to="k"),
    write("WRITE(16) beyond 2^32 blocks", UNITS["huge"].blocks - 1, 1, to="huge"),
    write("WRITE(16) to a unit with third-party copy off", 7, 1, to="off"),
    write("WRITE(16) of no blocks", 7, 0),
    write("WRITE(16) of no blocks at the end", END, 0),
    write("WRITE(16) of no blocks past the end", END + 1, 0),
    write("WRITE(16) one block past the end", END - 1, 2),
    write("WRITE(16) at the end", END, 1),
    write("WRITE(16) at the highest address", HIGHEST, 1),
    write("WRITE(16) past the end of a unit of more than 2^32 blocks", UNITS["huge"].blocks, 1, to="huge"),
    write("WRITE(16) with FUA", 7, 1, flags=0x08),
    write("WRITE(16) with DPO", 7, 1, flags=0x10),
    *(write(f"WRITE(16) with WRPROTECT {n}", 7, 1, flags=n << 5) for n in (1, 3, 7)),
    write("WRITE(16) with a reserved bit", 7, 1, flags=0x01),
    write("WRITE(16), less is sent", 7, 2, sent=512),
    write("WRITE(16), more is sent", 7, 1, sent=1024),
    write("WRITE(16), nothing is sent", 7, 1, sent=0),
    write("WRITE(16), less is sent, to a unit of 4096", 7, 2, sent=4096, to="k"),
)

FLUSHES = (
    flush("SYNCHRONIZE CACHE(16) of all", 0, 0),
    flush("SYNCHRONIZE CACHE(16) of a range", 7, 16),
    flush("SYNCHRONIZE CACHE(16) to the end", 7, END - 7),
    flush("SYNCHRONIZE CACHE(16) one block past the end", 7, END - 6),
    flush("SYNCHRONIZE CACHE(16) of nothing at the end", END, 0),
    flush("SYNCHRONIZE CACHE(16) of nothing past the end", END + 1, 0),
    flush("SYNCHRONIZE CACHE(16) at the end", END, 1),
    flush("SYNCHRONIZE CACHE(16) at the highest address", HIGHEST, 1),
    flush("SYNCHRONIZE CACHE(16) with IMMED", 0, 0, flags=0x02),
    flush("SYNCHRONIZE CACHE(16) with a reserved bit", 0, 0, flags=0x80),
    flush("SYNCHRONIZE CACHE(16) of a unit of 4096", 0, 64, to="k"),
)

OTHERS = (
    question("TEST UNIT READY", "00" * 6, 0),
    question("TEST UNIT READY with room for data", "00" * 6, 16),
    question("TEST UNIT READY with a reserved byte", "000100000000", 0),
    question("TEST UNIT READY with NACA", "000000000004", 0),
    *(question(f"opcode {code:02X}h, unknown", f"{code:02x}" + "00" * 15, 0) for code in (0x02, 0xC0, 0xFF)),
    question("an unknown opcode, sent to a unit of more than 2^32 blocks", "c0" + "00" * 15, 0, to="huge"),
    question("REPORT SUPPORTED OPERATION CODES", "a30c00000000000002000000", 512),
)

"""An initiator for tests of the emulated array: builds bytes and reads sense without our own codec."""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from cdb.command import Command, Reply
from xcopy.target.array import Array, memory_array
from xcopy.target.backing import MemoryBacking
from xcopy.target.profile import CAPABLE, STRICT
from xcopy.target.unit import Unit

if TYPE_CHECKING:
    from cdb.copy_results import OperatingParameters

GOOD, CHECK_CONDITION, BUSY, RESERVATION_CONFLICT, TASK_SET_FULL = 0x00, 0x02, 0x08, 0x18, 0x28
BLOCK = 512
BLOCKS = 256
BLOCKS_ALONE = replace(STRICT, advertised=CAPABLE, beyond_end=None)


class No(NamedTuple):
    """A CHECK CONDITION by key, ASC, ASCQ and the three sense-key-specific bytes in hex."""

    key: int
    asc: int
    ascq: int
    specific: str = "000000"


def no(reply: Reply) -> No:
    """What a CHECK CONDITION in fixed format says."""
    assert reply.status == CHECK_CONDITION, reply
    sense = reply.sense
    assert sense[0] & 0x7F == 0x70
    return No(sense[2] & 0x0F, sense[12], sense[13], sense[15:18].hex())


def residual(reply: Reply) -> int | None:
    """INFORMATION, None unless VALID."""
    (information,) = struct.unpack(">I", reply.sense[3:7])
    return information if reply.sense[0] & 0x80 else None


def segment_number(reply: Reply) -> int:
    """The number of the failing segment: bytes 10 and 11."""
    return int.from_bytes(reply.sense[10:12], "big")


def embedded(reply: Reply) -> tuple[str, int, tuple[int, int, int]]:
    """Which device's answer is embedded, its status, and its key, ASC and ASCQ."""
    source, destination = reply.sense[8], reply.sense[9]
    assert bool(source) != bool(destination), "one device failed"
    at = source or destination
    inner = reply.sense[at + 1 :]
    triple = (inner[2] & 0x0F, inner[12], inner[13]) if inner else (0, 0, 0)
    return "source" if source else "destination", reply.sense[at], triple


def cscd(
    designator: bytes,
    *,
    block_length: int = BLOCK,
    type_code: int = 0xE4,
    byte1: int = 0,
    identity: bytes = b"\x01\x03\x00",
    length: int | None = None,
) -> bytes:
    """A CSCD descriptor of 32 bytes."""
    size = len(designator) if length is None else length
    return (
        bytes([type_code, byte1, 0, 0])
        + identity
        + bytes([size])
        + designator.ljust(20, b"\0")
        + struct.pack(">I", block_length)
    )


def segment(
    source_lba: int = 0,
    destination_lba: int = 0,
    blocks: int = 1,
    *,
    source: int = 0,
    destination: int = 1,
    flags: int = 0,
    type_code: int = 0x02,
    length: int = 0x18,
) -> bytes:
    """A block-to-block segment descriptor of 28 bytes."""
    head = struct.pack(">BBHHHHH", type_code, flags, length, source, destination, 0, blocks)
    return head + struct.pack(">QQ", source_lba, destination_lba)


def copy_list(
    cscds: list[bytes],
    segments: list[bytes],
    *,
    list_id: int = 0,
    usage: int = 0b11,
    inline: bytes = b"",
    cscd_length: int | None = None,
    segment_length: int | None = None,
) -> bytes:
    """A parameter list; the two lengths are what the lists have unless told otherwise."""
    first, second = b"".join(cscds), b"".join(segments)
    header = struct.pack(
        ">BBHIII",
        list_id,
        usage << 3 | 1,
        len(first) if cscd_length is None else cscd_length,
        0,
        len(second) if segment_length is None else segment_length,
        len(inline),
    )
    return header + first + second + inline


def extended_copy(parameter_list: bytes, length: int | None = None) -> Command:
    """EXTENDED COPY(LID1) with that list."""
    size = len(parameter_list) if length is None else length
    return Command(
        name="EXTENDED COPY", cdb=b"\x83" + bytes(9) + struct.pack(">IH", size, 0), data_out=parameter_list
    )


def read_16(lba: int, blocks: int, block_size: int = BLOCK) -> Command:
    """READ(16)."""
    cdb = struct.pack(">BBQIBB", 0x88, 0, lba, blocks, 0, 0)
    return Command(name="READ(16)", cdb=cdb, data_in=blocks * block_size)


def write_16(lba: int, data: bytes, block_size: int = BLOCK) -> Command:
    """WRITE(16)."""
    cdb = struct.pack(">BBQIBB", 0x8A, 0, lba, len(data) // block_size, 0, 0)
    return Command(name="WRITE(16)", cdb=cdb, data_out=data)


def data_in(cdb: str, room: int = 512) -> Command:
    """A command of that CDB, in hex, with room for an answer."""
    return Command(name="data in", cdb=bytes.fromhex(cdb), data_in=room)


TEST_UNIT_READY = Command(name="TEST UNIT READY", cdb=bytes(6))


class Bench:
    """An array with random blocks, unless `fill` is off; its first attentions taken, and its bytes then."""

    def __init__(self, array: Array, nexus: str = "initiator", *, fill: bool = True) -> None:
        self.array = array
        self.nexus = nexus
        for number, unit in array.units.items():
            if fill:
                unit.backing.write(0, random.Random(number).randbytes(unit.size))
            self.send(number, TEST_UNIT_READY)
        self.before = self.contents

    @property
    def contents(self) -> list[bytes]:
        """Every unit's bytes, by number."""
        return [u.backing.read(0, u.size) for _, u in sorted(self.array.units.items())]

    def send(self, number: int, command: Command, nexus: str | None = None) -> Reply:
        """Open, send, close."""
        session = self.array.open(number, nexus or self.nexus)
        reply = session.send(command)
        session.close()
        return reply

    def naa(self, number: int) -> bytes:
        """The 16-byte NAA designator that the unit's page 83h shows."""
        page = self.send(number, data_in("120183010000", 256)).data
        at = 4
        while page[at + 1] & 0x3F != 0x03:
            at += 4 + page[at + 3]
        assert page[at : at + 4].hex() == "01030010"
        return page[at + 4 : at + 20]

    def cscds(self) -> list[bytes]:
        """A descriptor for every unit, by number."""
        return [cscd(self.naa(n), block_length=u.block_size) for n, u in sorted(self.array.units.items())]

    def copy(self, *segments: bytes, to: int = 1, **changes: Any) -> Reply:
        """Send those segments, with a CSCD descriptor for every unit, to unit `to`."""
        return self.send(to, extended_copy(copy_list(self.cscds(), list(segments), **changes)))


def bench(units: int = 2, *, blocks: int = BLOCKS, **changes: Any) -> Bench:
    """A bench over equal units, of an array that copies blocks alone unless a profile says otherwise.

    What is behind the end of a unit the unit itself refuses, so that its answer is embedded.
    """
    changes.setdefault("profile", BLOCKS_ALONE)
    return Bench(memory_array(units, blocks=blocks, **changes))


def mixed_bench(*block_sizes: int, size: int = BLOCKS * 4096, chunk_size: int = 8192) -> Bench:
    """A bench over units of different block sizes, of `size` bytes each."""
    units = [
        Unit(
            number=n,
            serial=f"mixed-{n}",
            block_size=block_size,
            blocks=size // block_size,
            backing=MemoryBacking(bytes(size)),
        )
        for n, block_size in enumerate(block_sizes)
    ]
    return Bench(Array(units, replace(BLOCKS_ALONE, chunk_size=chunk_size)))


def capable(**changes: Any) -> OperatingParameters:
    """The default operating parameters but for `changes`."""
    return CAPABLE.but(**changes)

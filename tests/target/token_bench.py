"""What tests of ROD tokens send and read: bytes by T10's numbers alone, without our own codec."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cdb.command import Command, Reply
from tests.cdb.independent import laid_out
from tests.target.bench import BLOCKS, GOOD, Bench
from xcopy.target.array import Array, memory_array
from xcopy.target.backing import MemoryBacking
from xcopy.target.profile import STRICT
from xcopy.target.rod_policy import STANDARD
from xcopy.target.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xcopy.target.faults import Fault

BY_REFERENCE, POINT_IN_TIME, CHANGE_VULNERABLE, PERSISTENT, ANY = (
    0x10000,
    0x800000,
    0x800001,
    0x800002,
    0x80FFFF,
)
ZEROS = bytes.fromhex("ffff0001000001f8") + bytes(504)  # block device zero ROD token: SBC-4 table 31
LIST_ID = 0x01020304
BLOCK_COUNTS = 0xF1  # TRANSFER COUNT UNITS

Range = tuple[int, int]


def range_list(ranges: Iterable[Range]) -> bytes:
    """Block device range descriptors: SBC-4 table 73."""
    return b"".join(laid_out(16, {"0-7": lba, "8-11": blocks}) for lba, blocks in ranges)


def populate_list(
    *ranges: Range,
    rod_type: int | None = None,
    immed: bool = False,
    inactivity: int = 0,
    data_length: int | None = None,
    ranges_length: int | None = None,
) -> bytes:
    """A POPULATE TOKEN parameter list (SBC-4 table 72); with a `rod_type` RTV is set."""
    listed = range_list(ranges)
    header = laid_out(
        16,
        {
            "0-1": 14 + len(listed) if data_length is None else data_length,
            "2.1": int(rod_type is not None),
            "2.0": int(immed),
            "4-7": inactivity,
            "8-11": rod_type or 0,
            "14-15": len(listed) if ranges_length is None else ranges_length,
        },
    )
    return header + listed


def write_list(
    token: bytes,
    *ranges: Range,
    offset: int = 0,
    delete: bool = False,
    immed: bool = False,
    data_length: int | None = None,
    ranges_length: int | None = None,
) -> bytes:
    """A WRITE USING TOKEN parameter list: SBC-4 table 159."""
    listed = range_list(ranges)
    header = laid_out(
        536,
        {
            "0-1": 534 + len(listed) if data_length is None else data_length,
            "2.1": int(delete),
            "2.0": int(immed),
            "8-15": offset,
            "16-527": token,
            "534-535": len(listed) if ranges_length is None else ranges_length,
        },
    )
    return header + listed


def token_command(action: int, data: bytes, *, list_id: int = LIST_ID, length: int | None = None) -> Command:
    """POPULATE TOKEN (10h) or WRITE USING TOKEN (11h)."""
    size = len(data) if length is None else length
    cdb = struct.pack(">BBIIIBB", 0x83, action, 0, list_id, size, 0, 0)
    return Command(name="token command", cdb=cdb, data_out=data)


def populate(*ranges: Range, list_id: int = LIST_ID, **changes: Any) -> Command:
    """POPULATE TOKEN of those ranges."""
    return token_command(0x10, populate_list(*ranges, **changes), list_id=list_id)


def write_using(token: bytes, *ranges: Range, list_id: int = LIST_ID, **changes: Any) -> Command:
    """WRITE USING TOKEN to those ranges."""
    return token_command(0x11, write_list(token, *ranges, **changes), list_id=list_id)


def ask(action: int, *, list_id: int = LIST_ID, room: int = 4096) -> Command:
    """A RECEIVE COPY command with a list identifier of 32 bits."""
    cdb = struct.pack(">BBIIIBB", 0x84, action, list_id, 0, room, 0, 0)
    return Command(name="receive copy", cdb=cdb, data_in=room)


@dataclass(frozen=True)
class Told:
    """What RECEIVE ROD TOKEN INFORMATION tells: SPC-4 table 256, its fields by byte."""

    action: int
    status: int
    delay: int
    completion: int
    units: int
    count: int
    segments: int
    sense: bytes
    tokens: tuple[tuple[int, bytes], ...]

    @property
    def token(self) -> bytes:
        """The one token there is."""
        ((_, token),) = self.tokens
        return token


def told(data: bytes) -> Told:
    """Read the answer, and that every length in it is right."""
    available, action, status, _counter, delay = struct.unpack_from(">IBBHI", data)
    completion, field_length, sense_length, units, count, segments = struct.unpack_from(">BBBBQH", data, 12)
    assert available == len(data) - 4
    assert data[26:32] == bytes(6)
    end = 32 + field_length
    (tokens_length,) = struct.unpack_from(">I", data, end)
    listed = data[end + 4 :]
    assert (tokens_length, len(listed) % 514, field_length % 4) == (len(listed), 0, 0)
    starts = range(0, len(listed), 514)
    tokens = tuple((int.from_bytes(listed[n : n + 2], "big"), listed[n + 2 : n + 514]) for n in starts)
    sense = data[32 : 32 + sense_length]
    return Told(action, status, delay, completion, units, count, segments, sense, tokens)


def sense_triple(sense: bytes) -> tuple[int, int, int]:
    """Key, ASC and ASCQ of fixed format sense data."""
    assert sense[0] & 0x7F == 0x70
    return sense[2] & 0x0F, sense[12], sense[13]


class TokenBench(Bench):
    """A bench whose clock is `time`, in seconds."""

    time: list[float]

    def populate(self, *ranges: Range, to: int = 0, **changes: Any) -> Reply:
        """Send POPULATE TOKEN to unit `to`."""
        return self.send(to, populate(*ranges, **changes))

    def write(self, token: bytes, *ranges: Range, to: int = 1, **changes: Any) -> Reply:
        """Send WRITE USING TOKEN to unit `to`."""
        return self.send(to, write_using(token, *ranges, **changes))

    def told(self, to: int = 0, list_id: int = LIST_ID) -> Told:
        """RECEIVE ROD TOKEN INFORMATION."""
        reply = self.send(to, ask(0x07, list_id=list_id))
        assert reply.status == GOOD, reply
        return told(reply.data)

    def token(self, *ranges: Range, to: int = 0, **changes: Any) -> bytes:
        """A token of those ranges of unit `to`."""
        assert self.populate(*ranges, to=to, **changes).status == GOOD
        return self.told(to).token

    def all_tokens(self) -> list[bytes]:
        """The management tokens of REPORT ALL ROD TOKENS: SPC-4 table 278."""
        data = self.send(0, Command(name="all", cdb=_all(65535), data_in=65535)).data
        assert int.from_bytes(data[:4], "big") == len(data) - 4
        assert data[4:8] == bytes(4)
        return [data[at : at + 96] for at in range(8, len(data), 96)]

    def blocks(self, unit: int, lba: int, count: int) -> bytes:
        """What a unit holds now."""
        size = self.array.units[unit].block_size
        return self.contents[unit][lba * size : (lba + count) * size]

    def old(self, unit: int, lba: int, count: int) -> bytes:
        """What a unit held at the beginning."""
        size = self.array.units[unit].block_size
        return self.before[unit][lba * size : (lba + count) * size]


def _all(room: int) -> bytes:
    return struct.pack(">BBQIBB", 0x84, 0x08, 0, room, 0, 0)


def token_bench(
    units: int = 2,
    *,
    blocks: int = BLOCKS,
    nexus: str = "initiator",
    faults: Iterable[Fault] = (),
    chunk_size: int = 8192,
    **policy: Any,
) -> TokenBench:
    """A bench over equal units; `policy` are fields of the ROD policy that shall be others."""
    time = [1000.0]
    array = memory_array(
        units,
        blocks=blocks,
        faults=faults,
        now=lambda: time[0],
        chunk_size=chunk_size,
        rods=replace(STANDARD, **policy),
    )
    made = TokenBench(array, nexus)
    made.time = time
    return made


def mixed_token_bench(*block_sizes: int, size: int = BLOCKS * 4096, **policy: Any) -> TokenBench:
    """A bench over units of different block sizes, of `size` bytes each."""
    units = [
        Unit(number=n, serial=f"m{n}", block_size=b, blocks=size // b, backing=MemoryBacking(bytes(size)))
        for n, b in enumerate(block_sizes)
    ]
    return TokenBench(Array(units, replace(STRICT, chunk_size=8192, rods=replace(STANDARD, **policy))))

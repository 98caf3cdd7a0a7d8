"""More for the test initiator: tapes, and segments of every type by the byte numbers of SPC-4 6.4.6."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cdb.command import Command, Reply
from tests.cdb.independent import laid_out
from tests.target.bench import BLOCKS_ALONE, Bench, capable, copy_list, cscd, data_in, extended_copy
from xcopy.target.array import Array
from xcopy.target.backing import MemoryBacking
from xcopy.target.tape import Medium, TapeUnit
from xcopy.target.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xcopy.target.faults import Fault

EVERY_TYPE = (*range(0x14), 0x16, 0xE4)
NULL_BLOCK, NULL_STREAM = 0xC000, 0xC001
PAD = 1 << 26  # in the four device type specific bytes
FIXED = 1 << 24
BLOCK_SIZE = 512


class StreamBench(Bench):
    """Disks numbered from 0 and tapes behind them; CSCD descriptors have the numbers of the units."""

    def __init__(
        self,
        block_sizes: tuple[int, ...] = (512, 512),
        tapes: Iterable[Iterable[bytes | None]] = ((), ()),
        *,
        size: int = 256 * 512,
        capacity: int = 1 << 24,
        protected: bool = False,
        faults: Iterable[Fault] = (),
        chunk_size: int = 1 << 20,
        limits: dict[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        disks = [
            Unit(
                number=n,
                serial=f"disk-{n}",
                block_size=block,
                blocks=size // block,
                backing=MemoryBacking(bytes(size)),
            )
            for n, block in enumerate(block_sizes)
        ]
        wound = [
            TapeUnit(
                number=len(disks) + n,
                serial=f"tape-{n}",
                medium=Medium(objects, capacity=capacity),
                read_only=protected,
            )
            for n, objects in enumerate(tapes)
        ]
        able: dict[str, Any] = {
            "implemented_types": EVERY_TYPE,
            "held_data_limit": 1 << 20,
            "maximum_inline_data_length": 1 << 16,
            "maximum_list_length": 1 << 16,
        }
        profile = replace(
            BLOCKS_ALONE, chunk_size=chunk_size, advertised=capable(**able | (limits or {})), **changes
        )
        super().__init__(Array(disks, profile, tapes=wound))
        for tape in wound:
            self.send(tape.number, Command(name="TEST UNIT READY", cdb=bytes(6)))
        for fault in faults:
            self.array.faults.add(fault)
        self.specific: dict[int, int] = dict(enumerate(block_sizes))
        self.specific |= {tape.number: 0 for tape in wound}

    def tape(self, number: int) -> list[bytes | None]:
        """The records and filemarks (None) of the tape with that unit number."""
        return list(self.array.tapes[number].medium.objects)

    def rewind(self) -> None:
        """Every tape to its beginning."""
        for number in self.array.tapes:
            self.send(number, Command(name="REWIND", cdb=bytes.fromhex("010000000000")))

    def cscds(self) -> list[bytes]:
        """A descriptor for every unit; `specific` has the device type specific bytes."""
        numbers = sorted({*self.array.units, *self.array.tapes})
        return [
            cscd(self.naa(n), byte1=int(n in self.array.tapes), block_length=self.specific[n])
            for n in numbers
        ]

    def held(self, list_id: int) -> bytes:
        """RECEIVE COPY DATA(LID1): what was held, without its length."""
        command = data_in(f"8401{list_id:02x}00000000000000001000000000"[:32], 1 << 16)
        reply = self.send(0, command)
        assert reply.status == 0, reply
        assert int.from_bytes(reply.data[:4], "big") == len(reply.data) - 4
        return reply.data[4:]

    def perform(self, *segments: bytes, to: int = 0, **changes: Any) -> Reply:
        """Send those segments with a descriptor for every unit."""
        return self.send(to, extended_copy(copy_list(self.cscds(), list(segments), **changes)))


def block_to_stream(
    source: int, destination: int, lba: int, blocks: int, transfer: int, *, cat: int = 0, kind: int = 0x00
) -> bytes:
    """00h, 01h, 0Bh, 0Ch: 24 bytes (tables 149 and 150)."""
    places = {"0": kind, "1.0": cat, "2-3": 0x14, "4-5": source, "6-7": destination, "9-11": transfer}
    return laid_out(24, places | {"14-15": blocks, "16-23": lba})


def stream_to_block(
    source: int, destination: int, lba: int, blocks: int, transfer: int, *, cat: int = 0, kind: int = 0x01
) -> bytes:
    """The same layout the other way."""
    return block_to_stream(source, destination, lba, blocks, transfer, cat=cat, kind=kind)


def stream_to_stream(
    source: int, destination: int, count: int, read: int, write: int, *, cat: int = 0, kind: int = 0x03
) -> bytes:
    """03h, 0Eh: 20 bytes (table 152)."""
    places = {"0": kind, "1.0": cat, "2-3": 0x10, "4-5": source, "6-7": destination}
    return laid_out(20, places | {"9-11": read, "13-15": write, "16-19": count})


def inline_to_stream(destination: int, offset: int, count: int, transfer: int, *, cat: int = 0) -> bytes:
    """04h: 20 bytes (table 153)."""
    places = {"0": 0x04, "1.0": cat, "2-3": 0x10, "6-7": destination}
    return laid_out(20, places | {"9-11": transfer, "12-15": offset, "16-19": count})


def embedded_to_stream(destination: int, data: bytes, transfer: int, *, cat: int = 0) -> bytes:
    """05h: 16 bytes and the data, zeros behind them up to a multiple of 4 (table 154)."""
    whole = data + bytes(-len(data) % 4)
    places = {"0": 0x05, "1.0": cat, "2-3": 12 + len(whole), "6-7": destination}
    return laid_out(16, places | {"9-11": transfer, "12-13": len(data)}) + whole


def discard(source: int, count: int, transfer: int, *, cat: int = 0, kind: int = 0x06) -> bytes:
    """06h, 0Fh: 16 bytes (table 155)."""
    places = {"0": kind, "1.0": cat, "2-3": 0x0C, "4-5": source, "9-11": transfer, "12-15": count}
    return laid_out(16, places)


def verify(source: int, *, tur: int = 0) -> bytes:
    """07h: 12 bytes (table 156)."""
    return laid_out(12, {"0": 0x07, "2-3": 8, "4-5": source, "8.0": tur})


def offset_and_stream(
    source: int,
    destination: int,
    lba: int,
    offset: int,
    count: int,
    transfer: int,
    *,
    cat: int = 0,
    kind: int = 0x08,
) -> bytes:
    """08h, 09h: 28 bytes (tables 157 and 158)."""
    places = {"0": kind, "1.0": cat, "2-3": 0x18, "4-5": source, "6-7": destination, "9-11": transfer}
    return laid_out(28, places | {"12-15": count, "16-23": lba, "26-27": offset})


def offset_to_offset(
    source: int, destination: int, count: int, at: tuple[int, int], to: tuple[int, int], *, cat: int = 0
) -> bytes:
    """0Ah: 32 bytes (table 159); `at` and `to` are LBA and byte offset."""
    places = {"0": 0x0A, "1.0": cat, "2-3": 0x1C, "4-5": source, "6-7": destination, "8-11": count}
    places |= {"12-19": at[0], "20-27": to[0], "28-29": at[1], "30-31": to[1]}
    return laid_out(32, places)


def write_filemarks(destination: int, count: int) -> bytes:
    """10h: 12 bytes (table 160)."""
    return laid_out(12, {"0": 0x10, "2-3": 8, "6-7": destination, "9-11": count})


def space(destination: int, code: int, count: int) -> bytes:
    """11h: 12 bytes (table 161)."""
    return laid_out(12, {"0": 0x11, "2-3": 8, "6-7": destination, "8.2-0": code, "9-11": count & 0xFFFFFF})


def locate(destination: int, position: int) -> bytes:
    """12h: 12 bytes (table 162)."""
    return laid_out(12, {"0": 0x12, "2-3": 8, "6-7": destination, "8-11": position})


def tape_image(source: int, destination: int, count: int = 0) -> bytes:
    """13h: 12 bytes (table 163)."""
    return laid_out(12, {"0": 0x13, "2-3": 8, "4-5": source, "6-7": destination, "8-11": count})


def block_image(source: int, destination: int, source_lba: int, destination_lba: int, blocks: int) -> bytes:
    """16h: 28 bytes (table 166)."""
    head = struct.pack(">BBHHH", 0x16, 0, 0x18, source, destination)
    return head + struct.pack(">QQI", source_lba, destination_lba, blocks)

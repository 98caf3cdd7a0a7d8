"""What a case of the table is: units of known contents, one command, and what is looked at afterwards.

The same units are made of the kernel's target in a VM and of the emulated array; a case is sent to both.
Bytes are built by struct alone: nothing of the codec under test has a part in what is sent.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

KIB = 1 << 10
LAST = 65535  # blocks: what the 16-bit count of a block-to-block segment can say


@dataclass(frozen=True, slots=True, kw_only=True)
class TableUnit:
    """One unit: its blocks, whether it copies, which nexus (0 or 1) sees it.

    A huge unit is looked at in its first and its last `watched` bytes, every other one whole.
    """

    name: str
    blocks: int
    block_size: int = 512
    copies: bool = True
    nexus: int = 0
    watched: int = 0

    @property
    def size(self) -> int:
        """Bytes."""
        return self.blocks * self.block_size

    @property
    def windows(self) -> tuple[range, ...]:
        """The ranges of blocks that a case starts with in known contents and ends with compared."""
        if not self.watched:
            return (range(self.blocks),)
        part = self.watched // self.block_size
        return range(part), range(self.blocks - part, self.blocks)

    def block(self, lba: int) -> bytes:
        """A block before each case, unlike that of any other LBA or unit."""
        return (self.name.encode().ljust(8, b"-") + struct.pack(">Q", lba)) * (self.block_size // 16)

    def before(self) -> bytes:
        """All its windows before each case."""
        return b"".join(self.block(lba) for window in self.windows for lba in window)


UNITS = {
    unit.name: unit
    for unit in (
        TableUnit(name="a", blocks=512),
        TableUnit(name="b", blocks=512),
        TableUnit(name="k", blocks=64, block_size=4096),
        TableUnit(name="off", blocks=512, copies=False),
        TableUnit(name="far", blocks=512, nexus=1),
        TableUnit(name="big", blocks=2 * LAST + 2),
        TableUnit(name="huge", blocks=(1 << 32) + 512, watched=64 * KIB),
        TableUnit(name="big4k", blocks=1024, block_size=4096),
    )
}
SMALL = ("a", "b", "k", "off", "far")  # looked at after every case
NOBODY = bytes.fromhex("60014050000000000000000000000bad")  # well formed, and no unit's

Names = Mapping[str, bytes]  # the NAA designator of each unit, as its own page 83h gives it
Named = Callable[[Names], bytes]


@dataclass(frozen=True, slots=True)
class Sent:
    """The bytes of a command, and how many may come back."""

    cdb: bytes
    data_out: bytes = b""
    data_in: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One command to one unit; `touched` are units to look at beside the small ones."""

    name: str
    to: str
    build: Callable[[Names], Sent]
    touched: tuple[str, ...] = ()
    timeout: float = 60.0

    @property
    def watched(self) -> tuple[str, ...]:
        """The units that begin the case in known contents and whose contents are compared after it."""
        return (*SMALL, *self.touched)


def segment(
    source_lba: int,
    destination_lba: int,
    blocks: int,
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


def named(
    unit: str,
    *,
    block_length: int | None = None,
    changed: Mapping[int, int] | None = None,
    designator: Callable[[bytes], bytes] = bytes,
    length: int | None = None,
) -> Named:
    """A CSCD descriptor for a unit (`nobody` is a name no unit has), bytes of it `changed` afterwards.

    `designator` makes another designator of the unit's own, `length` is a DESIGNATOR LENGTH that lies.
    """
    size = UNITS[unit].block_size if unit in UNITS else 512

    def build(names: Names) -> bytes:
        value = designator(names.get(unit, NOBODY))
        head = bytes([0xE4, 0, 0, 0, 1, 3, 0, len(value) if length is None else length])
        tail = struct.pack(">I", size if block_length is None else block_length)
        return with_bytes(head + value.ljust(20, b"\0") + tail, changed)

    return build


def with_bytes(data: bytes, changed: Mapping[int, int] | None) -> bytes:
    """The same data but for those bytes."""
    result = bytearray(data)
    for place, value in (changed or {}).items():
        result[place] = value
    return bytes(result)


A_TO_B = (named("a"), named("b"))
ONE_BLOCK = (segment(3, 5, 1),)


def copy(
    name: str,
    *segments: bytes,
    cscds: tuple[Named, ...] = A_TO_B,
    to: str = "b",
    touched: tuple[str, ...] = (),
    cdb: Mapping[int, int] | None = None,
    header: Mapping[int, int] | None = None,
    length: int | None = None,
    sent: int | None = None,
    extra: bytes = b"",
    list_id: int = 0,
    usage: int = 0b11,
    inline: bytes = b"",
    cscd_length: int | None = None,
    segment_length: int | None = None,
) -> Case:
    """An EXTENDED COPY(LID1) of those segments, block 3 of `a` to block 5 of `b` when there are none.

    `cdb` and `header` are bytes changed in them, `extra` follows the list, `sent` is how many bytes of it
    all are transferred, `length` the PARAMETER LIST LENGTH where it is not what is transferred.
    """

    def build(names: Names) -> Sent:
        first = b"".join(descriptor(names) for descriptor in cscds)
        second = b"".join(segments or ONE_BLOCK)
        lengths = (
            len(first) if cscd_length is None else cscd_length,
            len(second) if segment_length is None else segment_length,
        )
        head = struct.pack(">BBHIII", list_id, usage << 3 | 1, lengths[0], 0, lengths[1], len(inline))
        data = (with_bytes(head + first + second + inline, header) + extra)[:sent]
        head = struct.pack(">BBQIBB", 0x83, 0, 0, len(data) if length is None else length, 0, 0)
        return Sent(with_bytes(head, cdb), data)

    return Case(name=name, to=to, build=build, touched=touched)


def question(
    name: str, cdb: str, room: int, *, to: str = "a", touched: tuple[str, ...] = (), timeout: float = 60.0
) -> Case:
    """A command of that CDB, in hex, with room for so many bytes of answer."""
    sent = Sent(bytes.fromhex(cdb), data_in=room)
    return Case(name=name, to=to, build=lambda _: sent, touched=touched, timeout=timeout)


def writing(name: str, cdb: bytes, data: bytes, *, to: str = "a", touched: tuple[str, ...] = ()) -> Case:
    """A command that sends data."""
    return Case(name=name, to=to, build=lambda _: Sent(cdb, data), touched=touched)

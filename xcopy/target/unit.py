"""One emulated logical unit: blocks, and the commands that read, write and flush them.

Knows nothing of other units, of nexuses or of copies. Who the unit is, is `identity`'s question.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from cdb.blocks import Read16, SynchronizeCache16, TestUnitReady, Write16
from cdb.capacity import Capacity10, Capacity16, ReadCapacity10, ReadCapacity16
from cdb.command import Command, Reply
from cdb.sense import DATA_PROTECT, ILLEGAL_REQUEST, MEDIUM_ERROR
from xcopy.target.refusal import answer, parse_cdb, refuse, wrong_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.target.backing import Backing

BLOCK_SIZES = (512, 4096)
MAXIMUM_NUMBER = 0xFFFF
MAXIMUM_SERIAL = 200  # with vendor and product before it, a designator of page 83h is at most 255 bytes
MAXIMUM_TRANSFER = 32 << 20  # bytes one READ or WRITE moves at most; page B0h says so in blocks
ASK_READ_CAPACITY_16 = 0xFFFFFFFF


def unnoticed(_unit: Unit, _lba: int, _blocks: int) -> AbstractContextManager[Any]:
    """Nobody needs to know of a change."""
    return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unit:
    """A logical unit; `blocks` of `block_size` bytes, all of them in `backing`.

    `overwriting` is entered around every change of blocks, with the unit, the first LBA and their number;
    `nexuses` are those that it is mapped to, None for every one.
    """

    device_type: ClassVar[int] = 0x00

    number: int
    serial: str
    block_size: int
    blocks: int
    backing: Backing
    third_party_copy: bool = True
    read_only: bool = False
    nexuses: frozenset[str] | None = None
    overwriting: Callable[[Unit, int, int], AbstractContextManager[Any]] = unnoticed

    def __post_init__(self) -> None:
        if not 0 <= self.number <= MAXIMUM_NUMBER:
            raise ValueError(f"a unit number is 0 to {MAXIMUM_NUMBER}, got {self.number}")
        if not self.serial.isascii() or not 1 <= len(self.serial) <= MAXIMUM_SERIAL:
            raise ValueError(
                f"unit {self.number}: a serial number is 1 to {MAXIMUM_SERIAL} ASCII characters, "
                f"got {self.serial!r}"
            )
        if self.block_size not in BLOCK_SIZES:
            raise ValueError(f"unit {self.number}: block size is 512 or 4096, got {self.block_size}")
        if self.blocks < 1:
            raise ValueError(f"unit {self.number}: a unit has at least one block, got {self.blocks}")
        if self.backing.size < self.size:
            raise ValueError(
                f"unit {self.number}: {self.blocks} blocks of {self.block_size} bytes "
                f"need {self.size} bytes, the backing holds {self.backing.size}"
            )

    @property
    def size(self) -> int:
        """Bytes."""
        return self.blocks * self.block_size

    def is_seen_by(self, nexus: str) -> bool:
        """True when it is mapped to that nexus."""
        return self.nexuses is None or nexus in self.nexuses

    def perform(self, command: Command) -> Reply:
        """Answer one command; `Refused` is the unit's no."""
        perform = _COMMANDS.get(command.cdb[:1])
        if perform is None:
            refuse(ILLEGAL_REQUEST, 0x20, 0x00)
        return perform(self, command)

    def check_range(self, lba: int, blocks: int) -> None:
        """LOGICAL BLOCK ADDRESS OUT OF RANGE unless all of it is there."""
        if lba + blocks > self.blocks:
            refuse(ILLEGAL_REQUEST, 0x21, 0x00)

    def check_writable(self) -> None:
        """WRITE PROTECTED when it is."""
        if self.read_only:
            refuse(DATA_PROTECT, 0x27, 0x00)

    def read(self, lba: int, blocks: int) -> bytes:
        """Those blocks; `Refused` when out of range or unreadable."""
        self.check_range(lba, blocks)
        try:
            return self.backing.read(lba * self.block_size, blocks * self.block_size)
        except OSError:
            refuse(MEDIUM_ERROR, 0x11, 0x00)

    def write(self, lba: int, data: bytes | bytearray | memoryview) -> None:
        """Put whole blocks at `lba`; `Refused` when write protected, out of range or failing."""
        self.check_writable()
        blocks = len(data) // self.block_size
        self.check_range(lba, blocks)
        try:
            with self.overwriting(self, lba, blocks):
                self.backing.write(lba * self.block_size, data)
        except OSError:
            refuse(MEDIUM_ERROR, 0x0C, 0x00)

    def flush(self) -> None:
        """Make what was written last; `Refused` when that fails."""
        try:
            self.backing.flush()
        except OSError:
            refuse(MEDIUM_ERROR, 0x0C, 0x00)

    def _test_unit_ready(self, command: Command) -> Reply:
        parse_cdb(TestUnitReady, command.cdb)
        return answer(command, b"")

    def _read_capacity_10(self, command: Command) -> Reply:
        parse_cdb(ReadCapacity10, command.cdb)
        last = min(self.blocks - 1, ASK_READ_CAPACITY_16)
        return answer(command, Capacity10(last_lba=last, block_length=self.block_size).pack())

    def _read_capacity_16(self, command: Command) -> Reply:
        cdb = parse_cdb(ReadCapacity16, command.cdb)
        data = Capacity16(last_lba=self.blocks - 1, block_length=self.block_size).pack()
        return answer(command, data, cdb.allocation_length)

    def _read_16(self, command: Command) -> Reply:
        cdb = parse_cdb(Read16, command.cdb)
        if cdb.rdprotect:
            wrong_field(Read16, "rdprotect")
        self.check_range(cdb.lba, cdb.transfer_length)
        if cdb.transfer_length * self.block_size > MAXIMUM_TRANSFER:
            wrong_field(Read16, "transfer_length")
        return answer(command, self.read(cdb.lba, cdb.transfer_length))

    def _write_16(self, command: Command) -> Reply:
        cdb = parse_cdb(Write16, command.cdb)
        if cdb.wrprotect:
            wrong_field(Write16, "wrprotect")
        self.check_writable()
        self.check_range(cdb.lba, cdb.transfer_length)
        length = cdb.transfer_length * self.block_size
        if length > MAXIMUM_TRANSFER or length > len(command.data_out):
            wrong_field(Write16, "transfer_length")
        self.write(cdb.lba, memoryview(command.data_out)[:length])
        if cdb.fua:
            self.flush()
        return Reply(residual=len(command.data_out) - length)

    def _synchronize_cache(self, command: Command) -> Reply:
        cdb = parse_cdb(SynchronizeCache16, command.cdb)
        self.check_range(cdb.lba, cdb.blocks)
        self.flush()
        return answer(command, b"")


_COMMANDS: dict[bytes, Callable[[Unit, Command], Reply]] = {
    b"\x00": Unit._test_unit_ready,
    b"\x25": Unit._read_capacity_10,
    b"\x88": Unit._read_16,
    b"\x8a": Unit._write_16,
    b"\x91": Unit._synchronize_cache,
    b"\x9e": Unit._read_capacity_16,
}

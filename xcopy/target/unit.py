"""One emulated logical unit: its blocks, and what is done to them without being disturbed.

Knows nothing of other units, of nexuses or of copies. Which commands there are is `block_commands`'
question, who the unit is `identity`'s.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar

from cdb.sense import DATA_PROTECT, ILLEGAL_REQUEST, MEDIUM_ERROR
from xcopy.target import block_commands
from xcopy.target.backing import ThinBacking
from xcopy.target.mode import Mode
from xcopy.target.refusal import refuse
from xcopy.target.reservation import Reservations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cdb.command import Command, Reply
    from cdb.vpd import Designator
    from xcopy.target.backing import Backing

BLOCK_SIZES = (512, 4096)
MAXIMUM_NUMBER = 0xFFFF
MAXIMUM_SERIAL = 200  # with vendor and product before it, a designator of page 83h is at most 255 bytes


def unnoticed(_unit: Unit, _lba: int, _blocks: int) -> AbstractContextManager[Any]:
    """Nobody needs to know of a change."""
    return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unit:
    """A logical unit; `blocks` of `block_size` bytes, all of them in `backing`.

    `granularity` is how many blocks get storage together in a thin unit, whose backing is a `ThinBacking`;
    0: every block has storage for good. `overwriting` is entered around every change of blocks, with the
    unit, the first LBA and their number. `changing` is held by whoever changes blocks; with `reservations`
    and `mode` it is what changes of a unit, and goes along when the rest is replaced.
    `nexuses` are those that it is mapped to, None for every one; `designators` come before its own in page
    83h.
    """

    device_type: ClassVar[int] = 0x00

    number: int
    serial: str
    block_size: int
    blocks: int
    backing: Backing
    granularity: int = 0
    third_party_copy: bool = True
    read_only: bool = False
    nexuses: frozenset[str] | None = None
    designators: tuple[Designator, ...] = ()
    overwriting: Callable[[Unit, int, int], AbstractContextManager[Any]] = unnoticed
    reservations: Reservations = field(default_factory=Reservations)
    mode: Mode = field(default_factory=Mode)
    changing: RLock = field(default_factory=RLock)

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
        if self.granularity < 0 or (self.granularity and not isinstance(self.backing, ThinBacking)):
            raise ValueError(
                f"unit {self.number}: a thin unit has a granularity of 1 block or more, got "
                f"{self.granularity}, and a backing that can let go of storage, got {self.backing!r}"
            )

    @property
    def size(self) -> int:
        """Bytes."""
        return self.blocks * self.block_size

    @property
    def thin(self) -> bool:
        """Whether blocks may have no storage, and read as zeros."""
        return self.granularity > 0

    def is_seen_by(self, nexus: str) -> bool:
        """True when it is mapped to that nexus."""
        return self.nexuses is None or nexus in self.nexuses

    def perform(self, command: Command) -> Reply:
        """Answer one command; `Refused` is the unit's no."""
        return block_commands.perform(self, command)

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
            with self.changing, self.overwriting(self, lba, blocks):
                self.backing.write(lba * self.block_size, data)
        except OSError:
            refuse(MEDIUM_ERROR, 0x0C, 0x00)

    def unmap(self, lba: int, blocks: int) -> None:
        """Let go of the storage of those blocks of a thin unit, as far as they are whole granules."""
        self.check_writable()
        self.check_range(lba, blocks)
        first, end = self.whole_granules(lba, blocks)
        if not isinstance(self.backing, ThinBacking) or first >= end:
            return
        try:
            with self.changing, self.overwriting(self, first, end - first):
                self.backing.unmap(first * self.block_size, (end - first) * self.block_size)
        except OSError:
            refuse(MEDIUM_ERROR, 0x0C, 0x00)

    def mapped(self, lba: int) -> Iterator[tuple[int, int]]:
        """From `lba` on, the extents that have storage: first LBA and the one behind the last, ascending."""
        if not self.thin or not isinstance(self.backing, ThinBacking):
            yield lba, self.blocks
            return
        granule = self.granularity * self.block_size
        begin, end = lba, lba
        start = lba // self.granularity * granule
        for offset, length in self.backing.mapped(start, self.size - start):
            first = max(offset // granule * self.granularity, lba)
            behind = min(-(-(offset + length) // granule) * self.granularity, self.blocks)
            if first > end:
                if end > begin:
                    yield begin, end
                begin = first
            end = max(behind, end)
        if end > begin:
            yield begin, end

    def whole_granules(self, lba: int, blocks: int) -> tuple[int, int]:
        """Of the granules that lie in those blocks the first LBA, and the one behind the last."""
        step = self.granularity or 1
        end = lba + blocks
        return -(-lba // step) * step, end if end == self.blocks else end // step * step

    def flush(self) -> None:
        """Make what was written last; `Refused` when that fails."""
        try:
            self.backing.flush()
        except OSError:
            refuse(MEDIUM_ERROR, 0x0C, 0x00)

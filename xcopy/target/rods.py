"""RODs: blocks of a unit that stand for data, and how that data stays what it was when they are overwritten.

A point in time ROD keeps the old blocks just before they change (copy on write), or is cancelled. Knows no
token and no time; every change of a unit's blocks passes `Rods.overwriting`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING

from cdb.sense import ILLEGAL_REQUEST
from xcopy.target.refusal import Refused, refuse
from xcopy.target.rod_policy import POINTS_IN_TIME, RodPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xcopy.target.unit import Unit

NO_ROOM_FOR_A_ROD = (0x55, 0x0C)  # INSUFFICIENT RESOURCES TO CREATE ROD


@dataclass(frozen=True, slots=True)
class Extent:
    """Consecutive blocks of a unit."""

    lba: int
    blocks: int

    @property
    def end(self) -> int:
        """The LBA behind the last block."""
        return self.lba + self.blocks

    def common(self, other: Extent) -> Extent | None:
        """The blocks that are in both, None when there are none."""
        first, end = max(self.lba, other.lba), min(self.end, other.end)
        return Extent(first, end - first) if first < end else None


@dataclass(slots=True, eq=False)
class Rod:
    """What `extents` of a unit represent, one after another; changed under the lock of `Rods` alone.

    `preserved` holds by LBA the old data of blocks that were overwritten since.
    """

    unit: int
    block_size: int
    rod_type: int
    extents: tuple[Extent, ...]
    cancelled: bool = False
    preserved: dict[int, bytes] = field(default_factory=dict)

    @property
    def blocks(self) -> int:
        """How many blocks it represents."""
        return sum(extent.blocks for extent in self.extents)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.blocks * self.block_size

    @property
    def point_in_time(self) -> bool:
        """Whether it represents what the blocks were, not what they are."""
        return self.rod_type in POINTS_IN_TIME

    def pieces(self, first: int, blocks: int) -> Iterator[Extent]:
        """Where blocks `first` to `first + blocks - 1` of the ROD are on its unit."""
        for extent in self.extents:
            if blocks <= 0:
                return
            if first < extent.blocks:
                piece = Extent(extent.lba + first, min(blocks, extent.blocks - first))
                yield piece
                blocks -= piece.blocks
            first = max(first - extent.blocks, 0)


class Rods:
    """Those of one array. The units know of it, so it knows no unit."""

    def __init__(self, policy: RodPolicy) -> None:
        self._policy = policy
        self._changed = Condition()
        self._writing: list[tuple[int, Extent]] = []
        self._there: set[Rod] = set()
        self._watched: list[Rod] = []
        self._preserved_bytes = 0

    def represent(self, unit: Unit, rod_type: int, extents: tuple[Extent, ...]) -> Rod:
        """A ROD of these blocks as they are now, until `forget`; one too many is refused (SPC-4 5.17.6.2)."""
        rod = Rod(unit.number, unit.block_size, rod_type, ())
        with self._changed:
            if len(self._there) >= self._policy.maximum_rods:
                refuse(ILLEGAL_REQUEST, *NO_ROOM_FOR_A_ROD)
            self._there.add(rod)
        self.add(rod, extents)
        return rod

    def add(self, rod: Rod, extents: tuple[Extent, ...]) -> None:
        """More blocks at the end of a ROD, as they are now: writes under way are waited for."""
        with self._changed:
            while rod.point_in_time and any(
                unit == rod.unit and _touches(extents, written) for unit, written in self._writing
            ):
                self._changed.wait()
            if rod.point_in_time and not rod.cancelled and rod not in self._watched:
                self._watched.append(rod)
            rod.extents += extents

    def forget(self, rod: Rod) -> None:
        """It is no longer needed; what was kept for it is let go."""
        with self._changed:
            self._there.discard(rod)
            self._let_go(rod)

    @contextmanager
    def overwriting(self, unit: Unit, lba: int, blocks: int) -> Iterator[None]:
        """Around every change of a unit's blocks; the old ones are kept, or who relied on them is told."""
        written = unit.number, Extent(lba, blocks)
        with self._changed:
            for rod in [r for r in self._watched if r.unit == unit.number]:
                self._before(rod, unit, written[1])
            self._writing.append(written)
        try:
            yield
        finally:
            with self._changed:
                self._writing.remove(written)
                self._changed.notify_all()

    def read(self, rod: Rod, unit: Unit, piece: Extent) -> bytes:
        """The data of one piece of a ROD of that unit; `Refused` where the unit cannot be read.

        Look at `cancelled` only afterwards: a write may come in between.
        """
        data = unit.read(piece.lba, piece.blocks)
        if not rod.preserved:
            return data
        size = rod.block_size
        with self._changed:
            kept = [(n, rod.preserved.get(piece.lba + n)) for n in range(piece.blocks)]
        changed = bytearray(data)
        for n, old in kept:
            if old is not None:
                changed[n * size : (n + 1) * size] = old
        return bytes(changed)

    def _before(self, rod: Rod, unit: Unit, written: Extent) -> None:
        lost = [lost for extent in rod.extents if (lost := extent.common(written))]
        if lost and self._policy.cancels_on_write(rod.rod_type):
            self._cancel(rod)
            return
        for extent in lost:
            missing = [n for n in range(extent.lba, extent.end) if n not in rod.preserved]
            if not missing:
                continue
            self._preserved_bytes += len(missing) * rod.block_size
            if self._preserved_bytes > self._policy.preserved_bytes:
                self._preserved_bytes -= len(missing) * rod.block_size
                self._cancel(rod)
                return
            try:
                old = unit.read(extent.lba, extent.blocks)
            except Refused:
                self._preserved_bytes -= len(missing) * rod.block_size
                self._cancel(rod)
                return
            for n in missing:
                at = (n - extent.lba) * rod.block_size
                rod.preserved[n] = old[at : at + rod.block_size]

    def _cancel(self, rod: Rod) -> None:
        rod.cancelled = True
        self._let_go(rod)

    def _let_go(self, rod: Rod) -> None:
        if rod in self._watched:
            self._watched.remove(rod)
            self._preserved_bytes -= len(rod.preserved) * rod.block_size
            rod.preserved = {}


def _touches(extents: tuple[Extent, ...], written: Extent) -> bool:
    return any(extent.common(written) for extent in extents)

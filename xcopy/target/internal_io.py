"""One internal read or write of a copy: past the faults, as the copy manager's nexus, its length checked.

A unit that says no, or moves less than it was asked for, ends the copy (SPC-4 5.17.7.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.target.faults import Step
from xcopy.target.refusal import Refused
from xcopy.target.reservation import Through
from xcopy.target.sides import BlockDevice, BlockSide, StreamSide
from xcopy.target.transfer import Inexact, read_whole, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.target.run import CopyRun


def read_blocks(run: CopyRun, side: BlockSide, lba: int, blocks: int) -> bytes:
    """Blocks of a disk, through the faults."""

    def perform() -> bytes:
        return _now(run, side, Through.READERS).read(lba, blocks)

    return perform_read(run, side, blocks, blocks * side.unit.block_size, perform, lba)


def write_blocks(run: CopyRun, side: BlockSide, lba: int, data: bytes) -> None:
    """Whole blocks to a disk, through the faults."""

    def perform(changed: bytes) -> None:
        _now(run, side, Through.HOLDERS).write(lba, changed)

    perform_write(run, side, len(data) // side.unit.block_size, data, perform, lba)


def _now(run: CopyRun, side: BlockSide, through: Through) -> BlockDevice:
    """A disk as it is by now, unless its reservation is in the way."""
    unit = side.unit
    unit.reservations.check(run.nexus, through)
    current = run.place.units.get(unit.number)
    same = current is not None and current.reservations is unit.reservations  # else it stands for a ROD
    return current if current is not None and same else unit


def perform_read(
    run: CopyRun,
    side: BlockSide | StreamSide,
    blocks: int,
    length: int,
    perform: Callable[[], bytes],
    lba: int | None = None,
) -> bytes:
    run.go_on()
    step = Step(kind="read", unit=side.unit.number, lba=_where(side, lba), blocks=blocks)
    try:
        data = read_whole(run.place.faults, step, length, perform)
    except Refused as refusal:
        run.device_failed(side, refusal)
    except Inexact as inexact:
        run.abort(*inexact.code, side.pointer)
    run.operation.commands += 1
    return data


def perform_write(
    run: CopyRun,
    side: BlockSide | StreamSide,
    blocks: int,
    data: bytes,
    perform: Callable[[bytes], None],
    lba: int | None = None,
) -> None:
    run.go_on()
    step = Step(kind="write", unit=side.unit.number, lba=_where(side, lba), blocks=blocks)
    try:
        write_whole(run.place.faults, step, data, perform)
    except Refused as refusal:
        run.device_failed(side, refusal)
    except Inexact as inexact:
        run.abort(*inexact.code, side.pointer)
    run.operation.commands += 1


def _where(side: BlockSide | StreamSide, lba: int | None) -> int:
    return side.unit.medium.position if isinstance(side, StreamSide) else lba or 0


def check_range(run: CopyRun, side: BlockSide, lba: int, blocks: int, field: str) -> None:
    """The whole range is there, before the first chunk moves."""
    try:
        side.unit.check_range(lba, blocks)
    except Refused as refusal:
        if beyond_end := run.place.profile.beyond_end:
            run.abort(*beyond_end, run.in_segment(field))
        run.device_failed(side, refusal, run.in_segment(field))


def check_writable(run: CopyRun, side: BlockSide | StreamSide) -> None:
    try:
        side.unit.check_writable()
    except Refused as refusal:
        run.device_failed(side, refusal)

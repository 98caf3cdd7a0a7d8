"""Where a segment's bytes come from and go to: whole blocks of a disk, whole transfers of a tape.

How much moves, and what becomes of the rest, is `movement`'s question, how one read or write is done
`internal_io`'s. Lengths are in bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from xcopy.target.internal_io import (
    check_range,
    check_writable,
    perform_read,
    perform_write,
    read_blocks,
    write_blocks,
)
from xcopy.target.sides import BlockSide, NullSide, StreamSide

if TYPE_CHECKING:
    from xcopy.target.run import CopyRun


class Reader(Protocol):
    """One source; `size` is the least it reads at once, `left` what it has yet to read."""

    size: int
    left: int

    def plan(self, amount: int, residual: int) -> int:
        """How much it will read so that `amount` can be processed, `residual` bytes being there already."""
        ...

    def check(self) -> None:
        """End the copy when what is planned cannot be there."""
        ...

    def read(self, most: int, /) -> bytes:
        """The next bytes, in about as many as `most`."""
        ...


class Writer(Protocol):
    """One destination; `size` is the least it writes at once, `left` what it has yet to write."""

    size: int
    left: int

    def whole(self, length: int, /) -> int:
        """As much of `length` bytes as it can write."""
        ...

    def padding(self, length: int, /) -> int:
        """How many zeros make `length` bytes a whole write."""
        ...

    def plan(self, length: int, padded: int) -> None:
        """So much will be written, and a last `padded` bytes; end the copy when that cannot be."""
        ...

    def write(self, data: bytes, /) -> None:
        """Write the next bytes."""
        ...

    def finish(self) -> None:
        """Nothing more comes."""
        ...


class DiskReader:
    """Blocks from `lba` on; with a `byte_offset` the bytes from there, and the whole range is read."""

    def __init__(self, run: CopyRun, side: BlockSide, lba: int, field: str, byte_offset: int | None) -> None:
        self._run, self._side, self._field = run, side, field
        self.size = side.unit.block_size
        self._at = lba * self.size + (byte_offset or 0)
        self._exactly = byte_offset is not None
        self.left = 0

    def plan(self, amount: int, residual: int) -> int:
        missing = max(amount - residual, 0)
        self.left = amount if self._exactly else -(-missing // self.size) * self.size
        return self.left

    def check(self) -> None:
        if self.left:
            first, end = self._at // self.size, -(-(self._at + self.left) // self.size)
            check_range(self._run, self._side, first, end - first, self._field)

    def read(self, most: int) -> bytes:
        first, skipped = divmod(self._at, self.size)
        end = min(self._at + self.left, (self._at + max(most, self.size)) // self.size * self.size)
        data = read_blocks(self._run, self._side, first, -(-end // self.size) - first)
        length = end - self._at
        self._at, self.left = end, self.left - length
        return data[skipped : skipped + length]


class DiskWriter:
    """Blocks from `lba` on; with a `byte_offset` the bytes from there, and what lies around them is kept."""

    def __init__(self, run: CopyRun, side: BlockSide, lba: int, field: str, byte_offset: int | None) -> None:
        self._run, self._side, self._lba, self._field = run, side, lba, field
        self.size = side.unit.block_size
        self._granule = self.size if byte_offset is None else 1
        self._offset = byte_offset or 0
        self._waiting = b""  # of a block that is not complete; its first `_kept` bytes were there before
        self._kept = 0
        self.left = 0

    def whole(self, length: int) -> int:
        return length // self._granule * self._granule

    def padding(self, length: int) -> int:
        return -length % self._granule

    def plan(self, length: int, padded: int) -> None:
        self.left = length
        blocks = -(-(self._offset + length + padded) // self.size) if length + padded else 0
        self._run.planned = blocks
        if blocks:
            check_range(self._run, self._side, self._lba, blocks, self._field)
            check_writable(self._run, self._side)

    def write(self, data: bytes) -> None:
        if self._offset:
            head = read_blocks(self._run, self._side, self._lba, 1)
            self._kept, self._waiting, self._offset = self._offset, head[: self._offset], 0
        self.left -= len(data)
        if self._waiting:
            data = self._waiting + data
        size = len(data) // self.size * self.size
        self._waiting = data[size:]
        if size:
            self._put(data[:size])

    def finish(self) -> None:
        if self._waiting:
            tail = read_blocks(self._run, self._side, self._lba, 1)[len(self._waiting) :]
            self._kept += len(tail)
            self._put(self._waiting + tail)
            self._waiting = b""

    def _put(self, data: bytes) -> None:
        write_blocks(self._run, self._side, self._lba, data)
        self._lba += len(data) // self.size
        self._run.wrote(len(data) // self.size, len(data) - self._kept)
        self._kept = 0


class TapeReader:
    """Transfers from where the tape stands."""

    def __init__(self, run: CopyRun, side: StreamSide, field: str) -> None:
        self._run, self._side = run, side
        self.size = max(transfer_size(run, side, field), 1)
        self._field = field
        self.left = 0

    def plan(self, amount: int, residual: int) -> int:
        missing = max(amount - residual, 0)
        if missing:
            _check_transfer(self._run, self._field)
        self.left = -(-missing // self.size) * self.size
        return self.left

    def check(self) -> None:
        """A tape says what is on it when it is read."""

    def read(self, _most: int) -> bytes:
        unit, block_length = self._side.unit, self._side.block_length
        self.left -= self.size
        if not block_length:
            return perform_read(self._run, self._side, 1, self.size, lambda: unit.read_record(self.size))
        count = self.size // block_length
        return perform_read(
            self._run, self._side, count, self.size, lambda: unit.read_blocks(count, block_length)
        )


class TapeWriter:
    """Transfers to where the tape stands."""

    def __init__(self, run: CopyRun, side: StreamSide, field: str) -> None:
        self._run, self._side = run, side
        self.size = max(transfer_size(run, side, field), 1)
        self._field = field
        self.left = 0

    def whole(self, length: int) -> int:
        if length:
            _check_transfer(self._run, self._field)
        return length // self.size * self.size

    def padding(self, length: int) -> int:
        return -length % self.size

    def plan(self, length: int, padded: int) -> None:
        self.left = length
        self._run.planned = (length + padded) // (self._side.block_length or 1)
        if length + padded:
            check_writable(self._run, self._side)

    def write(self, data: bytes) -> None:
        self.left -= len(data)
        record = self._side.block_length or self.size
        for at in range(0, len(data), self.size):
            part = data[at : at + self.size]
            perform_write(
                self._run,
                self._side,
                len(part) // record,
                part,
                lambda changed: self._side.unit.write_records(
                    [changed[n : n + record] for n in range(0, len(changed), record)]
                ),
            )
            self._run.wrote(len(part) // (self._side.block_length or 1), len(part))

    def finish(self) -> None:
        """Every transfer was whole."""


class NullReader:
    """A null unit: there is nothing to read, and needing it is an error."""

    def __init__(self, run: CopyRun, side: NullSide) -> None:
        self._run, self._side = run, side
        self.size, self.left = 1, 0

    def plan(self, amount: int, residual: int) -> int:
        if amount > residual:
            self._run.not_reachable(self._side.pointer)
        return 0

    def check(self) -> None:
        """Nothing is read."""

    def read(self, _most: int) -> bytes:
        raise AssertionError("a null unit is never read")


class NullWriter:
    """A null unit: what is left of others stays with it, writing anything is an error."""

    def __init__(self, run: CopyRun, side: NullSide, asked: int) -> None:
        if asked:
            run.not_reachable(side.pointer)
        self.size, self.left = 1, 0

    def whole(self, _length: int) -> int:
        return 0

    def padding(self, _length: int) -> int:
        return 0

    def plan(self, length: int, padded: int) -> None:
        """Nothing is written."""

    def write(self, _data: bytes) -> None:
        raise AssertionError("a null unit is never written")

    def finish(self) -> None:
        """Nothing was written."""


def disk_reader(
    run: CopyRun, side: BlockSide | NullSide, lba: int, field: str, byte_offset: int | None = None
) -> Reader:
    """What reads a disk, or a null unit."""
    return (
        NullReader(run, side)
        if isinstance(side, NullSide)
        else DiskReader(run, side, lba, field, byte_offset)
    )


def disk_writer(
    run: CopyRun,
    side: BlockSide | NullSide,
    lba: int,
    field: str,
    asked: int,
    byte_offset: int | None = None,
) -> Writer:
    """What writes a disk, or a null unit that `asked` bytes or blocks are meant for."""
    if isinstance(side, NullSide):
        return NullWriter(run, side, asked)
    return DiskWriter(run, side, lba, field, byte_offset)


def tape_reader(run: CopyRun, side: StreamSide | NullSide, field: str = "stream_transfer_length") -> Reader:
    """What reads a tape, or a null unit."""
    return NullReader(run, side) if isinstance(side, NullSide) else TapeReader(run, side, field)


def tape_writer(
    run: CopyRun, side: StreamSide | NullSide, asked: int, field: str = "stream_transfer_length"
) -> Writer:
    """What writes a tape, or a null unit that `asked` bytes or blocks are meant for."""
    return NullWriter(run, side, asked) if isinstance(side, NullSide) else TapeWriter(run, side, field)


def transfer_size(run: CopyRun, side: StreamSide, field: str) -> int:
    """Bytes of one read or write of a tape: its segment's count, of blocks in fixed mode (SPC-4 6.4.5.4)."""
    count: int = getattr(run.segment, field)
    size = count * (side.block_length or 1)
    most = run.place.profile.enforced.maximum_stream_transfer_size
    if most and size > most:
        run.abort(0x26, 0x00, run.in_segment(field))
    return size


def _check_transfer(run: CopyRun, field: str) -> None:
    """A transfer of no bytes never gets anywhere."""
    if not getattr(run.segment, field):
        run.abort(0x26, 0x00, run.in_segment(field))

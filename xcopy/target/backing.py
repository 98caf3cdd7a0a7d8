"""Where a unit's blocks are kept: bytes at offsets. Knows no block size, no SCSI and no file."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from xcopy.target.extents import Extents

if TYPE_CHECKING:
    from collections.abc import Iterator


class Backing(Protocol):
    """The bytes of one unit; offsets and lengths in bytes, always within `size`.

    A read or a write that fails raises `OSError`, and the unit answers MEDIUM ERROR.
    """

    @property
    def size(self) -> int:
        """Bytes held."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`."""
        ...

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Put all of `data` at `offset`."""
        ...

    def flush(self) -> None:
        """Make what was written last."""
        ...


@runtime_checkable
class ThinBacking(Backing, Protocol):
    """A backing that can do without storage for bytes that are zeros."""

    def mapped(self, offset: int, length: int) -> Iterator[tuple[int, int]]:
        """The extents of those bytes that have storage: offset and length, ascending; others are zeros."""
        ...

    def unmap(self, offset: int, length: int) -> None:
        """Let go of the storage of those bytes, which read as zeros from then on."""
        ...


class MemoryBacking:
    """A backing in memory; `data` may be looked at and changed behind the unit's back.

    What it holds from the beginning has storage if any of it is not zero.
    """

    def __init__(self, data: bytes | bytearray) -> None:
        self.data = bytearray(data)
        self._lock = Lock()
        self._mapped = Extents()
        if self.data.count(0) < len(self.data):
            self._mapped.add(0, len(self.data))

    @property
    def size(self) -> int:
        """Bytes held."""
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`."""
        return bytes(self.data[offset : offset + length])

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Put all of `data` at `offset`; data that would grow the backing is an `OSError`."""
        if offset + len(data) > len(self.data):
            raise OSError(f"{len(data)} bytes at {offset} run past the end at {len(self.data)}")
        with self._lock:
            self.data[offset : offset + len(data)] = data
            self._mapped.add(offset, offset + len(data))

    def mapped(self, offset: int, length: int) -> Iterator[tuple[int, int]]:
        """What was written and not let go of since."""
        with self._lock:
            return iter([(first, end - first) for first, end in self._mapped.within(offset, offset + length)])

    def unmap(self, offset: int, length: int) -> None:
        """Put zeros there, and say that they have no storage."""
        with self._lock:
            self.data[offset : offset + length] = bytes(length)
            self._mapped.remove(offset, offset + length)

    def flush(self) -> None:
        """Nothing is kept back."""

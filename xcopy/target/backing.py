"""Where a unit's blocks are kept: bytes at offsets. Knows no block size, no SCSI and no file."""

from __future__ import annotations

from typing import Protocol


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


class MemoryBacking:
    """A backing in memory; `data` may be looked at and changed behind the unit's back."""

    def __init__(self, data: bytes | bytearray) -> None:
        self.data = bytearray(data)

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
        self.data[offset : offset + len(data)] = data

    def flush(self) -> None:
        """Nothing is kept back."""

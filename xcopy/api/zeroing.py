"""Runs of a destination made zeros: by its block device itself, and by writes where that cannot.

Belongs here: which node and which blocks those are. Whether they may be written was settled before.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from xcopy.device.zeroing import ZeroingDevice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xcopy.api.endpoint import Endpoint
    from xcopy.conversation import BlockDoor

BY_DEVICE, BY_WRITES = 64 * 2**20, 2**20  # bytes at once: between two of them a stop is heard


class Zeros:
    """Runs of (LBA from the start of what was named, blocks), none twice; `done` bytes are zeros by now."""

    def __init__(self, destination: Endpoint, runs: Iterable[tuple[int, int]]) -> None:
        self._destination, self._runs = destination, tuple(runs)
        self._size = destination.unit.block_size
        self._base = 0 if destination.mapping is not None else destination.base
        self.total = sum(blocks for _, blocks in self._runs) * self._size
        self.done = 0

    def steps(self) -> Iterator[int]:
        """Write some at each step; bytes that are zeros by then. Raises XcopyError for what cannot be."""
        door: BlockDoor | None = None
        device = self._device()
        try:
            for lba, blocks in self._runs:
                at, end = self._base + lba, self._base + lba + blocks
                while at < end:
                    part = min(end - at, (BY_WRITES if device is None else BY_DEVICE) // self._size)
                    if device is not None:
                        try:
                            device.zero(at * self._size, part * self._size)
                        except OSError:  # writes are tried by every path, and their error says more
                            device.close()
                            device = None
                            continue
                    else:
                        door = door or self._door()
                        door.write(at, memoryview(bytes(part * self._size)))
                    at += part
                    self.done += part * self._size
                    yield self.done
        finally:
            if device is not None:
                device.close()
            if door is not None:
                door.close()

    def _device(self) -> ZeroingDevice | None:
        """By the kernel's own name for it: what the user called it may be another by now."""
        node = self._destination.node
        block = None if node is None else node.block if node.kind == "volume" else node.disk
        try:
            return None if block is None else ZeroingDevice(block.path, os.makedev(block.major, block.minor))
        except OSError:
            return None

    def _door(self) -> BlockDoor:
        destination = self._destination
        if destination.node is None or destination.node.kind != "volume":
            return destination.parts[0].open_blocks(True)
        from xcopy.device.blockio import BlockFile

        return BlockFile(destination.node.block.path, self._size, writable=True)

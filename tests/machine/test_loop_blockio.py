"""Block I/O on a real block device."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import TYPE_CHECKING

import pytest

from xcopy.device.blockio import BlockFile
from xcopy.errors import IoFailed, UnsafeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.machine.conftest import Loop

AT, LENGTH = 32 << 20, 4 << 20  # far from where udev and the kernel look for labels


def cached_pages(path: str) -> int:
    """How many pages of the tested part of a device the page cache holds (mincore(2))."""
    fd = os.open(path, os.O_RDWR)
    try:
        memory = mmap.mmap(fd, LENGTH, offset=AT)
    finally:
        os.close(fd)
    pages = (ctypes.c_ubyte * (LENGTH // mmap.PAGESIZE))()
    start = ctypes.c_char.from_buffer(memory)
    failed = ctypes.CDLL(None).mincore(
        ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(LENGTH), pages
    )
    del start
    memory.close()
    assert not failed
    return sum(page & 1 for page in pages)


@pytest.mark.parametrize("block_size", [512, 4096])
def test_what_is_written_is_read_and_nothing_beside_it_is_touched(loop: Loop, block_size: int) -> None:
    device = loop("--sector-size", str(block_size))
    data = os.urandom(LENGTH)
    lba = AT // block_size

    with BlockFile(device, block_size, writable=True) as file:
        assert file.direct
        assert file.size_blocks == (64 << 20) // block_size
        file.write(lba, memoryview(data))
        file.flush()
        assert bytes(file.read(lba, LENGTH // block_size)) == data
        assert bytes(file.read(lba - 8, 8)) == bytes(8 * block_size)
        assert bytes(file.read(lba + LENGTH // block_size, 8)) == bytes(8 * block_size)


def test_a_copy_from_one_device_to_another(loop: Loop) -> None:
    here, there = loop(), loop()
    data = os.urandom(LENGTH)
    with BlockFile(here, 512, writable=True) as file:
        file.write(7, memoryview(data))

    with BlockFile(here, 512, writable=False) as source, BlockFile(there, 512, writable=True) as target:
        target.write(100, source.read(7, LENGTH // 512))

        assert bytes(target.read(99, LENGTH // 512 + 2)) == bytes(512) + data + bytes(512)


def test_the_page_cache_stays_empty(loop: Loop) -> None:
    device = loop()
    with BlockFile(device, 512, writable=True) as file:
        file.write(AT // 512, memoryview(os.urandom(LENGTH)))
        file.read(AT // 512, LENGTH // 512)
        assert cached_pages(device) == 0

        with open(device, "rb") as buffered:
            buffered.seek(AT)
            buffered.read(LENGTH)
            assert cached_pages(device) == LENGTH // mmap.PAGESIZE  # so the count above means something


def test_past_the_end_nothing_can_be_written(loop: Loop) -> None:
    with BlockFile(loop(), 512, writable=True) as file:
        with pytest.raises(IoFailed, match=r"write of 16 blocks .* at block 131072: No space left"):
            file.write(file.size_blocks - 8, memoryview(bytes(16 * 512)))


def test_past_the_end_nothing_can_be_read(loop: Loop) -> None:
    with BlockFile(loop(), 512, writable=True) as file:
        with pytest.raises(IoFailed, match=r"read of 16 blocks .* at block 131072: it ends there"):
            file.read(file.size_blocks - 8, 16)


def test_a_device_is_never_read_through_the_cache_when_the_block_size_is_wrong(loop: Loop) -> None:
    device = loop("--sector-size", "4096")

    with BlockFile(device, 512, writable=False) as file:
        with pytest.raises(IoFailed, match="Invalid argument"):
            file.read(1, 1)
        assert file.direct


def test_an_exclusive_open_of_a_mounted_device_is_refused(
    partitioned: str, mount: Callable[[str], str]
) -> None:
    mount(f"{partitioned}p1")

    with pytest.raises(UnsafeError, match=f"{partitioned} is in use, the kernel says"):
        BlockFile(partitioned, 512, writable=True, exclusive=True)


def test_a_held_device_is_written_through_its_descriptor(loop: Loop) -> None:
    device = loop()
    fd = os.open(device, os.O_RDWR | os.O_EXCL)
    try:
        with BlockFile(fd, 512, writable=True) as file:
            file.write(3, memoryview(b"x" * 512))
            assert (file.path, bytes(file.read(3, 1))) == (device, b"x" * 512)
    finally:
        os.close(fd)

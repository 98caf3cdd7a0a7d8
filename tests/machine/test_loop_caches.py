"""The page caches of a disk and its partitions are apart; these doors bring them together."""

from __future__ import annotations

import os

from tests.machine.test_loop_claims import node
from xcopy.device.blockio import BlockFile
from xcopy.device.caches import drop, settle

START = 2048  # of partition 1, in blocks of 512 bytes
OLD, NEW = b"o" * 4096, b"n" * 4096


def test_after_a_drop_a_partition_shows_what_was_written_to_the_disk(partitioned: str) -> None:
    part = os.open(f"{partitioned}p1", os.O_RDWR)
    try:
        os.pwrite(part, OLD, 0)
        os.fsync(part)
        with BlockFile(partitioned, 512, writable=True) as disk:
            disk.write(START, memoryview(NEW))
            assert os.pread(part, 4096, 0) == OLD  # stale: what this test is about

            drop(node(partitioned))

            assert os.pread(part, 4096, 0) == NEW
    finally:
        os.close(part)


def test_after_a_drop_old_dirty_pages_cannot_overwrite_what_comes_next(partitioned: str) -> None:
    part = os.open(f"{partitioned}p1", os.O_RDWR)
    try:
        os.pwrite(part, OLD, 0)

        drop(node(partitioned))

        with BlockFile(partitioned, 512, writable=True) as disk:
            disk.write(START, memoryview(NEW))
            os.fsync(part)
            assert bytes(disk.read(START, 8)) == NEW
    finally:
        os.close(part)


def test_after_settling_the_device_has_what_was_written_to_a_partition(partitioned: str) -> None:
    part = os.open(f"{partitioned}p1", os.O_RDWR)
    try:
        os.pwrite(part, NEW, 0)
        with BlockFile(partitioned, 512, writable=False) as disk:
            settle(node(partitioned))

            assert bytes(disk.read(START, 8)) == NEW
    finally:
        os.close(part)

"""Claims, holds and refusals on real block devices with a real file system."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xcopy.device.caches import drop
from xcopy.device.claims import claims, hold
from xcopy.device.disk import Node
from xcopy.device.topology import block, resolve
from xcopy.errors import UnsafeError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.machine.conftest import Loop


def node(path: str) -> Node:
    """What `resolve` would say if a loop device were a SCSI disk."""
    disk = block(Path(path).name)
    return Node(path=path, kind="disk", major=disk.major, minor=disk.minor, disk=disk, sg=None)


def sentences(path: str, partition: str | None = None) -> list[str]:
    return [str(claim) for claim in claims(node(path), partition=partition)]


class TestTopology:
    def test_sysfs_shows_the_disk_its_numbers_and_its_partitions(self, partitioned: str) -> None:
        disk = block(Path(partitioned).name)

        number = os.stat(partitioned).st_rdev
        assert (disk.path, disk.major, disk.minor) == (partitioned, os.major(number), os.minor(number))
        assert [(p.path, p.number) for p in disk.partitions] == [
            (f"{partitioned}p1", 1),
            (f"{partitioned}p2", 2),
        ]

    def test_a_loop_device_is_refused_as_what_it_is(self, loop: Loop) -> None:
        device = loop()

        with pytest.raises(UnsupportedError, match=f"^{device} is a loop device, not a SCSI unit: .*; name "):
            resolve(device)

    def test_so_is_a_partition_of_one(self, partitioned: str) -> None:
        with pytest.raises(UnsupportedError, match=rf"{partitioned}p1 \(loop\d+\) is a loop device"):
            resolve(f"{partitioned}p1")

    def test_so_is_a_link_to_one(self, loop: Loop, tmp_path: Path) -> None:
        link = tmp_path / "link"
        link.symlink_to(loop())

        with pytest.raises(UnsupportedError, match=rf"{link} \(loop\d+\) is a loop device"):
            resolve(str(link))

    def test_a_name_that_the_kernel_does_not_know(self) -> None:
        with pytest.raises(UsageError, match="sdzz: the kernel knows no block device"):
            block("sdzz")


class TestClaims:
    def test_an_unused_device_has_none(self, partitioned: str) -> None:
        assert sentences(partitioned) == []

    def test_a_mounted_partition(self, partitioned: str, mount: Callable[[str], str]) -> None:
        point = mount(f"{partitioned}p1")

        assert sentences(partitioned) == [f"{partitioned}p1 is mounted on {point}"]

    def test_its_neighbour_is_free(self, partitioned: str, mount: Callable[[str], str]) -> None:
        mount(f"{partitioned}p1")

        assert sentences(partitioned, f"{partitioned}p2") == []

    def test_a_loop_device_laid_over_a_partition(self, partitioned: str, loop: Loop) -> None:
        above = loop(backing=f"{partitioned}p2")

        assert sentences(partitioned) == [f"{partitioned}p2 is held by {above} (a loop device)"]

    def test_a_read_only_device(self, loop: Loop) -> None:
        device = loop("--read-only")

        assert sentences(device) == [f"{device} is read-only"]


class TestHold:
    def test_a_disk_with_a_mounted_partition_is_in_use(
        self, partitioned: str, mount: Callable[[str], str]
    ) -> None:
        mount(f"{partitioned}p1")

        with pytest.raises(UnsafeError, match=f"{partitioned}: the kernel reports it in use"):
            hold(partitioned)

    def test_the_neighbour_of_a_mounted_partition_can_be_held(
        self, partitioned: str, mount: Callable[[str], str]
    ) -> None:
        mount(f"{partitioned}p1")

        hold(f"{partitioned}p2").close()

    def test_a_held_device_cannot_be_mounted_or_held_again_until_let_go(
        self, partitioned: str, tmp_path: Path
    ) -> None:
        part = f"{partitioned}p1"
        subprocess.run(["mkfs.ext4", "-q", part], check=True)
        with hold(part):
            mounting = subprocess.run(["mount", part, tmp_path], capture_output=True, check=False)
            with pytest.raises(UnsafeError):
                hold(part)

        assert mounting.returncode != 0
        hold(part).close()

    def test_the_caches_of_a_held_device_can_be_dropped(self, partitioned: str) -> None:
        with hold(partitioned):
            drop(node(partitioned))

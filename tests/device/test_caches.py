"""Every node with a cache is flushed, in order, and a failure is told."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from tests.device.fake_sysfs import Machine
from xcopy.device.caches import drop, nodes, settle
from xcopy.errors import AccessError

if TYPE_CHECKING:
    from pathlib import Path

    from xcopy.device.disk import Node

NAA = "naa.6001405aaaaaaaaaaaaaaaaaaaaaaaaa"
ALL = ["/dev/sdc1", "/dev/sdc", "/dev/dm-0", "/dev/sdb2", "/dev/sdb1", "/dev/sdb"]


class Kernel:
    """Notes what is opened, synced and flushed; fails where told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.fails: dict[tuple[str, str], int] = {}
        self._open: dict[int, str] = {}

    def open(self, path: str, flags: int) -> int:
        assert flags == os.O_RDONLY
        self._fail("open", path)
        self._open[1000 + len(self._open)] = path
        return 999 + len(self._open)

    def fsync(self, fd: int) -> None:
        self._did("fsync", self._open[fd])

    def ioctl(self, fd: int, request: int, _: int) -> int:
        assert request == 0x1261  # BLKFLSBUF of <linux/fs.h>
        self._did("flush", self._open[fd])
        return 0

    def fadvise(self, fd: int, offset: int, length: int, advice: int) -> None:
        assert (offset, length, advice) == (0, 0, os.POSIX_FADV_DONTNEED)
        self._did("fadvise", self._open[fd])

    def close(self, fd: int) -> None:
        self._did("close", self._open[fd])

    def of(self, call: str) -> list[str]:
        return [path for name, path in self.calls if name == call]

    def _did(self, call: str, path: str) -> None:
        self._fail(call, path)
        self.calls.append((call, path))

    def _fail(self, call: str, path: str) -> None:
        if number := self.fails.get((call, path)):
            raise OSError(number, os.strerror(number))


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A disk with two partitions, a volume on one, and a second path."""
    machine = Machine(tmp_path)
    machine.disk("sdb", 16, wwid=NAA, partitions={1: (2048, 8), 2: (4096, 8)})
    machine.disk("sdc", 32, wwid=NAA, partitions={1: (2048, 8)})
    machine.mapped("dm-0", 0, on=["sdb1"], uuid="LVM-abc", dm_name="vg-lv")
    return machine.resolve("/dev/sdb")


@pytest.fixture
def kernel(node: Node, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    assert node  # made while the real calls are still there
    fake = Kernel()
    monkeypatch.setattr(os, "open", fake.open)
    monkeypatch.setattr(os, "close", fake.close)
    monkeypatch.setattr(os, "fsync", fake.fsync)
    monkeypatch.setattr(os, "posix_fadvise", fake.fadvise)
    monkeypatch.setattr(fcntl, "ioctl", fake.ioctl)
    return fake


def test_the_disk_its_partitions_their_holders_and_all_that_of_the_other_path(node: Node) -> None:
    assert sorted(nodes(node)) == sorted(ALL)


def test_the_same_by_the_sg_node_of_a_path_that_has_no_disk(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.disk("sdb", 16, wwid=NAA, partitions={1: (2048, 8)})
    machine.generic_only(4, wwid=NAA)
    assert nodes(machine.resolve("/dev/sg4")) == ("/dev/sdb1", "/dev/sdb")


def test_what_lies_above_comes_first_for_it_writes_into_what_lies_below(node: Node) -> None:
    order = nodes(node)

    assert order.index("/dev/dm-0") < order.index("/dev/sdb1") < order.index("/dev/sdb")


def test_a_source_is_synced_everywhere_and_forgotten_nowhere(node: Node, kernel: Kernel) -> None:
    settle(node)

    assert kernel.of("fsync") == ALL
    assert kernel.of("flush") == []


def test_a_destination_is_synced_and_then_forgotten_everywhere(node: Node, kernel: Kernel) -> None:
    drop(node)

    assert kernel.calls[:3] == [("fsync", "/dev/sdc1"), ("flush", "/dev/sdc1"), ("close", "/dev/sdc1")]
    assert kernel.of("fsync") == kernel.of("flush") == kernel.of("close") == ALL


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENXIO, errno.ENODEV])
def test_a_node_that_vanished_has_no_cache_left(node: Node, kernel: Kernel, number: int) -> None:
    kernel.fails["open", "/dev/sdb2"] = number

    drop(node)

    assert kernel.of("flush") == [path for path in ALL if path != "/dev/sdb2"]


def test_a_node_that_vanishes_under_the_flush_has_none_either(node: Node, kernel: Kernel) -> None:
    kernel.fails["flush", "/dev/sdb2"] = errno.ENXIO

    drop(node)

    assert kernel.of("close") == ALL


@pytest.mark.parametrize("number", [errno.EROFS, errno.EOPNOTSUPP])
def test_a_node_with_nothing_to_sync_is_still_forgotten(node: Node, kernel: Kernel, number: int) -> None:
    kernel.fails["fsync", "/dev/sdb"] = number

    drop(node)

    assert "/dev/sdb" in kernel.of("flush")


@pytest.mark.parametrize(
    ("call", "number", "words"),
    [
        ("open", errno.EACCES, "/dev/sdb1: its cache cannot be flushed: Permission denied; run as root"),
        ("fsync", errno.EIO, "/dev/sdb1: flushing its cache failed: Input/output error; .*differ"),
        ("flush", errno.EIO, "/dev/sdb1: flushing its cache failed: Input/output error"),
    ],
)
def test_a_failure_is_told(node: Node, kernel: Kernel, call: str, number: int, words: str) -> None:
    kernel.fails[call, "/dev/sdb1"] = number

    with pytest.raises(AccessError, match=words):
        drop(node)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_without_the_capability_to_empty_a_cache_the_pages_that_nobody_uses_are_dropped(
    node: Node, kernel: Kernel, number: int
) -> None:
    for path in ALL:
        kernel.fails["flush", path] = number

    drop(node)

    assert kernel.of("fsync") == kernel.of("fadvise") == ALL


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_node_that_may_not_be_opened_is_left_out_where_that_is_allowed(
    node: Node, kernel: Kernel, number: int
) -> None:
    kernel.fails["open", "/dev/sdb1"] = number

    drop(node, closed=True)
    settle(node, closed=True)

    assert kernel.of("fsync") == 2 * [path for path in ALL if path != "/dev/sdb1"]


@pytest.mark.parametrize("call", ["open", "fsync", "flush"])
def test_the_nodes_of_a_path_that_has_failed_may_fail_too(node: Node, kernel: Kernel, call: str) -> None:
    for path in ("/dev/sdc", "/dev/sdc1"):
        kernel.fails[call, path] = errno.EIO

    with pytest.raises(AccessError):
        drop(node)
    drop(node, frozenset({"/dev/sdc"}))

    assert "/dev/sdb" in kernel.of("flush")


def test_the_node_of_a_path_that_has_failed_is_forgotten_although_it_cannot_be_written(
    node: Node, kernel: Kernel
) -> None:
    kernel.fails["fsync", "/dev/sdc"] = errno.EIO

    drop(node, frozenset({"/dev/sdc"}))

    assert "/dev/sdc" in kernel.of("flush")


def test_the_node_is_closed_after_a_failure(node: Node, kernel: Kernel) -> None:
    kernel.fails["flush", "/dev/sdb1"] = errno.EIO

    with pytest.raises(AccessError):
        drop(node)

    assert "/dev/sdb1" in kernel.of("close")


def test_a_unit_without_a_block_node_has_no_cache(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "sg only")
    machine.generic_only(3, device_type=0)

    assert nodes(machine.resolve("/dev/sg3")) == ()

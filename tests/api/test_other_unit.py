"""What may lead a copy to another unit, or hide that a command is still at work, where paths come and go."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cdb.command import Silence
from tests.api.test_failover import BLOCKS, COPY, COPY_IN, OFFLINE, OPTIONS, Bench, Watched
from tests.api.test_failover import bench as bench  # the fixture
from xcopy.api import endpoint
from xcopy.api.endpoint import open_endpoint, split
from xcopy.api.failover import FailoverBlocks, Ways
from xcopy.api.options import Options
from xcopy.device import blockio
from xcopy.errors import AccessError, IoFailed
from xcopy.job import Method
from xcopy.paths import Paths
from xcopy.target.array import memory_array
from xcopy.target.faults import Call, check

if TYPE_CHECKING:
    from xcopy.target.faults import Step

PRECIOUS = b"P" * (BLOCKS * 512)


@pytest.fixture
def third(bench: Bench) -> Bench:
    """An array with a unit that no copy has to do with."""
    bench.array = memory_array(3, blocks=BLOCKS)
    bench.array.units[0].backing.write(0, bench.data)
    bench.array.units[2].backing.write(0, PRECIOUS)
    return bench


def untouched(third: Bench) -> bool:
    return third.array.units[2].backing.read(0, BLOCKS * 512) == PRECIOUS


def test_where_the_named_path_is_dead_a_sibling_that_became_another_unit_is_not_taken_for_it(
    third: Bench,
) -> None:
    third.units["/dev/sde"] = 2  # the kernel still has the name of before
    third.fault("/dev/sdd", OFFLINE, lambda _: True)
    with pytest.raises(AccessError):
        third.copy("/dev/sdd")
    assert untouched(third)


def test_the_block_node_of_a_path_is_asked_who_it_is_not_the_sg_node_beside_it(
    third: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    third.units.update({"/dev/sg2": 1, "/dev/sg3": 1, "/dev/sde": 2})

    class BlockFile:
        """A disk by its node, of which the first path fails."""

        def __init__(self, path: str, size: int, *, writable: bool) -> None:
            del size, writable
            self._path, self._backing = path, third.array.units[third.units[path]].backing

        def read(self, lba: int, blocks: int) -> memoryview:
            return memoryview(self._backing.read(lba * 512, blocks * 512))

        def write(self, lba: int, data: memoryview) -> None:
            if self._path == "/dev/sdd":
                raise IoFailed("it went") from OSError(5, "it went")
            self._backing.write(lba * 512, bytes(data))

        def flush(self) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr(blockio, "BlockFile", BlockFile)
    monkeypatch.setattr(endpoint, "_opens", lambda *_: True)
    report = third.copy("/dev/sg2", Options(method=Method.HOST, jobs=1, segment=64 * 512))
    assert not report.complete
    assert untouched(third)


@pytest.mark.parametrize("paths", [1, 2])
def test_a_nexus_loss_that_another_command_is_told_of_is_known_to_who_asks_after_a_silent_one(
    bench: Bench, paths: int
) -> None:
    destination = "/dev/sdd"
    if paths == 1:
        destination = "/dev/sdf"
        bench.units["/dev/sdf"] = 1
        bench.machine.disk("sdf", 80, wwid="naa.77")
    told_of_it, copies = threading.Event(), [0]

    def silent(step: Step) -> bool:
        """The fifth copy is not heard of, the nexus is lost, and the next command is told."""
        copies[0] += step.cdb[0] == COPY
        if step.cdb[0] != COPY or copies[0] < 5:
            return False
        if copies[0] == 5:
            bench.array.lose(destination)
            return True
        if copies[0] == 7:
            told_of_it.set()
        return False

    bench.fault(destination, Silence("DID_RESET", host=0x08), silent, times=1)
    waits = Call(lambda: told_of_it.wait(5))
    bench.fault(destination, waits, lambda step: step.cdb[0] == COPY_IN and copies[0] >= 5, times=1)
    report = bench.copy(destination, replace(OPTIONS, jobs=2))
    assert not report.complete
    assert report.stopped


def test_an_aborted_copy_is_not_begun_again_by_another_path_that_knows_nothing_of_it(bench: Bench) -> None:
    copies = [0]

    def fifth(step: Step) -> bool:
        copies[0] += step.cdb[0] == COPY
        return step.cdb[0] == COPY and copies[0] == 5

    bench.fault("/dev/sdd", check(0xB, 0, 0), fifth, times=1)
    bench.fault("/dev/sdd", OFFLINE, lambda _: copies[0] >= 5)
    report = bench.copy()
    assert not report.complete
    assert set(bench.copies()) == {"/dev/sdd"}


def test_a_path_that_never_stops_telling_of_itself_is_a_failure(bench: Bench) -> None:
    unit = open_endpoint(split("/dev/dm-0")).parts[0].unit
    paths = Paths("/dev/dm-0", "/dev/sdd", lambda: ["/dev/sdd", "/dev/sde"], 2)
    ways = Ways(unit, paths, lambda path: Watched(bench, path), now=lambda: 0.0, sleep=lambda _: None)
    bench.fault("/dev/sde", check(6, 0x3F, 0x0E), lambda step: step.cdb[0] == 0)

    class Door:
        def __init__(self, path: str) -> None:
            self._path = path

        def write(self, *_: Any) -> None:
            if self._path == "/dev/sdd":
                raise IoFailed("it went") from OSError(5, "it went")

        def close(self) -> None: ...

    blocks = FailoverBlocks(ways, Door)  # type: ignore[arg-type]
    with pytest.raises(IoFailed):
        blocks.write(5, memoryview(b"abcd"))

"""Pieces of a file and the zeros between them as one copy, onto a unit of the emulated array."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from xcopy.api.copy import Copy, OfFile, ready
from xcopy.api.endpoint import Endpoint, open_endpoint, split
from xcopy.api.options import Options
from xcopy.api.request import extent_of
from xcopy.api.safety import refuse_own_ground
from xcopy.api.zeroing import BY_WRITES, Zeros
from xcopy.asked import Asked, Extent
from xcopy.device.array_dir import create, unit_file
from xcopy.errors import IoFailed, UnsafeError
from xcopy.host import CommandBlocks
from xcopy.job import Method

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 4 * 2**20
BLOCKS = SIZE // 512
TO = 100  # where the file is to be
FILE = 7000  # its blocks
PIECES = ((10, 50, TO + 20), (3000, 30, TO + 70))  # LBA of its device, blocks, LBA of the destination
ZEROS = ((TO, 20), (TO + 100, FILE - 100))


@pytest.fixture
def units(tmp_path: Path) -> tuple[Endpoint, Endpoint]:
    """Two units of random bytes."""
    create(tmp_path / "array", units=2, size=SIZE)
    for number in (0, 1):
        unit_file(tmp_path / "array", number).write_bytes(os.urandom(SIZE))
    first, second = (open_endpoint(split(f"emu:{tmp_path}/array/{number}")) for number in (0, 1))
    return first, second


def content(unit: Endpoint) -> bytearray:
    directory, _, number = unit.name.removeprefix("emu:").rpartition("/")
    return bytearray(unit_file(directory, int(number)).read_bytes())


def expected(first: Endpoint, second: Endpoint) -> bytearray:
    source, there = content(first), content(second)
    for lba, blocks, to in PIECES:
        there[to * 512 : (to + blocks) * 512] = source[lba * 512 : (lba + blocks) * 512]
    for lba, blocks in ZEROS:
        there[lba * 512 : (lba + blocks) * 512] = bytes(blocks * 512)
    return there


def whole(second: Endpoint, to: int = TO) -> Asked:
    return Asked(Extent("f", 0, FILE, 512), extent_of(second), [(0, (0, FILE, to))])


def copy_of(first: Endpoint, second: Endpoint, pieces: tuple[tuple[int, int, int], ...] = PIECES) -> Copy:
    asked = Asked(extent_of(first), extent_of(second), enumerate(pieces, 1), file="f", each="extent")
    of_file = OfFile(whole(second), Zeros(second, ZEROS))
    return ready(first, second, asked, Options(method=Method.OFFLOAD), ExitStack(), of_file=of_file)


def test_pieces_are_copied_by_the_storage_the_rest_becomes_zeros_and_nothing_else_is_written(
    units: tuple[Endpoint, Endpoint],
) -> None:
    should, seen = expected(*units), []
    with copy_of(*units) as copy:
        report = copy.run(seen.append)
    assert content(units[1]) == should
    assert report.complete
    assert report.bytes == {"offload": 80 * 512, "host": 0, "zeros": (FILE - 80) * 512}
    assert report.total == FILE * 512
    assert {look.total for look in seen} == {FILE * 512}


def test_a_file_of_zeros_alone_is_written(units: tuple[Endpoint, Endpoint]) -> None:
    with copy_of(*units, pieces=()) as copy:
        report = copy.run()
    there = content(units[1])
    assert report.bytes["zeros"] == (FILE - 80) * 512
    for lba, blocks in ZEROS:
        assert not any(there[lba * 512 : (lba + blocks) * 512])


def test_a_stop_is_heard_between_two_writes_of_zeros(
    units: tuple[Endpoint, Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, write = content(units[1]), CommandBlocks.write
    with copy_of(*units) as copy:

        def written(self: CommandBlocks, lba: int, data: memoryview) -> None:
            write(self, lba, data)
            if lba > TO:
                copy.stop("enough")

        monkeypatch.setattr(CommandBlocks, "write", written)
        report = copy.run()
    assert report.stopped == "enough"
    assert not report.complete
    assert report.bytes["zeros"] == 20 * 512 + BY_WRITES
    assert content(units[1])[(TO + 100) * 512 + BY_WRITES :] == before[(TO + 100) * 512 + BY_WRITES :]


def test_zeros_that_cannot_be_written_end_the_copy(
    units: tuple[Endpoint, Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise IoFailed("no more room")

    monkeypatch.setattr("xcopy.host.CommandBlocks.write", fail)
    with copy_of(*units) as copy:
        report = copy.run()
    assert report.stopped == "no more room"
    assert not report.complete
    assert report.bytes == {"offload": 80 * 512, "host": 0, "zeros": 0}


def test_what_is_not_copied_is_called_by_the_number_of_its_extent(units: tuple[Endpoint, Endpoint]) -> None:
    with copy_of(*units) as copy:
        copy.stop("enough")
        report = copy.run()
    assert [result.place for result in report.ranges] == ["f extent 1", "f extent 2"]
    assert report.copied == 0


def test_a_file_is_not_copied_onto_the_device_that_it_lies_on(units: tuple[Endpoint, Endpoint]) -> None:
    first = units[0]
    with pytest.raises(UnsafeError, match="which the file's own file system is on: no --force"):
        refuse_own_ground(first, first, whole(first, BLOCKS - FILE))
    refuse_own_ground(*units, whole(units[1]))

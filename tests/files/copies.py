"""What holds of copies between files on every file system: bytes inside, bytes around, and the means used.

Run where a file system can be: `tests/machine` has those that any kernel has, `tests/systems` the rest. Each
gives the fixture `mounted`.
"""

from __future__ import annotations

import os
import platform
import random
import resource
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import xcopy
from tests.files.file_system import BLOCK, KIB, MIB, FileSystem, blocks_shared, settle
from xcopy.api.files import CopyStopped, FileOptions
from xcopy.cli.main import main
from xcopy.errnos import Means
from xcopy.errors import UnsupportedError
from xcopy.ladder import Reflink
from xcopy.sparse import Sparse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EDGES = st.tuples(st.integers(0, 6), st.sampled_from([0, -2, -1, 1, 2, BLOCK, -BLOCK]), st.just(0))
INSIDE = st.tuples(st.just(0), st.just(0), st.integers(0, 7 * BLOCK))
PLACES = EDGES | INSIDE  # granules, bytes beside their border, and bytes
LARGEST = 64 * KIB  # granules of some network file systems are larger, and their servers' blocks are not


def content(length: int, seed: int) -> bytes:
    """No block like another, and none of zeros."""
    return random.Random(seed).randbytes(length)


@given(start=PLACES, to=PLACES, length=PLACES, size=PLACES, sparse=st.sampled_from(list(Sparse)))
@example(start=(0, 0, 0), to=(0, 0, 0), length=(0, 0, 8192), size=(64, 0, 0), sparse=Sparse.AUTO)
@example(start=(0, 0, 0), to=(0, 0, 0), length=(7, 9, 0), size=(3, 0, 0), sparse=Sparse.AUTO)
@example(start=(1, 1, 0), to=(0, 1, 0), length=(6, 8, 0), size=(0, 0, 0), sparse=Sparse.AUTO)
@example(start=(1, 0, 0), to=(1, 0, 0), length=(0, BLOCK, 0), size=(4, 0, 0), sparse=Sparse.AUTO)
@example(start=(0, BLOCK, 0), to=(1, BLOCK, 0), length=(2, 0, 0), size=(7, 0, 0), sparse=Sparse.AUTO)
def copied_as_into_a_bytearray(
    mounted: FileSystem,
    start: tuple[int, int, int],
    to: tuple[int, int, int],
    length: tuple[int, int, int],
    size: tuple[int, int, int],
    sparse: Sparse,
) -> None:
    """Whatever its first byte, its last, and the destination's size."""
    granule = min(mounted.granule, LARGEST)
    first, place, count, there = (
        max(0, granules * granule + beside + more) for granules, beside, more in (start, to, length, size)
    )
    source = mounted.at / "source"
    data = content(3 * granule, 1) + bytes(2 * granule) + content(2 * granule + 9, 2)
    if not source.exists():
        with source.open("wb") as file:
            for at in (0, 5 * granule):
                os.pwrite(file.fileno(), data[at : at + 3 * granule], at)
    first = min(first, len(data))
    count = min(count, len(data) - first)
    destination = mounted.file("destination", content(there, 3))
    model = bytearray(content(there, 3))
    if count:
        model.extend(bytes(max(0, place - there)))
        model[place : place + count] = data[first : first + count]
    report = xcopy.copy_range(source, destination, first, place, count, FileOptions(sparse=sparse))
    assert destination.read_bytes() == model
    assert report.copied == count


class FileCopies:
    """The same for each."""

    def test_a_file_is_copied_by_the_cheapest_means_of_its_file_system(
        self, mounted: FileSystem, record_property: Callable[[str, object], None]
    ) -> None:
        around = mounted.granule
        source = mounted.file("a", content(3 * MIB + 5, 1))
        destination = mounted.file("b", content(5 * MIB, 2))
        model = bytearray(destination.read_bytes())
        model[around : around + 3 * MIB + 5] = source.read_bytes()
        before = mounted.counters()
        report = xcopy.copy_range(source, destination, 0, around)
        assert destination.read_bytes() == model
        assert report.bytes[mounted.cheapest] >= 3 * MIB
        evidence = mounted.evidence(before, source, destination, around)
        if mounted.told:
            assert report.shared == len(blocks_shared(source, destination, around // BLOCK)) * BLOCK
        means = {each.value: count for each, count in report.bytes.items() if count}
        record_property("system", repr((mounted.name, platform.release(), means, evidence)))

    def test_never_shares_nothing(self, mounted: FileSystem) -> None:
        source, destination = mounted.file("a", content(MIB, 1)), mounted.file("b")
        report = xcopy.copy_range(source, destination, options=FileOptions(reflink=Reflink.NEVER, sync=True))
        assert report.bytes[Means.HOST] == MIB
        assert destination.read_bytes() == source.read_bytes()
        if mounted.told:
            assert blocks_shared(source, destination) == set()

    def test_whole_granules_inside_a_range_are_shared_and_bytes_around_it_stay(
        self, mounted: FileSystem
    ) -> None:
        granule, each = mounted.granule, mounted.granule // BLOCK
        source = mounted.file("a", content(16 * granule, 1))
        destination = mounted.file("b", content(16 * granule, 2))
        model = bytearray(destination.read_bytes())
        start, to, length = 5 * granule + 100, granule + 100, 9 * granule + 3
        model[to : to + length] = source.read_bytes()[start : start + length]
        report = xcopy.copy_range(source, destination, start, to, length)
        assert destination.read_bytes() == model
        if mounted.clones:
            assert report.bytes[Means.CLONE] == 8 * granule
        if mounted.clones and mounted.told:
            expected = set(range(2 * each, 10 * each))
            assert blocks_shared(source, destination, ahead=-4 * each) == expected
            assert report.shared == 8 * granule

    def test_a_clone_is_insisted_on_only_where_there_are_clones(self, mounted: FileSystem) -> None:
        source, new = mounted.file("a", content(MIB, 1)), mounted.at / "new"
        new.unlink(missing_ok=True)
        code = main([str(source), str(new), "--reflink", "always"])
        assert code == (0 if mounted.clones else 4)
        assert new.exists() == (code == 0)

    def test_reflink_makes_a_file_of_the_same_blocks_only_where_there_are_clones(
        self, mounted: FileSystem
    ) -> None:
        source, new = mounted.file("a", content(MIB + 5, 1)), mounted.at / "new"
        new.unlink(missing_ok=True)
        if not mounted.clones:
            with pytest.raises(UnsupportedError):
                xcopy.reflink(source, new)
            assert not new.exists()
            return
        made = xcopy.reflink(source, new, sync=True)
        assert (made.size, made.shared) == (MIB + 5, MIB + 5 if mounted.told else None)
        assert new.read_bytes() == source.read_bytes()
        if mounted.told:
            assert len(blocks_shared(source, new)) >= MIB // BLOCK + 1

    def test_a_range_at_any_alignment_is_what_a_bytearray_would_be(self, mounted: FileSystem) -> None:
        copied_as_into_a_bytearray(mounted)

    def test_holes_stay_holes_and_the_end_of_the_file_one_too(self, mounted: FileSystem) -> None:
        source, destination = mounted.file("a"), mounted.file("b")
        with source.open("wb") as file:
            for at in (0, 5 * MIB):
                os.pwrite(file.fileno(), content(64 * KIB, at), at)
            os.truncate(source, 9 * MIB)
        for options in (FileOptions(), FileOptions(reflink=Reflink.NEVER)):
            report = xcopy.copy_range(source, destination, options=options)
            assert destination.read_bytes() == source.read_bytes()
            settle(destination)
            assert destination.stat().st_blocks * 512 <= 512 * KIB
            assert report.copied == 9 * MIB

    def test_a_hole_over_data_becomes_zeros_and_gives_the_room_back(self, mounted: FileSystem) -> None:
        source, destination = mounted.file("a"), mounted.file("b", content(2 * MIB, 1))
        os.truncate(source, MIB)
        never = FileOptions(reflink=Reflink.NEVER)
        report = xcopy.copy_range(source, destination, 0, 512 * KIB, options=never)
        assert report.bytes[Means.HOLE] == MIB
        old = content(2 * MIB, 1)
        assert destination.read_bytes() == old[: 512 * KIB] + bytes(MIB) + old[512 * KIB + MIB :]
        settle(destination)
        assert destination.stat().st_blocks * 512 <= MIB + 128 * KIB

    def test_within_one_file_ranges_apart_are_copied_and_overlapping_ones_moved(
        self, mounted: FileSystem
    ) -> None:
        path = mounted.file("a", content(MIB, 1))
        data = path.read_bytes()
        xcopy.copy_range(path, path, 0, 512 * KIB, 256 * KIB)
        assert path.read_bytes() == data[: 512 * KIB] + data[: 256 * KIB] + data[768 * KIB :]
        data = path.read_bytes()
        for start, to in ((0, 5000), (5000, 0)):
            xcopy.copy_range(path, path, start, to, 900_000, FileOptions(move=True))
            model = bytearray(data)
            model[to : to + 900_000] = data[start : start + 900_000]
            assert path.read_bytes() == model
            data = bytes(model)

    def test_between_file_systems_the_host_copies_and_it_is_said_why(
        self, mounted: FileSystem, tmp_path: Path
    ) -> None:
        source, destination = tmp_path / "a", mounted.file("b")
        source.write_bytes(content(MIB + 7, 1))
        report = xcopy.copy_range(source, destination)
        assert destination.read_bytes() == source.read_bytes()
        assert report.bytes[Means.CLONE] == 0
        assert Means.CLONE in report.refused

    def test_a_limit_on_the_size_of_files_ends_the_copy_with_what_is_there(self, mounted: FileSystem) -> None:
        source, destination = mounted.file("a", content(MIB, 1)), mounted.file("b")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (512 * KIB + 100, before[1]))
        try:
            with pytest.raises(CopyStopped, match="File too large") as stopped:
                xcopy.copy_range(source, destination, options=FileOptions(reflink=Reflink.NEVER))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert stopped.value.report.copied == 512 * KIB + 100
        assert destination.read_bytes() == content(MIB, 1)[: 512 * KIB + 100]

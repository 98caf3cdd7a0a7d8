"""Copies between files on the file systems that a kernel has without a server or a cluster."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

import xcopy
from tests.files.copies import FileCopies, content
from tests.files.file_system import BLOCK, MIB, FileSystem, blocks_shared, make, run
from xcopy.api.files import prepare
from xcopy.errnos import Means
from xcopy.errors import UnsafeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SYSTEMS = ("ext4", "btrfs", "xfs", "tmpfs", "overlay")


@pytest.fixture(scope="module", params=SYSTEMS)
def mounted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileSystem]:
    """Each file system in turn."""
    with ExitStack() as stack:
        yield make(request.param, tmp_path_factory.mktemp(request.param), stack)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[FileSystem]:
    """A btrfs for one test."""
    with ExitStack() as stack:
        yield make("btrfs", tmp_path, stack)


class TestCopies(FileCopies):
    """On each of them."""


def test_a_full_file_system_ends_the_copy_with_what_is_there(tmp_path: Path) -> None:
    with ExitStack() as stack:
        small = make("tmpfs", tmp_path, stack)
        run("mount", "-o", "remount,size=1m", str(small.at))
        source = tmp_path.parent / "larger"
        source.write_bytes(content(4 * MIB, 1))
        with prepare(source, small.at / "b") as copy:
            report = copy.run()
        assert "No space left on device" in report.stopped
        assert 0 < report.copied < 4 * MIB
        assert (small.at / "b").stat().st_size == report.copied
        assert (small.at / "b").read_bytes() == source.read_bytes()[: report.copied]
        (rest,) = report.not_copied
        run("mount", "-o", "remount,size=8m", str(small.at))
        xcopy.copy_range(source, small.at / "b", rest.source_lba, rest.destination_lba)
        assert (small.at / "b").read_bytes() == source.read_bytes()


def test_a_file_of_an_overlay_and_the_same_in_its_layer_are_one_and_may_not_overlap(tmp_path: Path) -> None:
    with ExitStack() as stack:
        overlay = make("overlay", tmp_path, stack)
        shown = overlay.file("a", content(MIB, 1))
        below = tmp_path / "xfs/upper/a"
        assert shown.stat().st_dev != below.stat().st_dev
        for one, other in ((shown, below), (below, shown)):
            with pytest.raises(UnsafeError, match="overlap in one file"):
                xcopy.copy_range(one, other, 0, 5000, 100_000)
        assert below.read_bytes() == content(MIB, 1)


def test_one_that_was_copied_up_from_a_lower_layer_is_known_too(tmp_path: Path) -> None:
    with ExitStack() as stack:
        overlay = make("overlay", tmp_path, stack)
        run("umount", str(overlay.at))
        try:
            for name, seed in (("a", 1), ("other", 2)):
                (tmp_path / "xfs/lower" / name).write_bytes(content(MIB, seed))
        finally:
            layers = ",".join(f"{each}dir={tmp_path}/xfs/{each}" for each in ("lower", "upper", "work"))
            run("mount", "-t", "overlay", "-o", layers, "none", str(overlay.at))
        for name in ("a", "other"):
            with (overlay.at / name).open("r+b") as file:  # the first write copies it up
                file.write(b"!")
        shown, below = overlay.at / "a", tmp_path / "xfs/upper/a"
        assert shown.stat().st_ino != below.stat().st_ino
        for one, other in ((shown, below), (below, shown)):
            with pytest.raises(UnsafeError, match="overlap in one file"):
                xcopy.copy_range(one, other, 0, 5000, 100_000)
        assert below.read_bytes() == b"!" + content(MIB, 1)[1:]
        xcopy.copy_range(overlay.at / "other", below, 0, 5000, 100_000)
        assert shown.read_bytes()[5000:105_000] == (b"!" + content(MIB, 2)[1:])[:100_000]


class TestBtrfs:
    def test_two_mounts_of_one_file_system_share_blocks_although_their_devices_differ(
        self, fresh: FileSystem, tmp_path: Path
    ) -> None:
        run("btrfs", "-q", "subvolume", "create", str(fresh.at / "sub"))
        point = tmp_path / "apart"
        point.mkdir()
        device = run("findmnt", "-n", "-o", "SOURCE", str(fresh.at)).partition("[")[0]
        run("mount", "-o", "subvol=sub", device, str(point))
        try:
            source = fresh.file("a", content(MIB, 1))
            assert os.stat(source).st_dev != os.stat(point).st_dev
            assert xcopy.copy_range(source, point / "b").bytes[Means.CLONE] == MIB
            assert len(blocks_shared(source, point / "b")) == MIB // BLOCK
        finally:
            run("umount", str(point))

    def test_a_destination_without_checksums_is_copied_although_it_cannot_be_cloned(
        self, fresh: FileSystem
    ) -> None:
        source, destination = fresh.file("a", content(MIB, 1)), fresh.file("b")
        run("chattr", "+C", str(destination))
        report = xcopy.copy_range(source, destination)
        assert "Invalid argument" in report.refused[Means.CLONE]
        assert destination.read_bytes() == source.read_bytes()

    def test_a_clone_in_many_portions_is_one_clone(self, fresh: FileSystem) -> None:
        source, destination = fresh.file("a", content(9 * MIB, 1)), fresh.file("b", content(12 * MIB, 2))
        report = xcopy.copy_range(source, destination, 0, 2 * MIB)
        assert report.calls[Means.CLONE] >= 2
        assert len(blocks_shared(source, destination, ahead=512)) == 9 * MIB // BLOCK
        old = content(12 * MIB, 2)
        assert destination.read_bytes() == old[: 2 * MIB] + source.read_bytes() + old[11 * MIB :]

    @pytest.mark.parametrize(("pieces", "counted"), [(900, True), (1100, False)])
    def test_what_is_shared_is_counted_unless_it_is_in_more_than_a_thousand_extents(
        self, fresh: FileSystem, pieces: int, counted: bool
    ) -> None:
        source, destination = fresh.file("a"), fresh.file("b")
        with source.open("wb") as file:
            for number in range(pieces):
                os.pwrite(file.fileno(), content(BLOCK, number), number * 2 * BLOCK)
        report = xcopy.copy_range(source, destination)
        assert report.shared == (pieces * BLOCK if counted else None)
        assert destination.read_bytes() == source.read_bytes()

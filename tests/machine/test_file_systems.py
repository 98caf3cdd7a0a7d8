"""Copies between files on real file systems: bytes inside and outside, and the means that was really used.

What is shared, `filefrag` says, which asks the file system on its own.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import xcopy
from tests.machine.conftest import run
from xcopy.api.files import CopyStopped, FileOptions, prepare
from xcopy.cli.main import main
from xcopy.errnos import Means
from xcopy.errors import UnsupportedError
from xcopy.ladder import Reflink
from xcopy.sparse import Sparse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KIB, MIB = 2**10, 2**20
BLOCK = 4096
SYSTEMS = ("ext4", "btrfs", "xfs", "tmpfs", "overlay")
CLONING = ("btrfs", "xfs", "overlay")  # the overlay lies on xfs
SIZES = {"ext4": 64 * MIB, "btrfs": 128 * MIB, "xfs": 300 * MIB}
EXTENT = re.compile(r"\s*\d+:\s*(\d+)\.\.\s*(\d+):\s*(\d+)\.\.\s*\d+:\s*\d+:.*?([\w,]*)$")


@dataclass(frozen=True)
class Mounted:
    """A file system of its own for the tests of this file."""

    name: str
    at: Path

    def file(self, name: str, content: bytes | bytearray = b"") -> Path:
        path = self.at / name
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        return path


def put_on_loop(name: str, folder: Path, stack: ExitStack) -> Path:
    tool = shutil.which(f"mkfs.{name}")
    if tool is None:
        pytest.skip(f"mkfs.{name} is not installed")
    image, point = folder / f"{name}.img", folder / name
    image.touch()
    os.truncate(image, SIZES[name])
    point.mkdir()
    run(tool, "-q", str(image))
    done = subprocess.run(["mount", "-o", "loop", image, point], capture_output=True, text=True, check=False)
    if done.returncode:
        if name not in open_file_systems():
            pytest.skip(f"this kernel has no {name}")
        pytest.fail(done.stderr)
    stack.callback(run, "umount", str(point))
    return point


def open_file_systems() -> str:
    with open("/proc/filesystems") as file:
        return file.read()


def make(name: str, folder: Path, stack: ExitStack) -> Mounted:
    if name == "tmpfs":
        run("mount", "-t", "tmpfs", "-o", "size=32m", "none", str(folder))
        stack.callback(run, "umount", str(folder))
        return Mounted(name, folder)
    if name != "overlay":
        return Mounted(name, put_on_loop(name, folder, stack))
    base, point = put_on_loop("xfs", folder, stack), folder / "overlay"
    for each in (point, base / "lower", base / "upper", base / "work"):
        each.mkdir()
    layers = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
    run("mount", "-t", "overlay", "-o", layers, "none", str(point))
    stack.callback(run, "umount", str(point))
    return Mounted(name, point)


@pytest.fixture(scope="module", params=SYSTEMS)
def mounted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mounted]:
    """Each file system in turn."""
    with ExitStack() as stack:
        yield make(request.param, tmp_path_factory.mktemp(request.param), stack)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Mounted]:
    """A btrfs for one test."""
    with ExitStack() as stack:
        yield make("btrfs", tmp_path, stack)


def content(length: int, seed: int) -> bytes:
    """No block like another, and no zeros."""
    return b"".join(f"{seed}/{at:014}".encode() for at in range(length // 16 + 1))[:length]


def settle(path: Path) -> None:
    """Have the file system choose its blocks: what it may use is not known before."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def extents(path: Path) -> list[tuple[int, int, int, bool]]:
    """First and last block in the file, the place of the first, and whether it is shared."""
    lines = run("filefrag", "-s", "-v", f"-b{BLOCK}", str(path)).splitlines()
    found = [match for line in lines if (match := EXTENT.match(line))]
    return [(int(m[1]), int(m[2]), int(m[3]), "shared" in m[4].split(",")) for m in found]


def blocks_shared(one: Path, other: Path, ahead: int = 0) -> set[int]:
    """Blocks of `other` that lie where `one` has them, `ahead` blocks before."""

    def places(path: Path) -> dict[int, int]:
        return {
            block: place + block - first
            for first, last, place, shared in extents(path)
            if shared
            for block in range(first, last + 1)
        }

    theirs, ours = places(one), places(other)
    return {block for block, place in ours.items() if theirs.get(block - ahead) == place}


def test_a_file_is_copied_by_the_cheapest_means_of_its_file_system(mounted: Mounted) -> None:
    source, destination = mounted.file("a", content(3 * MIB + 5, 1)), mounted.at / "b"
    destination.unlink(missing_ok=True)
    report = xcopy.copy_range(source, destination)
    means = Means.CLONE if mounted.name in CLONING else Means.KERNEL
    assert destination.read_bytes() == source.read_bytes()
    assert report.bytes[means] >= 3 * MIB
    if mounted.name in CLONING:
        assert len(blocks_shared(source, destination)) >= 3 * MIB // BLOCK
        assert report.shared is not None
        assert report.shared >= 3 * MIB
    elif mounted.name == "ext4":
        assert (report.shared, blocks_shared(source, destination)) == (0, set())


def test_never_shares_nothing(mounted: Mounted) -> None:
    source, destination = mounted.file("a", content(MIB, 1)), mounted.file("b")
    report = xcopy.copy_range(source, destination, options=FileOptions(reflink=Reflink.NEVER, sync=True))
    assert report.bytes[Means.HOST] == MIB
    assert destination.read_bytes() == source.read_bytes()
    if mounted.name != "tmpfs":
        assert blocks_shared(source, destination) == set()


def test_whole_blocks_inside_a_range_are_shared_and_bytes_around_it_stay(mounted: Mounted) -> None:
    source, destination = mounted.file("a", content(MIB, 1)), mounted.file("b", content(MIB, 2))
    model = bytearray(destination.read_bytes())
    start, to, length = 5 * BLOCK + 100, 9 * BLOCK + 100, 50 * BLOCK + 3
    model[to : to + length] = source.read_bytes()[start : start + length]
    report = xcopy.copy_range(source, destination, start, to, length)
    assert destination.read_bytes() == model
    if mounted.name in CLONING:
        assert blocks_shared(source, destination, ahead=4) == set(range(10, 59))
        assert report.shared == 49 * BLOCK
        assert report.bytes[Means.CLONE] == 49 * BLOCK


def test_a_clone_is_insisted_on_only_where_there_are_clones(mounted: Mounted) -> None:
    source, new = mounted.file("a", content(MIB, 1)), mounted.at / "new"
    new.unlink(missing_ok=True)
    code = main([str(source), str(new), "--reflink", "always"])
    assert code == (0 if mounted.name in CLONING else 4)
    assert new.exists() == (code == 0)


def test_reflink_makes_a_file_of_the_same_blocks_only_where_there_are_clones(mounted: Mounted) -> None:
    source, new = mounted.file("a", content(MIB + 5, 1)), mounted.at / "new"
    new.unlink(missing_ok=True)
    if mounted.name not in CLONING:
        with pytest.raises(UnsupportedError):
            xcopy.reflink(source, new)
        assert not new.exists()
        return
    made = xcopy.reflink(source, new, sync=True)
    assert (made.size, made.shared) == (MIB + 5, MIB + 5)
    assert new.read_bytes() == source.read_bytes()
    assert len(blocks_shared(source, new)) == MIB // BLOCK + 1


EDGES = st.builds(lambda block, off: max(0, block * BLOCK + off), st.integers(0, 6), st.integers(-2, 2))
OFFSETS = st.one_of(EDGES, st.integers(0, 7 * BLOCK))


@settings(max_examples=50)
@given(start=OFFSETS, to=OFFSETS, length=OFFSETS, size=OFFSETS, sparse=st.sampled_from(list(Sparse)))
@example(start=0, to=0, length=2 * BLOCK, size=64 * BLOCK, sparse=Sparse.AUTO)
@example(start=0, to=0, length=7 * BLOCK + 9, size=3 * BLOCK, sparse=Sparse.AUTO)
@example(start=BLOCK + 1, to=1, length=6 * BLOCK + 8, size=0, sparse=Sparse.AUTO)
def test_a_range_at_any_alignment_is_what_a_bytearray_would_be(
    mounted: Mounted, start: int, to: int, length: int, size: int, sparse: Sparse
) -> None:
    source = mounted.at / "source"
    data = content(3 * BLOCK, 1) + bytes(2 * BLOCK) + content(2 * BLOCK + 9, 2)
    if not source.exists():
        with source.open("wb") as file:
            for at in (0, 5 * BLOCK):
                os.pwrite(file.fileno(), data[at : at + 3 * BLOCK], at)
    start = min(start, len(data))
    length = min(length, len(data) - start)
    destination = mounted.file("destination", content(size, 3))
    model = bytearray(content(size, 3))
    if length:
        model.extend(bytes(max(0, to - size)))
        model[to : to + length] = data[start : start + length]
    report = xcopy.copy_range(source, destination, start, to, length, FileOptions(sparse=sparse))
    assert destination.read_bytes() == model
    assert report.copied == length


def test_holes_stay_holes_and_the_end_of_the_file_one_too(mounted: Mounted) -> None:
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


def test_a_hole_over_data_becomes_zeros_and_gives_the_room_back(mounted: Mounted) -> None:
    source, destination = mounted.file("a"), mounted.file("b", content(2 * MIB, 1))
    os.truncate(source, MIB)
    report = xcopy.copy_range(source, destination, 0, 512 * KIB, options=FileOptions(reflink=Reflink.NEVER))
    assert report.bytes[Means.HOLE] == MIB
    old = content(2 * MIB, 1)
    assert destination.read_bytes() == old[: 512 * KIB] + bytes(MIB) + old[512 * KIB + MIB :]
    settle(destination)
    assert destination.stat().st_blocks * 512 <= MIB + 128 * KIB


def test_within_one_file_ranges_apart_are_copied_and_overlapping_ones_moved(mounted: Mounted) -> None:
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


def test_between_file_systems_the_host_copies_and_it_is_said_why(mounted: Mounted, tmp_path: Path) -> None:
    source, destination = tmp_path / "a", mounted.file("b")
    source.write_bytes(content(MIB + 7, 1))
    report = xcopy.copy_range(source, destination)
    assert destination.read_bytes() == source.read_bytes()
    assert report.bytes[Means.CLONE] == 0
    assert Means.CLONE in report.refused


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


def test_a_limit_on_the_size_of_files_ends_the_copy_with_what_is_there(mounted: Mounted) -> None:
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


class TestBtrfs:
    def test_two_mounts_of_one_file_system_share_blocks_although_their_devices_differ(
        self, fresh: Mounted, tmp_path: Path
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
        self, fresh: Mounted
    ) -> None:
        source, destination = fresh.file("a", content(MIB, 1)), fresh.file("b")
        run("chattr", "+C", str(destination))
        report = xcopy.copy_range(source, destination)
        assert "Invalid argument" in report.refused[Means.CLONE]
        assert destination.read_bytes() == source.read_bytes()

    def test_a_clone_in_many_portions_is_one_clone(self, fresh: Mounted) -> None:
        source, destination = fresh.file("a", content(9 * MIB, 1)), fresh.file("b", content(12 * MIB, 2))
        report = xcopy.copy_range(source, destination, 0, 2 * MIB)
        assert report.calls[Means.CLONE] >= 2
        assert len(blocks_shared(source, destination, ahead=512)) == 9 * MIB // BLOCK
        old = content(12 * MIB, 2)
        assert destination.read_bytes() == old[: 2 * MIB] + source.read_bytes() + old[11 * MIB :]

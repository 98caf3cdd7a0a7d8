"""A file copied onto a disk by the storage, from the blocks that its file system has it in."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.frozen import ioctl, is_frozen
from tests.lio.luns import KIB, MIB, PARTITIONS, PREFIX, command
from tests.lio.media import bytes_at
from tests.lio.target_log import watching
from xcopy.api.extents import prepare
from xcopy.api.options import Options
from xcopy.cli.exit_codes import ExitCode, code_of_report
from xcopy.device.guardian import FITHAW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media
    from xcopy.progress import Progress

TO = 4096  # LBA on the destination
SMALL_XFS = ("-f", "--unsupported")  # it wants 300 MiB otherwise
_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


@pytest.fixture
def mount(tmp_path: Path, media: Media) -> Iterator[Callable[..., Path]]:
    """Make a file system on a node of units, mount it, and give its mount point; afterwards it is gone."""
    made: list[tuple[str, tuple[Lun, ...], Path]] = []

    def mounted(kind: str, *options: str, on: str, units: tuple[Lun, ...]) -> Path:
        command("modprobe", kind)
        command(f"mkfs.{kind}", "-q", *options, on)
        point = tmp_path / f"mounted{len(made)}"
        point.mkdir()
        command("mount", on, str(point))
        made.append((on, units, point))
        return point

    yield mounted
    for on, units, point in reversed(made):
        try:
            assert not is_frozen(str(point))
        finally:
            with suppress(OSError):
                ioctl(str(point), FITHAW)
            command("umount", str(point))
            command("wipefs", "--all", "--force", "--quiet", on)
            for unit in units:
                media.accept(unit)


def patchwork(path: Path) -> bytes:
    """3 MiB in several extents, with holes, and half a MiB that is allocated and was never written."""
    made = bytearray(3 * MIB)
    with open(path, "w+b") as file, open(f"{path}.between", "wb") as between:
        for first, length in ((0, 300 * KIB), (512 * KIB, 128 * KIB), (MIB, 900 * KIB)):
            data = os.urandom(length)
            os.pwrite(file.fileno(), data, first)
            made[first : first + length] = data
            os.fsync(file.fileno())
            between.write(bytes(64 * KIB))  # where the next extent would have begun
            between.flush()
            os.fsync(between.fileno())
        assert _fallocate(file.fileno(), 0, 2 * MIB, 512 * KIB) == 0
        os.truncate(file.fileno(), len(made))
    return bytes(made)


@pytest.mark.parametrize(
    ("kind", "options", "freeze"),
    [("xfs", SMALL_XFS, ("--freeze",)), ("ext4", ("-F",), ())],
    ids=["xfs, frozen", "ext4, looked at before and after"],
)
def test_the_file_is_on_the_disk_by_extended_copy_and_nothing_else_is_written(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    mount: Callable[..., Path],
    kind: str,
    options: tuple[str, ...],
    freeze: tuple[str, ...],
) -> None:
    source, destination = luns["ram0"], luns["spare"]
    media.renew(destination, 0, destination.blocks)
    point = mount(kind, *options, on=source.path, units=(source,))
    data = patchwork(point / "file")
    with watching() as seen:
        outcome = xcopy_dev("--extents", str(point / "file"), f"{destination.path}:{TO}", *freeze)
    assert outcome.exit == 0, outcome.said
    assert not is_frozen(str(point))
    media.wrote(destination, TO, data)
    assert media.wrong_byte(destination) is None
    plan = outcome.records[0]
    assert plan["record"] == "extents"
    assert (plan["file_system"], plan["device"]) == (kind, source.path)
    assert plan["frozen"] == ([str(point)] if freeze else [])
    written = (300 + 128 + 900) * KIB
    assert outcome.done["bytes"] == {"offload": written, "host": 0, "zeros": 3 * MIB - written}
    assert sum(each.blocks for each in seen.segments) * 512 == written
    assert seen.commands
    assert seen.sources == {source.naa}


def test_from_a_partition_and_onto_one_the_places_of_both_are_added(
    parted: Lun, xcopy_dev: Callable[..., Outcome], mount: Callable[..., Path]
) -> None:
    point = mount("ext4", "-F", on=f"{parted.path}1", units=(parted,))
    data = patchwork(point / "file")[512 * KIB :][: 2 * MIB]
    (first, blocks), (second, _) = PARTITIONS
    behind = (first + blocks) * 512
    before = bytearray(bytes_at(parted.path, behind, parted.size - behind))
    words = ("--extents", f"{point}/file:512KiB+2MiB", f"{parted.path}2:64", "--freeze")
    means = xcopy_dev(*words, "--explain").records[-2]["means"]
    assert [each["means"] for each in means if not each["refused"]] == ["extents", "host"]
    assert xcopy_dev(*words, "--dry-run").exit == 0
    assert bytes_at(parted.path, behind, parted.size - behind) == before
    with watching() as seen:
        outcome = xcopy_dev(*words)
    assert outcome.exit == 0, outcome.said
    at = (second + 64) * 512 - behind
    before[at : at + len(data)] = data
    assert bytes_at(parted.path, behind, parted.size - behind) == before
    assert seen.segments
    assert all(first <= each.source < first + blocks for each in seen.segments)


@pytest.fixture
def volume(luns: dict[str, Lun]) -> Iterator[str]:
    """A linear volume on two disks, the first 8 MiB of it on the second of them."""
    name = f"{PREFIX}linear"
    table = f"0 16384 linear {luns['ram1'].path} 8192\n16384 49152 linear {luns['ram0'].path} 4096\n"
    command("dmsetup", "create", name, feed=table)
    yield f"/dev/mapper/{name}"
    command("dmsetup", "remove", "--retry", name)


def test_a_file_system_on_a_volume_of_two_disks_has_its_file_on_both(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    volume: str,
    mount: Callable[..., Path],
) -> None:
    destination = luns["spare"]
    point = mount("ext4", "-F", on=volume, units=(luns["ram0"], luns["ram1"]))
    data = os.urandom(20 * MIB)
    (point / "file").write_bytes(data)
    with watching() as seen:
        outcome = xcopy_dev("--extents", f"{point}/file", f"{destination.path}:{TO}", "--freeze")
    assert outcome.exit == 0, outcome.said
    assert outcome.done["bytes"] == {"offload": 20 * MIB, "host": 0}
    media.wrote(destination, TO, data)
    assert media.wrong_byte(destination) is None
    assert seen.sources == {luns["ram0"].naa, luns["ram1"].naa}


def test_where_the_storage_cannot_the_host_copies_the_file_and_the_reason_is_said(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], mount: Callable[..., Path]
) -> None:
    source, destination = luns["ram0"], luns["no3pc"]
    point = mount("ext4", "-F", on=source.path, units=(source,))
    data = patchwork(point / "file")
    words = ("--extents", str(point / "file"), f"{destination.path}:{TO}")
    assert xcopy_dev(*words, "--require", "offload").exit == 4
    assert media.wrong_byte(destination) is None
    outcome = xcopy_dev(*words)
    assert outcome.exit == 0, outcome.said
    assert "not by the file's extents: " in outcome.said
    assert outcome.records[0]["record"] == "extents"
    assert outcome.records[0]["refused"]
    assert outcome.done["bytes"]["host"] == 3 * MIB
    media.wrote(destination, TO, data)
    assert media.wrong_byte(destination) is None


def test_a_refusal_that_comes_with_the_first_command_has_the_host_copy_the_file(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], mount: Callable[..., Path]
) -> None:
    source, destination = luns["ram0"], luns["far"]
    point = mount("ext4", "-F", on=source.path, units=(source,))
    data = patchwork(point / "file")
    words = ("--extents", str(point / "file"), f"{destination.path}:{TO}")
    assert xcopy_dev(*words, "--require", "offload").exit == 4
    assert media.wrong_byte(destination) is None
    outcome = xcopy_dev(*words)
    assert outcome.exit == 0, outcome.said
    assert "not by the file's extents: " in outcome.said
    media.wrote(destination, TO, data)
    assert media.wrong_byte(destination) is None


def test_a_file_is_not_copied_onto_its_own_disk_whatever_is_forced(
    luns: dict[str, Lun], xcopy_dev: Callable[..., Outcome], mount: Callable[..., Path]
) -> None:
    source = luns["ram0"]
    point = mount("ext4", "-F", on=source.path, units=(source,))
    data = patchwork(point / "file")
    outcome = xcopy_dev(
        "--extents", str(point / "file"), f"{source.path}:100000", "--force=mounted,open,holder"
    )
    assert outcome.exit == 3
    assert "no --force overrides that" in outcome.said
    assert (point / "file").read_bytes() == data


class TestMeanwhile:
    """What is done to the file while it is copied: at the first look at the progress."""

    def test_a_file_that_is_written_to_is_told_to_be_no_copy(
        self, luns: dict[str, Lun], media: Media, mount: Callable[..., Path]
    ) -> None:
        source, destination = luns["ram0"], luns["spare"]
        point = mount("xfs", *SMALL_XFS, on=source.path, units=(source,))
        patchwork(point / "file")

        def write(_: Progress) -> None:
            with open(point / "file", "r+b") as file:
                file.write(b"in place: its blocks stay where they are")

        with prepare(str(point / "file"), destination.path) as copy:
            report = copy.run(write)
        assert report.copied == report.total
        assert "was changed while it was copied" in report.stopped
        assert "--freeze" in report.stopped
        assert code_of_report(report, only_offload=True) is ExitCode.STOPPED
        media.accept(destination)

    def test_one_that_moved_before_it_was_frozen_is_copied_from_where_it_is(
        self, luns: dict[str, Lun], media: Media, mount: Callable[..., Path]
    ) -> None:
        source, destination = luns["ram0"], luns["spare"]
        point = mount("ext4", "-F", on=source.path, units=(source,))
        data = bytearray(patchwork(point / "file"))
        seen: list[bool] = []
        with prepare(str(point / "file"), destination.path, Options(freeze=True)) as copy:
            with open(point / "file", "r+b") as file:
                file.seek(2 * MIB + 128 * KIB)
                file.write(b"new" * 100_000)
            data[2 * MIB + 128 * KIB : 2 * MIB + 128 * KIB + 300_000] = b"new" * 100_000
            report = copy.run(lambda _: seen.append(is_frozen(str(point))))
        assert report.complete
        assert seen[0]
        media.wrote(destination, 0, bytes(data))
        assert media.wrong_byte(destination) is None

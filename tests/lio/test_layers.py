"""Devices of the real device-mapper as no tool makes them: of large blocks, overlapping, suspended, moved."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.lio.luns import PREFIX, command
from tests.lio.media import bytes_at
from tests.lio.target_log import Segment, watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

    Mapped = Callable[..., str]


@pytest.fixture
def mapped() -> Iterator[Mapped]:
    """Make a device of this table; removed after the test, the last first."""
    command("modprobe", "-a", "dm_mod", "dm_snapshot")
    made: list[str] = []

    def make(name: str, *lines: str) -> str:
        table = "".join(f"{line}\n" for line in lines)
        command("dmsetup", "create", PREFIX + name, feed=table)
        made.append(PREFIX + name)
        command("udevadm", "settle")
        return f"/dev/mapper/{PREFIX}{name}"

    yield make
    for name in reversed(made):
        command("dmsetup", "remove", "--retry", name)
    command("udevadm", "settle")


def test_a_volume_of_large_blocks_is_counted_in_them(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], mapped: Mapped
) -> None:
    lun, other = luns["ram4k"], luns["file4k"]
    volume = mapped("large", f"0 8192 linear {lun.path} 80", f"8192 8192 linear {other.path} 8000")
    media.renew(other, 0, 2048)
    with watching() as seen:
        outcome = xcopy_dev(f"{other.path}:3+900", f"{volume}:5", "--require", "offload")
    assert outcome.exit == 0, outcome.said
    media.copied(other, 3, lun, 10 + 5, 900 * 4096)
    assert [media.wrong_byte(each) for each in (lun, other)] == [None, None]
    assert seen.ranges() == [Segment(3, 15, 900)]


class TestByHost:
    """What storage cannot do for a layer the host does, where that is asked for."""

    @pytest.fixture
    def secret(self, luns: dict[str, Lun], mapped: Mapped) -> str:
        command("modprobe", "dm_crypt")
        return mapped("secret", f"0 16384 crypt aes-xts-plain64 {'5a' * 64} 0 {luns['ram1'].path} 2048")

    def test_an_encrypted_volume_is_copied_as_it_is_read(
        self, luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], secret: str
    ) -> None:
        source, lun = luns["ram0"], luns["ram1"]
        words = "--method", "host", "--yes"
        outcome = xcopy_dev(f"{source.path}:9+3000", f"{secret}:100", *words)
        assert outcome.exit == 0, outcome.said
        plain = bytes(media.holds(source)[9 * 512 : 3009 * 512])
        assert bytes_at(secret, 100 * 512, len(plain)) == plain
        before, holds = bytes(media.holds(lun)), bytes_at(lun.path, 0, lun.size)
        low, high = (2048 + 100) * 512, (2048 + 3100) * 512
        assert (holds[:low], holds[high:]) == (before[:low], before[high:])
        assert holds[low:high] not in (plain, before[low:high])
        media.accept(lun)
        outcome = xcopy_dev(f"{secret}:100+3000", f"{source.path}:8000", *words)
        assert outcome.exit == 0, outcome.said
        media.wrote(source, 8000, plain)
        assert [media.wrong_byte(each) for each in (source, lun)] == [None, None]

    def test_onto_its_own_disk_it_is_refused(
        self, luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], secret: str
    ) -> None:
        for sides in ((secret, luns["ram1"].path), (f"{luns['ram1'].path}:0+8", secret)):
            outcome = xcopy_dev(*sides, "--method", "host", "--force=holder")
            assert outcome.exit == 3, outcome.said
            assert "may have bytes in common" in outcome.said
        assert media.wrong_byte(luns["ram1"]) is None

    def test_unasked_it_is_refused_with_the_way_out(
        self, luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], secret: str
    ) -> None:
        outcome = xcopy_dev(f"{secret}:0+8", luns["ram0"].path)
        assert outcome.exit == 4, outcome.said
        assert "its crypt target encrypts its blocks" in outcome.said
        assert "--method host" in outcome.said
        assert media.wrong_byte(luns["ram0"]) is None


class TestSafety:
    """What is refused, and what is not."""

    @pytest.fixture
    def volume(self, luns: dict[str, Lun], mapped: Mapped) -> str:
        return mapped("safe", f"0 16384 linear {luns['ram1'].path} 2048")

    def test_a_mounted_volume_is_refused(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        volume: str,
        tmp_path: Path,
    ) -> None:
        command("mkfs.ext2", "-q", "-F", volume)
        command("mount", "-o", "ro", volume, str(tmp_path))
        try:
            media.accept(luns["ram1"])
            outcome = xcopy_dev(f"{luns['ram0'].path}:0+100", volume)
        finally:
            command("umount", str(tmp_path))
        assert outcome.exit == 3, outcome.said
        assert f"mounted on {tmp_path}" in outcome.said
        assert media.wrong_byte(luns["ram1"]) is None

    def test_a_mounted_neighbour_on_the_same_lun_is_no_hindrance(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        mapped: Mapped,
        volume: str,
        tmp_path: Path,
    ) -> None:
        lun = luns["ram1"]
        neighbour = mapped("beside", f"0 16384 linear {lun.path} 18432")
        command("mkfs.ext2", "-q", "-F", neighbour)
        command("mount", "-o", "ro", neighbour, str(tmp_path))
        try:
            media.accept(lun)
            outcome = xcopy_dev(f"{luns['ram0'].path}:9+100", f"{volume}:16284")
        finally:
            command("umount", str(tmp_path))
        assert outcome.exit == 0, outcome.said
        media.copied(luns["ram0"], 9, lun, 2048 + 16284, 100 * 512)
        assert media.wrong_byte(lun) is None

    def test_a_map_that_overlaps_it_is_a_hindrance(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        mapped: Mapped,
        volume: str,
    ) -> None:
        mapped("overlapping", f"0 16384 linear {luns['ram1'].path} 18431")
        outcome = xcopy_dev(f"{luns['ram0'].path}:9+100", volume)
        assert outcome.exit == 3, outcome.said
        assert f"{PREFIX}overlapping" in outcome.said
        assert media.wrong_byte(luns["ram1"]) is None

    @pytest.mark.parametrize("target", ["snapshot-origin {lun}", "error"])
    def test_a_layer_that_does_more_is_refused_by_name(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        mapped: Mapped,
        target: str,
    ) -> None:
        lun = luns["ram1"]
        path = mapped("layered", f"0 16384 {target.format(lun=lun.path)}")
        outcome = xcopy_dev(f"{luns['ram0'].path}:0+100", path)
        assert outcome.exit == 4, outcome.said
        assert f"its {target.split()[0]} target" in outcome.said
        assert media.wrong_byte(lun) is None

    def test_a_suspended_volume_is_refused(
        self, luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], volume: str
    ) -> None:
        command("dmsetup", "suspend", volume)
        try:
            outcome = xcopy_dev(f"{luns['ram0'].path}:0+100", volume)
        finally:
            command("dmsetup", "resume", volume)
        assert outcome.exit == 3, outcome.said
        assert "suspended" in outcome.said
        assert media.wrong_byte(luns["ram1"]) is None


def test_unsynced_writes_through_a_volume_are_part_of_its_copy_and_readers_of_a_volume_see_the_copy(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], mapped: Mapped
) -> None:
    lun, other = luns["ram0"], luns["ram1"]
    source = mapped("from", f"0 4096 linear {lun.path} 100")
    destination = mapped("onto", f"0 4096 linear {other.path} 300")
    writer, reader = os.open(source, os.O_RDWR), os.open(destination, os.O_RDONLY)
    try:
        before = os.pread(reader, 1 << 20, 0)
        dirty = os.urandom(1 << 20)
        os.pwrite(writer, dirty, 0)
        outcome = xcopy_dev(f"{source}:0+2048", destination)
        assert outcome.exit == 0, outcome.said
        assert os.pread(reader, 1 << 20, 0) == dirty != before
    finally:
        os.close(writer)
        os.close(reader)
    media.wrote(lun, 100, dirty)
    media.wrote(other, 300, dirty)
    assert [media.wrong_byte(each) for each in (lun, other)] == [None, None]


def test_a_journal_of_a_volume_whose_blocks_were_moved_is_refused(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], mapped: Mapped, tmp_path: Path
) -> None:
    lun, journal = luns["ram1"], tmp_path / "journal"
    volume = mapped("moving", f"0 8192 linear {lun.path} 1000")
    outcome = xcopy_dev(f"{luns['ram0'].path}:0+8192", volume, "--journal", str(journal))
    assert outcome.exit == 0, outcome.said
    media.copied(luns["ram0"], 0, lun, 1000, 8192 * 512)
    command("dmsetup", "load", volume, feed=f"0 8192 linear {lun.path} 1008\n")
    command("dmsetup", "resume", volume)
    outcome = xcopy_dev("resume", str(journal))
    assert outcome.exit == 3, outcome.said
    assert "layout" in outcome.said
    assert media.wrong_byte(lun) is None

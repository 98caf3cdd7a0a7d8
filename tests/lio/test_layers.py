"""Devices made of pieces of LUNs by the real device-mapper: volumes, stripes, a multipath map, and on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lio.luns import PREFIX, command
from tests.lio.target_log import Segment, watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

    Mapped = Callable[..., str]

CHUNK = 128  # sectors


@pytest.fixture
def mapped() -> Iterator[Mapped]:
    """Make a device of this table; removed after the test, the last first."""
    command("modprobe", "-a", "dm_mod", "dm_multipath", "dm_service_time", "dm_snapshot")
    made: list[str] = []

    def make(name: str, *lines: str, uuid: str = "") -> str:
        table = "".join(f"{line}\n" for line in lines)
        named = ["--uuid", uuid] if uuid else []
        command("dmsetup", "create", PREFIX + name, *named, feed=table)
        made.append(PREFIX + name)
        command("udevadm", "settle")
        return f"/dev/mapper/{PREFIX}{name}"

    yield make
    for name in reversed(made):
        command("dmsetup", "remove", "--retry", name)
    command("udevadm", "settle")


@pytest.fixture
def multipath(luns: dict[str, Lun], mapped: Mapped) -> str:
    """The unit with two paths, as a map of both."""
    near, second = luns["dual"], luns["dual-second-path"]
    paths = f"2 1 {near.path} 1 {second.path} 1"
    table = f"0 {near.blocks} multipath 0 0 1 1 service-time 0 {paths}"
    return mapped("mpath", table, uuid=f"mpath-3{near.naa}")


def dealt(first: int, chunks: int, *columns: tuple[Lun, int]) -> Iterator[tuple[Lun, int]]:
    """Unit and LBA of these chunks of a striped volume, one after the other, counted out by hand."""
    for number in range(first, first + chunks):
        lun, start = columns[number % len(columns)]
        yield lun, start + number // len(columns) * CHUNK


def test_a_volume_over_two_luns_is_copied_onto_one_and_back_by_the_storage(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], mapped: Mapped
) -> None:
    one, two, plain = luns["ram0"], luns["file0"], luns["ram1"]
    volume = mapped("linear", f"0 49152 linear {two.path} 16384", f"49152 32768 linear {one.path} 16384")
    media.renew(one, 16384, 32768)
    with watching() as seen:
        outcome = xcopy_dev(volume, f"{plain.path}:7", "--require", "offload")
    assert outcome.exit == 0, outcome.said
    media.copied(two, 16384, plain, 7, 49152 * 512)
    media.copied(one, 16384, plain, 7 + 49152, 32768 * 512)
    assert media.wrong_byte(plain) is None
    assert sum(segment.blocks for segment in seen.segments) == 49152 + 32768
    assert seen.sources == {one.naa, two.naa}

    media.renew(plain, 500, 60000)
    outcome = xcopy_dev(f"{plain.path}:500+60000", f"{volume}:1000", "--require", "offload")
    assert outcome.exit == 0, outcome.said
    media.copied(plain, 500, two, 16384 + 1000, 48152 * 512)
    media.copied(plain, 500 + 48152, one, 16384, (60000 - 48152) * 512)
    assert [media.wrong_byte(lun) for lun in (one, two, plain)] == [None, None, None]


@pytest.mark.parametrize("means", ["offload", "host"])
def test_stripes_are_gathered_and_dealt_out(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], mapped: Mapped, means: str
) -> None:
    columns = (luns["ram0"], 49152), (luns["file0"], 65536)
    plain = luns["file1"]
    places = " ".join(f"{lun.path} {start}" for lun, start in columns)
    volume = mapped("striped", f"0 {64 * CHUNK} striped 2 {CHUNK} {places}")
    media.renew(plain, 1, 64 * CHUNK)
    outcome = xcopy_dev(f"{plain.path}:1+{48 * CHUNK}", f"{volume}:{16 * CHUNK}", "--method", means)
    assert outcome.exit == 0, outcome.said
    assert outcome.done["bytes"][means] == 48 * CHUNK * 512
    for number, (lun, lba) in enumerate(dealt(16, 48, *columns)):
        media.copied(plain, 1 + number * CHUNK, lun, lba, CHUNK * 512)
    assert [media.wrong_byte(lun) for lun, _ in columns] == [None, None]

    outcome = xcopy_dev(volume, f"{plain.path}:9000", "--method", means)
    assert outcome.exit == 0, outcome.said
    for number, (lun, lba) in enumerate(dealt(0, 64, *columns)):
        media.copied(lun, lba, plain, 9000 + number * CHUNK, CHUNK * 512)
    assert media.wrong_byte(plain) is None


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


class TestMultipath:
    def test_a_map_is_copied_by_one_of_its_paths(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        multipath: str,
    ) -> None:
        source, near = luns["ram0"], luns["dual"]
        with watching() as seen:
            outcome = xcopy_dev(f"{source.path}:3+8000", f"{multipath}:100", "--require", "offload")
        assert outcome.exit == 0, outcome.said
        media.copied(source, 3, near, 100, 8000 * 512)
        assert media.wrong_byte(near) is None
        assert seen.ranges() == [Segment(3, 100, 8000)]

    def test_with_a_path_offline_the_other_is_taken(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        multipath: str,
    ) -> None:
        source, near = luns["ram0"], luns["dual"]
        media.renew(source, 0, 5000)
        state = Path("/sys/class/block", Path(near.path).name, "device/state")
        state.write_text("offline\n")
        try:
            outcome = xcopy_dev(f"{source.path}:0+5000", f"{multipath}:77", "--require", "offload")
        finally:
            state.write_text("running\n")
        assert outcome.exit == 0, outcome.said
        media.copied(source, 0, near, 77, 5000 * 512)
        assert media.wrong_byte(near) is None

    def test_a_volume_on_a_partition_map_on_it_and_on_another_lun(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        mapped: Mapped,
        multipath: str,
    ) -> None:
        near, other, source = luns["dual"], luns["ram1"], luns["file0"]
        part = mapped("part1", f"0 30000 linear {multipath} 2048", uuid=f"part1-mpath-3{near.naa}")
        volume = mapped("on-it", f"0 8192 striped 2 {CHUNK} {part} 10 {other.path} 20")
        media.renew(source, 0, 8192)
        outcome = xcopy_dev(f"{source.path}:0+8192", volume, "--require", "offload")
        assert outcome.exit == 0, outcome.said
        for number, (lun, lba) in enumerate(dealt(0, 64, (near, 2058), (other, 20))):
            media.copied(source, number * CHUNK, lun, lba, CHUNK * 512)
        assert [media.wrong_byte(lun) for lun in (near, other)] == [None, None]

    def test_a_path_below_a_map_that_is_mounted_is_refused(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        multipath: str,
        tmp_path: Path,
    ) -> None:
        near = luns["dual"]
        command("mkfs.ext2", "-q", "-F", multipath)
        command("mount", "-o", "ro", multipath, str(tmp_path))
        try:
            media.accept(near)
            for path in (multipath, near.path, luns["dual-second-path"].path):
                outcome = xcopy_dev(f"{luns['ram0'].path}:0+100", path)
                assert outcome.exit == 3, outcome.said
                assert str(tmp_path) in outcome.said
        finally:
            command("umount", str(tmp_path))
        assert media.wrong_byte(near) is None


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

    def test_a_volume_and_its_lun_overlap_where_they_are_the_same_blocks(
        self, luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], volume: str
    ) -> None:
        lun = luns["ram1"]
        outcome = xcopy_dev(f"{lun.path}:2047+2", volume)
        assert outcome.exit == 3, outcome.said
        assert "overlap" in outcome.said
        outcome = xcopy_dev(f"{lun.path}:2046+2", volume)
        assert outcome.exit == 0, outcome.said
        media.copied(lun, 2046, lun, 2048, 1024)
        assert media.wrong_byte(lun) is None

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

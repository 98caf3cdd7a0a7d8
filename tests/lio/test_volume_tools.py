"""Volumes of LVM2, a map of multipath-tools and its partitions, copied onto LUNs and back.

Where their blocks lie is what those tools say, never what device-mapper or the code under test does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lio.target_log import Segment, watching
from tests.lio.volumes import EXTENT, PhysicalVolume, group, multipath_map, part, partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media
    from tests.lio.volumes import Group

EXTENTS = {"two": 7, "striped": 4, "layered": 4}
STRIPES = ("-i", "2", "-I", "64k")
PARTITIONS = ((3001, 5000), (10001, 50000))  # of the unit with two paths: the second is a physical volume


@pytest.fixture(scope="module")
def multipath(luns: dict[str, Lun], media: Media) -> Iterator[str]:
    """The map of both paths of a unit that has partitions, and so has the map: `-part1`, `-part2`."""
    with partitions(luns["dual"], media, *PARTITIONS), multipath_map(luns["dual"]) as path:
        yield path


@pytest.fixture(scope="module")
def volumes(luns: dict[str, Lun], media: Media, multipath: str) -> Iterator[Group]:
    """`two` on the second LUN and then on the first; stripes on both; stripes on a LUN and on the map."""
    one, other, mapped = luns["ram0"].path, luns["file0"].path, f"{multipath}-part2"
    members = (
        PhysicalVolume(one, luns["ram0"]),
        PhysicalVolume(other, luns["file0"]),
        PhysicalVolume(mapped, luns["dual"], PARTITIONS[1][0]),
    )
    with group(media, *members) as made:
        made.volume("two", 4, f"{other}:30-33")
        made.lvm("lvextend", "-y", "--extents", "+3", f"{made.name}/two", f"{one}:3-5")
        made.volume("striped", 4, f"{one}:20-30", f"{other}:7-17", *STRIPES)
        made.volume("layered", 4, f"{mapped}:1-3", f"{one}:40-42", *STRIPES)
        for member in members:
            media.accept(member.lun)
        yield made


@pytest.mark.parametrize(
    ("name", "means"),
    [("two", "offload"), ("striped", "offload"), ("striped", "host"), ("layered", "offload")],
)
class TestVolume:
    def test_it_is_copied_onto_a_lun(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        volumes: Group,
        name: str,
        means: str,
    ) -> None:
        plain, pieces, sectors = luns["ram1"], list(volumes.pieces(name)), EXTENTS[name] * EXTENT
        for piece in pieces:
            media.renew(*piece)
        with watching() as seen:
            outcome = xcopy_dev(f"/dev/{volumes.name}/{name}", f"{plain.path}:7", "--method", means)
        assert outcome.exit == 0, outcome.said
        assert outcome.done["bytes"][means] == sectors * 512
        at = 7
        for lun, lba, size in pieces:
            media.copied(lun, lba, plain, at, size * 512)
            at += size
        assert at == 7 + sectors
        assert media.wrong_byte(plain) is None
        if means == "offload":
            assert sum(segment.blocks for segment in seen.segments) == sectors
            assert seen.sources == {lun.naa for lun, _, _ in pieces}

    def test_a_lun_is_copied_onto_a_part_of_it(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        volumes: Group,
        name: str,
        means: str,
    ) -> None:
        plain, first, sectors = luns["ram1"], 1001, EXTENTS[name] * EXTENT - 1001 - 77
        pieces = list(part(volumes.pieces(name), first, sectors))
        media.renew(plain, 5, sectors)
        words = f"{plain.path}:5+{sectors}", f"/dev/{volumes.name}/{name}:{first}"
        with watching() as seen:
            outcome = xcopy_dev(*words, "--method", means)
        assert outcome.exit == 0, outcome.said
        assert outcome.done["bytes"][means] == sectors * 512
        at = 5
        for lun, lba, size in pieces:
            media.copied(plain, at, lun, lba, size * 512)
            at += size
        assert at == 5 + sectors
        assert [media.wrong_byte(member.lun) for member in volumes.members] == [None, None, None]
        if means == "offload":
            assert sum(segment.blocks for segment in seen.segments) == sectors
            assert seen.destinations == {lun.naa for lun, _, _ in pieces}


def test_a_partition_of_a_map_is_copied_onto_a_lun_and_back(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], multipath: str
) -> None:
    unit, plain, (first, size) = luns["dual"], luns["ram1"], PARTITIONS[0]
    media.renew(unit, first, size)
    with watching() as seen:
        outcome = xcopy_dev(f"{multipath}-part1", f"{plain.path}:11", "--require", "offload")
    assert outcome.exit == 0, outcome.said
    media.copied(unit, first, plain, 11, size * 512)
    assert seen.ranges() == [Segment(first, 11, size)]
    with watching() as seen:
        outcome = xcopy_dev(f"{plain.path}:7+{size - 1}", f"{multipath}-part1:1", "--require", "offload")
    assert outcome.exit == 0, outcome.said
    media.copied(plain, 7, unit, first + 1, (size - 1) * 512)
    assert seen.ranges() == [Segment(7, first + 1, size - 1)]
    assert [media.wrong_byte(each) for each in (unit, plain)] == [None, None]


def test_two_names_of_the_same_blocks_overlap_and_nothing_is_written(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], volumes: Group, multipath: str
) -> None:
    near, second, (first, _) = luns["dual"], luns["dual-second-path"], PARTITIONS[0]
    lun, lba, _ = next(volumes.pieces("two"))
    two, layered = f"/dev/{volumes.name}/two", f"/dev/{volumes.name}/layered"
    _, below, _ = next(volumes.pieces("layered"))
    names = [
        (f"{lun.path}:{lba + 9}+10", two),
        (f"{two}:0+10", f"{lun.sg}:{lba + 9}"),
        (f"{layered}:0+10", f"{second.path}:{below + 9}"),
        (f"{multipath}-part2:{below - PARTITIONS[1][0]}+1", layered),
        (f"{near.path}:0+10", f"{near.sg}:9"),
        (f"{multipath}:0+10", f"{second.sg}:9"),
        (f"{second.path}:{first - 1}+2", f"{multipath}-part1"),
        (f"{multipath}-part1:0+10", f"{multipath}:{first + 9}"),
    ]
    for source, destination in names:
        outcome = xcopy_dev(source, destination)
        assert outcome.exit == 3, (source, destination, outcome.said)
        assert "overlap on the same unit" in outcome.said, (source, destination, outcome.said)
    assert [media.wrong_byte(member.lun) for member in volumes.members] == [None, None, None]


def test_blocks_beside_a_volume_on_its_physical_volume_are_no_part_of_it(
    media: Media, xcopy_dev: Callable[..., Outcome], volumes: Group
) -> None:
    lun, lba, _ = next(volumes.pieces("two"))
    outcome = xcopy_dev(f"{lun.path}:{lba - 2}+2", f"/dev/{volumes.name}/two")
    assert outcome.exit == 0, outcome.said
    media.copied(lun, lba - 2, lun, lba, 1024)
    assert media.wrong_byte(lun) is None

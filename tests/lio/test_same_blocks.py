"""The same blocks by other names: a partition and its disk, two paths of one unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lio.luns import PARTITIONS
from tests.lio.target_log import Segment, watching
from tests.lio.volumes import partitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

(FIRST, SIZE), (SECOND, _) = PARTITIONS


def test_partitions_of_one_disk_are_copied_at_their_place_on_it(
    media: Media, xcopy_dev: Callable[..., Outcome], parted: Lun
) -> None:
    media.renew(parted, FIRST, SIZE)
    with watching() as seen:
        outcome = xcopy_dev(f"{parted.path}1:100+8000", f"{parted.path}2:50")
    assert outcome.exit == 0, outcome.said
    media.copied(parted, FIRST + 100, parted, SECOND + 50, 8000 * 512)
    assert media.wrong_byte(parted) is None
    assert seen.ranges() == [Segment(FIRST + 100, SECOND + 50, 8000)]


def test_block_0_of_a_partition_is_not_block_0_of_its_disk(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], parted: Lun
) -> None:
    source = luns["ram0"]
    media.renew(source, 5, 1000)
    with watching() as seen:
        outcome = xcopy_dev(f"{source.path}:5+1000", f"{parted.path}1")
    assert outcome.exit == 0, outcome.said
    media.copied(source, 5, parted, FIRST, 1000 * 512)
    assert media.wrong_byte(parted) is None
    assert seen.ranges() == [Segment(5, FIRST, 1000)]


def test_the_host_copies_onto_the_same_blocks_of_a_partition(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], parted: Lun
) -> None:
    source = luns["ram0"]
    media.renew(source, 5, 1000)
    outcome = xcopy_dev(f"{source.path}:5+1000", f"{parted.path}2:3", "--method", "host")
    assert outcome.exit == 0, outcome.said
    media.copied(source, 5, parted, SECOND + 3, 1000 * 512)
    assert media.wrong_byte(parted) is None


def test_a_whole_partition_is_copied_when_no_range_is_given(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], parted: Lun
) -> None:
    destination = luns["ram1"]
    media.renew(parted, FIRST, SIZE)
    with watching() as seen:
        outcome = xcopy_dev(f"{parted.path}1", f"{destination.path}:7")
    assert outcome.exit == 0, outcome.said
    media.copied(parted, FIRST, destination, 7, SIZE * 512)
    assert media.wrong_byte(destination) is None
    assert seen.ranges() == [Segment(FIRST, 7, SIZE)]


def test_a_partition_and_its_disk_overlap_and_nothing_is_written(
    media: Media, xcopy_dev: Callable[..., Outcome], parted: Lun
) -> None:
    partition = f"{parted.path}1"
    for source, destination in (
        (f"{partition}:0+10", f"{parted.path}:{FIRST + 9}"),
        (f"{parted.sg}:{FIRST - 1}+2", partition),
    ):
        outcome = xcopy_dev(source, destination)
        assert outcome.exit == 3, (source, destination, outcome.said)
        assert "overlap on the same unit" in outcome.said
    assert media.wrong_byte(parted) is None


def test_ranges_of_one_unit_that_do_not_overlap_are_copied_by_two_paths(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    near, second = luns["dual"], luns["dual-second-path"]
    media.renew(near, 100, 2048)
    with watching() as seen:
        outcome = xcopy_dev(f"{near.path}:100+2048", f"{second.path}:2148")
    assert outcome.exit == 0, outcome.said
    media.copied(near, 100, near, 2148, 2048 * 512)
    assert media.wrong_byte(near) is None
    assert seen.ranges() == [Segment(100, 2148, 2048)]


@pytest.mark.parametrize(
    ("name", "other", "first", "blocks"), [("spare", "ram1", 2051, 5001), ("ram4k", "file4k", 301, 1001)]
)
def test_a_partition_at_an_odd_start_is_copied_onto_a_lun_and_back(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    name: str,
    other: str,
    first: int,
    blocks: int,
) -> None:
    lun, plain = luns[name], luns[other]
    path = f"{lun.path}1"
    with partitions(lun, media, (first, blocks)):
        with watching() as seen:
            outcome = xcopy_dev(path, f"{plain.path}:5", "--require", "offload")
        assert outcome.exit == 0, outcome.said
        media.copied(lun, first, plain, 5, blocks * lun.block_size)
        assert seen.ranges() == [Segment(first, 5, blocks)]
        media.renew(plain, 9, 900)
        with watching() as seen:
            outcome = xcopy_dev(f"{plain.path}:9+900", f"{path}:{blocks - 900}", "--require", "offload")
        assert outcome.exit == 0, outcome.said
        media.copied(plain, 9, lun, first + blocks - 900, 900 * lun.block_size)
        assert seen.ranges() == [Segment(9, first + blocks - 900, 900)]
        assert [media.wrong_byte(each) for each in (lun, plain)] == [None, None]

"""Wrong use, on real disks: one clear sentence, the documented exit code, the destination untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lio.luns import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media


def assert_refused(outcome: Outcome, code: int, *named: str) -> None:
    said = outcome.said.strip()
    assert outcome.exit == code, said
    assert len(said.splitlines()) == 1, said
    for word in named:
        assert word in said


def test_a_mounted_destination_is_refused(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    spare: Lun,
    mounted: Callable[..., None],
) -> None:
    mounted(spare)
    assert_refused(xcopy_dev(f"{luns['ram0'].path}:0+2048", f"{spare.path}:0"), 3, spare.path)
    assert media.wrong_byte(spare) is None


def test_a_disk_with_a_mounted_partition_is_refused(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    parted: Lun,
    mounted: Callable[..., None],
) -> None:
    mounted(parted, "2")
    assert_refused(xcopy_dev(f"{luns['ram0'].path}:0+2048", f"{parted.path}:0"), 3, parted.path)
    assert media.wrong_byte(parted) is None


def test_a_unit_mounted_through_its_other_path_is_refused(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    mounted: Callable[..., None],
) -> None:
    near, second = luns["dual"], luns["dual-second-path"]
    mounted(second)
    assert_refused(xcopy_dev(f"{luns['ram0'].path}:0+2048", f"{near.path}:0"), 3, near.path)
    assert media.wrong_byte(near) is None


def test_a_range_past_the_end_of_a_partition_is_a_usage_error_though_the_disk_goes_on(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], parted: Lun
) -> None:
    _, blocks = PARTITIONS[0]
    beyond = xcopy_dev(f"{luns['ram0'].path}:0+{blocks}", f"{parted.path}1:1")
    assert_refused(beyond, 2, f"{parted.path}1")
    assert media.wrong_byte(parted) is None


@pytest.mark.parametrize(
    ("source", "destination"),
    [("{ram0}:196607+2", "{ram1}:0"), ("{ram0}:0+2", "{ram1}:196607"), ("{ram0}:196609", "{ram1}")],
    ids=["source ends past the end", "destination ends past the end", "source begins past the end"],
)
def test_a_range_past_the_end_of_a_disk_is_a_usage_error(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    source: str,
    destination: str,
) -> None:
    paths = {name: lun.path for name, lun in luns.items()}
    assert_refused(xcopy_dev(source.format(**paths), destination.format(**paths)), 2)
    assert media.wrong_byte(luns["ram1"]) is None


@pytest.mark.parametrize(("origin", "target"), [("dual", "dual-second-path"), ("dual", "dual")])
def test_overlapping_ranges_of_one_unit_are_refused_by_whatever_path(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    origin: str,
    target: str,
) -> None:
    overlap = xcopy_dev(f"{luns[origin].path}:100+2048", f"{luns[target].path}:1124")
    assert_refused(overlap, 3)
    assert media.wrong_byte(luns["dual"]) is None


def test_a_write_protected_destination_is_refused(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    readonly = luns["readonly"]
    assert_refused(xcopy_dev(f"{luns['ram0'].path}:0+2048", f"{readonly.path}:0"), 3, readonly.path)
    assert media.wrong_byte(readonly) is None

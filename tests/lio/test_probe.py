"""What `probe` says of real disks, against what LIO was told to be and what Linux 6.1's LIO advertises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lio.luns import NEXUSES, PARTITIONS, UNITS
from tests.lio.test_permission import as_nobody

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media


@pytest.mark.parametrize("name", [unit.name for unit in UNITS])
@pytest.mark.parametrize("node", ["path", "sg"])
def test_a_unit_is_shown_as_it_was_made(
    luns: dict[str, Lun], xcopy_dev: Callable[..., Outcome], name: str, node: str
) -> None:
    lun = luns[name]
    outcome = xcopy_dev("probe", getattr(lun, node))
    assert outcome.exit == 0, outcome.said
    (shown,) = outcome.records
    assert (shown["block_size"], shown["blocks"]) == (lun.block_size, lun.blocks)
    assert (shown["designator"], shown["third_party_copy"]) == (lun.naa, lun.copies)


def test_the_copy_manager_is_shown_as_the_kernel_advertises_it(
    luns: dict[str, Lun], xcopy_dev: Callable[..., Outcome]
) -> None:
    (shown,) = xcopy_dev("probe", luns["ram0"].path).records
    assert shown["parameters"] == {
        "snlid": True,
        "maximum_cscd_count": 2,
        "maximum_segment_count": 1,
        "maximum_list_length": 1024,
        "maximum_segment_length": 256 << 20,
        "data_segment_granularity": 9,
        "total_concurrent_copies": 1,
        "maximum_concurrent_copies": 1,
        "implemented_types": ["02h", "E4h"],
    }


def test_a_partition_is_shown_as_a_part_of_its_disk(xcopy_dev: Callable[..., Outcome], parted: Lun) -> None:
    (shown,) = xcopy_dev("probe", f"{parted.path}2").records
    assert (shown["base_lba"], shown["available_blocks"]) == PARTITIONS[1]
    assert shown["blocks"] == parted.blocks


def test_two_units_that_cannot_be_copied_between_are_shown_with_the_reason(
    luns: dict[str, Lun], xcopy_dev: Callable[..., Outcome]
) -> None:
    outcome = xcopy_dev("probe", luns["ram0"].path, luns["ram4k"].path)
    verdict, pair, *_ = outcome.records
    assert (outcome.exit, verdict["verdict"], pair["offload"]) == (4, "no", False)
    assert "512" in pair["refused"]
    assert "4096" in pair["refused"]


def test_what_is_said_to_work_works_and_the_probe_wrote_nothing(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], parted: Lun
) -> None:
    words = f"{luns['ram0'].path}:8+512", f"{parted.path}2:16"
    outcome = xcopy_dev("probe", *words)
    verdict = outcome.records[0]
    assert (outcome.exit, verdict["verdict"], verdict["exit"]) == (0, "yes", 0)
    first = PARTITIONS[1][0]
    assert (verdict["source_lba"], verdict["destination_lba"], verdict["blocks"]) == (8, first + 16, 512)
    assert media.wrong_byte(parted) is None
    assert xcopy_dev(*words, "--require", "offload").exit == 0
    media.copied(luns["ram0"], 8, parted, first + 16, 512 * 512)
    assert media.wrong_byte(parted) is None


def test_a_unit_without_third_party_copy_is_named_with_the_attribute_to_change(
    luns: dict[str, Lun], xcopy_dev: Callable[..., Outcome]
) -> None:
    outcome = xcopy_dev("probe", luns["no3pc"].path, luns["ram0"].path)
    verdict = outcome.records[0]
    assert (outcome.exit, verdict["verdict"]) == (4, "no")
    assert luns["no3pc"].path in verdict["reasons"][0]
    assert "emulate_3pc" in verdict["ways_out"][0]


def test_a_unit_behind_another_target_is_doubted_and_cannot_be_reached(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    words = f"{luns['ram0'].path}:0+64", f"{luns['far'].path}:0"
    outcome = xcopy_dev("probe", *words)
    verdict = outcome.records[0]
    assert (outcome.exit, verdict["verdict"]) == (0, "perhaps")
    (doubt,) = (remark["text"] for remark in verdict["remarks"] if remark["kind"] == "doubt")
    assert all(name in doubt for name in NEXUSES)
    assert xcopy_dev(*words, "--require", "offload").exit == 4
    assert media.wrong_byte(luns["far"]) is None


def test_write_protection_is_found_before_the_copy_is(
    luns: dict[str, Lun], xcopy_dev: Callable[..., Outcome]
) -> None:
    outcome = xcopy_dev("probe", f"{luns['ram0'].path}:0+2048", f"{luns['readonly'].path}:0")
    verdict = outcome.records[0]
    assert (outcome.exit, verdict["verdict"]) == (3, "no")
    assert "read-only" in verdict["reasons"][0]


def test_a_user_without_permission_is_told_whose_it_is(
    luns: dict[str, Lun], xcopy_dev: Callable[..., Outcome]
) -> None:
    words = "probe", luns["ram0"].path, luns["ram1"].path
    assert xcopy_dev(*words).exit == 0  # and all that is imported has been read by root
    with as_nobody():
        outcome = xcopy_dev(*words)
    assert outcome.exit == 1
    source, destination = outcome.records[0]["reasons"]
    assert luns["ram0"].path in source
    assert luns["ram1"].path in destination
    assert "root" in source

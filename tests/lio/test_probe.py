"""What `probe` says of real disks, against what LIO was told to be and what Linux 6.1's LIO advertises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lio.luns import PARTITIONS, UNITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun


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
    *_, pair = xcopy_dev("probe", luns["ram0"].path, luns["ram4k"].path).records
    assert pair["offload"] is False
    assert "512" in pair["refused"]
    assert "4096" in pair["refused"]

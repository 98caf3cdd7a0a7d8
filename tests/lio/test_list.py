"""What `list` says of real disks, as the kernel shows them, against what LIO was told to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.lio.luns import PARTITIONS, UNITS
from tests.lio.test_permission import as_nobody

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun


def listed(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """The units by their designators."""
    assert outcome.exit == 0, outcome.said
    return {unit["designator"]: unit for unit in outcome.records[:-1]}


def test_every_unit_is_there_once_as_it_was_made(
    luns: dict[str, Lun], xcopy_dev: Callable[..., Outcome]
) -> None:
    outcome = xcopy_dev("list")
    units = listed(outcome)
    assert outcome.done["units"] == len(outcome.records) - 1 >= len(UNITS)
    for recipe in UNITS:
        lun, unit = luns[recipe.name], units[recipe.naa]
        assert unit["vendor"] == "LIO-ORG"
        assert (unit["block_size"], unit["blocks"]) == (lun.block_size, lun.blocks)
        assert unit["third_party_copy"] is lun.copies
        assert unit["serial"] == recipe.serial
        assert unit["unknown"] == {}
        assert unit["paths_differ_in"] == []
        assert any(link.startswith("/dev/disk/by-id/") for link in unit["links"])
        assert {(path["block"], path["sg"]) for path in unit["paths"]} == {
            (each.path, each.sg) for each in luns.values() if each.naa == recipe.naa
        }
        assert {path["state"] for path in unit["paths"]} == {"running"}


def test_what_lies_on_a_unit_and_who_uses_it_is_said(
    xcopy_dev: Callable[..., Outcome], parted: Lun, mounted: Callable[..., None]
) -> None:
    mounted(parted, "2")
    (unit,) = listed(xcopy_dev("list", f"{parted.path}1")).values()
    assert unit["name"] == parted.path
    assert [(each["path"], each["start_bytes"], each["bytes"]) for each in unit["on_it"]] == [
        (f"{parted.path}{number}", start * 512, blocks * 512)
        for number, (start, blocks) in enumerate(PARTITIONS, 1)
    ]
    (claim,) = unit["claims"]
    assert (claim["kind"], claim["device"]) == ("mounted", f"{parted.path}2")
    assert unit["in_use"] is True


def test_any_user_is_told_the_same(luns: dict[str, Lun], xcopy_dev: Callable[..., Outcome]) -> None:
    words = "list", luns["dual"].path
    by_root = listed(xcopy_dev(*words))
    with as_nobody():
        by_nobody = listed(xcopy_dev(*words))
    assert by_nobody == by_root

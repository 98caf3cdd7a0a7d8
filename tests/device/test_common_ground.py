"""Two devices that may have bytes in common, by what they are built on, on a machine made of files."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from tests.device.fake_sysfs import Machine
from xcopy.device import common_ground

if TYPE_CHECKING:
    from pathlib import Path

GROUP, OTHER_GROUP = "y7NQ" * 8, "z8MR" * 8


def volume(letter: str, group: str = GROUP, layer: str = "") -> str:
    return f"LVM-{group}{letter * 32}{layer}"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Two disks with three partitions, two of which overlap; a third disk is the first by another path."""
    made = Machine(tmp_path)
    parts = {1: (2048, 1000), 2: (3048, 1000), 3: (3500, 1000)}
    made.disk("sda", 0, wwid="naa.5001", partitions=parts)
    made.disk("sdb", 16, wwid="naa.5002", partitions=parts)
    made.disk("sdc", 32, wwid="naa.5001", partitions=parts)
    return made


def meeting(machine: Machine, one: str, other: str) -> str:
    """The same whichever comes first."""
    numbers = [machine.status(f"/dev/{name}").st_rdev for name in (one, other)]
    there, back = (
        common_ground.meeting(*pair, sysfs=str(machine.sysfs)) for pair in itertools.permutations(numbers)
    )
    assert bool(there) == bool(back)
    return there


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        ("sda", "sdb", ""),
        ("sda", "sda1", "/dev/sda"),
        ("sda1", "sda2", ""),
        ("sda2", "sda3", "/dev/sda"),
        ("sda1", "sdb1", ""),
        ("sda", "sdc", "/dev/sda"),
        ("sda1", "sdc1", "/dev/sda"),
        ("sda1", "sdc2", ""),
        ("sda2", "sdc3", "/dev/sda"),
    ],
)
def test_disks_and_partitions_by_any_path(machine: Machine, one: str, other: str, where: str) -> None:
    assert meeting(machine, one, other) == where


def test_what_lies_on_a_partition_meets_that_and_its_disk_and_no_other_partition(machine: Machine) -> None:
    machine.mapped("dm-0", 0, on=["sda2"], uuid="CRYPT-x")
    assert [meeting(machine, "dm-0", name) for name in ("sda", "sda1", "sda2", "sda3", "sdb")] == [
        "/dev/sda",
        "",
        "/dev/sda",
        "/dev/sda",
        "",
    ]


def test_two_layers_over_one_unit_by_two_paths_meet(machine: Machine) -> None:
    machine.mapped("dm-0", 0, on=["sda1"], uuid="CRYPT-x")
    machine.mapped("dm-1", 1, on=["sdc1"], uuid="CRYPT-y")
    machine.mapped("dm-2", 2, on=["sdc2"], uuid="CRYPT-z")
    assert meeting(machine, "dm-0", "dm-1")
    assert not meeting(machine, "dm-0", "dm-2")


def test_an_array_meets_what_it_is_made_of(machine: Machine) -> None:
    machine.mapped("md0", 0, on=["sda1", "sdb1"], md="raid1")
    assert meeting(machine, "md0", "sdb1") == "/dev/sdb"
    assert meeting(machine, "md0", "sdb2") == ""


def test_what_lies_on_one_partition_of_an_array_does_not_meet_another(machine: Machine) -> None:
    machine.mapped("md0", 0, on=["sda", "sdb"], md="raid1", partition=1)
    machine.mapped("dm-0", 1, on=["md0p1"], uuid="CRYPT-x")
    assert meeting(machine, "dm-0", "md0p1") == "/dev/md0"
    assert meeting(machine, "dm-0", "md0") == "/dev/md0"
    assert meeting(machine, "dm-0", "sda") == "/dev/sda"


@pytest.mark.parametrize(
    ("one", "other", "met"),
    [
        (volume("a"), volume("b"), False),
        (volume("a"), volume("b", OTHER_GROUP), True),
        (volume("a"), volume("b", layer="-tpool"), True),
        (volume("a"), "CRYPT-x", True),
        ("", "", True),
    ],
)
def test_volumes_of_one_group_do_not_meet_and_nothing_else_on_one_disk_is_known_not_to(
    machine: Machine, one: str, other: str, met: bool
) -> None:
    machine.mapped("dm-0", 0, on=["sdb"], uuid=one)
    machine.mapped("dm-1", 1, on=["sdb"], uuid=other)
    assert meeting(machine, "dm-0", "dm-1") == ("/dev/sdb" if met else "")


def test_a_volume_that_is_part_of_another_of_its_group_meets_it(machine: Machine) -> None:
    machine.mapped("dm-0", 0, on=["sda"], uuid=volume("a"))
    machine.mapped("dm-1", 1, on=["sdb"], uuid=volume("b"))
    machine.mapped("dm-2", 2, on=["dm-0", "dm-1"], uuid=volume("c"))
    assert meeting(machine, "dm-2", "dm-1") == "/dev/dm-1"
    assert meeting(machine, "dm-0", "dm-1") == ""


@pytest.mark.parametrize("layer", ["CRYPT-x", ""])
def test_what_lies_on_one_volume_of_a_group_does_not_meet_another(machine: Machine, layer: str) -> None:
    machine.mapped("dm-1", 1, on=["sda"], uuid=volume("a"))
    machine.mapped("dm-2", 2, on=["sda"], uuid=volume("b"))
    machine.mapped("dm-3", 3, on=["dm-1"], uuid=layer)
    assert meeting(machine, "dm-3", "dm-2") == ""
    assert meeting(machine, "dm-3", "dm-1") == "/dev/dm-1"


def test_one_namespace_by_two_paths_is_one_disk(machine: Machine) -> None:
    for minor, name in enumerate(("nvme0n1", "nvme1n1", "nvme2n1")):
        machine.disk(name, minor, bus="nvme", major=259)
        wwid = "eui.0025385b61b0f9c2" if minor < 2 else "eui.0025385b61b0f9c3"
        (machine.sysfs / f"class/block/{name}/wwid").write_text(wwid + "\n")
    assert meeting(machine, "nvme0n1", "nvme1n1")
    assert not meeting(machine, "nvme0n1", "nvme2n1")


def test_a_device_that_is_gone_may_be_anywhere(machine: Machine) -> None:
    number = machine.status("/dev/sda").st_rdev
    gone = os.makedev(8, 200)
    assert common_ground.meeting(number, gone, sysfs=str(machine.sysfs)) == "a device that is gone"

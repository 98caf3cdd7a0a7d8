"""Which SCSI units there are, on machines made of files; what a unit told the kernel is hostile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.device.fake_sysfs import Machine
from xcopy.device.inventory import Inventory, Way, inventory
from xcopy.errors import AccessError

if TYPE_CHECKING:
    from pathlib import Path

NAA = "naa.6001405aaaaaaaaaaaaaaaaaaaaaaaaa"
OTHER_NAA = "naa.6001405bbbbbbbbbbbbbbbbbbbbbbbbb"
# SPC-4 table 174: byte 5 bit 3 is 3PC, then the vendor from 8, the product from 16, the revision from 32 on.
COPIES = bytes.fromhex("000006021f080002") + b"EXAMPLE " + b"DISK            " + b"1.0 "
DOES_NOT = bytes.fromhex("000006021f000002") + COPIES[8:]
# SPC-4 tables 591, 592: one binary NAA designator of 16 bytes, association logical unit.
PAGE_83 = bytes.fromhex("0083001401030010") + bytes.fromhex(NAA.removeprefix("naa."))
PAGE_80 = bytes.fromhex("00800004") + b"  42"  # SPC-4 table 661


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def found(machine: Machine) -> Inventory:
    return inventory(sysfs=str(machine.sysfs))


def names(machine: Machine) -> list[list[str]]:
    return [[way.name for way in unit.ways] for unit in found(machine).units]


class TestUnit:
    def test_it_is_what_the_kernel_was_told_when_it_found_it(self, machine: Machine) -> None:
        machine.disk("sdb", 16, sg=1, size=8192, inquiry=COPIES, vpd83=PAGE_83, vpd80=PAGE_80)

        (unit,) = found(machine).units

        assert (unit.name, unit.vendor, unit.product, unit.revision) == ("/dev/sdb", "EXAMPLE", "DISK", "1.0")
        assert (unit.blocks, unit.block_size, unit.serial) == (8192, 512, "42")
        assert [designator.text for designator in unit.designators] == [NAA]
        assert unit.unknown == {}

    @pytest.mark.parametrize(("inquiry", "copies"), [(COPIES, True), (DOES_NOT, False), (b"", None)])
    def test_third_party_copy_is_a_bit_of_its_inquiry_data(
        self, machine: Machine, inquiry: bytes, copies: bool | None
    ) -> None:
        machine.disk("sdb", 16, inquiry=inquiry)

        (unit,) = found(machine).units

        assert unit.third_party_copy is copies
        assert ("third_party_copy" in unit.unknown) is (copies is None)

    def test_its_blocks_are_counted_in_its_own_size(self, machine: Machine) -> None:
        machine.disk("sdb", 16, size=8192, block_size=4096)

        (unit,) = found(machine).units

        assert (unit.blocks, unit.block_size) == (1024, 4096)

    def test_a_unit_that_no_block_driver_took_has_its_sg_node_and_no_size(self, machine: Machine) -> None:
        machine.generic_only(5, device_type=0)

        (unit,) = found(machine).units

        assert unit.ways == (Way("", "/dev/sg5", "targetsg5"),)
        assert unit.blocks is None
        assert "no block driver" in unit.unknown["size"]
        assert unit.node is not None
        assert unit.node.kind == "sg"

    def test_partitions_are_no_units(self, machine: Machine) -> None:
        machine.disk("sdb", 16, partitions={1: (2048, 100)})

        assert names(machine) == [["/dev/sdb"]]

    def test_they_come_in_the_order_that_the_kernel_named_them_in(self, machine: Machine) -> None:
        for minor, name in enumerate(("sdaa", "sdb", "sda")):
            machine.disk(name, 16 * minor)

        assert names(machine) == [["/dev/sda"], ["/dev/sdb"], ["/dev/sdaa"]]


class TestPaths:
    def test_nodes_with_one_wwid_are_paths_to_one_unit(self, machine: Machine) -> None:
        machine.disk("sda", 0, wwid=NAA, sg=0, access="active/optimized")
        machine.disk("sdb", 16, wwid=OTHER_NAA, sg=1)
        machine.disk("sdc", 32, wwid=NAA, sg=2, state="offline", access="standby")

        first, second = found(machine).units

        assert first.ways == (
            Way("/dev/sda", "/dev/sg0", "targetsda", "running", "active/optimized"),
            Way("/dev/sdc", "/dev/sg2", "targetsdc", "offline", "standby"),
        )
        assert [way.block for way in second.ways] == ["/dev/sdb"]

    def test_they_are_those_that_a_copy_takes_for_paths_to_one_unit(self, machine: Machine) -> None:
        machine.disk("sda", 0, wwid=NAA)
        machine.disk("sdb", 16, vpd83=PAGE_83)
        machine.disk("sdc", 32, wwid=NAA)
        machine.disk("sdd", 48, vpd83=PAGE_83)

        assert names(machine) == [["/dev/sda", "/dev/sdc"], ["/dev/sdb", "/dev/sdd"]]
        for unit in names(machine):
            assert [each.path for each in machine.resolve(unit[0]).siblings] == unit[1:]

    def test_two_groups_are_one_when_a_path_belongs_to_both(self, machine: Machine) -> None:
        machine.disk("sda", 0, wwid=NAA)
        machine.disk("sdb", 16, vpd83=PAGE_83)
        machine.disk("sdc", 32, wwid=NAA, vpd83=PAGE_83)
        machine.disk("sdd", 48, vpd83=PAGE_83)

        assert names(machine) == [["/dev/sda", "/dev/sdb", "/dev/sdc", "/dev/sdd"]]

    def test_units_that_say_nothing_of_themselves_are_not_one(self, machine: Machine) -> None:
        machine.disk("sda", 0)
        machine.disk("sdb", 16)

        assert names(machine) == [["/dev/sda"], ["/dev/sdb"]]

    def test_what_paths_to_one_unit_disagree_on_is_named(self, machine: Machine) -> None:
        machine.disk("sda", 0, wwid=NAA, size=8192, vpd80=PAGE_80)
        machine.disk("sdb", 16, wwid=NAA, size=4096, vpd80=PAGE_80[:-1] + b"3")

        (unit,) = found(machine).units

        assert unit.differing == ("serial", "size")


class TestOthers:
    def test_what_is_no_scsi_disk_is_named_with_what_it_is(self, machine: Machine) -> None:
        machine.disk("vda", 0, bus="virtio", major=254)
        machine.disk("sr0", 0, device_type=5, major=11)
        machine.generic_only(3, device_type=0x0D)

        assert found(machine) == Inventory(
            (),
            (
                ("/dev/sr0", "CD/DVD device"),
                ("/dev/vda", "virtio"),
                ("/dev/sg3", "enclosure services device"),
            ),
        )

    def test_loop_devices_and_maps_are_no_disks_at_all(self, machine: Machine) -> None:
        machine.loop("loop0", 0)
        machine.disk("sdb", 16)
        machine.mapped("dm-0", 0, on=["sdb"])

        assert names(machine) == [["/dev/sdb"]]
        assert found(machine).others == ()

    def test_without_sysfs_it_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(AccessError, match="sysfs has to be mounted"):
            inventory(sysfs=str(tmp_path / "nowhere"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    inquiry=st.one_of(st.binary(max_size=64), st.binary(max_size=64).map(lambda tail: COPIES[:5] + tail)),
    page=st.one_of(st.binary(max_size=64), st.binary(max_size=64).map(lambda tail: PAGE_83[:8] + tail)),
    serial=st.binary(max_size=16),
    text=st.binary(max_size=16),
)
def test_whatever_a_unit_has_told_it_is_listed(
    tmp_path_factory: pytest.TempPathFactory, inquiry: bytes, page: bytes, serial: bytes, text: bytes
) -> None:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.disk("sdb", 16, inquiry=inquiry, vpd83=page, vpd80=serial)
    device = machine.sysfs / "class/block/sdb/device"
    for name in ("vendor", "model", "rev", "state", "access_state", "wwid"):
        (device / name).write_bytes(text)

    (unit,) = found(machine).units

    assert unit.name == "/dev/sdb"
    assert (unit.vendor + unit.product + unit.revision + unit.serial).isprintable()

"""What a path stands for, on machines made of files."""

from __future__ import annotations

import os
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.device.fake_sysfs import Machine
from xcopy.device.topology import copies_at_most, links, resolve
from xcopy.errors import AccessError, UnsafeError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

NAA = "naa.6001405aaaaaaaaaaaaaaaaaaaaaaaaa"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class TestDisk:
    def test_a_disk_is_itself(self, machine: Machine) -> None:
        machine.disk("sdb", 16, wwid=NAA, sg=1)

        node = machine.resolve("/dev/sdb")

        assert (node.kind, node.node, node.sg) == ("disk", "/dev/sdb", "/dev/sg1")
        assert (node.start, node.length, node.partition) == (None, None, None)
        assert (node.major, node.minor) == (8, 16)

    def test_it_says_who_made_it_and_who_it_is(self, machine: Machine) -> None:
        machine.disk("sdb", 16, wwid=NAA)

        node = machine.resolve("/dev/sdb")

        assert (node.vendor, node.model, node.wwid) == ("EXAMPLE", "DISK", NAA)

    def test_without_the_sg_driver_there_is_no_sg_node(self, machine: Machine) -> None:
        machine.disk("sdb", 16)

        assert machine.resolve("/dev/sdb").sg is None

    def test_a_link_leads_to_it_and_keeps_its_own_name(self, machine: Machine) -> None:
        machine.disk("sdb", 16)
        machine.alias("/dev/disk/by-id/wwn-0x6001405", "sdb")

        node = machine.resolve("/dev/disk/by-id/wwn-0x6001405")

        assert (node.path, node.node) == ("/dev/disk/by-id/wwn-0x6001405", "/dev/sdb")

    def test_its_partitions_come_in_the_order_of_their_numbers(self, machine: Machine) -> None:
        machine.disk("sdb", 16, partitions={10: (9000, 8), 2: (4096, 8), 1: (2048, 8)})

        assert [p.path for p in machine.resolve("/dev/sdb").partitions] == [
            "/dev/sdb1",
            "/dev/sdb2",
            "/dev/sdb10",
        ]

    @pytest.mark.parametrize("read_only", [True, False])
    def test_read_only_is_what_sysfs_says(self, machine: Machine, read_only: bool) -> None:
        machine.disk("sdb", 16, read_only=read_only)

        assert machine.resolve("/dev/sdb").read_only is read_only


class TestPartition:
    def test_it_leads_to_its_disk_with_its_place_in_512_byte_units(self, machine: Machine) -> None:
        machine.disk("sdb", 16, sg=1, partitions={1: (2048, 32768), 2: (34816, 100)})

        node = machine.resolve("/dev/sdb2")

        assert (node.kind, node.node, node.sg) == ("partition", "/dev/sdb", "/dev/sg1")
        assert (node.start, node.length) == (34816, 100)
        assert node.partition is not None
        assert node.partition.path == "/dev/sdb2"
        assert (node.major, node.minor) == (8, 18)


class TestSg:
    def test_it_leads_to_its_disk(self, machine: Machine) -> None:
        machine.disk("sdb", 16, sg=1, partitions={1: (2048, 8)})

        node = machine.resolve("/dev/sg1")

        assert (node.kind, node.node, node.sg) == ("sg", "/dev/sdb", "/dev/sg1")
        assert [p.path for p in node.partitions] == ["/dev/sdb1"]

    def test_a_disk_that_no_block_driver_took_has_only_its_sg(self, machine: Machine) -> None:
        machine.generic_only(3, device_type=0)

        node = machine.resolve("/dev/sg3")

        assert (node.node, node.sg, node.partitions, node.holders, node.tops) == (
            None,
            "/dev/sg3",
            (),
            (),
            (),
        )

    def test_a_unit_of_another_type_is_refused(self, machine: Machine) -> None:
        machine.generic_only(3, device_type=8)

        with pytest.raises(UnsupportedError, match=r"/dev/sg3 is a SCSI unit of device type 08h, not a disk"):
            machine.resolve("/dev/sg3")


class TestNodes:
    """Units are opened by their kernel's names: in a container these may lead to other devices."""

    @pytest.mark.parametrize("named", ["sdc", "sdc1", "sg2", "dm-0", "dm-1"])
    @pytest.mark.parametrize("there", ["sdb", "sdd"])
    def test_a_name_that_leads_to_another_device_is_refused(
        self, machine: Machine, named: str, there: str
    ) -> None:
        machine.disk("sdb", 16, wwid=NAA, sg=1)
        machine.disk("sdc", 32, wwid=NAA, sg=2, partitions={1: (2048, 8)})
        machine.disk("sdd", 48, sg=3)
        machine.mapped("dm-0", 0, on=["sdb", "sdc"], uuid="mpath-x")
        machine.mapped("dm-1", 1, on=["sdc1"], table="0 8 linear 8:33 0")
        machine.alias("/dev/mine", named)
        machine.resolve("/dev/mine")

        machine.alias("/dev/sdc", there)

        with pytest.raises(UnsafeError, match=r"/dev/mine is, or lies on, 8:32, which .* /dev/sdc; but"):
            machine.resolve("/dev/mine")

    def test_an_sg_node_by_another_name_too(self, machine: Machine) -> None:
        machine.disk("sdb", 16, sg=1)
        machine.disk("sdc", 32, sg=2)
        machine.alias("/dev/mine", "sg2")
        machine.alias("/dev/sg2", "sg1")

        with pytest.raises(UnsafeError, match="which the kernel calls /dev/sg2; but /dev/sg2 is 21:1 here"):
            machine.resolve("/dev/mine")


class TestSiblings:
    def test_disks_with_one_wwid_are_paths_to_one_unit(self, machine: Machine) -> None:
        machine.disk("sdb", 16, wwid=NAA)
        machine.disk("sdc", 32, wwid=NAA, partitions={1: (2048, 8)})
        machine.disk("sdd", 48, wwid=NAA + "1")

        (sibling,) = machine.resolve("/dev/sdb").siblings

        assert sibling.path == "/dev/sdc"
        assert [p.path for p in sibling.partitions] == ["/dev/sdc1"]

    def test_disks_with_one_designation_page_too(self, machine: Machine) -> None:
        unit = b"\x01\x03\0\x08" + bytes.fromhex("5001405000000001")  # NAA, of the unit
        ports = [b"\x01\x14\0\x04\0\0\0" + bytes([port]) for port in (1, 2)]  # relative target port
        machine.disk("sdb", 16, vpd83=b"\0\x83\0\x14" + unit + ports[0])
        machine.disk("sdc", 32, vpd83=b"\0\x83\0\x14" + unit + ports[1])
        machine.disk("sdd", 48, vpd83=b"\0\x83\0\x08" + ports[0])

        assert [s.path for s in machine.resolve("/dev/sdb").siblings] == ["/dev/sdc"]

    @pytest.mark.parametrize(
        "said",
        [
            {"vpd83": b"\0\x83\0\0"},  # what QEMU says of a disk without a serial number
            {"vpd83": b"\0\x83\0\x08\x01\x14\0\x04\0\0\0\x01"},  # a port, and no unit
            {"vpd83": b"\0\x83\0\x0c\x01\x03\0\x08" + bytes(8)},  # never filled in
            {"vpd83": b"\0\x83\0\x04abcd"},  # makes no sense
            {"vpd83": b"\0\x83\0\x08\x01\x06\0\x04\0\0\0\x01"},  # a group of units
            {"wwid": "naa.0000000000000000"},
            {"wwid": "t10."},
        ],
    )
    def test_disks_whose_words_would_fit_any_disk_are_strangers(
        self, machine: Machine, said: dict[str, Any]
    ) -> None:
        machine.disk("sdb", 16, **said)
        machine.disk("sdc", 32, **said)

        assert machine.resolve("/dev/sdb").siblings == ()

    def test_disks_that_do_not_say_who_they_are_are_strangers(self, machine: Machine) -> None:
        machine.disk("sdb", 16)
        machine.disk("sdc", 32)

        assert machine.resolve("/dev/sdb").siblings == ()

    def test_an_sg_node_and_a_partition_have_those_of_their_disk(self, machine: Machine) -> None:
        machine.disk("sdb", 16, wwid=NAA, sg=1, partitions={1: (2048, 8)})
        machine.disk("sdc", 32, wwid=NAA, sg=2)

        assert [[s.path for s in machine.resolve(p).siblings] for p in ("/dev/sg1", "/dev/sdb1")] == [
            ["/dev/sdc"],
            ["/dev/sdc"],
        ]


class TestHolders:
    def test_all_that_is_built_on_it_at_any_depth(self, machine: Machine) -> None:
        machine.disk("sdb", 16, partitions={1: (2048, 8), 2: (4096, 8)})
        machine.mapped("md0", 0, on=["sdb1"], md="raid1")
        machine.mapped("dm-0", 0, on=["md0"], uuid="LVM-abc", dm_name="vg-lv")
        machine.mapped("dm-1", 1, on=["dm-0"], uuid="CRYPT-LUKS2-x", dm_name="secret")

        assert {h.path for h in machine.resolve("/dev/sdb").holders} == {"/dev/md0", "/dev/dm-0", "/dev/dm-1"}

    def test_one_volume_on_two_partitions_is_listed_once(self, machine: Machine) -> None:
        machine.disk("sdb", 16, partitions={1: (2048, 8), 2: (4096, 8)})
        machine.mapped("dm-0", 0, on=["sdb1", "sdb2"], uuid="LVM-abc", dm_name="vg-lv")

        assert [h.path for h in machine.resolve("/dev/sdb").holders] == ["/dev/dm-0"]


class TestTops:
    """Which nodes to hold so that nobody else gets at the blocks."""

    def test_the_disk_and_every_other_path(self, machine: Machine) -> None:
        machine.disk("sdb", 16, wwid=NAA)
        machine.disk("sdc", 32, wwid=NAA)

        assert machine.resolve("/dev/sdc").tops == ("/dev/sdc", "/dev/sdb")

    def test_a_multipath_map_stands_for_its_paths(self, machine: Machine) -> None:
        machine.disk("sdb", 16, wwid=NAA)
        machine.disk("sdc", 32, wwid=NAA)
        machine.mapped("dm-0", 0, on=["sdb", "sdc"], uuid="mpath-36001405a", dm_name="mpatha")

        assert machine.resolve("/dev/sdb").tops == ("/dev/dm-0",)

    def test_a_partition_is_held_alone_so_that_its_neighbours_may_be_in_use(self, machine: Machine) -> None:
        machine.disk("sdb", 16, wwid=NAA, partitions={1: (2048, 8), 2: (4096, 8)})
        machine.disk("sdc", 32, wwid=NAA, partitions={1: (2048, 8), 2: (4096, 8)})

        assert machine.resolve("/dev/sdb2").tops == ("/dev/sdb2", "/dev/sdc2")

    def test_another_path_whose_partitions_were_not_read_is_held_whole(self, machine: Machine) -> None:
        machine.disk("sdb", 16, wwid=NAA, partitions={1: (2048, 8)})
        machine.disk("sdc", 32, wwid=NAA)

        assert machine.resolve("/dev/sdb1").tops == ("/dev/sdb1", "/dev/sdc")

    def test_a_partition_below_a_multipath_map_is_held_by_its_own_map(self, machine: Machine) -> None:
        machine.disk("sdb", 16, wwid=NAA, partitions={1: (2048, 8), 2: (4096, 8)})
        machine.mapped("dm-0", 0, on=["sdb"], uuid="mpath-36001405a", dm_name="mpatha")
        machine.mapped("dm-1", 1, on=["dm-0"], uuid="part1-mpath-36001405a", dm_name="mpatha-part1")
        machine.mapped("dm-2", 2, on=["dm-0"], uuid="part2-mpath-36001405a", dm_name="mpatha-part2")

        assert machine.resolve("/dev/sdb2").tops == ("/dev/dm-2",)


class TestRefused:
    """Each says the thing, the reason, and what to do instead."""

    def test_a_path_that_is_not_there(self, machine: Machine) -> None:
        with pytest.raises(UsageError, match=r"/dev/sdzz: no such file; .*xcopy-dev list"):
            machine.resolve("/dev/sdzz")

    def test_a_path_that_may_not_be_looked_at(self) -> None:
        def deny(_: str) -> None:
            raise PermissionError(13, "Permission denied")

        with pytest.raises(AccessError, match=r"/dev/sdb: Permission denied; run as root"):
            resolve("/dev/sdb", status=deny)  # type: ignore[arg-type]

    @pytest.mark.parametrize(("make", "what"), [("mkdir", "a directory"), ("touch", "a file, not a device")])
    def test_what_is_no_device(self, tmp_path: Path, make: str, what: str) -> None:
        path = tmp_path / "x"
        getattr(path, make)()

        with pytest.raises(UsageError, match=f"{path} is {what}; name a SCSI disk such as /dev/sdb"):
            resolve(str(path))

    @pytest.mark.parametrize("subsystem", ["mem", "bsg"])
    def test_a_character_device_of_another_kind(self, machine: Machine, subsystem: str) -> None:
        machine.character("odd", 1, 3, subsystem)

        with pytest.raises(
            UsageError, match=f"/dev/odd is a character device, of the subsystem {subsystem}, .*/dev/sdb"
        ):
            machine.resolve("/dev/odd")

    def test_the_machines_own_null_device(self) -> None:
        with pytest.raises(UsageError, match=r"/dev/null is a character device"):
            resolve("/dev/null")

    def test_a_loop_device(self, machine: Machine) -> None:
        machine.loop("loop0", 0)

        with pytest.raises(
            UnsupportedError, match=r"^/dev/loop0 is a loop device, not a SCSI unit: .*; name .*backing file"
        ):
            machine.resolve("/dev/loop0")

    @pytest.mark.parametrize(
        ("name", "bus", "what"),
        [
            ("nvme0n1", "nvme", "an NVMe device"),
            ("vda", "virtio", "a virtio disk"),
            ("zram0", "zram", "a block device off the SCSI bus"),
        ],
    )
    def test_a_disk_that_is_not_scsi(self, machine: Machine, name: str, bus: str, what: str) -> None:
        machine.disk(name, 0, bus=bus, major=259)

        with pytest.raises(UnsupportedError, match=f"/dev/{name} is {what}, not a SCSI unit: .*name a SCSI"):
            machine.resolve(f"/dev/{name}")

    def test_a_partition_of_one_names_the_disk(self, machine: Machine) -> None:
        machine.disk("vda", 0, bus="virtio", major=254, partitions={1: (2048, 8)})

        with pytest.raises(UnsupportedError, match=r"/dev/vda1 \(vda\) is a virtio disk"):
            machine.resolve("/dev/vda1")

    def test_a_cd_drive(self, machine: Machine) -> None:
        machine.disk("sr0", 0, major=11, device_type=5)

        with pytest.raises(UnsupportedError, match=r"/dev/sr0 is a SCSI unit of device type 05h, not a disk"):
            machine.resolve("/dev/sr0")

    def test_an_md_array(self, machine: Machine) -> None:
        machine.disk("sdb", 16)
        machine.mapped("md0", 0, on=["sdb"], md="raid1")

        with pytest.raises(UnsupportedError, match=r"/dev/md0 is an md array \(raid1\).*/dev/sdb"):
            machine.resolve("/dev/md0")

    def test_a_node_whose_device_is_gone(self, machine: Machine) -> None:
        machine.disk("sdb", 16)
        (machine.sysfs / "dev/block/8:16").unlink()

        with pytest.raises(AccessError, match=r"/dev/sdb: the kernel knows no block device 8:16"):
            machine.resolve("/dev/sdb")


class TestByTheKernel:
    def test_what_a_device_copies_at_once_is_said_by_its_queue(self, machine: Machine) -> None:
        machine.disk("sdb", 16, partitions={1: (2048, 100)})
        (machine.sysfs / "class/block/sdb/queue/copy_max_bytes").write_text("134217728\n")
        found = [copies_at_most(os.makedev(8, minor), sysfs=str(machine.sysfs)) for minor in (16, 17)]
        assert found == [134217728, 134217728]

    def test_where_it_says_nothing_it_copies_nothing(self, machine: Machine) -> None:
        machine.disk("sdb", 16)
        assert copies_at_most(os.makedev(8, 16), sysfs=str(machine.sysfs)) == 0
        assert copies_at_most(os.makedev(8, 99), sysfs=str(machine.sysfs)) == 0


class TestLinks:
    def pyudev(self, found: object) -> ModuleType:
        """A stand-in that knows one device, or raises."""

        def from_device_number(_context: object, kind: str, number: int) -> object:
            if isinstance(found, Exception):
                raise found
            assert (kind, number) == ("block", 8 << 8 | 16)
            return SimpleNamespace(device_links=found)

        module = ModuleType("pyudev")
        module.__dict__.update(
            Context=object,
            DeviceNotFoundError=LookupError,
            Devices=SimpleNamespace(from_device_number=from_device_number),
        )
        return module

    def test_those_that_udev_made(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(
            sys.modules, "pyudev", self.pyudev(["/dev/disk/by-id/wwn-2", "/dev/disk/by-id/a"])
        )
        machine.disk("sdb", 16)

        assert links(machine.resolve("/dev/sdb")) == ("/dev/disk/by-id/a", "/dev/disk/by-id/wwn-2")

    @pytest.mark.parametrize("found", [LookupError("no device"), ImportError("No library named udev")])
    def test_none_where_udev_knows_nothing(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch, found: Exception
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyudev", self.pyudev(found))
        machine.disk("sdb", 16)

        assert links(machine.resolve("/dev/sdb")) == ()

    def test_none_of_a_device_that_the_real_one_does_not_know(self, machine: Machine) -> None:
        machine.disk("sdb", 255, major=4095)

        assert links(machine.resolve("/dev/sdb")) == ()

    def test_none_without_pyudev(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyudev", None)
        machine.disk("sdb", 16)

        assert links(machine.resolve("/dev/sdb")) == ()

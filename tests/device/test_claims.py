"""Who uses a unit, on machines made of files; and that an exclusive open is the last word."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from tests.device.fake_sysfs import Machine
from xcopy.device.claims import claims, hold, mounts_on
from xcopy.errors import AccessError, UnsafeError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

NAA = "naa.6001405aaaaaaaaaaaaaaaaaaaaaaaaa"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One unit by two paths, sdb and sdc, with two partitions."""
    made = Machine(tmp_path)
    made.disk("sdb", 16, wwid=NAA, sg=1, partitions={1: (2048, 8), 2: (4096, 8)})
    made.disk("sdc", 32, wwid=NAA, sg=2, partitions={1: (2048, 8), 2: (4096, 8)})
    made.disk("sdd", 48, wwid=NAA + "d", partitions={1: (2048, 8)})
    return made


def found(machine: Machine, path: str = "/dev/sdb", partition: str | None = None) -> list[str]:
    """The claims, as sentences."""
    node = machine.resolve(path)
    return [
        str(claim)
        for claim in claims(
            node,
            partition=partition,
            proc=str(machine.proc),
            sysfs=str(machine.sysfs),
            status=lambda path: machine.status(os.readlink(path)),
        )
    ]


def test_an_unused_unit_has_no_claims(machine: Machine) -> None:
    machine.mount("/data", "8:49", "/dev/sdd1")
    machine.swap("/dev/sdd2")

    assert found(machine) == []


class TestMounted:
    def test_the_disk(self, machine: Machine) -> None:
        machine.mount("/data", "8:16", "/dev/sdb")

        assert found(machine) == ["/dev/sdb is mounted on /data"]

    def test_a_partition_of_it(self, machine: Machine) -> None:
        machine.mount("/data", "8:17", "/dev/sdb1")

        assert found(machine) == ["/dev/sdb1 is mounted on /data"]

    def test_by_its_number_whatever_the_source_is_called(self, machine: Machine) -> None:
        machine.mount("/data", "8:17", "/dev/root")

        assert found(machine) == ["/dev/sdb1 is mounted on /data"]

    def test_by_its_source_where_the_number_is_of_no_device(self, machine: Machine) -> None:
        machine.mount("/pool", "0:29", "/dev/sdb1", "btrfs")

        assert found(machine) == ["/dev/sdb1 is mounted on /pool"]

    def test_a_source_that_is_no_path_is_no_device(self, machine: Machine) -> None:
        machine.mount("/tmp", "0:30", "sdb", "tmpfs")

        assert found(machine) == []

    def test_the_device_of_a_btrfs_that_mountinfo_does_not_name(self, machine: Machine) -> None:
        machine.mount("/pool", "0:29", "/dev/sdd1", "btrfs")
        machine.btrfs("1b2c", "sdd1", "sdb2")

        assert found(machine) == ["/dev/sdb2 is mounted on a btrfs pool (1b2c)"]

    def test_a_space_in_the_mount_point(self, machine: Machine) -> None:
        machine.mount(r"/my\040data", "8:16", "/dev/sdb")

        assert found(machine) == ["/dev/sdb is mounted on /my data"]

    def test_a_line_separator_in_the_mount_point_hides_nothing(self, machine: Machine) -> None:
        machine.mount("/odd\u2028\x0cdata", "8:16", "/dev/sdb")

        assert found(machine) == ["/dev/sdb is mounted on /odd\u2028\x0cdata"]

    def test_the_other_path(self, machine: Machine) -> None:
        machine.mount("/data", "8:33", "/dev/sdc1")

        assert found(machine) == ["/dev/sdc1 is mounted on /data (another path to the same unit)"]

    def test_asked_by_the_sg_node(self, machine: Machine) -> None:
        machine.mount("/data", "8:17", "/dev/sdb1")

        assert found(machine, "/dev/sg1") == ["/dev/sdb1 is mounted on /data"]

    def test_asked_by_the_sg_node_of_a_path_that_has_no_disk(self, machine: Machine) -> None:
        machine.generic_only(4, wwid=NAA)
        machine.mount("/data", "8:17", "/dev/sdb1")

        assert found(machine, "/dev/sg4") == ["/dev/sdb1 is mounted on /data (another path to the same unit)"]


class TestSwap:
    def test_a_partition(self, machine: Machine) -> None:
        machine.swap("/dev/sdd1", "/dev/sdb2")

        assert found(machine) == ["/dev/sdb2 is in use as swap"]


class TestHolders:
    def test_a_volume_and_what_it_is_mounted_on(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb1"], uuid="LVM-abc", dm_name="vg-lv")
        machine.mount("/data", "253:0", "/dev/mapper/vg-lv")

        assert found(machine) == [
            "/dev/sdb1 is held by /dev/dm-0 (an LVM logical volume, vg-lv)",
            "/dev/dm-0 is mounted on /data",
        ]

    def test_at_any_depth(self, machine: Machine) -> None:
        machine.mapped("md0", 0, on=["sdb1"], md="raid1")
        machine.mapped("dm-0", 0, on=["md0"], uuid="CRYPT-LUKS2-x", dm_name="secret")
        machine.swap("/dev/dm-0")

        assert found(machine)[-1] == "/dev/dm-0 is in use as swap"
        assert len(found(machine)) == 3

    def test_on_the_other_path(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdc"], uuid="LVM-abc", dm_name="vg-lv")

        assert found(machine) == [
            "/dev/sdc is held by /dev/dm-0 (an LVM logical volume, vg-lv) (another path to the same unit)"
        ]

    def test_a_multipath_map_is_the_unit_itself(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb", "sdc"], uuid="mpath-36001405a", dm_name="mpatha")

        assert found(machine) == []

    def test_what_sits_on_a_multipath_map_is_told_once(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb", "sdc"], uuid="mpath-36001405a", dm_name="mpatha")
        machine.mapped("dm-1", 1, on=["dm-0"], uuid="LVM-abc", dm_name="vg-lv")

        assert found(machine) == ["/dev/dm-0 is held by /dev/dm-1 (an LVM logical volume, vg-lv)"]

    def test_a_loop_device_laid_over_it_which_no_holder_shows(self, machine: Machine) -> None:
        machine.loop("loop3", 3, "/dev/sdb1")
        machine.loop("loop4", 4, "/images/sdb1")

        assert found(machine)[0] == "/dev/sdb1 is held by /dev/loop3 (a loop device)"


class TestReadOnly:
    def test_the_disk(self, tmp_path: Path) -> None:
        machine = Machine(tmp_path / "protected")
        machine.disk("sde", 64, read_only=True)

        assert found(machine, "/dev/sde") == ["/dev/sde is read-only"]

    def test_a_multipath_map_of_it(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb", "sdc"], uuid="mpath-36", dm_name="mpatha", read_only=True)

        assert found(machine, "/dev/dm-0") == ["/dev/dm-0 is read-only"]


class TestOnePartition:
    """The others' uses do not count, the whole disk's do."""

    @pytest.fixture(autouse=True)
    def _in_use(self, machine: Machine) -> None:
        machine.mount("/one", "8:17", "/dev/sdb1")

    def test_a_partition_of_an_array_on_it_is_none_of_its_neighbours(self, machine: Machine) -> None:
        machine.mapped("md0", 0, on=["sdb2"], md="raid1", partition=1)
        machine.mount("/data", "259:0", "/dev/md0p1")

        assert "/dev/md0p1 is mounted on /data" in found(machine, "/dev/sdb2")

    def test_the_neighbour_is_mounted(self, machine: Machine) -> None:
        assert found(machine, "/dev/sdb2") == []

    def test_it_is_itself_mounted(self, machine: Machine) -> None:
        assert found(machine, "/dev/sdb1") == ["/dev/sdb1 is mounted on /one"]

    def test_asked_by_the_other_path(self, machine: Machine) -> None:
        assert found(machine, "/dev/sdc1") == ["/dev/sdb1 is mounted on /one (another path to the same unit)"]

    def test_the_whole_disk_is_held(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb"], uuid="LVM-abc", dm_name="vg-lv")

        assert found(machine, "/dev/sdb2") == ["/dev/sdb is held by /dev/dm-0 (an LVM logical volume, vg-lv)"]

    def test_what_is_built_on_it(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb2"], uuid="LVM-abc", dm_name="vg-lv")
        machine.mount("/deep", "253:0", "/dev/mapper/vg-lv")

        assert found(machine, "/dev/sdb2")[-1] == "/dev/dm-0 is mounted on /deep"

    def test_it_may_be_named_when_the_disk_was_resolved(self, machine: Machine) -> None:
        assert found(machine, "/dev/sdb", "/dev/sdb2") == []

    def test_a_name_that_is_none_of_the_disks_partitions(self, machine: Machine) -> None:
        with pytest.raises(UsageError, match="/dev/sdd1 is not a partition of /dev/sdb"):
            found(machine, "/dev/sdb", "/dev/sdd1")

    def test_below_a_multipath_map_kpartx_maps_stand_for_partitions(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb", "sdc"], uuid="mpath-3600", dm_name="mpatha")
        machine.mapped("dm-1", 1, on=["dm-0"], uuid="part1-mpath-3600", dm_name="mpatha-part1")
        machine.mapped("dm-2", 2, on=["dm-0"], uuid="part2-mpath-3600", dm_name="mpatha-part2")
        machine.mount("/other", "253:1", "/dev/mapper/mpatha-part1")
        assert found(machine, "/dev/sdb2") == []

        machine.mount("/mine", "253:2", "/dev/mapper/mpatha-part2")
        assert found(machine, "/dev/sdb2") == ["/dev/dm-2 is mounted on /mine"]


@pytest.mark.parametrize(
    ("instead", "why"), [("directory", "Is a directory"), ("nothing", "No such file or directory")]
)
def test_a_system_whose_mounts_cannot_be_read_is_not_a_system_without_mounts(
    machine: Machine, instead: str, why: str
) -> None:
    (machine.proc / "self/mountinfo").unlink()
    if instead == "directory":
        (machine.proc / "self/mountinfo").mkdir()

    with pytest.raises(AccessError, match=f"mountinfo: {why}; .*nobody can tell what is in use"):
        found(machine)


def test_a_kernel_without_swap_has_no_list_of_it(machine: Machine) -> None:
    (machine.proc / "swaps").unlink()

    assert found(machine) == []


def test_a_unit_without_a_block_node_has_no_claims_to_show(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.generic_only(3, device_type=0)

    assert found(machine, "/dev/sg3") == []


class TestWriters:
    """Who has it open for writing: no claim of the kernel's, and yet a use."""

    def test_of_the_disk_or_a_partition(self, machine: Machine) -> None:
        machine.process(17, "qemu", {5: ("/dev/sdb", os.O_RDWR), 6: ("/dev/sdd1", os.O_WRONLY)})

        assert found(machine) == ["/dev/sdb is open elsewhere (qemu (process 17))"]
        assert found(machine, "/dev/sdd") == ["/dev/sdd1 is open elsewhere (qemu (process 17))"]

    def test_by_a_node_elsewhere(self, machine: Machine) -> None:
        machine.alias("/srv/chroot/dev/disk", "sdb")
        machine.process(17, "qemu", {5: ("/srv/chroot/dev/disk", os.O_RDWR)})

        assert found(machine) == ["/dev/sdb is open elsewhere (qemu (process 17))"]

    @pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs", "cifs"])
    def test_no_server_is_asked_what_a_file_is(self, machine: Machine, kind: str) -> None:
        machine.alias("/mnt/far", "sdb")
        machine.process(17, "qemu", {5: ("/mnt/far", os.O_RDWR)}, root=kind)

        assert found(machine) == []

    def test_that_only_read_are_none(self, machine: Machine) -> None:
        machine.process(17, "multipathd", {5: ("/dev/sdb", os.O_RDONLY | os.O_NONBLOCK)})

        assert found(machine) == []


def test_an_array_says_that_it_is_one(machine: Machine) -> None:
    machine.mapped("md0", 0, on=["sdb1"], md="raid1")
    machine.mapped("dm-0", 0, on=["sdb2"], uuid="LVM-abc", dm_name="vg-lv")
    machine.mapped("dm-1", 1, on=["sdb"], uuid="CRYPT-LUKS2-x", dm_name="secret")
    node = machine.resolve("/dev/sdb")
    kinds = {c.device: c.kind for c in claims(node, proc=str(machine.proc), sysfs=str(machine.sysfs))}

    assert kinds == {"/dev/sdb": "holder", "/dev/sdb1": "md", "/dev/sdb2": "lvm"}


class TestMountsOn:
    def points(self, machine: Machine, path: str = "/dev/sdb") -> list[str]:
        node = machine.resolve(path)
        return [m.point for m in mounts_on(node, proc=str(machine.proc), sysfs=str(machine.sysfs))]

    def test_every_mount_that_is_a_claim(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb2"], uuid="LVM-abc", dm_name="vg-lv")
        machine.mount("/one", "8:17", "/dev/sdb1")
        machine.mount("/two", "253:0", "/dev/mapper/vg-lv")
        machine.mount("/again", "8:17", "/dev/sdb1")
        machine.mount("/other", "8:49", "/dev/sdd1")

        assert self.points(machine) == ["/one", "/two", "/again"]
        assert self.points(machine, "/dev/sdb1") == ["/one", "/again"]

    def test_a_btrfs_that_goes_by_another_of_its_devices(self, machine: Machine) -> None:
        machine.mount("/pool", "0:29", "/dev/sdd1", "btrfs")
        machine.btrfs("1b2c", "sdd1", "sdb2")

        assert self.points(machine) == ["/pool"]


class TestHold:
    @pytest.fixture
    def opens(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
        """Flags of every open; /dev/sdb is a block node for the time being."""
        flags: list[int] = []
        real, status = os.open, os.stat
        block = os.stat_result((stat.S_IFBLK, *[0] * 9))
        monkeypatch.setattr(
            os, "stat", lambda path, **kw: block if path == "/dev/sdb" else status(path, **kw)
        )

        def note(_path: str, how: int) -> int:
            flags.append(how)
            return real(tmp_path, os.O_RDONLY)

        monkeypatch.setattr(os, "open", note)
        return flags

    def test_it_is_an_exclusive_open_for_writing(self, opens: list[int]) -> None:
        hold("/dev/sdb").close()

        assert opens == [os.O_RDWR | os.O_EXCL]

    def test_to_look_whether_it_can_be_claimed_nothing_is_opened_for_writing(self, opens: list[int]) -> None:
        hold("/dev/sdb", writing=False).close()

        assert opens == [os.O_RDONLY | os.O_EXCL]

    def test_it_lasts_as_long_as_the_context(self, opens: list[int]) -> None:
        with hold("/dev/sdb") as held:
            os.fstat(held.fd)
            fd = held.fd

        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)
        held.close()
        assert len(opens) == 1

    @pytest.mark.parametrize(
        ("number", "kind", "words"),
        [
            (errno.EBUSY, UnsafeError, r"the kernel reports it in use .*lsblk /dev/sdb.*stop it first"),
            (errno.EACCES, AccessError, r"cannot be claimed: Permission denied"),
        ],
    )
    @pytest.mark.usefixtures("opens")
    def test_a_node_that_cannot_be_claimed(
        self, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception], words: str
    ) -> None:
        def refuse(*_: object) -> int:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "open", refuse)

        with pytest.raises(kind, match=f"/dev/sdb.*{words}"):
            hold("/dev/sdb")

    def test_an_sg_node_is_not_held_for_its_lock_means_nothing(self) -> None:
        with pytest.raises(UsageError, match=r"/dev/null is not a block node"):
            hold("/dev/null")

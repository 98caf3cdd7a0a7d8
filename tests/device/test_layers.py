"""What mapped devices are made of, on machines made of files with tables as dmsetup shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.device.fake_sysfs import Machine
from xcopy.device import tree
from xcopy.errors import AccessError, UnsafeError, UnsupportedError
from xcopy.mapping import Run

if TYPE_CHECKING:
    from pathlib import Path

NAA = "naa.6001405aaaaaaaaaaaaaaaaaaaaaaaaa"
LV = "LVM-" + "y7NQ" * 16
MPATH = "mpath-36001405aaaaaaaaaaaaaaaaaaaaaaaaa"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """sdb and sdd, two units; sdc is another path to the unit of sdb."""
    made = Machine(tmp_path)
    parts = {1: (2048, 500_000), 2: (502_048, 500_000)}
    made.disk("sdb", 16, wwid=NAA, sg=1, partitions=parts)
    made.disk("sdc", 32, wwid=NAA, sg=2, partitions=parts)
    made.disk("sdd", 48, wwid=NAA + "d")
    return made


def runs(machine: Machine, path: str = "/dev/dm-0") -> list[tuple[str | None, int, int]]:
    """Disk, first sector and sectors of every run of a volume."""
    volume = machine.resolve(path)
    found = volume.mapping.runs(0, volume.mapping.length)
    return [(volume.disks[unit].node, start, length) for unit, start, length in found]


class TestMultipath:
    def multipath(self, machine: Machine, **states: tuple[str, str]) -> None:
        for name, (state, access) in states.items():
            device = machine.sysfs / f"class/block/{name}/device"
            (device / "state").write_text(state + "\n")
            (device / "access_state").write_text(access + "\n")
        machine.mapped("dm-0", 0, on=["sdb", "sdc"], uuid=MPATH, dm_name="mpatha")

    def test_a_map_is_its_unit_by_a_path(self, machine: Machine) -> None:
        self.multipath(machine)
        machine.alias("/dev/mapper/mpatha", "dm-0")

        node = machine.resolve("/dev/mapper/mpatha")

        assert (node.kind, node.node, node.start) == ("disk", "/dev/sdb", None)
        assert (node.path, node.major, node.minor) == ("/dev/mapper/mpatha", 253, 0)
        assert node.tops == ("/dev/dm-0",)

    @pytest.mark.parametrize(
        ("first", "second", "chosen"),
        [
            (("running", "active/non-optimized"), ("running", "active/optimized"), "/dev/sdc"),
            (("running", "active/optimized"), ("running", "active/optimized"), "/dev/sdb"),
            (("offline", "active/optimized"), ("running", "active/non-optimized"), "/dev/sdc"),
            (("running", "standby"), ("running", "active/non-optimized"), "/dev/sdc"),
            (("running", "unavailable"), ("running", "standby"), "/dev/sdc"),
            (("blocked", "active/optimized"), ("running", "unavailable"), "/dev/sdc"),
        ],
    )
    def test_commands_go_by_the_best_path_that_runs(
        self, machine: Machine, first: tuple[str, str], second: tuple[str, str], chosen: str
    ) -> None:
        self.multipath(machine, sdb=first, sdc=second)

        assert machine.resolve("/dev/dm-0").node == chosen

    def test_a_map_without_a_path_that_runs_is_refused(self, machine: Machine) -> None:
        self.multipath(machine, sdb=("offline", ""), sdc=("transport-offline", ""))

        with pytest.raises(
            AccessError,
            match=r"/dev/dm-0 is a multipath map, mpatha, and none of its paths is running; .*-ll",
        ):
            machine.resolve("/dev/dm-0")

    def test_a_map_of_another_bus_is_refused_for_what_it_is(self, machine: Machine) -> None:
        machine.disk("nvme0n1", 0, bus="nvme", major=259, state="live")
        machine.mapped("dm-0", 0, on=["nvme0n1"], uuid="mpath-eui.00", dm_name="mpathn")

        with pytest.raises(UnsupportedError, match=r"/dev/dm-0 \(nvme0n1\) is an NVMe device"):
            machine.resolve("/dev/dm-0")

    def test_no_table_is_needed_for_a_map_so_none_is_asked_for(self, machine: Machine) -> None:
        self.multipath(machine)

        machine.resolve("/dev/dm-0")

        assert not machine.dm.rooms

    def test_a_partition_map_is_a_piece_of_the_unit_and_is_held_itself(self, machine: Machine) -> None:
        self.multipath(machine)
        machine.mapped("dm-1", 1, on=["dm-0"], uuid="part1-" + MPATH, table="0 500000 linear 253:0 2048")

        assert runs(machine, "/dev/dm-1") == [("/dev/sdb", 2048, 500_000)]
        assert machine.resolve("/dev/dm-1").tops == ("/dev/dm-1",)

    def test_below_a_volume_too_the_best_path_is_taken(self, machine: Machine) -> None:
        self.multipath(machine, sdb=("offline", ""), sdc=("running", "active/optimized"))
        machine.mapped("dm-1", 1, on=["dm-0"], uuid=LV, table="0 1000 linear 253:0 2048")

        assert runs(machine, "/dev/dm-1") == [("/dev/sdc", 2048, 1000)]


class TestVolume:
    def test_a_piece_of_a_disk(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdd"], uuid=LV, table="0 4096 linear 8:48 2048")

        volume = machine.resolve("/dev/dm-0")

        assert runs(machine) == [("/dev/sdd", 2048, 4096)]
        assert (volume.kind, volume.path, volume.major, volume.minor) == ("volume", "/dev/dm-0", 253, 0)
        assert volume.tops == ("/dev/dm-0",)
        assert volume.below == {"sdd"}

    def test_the_start_of_a_partition_is_added(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb2"], uuid=LV, table="0 4096 linear 8:18 8")

        assert runs(machine) == [("/dev/sdb", 502_056, 4096)]

    def test_pieces_of_two_disks_come_in_the_order_of_the_table(self, machine: Machine) -> None:
        machine.mapped(
            "dm-0",
            0,
            on=["sdb", "sdd"],
            uuid=LV,
            table="0 49152 linear 8:48 16384; 49152 32768 linear 8:16 16384",
        )

        assert runs(machine) == [("/dev/sdd", 16384, 49152), ("/dev/sdb", 16384, 32768)]

    def test_stripes_are_dealt_out(self, machine: Machine) -> None:
        machine.mapped(
            "dm-0", 0, on=["sdb1", "sdd"], uuid=LV, table="0 512 striped 2 128 8:17 1000 8:48 65536"
        )

        assert runs(machine) == [
            ("/dev/sdb", 3048, 128),
            ("/dev/sdd", 65536, 128),
            ("/dev/sdb", 3176, 128),
            ("/dev/sdd", 65664, 128),
        ]

    def test_a_volume_on_a_partition_map_on_a_multipath_map_and_on_a_disk(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb", "sdc"], uuid=MPATH)
        machine.mapped("dm-1", 1, on=["dm-0"], uuid="part1-" + MPATH, table="0 500000 linear 253:0 2048")
        machine.mapped("dm-2", 2, on=["dm-1", "sdd"], uuid=LV, table="0 256 striped 2 128 253:1 10 8:48 20")

        volume = machine.resolve("/dev/dm-2")

        assert runs(machine, "/dev/dm-2") == [("/dev/sdb", 2058, 128), ("/dev/sdd", 20, 128)]
        assert volume.below == {"dm-1", "dm-0", "sdb", "sdc", "sdd"}

    def test_a_disk_and_its_partitions_are_one_unit_of_the_volume(self, machine: Machine) -> None:
        machine.mapped(
            "dm-0",
            0,
            on=["sdb", "sdb1", "sdb2"],
            table="0 8 linear 8:16 0; 8 8 linear 8:17 8; 16 8 linear 8:18 0",
        )

        assert [run.unit for run in machine.resolve("/dev/dm-0").mapping.whole] == [0, 0, 0]

    def test_a_multipath_map_and_a_partition_map_on_it_are_one_unit_of_the_volume(
        self, machine: Machine
    ) -> None:
        machine.mapped("dm-0", 0, on=["sdb", "sdc"], uuid=MPATH)
        machine.mapped("dm-1", 1, on=["dm-0"], uuid="part1-" + MPATH, table="0 500000 linear 253:0 2048")
        machine.mapped("dm-2", 2, on=["dm-0", "dm-1"], table="0 8 linear 253:0 0; 8 8 linear 253:1 0")

        assert [run.unit for run in machine.resolve("/dev/dm-2").mapping.whole] == [0, 0]

    def test_the_other_path_is_held_whole_or_by_its_partition(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb1"], uuid=LV, table="0 8 linear 8:17 0")
        machine.mapped("dm-1", 1, on=["sdd", "sdc"], table="0 8 linear 8:48 0; 8 8 linear 8:32 0")

        assert machine.resolve("/dev/dm-0").tops == ("/dev/dm-0", "/dev/sdc1")
        assert machine.resolve("/dev/dm-1").tops == ("/dev/dm-1", "/dev/sdb")

    def test_it_is_read_only_when_it_or_a_disk_is(self, machine: Machine) -> None:
        machine.disk("sde", 64, read_only=True)
        machine.mapped("dm-0", 0, on=["sdd"], table="0 8 linear 8:48 0")
        machine.mapped("dm-1", 1, on=["sde"], table="0 8 linear 8:64 0")
        assert not machine.resolve("/dev/dm-0").read_only

        (machine.sysfs / "class/block/dm-0/ro").write_text("1\n")

        assert machine.resolve("/dev/dm-0").read_only
        assert machine.resolve("/dev/dm-1").read_only


class TestApart:
    """What shares units with a volume, but no block."""

    @pytest.fixture(autouse=True)
    def _volume(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb1"], uuid=LV, table="0 1000 linear 8:17 1000")

    def test_partitions_by_any_path_that_it_does_not_lie_on(self, machine: Machine) -> None:
        assert machine.resolve("/dev/dm-0").apart == {"sdb2", "sdc2"}

    def test_a_volume_beside_it_and_not_one_that_overlaps_it(self, machine: Machine) -> None:
        machine.mapped("dm-1", 1, on=["sdb1"], table="0 1000 linear 8:17 0")
        machine.mapped("dm-2", 2, on=["sdb1"], table="0 1000 linear 8:17 2000")
        machine.mapped("dm-3", 3, on=["sdc1"], table="0 1000 linear 8:33 1999")
        machine.mapped("dm-4", 4, on=["sdc"], table="0 1001 linear 8:32 2048")
        machine.mapped("dm-5", 5, on=["sdc"], table="0 1001 linear 8:32 2047; 1001 8 linear 8:48 0")

        assert machine.resolve("/dev/dm-0").apart == {"sdb2", "sdc2", "dm-1", "dm-2", "dm-5"}

    def test_what_is_not_understood_may_be_anywhere(self, machine: Machine) -> None:
        machine.mapped("dm-1", 1, on=["sdb1"], uuid="CRYPT-x", table="0 8 crypt aes 8:17 4000")
        machine.mapped("md0", 0, on=["sdb1"], md="raid1")

        assert machine.resolve("/dev/dm-0").apart == {"sdb2", "sdc2"}

    def test_what_lies_on_the_volume_is_not_apart(self, machine: Machine) -> None:
        machine.mapped("dm-1", 1, on=["dm-0"], table="0 8 linear 253:0 8")

        assert "dm-1" not in machine.resolve("/dev/dm-0").apart


class TestMoved:
    """Whether a volume is where it was."""

    def layout(self, machine: Machine, table: str) -> None:
        machine.dm.tables[253, 0] = [table]

    def test_nothing_changed(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb"], table="0 8 linear 8:16 0")

        assert machine.resolve("/dev/dm-0").same_layout(machine.resolve("/dev/dm-0"))

    @pytest.mark.parametrize("table", ["0 8 linear 8:16 8", "0 8 linear 8:48 0"])
    def test_its_blocks_are_elsewhere(self, machine: Machine, table: str) -> None:
        machine.mapped("dm-0", 0, on=["sdb"], table="0 8 linear 8:16 0")
        before = machine.resolve("/dev/dm-0")

        self.layout(machine, table)

        assert not before.same_layout(machine.resolve("/dev/dm-0"))

    def test_another_path_to_the_same_blocks_is_the_same_place(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb"], table="0 8 linear 8:16 0")
        before = machine.resolve("/dev/dm-0")

        self.layout(machine, "0 8 linear 8:32 0")

        assert before.same_layout(machine.resolve("/dev/dm-0"))

    def test_another_volume_by_the_same_path_is_not_it(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb"], table="0 8 linear 8:16 0")
        machine.mapped("dm-1", 1, on=["sdb"], table="0 8 linear 8:16 0")

        assert not machine.resolve("/dev/dm-0").same_layout(machine.resolve("/dev/dm-1"))


class TestRefused:
    """Each says the thing, the layer, and the way out."""

    @pytest.mark.parametrize(
        ("uuid", "target", "says"),
        [
            (
                "CRYPT-LUKS2-0f",
                "crypt aes",
                r"an encrypted volume \(dm-crypt\), vol: .*name the device below",
            ),
            (LV, "thin 253:9 1", r"an LVM logical volume, vol: its thin target .*pool.*--method host"),
            (LV, "thin-pool 253:9", r"its thin-pool target keeps its blocks where a pool's"),
            (LV, "snapshot-origin 253:9", r"its snapshot-origin target .*lvremove"),
            (LV, "snapshot 253:9 253:8 P 8", r"its snapshot target .*remove the snapshots first"),
            (LV, "raid raid1 3 0 region_size 1 2 - 8:48", r"its raid target .*lvconvert -m0"),
            (LV, "mirror core 1 8 2 8:48 0", r"its mirror target .*several devices"),
            (LV, "cache 253:1 253:2", r"its cache target .*lvconvert --splitcache"),
            (
                "",
                "multipath 0 0 1 1 service-time",
                r"a device-mapper device, vol: its multipath target .*one of",
            ),
            ("", "zero", r"its zero target does something .*not known here.*--method host"),
        ],
    )
    def test_a_layer_that_does_more_than_move_addresses(
        self, machine: Machine, uuid: str, target: str, says: str
    ) -> None:
        machine.mapped("dm-0", 0, on=["sdd"], uuid=uuid, dm_name="vol", table=f"0 800 {target}")

        with pytest.raises(UnsupportedError, match=rf"^/dev/dm-0 is .*{says}.* \(below it: /dev/sdd\)$"):
            machine.resolve("/dev/dm-0")

    def test_one_odd_piece_among_others(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdd"], table="0 8 linear 8:48 0; 8 8 error; 16 8 linear 8:48 8")

        with pytest.raises(UnsupportedError, match="its error target"):
            machine.resolve("/dev/dm-0")

    def test_a_volume_that_lies_on_such_a_layer(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdd"], uuid="CRYPT-x", dm_name="secret", table="0 800 crypt aes")
        machine.mapped("dm-1", 1, on=["dm-0"], uuid=LV, dm_name="vg-lv", table="0 8 linear 253:0 0")

        with pytest.raises(
            UnsupportedError, match=r"^/dev/dm-1 lies on an encrypted volume .*, secret: .*crypt"
        ):
            machine.resolve("/dev/dm-1")

    def test_a_volume_on_an_md_array(self, machine: Machine) -> None:
        machine.mapped("md0", 0, on=["sdb"], md="raid1")
        machine.mapped("dm-0", 0, on=["md0"], uuid=LV, dm_name="vg-lv", table="0 8 linear 9:0 0")

        with pytest.raises(
            UnsupportedError, match=r"/dev/dm-0 lies on /dev/md0: /dev/md0 is an md array \(raid1\)"
        ):
            machine.resolve("/dev/dm-0")

    def test_a_volume_on_a_disk_that_is_not_scsi(self, machine: Machine) -> None:
        machine.disk("vda", 0, bus="virtio", major=254)
        machine.mapped("dm-0", 0, on=["vda"], table="0 8 linear 254:0 0")

        with pytest.raises(UnsupportedError, match=r"/dev/dm-0 lies on /dev/vda: /dev/vda is a virtio disk"):
            machine.resolve("/dev/dm-0")

    @pytest.mark.parametrize("part", ["real", "cow", "tdata", "tpool"])
    def test_a_volume_that_lvm_keeps_for_itself(self, machine: Machine, part: str) -> None:
        machine.mapped("dm-0", 0, on=["sdd"], uuid=f"{LV}-{part}", table="0 8 linear 8:48 0")

        with pytest.raises(UnsupportedError, match=rf"a part \({part}\) of another volume.*name the volume"):
            machine.resolve("/dev/dm-0")

    def test_a_suspended_volume_is_about_to_change(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdd"], table="0 8 linear 8:48 0")
        machine.dm.suspended.add((253, 0))

        with pytest.raises(UnsafeError, match=r"/dev/dm-0: .* is suspended, .*dmsetup resume"):
            machine.resolve("/dev/dm-0")

    def test_a_table_that_may_not_be_read(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdd"], table="0 8 linear 8:48 0")

        def refuse(_: bytearray) -> None:
            raise PermissionError(13, "Permission denied")

        machine.dm = refuse  # type: ignore[assignment]
        with pytest.raises(
            AccessError, match=r"^/dev/dm-0: device-mapper's 253:0: only root may read its table"
        ):
            machine.resolve("/dev/dm-0")

    def test_a_number_that_is_another_devices_by_now(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdd"], uuid=LV, table="0 8 linear 8:48 0")
        machine.dm.uuids[253, 0] = LV[:-1] + "x"

        with pytest.raises(AccessError, match="became another device while it was looked at"):
            machine.resolve("/dev/dm-0")

    def test_a_table_that_is_not_of_the_devices_size(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdd"], table="0 8 linear 8:48 0", size=16)

        with pytest.raises(
            AccessError, match="has 16 sectors, and its table 8: it is being changed; try again"
        ):
            machine.resolve("/dev/dm-0")

    @pytest.mark.parametrize(
        "table",
        [
            "0 8 linear 8:48 1048570",
            "0 8 linear 8:48",
            "0 8 linear 8:17 499999",
            "0 9 striped 2 4 8:16 0 8:48 0",
        ],
    )
    def test_a_table_that_makes_no_sense(self, machine: Machine, table: str) -> None:
        machine.mapped("dm-0", 0, on=["sdd"], table=table)

        with pytest.raises(UnsupportedError, match="the table of a device-mapper device makes no sense"):
            machine.resolve("/dev/dm-0")

    def test_a_device_below_that_is_gone(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdd"], table="0 8 linear 8:96 0")

        with pytest.raises(AccessError, match="lies on a device that is gone: 8:96"):
            machine.resolve("/dev/dm-0")

    def test_the_same_blocks_twice(self, machine: Machine) -> None:
        machine.mapped("dm-0", 0, on=["sdb"], table="0 8 linear 8:16 100; 8 8 linear 8:16 107")

        with pytest.raises(
            UnsafeError, match="/dev/dm-0 has some blocks of /dev/sdb twice, from sector 107 on"
        ):
            machine.resolve("/dev/dm-0")

    @pytest.mark.parametrize("second", ["8:32", "8:33"])
    def test_one_unit_by_two_paths_because_it_may_be_two_units_by_one_name(
        self, machine: Machine, second: str
    ) -> None:
        machine.mapped("dm-0", 0, on=["sdb", "sdc"], table=f"0 8 linear 8:16 0; 8 8 linear {second} 8")

        with pytest.raises(
            UnsafeError, match=rf"/dev/dm-0 lies on /dev/sdb and on /dev/sdc, which say .* one unit \({NAA}\)"
        ):
            machine.resolve("/dev/dm-0")

    @pytest.mark.parametrize("path", ["/dev/dm-0", "/dev/dm-1"])
    def test_a_multipath_map_whose_paths_lead_to_different_units(self, machine: Machine, path: str) -> None:
        machine.mapped("dm-0", 0, on=["sdb", "sdd"], uuid=MPATH, dm_name="mpatha")
        machine.mapped("dm-1", 1, on=["dm-0"], table="0 8 linear 253:0 0")

        with pytest.raises(
            UnsafeError, match=rf"{path}: the paths of a multipath map, mpatha lead to different .*{NAA}d"
        ):
            machine.resolve(path)

    def test_a_pile_without_end(self, machine: Machine) -> None:
        for number in range(20):
            machine.mapped(f"dm-{number}", number, on=[], table=f"0 8 linear 253:{number + 1} 0")

        with pytest.raises(UnsupportedError, match="more than 16 layers"):
            machine.resolve("/dev/dm-0")


def test_what_is_read_of_a_machine_grows_with_its_disks_and_volumes_and_not_with_their_square(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    bytes_of = tree.bytes_of

    def counted(path: Path) -> bytes:
        read.append(path)
        return bytes_of(path)

    monkeypatch.setattr(tree, "bytes_of", counted)

    def reads(disks: int) -> int:
        """For a volume with a piece on each of so many disks of two paths, and as many volumes beside it."""
        machine = Machine(tmp_path / str(disks))
        for number in range(disks):
            for path in (2 * number, 2 * number + 1):
                machine.disk(f"sd{path}", path, wwid=f"{NAA}{number}")
        names = [f"sd{2 * number}" for number in range(disks)]
        for volume in range(disks):
            table = ";".join(
                f"{8 * n} 8 linear 8:{2 * n} {8 * volume}" for n in range(disks if not volume else 1)
            )
            machine.mapped(f"dm-{volume}", volume, on=names if not volume else names[:1], table=table)
        del read[:]
        assert len(machine.resolve("/dev/dm-0").apart) == disks - 1
        return len(read)

    assert reads(40) < 2.5 * reads(20)


def test_a_run_ends_where_the_next_begins() -> None:
    assert Run(0, 5, 3).end == 8

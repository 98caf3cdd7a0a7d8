"""Who uses a volume, and which page caches its blocks are in; on machines made of files."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.api.sector_model import World
from tests.device.fake_sysfs import Machine
from xcopy.device.caches import nodes
from xcopy.device.claims import claims
from xcopy.errors import XcopyError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.api.sector_model import Device

NAA = "naa.6001405aaaaaaaaaaaaaaaaaaaaaaaaa"
LV = "LVM-" + "y7NQ" * 16


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A volume dm-0 on partitions of two units, with a neighbour dm-1; sdc is another path to sdb's unit."""
    made = Machine(tmp_path)
    parts = {1: (2048, 500_000), 2: (502_048, 500_000)}
    made.disk("sdb", 16, wwid=NAA, partitions=parts)
    made.disk("sdc", 32, wwid=NAA, partitions=parts)
    made.disk("sdd", 48, wwid=NAA + "d", partitions=parts)
    made.mapped(
        "dm-0",
        0,
        on=["sdb1", "sdd1"],
        uuid=LV,
        dm_name="vg-lv",
        table="0 1000 linear 8:17 2048; 1000 1000 linear 8:49 2048",
    )
    made.mapped("dm-1", 1, on=["sdb1"], uuid=LV[:-1] + "1", dm_name="vg-other", table="0 99 linear 8:17 0")
    return made


def found(machine: Machine, path: str = "/dev/dm-0") -> list[str]:
    return [
        str(claim)
        for claim in claims(machine.resolve(path), proc=str(machine.proc), sysfs=str(machine.sysfs))
    ]


class TestClaims:
    def test_a_volume_is_not_in_use_because_it_is_there(self, machine: Machine) -> None:
        assert found(machine) == []

    def test_nor_because_of_the_maps_that_it_lies_on(self, machine: Machine) -> None:
        machine.mapped("dm-5", 5, on=["sdd2"], table="0 5000 linear 8:50 0")
        machine.mapped("dm-6", 6, on=["dm-5"], table="0 50 linear 253:5 8")

        assert found(machine, "/dev/dm-6") == []
        assert found(machine, "/dev/dm-5") == ["/dev/dm-5 is held by /dev/dm-6 (a device-mapper device)"]

    def test_its_neighbours_may_be_used_as_they_like(self, machine: Machine) -> None:
        machine.mount("/other", "253:1", "/dev/mapper/vg-other")
        machine.mount("/boot", "8:18", "/dev/sdb2")
        machine.swap("/dev/sdd2")
        machine.mapped("dm-2", 2, on=["dm-1"], uuid="CRYPT-x", table="0 99 crypt aes")

        assert found(machine) == []

    def test_a_mount_of_it(self, machine: Machine) -> None:
        machine.mount("/data", "253:0", "/dev/mapper/vg-lv")

        assert found(machine) == ["/dev/dm-0 is mounted on /data"]

    def test_swap_on_it(self, machine: Machine) -> None:
        machine.swap("/dev/dm-0")

        assert found(machine) == ["/dev/dm-0 is in use as swap"]

    def test_what_is_built_on_it_and_used(self, machine: Machine) -> None:
        machine.mapped("dm-2", 2, on=["dm-0"], uuid="CRYPT-x", dm_name="secret", table="0 99 crypt aes")
        machine.mount("/safe", "253:2", "/dev/mapper/secret")

        assert found(machine) == [
            "/dev/dm-0 is held by /dev/dm-2 (an encrypted volume (dm-crypt), secret)",
            "/dev/dm-2 is mounted on /safe",
        ]

    def test_a_loop_device_over_it(self, machine: Machine) -> None:
        machine.loop("loop3", 3, "/dev/dm-0")

        assert found(machine) == ["/dev/dm-0 is held by /dev/loop3 (a loop device)"]

    def test_a_use_of_a_partition_or_disk_below_it_whichever_unit(self, machine: Machine) -> None:
        machine.mount("/one", "8:17", "/dev/sdb1")
        machine.mount("/two", "8:48", "/dev/sdd")

        assert found(machine) == ["/dev/sdb1 is mounted on /one", "/dev/sdd is mounted on /two"]

    def test_a_use_of_the_same_blocks_by_another_path(self, machine: Machine) -> None:
        machine.mount("/one", "8:33", "/dev/sdc1")

        assert found(machine) == ["/dev/sdc1 is mounted on /one (another path to the same unit)"]

    def test_another_map_of_the_same_blocks(self, machine: Machine) -> None:
        machine.mapped("dm-2", 2, on=["sdb"], dm_name="sly", table="0 8 linear 8:16 4096")

        assert found(machine) == ["/dev/sdb is held by /dev/dm-2 (a device-mapper device, sly)"]

    def test_a_holder_whose_blocks_nobody_knows(self, machine: Machine) -> None:
        machine.mapped("dm-2", 2, on=["sdb1"], dm_name="odd", table="0 8 unheard-of")

        assert found(machine) == ["/dev/sdb1 is held by /dev/dm-2 (a device-mapper device, odd)"]

    def test_read_only_by_the_mapper(self, machine: Machine) -> None:
        (machine.sysfs / "class/block/dm-0/ro").write_text("1\n")

        assert found(machine) == ["/dev/dm-0 is read-only"]

    def test_the_disk_below_is_in_use_by_the_volume(self, machine: Machine) -> None:
        assert found(machine, "/dev/sdd") == ["/dev/sdd1 is held by /dev/dm-0 (an LVM logical volume, vg-lv)"]


class TestCaches:
    def test_of_the_volume_and_of_all_it_lies_on_by_every_path_and_of_no_neighbour(
        self, machine: Machine
    ) -> None:
        assert nodes(machine.resolve("/dev/dm-0")) == (
            "/dev/dm-0",
            "/dev/sdd1",
            "/dev/sdd",
            "/dev/sdc1",
            "/dev/sdc",
            "/dev/sdb1",
            "/dev/sdb",
        )

    def test_what_lies_on_it_comes_first(self, machine: Machine) -> None:
        machine.mapped("dm-2", 2, on=["dm-0"], table="0 8 linear 253:0 0")

        assert nodes(machine.resolve("/dev/dm-0"))[:2] == ("/dev/dm-2", "/dev/dm-0")


class TestAnyMachine:
    """Beside a model that counts sectors."""

    @pytest.fixture
    def world(self, tmp_path: Path, seed: int) -> World:
        random = Random(seed)
        return World(random, Machine(tmp_path), random.choice([[512] * 4, [512, 512, 4096, 4096]]))

    def overlapping(self, world: World) -> tuple[Device, Device] | None:
        """Two devices with a sector in common, the first of which can be a destination."""
        devices = list(world.devices.values())
        world.random.shuffle(devices)
        sectors = {device.number: set(world.places(device, 0, device.blocks)) for device in devices}
        for one in sorted(devices, key=lambda device: not device.lines):
            for other in devices:
                if one is not other and sectors[one.number] & sectors[other.number]:
                    with suppress(XcopyError):
                        world.machine.resolve(one.path)
                        return one, other
        return None

    @pytest.mark.parametrize("seed", range(30))
    def test_whatever_has_a_block_of_it_and_is_mounted_is_a_claim(self, world: World, seed: int) -> None:
        del seed
        pair = self.overlapping(world)
        assert pair is not None
        one, other = pair
        assert "/mnt" not in " ".join(found(world.machine, one.path))

        world.machine.mount("/mnt", other.number, other.path)

        assert f"{other.path} is mounted on /mnt" in " ".join(found(world.machine, one.path)), (one, other)

    @pytest.mark.parametrize("seed", range(100, 130))
    def test_whatever_has_a_block_of_it_and_lies_beside_it_is_a_claim(self, world: World, seed: int) -> None:
        del seed
        pair = self.overlapping(world)
        assert pair is not None
        one, other = pair
        below = {word for line in world.lines(one) for word in line.split() if ":" in word}
        if not other.lines or other.number in {"253:1", *below}:  # kpartx's map is the partition itself
            return
        assert f"held by {other.path}" in " ".join(found(world.machine, one.path)), (one, other)

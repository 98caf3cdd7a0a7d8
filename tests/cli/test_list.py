"""`xcopy-dev list`: what it says of machines made of files and of emulated arrays, and where nothing is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.device.fake_sysfs import Machine
from tests.device.test_inventory import COPIES, DOES_NOT, NAA, PAGE_80, PAGE_83
from xcopy.api import listing
from xcopy.cli.list import WIDTH
from xcopy.device import claims, topology
from xcopy.device.array_dir import create
from xcopy.device.inventory import inventory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that is listed in place of this one."""
    made = Machine(tmp_path / "machine")
    sysfs, proc = str(made.sysfs), str(made.proc)
    monkeypatch.setattr(listing, "inventory", partial(inventory, sysfs=sysfs))
    monkeypatch.setattr(claims, "uses", partial(claims.uses, sysfs=sysfs, proc=proc))
    monkeypatch.setattr(topology, "resolve", made.resolve)
    monkeypatch.setattr(topology, "links_of", lambda *_: ())
    return made


def rows(ran: Ran, name: str) -> list[str]:
    """What stands behind the name of a row, of all rows of that name."""
    found = (line.strip() for line in ran.out.splitlines() if line.startswith("    "))
    return [line.removeprefix(name).strip() for line in found if line.startswith(name)]


def test_a_unit_is_one_line_and_what_is_known_of_it_below(run: Callable[..., Ran], machine: Machine) -> None:
    machine.disk("sdb", 16, sg=1, size=196608, wwid=NAA, inquiry=COPIES, vpd83=PAGE_83, vpd80=PAGE_80)

    ran = run("list")

    assert ran.code == 0
    heading, unit, *_ = ran.out.splitlines()
    assert heading.split() == ["DEVICE", "SIZE", "BLOCK", "3PC", "USE", "VENDOR,", "PRODUCT,", "REVISION"]
    assert unit.split() == ["/dev/sdb", "96.0", "MiB", "512", "yes", "free", "EXAMPLE,", "DISK,", "1.0"]
    assert rows(ran, "designator") == [NAA]
    assert rows(ran, "serial") == ["42"]
    assert rows(ran, "path") == ["/dev/sdb /dev/sg1  targetsdb  running"]
    assert rows(ran, "unknown") == []


def test_it_is_listed_once_with_all_its_paths(run: Callable[..., Ran], machine: Machine) -> None:
    machine.disk("sda", 0, sg=0, wwid=NAA, access="active/optimized")
    machine.disk("sdc", 32, sg=2, wwid=NAA, state="offline", access="standby")

    ran = run("list")

    assert [line.split()[0] for line in ran.out.splitlines() if line.startswith("/dev/")] == ["/dev/sda"]
    assert rows(ran, "path") == [
        "/dev/sda /dev/sg0  targetsda  running, active/optimized",
        "/dev/sdc /dev/sg2  targetsdc  offline, standby",
    ]


def test_what_lies_on_it_is_shown_with_who_uses_it(run: Callable[..., Ran], machine: Machine) -> None:
    machine.disk("sdb", 16, partitions={1: (2048, 4096), 2: (8192, 4096)})
    machine.mapped("dm-0", 0, on=["sdb1"], uuid="LVM-abc", dm_name="vg-root", size=2048)
    machine.mount("/mnt", "253:0", "/dev/dm-0")

    ran = run("list")

    assert "in use" in ran.out.splitlines()[1]
    on_it = [line for line in ran.out.splitlines() if "/dev/sdb1  " in line or "/dev/dm-0  " in line]
    assert on_it == [
        "    on it       /dev/sdb1  2.0 MiB, partition 1 from byte 1048576",
        "    on it         /dev/dm-0  1.0 MiB, an LVM logical volume, vg-root",
    ]
    assert rows(ran, "in use") == [
        "/dev/sdb1 is held by /dev/dm-0 (an LVM logical volume, vg-root)",
        "/dev/dm-0 is mounted on /mnt",
    ]


def test_a_unit_that_no_command_can_name_is_pointed_out(run: Callable[..., Ran], machine: Machine) -> None:
    machine.disk("sdb", 16, vpd83=bytes.fromhex("00830000"))

    assert rows(run("list"), "designator") == ["none of at most 20 bytes, so no EXTENDED COPY can name it"]


def test_what_is_not_known_is_said_with_the_reason(run: Callable[..., Ran], machine: Machine) -> None:
    machine.disk("sdb", 16, inquiry=COPIES[:20], vpd80=PAGE_80)

    ran = run("list")

    assert ran.out.splitlines()[1].split()[4] == "?"
    first, second, *_ = rows(ran, "unknown")
    assert first.startswith("third party copy: what the unit told cannot be read (inquiry): ")
    assert second.startswith("designator: the kernel does not show it (vpd_pg83")


def test_where_nobody_can_tell_what_is_in_use_that_is_said(run: Callable[..., Ran], machine: Machine) -> None:
    machine.disk("sdb", 16)
    (machine.proc / "self/mountinfo").unlink()

    ran = run("list")

    assert ran.code == 0
    assert ran.out.splitlines()[1].split()[5] == "?"
    assert "without it nobody can tell what is in use" in " ".join(ran.out.split())


def test_nothing_is_wider_than_a_hundred_columns(
    run: Callable[..., Ran], machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tuple(f"/dev/disk/by-id/scsi-{number}{'x' * 60}" for number in range(3))
    monkeypatch.setattr(topology, "links_of", lambda *_: links)
    machine.disk("sdb", 16, sg=1, inquiry=DOES_NOT, vpd83=b"\0\x83\0\x40", partitions={1: (2048, 100)})
    machine.mapped("dm-0", 0, on=["sdb1"], uuid="LVM-abc", dm_name="a-long-name " * 12)
    machine.mount("/a/mount/point" * 9, "8:17", "/dev/sdb1")
    machine.disk("vda", 0, bus="virtio", major=254)

    said = run("list").out.splitlines()

    assert len(said) > 10
    assert [line for line in said if len(line) > WIDTH and " /a/mount" not in line] == []


def test_what_a_unit_is_called_sends_nothing_to_the_terminal(
    run: Callable[..., Ran], machine: Machine
) -> None:
    bell = COPIES[:8] + b"\x1b[2J\x07BAD" + COPIES[16:]
    machine.disk("sdb", 16, inquiry=bell)
    machine.mapped("dm-0", 0, on=["sdb"], dm_name="red\x1b[31m")
    machine.mount("/mnt\\033[2J", "8:16", "/dev/sdb")

    ran = run("list")

    assert ran.code == 0
    assert "\x1b" not in ran.out
    assert "\x07" not in ran.out
    assert "/mnt\\x1b[2J" in ran.out


def test_paths_that_disagree_are_pointed_out(run: Callable[..., Ran], machine: Machine) -> None:
    machine.disk("sda", 0, wwid=NAA, size=8192)
    machine.disk("sdb", 16, wwid=NAA, size=4096)

    assert rows(run("list"), "careful") == ["its paths differ in size: they may be two units with one name"]


def test_only_the_units_below_what_is_named_are_listed(run: Callable[..., Ran], machine: Machine) -> None:
    machine.disk("sda", 0, wwid=NAA)
    machine.disk("sdb", 16, partitions={1: (2048, 4096)})
    machine.disk("sdc", 32, wwid=NAA)
    machine.mapped("dm-0", 0, on=["sdb1", "sdc"], table="0 100 linear 8:17 0; 100 100 linear 8:32 0")

    def listed(*words: str) -> list[str]:
        return [record["name"] for record in run("list", *words, "--json").records[:-1]]

    assert listed("/dev/sdb1") == ["/dev/sdb"]
    assert listed("/dev/sdc") == ["/dev/sda"]
    assert listed("/dev/dm-0") == ["/dev/sdb", "/dev/sda"] or listed("/dev/dm-0") == ["/dev/sda", "/dev/sdb"]
    assert run("list", "/dev/sdz").code == 2


def test_a_machine_without_scsi_disks_says_so_and_what_can_be_done(
    run: Callable[..., Ran], machine: Machine
) -> None:
    machine.disk("vda", 0, bus="virtio", major=254)

    ran = run("list")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("no SCSI disk on this machine")
    assert "emu create" in ran.out
    assert "/dev/vda (virtio)" in ran.out
    (done,) = run("list", "--json").records
    assert (done["record"], done["exit"], done["units"]) == ("done", 0, 0)
    assert done["others"] == {"/dev/vda": "virtio"}


def test_in_json_a_unit_is_a_record_and_the_last_one_counts_them(
    run: Callable[..., Ran], machine: Machine
) -> None:
    machine.disk(
        "sdb", 16, sg=1, size=8192, block_size=4096, inquiry=COPIES, vpd83=PAGE_83, partitions={1: (2048, 16)}
    )
    machine.mount("/mnt", "8:17", "/dev/sdb1")

    unit, done = run("list", "--json").records

    expected: dict[str, Any] = {
        "record": "unit",
        "name": "/dev/sdb",
        "vendor": "EXAMPLE",
        "product": "DISK",
        "block_size": 4096,
        "blocks": 1024,
        "third_party_copy": True,
        "designator": NAA.removeprefix("naa."),
        "designators": [NAA],
        "in_use": True,
        "links": [],
    }
    assert {name: unit[name] for name in expected} == expected
    assert unit["paths"] == [
        {"block": "/dev/sdb", "sg": "/dev/sg1", "address": "targetsdb", "state": "running", "access": None}
    ]
    (part,) = unit["on_it"]
    assert (part["path"], part["partition"], part["start_bytes"], part["bytes"]) == (
        "/dev/sdb1",
        1,
        1 << 20,
        8192,
    )
    assert unit["claims"] == [{"kind": "mounted", "device": "/dev/sdb1", "by": "/mnt", "other_path": False}]
    assert set(unit["unknown"]) == {"serial"}
    assert done == {"record": "done", "exit": 0, "units": 1, "others": {}, "message": None}


class TestEmulated:
    @pytest.fixture
    def directory(self, tmp_path: Path) -> str:
        create(tmp_path / "array", units=3, size=1 << 20, third_party_copy=[True, False, True])
        return f"emu:{tmp_path}/array"

    def test_an_array_has_its_units_listed(self, run: Callable[..., Ran], directory: str) -> None:
        records = run("list", directory, "--json").records

        assert [record["name"] for record in records[:-1]] == [f"{directory}/{n}" for n in range(3)]
        assert [record["third_party_copy"] for record in records[:-1]] == [True, False, True]
        assert {record["blocks"] for record in records[:-1]} == {2048}
        assert run("list", directory + "/").out.count("XCOPYDEV") == 3

    def test_so_has_one_of_them(self, run: Callable[..., Ran], directory: str) -> None:
        unit, _ = run("list", f"{directory}/1", "--json").records

        assert unit["name"] == f"{directory}/1"

    @pytest.mark.parametrize("name", ["/nowhere", "x", "/3", "/.."])
    def test_what_is_none_is_a_usage_error(self, run: Callable[..., Ran], directory: str, name: str) -> None:
        ran = run("list", directory + name)

        assert ran.code == 2
        assert ran.err.startswith("xcopy-dev: ")

"""The LUNs that the kernel's own target (LIO) shows on its loopback fabric, made and unmade.

Belongs here: the table of units, their backing, their mapping to nexuses, and the removal of all of
it, leftovers of a run that died included. Does not know the initiator under test, and sends no SCSI
command.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rtslib_fb import (
    LUN,
    TPG,
    BlockStorageObject,
    FabricModule,
    FileIOStorageObject,
    RDMCPStorageObject,
    RTSRoot,
    Target,
)
from rtslib_fb.tcm import StorageObject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KIB, MIB, TIB = 1 << 10, 1 << 20, 1 << 40

PREFIX = "xcopydev-"  # of every name made here: nothing without it is ever touched
NEXUSES = ("naa.5001405cc0de0001", "naa.5001405cc0de0002")
FILES = Path("/run/xcopydev-lio")
RULES = Path("/run/udev/rules.d/99-xcopydev-lio.rules")
CONFIGFS = Path("/sys/kernel/config")
MODULES = ("sg", "sd_mod", "target_core_mod", "target_core_file", "target_core_iblock", "tcm_loop")
BRD_SIZE = (
    48 * MIB
)  # of a unit on /dev/ramN, under a dm-delay or read-only: three times what 16 x 1 MiB keep in flight
DELAY_MS = 2
PARTITIONS = ((2048, 16384), (34816, 16384))  # of a unit that has some: first block, blocks
NODE_DEADLINE = 60.0  # seconds for the nodes of a LUN to appear after its mapping


@dataclass(frozen=True, slots=True)
class Recipe:
    """One unit: backing (`ramdisk`, `file`, `delay`, `readonly`), bytes, nexuses that see it."""

    name: str
    backing: str
    size: int
    block_size: int = 512
    copies: bool = True
    nexuses: tuple[int, ...] = (0,)

    @property
    def naa(self) -> str:
        """NAA designator as LIO makes it: its company's id and 25 digits of the serial number."""
        return "6001405" + self.serial.replace("-", "")[:25]

    @property
    def serial(self) -> str:
        """Unit serial number, the same in every run."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, PREFIX + self.name))


@dataclass(frozen=True, slots=True)
class Lun:
    """One unit as one nexus sees it: its two nodes, and what is true of it by construction."""

    name: str
    path: str
    sg: str
    block_size: int
    blocks: int
    naa: str
    copies: bool
    writable: bool

    @property
    def size(self) -> int:
        """Bytes."""
        return self.block_size * self.blocks


UNITS = (
    Recipe("ram0", "ramdisk", 96 * MIB),
    Recipe("ram1", "ramdisk", 96 * MIB),
    Recipe("file0", "file", 96 * MIB),
    Recipe("file1", "file", 96 * MIB),
    Recipe("ram4k", "ramdisk", 96 * MIB, block_size=4096),
    Recipe("file4k", "file", 96 * MIB, block_size=4096),
    Recipe("delay0", "delay", BRD_SIZE),
    Recipe("delay1", "delay", BRD_SIZE),
    Recipe("readonly", "readonly", BRD_SIZE),
    Recipe("spare", "ramdisk", 32 * MIB),
    Recipe("no3pc", "ramdisk", 32 * MIB, copies=False),
    Recipe("huge", "file", 3 * TIB),
    Recipe("far", "ramdisk", 32 * MIB, nexuses=(1,)),
    Recipe("dual", "ramdisk", 32 * MIB, nexuses=(0, 1)),
)


def command(*argv: str, feed: str | None = None) -> str:
    """Standard output of a set-up command; RuntimeError with its words when it fails."""
    done = subprocess.run(argv, input=feed, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def load_target() -> None:
    """Load LIO and what the units need, and mount configfs."""
    command("modprobe", "-a", *MODULES)
    if not os.path.ismount(CONFIGFS):
        command("mount", "-t", "configfs", "configfs", str(CONFIGFS))
    # LIO takes the first of these for its records, and refuses reservations where it cannot write `pr`.
    for place in ("/etc/target/pr", "/etc/target/alua", "/var/target/pr", "/var/target/alua"):
        Path(place).mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without the warnings that rtslib's use of old names of pyudev gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@quietly()
def remove_all() -> None:
    """Remove every target, unit, delay, ram disk and file made here, in this run or in another."""
    for target in list(RTSRoot().targets):
        if target.fabric_module.name == "loopback" and target.wwn in NEXUSES:
            target.delete()
    for storage in list(StorageObject.all()):
        if storage.name.startswith(PREFIX):
            storage.delete()
    for line in command("dmsetup", "ls").splitlines():
        if line.startswith(PREFIX):
            command("dmsetup", "remove", "--retry", line.split()[0])
    if (FILES / "brd").exists():
        command("rmmod", "brd")
    RULES.unlink(missing_ok=True)
    command("udevadm", "control", "--reload")
    if os.path.ismount(FILES):
        command("umount", str(FILES))
    if FILES.exists():
        FILES.rmdir()


@contextlib.contextmanager
def luns(units: Sequence[Recipe] = UNITS) -> Iterator[dict[str, Lun]]:
    """Every unit of a table, mapped and with its nodes there, by name; removed on the way out.

    A unit's second path, where it has one, is named with `-second-path`.
    """
    load_target()
    remove_all()
    try:
        yield make_all(units)
    finally:
        remove_all()


@quietly()
def make_all(units: Sequence[Recipe]) -> dict[str, Lun]:
    """Make and map a whole table; the LUN number in each nexus is the place in the table."""
    leave_partitions_alone(units)
    FILES.mkdir(parents=True, exist_ok=True)
    command("mount", "-t", "tmpfs", "-o", "size=80%", "tmpfs", str(FILES))
    rams = ram_disks([unit.size for unit in units if unit.backing in ("delay", "readonly")])
    fabric = FabricModule("loopback")
    groups = [TPG(Target(fabric, wwn, mode="create"), 1) for wwn in NEXUSES]
    for number, unit in enumerate(units):
        storage = make(unit, rams)
        if unit.block_size != 512:
            storage.set_attribute("block_size", unit.block_size)
        if not unit.copies:
            storage.set_attribute("emulate_3pc", 0)
        for nexus in unit.nexuses:
            LUN(groups[nexus], number, storage)
    command("udevadm", "settle")
    addresses = [Path(group.path, "address").read_text().strip() for group in groups]
    made = {}
    for number, unit in enumerate(units):
        for nexus in unit.nexuses:
            seen = as_seen(unit, nexus, f"{addresses[nexus]}:{number}")
            made[seen.name] = seen
    command("udevadm", "settle")
    return made


def leave_partitions_alone(units: Sequence[Recipe]) -> None:
    """Keep udev from reading a partition table anew, unasked, when a disk that was written is closed.

    It does that some time later, and meanwhile the nodes of the partitions are gone.
    """
    RULES.parent.mkdir(parents=True, exist_ok=True)
    rule = 'SUBSYSTEM=="block", ATTRS{{wwid}}=="naa.{}", OPTIONS+="nowatch"\n'
    RULES.write_text("".join(rule.format(unit.naa) for unit in units))
    command("udevadm", "control", "--reload")


def make(unit: Recipe, rams: Iterator[str]) -> StorageObject:
    """LIO's storage object for a unit, taking the next ram disk where its backing needs one."""
    name = PREFIX + unit.name
    if unit.backing == "ramdisk":
        return RDMCPStorageObject(name, size=unit.size, wwn=unit.serial)
    if unit.backing == "file":
        return FileIOStorageObject(name, dev=str(FILES / unit.name), size=unit.size, wwn=unit.serial)
    disk = next(rams)
    if unit.backing == "delay":
        command("dmsetup", "create", name, "--table", delay_table(disk, unit.size))
        disk = f"/dev/mapper/{name}"
    return BlockStorageObject(name, dev=disk, wwn=unit.serial, readonly=unit.backing == "readonly")


def delay_table(disk: str, size: int) -> str:
    """Device-mapper table that makes every read and write of a disk take DELAY_MS longer."""
    return f"0 {size // 512} delay {disk} 0 {DELAY_MS}"


def ram_disks(sizes: list[int]) -> Iterator[str]:
    """Load brd with a disk for each size, all as large as the largest; refused when brd is in other use."""
    if not sizes:
        return iter(())
    if Path("/sys/module/brd").exists():
        raise RuntimeError("the module brd is loaded: unload it, the LUNs need ram disks of it")
    command("modprobe", "brd", f"rd_nr={len(sizes)}", f"rd_size={max(sizes) // KIB}")
    (FILES / "brd").touch()
    return iter([f"/dev/ram{number}" for number in range(len(sizes))])


def as_seen(unit: Recipe, nexus: int, address: str) -> Lun:
    """A unit at the SCSI address H:C:T:L, as soon as the kernel has made its nodes."""
    device = Path("/sys/class/scsi_device", address, "device")
    node = only_entry(device / "block")
    return Lun(
        name=unit.name if nexus == unit.nexuses[0] else f"{unit.name}-second-path",
        path=f"/dev/{node}",
        sg=f"/dev/{only_entry(device / 'scsi_generic')}",
        block_size=unit.block_size,
        blocks=unit.size // unit.block_size,
        naa=unit.naa,
        copies=unit.copies,
        writable=unit.backing != "readonly",
    )


def only_entry(directory: Path) -> str:
    """Name of the one entry of a sysfs directory, once it is there and its node is in /dev."""
    deadline = time.monotonic() + NODE_DEADLINE
    while time.monotonic() < deadline:
        names = os.listdir(directory) if directory.exists() else []
        if names and Path("/dev", names[0]).exists():
            return names[0]
        time.sleep(0.02)
    raise RuntimeError(f"no node in {directory} after {NODE_DEADLINE:.0f} s")

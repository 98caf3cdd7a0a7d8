"""A machine made of files: the parts of sysfs and /proc that tell what disks there are and who uses them.

The layout is the kernel's (symlinks included), as seen on a machine with SCSI disks, LVM and multipath.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from tests.device.fake_dm import FakeDm
from xcopy.device.topology import resolve

if TYPE_CHECKING:
    from pathlib import Path


class Machine:
    """Disks are added one by one; paths are looked up as if the nodes were in /dev."""

    def __init__(self, root: Path) -> None:
        self.sysfs = root / "sys"
        self.proc = root / "proc"
        self._numbers: dict[str, tuple[int, int, int]] = {}
        self._mounts: list[str] = []
        self.dm = FakeDm()
        for directory in (
            "class/block",
            "class/scsi_generic",
            "dev/block",
            "dev/char",
            "bus/scsi",
            "bus/virtio",
        ):
            (self.sysfs / directory).mkdir(parents=True)
        (self.proc / "self").mkdir(parents=True)
        self.swap()
        self.mount("/", "0:21", "overlay", "overlay")

    def disk(
        self,
        name: str,
        minor: int,
        *,
        wwid: str = "",
        vpd83: bytes = b"",
        partitions: dict[int, tuple[int, int]] | None = None,
        sg: int | None = None,
        bus: str = "scsi",
        device_type: int = 0,
        read_only: bool = False,
        major: int = 8,
        size: int = 1 << 20,
        state: str = "running",
        access: str = "",
        block_size: int = 512,
        inquiry: bytes = b"",
        vpd80: bytes = b"",
    ) -> None:
        """A disk with a device behind it; sizes and partitions' (start, size) are in 512-byte units."""
        device = self.sysfs / f"devices/host0/target{name}"
        here = device / "block" / name
        self._block(here, (major, minor), read_only=read_only)
        self._write(here, size=f"{size}\n")
        self._write(device, state=state + "\n")
        (here / "queue").mkdir()
        self._write(here / "queue", logical_block_size=f"{block_size}\n")
        if access:
            self._write(device, access_state=access + "\n")
        self._link(device / "subsystem", self.sysfs / "bus" / bus)
        self._link(here / "device", device)
        self._write(device, type=str(device_type), vendor="EXAMPLE ", model="DISK            ")
        if wwid:
            self._write(device, wwid=wwid + "\n")
        if vpd83:
            (device / "vpd_pg83").write_bytes(vpd83)
        if vpd80:
            (device / "vpd_pg80").write_bytes(vpd80)
        if inquiry:
            (device / "inquiry").write_bytes(inquiry)
        for number, (start, size) in (partitions or {}).items():
            part = here / f"{name}{number}"
            self._block(part, (major, minor + number), read_only=read_only)
            self._write(part, partition=str(number), start=str(start), size=str(size))
        if sg is not None:
            self._generic(device, sg)

    def generic_only(self, sg: int, *, device_type: int = 0, wwid: str = "") -> None:
        """A SCSI device that no block driver has taken."""
        device = self.sysfs / f"devices/host0/targetsg{sg}"
        device.mkdir(parents=True)
        self._write(device, type=str(device_type))
        if wwid:
            self._write(device, wwid=wwid + "\n")
        self._generic(device, sg)

    def mapped(
        self,
        name: str,
        minor: int,
        *,
        on: list[str],
        uuid: str = "",
        dm_name: str = "",
        md: str = "",
        table: str = "",
        size: int | None = None,
        read_only: bool = False,
        partition: int | None = None,
    ) -> None:
        """A device-mapper or md device on others; `table` as `dmsetup table` shows it, lines at `;`.

        Of one that is divided into partitions, `partition` is the number of the one there is.
        """
        here = self.sysfs / f"devices/virtual/block/{name}"
        lines = [line.strip() for line in table.split(";") if line.strip()]
        if size is None:
            size = sum(int(line.split()[1]) for line in lines) or 1 << 20
        if not md:
            self.dm.tables[253, minor] = lines or ["0 1048576 unheard-of"]
            self.dm.uuids[253, minor] = uuid
        self._block(here, (9 if md else 253, minor), read_only=read_only)
        if partition is not None:
            part = here / f"{name}p{partition}"
            self._block(part, (259, minor))
            self._write(part, partition=str(partition), start="2048", size="8")
        self._write(here, size=f"{size}\n")
        if md:
            (here / "md").mkdir()
            self._write(here / "md", level=md)
        else:
            (here / "dm").mkdir()
            self._write(here / "dm", uuid=uuid + "\n", name=dm_name + "\n")
        for below in on:
            slave = (self.sysfs / "class/block" / below).resolve()
            self._link(here / "slaves" / below, slave)
            self._link(slave / "holders" / name, here)

    def loop(self, name: str, minor: int, backing: str = "") -> None:
        """A loop device."""
        here = self.sysfs / f"devices/virtual/block/{name}"
        self._block(here, (7, minor))
        (here / "loop").mkdir()
        self._write(here / "loop", backing_file=backing + "\n")

    def character(self, name: str, major: int, minor: int, subsystem: str) -> None:
        """A character device of some other kind."""
        here = self.sysfs / f"devices/virtual/{subsystem}/{name}"
        here.mkdir(parents=True)
        self._link(here / "subsystem", self.sysfs / "class" / subsystem)
        self._link(self.sysfs / f"dev/char/{major}:{minor}", here)
        self._numbers[f"/dev/{name}"] = (stat.S_IFCHR, major, minor)

    def alias(self, path: str, name: str) -> None:
        """A symlink such as /dev/disk/by-id/..., which stat follows."""
        self._numbers[path] = self._numbers[f"/dev/{name}"]

    def forget(self, path: str) -> None:
        """A node or symlink that is no more there."""
        del self._numbers[path]

    def mount(self, point: str, numbers: str, source: str, kind: str = "ext4") -> None:
        """One more line of mountinfo, in proc_pid_mountinfo(5)'s format with an optional field."""
        self._mounts.append(f"36 25 {numbers} / {point} rw,relatime shared:1 - {kind} {source} rw")
        self._write(self.proc / "self", mountinfo="\n".join(self._mounts) + "\n")

    def process(
        self, number: int, name: str, open_files: dict[int, tuple[str, int]], root: str = "ext4"
    ) -> None:
        """A process with these devices open: the path and flags of each descriptor, and its root's kind."""
        here = self.proc / str(number)
        for directory in ("fd", "fdinfo"):
            (here / directory).mkdir(parents=True)
        self._write(here, comm=name + "\n", mountinfo=f"9 1 0:50 / / rw - {root} x rw\n")
        for fd, (path, flags) in open_files.items():
            (here / f"fd/{fd}").symlink_to(path)
            self._write(here / "fdinfo", **{str(fd): f"pos:\t0\nflags:\t0{flags:o}\nmnt_id:\t9\n"})

    def swap(self, *paths: str) -> None:
        """What /proc/swaps lists."""
        rows = "".join(f"{path}                       partition\t1048572\t\t0\t\t-2\n" for path in paths)
        self._write(self.proc, swaps="Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" + rows)

    def btrfs(self, uuid: str, *names: str) -> None:
        """A mounted btrfs of several devices."""
        for name in names:
            self._link(
                self.sysfs / f"fs/btrfs/{uuid}/devices/{name}",
                (self.sysfs / "class/block" / name).resolve(),
            )

    def status(self, path: str) -> os.stat_result:
        """os.stat, as if."""
        if path not in self._numbers:
            return os.stat(path)
        kind, major, minor = self._numbers[path]
        return os.stat_result((kind, *[0] * 9), {"st_rdev": os.makedev(major, minor)})

    def resolve(self, path: str) -> Any:
        """What `topology.resolve` makes of it on this machine."""
        return resolve(path, sysfs=str(self.sysfs), status=self.status, ioctl=self.dm)

    def _block(self, here: Path, numbers: tuple[int, int], *, read_only: bool = False) -> None:
        (here / "holders").mkdir(parents=True)
        (here / "slaves").mkdir()
        self._write(here, dev=f"{numbers[0]}:{numbers[1]}\n", ro=f"{int(read_only)}\n", size="2048\n")
        self._link(self.sysfs / "class/block" / here.name, here)
        self._link(self.sysfs / f"dev/block/{numbers[0]}:{numbers[1]}", here)
        self._numbers[f"/dev/{here.name}"] = (stat.S_IFBLK, *numbers)

    def _generic(self, device: Path, sg: int) -> None:
        here = device / f"scsi_generic/sg{sg}"
        here.mkdir(parents=True)
        self._link(here / "device", device)
        self._link(here / "subsystem", self.sysfs / "class/scsi_generic")
        self._write(here, dev=f"21:{sg}\n")
        self._link(self.sysfs / f"class/scsi_generic/{here.name}", here)
        self._link(self.sysfs / f"dev/char/21:{sg}", here)
        self._numbers[f"/dev/sg{sg}"] = (stat.S_IFCHR, 21, sg)

    @staticmethod
    def _link(link: Path, target: Path) -> None:
        link.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(target, link.parent.resolve()))

    @staticmethod
    def _write(directory: Path, **files: str) -> None:
        for name, text in files.items():
            (directory / name).write_text(text)

"""Disks of this kernel whose commands come to us: target_core_user behind tcm_loop, by way of configfs.

Belongs here: making such disks, finding their nodes, and removing them, those included that a process
left behind when it was killed. Does not know what answers the commands.

Everything made here bears the prefixes below, and nothing without them is touched. A backstore is alive
while a process holds its uio node, which the kernel gives to one at a time.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import re
import shutil
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xcopy.errors import AccessError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONFIGFS = Path("/sys/kernel/config")
TARGET = CONFIGFS / "target"
HBA = TARGET / "core/user_5881"  # others number theirs from 0
LOOPBACK = TARGET / "loopback"
UIO = Path("/sys/class/uio")
SCSI_DEVICES = Path("/sys/class/scsi_device")
MODULES = ("target_core_mod", "uio", "target_core_user", "tcm_loop", "sg", "sd_mod")

PREFIX = "xcopydev-serve-"
BACKSTORE = re.compile(rf"{PREFIX}([0-9a-f]{{16}})-u\d+-n\d+\Z")
# NAA 6, an OUI with the locally administered bit set, F for a target port, E for an initiator port.
TARGET_PORT, INITIATOR_PORT = "naa.6025843f", "naa.6025843e"
TARGET_NAME = re.compile(rf"{re.escape(TARGET_PORT)}[0-9a-f]{{8}}([0-9a-f]{{16}})\Z")

RING_MB, DATA_MB = 1, 256  # of each backstore; memory for data is taken as commands need it
SECTORS_AT_ONCE = 65536
NODE_DEADLINE = 60.0  # seconds for the nodes of a unit to appear after it was mapped
LOCK_DEADLINE = 60.0
TICK = 0.02
DISK = "0"  # peripheral device type


@dataclass(frozen=True, slots=True)
class Nodes:
    """What a mapped unit is called; `disk` is None where the unit is no disk."""

    disk: str | None
    sg: str


@dataclass(frozen=True, slots=True)
class Found:
    """What is there of one array: names of targets and of backstores."""

    array_id: str
    targets: tuple[str, ...]
    backstores: tuple[str, ...]
    alive: bool


@dataclass(slots=True)
class _Names:
    targets: list[str] = field(default_factory=list)
    backstores: list[str] = field(default_factory=list)


def backstore_name(array_id: str, unit: int, nexus: int) -> str:
    """One for each unit as each nexus sees it: a ring says nothing of who sent a command."""
    return f"{PREFIX}{array_id}-u{unit}-n{nexus}"


def target_name(array_id: str, nexus: int) -> str:
    """The port that a nexus is a way to."""
    return f"{TARGET_PORT}{nexus:08x}{array_id}"


def load() -> None:
    """Have the modules and configfs there; says what is missing and what can be done about it."""
    if os.geteuid():
        raise AccessError("disks of this kernel are made by root only; run it as root, or with sudo")
    modprobe = shutil.which("modprobe", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    for name in MODULES:
        if not Path("/sys/module", name).exists():
            _load_module(name, modprobe)
    if not TARGET.is_dir():
        try:
            CONFIGFS.mkdir(exist_ok=True)
            subprocess.run(
                ["mount", "-t", "configfs", "configfs", str(CONFIGFS)], check=True, capture_output=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", b"") or str(error).encode()
            raise AccessError(
                f"{TARGET} is not there and configfs cannot be mounted: {said.decode().strip()}; "
                "in a container, run it on the host"
            ) from error
    _make(LOOPBACK)


def _load_module(name: str, modprobe: str | None) -> None:
    why = "there is no modprobe on this machine"
    if modprobe is not None:
        done = subprocess.run([modprobe, name], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        why = done.stderr.strip() or f"modprobe ended with {done.returncode}"
    raise UnsupportedError(
        f"the kernel module {name} is needed and cannot be loaded: {why}; Debian's linux-image-amd64 and "
        "other full kernels have it, cloud kernels and containers do not: boot such a kernel, or use "
        "emu:DIRECTORY/NUMBER, which needs none"
    )


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Nobody else who uses this file makes backstores or clears up meanwhile."""
    fd = os.open(TARGET / "core", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + LOCK_DEADLINE
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise AccessError(
                        f"another xcopy-dev emu is at work in {TARGET}, for a minute by now; "
                        "see what it is doing"
                    ) from None
                time.sleep(TICK)
        yield
    finally:
        os.close(fd)


def make_backstore(name: str, size: int, block_size: int) -> None:
    """A device of `size` bytes whose commands wait in a ring; not yet mapped anywhere."""
    _make(HBA)
    place = HBA / name
    _make(place)
    _write(
        place / "control",
        f"dev_size={size},dev_config={_config(name)},hw_block_size={block_size},"
        f"hw_max_sectors={SECTORS_AT_ONCE},max_data_area_mb={DATA_MB},cmd_ring_size_mb={RING_MB}",
    )
    for attribute, value in (
        ("cmd_time_out", 0),  # a copy takes as long as it takes
        ("pgr_support", 0),  # reservations are the array's
        ("alua_support", 0),
        ("tmr_notification", 1),
    ):
        _write(place / "attrib" / attribute, str(value))
    _write(place / "enable", "1")


def has_ring(name: str) -> bool:
    """Whether a backstore got as far as to have one."""
    return _uio(name) is not None


def open_ring(name: str) -> tuple[int, mmap.mmap]:
    """The uio node of a backstore, and its ring with all data; both are the caller's to close."""
    uio = _uio(name)
    if uio is None:
        raise AccessError(f"the kernel shows no uio device for {name}")
    size = int((UIO / uio / "maps/map0/size").read_text(), 16)
    try:
        fd = os.open(f"/dev/{uio}", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise AccessError(f"/dev/{uio}, the ring of {name}: {error.strerror}") from error
    try:
        return fd, mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    except OSError as error:
        os.close(fd)
        raise AccessError(f"/dev/{uio}, the ring of {name}: cannot be mapped: {error.strerror}") from error


def make_target(array_id: str, nexus: int) -> None:
    """A port with one initiator, on which units can be mapped."""
    group = LOOPBACK / target_name(array_id, nexus) / "tpgt_1"
    _make(group.parent)
    _make(group)
    _write(group / "nexus", f"{INITIATOR_PORT}{nexus:08x}{array_id}")


def map_unit(array_id: str, unit: int, nexus: int) -> None:
    """Let the kernel see the unit. It asks it a lot before this returns: its ring has to be served."""
    name = backstore_name(array_id, unit, nexus)
    lun = LOOPBACK / target_name(array_id, nexus) / "tpgt_1/lun" / f"lun_{unit}"
    _make(lun)
    try:
        (lun / name).symlink_to(HBA / name)
    except OSError as error:
        raise AccessError(f"{name} cannot be mapped: {error.strerror}") from error


def wait_for_nodes(array_id: str, unit: int, nexus: int) -> Nodes:
    """What the kernel calls a mapped unit, once the nodes are in /dev."""
    group = LOOPBACK / target_name(array_id, nexus) / "tpgt_1"
    device = SCSI_DEVICES / f"{(group / 'address').read_text().strip()}:{unit}" / "device"
    deadline = time.monotonic() + NODE_DEADLINE
    while time.monotonic() < deadline:
        sg = _only_node(device / "scsi_generic")
        with contextlib.suppress(FileNotFoundError):
            is_disk = (device / "type").read_text().strip() == DISK
            disk = _only_node(device / "block") if is_disk else None
            if sg and (disk or not is_disk):
                return Nodes(disk, sg)
        time.sleep(TICK)
    raise AccessError(
        f"no disk for unit {unit} of nexus {nexus} in {device} after {NODE_DEADLINE:.0f} s; dmesg may tell"
    )


def _only_node(directory: Path) -> str | None:
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return None
    node = f"/dev/{names[0]}" if names else ""
    return node if node and os.path.exists(node) else None


def found() -> tuple[Found, ...]:
    """All that was made here and is still there, of every array, by its id."""
    by_array: defaultdict[str, _Names] = defaultdict(_Names)
    for name in _listed(LOOPBACK):
        if matched := TARGET_NAME.match(name):
            by_array[matched[1]].targets.append(name)
    for name in _listed(HBA):
        if matched := BACKSTORE.match(name):
            by_array[matched[1]].backstores.append(name)
    return tuple(
        Found(array_id, tuple(each.targets), tuple(each.backstores), any(map(_alive, each.backstores)))
        for array_id, each in sorted(by_array.items())
    )


def of_array(array_id: str) -> Found:
    """What is there of one array."""
    return next((each for each in found() if each.array_id == array_id), Found(array_id, (), (), False))


def _alive(name: str) -> bool:
    """Whether a process holds the ring."""
    uio = _uio(name)
    if uio is None:
        return False
    try:
        os.close(os.open(f"/dev/{uio}", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return error.errno == errno.EBUSY
    return False


def end_commands(name: str) -> None:
    """End every command of a backstore with an error, and hold back those that come: the ring begins anew."""
    actions = HBA / name / "action"
    _write(actions / "block_dev", "1")
    _write(actions / "reset_ring", "2")  # 2: with an error; 1 would say BUSY


def let_commands_in(name: str) -> None:
    """Commands come again; somebody has to answer them."""
    _write(HBA / name / "action/block_dev", "0")


def remove_targets(names: tuple[str, ...]) -> None:
    """Take the nodes away; meanwhile the rings have to be served, for the kernel waits for answers."""
    for name in names:
        group = LOOPBACK / name / "tpgt_1"
        for lun in sorted(_listed(group / "lun")):
            for link in _listed(group / "lun" / lun):
                if (group / "lun" / lun / link).is_symlink():
                    _remove(os.unlink, group / "lun" / lun / link)
            _remove(os.rmdir, group / "lun" / lun)
        if group.is_dir():
            with contextlib.suppress(AccessError):  # there may be none
                _write(group / "nexus", "NULL")
        _remove(os.rmdir, group)
        _remove(os.rmdir, group.parent)


def remove_backstores(names: tuple[str, ...]) -> None:
    """Nobody may hold their rings any more, nor may they be mapped."""
    for name in names:
        _remove(os.rmdir, HBA / name)
    with contextlib.suppress(AccessError):  # of other arrays some may be there
        _remove(os.rmdir, HBA)


def _config(name: str) -> str:
    return f"xcopy-dev/{name}"


def _uio(name: str) -> str | None:
    """uioN of a backstore; None where it has none."""
    wanted = f"tcm-user/{HBA.name.removeprefix('user_')}/{name}/{_config(name)}"
    for uio in _listed(UIO):
        with contextlib.suppress(OSError):
            if (UIO / uio / "name").read_text().strip() == wanted:
                return uio
    return None


def _listed(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _make(directory: Path) -> None:
    try:
        directory.mkdir(exist_ok=True)
    except OSError as error:
        raise AccessError(f"{directory} cannot be made: {error.strerror}") from error


def _write(path: Path, text: str) -> None:
    """In one call: configfs takes each as a whole."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
    except OSError as error:
        raise AccessError(f"{path} does not take {text!r}: {error.strerror}") from error


def _remove(remove: Callable[[Path], None], path: Path) -> None:
    try:
        remove(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise AccessError(f"{path} cannot be removed: {error.strerror}; is it in use?") from error

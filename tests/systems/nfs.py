"""An NFS 4.2 server of this kernel, and its client on the same machine.

Belongs here: starting and stopping the server, and what the client counted. Does not know what is copied.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.files.file_system import FileSystem, make, run, unmount
from xcopy.errnos import Means

if TYPE_CHECKING:
    from contextlib import ExitStack

STATE = Path("/var/lib/nfs")
OPTIONS = "rw,no_root_squash,insecure,no_subtree_check,async"
ADDRESS = "127.0.0.1"
DEADLINE = 60.0  # seconds for the server to take its first client
OPERATION = re.compile(r"^\s*(READ|WRITE|COPY|CLONE): (\d+) ", re.MULTILINE)


@dataclass(frozen=True)
class NfsFileSystem(FileSystem):
    """One whose blocks are the server's: the client counts what it asks for, and is told no more."""

    def counters(self) -> dict[str, int]:
        """Operations of this mount, by name."""
        mounts = Path("/proc/self/mountstats").read_text().split("device ")
        (mine,) = (each for each in mounts if f" mounted on {self.at} " in each)
        return {name: int(count) for name, count in OPERATION.findall(mine)}

    def evidence(self, before: dict[str, int], one: Path, other: Path, ahead: int) -> str:
        """Operations since then, at least one of them of the cheapest means."""
        del one, other, ahead
        after = self.counters()
        asked = {name: after[name] - before[name] for name in after}
        assert asked["CLONE" if self.clones else "COPY"] > 0
        return ", ".join(f"{count} {name}" for name, count in sorted(asked.items()))


def serve(folder: Path, stack: ExitStack, *systems: str) -> list[NfsFileSystem]:
    """Each of these file systems, exported and mounted again; all is over with the stack."""
    run("modprobe", "-a", "nfsd", "nfsv4", "loop")
    for place in (STATE, STATE / "v4recovery", STATE / "rpc_pipefs"):
        place.mkdir(parents=True, exist_ok=True)
    for kind, point in (("nfsd", "/proc/fs/nfsd"), ("rpc_pipefs", str(STATE / "rpc_pipefs"))):
        if not os.path.ismount(point):
            run("mount", "-t", kind, kind, point)
    Path("/etc/exports").touch()
    (STATE / "etab").touch()
    (STATE / "rmtab").touch()
    (root := folder / "exports").mkdir()  # of what may be exported: the guest's own root may not
    run("mount", "-t", "tmpfs", "tmpfs", str(root))
    stack.callback(unmount, root)
    exported(root, 0, stack)
    below = [shown(root, number, system, stack) for number, system in enumerate(systems, 1)]
    mountd = subprocess.Popen(
        ["rpc.mountd", "-F", "-N", "2", "-N", "3"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(mountd.wait)
    stack.callback(mountd.kill)
    run("rpc.nfsd", "-N", "3", "-V", "4.2", "4")
    stack.callback(run, "rpc.nfsd", "0")
    return [mounted(root, each, stack) for each in below]


def exported(path: Path, number: int, stack: ExitStack) -> None:
    """A directory the server shows; 0 is the root of all."""
    run("exportfs", "-o", f"{OPTIONS},fsid={number}", f"{ADDRESS}:{path}")
    stack.callback(run, "exportfs", "-u", f"{ADDRESS}:{path}")


def shown(root: Path, number: int, system: str, stack: ExitStack) -> FileSystem:
    """One of them, exported."""
    (below := root / system).mkdir()
    under = make(system, below, stack)
    exported(under.at, number, stack)
    return under


def mounted(root: Path, under: FileSystem, stack: ExitStack) -> NfsFileSystem:
    """The mount of one export."""
    (point := root.parent / f"nfs-on-{under.name}").mkdir()
    options = f"vers=4.2,addr={ADDRESS},clientaddr={ADDRESS}"
    place = f"{ADDRESS}:/{under.at.relative_to(root)}"
    command = ["mount", "-i", "-t", "nfs4", "-o", options, place, point]
    deadline = time.monotonic() + DEADLINE
    while (done := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.1)
    stack.callback(unmount, point)
    granule = os.stat(point).st_blksize
    return NfsFileSystem(
        point.name, point, Means.CLONE if under.clones else Means.KERNEL, granule, told=False
    )

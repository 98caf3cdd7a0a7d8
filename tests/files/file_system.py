"""A file system of its own for tests that copy files: made, mounted, and taken away with all that is on it.

Belongs here: how each kind is made, what its kernel promises of it, and what of a file's blocks is shared as
`filefrag` has it, which asks the file system on its own. Does not know what is copied.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xcopy.errnos import Means

if TYPE_CHECKING:
    from contextlib import ExitStack

KIB, MIB = 2**10, 2**20
BLOCK = 4096
DEADLINE = 30.0  # seconds
SIZES = {"ext4": 64 * MIB, "btrfs": 128 * MIB, "xfs": 300 * MIB, "ocfs2": 128 * MIB}
OCFS2 = (
    *("-M", "local", "-N", "1", "--force", "-b", str(BLOCK)),
    "--fs-features=refcount,local,xattr,sparse,unwritten,inline-data",
)
EXTENT = re.compile(r"\s*\d+:\s*(\d+)\.\.\s*(\d+):\s*(\d+)\.\.\s*\d+:\s*\d+:.*?([\w,]*)$")


def run(*argv: str, said: str = "") -> str:
    """A command that must succeed; its output."""
    done = subprocess.run(argv, input=said, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout.strip()


def unmount(point: Path) -> None:
    """Unmount; who was still about to let go of it, as a server, is waited for."""
    deadline = time.monotonic() + DEADLINE
    while (done := subprocess.run(["umount", point], capture_output=True, text=True, check=False)).returncode:
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.1)


@dataclass(frozen=True)
class FileSystem:
    """One that is mounted at a path; `cheapest` copies whole granules there, of `granule` bytes.

    `told` is whether it says which blocks are shared.
    """

    name: str
    at: Path
    cheapest: Means = Means.KERNEL
    granule: int = BLOCK
    told: bool = True

    @property
    def clones(self) -> bool:
        """Whether two files can share blocks."""
        return self.cheapest is Means.CLONE

    def counters(self) -> dict[str, int]:
        """What a server was asked for up to now, by operation; nothing of a file system without one."""
        return {}

    def evidence(self, before: dict[str, int], one: Path, other: Path, ahead: int) -> str:
        """What shows how a copy `ahead` bytes further on was made; AssertionError for a dearer means."""
        del before
        if not self.told:
            return "nobody tells"
        shared = len(blocks_shared(one, other, ahead // BLOCK))
        whole = one.stat().st_size // self.granule * self.granule // BLOCK
        assert shared >= whole if self.clones else shared == 0
        return f"{shared} of {-(-one.stat().st_size // BLOCK)} blocks shared (filefrag)"

    def file(self, name: str, content: bytes | bytearray = b"") -> Path:
        """A new file, in place of one of that name."""
        path = self.at / name
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        return path


def make(name: str, folder: Path, stack: ExitStack, *, mounting: str = "") -> FileSystem:
    """One of a kind, below an empty directory; the stack unmounts it. `mounting`: of a loop device."""
    match name.split("-"):
        case ["tmpfs"]:
            run("mount", "-t", "tmpfs", "-o", "size=32m", "none", str(folder))
            stack.callback(unmount, folder)
            return FileSystem(name, folder, told=False)
        case ["overlay"]:
            return on_overlay(folder, stack)
        case ["ocfs2", size]:
            cluster = int(size.removesuffix("k")) * KIB
            run("modprobe", "-a", "ocfs2", "ocfs2_stack_o2cb")
            point = on_loop("ocfs2", folder, stack, *OCFS2, "-C", str(cluster), mounting=mounting)
            return FileSystem(name, point, Means.CLONE, cluster)
        case ["ext4"]:
            return FileSystem(name, on_loop(name, folder, stack, mounting=mounting))
        case _:
            return FileSystem(name, on_loop(name, folder, stack, mounting=mounting), Means.CLONE)


def on_loop(name: str, folder: Path, stack: ExitStack, *options: str, mounting: str = "") -> Path:
    """Where a file system in a file is mounted."""
    tool = shutil.which(f"mkfs.{name}")
    if tool is None:
        pytest.skip(f"mkfs.{name} is not installed")
    image, point = folder / f"{name}.img", folder / name
    image.touch()
    os.truncate(image, SIZES[name])
    point.mkdir()
    device = run("losetup", "--find", "--show", str(image))
    stack.callback(run, "losetup", "--detach", device)
    run(tool, "-q", *options, device)  # past the cache, as mkfs.ocfs2 wants to, a file may not be written
    command = ["mount", "-i", "-t", name, *(["-o", mounting] if mounting else []), device, point]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        if name not in Path("/proc/filesystems").read_text():
            pytest.skip(f"this kernel has no {name}")
        pytest.fail(done.stderr)
    stack.callback(unmount, point)
    return point


def on_overlay(folder: Path, stack: ExitStack) -> FileSystem:
    """An overlay whose layers are on xfs."""
    base, point = on_loop("xfs", folder, stack), folder / "overlay"
    for each in (point, base / "lower", base / "upper", base / "work"):
        each.mkdir()
    layers = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
    run("mount", "-t", "overlay", "-o", layers, "none", str(point))
    stack.callback(unmount, point)
    return FileSystem("overlay", point, Means.CLONE)


def settle(path: Path) -> None:
    """Have the file system choose its blocks: what it may use is not known before."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def extents(path: Path) -> list[tuple[int, int, int, bool]]:
    """First and last block in the file, the place of the first, and whether it is shared."""
    lines = run("filefrag", "-s", "-v", f"-b{BLOCK}", str(path)).splitlines()
    found = [match for line in lines if (match := EXTENT.match(line))]
    return [(int(m[1]), int(m[2]), int(m[3]), "shared" in m[4].split(",")) for m in found]


def blocks_shared(one: Path, other: Path, ahead: int = 0) -> set[int]:
    """Blocks of `other` that lie where `one` has them, `ahead` blocks before."""

    def places(path: Path) -> dict[int, int]:
        return {
            block: place + block - first
            for first, last, place, shared in extents(path)
            if shared
            for block in range(first, last + 1)
        }

    theirs, ours = places(one), places(other)
    return {block for block, place in ours.items() if theirs.get(block - ahead) == place}

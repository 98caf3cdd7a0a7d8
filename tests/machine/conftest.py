"""Loop devices for these tests, made of sparse files and removed with everything on them."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.files.file_system import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Loop = Callable[..., str]

SIZE = 64 << 20
TABLE = "label: gpt\nstart=2048, size=32768\nstart=34816, size=32768\n"


@pytest.fixture(scope="session", autouse=True)
def _possible() -> None:
    """Why nothing here can run, where it cannot."""
    if os.geteuid():
        pytest.skip("loop devices need root")
    for tool in ("losetup", "sfdisk", "partx", "mkfs.ext4"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    if subprocess.run(["losetup", "--find"], capture_output=True, check=False).returncode:
        pytest.skip("this kernel gives no loop device")


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Make a loop device: `loop()`, `loop("--sector-size", "4096")`, `loop(backing="/dev/loop3p1")`."""
    with ExitStack() as stack:

        def make(*options: str, backing: str = "") -> str:
            if not backing:
                file = tmp_path / f"image{len(list(tmp_path.iterdir()))}"
                file.touch()
                os.truncate(file, SIZE)
                backing = str(file)
            device = run("losetup", "--find", "--show", "--partscan", *options, backing)
            stack.callback(run, "losetup", "--detach", device)
            return device

        yield make


@pytest.fixture
def partitioned(loop: Loop) -> str:
    """A loop device with two partitions of 16 MiB, at 1 MiB and at 17 MiB."""
    device = loop()
    run("sfdisk", "--quiet", "--no-tell-kernel", device, said=TABLE)
    run("partx", "--update", device)
    for number in (1, 2):
        assert Path(f"{device}p{number}").exists(), "the kernel showed no partition"
    return device


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Put ext4 on a device and mount it; the mount point."""
    with ExitStack() as stack:

        def make(device: str) -> str:
            point = tmp_path / f"mounted on {Path(device).name}"
            point.mkdir()
            run("mkfs.ext4", "-q", device)
            run("mount", device, str(point))
            stack.callback(run, "umount", str(point))
            return str(point)

        yield make

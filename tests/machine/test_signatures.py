"""What real tools leave on a device is found: file systems, volumes, arrays, tables, in sparse files."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.files.file_system import run
from xcopy.signatures import Look, destroyed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.machine.conftest import Loop

SIZE = 400 << 20  # less XFS does not take
LVM = ("--config", "devices { use_devicesfile=0 }")


@pytest.fixture
def image(tmp_path: Path) -> str:
    """A sparse file."""
    file = tmp_path / "image"
    file.touch()
    os.truncate(file, SIZE)
    return str(file)


def found(path: str) -> list[str]:
    """What is found in a file or on a device."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        look = Look("it", 0, size)
        pieces = []
        for offset, length in look.windows(512):
            file.seek(offset)
            pieces.append((offset, file.read(length)))
    return [str(each) for each in destroyed(look, pieces, lambda *_: True)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("mkfs.ext4", "-q", "-L", "store"), 'it: an ext2, ext3 or ext4 file system "store"'),
        (("mkfs.xfs", "-q", "-L", "store"), 'it: an XFS file system "store"'),
        (("mkfs.btrfs", "-q", "-L", "store"), 'it: a btrfs file system "store"'),
        (("mkswap",), "it: swap space"),
        (("mkswap", "--pagesize", "65536"), "it: swap space"),
        (("cryptsetup", "luksFormat", "--type", "luks1", "--batch-mode"), "it: an encrypted volume (LUKS)"),
    ],
)
def test_what_a_tool_makes(image: str, words: tuple[str, ...], told: str) -> None:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    quick = ("--pbkdf-force-iterations", "1000", "-") if words[0] == "cryptsetup" else ()
    command = [*words, *quick[:2], image, *quick[2:]]
    subprocess.run(command, input="secret", text=True, check=True, capture_output=True)
    assert told in found(image)


@pytest.mark.parametrize("sector", ["512", "4096"])
def test_a_partition_table_and_its_backup(loop: Loop, image: str, sector: str) -> None:
    device = loop("--sector-size", sector, backing=image)
    run("sfdisk", "--quiet", "--no-tell-kernel", device, said="label: gpt\n")
    assert found(device) == ["it: a partition table (GPT)", "it: the backup of a partition table (GPT)"]


def test_a_partition_table_of_the_older_kind(image: str) -> None:
    run("sfdisk", "--quiet", image, said="label: dos\nstart=2048, size=2048\n")
    assert found(image) == ["it: a partition table (MBR) or boot record"]


def test_a_physical_volume(loop: Loop, image: str) -> None:
    if shutil.which("pvcreate") is None:
        pytest.skip("pvcreate is not installed")
    device = loop(backing=image)
    run("pvcreate", *LVM, "--yes", "--quiet", device)
    (told,) = found(device)
    assert told.startswith("it: a physical volume of LVM")


def test_an_empty_device_has_nothing(image: str) -> None:
    assert found(image) == []

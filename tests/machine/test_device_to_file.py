"""A block device copied to a file by the host: loop devices, whose bytes are those of their images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import xcopy
from tests.machine.conftest import SIZE
from xcopy.api.files import FileOptions
from xcopy.cli.main import main
from xcopy.errnos import Means
from xcopy.errors import UnsupportedError, UsageError
from xcopy.ladder import Sparse

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.machine.conftest import Loop

MIB = 2**20


def fill(device: str, at: int = 0, length: int = MIB) -> bytes:
    """Bytes of which no 16 are alike, on the device."""
    content = b"".join(f"{number:016}".encode() for number in range(at, at + length, 16))
    with open(device, "r+b") as file:
        os.pwrite(file.fileno(), content, at)
        os.fsync(file.fileno())
    return content


@pytest.mark.parametrize("sector", ["512", "4096"])
def test_a_device_becomes_a_file_whose_zeros_are_holes(loop: Loop, tmp_path: Path, sector: str) -> None:
    device, image = loop("--sector-size", sector), tmp_path / "image of it"
    content = fill(device) + bytes(SIZE - 3 * MIB) + fill(device, SIZE - 2 * MIB, 2 * MIB)
    assert main([device, str(image)]) == 0
    assert image.read_bytes() == content
    os.sync()
    assert image.stat().st_blocks * 512 < 8 * MIB


def test_zeros_over_data_become_zeros(loop: Loop, tmp_path: Path) -> None:
    device, image = loop(), tmp_path / "b.img"
    content = fill(device)
    image.write_bytes(b"b" * (4 * MIB))
    report = xcopy.copy_range(device, image, 0, 100, 3 * MIB)
    assert report.bytes[Means.HOST] == 3 * MIB
    assert image.read_bytes() == b"b" * 100 + content + bytes(2 * MIB) + b"b" * (MIB - 100)


def test_numbers_are_blocks_of_the_device_and_bytes_of_the_file(loop: Loop, tmp_path: Path) -> None:
    device, image = loop("--sector-size", "4096"), tmp_path / "b.img"
    content = fill(device)
    assert main([f"{device}:3+5", f"{image}:7"]) == 0
    assert image.read_bytes() == bytes(7) + content[3 * 4096 : 8 * 4096]
    assert main([f"{device}:8KiB+12KiB", f"{image}:0"]) == 0
    assert image.read_bytes()[: 3 * 4096] == content[8192 : 5 * 4096]
    (tmp_path / "list").write_text("1 2 100000\n")
    assert main([device, str(image), "--ranges", str(tmp_path / "list")]) == 0
    assert image.read_bytes()[100000:] == content[4096 : 3 * 4096]


@pytest.mark.parametrize("part", ["1KiB+4KiB", "4KiB+1KiB", "4KiB+1kB"])
def test_a_part_of_a_block_is_refused(loop: Loop, tmp_path: Path, part: str) -> None:
    device, image = loop("--sector-size", "4096"), tmp_path / "b.img"
    assert main([f"{device}:{part}", str(image)]) == 2
    assert not image.exists()
    with pytest.raises(UsageError, match="whole blocks of 4096 bytes"):
        xcopy.copy_range(device, image, 1, 0, 4096)


def test_what_is_still_in_the_cache_of_a_partition_is_in_the_copy_of_the_disk(
    partitioned: str, tmp_path: Path
) -> None:
    image = tmp_path / "b.img"
    with open(f"{partitioned}p1", "r+b", buffering=0) as file:
        os.pwrite(file.fileno(), b"not written yet" * 1000, 4096)
        xcopy.copy_range(partitioned, image, MIB, 0, MIB)
    assert image.read_bytes()[4096 : 4096 + 15000] == b"not written yet" * 1000


def test_a_device_has_nothing_to_clone(loop: Loop, tmp_path: Path) -> None:
    device = loop()
    assert main([device, str(tmp_path / "b.img"), "--reflink", "always"]) == 4
    assert not (tmp_path / "b.img").exists()
    report = xcopy.copy_range(device, tmp_path / "b.img", 0, 0, MIB, FileOptions(sparse=Sparse.NEVER))
    assert "block device" in report.refused[Means.CLONE]
    assert (tmp_path / "b.img").stat().st_blocks * 512 >= MIB


def test_a_mounted_device_is_copied_with_a_warning(
    partitioned: str, mount: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part, image = f"{partitioned}p1", tmp_path / "b.img"
    point = mount(part)
    Path(point, "a file").write_text("in it")  # and not on the device, as far as anybody knows
    assert main([part, str(image)]) == 0
    assert "what its user has not written yet is missing" in capsys.readouterr().err
    assert image.stat().st_size == 16 * MIB


def test_a_file_is_not_copied_onto_a_device(loop: Loop, tmp_path: Path) -> None:
    device, image = loop(), tmp_path / "a.img"
    image.write_bytes(b"a" * MIB)
    before = Path(device).read_bytes()
    assert main([str(image), device]) == 4
    with pytest.raises(UnsupportedError, match="is a block device"):
        xcopy.copy_range(image, device)
    with pytest.raises(UnsupportedError, match="are devices: copy them in blocks"):
        xcopy.copy_range(device, device)
    assert Path(device).read_bytes() == before


def test_a_device_that_is_not_there_becomes_no_file(loop: Loop) -> None:
    assert main([loop(), "/dev/xcopy-no-such-disk"]) == 2
    assert not os.path.lexists("/dev/xcopy-no-such-disk")

"""The blocks of a unit in a sparse file: what has storage, and how it goes."""

from __future__ import annotations

import ctypes
import errno
import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.target.bench import GOOD, Bench, data_in, write_16
from tests.target.test_thin import status, unmap
from xcopy.device import array_dir, file_backing
from xcopy.device.file_backing import FileBacking

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
BLOCK = 4096  # of the file system, and what storage comes in


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A file of 1 MiB that is one hole."""
    made = tmp_path / "image"
    made.write_bytes(b"")
    os.truncate(made, MIB)
    return made


@pytest.fixture
def backing(image: Path) -> FileBacking:
    found = FileBacking(image, MIB, writable=True)
    found.write(8 * BLOCK, b"x" * BLOCK)
    if list(found.mapped(0, MIB)) != [(8 * BLOCK, BLOCK)]:
        pytest.skip("this file system keeps no holes, or larger ones")
    return found


def test_a_new_file_has_no_storage(image: Path) -> None:
    assert list(FileBacking(image, MIB, writable=True).mapped(0, MIB)) == []


def test_what_was_written_has_storage_and_is_cut_to_what_is_asked_for(backing: FileBacking) -> None:
    backing.write(10 * BLOCK, b"x" * (2 * BLOCK))
    assert list(backing.mapped(0, MIB)) == [(8 * BLOCK, BLOCK), (10 * BLOCK, 2 * BLOCK)]
    assert list(backing.mapped(11 * BLOCK, BLOCK)) == [(11 * BLOCK, BLOCK)]
    assert list(backing.mapped(9 * BLOCK, BLOCK)) == []


def test_unmapping_gives_storage_back_and_leaves_zeros(backing: FileBacking, image: Path) -> None:
    backing.write(9 * BLOCK, b"y" * BLOCK)
    backing.unmap(8 * BLOCK, BLOCK)
    assert list(backing.mapped(0, MIB)) == [(9 * BLOCK, BLOCK)]
    assert backing.read(8 * BLOCK, 2 * BLOCK) == bytes(BLOCK) + b"y" * BLOCK
    assert image.stat().st_size == MIB


def test_where_no_hole_can_be_punched_zeros_are_written(
    backing: FileBacking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> int:
        ctypes.set_errno(errno.EOPNOTSUPP)
        return -1

    monkeypatch.setattr(file_backing, "_fallocate", refuse)
    backing.unmap(8 * BLOCK, BLOCK)
    assert backing.read(8 * BLOCK, BLOCK) == bytes(BLOCK)


def test_another_failure_to_punch_is_an_error_that_names_the_file(
    backing: FileBacking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: int) -> int:
        ctypes.set_errno(errno.EIO)
        return -1

    monkeypatch.setattr(file_backing, "_fallocate", fail)
    with pytest.raises(OSError, match="image"):
        backing.unmap(8 * BLOCK, BLOCK)
    assert backing.read(8 * BLOCK, BLOCK) == b"x" * BLOCK


def test_a_thin_array_in_a_directory_is_thin_again_when_it_is_opened_again(tmp_path: Path) -> None:
    array_dir.create(tmp_path / "array", units=2, size=MIB, granularity=(8, 0))
    array = Bench(array_dir.open_array(tmp_path / "array"), fill=False)
    thin, thick = (array.send(n, data_in("9e10" + "00" * 11 + "200000", 32)).data[14] >> 6 for n in (0, 1))
    assert (thin, thick) == (0b11, 0b00)
    assert array.send(0, write_16(64, b"x" * 512 * 16)).status == GOOD
    assert status(array, 0) == [(0, 64, 1), (64, 16, 0), (80, 2048 - 80, 1)]
    assert array.send(0, unmap((64, 8))).status == GOOD
    assert status(array, 0) == [(0, 72, 1), (72, 8, 0), (80, 2048 - 80, 1)]


def test_an_array_made_before_there_were_thin_units_is_opened(tmp_path: Path) -> None:
    array_dir.create(tmp_path / "array", units=1, size=MIB)
    description = tmp_path / "array" / "array.json"
    content = json.loads(description.read_text())
    del content["units"][0]["granularity"]
    description.write_text(json.dumps(content))
    assert not array_dir.open_array(tmp_path / "array").units[0].thin

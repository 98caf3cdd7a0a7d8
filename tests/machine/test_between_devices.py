"""Two block devices of which one is no SCSI unit: the host copies, where that is asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import xcopy
from tests.files.file_system import run
from tests.machine.test_device_and_file import MIB, content, fill
from xcopy.api.files import FileOptions
from xcopy.cli.main import main
from xcopy.errnos import Means
from xcopy.errors import UnsafeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.machine.conftest import Loop

BY_HOST = ("--method", "host")


def test_a_range_is_copied_in_blocks_of_each_side_and_nothing_else_is_written(
    loop: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    source, destination = loop(), loop("--sector-size", "4096")
    data = fill(source, 8 * MIB, 4 * MIB)
    before = bytearray(fill(destination, 0, 16 * MIB, seed=2))
    Path(destination).read_bytes()  # what is in its page cache is not what is there afterwards
    assert main([f"{source}:16400+4000", f"{destination}:3", *BY_HOST, "--json"]) == 0
    at = 16400 * 512 - 8 * MIB
    before[3 * 4096 : 3 * 4096 + 4000 * 512] = data[at : at + 4000 * 512]
    assert Path(destination).read_bytes()[: 16 * MIB] == before
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (done["bytes"]["host"], done["total"], done["durable"]) == (4000 * 512, 4000 * 512, True)


def test_a_part_of_a_larger_block_is_refused(loop: Loop) -> None:
    source, destination = loop(), loop("--sector-size", "4096")
    fill(source)
    assert main([f"{source}:0+9", destination, *BY_HOST]) == 2
    assert not any(Path(destination).read_bytes())


def test_one_that_is_too_small_is_refused(loop: Loop) -> None:
    source, destination = loop(), loop()
    fill(source)
    assert main([source, f"{destination}:1", *BY_HOST]) == 2
    assert not any(Path(destination).read_bytes())


def test_unasked_it_is_refused_by_name_with_the_way_out(
    loop: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    source, destination = loop(), loop()
    fill(source)
    assert main([source, destination]) == 4
    said = capsys.readouterr().err
    assert f"{source} is a loop device, not a SCSI unit" in said
    assert "--method host" in said
    assert not any(Path(destination).read_bytes())


def test_what_would_be_tried_is_explained(loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    source, destination = loop(), loop()
    assert main([source, destination, *BY_HOST, "--explain"]) == 0
    said = capsys.readouterr().out
    assert "no blocks to share" in said
    assert f"this kernel has {source} copy nothing by itself" in said


@pytest.mark.parametrize("option", ["--journal=x", "--verify", "--require=offload"])
def test_what_only_units_have_is_refused(
    loop: Loop, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([loop(), loop(), *BY_HOST, option]) == 2


def test_a_mounted_destination_is_refused(
    loop: Loop, mount: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    source, destination = loop(), loop()
    fill(source)
    point = mount(destination)
    os.sync()
    before = Path(destination).read_bytes()
    assert main([source, destination, *BY_HOST]) == 3
    assert f"mounted on {point}" in capsys.readouterr().err
    assert Path(destination).read_bytes() == before


def test_one_device_is_copied_within_where_ranges_do_not_overlap(
    loop: Loop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device, node = loop(), tmp_path / "the same by another node"
    data = fill(device)
    os.mknod(node, 0o660 | 0o060000, os.stat(device).st_rdev)
    assert main([f"{device}:0+2047", f"{node}:2047", *BY_HOST]) == 0
    assert Path(device).read_bytes()[: 4094 * 512] == (data[: 2047 * 512] * 2)
    assert main([f"{device}:0+2048", f"{node}:2047", *BY_HOST]) == 3
    assert "overlap on one device" in capsys.readouterr().err
    with pytest.raises(UnsafeError, match="overlap on one device"):
        xcopy.copy_range(device, str(node), 0, 512, 1024, FileOptions(move=True))
    assert Path(device).read_bytes()[: 4094 * 512] == (data[: 2047 * 512] * 2)


def test_a_partition_and_its_disk_are_refused_and_two_partitions_are_not(
    partitioned: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = fill(f"{partitioned}p1")
    for sides in ((f"{partitioned}p1", partitioned), (f"{partitioned}:0+8", f"{partitioned}p2")):
        assert main([*sides, *BY_HOST, "--force=mounted,holder"]) == 3
        assert f"lie on, {partitioned}, and may have bytes in common" in capsys.readouterr().err
    assert main([f"{partitioned}p1", f"{partitioned}p2", *BY_HOST]) == 0
    assert Path(f"{partitioned}p2").read_bytes()[:MIB] == data


def test_two_loop_devices_over_one_file_are_refused_whatever_is_forced(loop: Loop) -> None:
    device = loop()
    file = Path(f"/sys/block/{Path(device).name}/loop/backing_file").read_text().strip()
    other = loop(backing=file)
    data = fill(device)
    with pytest.raises(UnsafeError, match="may have bytes in common"):
        xcopy.copy_range(device, other, 0, MIB, MIB, FileOptions(force=frozenset({"holder", "open"})))
    assert Path(file).read_bytes()[: 2 * MIB] == data + bytes(MIB)


def test_a_loop_device_over_a_block_device_is_refused_on_either_side(
    loop: Loop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is written to it is written to that: to the source, or beneath who has that mounted."""
    device, other, image = loop(), loop(), tmp_path / "a.img"
    image.write_bytes(content(MIB))
    upper = loop("--offset", str(MIB), backing=device)
    data = fill(device, 0, 4 * MIB)
    for sides in ((device, upper), (upper, device), (other, upper), (upper, other), (str(image), upper)):
        words = BY_HOST if sides[0] != str(image) else ()
        assert main([f"{sides[0]}:0+4KiB", f"{sides[1]}:0", *words, "--force=holder,open,mounted"]) == 3
        assert "name that device, with the blocks on it" in capsys.readouterr().err
    assert Path(device).read_bytes()[: 4 * MIB] == data


def test_a_loop_device_over_a_file_on_the_other_device_is_refused(
    loop: Loop, mount: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    device = loop()
    file = Path(mount(device)) / "file"
    file.write_bytes(content(4 * MIB))
    inner = run("losetup", "--find", "--show", str(file)).strip()
    try:
        for sides in ((device, inner), (inner, device)):
            assert main([f"{sides[0]}:0+8", sides[1], *BY_HOST, "--force=mounted"]) == 3
            assert "may have bytes in common" in capsys.readouterr().err
    finally:
        run("losetup", "--detach", inner)
    assert file.read_bytes() == content(4 * MIB)


@pytest.mark.parametrize("option", ["--sparse=always", "--move"])
def test_what_only_files_have_is_refused(loop: Loop, option: str) -> None:
    assert main([loop(), loop(), *BY_HOST, option]) == 2


def test_a_program_copies_between_them_in_bytes(loop: Loop) -> None:
    source, destination = loop(), loop()
    fill(source, 0, 3 * MIB)
    report = xcopy.copy_ranges(source, destination, [(512, 2 * MIB, 0), (0, 512, 3 * MIB)])
    assert report.bytes[Means.HOST] == 2 * MIB + 512
    assert report.durable
    there = Path(destination).read_bytes()
    data = content(3 * MIB)
    assert there[: 2 * MIB] == data[512 : 2 * MIB + 512]
    assert there[3 * MIB : 3 * MIB + 512] == data[:512]
    assert not any(there[2 * MIB : 3 * MIB])

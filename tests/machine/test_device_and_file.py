"""Block devices copied to files, and files onto block devices: loop devices stand for all kinds."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import xcopy
from tests.machine.conftest import SIZE
from xcopy.api.files import FileOptions, prepare
from xcopy.cli.main import main
from xcopy.device.claims import hold
from xcopy.errnos import Means
from xcopy.errors import UsageError
from xcopy.sparse import Sparse

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.machine.conftest import Loop

MIB = 2**20


def content(length: int, seed: int = 1) -> bytes:
    """Bytes of which no 16 are alike."""
    return b"".join(f"{seed}/{at:014}".encode() for at in range(length // 16))


def fill(device: str, at: int = 0, length: int = MIB, seed: int = 1) -> bytes:
    """Such bytes on the device."""
    data = content(length, seed)
    with open(device, "r+b") as file:
        os.pwrite(file.fileno(), data, at)
        os.fsync(file.fileno())
    return data


@pytest.mark.parametrize("sector", ["512", "4096"])
def test_a_device_becomes_a_file_whose_zeros_are_holes(loop: Loop, tmp_path: Path, sector: str) -> None:
    device, image = loop("--sector-size", sector), tmp_path / "image of it"
    data = fill(device) + bytes(SIZE - 3 * MIB) + fill(device, SIZE - 2 * MIB, 2 * MIB)
    assert main([device, str(image)]) == 0
    assert image.read_bytes() == data
    os.sync()
    assert image.stat().st_blocks * 512 < 8 * MIB


def test_zeros_over_data_become_zeros(loop: Loop, tmp_path: Path) -> None:
    device, image = loop(), tmp_path / "b.img"
    data = fill(device)
    image.write_bytes(b"b" * (4 * MIB))
    report = xcopy.copy_range(device, image, 0, 100, 3 * MIB)
    assert report.bytes[Means.HOST] == 3 * MIB
    assert image.read_bytes() == b"b" * 100 + data + bytes(2 * MIB) + b"b" * (MIB - 100)


def test_numbers_are_blocks_of_the_device_and_bytes_of_the_file(loop: Loop, tmp_path: Path) -> None:
    device, image = loop("--sector-size", "4096"), tmp_path / "b.img"
    data = fill(device)
    assert main([f"{device}:3+5", f"{image}:7"]) == 0
    assert image.read_bytes() == bytes(7) + data[3 * 4096 : 8 * 4096]
    assert main([f"{device}:8KiB+12KiB", f"{image}:0"]) == 0
    assert image.read_bytes()[: 3 * 4096] == data[8192 : 5 * 4096]
    (tmp_path / "list").write_text("1 2 100000\n")
    assert main([device, str(image), "--ranges", str(tmp_path / "list")]) == 0
    assert image.read_bytes()[100000:] == data[4096 : 3 * 4096]


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
    assert f"the source is in use: {part} is mounted on {point}" in capsys.readouterr().err
    assert image.stat().st_size == 16 * MIB


@pytest.mark.parametrize("sector", ["512", "4096"])
def test_a_file_is_copied_onto_a_device_and_all_around_it_stays(
    loop: Loop, tmp_path: Path, sector: str, capsys: pytest.CaptureFixture[str]
) -> None:
    device, image = loop("--sector-size", sector), tmp_path / "a.img"
    image.write_bytes(content(2 * MIB))
    os.truncate(image, 3 * MIB)  # the hole at its end has to become zeros
    model = bytearray(content(8 * MIB, 3))
    fill(device, 0, 8 * MIB, 3)
    model[MIB : 4 * MIB] = image.read_bytes()
    assert main([str(image), f"{device}:1MiB"]) == 0
    assert "durable" in capsys.readouterr().out
    assert Path(device).read_bytes() == model + bytes(SIZE - 8 * MIB)


def test_a_file_that_shrinks_while_it_is_copied_onto_a_device_is_said_to(loop: Loop, tmp_path: Path) -> None:
    device, image = loop(), tmp_path / "a.img"
    image.write_bytes(content(MIB))
    with prepare(image, device) as copy:
        os.truncate(image, 5 * 512 + 100)
        report = copy.run()
    assert (report.copied, report.not_copied[0].source_lba) == (5 * 512, 5 * 512)
    assert "has become shorter" in report.stopped


def test_numbers_without_a_suffix_are_blocks_on_the_devices_side(loop: Loop, tmp_path: Path) -> None:
    device, image = loop("--sector-size", "4096"), tmp_path / "a.img"
    image.write_bytes(content(MIB))
    assert main([f"{image}:5+8192", f"{device}:3"]) == 0
    assert Path(device).read_bytes()[: 6 * 4096] == bytes(3 * 4096) + content(MIB)[5:8197] + bytes(4096)
    (tmp_path / "list").write_text("4096 4096 100\n")
    assert main([str(image), device, "--ranges", str(tmp_path / "list")]) == 0
    assert Path(device).read_bytes()[100 * 4096 : 102 * 4096] == content(MIB)[4096:8192] + bytes(4096)


@pytest.mark.parametrize(
    ("size", "place", "code"), [(1000, "", 2), (4096, ":1kB", 2), (SIZE + 4096, "", 2), (8192, ":16383", 2)]
)
def test_a_part_of_a_block_and_what_does_not_fit_are_refused(
    loop: Loop, tmp_path: Path, size: int, place: str, code: int
) -> None:
    device, image = loop("--sector-size", "4096"), tmp_path / "a.img"
    image.touch()
    os.truncate(image, size)
    fill(device)
    before = Path(device).read_bytes()
    assert main([str(image), f"{device}{place}"]) == code
    assert Path(device).read_bytes() == before


def test_what_anybody_reads_afterwards_by_any_node_is_the_copy(partitioned: str, tmp_path: Path) -> None:
    image, part = tmp_path / "a.img", f"{partitioned}p1"
    image.write_bytes(content(MIB))
    with open(part, "rb", buffering=0) as reader, open(partitioned, "rb", buffering=0) as disk:
        os.pread(reader.fileno(), 8192, 0)
        os.pread(disk.fileno(), 8192, MIB)  # the same blocks, and a page cache of its own
        assert main([str(image), part]) == 0
        assert os.pread(reader.fileno(), MIB, 0) == content(MIB)
        assert os.pread(disk.fileno(), MIB, MIB) == content(MIB)
        assert main([f"{image}:4096+4096", f"{partitioned}:1MiB"]) == 0
        assert os.pread(reader.fileno(), 4096, 0) == content(MIB)[4096:8192]


class TestInUse:
    @pytest.fixture
    def image(self, tmp_path: Path) -> Path:
        path = tmp_path / "a.img"
        path.write_bytes(content(MIB))
        return path

    @pytest.mark.parametrize("whole", [False, True])
    def test_a_mounted_device_is_refused_and_so_is_its_disk(
        self,
        partitioned: str,
        mount: Callable[[str], str],
        image: Path,
        capsys: pytest.CaptureFixture[str],
        whole: bool,
    ) -> None:
        point = mount(f"{partitioned}p1")
        Path(point, "a file").write_text("in it")
        assert main([str(image), partitioned if whole else f"{partitioned}p1"]) == 3
        assert f"{partitioned}p1 is mounted on {point}" in capsys.readouterr().err
        assert Path(point, "a file").read_text() == "in it"

    def test_the_partition_beside_it_is_free(
        self, partitioned: str, mount: Callable[[str], str], image: Path
    ) -> None:
        mount(f"{partitioned}p1")
        assert main([str(image), f"{partitioned}p2"]) == 0
        assert Path(f"{partitioned}p2").read_bytes()[:MIB] == content(MIB)

    def test_one_that_is_held_is_refused(self, loop: Loop, image: Path) -> None:
        device = loop()
        with hold(device):
            assert main([str(image), device]) == 3
        assert Path(device).read_bytes() == bytes(SIZE)

    def test_one_below_a_loop_device_is_refused(
        self, loop: Loop, image: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        device = loop()
        upper = loop(backing=device)
        assert main([str(image), device]) == 3
        assert f"{upper} (a loop device)" in capsys.readouterr().err
        assert Path(device).read_bytes() == bytes(SIZE)

    def test_a_device_that_is_read_only_is_refused(self, loop: Loop, image: Path) -> None:
        device = loop("--read-only")
        assert main([str(image), device]) in (1, 3)
        assert Path(device).read_bytes() == bytes(SIZE)

    def test_nobody_can_mount_it_meanwhile(self, loop: Loop, image: Path, tmp_path: Path) -> None:
        device = loop()
        subprocess.run(["mkfs.ext4", "-q", device], check=True)
        with prepare(image, device):
            assert subprocess.run(["mount", device, tmp_path], capture_output=True, check=False).returncode
        hold(device).close()


def test_a_device_that_is_not_there_becomes_no_file(loop: Loop) -> None:
    assert main([loop(), "/dev/xcopy-no-such-disk"]) == 2
    assert not os.path.lexists("/dev/xcopy-no-such-disk")


def test_a_file_and_a_loop_device_over_it_are_one_and_may_not_overlap(loop: Loop) -> None:
    device = loop()
    file = Path(f"/sys/block/{Path(device).name}/loop/backing_file").read_text().strip()
    data = fill(device, 0, 8 * MIB)
    for sides in ((f"{file}:0+6MiB", f"{device}:2MiB"), (f"{device}:0+6MiB", f"{file}:2MiB")):
        assert main(list(sides)) == 3
    assert Path(file).read_bytes()[: 8 * MIB] == data


def test_a_file_whose_name_is_gone_and_the_loop_device_over_it_are_one_as_well(
    loop: Loop, tmp_path: Path
) -> None:
    file, other = tmp_path / "file", tmp_path / "other"
    file.touch()
    os.truncate(file, SIZE)
    os.link(file, other)
    device = loop(backing=str(file))
    file.unlink()
    data = fill(device, 0, 8 * MIB)
    (source := tmp_path / "source").write_bytes(content(MIB, 2))
    for sides in ((f"{other}:0+6MiB", f"{device}:2MiB"), (f"{device}:0+6MiB", f"{other}:2MiB")):
        assert main(list(sides)) == 3
    assert main([str(source), str(other)]) == 3
    assert other.read_bytes()[: 8 * MIB] == data


def test_a_file_system_on_another_loop_device_over_the_same_file_is_a_use(
    loop: Loop, tmp_path: Path, mount: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    first = loop()
    point = mount(first)
    Path(point, "a file").write_text("in it")
    second = loop(backing=Path(f"/sys/block/{Path(first).name}/loop/backing_file").read_text().strip())
    (source := tmp_path / "source").write_bytes(content(MIB, 2))
    assert main([str(source), second, "--yes"]) == 3
    assert f"{first} (a loop device over the same file)" in capsys.readouterr().err
    assert Path(point, "a file").read_text() == "in it"


def test_what_was_forced_for_what_it_holds_does_not_allow_what_holds_it(
    loop: Loop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device = loop()
    with open(device, "r+b") as disk:
        disk.seek(512)
        disk.write(b"LABELONE" + bytes(16) + b"LVM2 001")
    before = Path(device).read_bytes()
    (source := tmp_path / "source").write_bytes(content(MIB, 2))
    with hold(device):
        assert main([str(source), device, "--force=lvm"]) == 3
        assert "open exclusively elsewhere" in capsys.readouterr().err
        assert Path(device).read_bytes() == before
    assert main([str(source), device, "--force=lvm"]) == 0


def test_a_file_that_is_a_disk_of_this_machine_is_written_only_by_force(loop: Loop, tmp_path: Path) -> None:
    device, source = loop(), tmp_path / "source"
    file = Path(f"/sys/block/{Path(device).name}/loop/backing_file").read_text().strip()
    data = fill(device)
    source.write_bytes(content(MIB, 2))
    assert main([str(source), file]) == 3
    assert Path(file).read_bytes()[:MIB] == data
    assert main([str(source), file, "--force=holder"]) == 0
    assert Path(file).read_bytes()[:MIB] == source.read_bytes()


def test_what_a_device_holds_is_named_before_a_file_is_written_onto_it(
    loop: Loop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device, source = loop(), tmp_path / "source"
    subprocess.run(["mkfs.ext4", "-q", device], check=True, capture_output=True)
    source.write_bytes(content(MIB))
    assert main([str(source), device]) == 0
    said = capsys.readouterr()
    assert "this will be destroyed: " in said.out + said.err
    assert "ext" in said.out + said.err


def test_a_physical_volume_is_not_written_onto_by_a_file(loop: Loop, tmp_path: Path) -> None:
    device, source = loop(), tmp_path / "source"
    label = b"LABELONE" + (1).to_bytes(8, "little") + bytes(8) + b"LVM2 001"  # in the second sector of a PV
    fill(device)
    with open(device, "r+b") as file:
        os.pwrite(file.fileno(), label.ljust(512, b"\0"), 512)
        os.fsync(file.fileno())
    source.write_bytes(content(MIB, 2))
    before = Path(device).read_bytes()[:MIB]
    assert main([str(source), device]) == 3
    assert Path(device).read_bytes()[:MIB] == before


def test_what_is_told_to_be_left_after_a_full_disk_copies_the_rest(
    loop: Loop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device, full = loop(), tmp_path / "full"
    data = fill(device, 0, 4 * MIB)
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(full)], check=True)
    try:
        assert main([f"{device}:0+4MiB", f"{full}/out:100"]) == 1
        hint = re.search(r"SRC:(\S+) DST:(\S+)", "".join(capsys.readouterr()))
        assert hint
        subprocess.run(["mount", "-o", "remount,size=8m", str(full)], check=True)
        assert main([f"{device}:{hint[1]}", f"{full}/out:{hint[2].rstrip(';,.')}"]) == 0
        assert (full / "out").read_bytes() == bytes(100) + data
    finally:
        subprocess.run(["umount", str(full)], check=True)

"""Where real file systems have the blocks of a file, and `--extents` where none can be copied from there."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.files.file_system import run
from tests.frozen import is_frozen
from xcopy.cli.main import main
from xcopy.device.file_place import look, place_of, stand_still
from xcopy.device.open_file import open_source
from xcopy.device.zeroing import ZeroingDevice
from xcopy.errors import UnsafeError, UnsupportedError
from xcopy.file_map import moved_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.machine.conftest import Loop
    from xcopy.device.open_file import OpenFile

    Make = Callable[..., Path]

BLOCK, MIB = 4096, 2**20
LEAST = {"ext4": 64 * MIB, "xfs": 300 * MIB, "btrfs": 128 * MIB}
_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


@pytest.fixture
def make(loop: Loop, tmp_path: Path) -> Iterator[Make]:
    """Make a file system on a loop device and mount it; its mount point."""
    with ExitStack() as stack:

        def made(kind: str, *options: str, mount: str = "defaults") -> Path:
            tool = f"mkfs.{kind}"
            if shutil.which(tool) is None:
                pytest.skip(f"{tool} is not installed")
            image, point = tmp_path / f"{kind} image", tmp_path / f"{kind} mounted"
            image.touch()
            os.truncate(image, LEAST[kind])
            device = loop(backing=str(image))
            run(tool, "-q", *options, device)
            point.mkdir()
            run("mount", "-o", mount, device, str(point))
            stack.callback(run, "umount", str(point))
            return point

        yield made


def patchwork(path: Path) -> bytes:
    """A file with data in several places, holes, and a stretch that was allocated and never written."""
    made = bytearray(64 * BLOCK)
    with open(path, "w+b") as file:
        for first, blocks in ((0, 3), (10, 1), (12, 5), (40, 8)):
            data = os.urandom(blocks * BLOCK)
            os.pwrite(file.fileno(), data, first * BLOCK)
            made[first * BLOCK : first * BLOCK + len(data)] = data
            os.fsync(file.fileno())  # so that they are not one extent
        assert _fallocate(file.fileno(), 0, 20 * BLOCK, 10 * BLOCK) == 0
        os.truncate(file.fileno(), len(made))
    return bytes(made)


def by_its_blocks(file: OpenFile, device: str, start: int, length: int) -> bytes:
    """The file as its map has it, read from the device past every cache."""
    found, made = look(file, start, length).map, bytearray(length)
    raw = os.open(device, os.O_RDONLY)
    try:
        os.fsync(raw)
        os.posix_fadvise(raw, 0, 0, os.POSIX_FADV_DONTNEED)
        for first, place, size in found.pieces:
            made[first - start : first - start + size] = os.pread(raw, size, place)
    finally:
        os.close(raw)
    return bytes(made)


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_the_blocks_that_are_told_hold_the_bytes_that_are_read(make: Make, kind: str) -> None:
    path = make(kind) / "file"
    data = patchwork(path)
    with open_source(path) as file:
        place = place_of(file, frozen=False)
        assert place.mount.kind == kind
        assert by_its_blocks(file, place.device, 0, len(data)) == data
        part = slice(BLOCK + 512, 45 * BLOCK + 1024)
        assert by_its_blocks(file, place.device, part.start, part.stop - part.start) == data[part]
        found = look(file, 0, len(data)).map
        assert len(found.pieces) >= 3
        assert found.data == 17 * BLOCK  # neither holes nor what was never written


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_what_was_just_written_and_is_on_no_device_yet_gets_its_place(make: Make, kind: str) -> None:
    path = make(kind) / "file"
    data = os.urandom(5 * BLOCK)
    path.write_bytes(data)
    with open_source(path) as file:
        assert by_its_blocks(file, place_of(file, frozen=False).device, 0, len(data)) == data


def test_blocks_that_another_file_shares_are_as_good(make: Make) -> None:
    point = make("xfs", "-m", "reflink=1")
    data = os.urandom(8 * BLOCK)
    (point / "file").write_bytes(data)
    run("cp", "--reflink=always", str(point / "file"), str(point / "clone"))
    with open_source(point / "clone") as file:
        assert by_its_blocks(file, place_of(file, frozen=False).device, 0, len(data)) == data


def overwrite(path: Path) -> None:
    with open(path, "r+b") as file:
        file.write(b"other")


def punch(path: Path) -> None:
    with open(path, "r+b") as file:
        assert _fallocate(file.fileno(), 1 | 2, 0, BLOCK) == 0


def append(path: Path) -> None:
    with open(path, "ab") as file:
        file.write(b"more")


def back_in_time(path: Path) -> None:
    before = path.stat()
    overwrite(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
@pytest.mark.parametrize("change", [overwrite, punch, append, back_in_time])
def test_a_change_of_a_file_is_told_even_right_after_the_last_one(
    make: Make, kind: str, change: Callable[[Path], None]
) -> None:
    path = make(kind) / "file"
    patchwork(path)
    with open_source(path) as file:
        before = look(file, 0, 64 * BLOCK, stand_still(file))
        assert moved_on(before, look(file, 0, 64 * BLOCK)) == ""
        change(path)
        assert moved_on(before, look(file, 0, 64 * BLOCK))


def test_a_file_that_is_changed_all_the_time_is_not_waited_for_for_ever(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make("ext4") / "file"
    path.write_bytes(b"x")
    with open_source(path) as file:
        monkeypatch.setattr("xcopy.device.clock.MonotonicClock.sleep", lambda *_: os.utime(path))
        with pytest.raises(UnsafeError, match="written to all the time: --freeze"):
            stand_still(file)


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_file_that_somebody_has_open_for_writing_is_refused(make: Make, kind: str) -> None:
    path = make(kind) / "file"
    patchwork(path)
    with open_source(path) as file, path.open("r+b") as writer:
        with pytest.raises(UnsafeError, match="open for writing"):
            stand_still(file)
        with mmap.mmap(writer.fileno(), 0) as mapped:
            writer.close()
            with pytest.raises(UnsafeError, match="open for writing"):
                stand_still(file)
            mapped.close()
        stand_still(file)


def test_who_opens_it_while_it_is_looked_for_writers_does_not_end_this_program(make: Make) -> None:
    path = make("ext4") / "file"
    path.write_bytes(b"x")
    opener = (
        "import os, sys\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    try: os.close(os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK))\n"
        "    except OSError: pass\n"
    )
    asker = (
        "import sys\n"
        "from xcopy.device.file_place import _refuse_writers\n"
        "from xcopy.device.open_file import open_source\n"
        "from xcopy.errors import XcopyError\n"
        "with open_source(sys.argv[1]) as file:\n"
        "    for _ in range(30_000):\n"
        "        try: _refuse_writers(file)\n"
        "        except XcopyError: pass\n"
    )
    with subprocess.Popen([sys.executable, "-c", opener, path], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            assert subprocess.run([sys.executable, "-c", asker, path], check=False).returncode == 0
        finally:
            other.kill()


def test_a_change_between_standing_still_and_the_look_is_told(make: Make) -> None:
    """By an older kernel's clock, the next change could have the same time as that one."""
    path = make("ext4") / "file"
    patchwork(path)
    with open_source(path) as file:
        still = stand_still(file)
        overwrite(path)
        before = look(file, 0, 64 * BLOCK, still)
        assert moved_on(before, look(file, 0, 64 * BLOCK))


def test_data_in_the_journal_by_default_is_found_where_the_mount_says_nothing(make: Make) -> None:
    point = make("ext4")
    device = run("findmnt", "-n", "-o", "SOURCE", str(point))
    run("umount", str(point))
    run("tune2fs", "-o", "journal_data", device)
    run("mount", device, str(point))
    patchwork(point / "file")
    with open_source(point / "file") as file:
        with pytest.raises(UnsupportedError, match="data=journal"):
            place_of(file, frozen=False)


def test_data_in_the_journal_first_has_to_be_frozen(make: Make) -> None:
    point = make("ext4", mount="data=journal")
    data = patchwork(point / "file")
    with open_source(point / "file") as file:
        with pytest.raises(UnsupportedError, match="data=journal"):
            place_of(file, frozen=False)
        device = place_of(file, frozen=True).device
        run("fsfreeze", "-f", str(point))
        try:
            assert by_its_blocks(file, device, 0, len(data)) == data
        finally:
            run("fsfreeze", "-u", str(point))


def test_a_small_file_inside_its_inode_is_refused(make: Make) -> None:
    path = make("ext4", "-O", "inline_data", "-I", "256") / "file"
    path.write_bytes(b"small")
    with open_source(path) as file, pytest.raises(UnsupportedError, match="INLINE"):
        look(file, 0, 5)


class TestCommand:
    """A loop device is no SCSI unit: there is nothing that could copy from its blocks."""

    @pytest.fixture
    def destination(self, loop: Loop) -> str:
        return loop()

    @pytest.mark.parametrize(
        ("kind", "told"),
        [
            ("ext4", "file lies on /dev/loop"),
            ("btrfs", "is on btrfs: its extents are addresses of its own"),
        ],
    )
    def test_the_reason_is_said_and_the_host_copies_the_file(
        self, make: Make, destination: str, kind: str, told: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = make(kind) / "file"
        data = patchwork(path)
        assert main(["--extents", str(path), f"{destination}:8", "--require", "offload"]) == 4
        assert told in capsys.readouterr().err
        assert not any(Path(destination).read_bytes()[:MIB])
        assert main(["--extents", str(path), f"{destination}:8"]) == 0
        assert "not by the file's extents" in (said := capsys.readouterr().err)
        assert told in said
        assert Path(destination).read_bytes() == bytes(BLOCK) + data + bytes(64 * MIB - BLOCK - len(data))

    def test_in_memory_there_are_no_places(
        self, destination: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run("mount", "-t", "tmpfs", "none", str(tmp_path))
        try:
            (tmp_path / "file").write_bytes(bytes(BLOCK))
            assert main(["--extents", str(tmp_path / "file"), destination, "--require", "offload"]) == 4
        finally:
            run("umount", str(tmp_path))
        assert "is on tmpfs: its files lie in memory" in capsys.readouterr().err

    def test_the_host_copies_what_is_frozen_and_it_is_thawed(
        self, make: Make, destination: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        point = make("ext4")
        data = patchwork(point / "file")
        assert main(["--extents", str(point / "file"), destination, "--freeze"]) == 0
        assert Path(destination).read_bytes()[: len(data)] == data
        assert not is_frozen(str(point))
        assert "not by the file's extents" in capsys.readouterr().err

    def test_one_that_is_mounted_read_only_stands_still_by_itself(self, make: Make, destination: str) -> None:
        point = make("ext4")
        data = patchwork(point / "file")
        run("mount", "-o", "remount,ro", str(point))
        assert main(["--extents", str(point / "file"), destination, "--freeze"]) == 0
        assert Path(destination).read_bytes()[: len(data)] == data
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
        assert not children  # no guardian is left

    def test_a_file_system_that_the_destination_is_a_file_of_is_not_frozen(
        self, make: Make, capsys: pytest.CaptureFixture[str]
    ) -> None:
        point = make("ext4")
        patchwork(point / "file")
        (point / "image").touch()
        os.truncate(point / "image", MIB)
        device = run("losetup", "--find", "--show", str(point / "image"))
        try:
            assert main(["--extents", str(point / "file"), device, "--freeze"]) == 3
        finally:
            assert not is_frozen(str(point))
            run("losetup", "--detach", device)
        assert "would wait for itself" in capsys.readouterr().err

    def test_explain_has_the_rung_and_why_it_is_not_taken(
        self, make: Make, destination: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = make("ext4") / "file"
        patchwork(path)
        assert main(["--extents", str(path), destination, "--explain"]) == 0
        said = capsys.readouterr().out
        assert "EXTENDED COPY of the file's extents: not taken: " in said
        assert "host read and write: tried first" in said
        assert not any(Path(destination).read_bytes()[:MIB])

    def test_a_file_of_no_whole_blocks_is_refused_as_without_extents(
        self, make: Make, destination: str
    ) -> None:
        path = make("ext4") / "file"
        path.write_bytes(b"x" * 1000)
        for words in ([], ["--extents"]):
            assert main([*words, str(path), destination]) == 2
        assert not any(Path(destination).read_bytes()[:MIB])


@pytest.mark.parametrize(
    "words",
    [
        ("--extents", "{file}", "{other}"),
        ("--extents", "/dev/null", "{device}"),
        ("--extents", "{device}", "{device}"),
        ("--extents", "{file}", "{device}", "--verify"),
        ("--extents", "{file}", "{device}", "--verify-only"),
        ("--extents", "{file}", "{device}", "--method", "host"),
        ("--extents", "{file}", "{device}", "--reflink", "auto"),
        ("--extents", "{file}", "{device}", "--rate", "1MiB"),
        ("--extents", "{file}", "{device}", "--journal", "{file}.journal"),
        ("--extents", "{file}", "{device}:0+8"),
        ("--extents", "{file}:1TiB", "{device}"),
        ("--extents", "{file}", "emu:{device}/0"),
        ("--extents", "{file}x", "{device}"),
        ("--extents", "{file}", "{device}x"),
        ("--extents", "{file}", "{file}.none"),
        ("--extents", "{file}", "/tmp"),
        ("--extents", "{file}", "{device}", "--force"),
    ],
)
def test_slips_of_the_pen_end_in_one_sentence_and_nothing_written(
    loop: Loop, tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    file, other, device = tmp_path / "file", tmp_path / "other", loop()
    file.write_bytes(b"f" * BLOCK)
    other.write_bytes(b"o" * BLOCK)
    assert main([word.format(file=file, other=other, device=device) for word in words]) == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    assert other.read_bytes() == b"o" * BLOCK
    assert not os.path.lexists(f"{file}.none")
    assert not any(Path(device).read_bytes()[:MIB])


def test_a_node_that_is_another_device_by_now_is_not_zeroed(loop: Loop) -> None:
    one, other = loop(), loop()
    number = os.stat(one).st_rdev
    ZeroingDevice(one, number).close()
    with pytest.raises(OSError, match="another device by now"):
        ZeroingDevice(other, number)

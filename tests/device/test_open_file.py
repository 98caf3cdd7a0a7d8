"""Files opened for a copy: what is refused in which words, and what they are found to be."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from xcopy.device.open_file import OpenFile, open_destination, open_source
from xcopy.errors import UnsafeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "a.img"
    path.write_bytes(b"x" * 1000)
    path.chmod(0o640)
    return path


@pytest.fixture
def source(image: Path) -> Iterator[OpenFile]:
    with open_source(image) as opened:
        yield opened


def test_a_file_is_as_large_as_it_is_and_its_file_system_has_the_name_that_stat_gives_it(
    image: Path, source: OpenFile
) -> None:
    told = subprocess.run(["stat", "-f", "-c", "%t", image], capture_output=True, text=True, check=True)
    assert source.facts.size == 1000
    assert source.facts.system == int(told.stdout, 16)
    assert source.facts.block % os.stat(image).st_blksize == 0


def test_all_names_of_one_file_are_one_file(tmp_path: Path, image: Path, source: OpenFile) -> None:
    os.link(image, tmp_path / "other")
    (tmp_path / "link").symlink_to(image)
    for name in ("other", "link"):
        with open_source(tmp_path / name) as other:
            assert other.identity == source.identity


def test_a_new_file_has_the_permissions_of_the_source_and_is_not_there_when_it_is_only_looked_at(
    tmp_path: Path, source: OpenFile
) -> None:
    new = tmp_path / "new.img"
    with open_destination(new, source, make=False) as looked:
        assert (looked.fd, looked.facts.size, looked.facts.system) == (-1, 0, source.facts.system)
    assert not new.exists()
    with open_destination(new, source):
        assert new.stat().st_mode & 0o777 == 0o640


def test_a_new_file_that_was_made_for_nothing_is_taken_back(tmp_path: Path, source: OpenFile) -> None:
    with open_destination(tmp_path / "new.img", source) as made:
        made.take_back()
    assert not (tmp_path / "new.img").exists()


def test_one_that_was_there_before_or_has_bytes_or_is_another_now_is_not(
    tmp_path: Path, source: OpenFile
) -> None:
    old, full, other = tmp_path / "old", tmp_path / "full", tmp_path / "other"
    old.touch()
    with open_destination(old, source) as opened:
        opened.take_back()
    with open_destination(full, source) as opened:
        os.write(opened.fd, b"x")
        opened.take_back()
    with open_destination(other, source) as opened:
        other.unlink()
        other.write_bytes(b"somebody else's")
        opened.take_back()
    assert old.exists()
    assert full.exists()
    assert other.exists()


def test_a_descriptor_is_opened_anew_so_that_its_flags_and_position_stay(image: Path) -> None:
    with image.open("ab+") as file:
        file.seek(500)
        with open_source(file.fileno()) as source, open_destination(file.fileno(), source) as opened:
            os.pwrite(opened.fd, b"y", 0)  # on an O_APPEND descriptor Linux appends
        assert file.tell() == 500
    assert image.read_bytes() == b"y" + b"x" * 999


def test_a_descriptor_for_the_other_direction_is_refused(image: Path, source: OpenFile) -> None:
    with image.open("rb") as file, pytest.raises(UsageError, match="open for reading alone"):
        open_destination(file.fileno(), source)
    fd = os.open(image, os.O_WRONLY)
    with pytest.raises(UsageError, match="open for writing alone"):
        open_source(fd)
    os.close(fd)
    with pytest.raises(UsageError, match=f"file descriptor {fd}: no such file"):
        open_source(fd)


def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path: Path, source: OpenFile) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    with pytest.raises(UsageError, match="neither a regular file nor a block device"):
        open_source(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is a directory: name a file in it"):
        open_destination(tmp_path, source)
    with pytest.raises(UsageError, match="no such file"):
        open_source(tmp_path / "nothing")
    with pytest.raises(UsageError, match="no path"):
        open_source("a\0b")


@pytest.mark.parametrize("name", ["/dev/xcopy-no-such-disk", "/dev/disk/../xcopy-no-such-disk"])
def test_no_file_is_made_where_devices_are(source: OpenFile, name: str) -> None:
    for make in (True, False):
        with pytest.raises(UsageError, match="no such device"):
            open_destination(name, source, make=make)
    assert not os.path.lexists(name)


def test_no_file_is_made_of_a_misspelt_offset(tmp_path: Path, source: OpenFile) -> None:
    with pytest.raises(UsageError, match="'4KB' is no offset"):
        open_destination(tmp_path / "b.img:4KB", source)
    assert not (tmp_path / "b.img:4KB").exists()


def test_no_file_is_made_in_a_directory_that_is_not_there(tmp_path: Path, source: OpenFile) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        open_destination(tmp_path / "no/such/b.img", source)
    with pytest.raises(UsageError, match="no such directory"):
        open_destination(f"{tmp_path}/no/", source)


def test_a_link_to_nowhere_is_not_followed_to_make_a_file(tmp_path: Path, source: OpenFile) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="a link to nowhere"):
        open_destination(tmp_path / "link", source)
    assert not (tmp_path / "nowhere").exists()


def test_a_program_that_runs_is_not_written(tmp_path: Path, source: OpenFile) -> None:
    program = tmp_path / "program"
    shutil.copy("/bin/sleep", program)
    running = subprocess.Popen([program, "60"])
    try:
        with pytest.raises(UnsafeError, match="in use as a program"):
            open_destination(program, source)
    finally:
        running.kill()
        running.wait()


def test_what_was_written_is_made_durable_with_its_name(tmp_path: Path, source: OpenFile) -> None:
    with open_destination(tmp_path / "new.img", source) as made:
        os.write(made.fd, b"x")
        made.sync()

"""The file of a journal: nothing is overwritten, two processes never share it, errors are said."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.xcopy.journals import PIECES, heading, journal
from xcopy.device import journal as door
from xcopy.errors import AccessError, UnsafeError, UsageError
from xcopy.journal import record
from xcopy.plan import Piece

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a journal may go."""
    return str(tmp_path / "copy.journal")


def made(path: str) -> None:
    door.create(path, journal(PIECES)).close()


def test_a_new_journal_holds_its_lines(path: str, tmp_path: Path) -> None:
    made(path)
    assert (tmp_path / "copy.journal").read_bytes() == b"".join(journal(PIECES))


def test_what_is_appended_is_read_again(path: str) -> None:
    made(path)
    file, contents = door.reopen(path)
    with file:
        file.append(record(contents.seals, [(Piece(60, 5), "host")]))
    again, found = door.reopen(path)
    again.close()
    assert found.heading == heading()
    assert sum(piece.blocks for piece, _ in found.copied) == 40
    assert not found.notice


@pytest.mark.parametrize("kind", ["file", "empty", "directory", "link", "dangling"])
def test_what_is_there_is_never_overwritten(path: str, tmp_path: Path, kind: str) -> None:
    other = tmp_path / "other"
    match kind:
        case "directory":
            os.mkdir(path)
        case "link" | "dangling":
            os.symlink(other, path)
            if kind == "link":
                other.write_bytes(b"mine")
        case _:
            (tmp_path / "copy.journal").write_bytes(b"mine" if kind == "file" else b"")
    before = sorted((p.name, p.read_bytes() if p.is_file() else b"") for p in tmp_path.iterdir())
    with pytest.raises(UsageError, match="is there already"):
        made(path)
    assert sorted((p.name, p.read_bytes() if p.is_file() else b"") for p in tmp_path.iterdir()) == before


def test_a_journal_that_cannot_be_made_leaves_nothing(path: str, tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="cannot be made: No such file"):
        made(str(tmp_path / "nowhere" / "journal"))

    def failing() -> list[bytes]:
        raise OSError(28, "No space left on device")

    with pytest.raises(AccessError, match="cannot be made: No space"):
        door.create(path, (line for part in (journal, failing) for line in part()))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("way", ["same process", "another process"])
def test_two_at_once_are_refused(path: str, way: str) -> None:
    made(path)
    file, _ = door.reopen(path)
    with file:
        if way == "same process":
            with pytest.raises(UnsafeError, match="of a copy that is running"):
                door.reopen(path)
        else:
            look = f"from xcopy.device.journal import reopen; reopen({path!r})"
            ran = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
            assert "UnsafeError" in ran.stderr
            assert "of a copy that is running" in ran.stderr
    door.reopen(path)[0].close()


def test_a_new_journal_is_locked(path: str) -> None:
    with door.create(path, journal()), pytest.raises(UnsafeError, match="of a copy that is running"):
        door.reopen(path)


def test_the_lock_of_a_killed_process_is_gone(path: str) -> None:
    made(path)
    die = "os.kill(os.getpid(), 9)"
    hold = f"import os; from xcopy.device.journal import reopen; file = reopen({path!r}); {die}"
    assert subprocess.run([sys.executable, "-c", hold], check=False).returncode == -9
    door.reopen(path)[0].close()


def test_reading_changes_nothing_and_cutting_leaves_what_is_trusted(path: str, tmp_path: Path) -> None:
    whole = b"".join(journal(PIECES[:1], PIECES[1:]))
    (tmp_path / "copy.journal").write_bytes(whole[:-5])
    file, contents = door.reopen(path)
    assert (tmp_path / "copy.journal").read_bytes() == whole[:-5]
    file.cut(contents.trusted)
    file.append(record(contents.seals, PIECES[1:]))
    file.close()
    assert (tmp_path / "copy.journal").read_bytes() == whole


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        ("nothing", UsageError, "no such file"),
        ("directory", UsageError, "not a journal"),
        ("fifo", UsageError, "not a journal"),
        ("notes", UsageError, "not a journal"),
        ("one endless line", UsageError, "not a journal"),
    ],
)
def test_what_is_no_journal_is_refused(
    path: str, tmp_path: Path, make: str, error: type[Exception], said: str
) -> None:
    match make:
        case "directory":
            os.mkdir(path)
        case "fifo":
            os.mkfifo(path)
        case "notes":
            (tmp_path / "copy.journal").write_text("# notes\n")
        case "one endless line":
            with open(path, "wb") as file:
                file.truncate(1 << 34)
    with pytest.raises(error, match=said):
        door.reopen(path)


def test_a_full_disk_is_said_and_nothing_more_is_written() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    file = door.JournalFile("/dev/full", fd)
    with pytest.raises(AccessError, match="the journal /dev/full cannot be written: No space left on device"):
        file.append(b"line\n")
    with pytest.raises(AccessError, match="an earlier write of the journal failed"):
        file.append(b"line\n")
    file.close()


def test_a_failed_fsync_is_said(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = door.create(path, journal())

    def fails(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with file:
        with pytest.raises(AccessError, match="cannot be written: Input/output error"):
            file.append(b"line\n")
        with pytest.raises(AccessError, match="cannot be written: Input/output error"):
            file.cut(10)


def test_file_and_directory_are_on_the_disk_before_a_copy_begins(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    real = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda fd: (synced.append(os.readlink(f"/proc/self/fd/{fd}")), real(fd))[1]
    )
    file = door.create(path, journal())
    assert synced == [path, str(tmp_path)]
    file.append(b"line\n")
    file.close()
    assert synced == [path, str(tmp_path), path]

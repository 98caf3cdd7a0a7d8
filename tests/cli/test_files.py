"""`xcopy-dev` between files as a user types it: bytes, what is said, the exit code, and slips of the pen."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from xcopy.device.fileops import FileCalls
from xcopy.file_steps import Answer, Clone, KernelCopy, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Directory, Ran
    from xcopy.file_steps import Step

    Run = Callable[..., Ran]

KIB = 1024
SIZE = 100_003


@pytest.fixture
def a(tmp_path: Path) -> Path:
    path = tmp_path / "a.img"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.fixture
def b(tmp_path: Path) -> Path:
    path = tmp_path / "b.img"
    path.write_bytes(b"b" * SIZE)
    return path


@pytest.fixture
def host_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a clone nor the kernel's copy, whatever this machine's file system has."""
    real = FileCalls.perform

    def perform(self: FileCalls, step: Step) -> Answer:
        if isinstance(step, Clone | KernelCopy):
            return Answer(0, errno.EOPNOTSUPP, f"{type(step).__name__}: not here")
        return real(self, step)

    monkeypatch.setattr(FileCalls, "perform", perform)


@pytest.mark.parametrize("words", [(), ("copy",)])
def test_numbers_are_bytes_and_suffixes_work_everywhere(
    run: Run, a: Path, b: Path, words: tuple[str, ...]
) -> None:
    ran = run(*words, f"{a}:5+64KiB", f"{b}:4KiB")
    assert ran.code == 0
    assert "65536 bytes" in ran.out
    assert b.read_bytes() == b"b" * 4096 + a.read_bytes()[5 : 5 + 65536] + b"b" * (SIZE - 4096 - 65536)


def test_a_whole_file_is_copied_to_one_that_is_made(run: Run, a: Path, tmp_path: Path) -> None:
    ran = run(str(a), str(tmp_path / "new.img"), "--json", "--sync")
    assert ran.code == 0
    assert (tmp_path / "new.img").read_bytes() == a.read_bytes()
    plan, done = ran.records[0], ran.records[-1]
    assert (plan["record"], plan["bytes"], plan["source_offset"]) == ("plan", SIZE, 0)
    assert (done["record"], done["exit"], done["durable"], done["total"]) == ("done", 0, True, SIZE)
    assert sum(done["bytes"].values()) == SIZE
    assert done["not_copied"] == []


@pytest.mark.usefixtures("host_only")
def test_the_report_has_bytes_by_means_and_why_no_cheaper_one_was_taken(run: Run, a: Path, b: Path) -> None:
    ran = run(f"{a}:0+64KiB", str(b), "--verbose")
    assert "64.0 KiB by host read and write" in ran.out
    assert "not by sharing blocks (FICLONERANGE): Clone: not here" in ran.out
    assert "not by copy_file_range: KernelCopy: not here" in ran.out
    assert "no blocks shared; not yet durable (--sync)" in ran.out
    assert f"b.img keeps the {SIZE - 65536} bytes that it has behind them" in ran.out


def test_a_copy_of_no_bytes_says_so_and_is_no_error(run: Run, a: Path, b: Path) -> None:
    ran = run(f"{a}:5+0", str(b))
    assert (ran.code, b.read_bytes()) == (0, b"b" * SIZE)
    assert "nothing to copy" in ran.out


@pytest.mark.parametrize("word", ["--explain", "--dry-run"])
def test_it_is_explained_what_would_be_tried_and_nothing_is_written_or_made(
    run: Run, a: Path, tmp_path: Path, word: str
) -> None:
    ran = run(f"{a}:1", str(tmp_path / "new.img"), word)
    assert ran.code == 0
    assert "no range has a whole block" in ran.out
    assert "copy_file_range: tried first" in ran.out
    assert "host read and write: if those cannot" in ran.out
    assert not (tmp_path / "new.img").exists()
    said = run(str(a), str(tmp_path / "new.img"), word, "--json", "--reflink", "never").records
    assert [each["means"] for each in said[0]["means"] if each["refused"]] == ["clone", "copy_file_range"]
    assert said[-1]["dry_run"]


def test_never_says_why_the_kernel_was_not_asked(run: Run, a: Path, b: Path) -> None:
    ran = run(str(a), str(b), "--reflink", "never")
    assert "--reflink never: it may share blocks unasked" in ran.out
    assert b.read_bytes() == a.read_bytes()


@pytest.mark.usefixtures("host_only")
def test_always_ends_with_4_where_nothing_can_be_shared_and_leaves_no_file(
    run: Run, a: Path, tmp_path: Path
) -> None:
    ran = run(str(a), str(tmp_path / "new.img"), "--reflink", "always")
    assert ran.code == 4
    assert "Clone: not here" in ran.err
    assert not (tmp_path / "new.img").exists()


def test_always_refuses_what_is_not_whole_blocks_before_anything_is_written(
    run: Run, a: Path, b: Path
) -> None:
    ran = run(f"{a}:1+64KiB", str(b), "--reflink", "always")
    assert (ran.code, b.read_bytes()) == (4, b"b" * SIZE)
    assert "whole blocks" in ran.err


@pytest.mark.usefixtures("host_only")
def test_an_error_leaves_an_exact_report_and_the_words_for_the_rest(
    run: Run, a: Path, b: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FileCalls.perform

    def full(self: FileCalls, step: Step) -> Answer:
        if isinstance(step, Transfer) and step.source >= 1000:
            return Answer(0, errno.ENOSPC, "writing b.img at byte 2000: No space left on device")
        return real(self, step)

    monkeypatch.setattr(FileCalls, "perform", full)
    (tmp_path / "list").write_text("0 500 0\n1000 700 2000  # this one\n")
    ran = run(str(a), str(b), "--ranges", str(tmp_path / "list"), "--json")
    assert ran.code == 1
    assert "stopped: writing b.img at byte 2000: No space left on device" in ran.err
    assert "SRC:1000+700 DST:2000" in ran.err
    partly, done = ran.records[-2:]
    assert (partly["record"], partly["copied"], partly["bytes"]) == ("range", 0, 700)
    assert (done["exit"], done["ranges"]["copied"], sum(done["bytes"].values())) == (1, 1, 500)


def test_a_list_of_ranges_is_in_bytes(run: Run, a: Path, b: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("10 20 50\n0 1KiB 4KiB\n")
    assert run(str(a), str(b), "--ranges", str(tmp_path / "list")).code == 0
    new, data = bytearray(b"b" * SIZE), a.read_bytes()
    new[50:70], new[4096:5120] = data[10:30], data[:1024]
    assert b.read_bytes() == new


def test_a_wrong_line_of_it_is_named_and_nothing_is_written(
    run: Run, a: Path, b: Path, tmp_path: Path
) -> None:
    (tmp_path / "list").write_text("0 20 50\n\n5 20 60\n")
    ran = run(str(a), str(b), "--ranges", str(tmp_path / "list"))
    assert ran.code == 3
    assert "list line 1 and" in ran.err
    assert "list line 3 both write byte 60" in ran.err
    assert b.read_bytes() == b"b" * SIZE


def test_a_file_over_itself_is_refused_and_moved_when_that_is_asked_for(run: Run, a: Path) -> None:
    before = a.read_bytes()
    ran = run(f"{a}:0+50000", f"{a}:100")
    assert (ran.code, a.read_bytes()) == (3, before)
    assert "--move" in ran.err
    assert run(f"{a}:0+50000", f"{a}:100", "--move").code == 0
    assert a.read_bytes() == before[:100] + before[:50000] + before[50100:]


@pytest.mark.parametrize(
    ("source", "destination", "words", "code", "said"),
    [
        ("a.img:0+200000", "b.img", (), 2, "end past its last byte: it has 100003 bytes"),
        ("a.img:200000", "b.img", (), 2, "byte 200000 is past its end"),
        ("a.img:0+10", "b.img:0+10", (), 2, "belongs to the source"),
        ("a.img", "b.img:4KB", (), 2, "suffix 'KB' is not known"),
        ("a.img", "new.img:4KB", (), 2, "'4KB' is no offset"),
        ("nothing.img", "b.img", (), 2, "no such file"),
        ("a.img", "/dev/null", (), 2, "/dev/null is neither a regular file nor a block device"),
        ("/dev/zero", "new.img", (), 2, "/dev/zero is neither a regular file nor a block device"),
        ("a.img", "a.img/x", (), 2, "a.img/x: Not a directory"),
        (".", "b.img", (), 2, "is a directory"),
        ("a.img", ".", (), 2, "is a directory"),
        ("a.img", "no/such/b.img", (), 2, "No such file or directory"),
        ("a.img", "/dev/xcopy-no-such", (), 2, "no such device"),
        ("a.img", "b.img", ("--jobs", "4"), 2, "--jobs is about units"),
        ("a.img", "b.img", ("--journal", "j"), 2, "--journal is about units"),
        ("a.img", "b.img", ("--journal-interval", "5"), 2, "--journal-interval is about units"),
        ("a.img", "b.img", ("--verify",), 2, "--verify is about units"),
        ("a.img", "b.img", ("--method", "host"), 2, "--reflink never"),
        ("a.img", "b.img", ("--prefer", "speed"), 2, "--prefer and --transport are about units"),
        ("a.img", "b.img", ("--require", "offload"), 2, "--require is about units"),
        ("a.img", "b.img", ("--reflink", "always", "--sparse", "never"), 2, "exclude each other"),
        ("a.img:5", "b.img", ("--ranges", "list"), 2, "so has every range of the list"),
    ],
)
def test_what_cannot_be_meant_is_said_in_one_line_and_nothing_is_written_or_made(
    run: Run,
    a: Path,
    b: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    destination: str,
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(a.parent)
    (a.parent / "list").write_text("0 1 0\n")
    ran = run(source, destination, *words)
    assert (ran.code, ran.err.count("\n")) == (code, 1)
    assert said in ran.err
    assert b.read_bytes() == b"b" * SIZE
    assert sorted(os.listdir()) == ["a.img", "b.img", "list"]


@pytest.mark.parametrize("words", [("--reflink", "auto"), ("--sync",), ("--move",), ("--explain",)])
def test_words_about_files_are_refused_where_units_are_copied(
    run: Run, array: Directory, words: tuple[str, ...]
) -> None:
    before = array.bytes(1)
    ran = run(array.unit(0), array.unit(1), *words)
    assert (ran.code, array.bytes(1)) == (2, before)
    assert f"{words[0]} is about files" in ran.err


@pytest.mark.parametrize("swapped", [False, True])
def test_a_file_and_a_unit_are_not_copied_between(run: Run, array: Directory, a: Path, swapped: bool) -> None:
    before = a.read_bytes(), array.bytes(0)
    ends = [str(a), array.unit(0)]
    ran = run(*(reversed(ends) if swapped else ends))
    assert ran.code == 2
    assert f"{array.unit(0)} takes SCSI commands alone" in ran.err
    assert str(a) in ran.err
    assert (a.read_bytes(), array.bytes(0)) == before


@pytest.mark.usefixtures("host_only")
def test_what_is_left_of_files_is_told_in_bytes(
    run: Run, a: Path, b: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        FileCalls,
        "perform",
        lambda _, step: Answer(0, errno.ENOSPC, "full") if isinstance(step, Transfer) else Answer(),
    )
    ran = run(f"{a}:10+100", f"{b}:20", "--json")
    assert ran.records[-1]["not_copied"] == [
        {"source_offset": 10, "bytes": 100, "destination_offset": 20, "reason": "not tried"}
    ]


def test_reflink_makes_a_file_that_shares_the_source_or_none(run: Run, a: Path, tmp_path: Path) -> None:
    ran = run("reflink", str(a), str(tmp_path / "new.img"), "--json")
    assert ran.code in (0, 4)
    assert (tmp_path / "new.img").exists() == (ran.code == 0)
    assert ran.records[-1]["exit"] == ran.code


def test_reflink_never_touches_a_file_that_is_there(run: Run, a: Path, b: Path) -> None:
    ran = run("reflink", str(a), str(b))
    assert (ran.code, b.read_bytes()) == (3, b"b" * SIZE)
    assert "is there already" in ran.err

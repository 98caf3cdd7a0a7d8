"""What a command line agrees to: `--force` by kinds of use, and an answer before anything is destroyed."""

from __future__ import annotations

import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_process import MAIN
from xcopy.device.array_dir import unit_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Directory, Ran

DEADLINE = 60.0  # seconds
XFS = 0, b"XFSB".ljust(512, b"\0")
PHYSICAL_VOLUME = 512, b"LABELONE" + bytes(16) + b"LVM2 001"


def put(array: Directory, number: int, at: int, content: bytes) -> None:
    with unit_file(array.path, number).open("r+b") as file:
        file.seek(at)
        file.write(content)


class TestForce:
    def test_alone_it_is_refused_before_anything_is_written(
        self, run: Callable[..., Ran], array: Directory, tmp_path: Path
    ) -> None:
        before = array.bytes(1)
        journal = tmp_path / "journal"
        ran = run("--force", array.unit(0), array.unit(1), "--journal", str(journal))
        assert ran.code == 2
        assert "--force=mounted (kinds of use: mounted, swap, lvm, md, holder, open, reserved" in ran.err
        assert array.bytes(1) == before
        assert not journal.exists()

    @pytest.mark.parametrize(
        ("word", "said"),
        [
            ("all", "no such kind of use; there are mounted, swap"),
            ("mounted,swop", "no such kind of use"),
            ("read-only", "nothing overrides that"),
        ],
    )
    def test_a_kind_that_there_is_none_of_is_refused(
        self, run: Callable[..., Ran], array: Directory, word: str, said: str
    ) -> None:
        ran = run(array.unit(0), array.unit(1), f"--force={word}")
        assert ran.code == 2
        assert said in ran.err

    def test_it_may_be_said_again_and_with_several_kinds(
        self, run: Callable[..., Ran], array: Directory
    ) -> None:
        put(array, 1, *PHYSICAL_VOLUME)
        assert run(array.unit(0), array.unit(1), "--force=swap", "--force=lvm,md").code == 0
        assert array.bytes(1) == array.bytes(0)

    def test_a_refusal_names_the_word_and_the_word_is_enough(
        self, run: Callable[..., Ran], array: Directory
    ) -> None:
        put(array, 1, *PHYSICAL_VOLUME)
        before = array.bytes(1)
        for words in ((), ("--force",), ("--force=md",), ("--dry-run",)):
            ran = run(array.unit(0), array.unit(1), *words)
            assert ran.code == 3
            assert f"{array.unit(1)} is a physical volume of LVM" in ran.err
            assert "--force=lvm writes" in ran.err
        assert array.bytes(1) == before
        ran = run(array.unit(0), array.unit(1), "--force=lvm")
        assert (ran.code, array.bytes(1)) == (0, array.bytes(0))
        assert f"warning: --force=lvm: writing to {array.unit(1)} although" in ran.err


class TestWithoutATerminal:
    """Nobody can answer: it is said, and done."""

    def test_what_is_destroyed_is_a_warning(self, run: Callable[..., Ran], array: Directory) -> None:
        put(array, 1, *XFS)
        ran = run(array.unit(0), array.unit(1), "--json")
        assert ran.code == 0
        assert ran.records[0]["warnings"] == [f"this will be destroyed: {array.unit(1)}: an XFS file system"]
        assert array.bytes(1) == array.bytes(0)

    def test_where_nothing_is_there_nothing_is_said(self, run: Callable[..., Ran], array: Directory) -> None:
        assert run(array.unit(0), array.unit(1), "--json").records[0]["warnings"] == []

    def test_what_is_on_the_source_is_nobodys_business(
        self, run: Callable[..., Ran], array: Directory
    ) -> None:
        put(array, 0, *PHYSICAL_VOLUME)
        assert run(array.unit(0), array.unit(1), "--json").records[0]["warnings"] == []


class TestOnATerminal:
    def ran(self, answer: str, *words: str) -> tuple[int, str]:
        """Run as a process with a terminal for input and errors, and an answer typed in advance."""
        ours, its = pty.openpty()
        try:
            os.write(ours, answer.encode())
            process = subprocess.Popen([*MAIN, *words], stdin=its, stdout=subprocess.DEVNULL, stderr=its)
            os.close(its)
            said = b""
            try:
                while piece := os.read(ours, 4096):
                    said += piece
            except OSError:  # nobody has it open any more
                pass
            return process.wait(DEADLINE), said.decode()
        finally:
            os.close(ours)

    @pytest.mark.parametrize("answer", ["no\n", "y\n", "\n", "\x04"])
    def test_anything_but_yes_leaves_everything_as_it_was(
        self, array: Directory, tmp_path: Path, answer: str
    ) -> None:
        put(array, 1, *XFS)
        before = array.bytes(1)
        journal = tmp_path / "journal"
        code, said = self.ran(answer, array.unit(0), array.unit(1), "--journal", str(journal))
        assert code == 3
        assert f"this will be destroyed: {array.unit(1)}: an XFS file system" in said
        assert "type yes to go on" in said
        assert "nothing was written" in said
        assert array.bytes(1) == before
        assert not journal.exists()

    def test_yes_goes_on(self, array: Directory) -> None:
        put(array, 1, *XFS)
        assert self.ran("yes\n", array.unit(0), array.unit(1))[0] == 0
        assert array.bytes(1) == array.bytes(0)

    @pytest.mark.parametrize("word", ["--yes", "-y", "--dry-run"])
    def test_nothing_is_asked_of_who_says_yes_beforehand_or_writes_nothing(
        self, array: Directory, word: str
    ) -> None:
        put(array, 1, *XFS)
        code, said = self.ran("", array.unit(0), array.unit(1), word)
        assert code == 0
        assert "type yes" not in said

    def test_nothing_is_asked_where_nothing_is_destroyed(self, array: Directory) -> None:
        code, said = self.ran("", array.unit(0), array.unit(1))
        assert code == 0
        assert "type yes" not in said

    def test_yes_does_not_override_a_use(self, array: Directory) -> None:
        put(array, 1, *PHYSICAL_VOLUME)
        code, said = self.ran("", array.unit(0), array.unit(1), "--yes")
        assert code == 3
        assert "--force=lvm" in said


def test_a_freeze_of_what_is_not_mounted_is_said_to_do_nothing(
    run: Callable[..., Ran], array: Directory
) -> None:
    ran = run(array.unit(0), array.unit(1), "--freeze", "--json")
    assert ran.code == 0
    assert ran.records[0]["warnings"] == [
        "--freeze: no file system of the source is mounted for writing here, so none is frozen"
    ]

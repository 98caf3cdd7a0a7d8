"""What counts as an answer from the guest, with a stand-in for virtme-ng."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.vm import boot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIND_SHARED = "for word; do case $word in --rwdir=*) shared=${word#--rwdir=} ;; esac; done\n"


@pytest.fixture
def vng(tmp_path: Path) -> Callable[[str], str]:
    """Make a stand-in for virtme-ng that does this with the shared directory, $shared."""

    def make(does: str) -> str:
        path = tmp_path / "vng"
        path.write_text("#!/bin/sh\n" + FIND_SHARED + does)
        path.chmod(0o755)
        return str(path)

    return make


def test_a_guest_that_leaves_a_status_and_a_report_has_answered(
    vng: Callable[[str], str], tmp_path: Path
) -> None:
    answers = vng("echo 1 >$shared/exit; echo '<testsuites/>' >$shared/junit.xml")
    assert boot.run(tmp_path / "out", [], timeout=30, vng=answers) is None
    assert (tmp_path / "out/exit").read_text() == "1\n"
    assert (tmp_path / "out/junit.xml").read_text() == "<testsuites/>\n"


def test_a_guest_that_panics_is_trouble_and_its_last_words_are_said(
    vng: Callable[[str], str], tmp_path: Path
) -> None:
    panics = vng("printf '%s\\n' 'Kernel panic - not syncing: sysrq' 'RIP: 0033' >$shared/console.log")
    trouble = boot.run(tmp_path / "out", [], timeout=30, vng=panics)
    assert trouble is not None
    assert "without a result" in trouble
    assert trouble.endswith(": Kernel panic - not syncing: sysrq")


def test_a_guest_that_hangs_is_stopped_and_is_trouble(vng: Callable[[str], str], tmp_path: Path) -> None:
    hangs = vng("exec sleep 600")
    assert boot.run(tmp_path / "out", [], timeout=0.2, vng=hangs) == (
        "the guest hung: no end after 0 s, it was stopped"
    )


def test_a_guest_that_passed_without_a_report_is_trouble(vng: Callable[[str], str], tmp_path: Path) -> None:
    silent = vng("echo 0 >$shared/exit")
    assert boot.run(tmp_path / "out", [], timeout=30, vng=silent) == (
        "the guest's pytest (exit status 0) left no report: a test hung, if stacks end its output"
    )


def test_the_report_of_an_earlier_guest_is_no_answer(vng: Callable[[str], str], tmp_path: Path) -> None:
    answers = vng("echo 0 >$shared/exit; echo '<testsuites/>' >$shared/junit.xml")
    assert boot.run(tmp_path / "out", [], timeout=30, vng=answers) is None
    ends_early = vng("echo 1 >$shared/exit")
    assert "left no report" in str(boot.run(tmp_path / "out", [], timeout=30, vng=ends_early))


def test_a_test_that_hangs_ends_the_guest_s_pytest_with_its_stack_and_no_report(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import time\ndef test_hangs():\n    time.sleep(600)\n")
    words = [word.replace("{results}", str(tmp_path)) for word in boot.PYTEST]
    assert f"faulthandler_timeout={boot.HUNG}" in words
    soon = [
        "faulthandler_timeout=0.5" if "timeout=" in word and "exit" not in word else word for word in words
    ]
    done = subprocess.run(
        [sys.executable, *soon, "-c", "/dev/null", "test_it.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Timeout (0:00:00.5" in done.stderr  # with the stack
    assert not (tmp_path / "junit.xml").exists()

"""Copies between real files that end early: what is said to be copied is there, and the rest can be copied.

The file system of the destination stands still while somebody interrupts: nothing depends on a moment.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.files.copies import content
from tests.files.file_system import MIB, FileSystem, make, run
from tests.frozen import ioctl
from xcopy.device.guardian import FIFREEZE, FITHAW

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIN = (sys.executable, "-c", "import sys; from xcopy.cli.main import main; sys.exit(main())")
ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 60.0  # seconds
SIZE = 24 * MIB
WRITES = ("18", "296", "328")  # pwrite64, pwritev, pwritev2 of x86-64, in proc_pid_syscall(5)


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[FileSystem]:
    with ExitStack() as stack:
        yield make("ext4", tmp_path, stack)


def until_it_writes(process: subprocess.Popen[str]) -> None:
    """It waits for the file system that stands still: the copy is under way."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended since
                if (task / "syscall").read_text().split()[0] in WRITES:
                    return
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.01)
    raise AssertionError("it never wrote")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_copy_after_the_call_under_way_and_the_report_is_true(
    ext4: FileSystem, number: int
) -> None:
    source, destination = ext4.file("a", content(SIZE, 1)), ext4.file("b", content(SIZE, 2))
    os.sync()
    words = [str(source), str(destination), "--reflink", "never", "--json"]
    ioctl(str(ext4.at), FIFREEZE)
    try:
        process = subprocess.Popen(
            [*MAIN, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        until_it_writes(process)
        process.send_signal(number)
        assert process.stdout is not None
        while '"stopping"' not in (line := process.stdout.readline()):  # it has heard, and says so
            assert line, "it ended unheard"
    finally:
        ioctl(str(ext4.at), FITHAW)
    said, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    done = json.loads(said.splitlines()[-1])
    copied = sum(done["bytes"].values())
    assert 0 < copied < SIZE
    assert destination.read_bytes() == content(SIZE, 1)[:copied] + content(SIZE, 2)[copied:]
    (rest,) = done["not_copied"]
    run(*MAIN, f"{source}:{rest['source_offset']}", f"{destination}:{rest['destination_offset']}")
    assert destination.read_bytes() == content(SIZE, 1)

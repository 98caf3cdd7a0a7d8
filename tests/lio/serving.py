"""`xcopy-dev emu serve` as a process, what it leaves in the kernel, and the units clients are tried on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from xcopy.device.array_dir import unit_file

if TYPE_CHECKING:
    from collections.abc import Callable

MAIN = (sys.executable, "-c", "import sys; from xcopy.cli.main import main; sys.exit(main())")
DEADLINE = 120.0  # seconds: a Python takes some to start under emulation
TARGET = Path("/sys/kernel/config/target")
MARK = "xcopydev-serve-"
PORT = "naa.6025843f"
BLOCK = 512
SIZE = 64 << 20  # of each of the two units


def xcopy_dev(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*MAIN, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
        stdin=subprocess.DEVNULL,
    )


def tool(*argv: str, good: bool = True) -> str:
    """What another program prints, on either stream; it has to end well unless `good` is False."""
    done = subprocess.run(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert not good or done.returncode == 0, f"{' '.join(argv)} ended with {done.returncode}: {done.stdout}"
    return done.stdout


@dataclass(frozen=True, slots=True)
class Disk:
    """What `emu serve` said of one unit."""

    unit: int
    nexus: int
    disk: str
    sg: str
    block_size: int
    blocks: int


@dataclass
class Serving:
    """The process; on leaving it is ended as a user would end it."""

    process: subprocess.Popen[str]
    records: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def start(cls, directory: Path, *words: str) -> Self:
        """Wait until it says that it is ready."""
        process = subprocess.Popen(
            [*MAIN, "emu", "serve", str(directory), "--json", *words],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        made = cls(process)
        assert process.stdout
        late = threading.Timer(DEADLINE, process.kill)
        late.start()
        try:
            for line in process.stdout:
                made.records.append(json.loads(line))
                if made.records[-1]["record"] == "ready":
                    return made
        finally:
            late.cancel()
        raise AssertionError(f"emu serve ended with {process.wait(DEADLINE)}: {made.records}")

    @property
    def disks(self) -> list[Disk]:
        """By unit and nexus."""
        made = [r for r in self.records if r["record"] == "unit"]
        disks = [Disk(**{k: v for k, v in r.items() if k != "record"}) for r in made]
        return sorted(disks, key=lambda d: (d.nexus, d.unit))

    def disk(self, unit: int, nexus: int = 0) -> Disk:
        """One of them."""
        return next(d for d in self.disks if (d.unit, d.nexus) == (unit, nexus))

    def end(self, number: int = signal.SIGTERM) -> tuple[int, list[dict[str, Any]]]:
        """Its exit code and what it said from `ready` on."""
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()]

    def kill(self) -> None:
        """As the kernel's memory killer would."""
        self.process.kill()
        self.process.communicate(timeout=DEADLINE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end()


def skip_where_impossible() -> None:
    """Why nothing can be served, where it cannot."""
    if os.geteuid():
        pytest.skip("disks of this kernel are made by root")
    if subprocess.run(["modprobe", "target_core_user"], capture_output=True, check=False).returncode:
        pytest.skip("this kernel has no target_core_user")


def needs(name: str) -> None:
    """Skip where another program is not there."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")


@dataclass(frozen=True)
class Images:
    """The files of two units of `SIZE` bytes: of the first every byte is random, of the second 5Ah."""

    source: Path
    destination: Path

    @classmethod
    def filled(cls, directory: Path) -> Self:
        """Those of an array, anew."""
        made = cls(unit_file(directory, 0), unit_file(directory, 1))
        made.source.write_bytes(os.urandom(SIZE))
        made.destination.write_bytes(b"\x5a" * SIZE)
        return made

    def assert_copied(self, *pieces: tuple[int, int, int]) -> None:
        """So many blocks from here are there on the second, of each piece; all others are as they were."""
        expected, content = bytearray(b"\x5a" * SIZE), self.source.read_bytes()
        for at, to, blocks in pieces:
            piece = content[at * BLOCK : (at + blocks) * BLOCK]
            expected[to * BLOCK : (to + blocks) * BLOCK] = piece
        assert len(expected) == SIZE
        assert self.destination.read_bytes() == bytes(expected)


def left_in_configfs() -> list[str]:
    """Targets and backstores of ours."""
    found = [p.name for p in TARGET.glob(f"core/user_*/{MARK}*")]
    return found + [p.name for p in TARGET.glob(f"loopback/{PORT}*")]


def eventually(true: Callable[[], bool], seconds: float = DEADLINE) -> bool:
    """Whether something becomes true in so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return true()


def gone(disks: list[Disk]) -> bool:
    """No node of them is there any more."""
    return not any(os.path.exists(node) for disk in disks for node in (disk.disk, disk.sg))

"""An emulated array in a directory, and the command line run in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from xcopy.cli.main import main
from xcopy.device.array_dir import create, unit_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BLOCKS = 4096


@dataclass(frozen=True)
class Ran:
    """What a command line ended with and said."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines; anything else on it is a failure here."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Directory:
    """An emulated array: its units by name, and their bytes."""

    path: Path

    def unit(self, number: int) -> str:
        return f"emu:{self.path}/{number}"

    def bytes(self, number: int) -> bytes:
        return unit_file(self.path, number).read_bytes()

    def fill(self, number: int, size: int = 512) -> bytes:
        """Every block different, and different on every unit."""
        count = len(self.bytes(number)) // size
        content = b"".join(f"{number}/{lba:08}".encode().ljust(size, b".") for lba in range(count))
        unit_file(self.path, number).write_bytes(content)
        return content


@pytest.fixture
def array(tmp_path: Path) -> Directory:
    """Two units of 4096 blocks of 512 bytes."""
    create(tmp_path / "array", units=2, size=BLOCKS * 512)
    made = Directory(tmp_path / "array")
    for number in (0, 1):
        made.fill(number)
    return made


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run `xcopy-dev` with these words."""

    def ran(*words: str) -> Ran:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return ran

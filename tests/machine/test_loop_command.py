"""`xcopy-dev` given a device of this machine that is no SCSI unit: refused by name, and untouched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xcopy.cli.main import main
from xcopy.device.array_dir import create, unit_file

if TYPE_CHECKING:
    from tests.machine.conftest import Loop


@pytest.mark.parametrize("words", [(), ("--method", "host"), ("--force=mounted",)])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_loop_device_is_no_scsi_unit(
    loop: Loop,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    swapped: bool,
) -> None:
    device = loop()
    before = Path(device).read_bytes()
    create(tmp_path / "array", units=1, size=1 << 20)
    ends = [f"emu:{tmp_path}/array/0", device]
    if swapped:
        ends.reverse()
    assert main([f"{ends[0]}:0+8", ends[1], *words]) == 4
    said = capsys.readouterr()
    assert "loop device" in said.err
    assert said.err.count("\n") == 1
    assert Path(device).read_bytes() == before
    assert unit_file(tmp_path / "array", 0).read_bytes() == bytes(1 << 20)

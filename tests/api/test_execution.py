"""What a copy that runs keeps to, whichever means copy: its rate."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from xcopy.api import copy_ranges
from xcopy.api.copy import Options
from xcopy.comparison import Prefer
from xcopy.device.array_dir import create, unit_file

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 16 * 2**20


@pytest.fixture
def array(tmp_path: Path) -> Path:
    """Two units of random bytes, of which the storage copies whole MiB only."""
    create(tmp_path / "array", units=2, size=SIZE, profile="array-small")
    for number in (0, 1):
        unit_file(tmp_path / "array", number).write_bytes(os.urandom(SIZE))
    return tmp_path / "array"


def test_both_means_together_keep_the_rate(array: Path) -> None:
    rate = 32 * 2**20
    ranges = [(at, 4095, at) for at in range(0, SIZE // 512, 4096)]  # of each 1 MiB by offload, the rest not
    report = copy_ranges(
        f"emu:{array}/0", f"emu:{array}/1", ranges, Options(rate=rate, prefer=Prefer.OFFLOAD)
    )
    assert report.complete
    assert report.bytes == {"offload": SIZE // 2, "host": len(ranges) * 2047 * 512}
    assert report.elapsed >= 0.9 * SIZE / rate

"""What a copy that runs keeps to, whichever means copy: its rate."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from xcopy import polling
from xcopy.api import copy_ranges, execution
from xcopy.api.copy import prepare
from xcopy.api.options import Options
from xcopy.comparison import Prefer
from xcopy.device.array_dir import create, unit_file

if TYPE_CHECKING:
    from pathlib import Path

    from xcopy.progress import Progress

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


def test_a_command_that_takes_long_is_seen_to_go_on_and_counts_when_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "LONG", 0.01)
    monkeypatch.setattr(execution, "LOOK", 0.01)
    create(tmp_path / "array", units=2, size=4 * SIZE, profile="slow")  # 64 MiB at 64 MiB/s
    unit_file(tmp_path / "array", 0).write_bytes(os.urandom(4 * SIZE))
    looks: list[Progress] = []
    options = Options(jobs=1, segment=SIZE // 4, segments_per_command=16, prefer=Prefer.OFFLOAD)
    with prepare(f"emu:{tmp_path}/array/0", f"emu:{tmp_path}/array/1", options) as copy:
        report = copy.run(looks.append)
    assert report.complete
    assert report.commands["offload"] == 1
    assert {look.done for look in looks} <= {0, 4 * SIZE}
    inside = [look.inside for look in looks if look.in_flight]
    assert inside == sorted(inside)
    assert len(set(inside)) > 2
    assert inside[-1] <= 4 * SIZE
    assert not any(look.inside for look in looks if not look.in_flight)
    assert max(look.rate for look in looks if look.in_flight) > 0

"""What a copy that runs keeps to, whichever means copy: its rate."""

from __future__ import annotations

import os
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

import pytest

from xcopy import polling
from xcopy.api import copy_ranges, execution
from xcopy.api.copy import prepare
from xcopy.api.options import Options
from xcopy.comparison import Prefer
from xcopy.device.array_dir import create, open_array, unit_file
from xcopy.errors import UsageError
from xcopy.target.faults import Call, Fault

if TYPE_CHECKING:
    from pathlib import Path

    from xcopy.progress import Progress

SIZE = 16 * 2**20


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jobs", 2.5),
        ("jobs", 0),
        ("jobs", True),
        ("segment", 1e6),
        ("segment", 0),
        ("segments_per_command", 1.5),
        ("rate", "x"),
        ("rate", float("nan")),
        ("timeout", "x"),
        ("timeout", -1),
        ("journal_interval", 0),
    ],
)
def test_an_option_that_is_no_number_above_0_is_refused_before_anything_is_opened(
    name: str, value: object
) -> None:
    with pytest.raises(UsageError, match=f"^{name}: .* above 0$"):
        Options(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [None, 3, b"emu:a/0"])
def test_what_is_no_text_names_no_unit(path: object) -> None:
    with pytest.raises(UsageError, match="is no text"):
        prepare(path, "emu:a/1")  # type: ignore[arg-type]


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
    monkeypatch.setattr(polling, "STRANGE", 1 << 30)  # it may be asked before it has the command
    monkeypatch.setattr(execution, "LOOK", 0.01)
    create(tmp_path / "array", units=2, size=4 * SIZE)
    unit_file(tmp_path / "array", 0).write_bytes(os.urandom(4 * SIZE))
    looks: list[Progress] = []
    seen = [Event() for _ in range(3)]
    opened = open_array(tmp_path / "array")
    for quarter, event in enumerate(seen, 1):  # of which each waits until the one before was seen
        opened.faults.add(Fault(at="segment", nth=4 * quarter + 1, then=Call(partial(event.wait, 60))))

    def look(progress: Progress) -> None:
        looks.append(progress)
        for quarter, event in enumerate(seen, 1):
            if progress.inside >= quarter * SIZE:
                event.set()

    options = Options(jobs=1, segment=SIZE // 4, segments_per_command=16, prefer=Prefer.OFFLOAD)
    with prepare(f"emu:{tmp_path}/array/0", f"emu:{tmp_path}/array/1", options) as copy:
        report = copy.run(look)
    assert report.complete
    assert report.commands["offload"] == 1
    assert {look.done for look in looks} <= {0, 4 * SIZE}
    inside = [look.inside for look in looks if look.in_flight]
    assert inside == sorted(inside)
    assert {SIZE, 2 * SIZE, 3 * SIZE} <= set(inside)
    assert inside[-1] <= 4 * SIZE
    assert not any(look.inside for look in looks if not look.in_flight)
    assert max(look.rate for look in looks if look.in_flight) > 0

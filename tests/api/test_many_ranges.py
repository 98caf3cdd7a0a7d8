"""`copy_ranges`, and what many ranges and the largest unit cost: memory in a process of its own, and work."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.lines_run import lines_run
from xcopy.api import copy_ranges
from xcopy.api.copy import prepare
from xcopy.api.options import Options
from xcopy.api.request import RangeList
from xcopy.device.array_dir import create, unit_file
from xcopy.errors import UnsafeError, UsageError
from xcopy.job import Method

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20


@pytest.fixture
def units(tmp_path: Path) -> tuple[str, str]:
    """Two units of 4096 blocks of random bytes."""
    create(tmp_path / "array", units=2, size=2 * MIB)
    for number in (0, 1):
        unit_file(tmp_path / "array", number).write_bytes(os.urandom(2 * MIB))
    return f"emu:{tmp_path}/array/0", f"emu:{tmp_path}/array/1"


def content(unit: str) -> bytearray:
    directory, _, number = unit.removeprefix("emu:").rpartition("/")
    return bytearray(unit_file(directory, int(number)).read_bytes())


@pytest.mark.parametrize("method", [Method.AUTO, Method.HOST])
def test_a_script_copies_ranges_and_reads_what_became_of_each(units: tuple[str, str], method: Method) -> None:
    ranges = [(100, 50, 7), (0, 1, 4095), (9, 0, 9), (150, 50, 57)]
    source, expected = content(units[0]), content(units[1])
    for lba, blocks, to in ranges:
        expected[to * 512 : (to + blocks) * 512] = source[lba * 512 : (lba + blocks) * 512]
    report = copy_ranges(*units, ranges, Options(method=method))
    assert content(units[0]) == source
    assert content(units[1]) == expected
    assert report.complete
    assert [(r.place, r.source_lba, r.blocks, r.destination_lba, r.copied) for r in report.ranges] == [
        (f"ranges[{number}]", lba, blocks, to, blocks) for number, (lba, blocks, to) in enumerate(ranges)
    ]


@pytest.mark.parametrize(
    ("ranges", "error", "says"),
    [
        ([(0, 8, 0), (8, 8, 7)], UnsafeError, r"ranges\[0\] and ranges\[1\] both write LBA 7"),
        ([(0, 8, 0), (0, 1, 4096)], UsageError, r"ranges\[1\]: emu:.*/1: 1 blocks from LBA 4096 end past"),
    ],
)
def test_a_script_that_asks_for_what_cannot_be_is_told_which_range_and_nothing_is_written(
    units: tuple[str, str], ranges: list[tuple[int, int, int]], error: type[Exception], says: str
) -> None:
    before = content(units[1])
    with pytest.raises(error, match=says):
        copy_ranges(*units, ranges)
    assert content(units[1]) == before


# VmHWM, because the kernel lets a child's ru_maxrss begin at its parent's.
PEAK = """
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) >> 10 for line in status if line.startswith("VmHWM"))
"""

A_MILLION = """
import sys
from xcopy.api.copy import prepare
from xcopy.cli.ranges import range_list
from xcopy.task import OffloadTask
from xcopy.results import NotCopied
from xcopy.verdict import Action, Verdict

units, path = sys.argv[1:3], sys.argv[3]
count, prime = 1_000_000, 1_000_003
with open(path, "w") as file:
    for number in range(count):
        lba = number * 7919 % prime
        file.write(f"{lba * 4} {1 + lba % 3} {lba * 31 % prime * 4}\\n")
with range_list(path) as ranges:
    copy = prepare(*units, None, ranges)
job = copy.job
assert len(copy.request) == count
assert len(NotCopied(copy.request, job.coverage)) == count
out = []
while job.commands["offload"] < 10_000:
    task = job.next()
    if task is not None:
        out.append(task)
    if task is None or len(out) > 16:
        job.finish(out.pop(len(out) // 2), Verdict(Action.DONE, ""))
assert len(job.coverage.runs()) < 100, len(job.coverage.runs())
print(peak())
"""


def test_a_million_scattered_ranges_are_planned_and_stay_under_300_mb(tmp_path: Path) -> None:
    create(tmp_path / "large", units=2, size=2 << 30)
    words = [f"emu:{tmp_path}/large/{number}" for number in (0, 1)]
    program = [sys.executable, "-c", PEAK + A_MILLION, *words, str(tmp_path / "ranges")]
    ran = subprocess.run(program, capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 300


def test_twice_as_many_ranges_are_twice_the_work_to_plan(units: tuple[str, str]) -> None:
    def plan(count: int) -> int:
        scattered = [(lba * 7919 % 2003, 1, lba * 31 % 2003) for lba in range(count)]
        ranges = RangeList(enumerate(scattered))

        def work() -> None:
            with prepare(*units, None, ranges) as copy:
                assert len(copy.request) == count

        return lines_run(work)

    assert plan(2000) < 2.5 * plan(1000)  # four times where all are compared with all


THE_LARGEST = """
import atexit, sys
from dataclasses import dataclass
from xcopy.cli.main import main
from xcopy.device import array_dir
from xcopy.target.array import Array, serial
from xcopy.target.profile import STRICT
from xcopy.target.unit import Unit

@dataclass
class Zeros:
    size: int
    def read(self, offset, length):
        return bytes(length)
    def write(self, offset, data):
        raise AssertionError("a dry run writes nothing")
    def flush(self):
        pass

one, blocks = bytes(8), 2**63 // 512
array = Array(
    [
        Unit(number=n, serial=serial(one, n), block_size=512, blocks=blocks, backing=Zeros(2**63))
        for n in (0, 1)
    ],
    STRICT,
    array_id=one,
)
array_dir.open_array = lambda _: array
atexit.register(lambda: print(peak(), file=sys.stderr))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("words", [("--json",), ()])
def test_a_dry_run_of_a_unit_of_8_eib_begins_at_once_and_holds_one_command(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    names = [f"emu:{tmp_path}/{number}" for number in (0, 1)]
    program = [sys.executable, "-c", PEAK + THE_LARGEST, *names, "--dry-run", *words]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ran:
        assert ran.stdout is not None
        assert ran.stderr is not None
        said = [ran.stdout.readline() for _ in range(2000)]
        ran.stdout.close()
        peak = int(ran.stderr.read().split()[-1])
    assert ran.returncode == 1  # the reader has gone away
    assert "18014398509481984" in said[0]
    assert all(said)
    assert peak < 100

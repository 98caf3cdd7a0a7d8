"""What a copy costs the initiator: CPU for a one-segment command, and memory for a small and a huge copy.

The whole engine runs, commands encoded and SG_IO headers filled in, but the call that would hand them to the
kernel answers GOOD at once. So everything measured is ours. Run it by `make bench`.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from xcopy.api import copy
from xcopy.api.endpoint import Endpoint
from xcopy.conversation import converse
from xcopy.device.sg import SgTransport
from xcopy.job import Method
from xcopy.probe import discover
from xcopy.target.array import memory_array
from xcopy.target.profile import CAPABLE

if TYPE_CHECKING:
    from xcopy.device.sg import SgIoHdr
    from xcopy.ranges import EndpointText
    from xcopy.unit import LogicalUnit

BLOCK = 512
SEGMENT = 16 << 20  # bytes: so many make a command
COMMANDS = 1500  # in a round
ROUNDS = 7
WINDOWS = (1, 4, 32)
LIMIT = 200.0  # microseconds of CPU for a command
SMALL, HUGE = 1 << 30, 1 << 40  # bytes
MEMORY_LIMIT = 1 << 20  # bytes that the huge copy may take more than the small one


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one copy: commands, microseconds of CPU and of the clock for each, and the most memory, in bytes."""

    commands: int
    cpu: float
    wall: float
    peak: int


def answer(_descriptor: int, _header: SgIoHdr) -> None:
    """The kernel's part: a header of zeros is GOOD, and all data went out."""


def units() -> list[LogicalUnit]:
    """Two units that take one segment in a command, as large as they have to be."""
    advertised = CAPABLE.but(maximum_segment_count=1, maximum_segment_length=SEGMENT)
    array = memory_array(2, blocks=8, advertised=advertised)
    found = []
    for number in (0, 1):
        way = array.open(number)
        found.append(converse(discover(f"unit{number}"), lambda step, way=way: way.send(step.command)))  # type: ignore[misc]
    return [replace(unit, blocks=HUGE // BLOCK) for unit in found]


def endpoint(unit: LogicalUnit, text: EndpointText) -> Endpoint:
    """A unit as a side of a copy."""
    return Endpoint(
        text=text,
        unit=unit,
        node=None,
        base=0,
        blocks=unit.blocks,
        window=None,
        open_transport=partial(SgTransport, os.devnull, ioctl=answer),
        open_blocks=mock.Mock(side_effect=AssertionError("the host has nothing to read here")),
    )


def run(sides: list[LogicalUnit], size: int, jobs: int) -> Cost:
    """One copy of so many bytes with so many commands in flight."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew

    def open_endpoint(text: EndpointText, **_: object) -> Endpoint:
        return endpoint(sides[int(text.path)], text)

    options = copy.Options(method=Method.OFFLOAD, jobs=jobs, segment=SEGMENT, segments_per_command=1)
    with (
        mock.patch.object(copy, "open_endpoint", open_endpoint),
        copy.prepare(f"0:0+{size // BLOCK}", "1:0", options) as made,
    ):
        began = time.process_time(), time.perf_counter()
        report = made.run()
        cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
    commands = report.commands["offload"]
    if not report.complete or commands != size // SEGMENT:
        raise SystemExit(f"not the copy that was to be measured: {report}") from made.fault
    return Cost(commands, cpu / commands * 1e6, wall / commands * 1e6, peak())


def peak() -> int:
    """The most memory this process had at once since it was last asked to begin anew."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def bench_cpu(sides: list[LogicalUnit]) -> bool:
    """Print CPU for a command; whether the limit is met with every window."""
    costs: dict[int, list[Cost]] = {jobs: [] for jobs in WINDOWS}
    for _ in range(ROUNDS):
        for jobs, found in costs.items():
            found.append(run(sides, COMMANDS * SEGMENT, jobs))
    print(f"{'one-segment commands, microseconds each':<40}{'least':>10}{'median':>10}{'by clock':>10}")
    for jobs, found in costs.items():
        cpu = [cost.cpu for cost in found]
        wall = statistics.median([cost.wall for cost in found])
        title = f"{jobs} in flight"
        print(f"    {title:<36}{min(cpu):>10.0f}{statistics.median(cpu):>10.0f}{wall:>10.0f}")
    met = all(min(cost.cpu for cost in found) <= LIMIT for found in costs.values())
    print(f"    limit {LIMIT:.0f}, at the least: {'met' if met else 'NOT MET'}")
    return met


def bench_memory(sides: list[LogicalUnit]) -> bool:
    """Print the most memory of a small and a huge copy; whether they are as good as the same."""
    small = run(sides, SMALL, 32)
    huge = run(sides, HUGE, 32)
    print(f"\n{'the most memory, MiB':<40}")
    for title, cost in (("1 GiB", small), ("1 TiB", huge)):
        print(f"    {f'{title}, {cost.commands} commands':<36}{cost.peak / 2**20:>10.1f}")
    met = huge.peak - small.peak <= MEMORY_LIMIT
    print(f"    limit for the difference {MEMORY_LIMIT >> 20} MiB: {'met' if met else 'NOT MET'}")
    return met


if __name__ == "__main__":
    both = units()
    results = [bench_cpu(both), bench_memory(both)]
    sys.exit(0 if all(results) else 1)

"""Copies between files beside cp and dd, on file systems of this machine: ratios, each from one run.

Belongs here: what is copied how, in turn so that the machine's moods fall on all, and the goals. Root, loop
devices and a few GiB of /tmp are needed; `python -m bench.files` takes seven minutes of a quiet machine, and
writes the page. Ours is timed without the start of Python; every copy is compared with its source.
"""

from __future__ import annotations

import filecmp
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import xcopy
from tests.files import file_system
from xcopy.api.files import FileOptions
from xcopy.ladder import Reflink, Sparse

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 2**20
SIZE = 768 * MIB
EXTENTS = 60_000
GAP = 8192  # bytes from one extent to the next, of which the half is a hole
IMAGE = 3072 * MIB
ROUNDS = 36  # two copies that are alike differ by a fifth
FEW_ROUNDS = 12  # of three seconds each
PAGE = Path(__file__).resolve().parents[1] / "docs/speed-of-files.md"
UNHURRIED = 1e6  # seconds for one call: portions as large as they get


@dataclass(slots=True)
class Contender:
    """One way to copy: seconds of each round, and those of its longest call where it tells."""

    name: str
    copy: Callable[[Path, Path], float]
    seconds: list[float] = field(default_factory=list)
    longest: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds of a copy."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class Goal:
    """What has to be so many times as fast as what, or no call of it longer than so many seconds."""

    ours: str
    theirs: str
    least: float


@dataclass(frozen=True, slots=True)
class Contest:
    """Contenders for one file on one file system, and what is wanted of ours."""

    title: str
    system: str
    fill: Callable[[Path], None]
    contenders: Callable[[], list[Contender]]
    goals: tuple[Goal, ...]
    rounds: int = ROUNDS


def ours(name: str, **options: object) -> Contender:
    """Our copy, whose report says how long its longest call took."""

    def copy(source: Path, destination: Path) -> float:
        report = xcopy.copy_range(source, destination, options=FileOptions(**options))  # type: ignore[arg-type]
        made.longest.append(report.longest)
        return report.longest

    made = Contender(name, copy)
    return made


def tool(name: str) -> Contender:
    """Another program's, with SRC and DST in its words."""

    def copy(source: Path, destination: Path) -> float:
        words = name.replace("SRC", str(source)).replace("DST", str(destination)).split()
        subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
        return 0.0

    return Contender(name, copy)


def noise(path: Path) -> None:
    """One large file, in few extents."""
    with path.open("wb") as file:
        for _ in range(SIZE // (8 * MIB)):
            file.write(os.urandom(8 * MIB))


def fragments(path: Path) -> None:
    """As many extents, each with a hole behind it."""
    with path.open("wb") as file:
        for number in range(EXTENTS):
            os.pwrite(file.fileno(), number.to_bytes(4, "big") * (GAP // 8), number * GAP)


CLONE, CLONE_CP = "xcopy-dev --reflink always", "cp --reflink=always SRC DST"
KERNEL, KERNEL_CP, KERNEL_WHOLE = "xcopy-dev", "cp SRC DST", "xcopy-dev with no goal for a call"
HOST, HOST_CP, HOST_DD = (
    "xcopy-dev --reflink never",
    "cp --reflink=never --sparse=auto SRC DST",
    "dd if=SRC of=DST bs=1M",
)
CLONE_GOALS = (Goal(CLONE, CLONE_CP, 0.95),)
CONTESTS = (
    *(
        Contest(
            f"{EXTENTS} extents shared, {system}",
            system,
            fragments,
            lambda: [ours(CLONE, reflink=Reflink.ALWAYS), tool(CLONE_CP)],
            CLONE_GOALS,
            rounds,
        )
        for system, rounds in (("btrfs", ROUNDS), ("xfs", FEW_ROUNDS))
    ),
    Contest(
        f"{SIZE // MIB} MiB by copy_file_range, ext4",
        "ext4",
        noise,
        lambda: [ours(KERNEL), ours(KERNEL_WHOLE, latency=UNHURRIED), tool(KERNEL_CP)],
        (Goal(KERNEL, KERNEL_CP, 0.95), Goal(KERNEL, KERNEL_WHOLE, 0.95)),
    ),
    Contest(
        f"{SIZE // MIB} MiB read and written, ext4",
        "ext4",
        noise,
        lambda: [ours(HOST, reflink=Reflink.NEVER, sparse=Sparse.AUTO), tool(HOST_CP), tool(HOST_DD)],
        (Goal(HOST, HOST_CP, 1.0), Goal(HOST, HOST_DD, 1.0)),
    ),
)


def hold(contest: Contest, folder: Path) -> list[Contender]:
    """Every contender in turn, some rounds; AssertionError for a copy that differs from its source."""
    contenders = contest.contenders()
    with ExitStack() as stack:
        file_system.SIZES[contest.system] = IMAGE
        mounted = file_system.make(contest.system, folder, stack)
        source, destination = mounted.at / "source", mounted.at / "destination"
        contest.fill(source)
        os.sync()
        for number in range(contest.rounds + 1):  # the first is for the caches
            turn = number % len(contenders)  # whoever comes first finds memory as the last round left it
            for contender in contenders[turn:] + contenders[:turn]:
                gc.collect()
                began = time.perf_counter()
                contender.copy(source, destination)
                took = time.perf_counter() - began
                assert filecmp.cmp(source, destination, shallow=False), contender.name
                if number:
                    contender.seconds.append(took)
                else:
                    contender.longest.clear()
                destination.unlink()
                os.sync()  # what it left to be written is nobody else's burden
    return contenders


def judged(contest: Contest, contenders: list[Contender]) -> list[tuple[str, bool]]:
    """Each goal in words, and whether it is met; that no call is longer than 0.1 s is one of all of ours."""
    named = {each.name: each for each in contenders}
    said = []
    for goal in contest.goals:
        ratio = statistics.median(
            theirs / ours
            for ours, theirs in zip(named[goal.ours].seconds, named[goal.theirs].seconds, strict=True)
        )
        words = f"`{goal.ours}` is {ratio:.2f} times as fast as `{goal.theirs}` (goal {goal.least:.2f})"
        said.append((words, ratio >= goal.least))
    for each in contenders:
        if each.longest and each.name != KERNEL_WHOLE:
            longest = statistics.median(each.longest)
            words = f"`{each.name}`: the longest call took {longest * 1000:.0f} ms (goal 100)"
            said.append((words, longest <= 0.1))
    return said


def table(contest: Contest, contenders: list[Contender], goals: list[tuple[str, bool]]) -> str:
    """One contest as Markdown."""
    rows = "".join(
        f"| `{each.name}` | {each.median * 1000:.0f} | {min(each.seconds) * 1000:.0f} to "
        f"{max(each.seconds) * 1000:.0f} |\n"
        for each in contenders
    )
    reached = "".join(f"* {words}: {'met' if met else 'missed'}\n" for words, met in goals)
    return f"## {contest.title}\n\n| copy | ms, median | least to most |\n|---|---:|---:|\n{rows}\n{reached}"


HEAD = """# Speed of copies between files

Beside cp and dd, each in turn on the same files; made by

    make bench

on loop devices of the machine it runs on. **Ratios within one table mean something, milliseconds are those of
that machine.** Ratios are medians of those within one round. `xcopy-dev` is timed without the start of
Python; every copy is compared with its source.

"""


def main() -> int:
    """0 when every goal is met."""
    if os.geteuid():
        print("root is needed: file systems are mounted")
        return 2
    pages, missed = [], False
    for contest in CONTESTS:
        with tempfile.TemporaryDirectory(prefix="xcopy-dev-bench-") as folder:
            contenders = hold(contest, Path(folder))
        goals = judged(contest, contenders)
        pages.append(table(contest, contenders, goals))
        print(pages[-1], flush=True)
        missed = missed or not all(met for _, met in goals)
    PAGE.write_text(HEAD + "\n".join(pages))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

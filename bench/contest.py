"""Runs inside the guest: the copies on every kind of LUN, in turn, each compared byte for byte.

Belongs here: the LUNs, what they hold, the clock, and who goes into the rounds. Every copy reads from another
place of the source, so what it has to write differs, in every block, from what is there. Run by
`bench.copies`; `python -m bench.contest RESULTS.json`, as root, on a machine where that may be done.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.contenders import CP, KINDS, MIB, OURS, WARM_UP, Entry, always, grids, options
from tests.lio.luns import Recipe, luns
from tests.lio.media import first_difference, memory, read, write
from xcopy.cli.main import main as xcopy_dev

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.contenders import Kind
    from tests.lio.luns import Lun

ROUNDS = 3
FINALISTS = 2  # of the sweep
TURNS = 96  # copies on one kind, each from a place of its own
PIECE = 16 * MIB
PERIOD = PIECE + 4096  # of what the source holds: odd, so that no two pieces are alike
LONGEST = 120.0  # seconds for a peer


@dataclass
class Record:
    """What became of one entry on one kind of LUN."""

    entry: Entry
    bytes: int
    seconds: list[float] = field(default_factory=list)
    trouble: str = ""

    @property
    def rate(self) -> float:
        """Bytes per second at the median; 0 for an entry that did not copy right."""
        return 0.0 if self.trouble or not self.seconds else self.bytes / statistics.median(self.seconds)

    def as_json(self) -> dict[str, Any]:
        """For the results."""
        return {
            "tool": self.entry.tool,
            "setting": self.entry.setting,
            "way": self.entry.way,
            "bytes": self.bytes,
            "seconds": [round(taken, 4) for taken in self.seconds],
            "trouble": self.trouble,
        }


class Arena:
    """A pair of LUNs and the copies on it."""

    def __init__(self, kind: Kind, source: Lun, destination: Lun, pool: memoryview) -> None:
        self.kind, self.source, self.destination, self._pool = kind, source, destination, pool
        self._found = memory(PIECE)
        self._turn = 0
        for at in range(0, source.size, PIECE):
            write(source.path, at, self._holds(at, min(PIECE, source.size - at)))

    def _holds(self, at: int, length: int) -> memoryview:
        """What the source holds from byte `at` on."""
        return self._pool[at % PERIOD :][:length]

    def run(self, record: Record) -> None:
        """One copy, timed and compared; what went wrong is in the record."""
        self._turn += 1
        if self._turn > TURNS:
            raise RuntimeError(f"more than {TURNS} copies on one kind of LUN: the source has no new place")
        skip = self._turn * MIB
        with self._source_of(record.entry, skip, record.bytes) as source:
            words = record.entry.words(self.kind, source, self.destination.path, skip, record.bytes)
            taken, said = by_us(words) if record.entry.tool == OURS else by_peer(words)
        wrong = self._wrong(skip, record.bytes)
        if said or wrong is not None:
            record.trouble = said or f"WRONG DATA from byte {wrong} on, and it reported success"
        record.seconds.append(taken)

    def _wrong(self, skip: int, size: int) -> int | None:
        """First byte of the destination that is not the source's from `skip` on."""
        for at in range(0, size, PIECE):
            found = self._found[: min(PIECE, size - at)]
            read(self.destination.path, at, found)
            place = first_difference(found, self._holds(skip + at, len(found)))
            if place is not None:
                return at + place
        return None

    @contextlib.contextmanager
    def _source_of(self, entry: Entry, skip: int, size: int) -> Iterator[str]:
        """The node to copy from: for `cp` a partition, known to the kernel alone, that is just the range."""
        if entry.tool != CP:
            yield self.source.path
            return
        subprocess.run(
            ["addpart", self.source.path, "1", str(skip // 512), str(size // 512)],
            check=True,
            capture_output=True,
        )
        try:
            subprocess.run(["udevadm", "settle"], check=True)
            yield f"{self.source.path}1"
        finally:
            subprocess.run(["delpart", self.source.path, "1"], check=True, capture_output=True)
            subprocess.run(["udevadm", "settle"], check=True)


def by_us(words: list[str]) -> tuple[float, str]:
    """Seconds from the command line to the end of the report, and what went wrong: Python has started."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        began = time.perf_counter()
        code = xcopy_dev(words)
        taken = time.perf_counter() - began
    return taken, f"exit {code}: {said.getvalue()[-300:]}" if code else ""


def by_peer(words: list[str]) -> tuple[float, str]:
    """Seconds from the start of a program to its end, and what went wrong."""
    began = time.perf_counter()
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return LONGEST, f"not done in {LONGEST:.0f} s"
    taken = time.perf_counter() - began
    return taken, f"exit {done.returncode}: {done.stderr[-300:]}" if done.returncode else ""


def contest(kind: Kind, pool: memoryview, has: frozenset[str]) -> dict[str, Any]:
    """All copies on one kind of LUN."""
    size = max(kind.serial, kind.host, kind.offload)
    recipes = [
        Recipe("bench0", kind.backing, size + (TURNS + 1) * MIB, block_size=kind.block_size),
        Recipe("bench1", kind.backing, size, block_size=kind.block_size),
    ]
    with luns(recipes) as made:
        arena = Arena(kind, made["bench0"], made["bench1"], pool)
        for entry in always(has):
            if entry.tool == OURS:  # once, unrecorded: Python reads what it imports
                arena.run(Record(entry, MIB))
        arena.run(Record(WARM_UP, size))  # nor does whoever comes first find memory for the LUNs
        trials = {name: [tried(arena, entry) for entry in grid] for name, grid in grids(kind, has).items()}
        finals = [Record(entry, entry.bytes_on(kind)) for entry in always(has)]
        for name, records in trials.items():
            best = sorted(records, key=lambda record: -record.rate)
            for record in best[: FINALISTS if name == "sweep" else 1]:
                way = Entry(record.entry.tool, record.entry.setting, record.entry.way)
                finals.append(Record(way, way.bytes_on(kind)))
        for _ in range(ROUNDS):
            for record in finals:
                if not record.trouble:
                    arena.run(record)
                    show(kind, record)
    return {
        "kind": kind.name,
        "trials": {name: [record.as_json() for record in records] for name, records in trials.items()},
        "finals": [record.as_json() for record in finals],
    }


def tried(arena: Arena, entry: Entry) -> Record:
    """One short copy."""
    record = Record(entry, entry.bytes_on(arena.kind))
    arena.run(record)
    show(arena.kind, record)
    return record


def show(kind: Kind, record: Record) -> None:
    """A line for whoever waits."""
    rate = record.bytes / record.seconds[-1] / 1e6
    what = record.trouble or f"{rate:8.1f} MB/s"
    print(f"{kind.name:16} {record.entry.title:82} {record.bytes >> 20:5} MiB  {what}", flush=True)


def main(results: str, names: list[str]) -> None:
    """Contest on every kind, or on those named; results are written as they come."""
    pool = memory(PERIOD + PIECE)
    with open("/dev/urandom", "rb", buffering=0) as random:
        for at in range(0, PERIOD, MIB):
            random.readinto(pool[at : min(at + MIB, PERIOD)])
    pool[PERIOD:] = pool[:PIECE]
    has, found, spent = options(), [], defaultdict(float)
    for kind in KINDS:
        if not names or kind.name in names:
            began = time.perf_counter()
            found.append(contest(kind, pool, has))
            spent[kind.name] = time.perf_counter() - began
            print(f"{kind.name}: {spent[kind.name]:.0f} s", flush=True)
            Path(results).write_text(json.dumps({"rounds": ROUNDS, "kinds": found, "spent": spent}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

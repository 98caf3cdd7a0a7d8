"""Who copies in the contest: each tool at each of its settings, as words of a command line.

Belongs here: the grids of settings, the options of xcopy-dev that there are, and what each kind of LUN holds
and for how long a tool may copy on it. Does not run anything, and does not know a result.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from itertools import product

MIB = 1 << 20
OURS, SG_XCOPY, DDPT, DD, CP = "xcopy-dev", "sg_xcopy", "ddpt", "dd", "cp"
SEGMENT_BLOCKS = 65535  # a segment's count has 16 bits: the most that sg_xcopy and ddpt take as bpt
SHORT = 256 * MIB  # bytes of a trial, where a kind of LUN is fast


@dataclass(frozen=True, slots=True)
class Kind:
    """A pair of equal LUNs: its backing, and the bytes that a copy has to move for its rate to be known.

    `serial` is for one offloaded command at a time, `host` for the host's reads and writes, `offload` for us.
    """

    name: str
    backing: str
    block_size: int
    serial: int
    host: int
    offload: int
    rate: float  # bytes per second that one command in flight gets, roughly: how long a trial takes
    jobs: tuple[int, ...]
    segments: tuple[int, ...]  # MiB


LONG, SHORTER = 1536 * MIB, 768 * MIB  # bytes: seconds, beside which finding a setting counts little
LONGER = 2304 * MIB  # ten seconds where a command takes one; the guest has room for two such LUNs
FEW, SEGMENTS = (1, 4, 16), (8, 31)
LARGE = (*SEGMENTS, 64)  # MiB: only with large blocks does a segment hold that much
KINDS = (
    Kind("ramdisk", "ramdisk", 512, LONG, SHORTER, LONG, 4e8, FEW, SEGMENTS),
    Kind("fileio", "file", 512, LONG, SHORTER, LONG, 4e8, FEW, SEGMENTS),
    Kind("fileio, 4096", "file", 4096, LONG, SHORTER, LONG, 4e8, FEW, LARGE),
    Kind("dm-delay, 2 ms", "delay", 512, 40 * MIB, SHORTER, LONGER, 7e6, (16, 32, 64), (1, 4, 16)),
)
CP_SIZE = 96 * MIB  # of every kind: it is slow


@dataclass(frozen=True, slots=True)
class Entry:
    """A tool at one setting; `way` tells which of a kind's sizes it copies."""

    tool: str
    setting: str
    way: str  # "serial", "host" or "offload"
    size: int = 0  # bytes, where it is not the kind's

    @property
    def title(self) -> str:
        """How it is called in tables."""
        return f"{self.tool} {self.setting}".strip()

    def bytes_on(self, kind: Kind) -> int:
        """How much it copies."""
        return self.size or {"serial": kind.serial, "host": kind.host, "offload": kind.offload}[self.way]

    def words(self, kind: Kind, source: str, destination: str, skip: int, size: int) -> list[str]:
        """The command line that copies `size` bytes from byte `skip` of the source to where the other begins.

        `cp` copies the whole of a node: its source has to be a partition that is just that range.
        """
        block = kind.block_size
        match self.tool:
            case "xcopy-dev":
                range_ = f"{source}:{skip // block}+{size // block}"
                return ["copy", range_, destination, "--json", *self.setting.split()]
            case "sg_xcopy" | "ddpt":
                way = ["--xcopy"] if self.tool == DDPT else []
                span = [f"bs={block}", f"skip={skip // block}", f"count={size // block}"]
                return [self.tool, *way, f"if={source}", f"of={destination}", *span, *self.setting.split()]
            case "dd":
                count = size // (int(self.setting.removeprefix("bs=").removesuffix("M")) * MIB)
                span = [f"skip={skip}", f"count={count}", "iflag=direct,skip_bytes", "oflag=direct"]
                return ["dd", f"if={source}", f"of={destination}", self.setting, *span]
            case "cp":
                return ["cp", source, destination]
            case other:
                raise ValueError(f"{other} is nobody here")


WARM_UP = Entry(DD, "bs=16M", "host")


def options() -> frozenset[str]:
    """The long options that `xcopy-dev copy` has."""
    from xcopy.cli.main import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        main(["copy", "--help"])
    return frozenset(word.strip("[],.") for word in said.getvalue().split() if "--" in word)


def bpts(kind: Kind) -> list[int]:
    """Blocks per transfer for sg_xcopy: 4 and 16 MiB, and all that a segment holds."""
    return [*(size * MIB // kind.block_size for size in (4, 16)), SEGMENT_BLOCKS]


def grids(kind: Kind, has: frozenset[str]) -> dict[str, list[Entry]]:
    """Entries of which only the best of each list goes into the rounds, by what is decided among them."""
    return {
        "sg_xcopy": [Entry(SG_XCOPY, f"bpt={bpt}", "serial", trial(kind, 1)) for bpt in bpts(kind)],
        "sweep": [Entry(OURS, setting, "offload", trial(kind, jobs)) for jobs, setting in fixed(kind, has)],
    }


def trial(kind: Kind, jobs: int) -> int:
    """Bytes of a trial with so many commands in flight: for a second or so, in whole MiB times 16."""
    enough = int(kind.rate * 1.5 * jobs) // (16 * MIB) * 16 * MIB
    return max(16 * MIB, min(enough, kind.offload if kind.rate < 1e8 else SHORT))


def fixed(kind: Kind, has: frozenset[str]) -> list[tuple[int, str]]:
    """Commands in flight and options of every point of the sweep, as far as xcopy-dev has the options."""
    if "--segment" not in has:
        return [(jobs, f"--method offload --jobs {jobs}") for jobs in kind.jobs]
    one = " --segments-per-command 1" if "--segments-per-command" in has else ""
    return [
        (jobs, f"--method offload --jobs {jobs} --segment {size}MiB{one}")
        for jobs, size in product(kind.jobs, kind.segments)
    ]


def always(has: frozenset[str]) -> list[Entry]:
    """Entries that go into the rounds of every kind."""
    entries = [
        Entry(OURS, "", "offload"),
        Entry(OURS, "--method host", "host"),
        Entry(DDPT, f"bpt={SEGMENT_BLOCKS}", "serial"),
        *(Entry(DD, f"bs={size}M", "host") for size in (1, 4, 16)),
        Entry(CP, "", "host", CP_SIZE),
    ]
    if "--prefer" in has:
        entries.insert(1, Entry(OURS, "--prefer speed", "offload"))
    return entries

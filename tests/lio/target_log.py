"""What LIO says it was asked to copy: its own debug messages about EXTENDED COPY.

Belongs here: switching those messages on, reading them from the kernel's log between two moments,
and their text (drivers/target/target_core_xcopy.c, Linux 6.1). Does not know who sent the commands.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTROL = Path("/sys/kernel/debug/dynamic_debug/control")
RECORD = 1 << 16  # bytes, more than any record of /dev/kmsg

COMMAND = "Processing XCOPY with list_id:"
SEGMENT = "XCOPY seg desc 0x02: nolb:"
UNIT = "XCOPY TGT desc:"
SEGMENT_TEXT = re.compile(SEGMENT + r" (\d+) src_lba: (\d+) dst_lba: (\d+)")
UNIT_TEXT = re.compile(UNIT + r" (Source|Dest) dev: \S+ NAA IEEE WWN: 0x([0-9a-f]{32})")


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """One block-to-block segment: where from, where to, how many blocks."""

    source: int
    destination: int
    blocks: int

    def followed_by(self, blocks: int) -> Segment:
        """The segment that goes on where this one ends, on both sides."""
        return Segment(self.source + self.blocks, self.destination + self.blocks, blocks)


@dataclass(slots=True)
class Seen:
    """EXTENDED COPY commands that LIO parsed: how many, their segments, the NAA of the units."""

    commands: int = 0
    segments: list[Segment] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    destinations: set[str] = field(default_factory=set)

    def ranges(self) -> list[Segment]:
        """The segments, in order of source LBA, joined where one continues the other."""
        joined: list[Segment] = []
        for segment in sorted(self.segments):
            if joined and segment == joined[-1].followed_by(segment.blocks):
                joined[-1] = replace(joined[-1], blocks=joined[-1].blocks + segment.blocks)
            else:
                joined.append(segment)
        return joined

    def take(self, line: str) -> None:
        """Note one line of the kernel's log."""
        if COMMAND in line:
            self.commands += 1
        elif found := SEGMENT_TEXT.search(line):
            blocks, source, destination = map(int, found.groups())
            self.segments.append(Segment(source, destination, blocks))
        elif found := UNIT_TEXT.search(line):
            role, naa = found.groups()
            (self.sources if role == "Source" else self.destinations).add(naa)


@contextlib.contextmanager
def watching() -> Iterator[Seen]:
    """What LIO was asked while the block ran, complete when it ends."""
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    try:
        os.lseek(log, 0, os.SEEK_END)
        seen = Seen()
        yield seen
        for line in lines(log):
            seen.take(line)
    finally:
        os.close(log)


def lines(log: int) -> Iterator[str]:
    """Records of the kernel's log from where the descriptor stands to the newest."""
    while True:
        try:
            yield os.read(log, RECORD).decode(errors="replace")
        except BlockingIOError:
            return
        except OSError as failure:
            if failure.errno != errno.EPIPE:
                raise
            raise RuntimeError("the kernel's log overflowed: boot with more log_buf_len") from None


def switch(on: bool) -> None:
    """Make LIO log its EXTENDED COPY commands, or stop it."""
    for text in (COMMAND, SEGMENT, UNIT):
        CONTROL.write_text(f'format "{text}" {"+p" if on else "-p"}\n')

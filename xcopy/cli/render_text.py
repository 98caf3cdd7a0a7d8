"""A copy in words: to standard output what was done, to standard error how far it is and what to mind."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from xcopy.coverage import State
from xcopy.job import HOST, OFFLOAD, Method
from xcopy.limits import Limits

if TYPE_CHECKING:
    from cdb.command import Command
    from xcopy.api.copy import Copy, Report
    from xcopy.asked import Asked
    from xcopy.cli.exit_codes import ExitCode
    from xcopy.job import Job
    from xcopy.results import RangeResults
    from xcopy.unit import LogicalUnit

BOUNDS = {
    "segment_blocks": "blocks in a segment",
    "segments_per_command": "segments in a command",
    "granularity_blocks": "granularity in blocks",
    "in_flight": "commands in flight",
}
SHOWN_RANGES = 20
REDRAW = 0.2  # seconds between two progress lines
MEANS = {OFFLOAD: "EXTENDED COPY", HOST: "host read and write"}


def size(count: float) -> str:
    """Bytes for a person."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if round(count, 1) < 1024 or unit == "PiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def part_of(done: int, total: int) -> str:
    """How much of how many bytes; to the byte where a part would read like the whole."""
    told, whole = size(done), size(total)
    if done != total and told == whole:
        return f"{done} of {total} bytes"
    return f"{told} of {whole}"


def describe_unit(unit: LogicalUnit) -> str:
    """One line: who the unit is."""
    designator = unit.copy_designator
    who = " ".join(part for part in (unit.vendor, unit.product, unit.revision) if part)
    named = f"designator {designator.value.hex()}" if designator else "no designator"
    return f"{unit.name}: {who}, {unit.blocks} blocks of {unit.block_size} bytes, {named}"


def print_limits(limits: Limits) -> None:
    """Each limit with the rule it came from."""
    for name, bound in limits.bounds.items():
        print(f"  {BOUNDS[name]}: {bound}")


class TextRenderer:
    """Prints one copy."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._began = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._line = False
        self._next = 1.0  # seconds from the start; what is done sooner needs no progress

    def planned(self, copy: Copy) -> None:
        """What will be copied, and how."""
        request = copy.request
        for warning in copy.warnings:
            print(f"xcopy-dev: warning: {warning}", file=sys.stderr)
        print(
            f"{size(request.bytes)}: {_what(copy.asked)}, {request.blocks} blocks of "
            f"{request.block_size} bytes"
        )
        if not request.blocks:
            print("0 blocks: nothing to copy")
        elif copy.options.method is Method.HOST:
            print("by host read and write, as asked")
        elif not isinstance(copy.offer, Limits):
            print(f"by host read and write: {copy.offer.reason}")
        if self._verbose:
            self._explain(copy)

    def _explain(self, copy: Copy) -> None:
        print(f"  {describe_unit(copy.source.unit)}")
        print(f"  {describe_unit(copy.destination.unit)}")
        if isinstance(copy.offer, Limits):
            print_limits(copy.offer)
            usage = "11b, no list identifier" if copy.offer.without_list_id else "10b, identifiers 1 to 255"
            print(f"  list identifier usage: {usage}")

    def dry_run(self, copy: Copy) -> None:
        """The exact bytes of every command."""
        count = 0
        for count, command in enumerate(copy.commands(), 1):
            self._command(count, command)
        print(f"dry run: {count} EXTENDED COPY commands, {size(copy.host_bytes)} by the host")
        print("nothing was copied: units were only asked what they are")

    def _command(self, number: int, command: Command) -> None:
        print(f"command {number}: {command.name} to the destination")
        if self._verbose:
            _print_annotated(command)
            return
        print(f"  CDB            {bytes(command.cdb).hex(' ')}")
        data = bytes(command.data_out)
        for at in range(0, len(data), 16):
            print(f"  {'parameter list' if not at else '':<14} {data[at : at + 16].hex(' ')}")

    def progress(self, job: Job) -> None:
        """One line on a terminal, once the copy takes more than a second."""
        elapsed = time.monotonic() - self._began
        if not self._terminal or elapsed < self._next:
            return
        self._next = elapsed + REDRAW
        done = job.coverage.count(State.COPIED)
        share = done / job.request.blocks if job.request.blocks else 1.0
        moved = done * job.request.block_size
        left = f", {elapsed / share - elapsed:.0f} s left" if share else ""
        text = f"{share:6.1%}  {size(moved)} of {size(job.request.bytes)}, {size(moved / elapsed)}/s{left}"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        self._line = True

    def finished(self, report: Report, code: ExitCode) -> None:  # noqa: ARG002 - the shell shows the code
        """What became of it."""
        if self._line:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        if not report.total:
            return
        rate = f", {size(report.copied / report.elapsed)}/s" if report.elapsed > 0 else ""
        means = ", ".join(f"{size(n)} by {MEANS[m]}" for m, n in report.bytes.items() if n)
        print(f"copied {part_of(report.copied, report.total)} in {report.elapsed:.2f} s{rate}")
        if means:
            print(f"  {means}")
        for reason, count in report.fallbacks:
            print(f"  {size(count)} not by offload: {reason}")
        if not report.ranges.single:
            counts = report.ranges.counts
            parts = f", {counts.partly} in part, {counts.not_copied} not at all" * (
                counts.copied < counts.asked
            )
            print(f"  {counts.copied} of {counts.asked} ranges copied{parts}")


def _print_annotated(command: Command) -> None:
    from cdb.recognise import recognise
    from xcopy.cli.render_trace import dump

    cdb = bytes(command.cdb)
    for data in (cdb, bytes(command.data_out)):
        for line in dump(recognise(data, cdb=cdb)[0]):
            print(line)


def print_trouble(report: Report) -> None:
    """What went wrong, to standard error, whatever standard output is rendered as."""
    if report.not_durable:
        print(f"xcopy-dev: the copy may not be durable: {report.not_durable}", file=sys.stderr)
    if report.stopped:
        print(f"xcopy-dev: stopped: {report.stopped}", file=sys.stderr)
    if not report.ranges.single:
        _print_incomplete(report.ranges)
        return
    if not report.copied and len(report.not_copied) == 1:
        return  # nothing is copied, and that is all there is to say
    for part in report.not_copied[:SHOWN_RANGES]:
        print(
            f"xcopy-dev: not copied: {part.source_blocks} blocks from source LBA {part.source_lba} to "
            f"destination LBA {part.destination_lba}: {part.reason}",
            file=sys.stderr,
        )
    if len(report.not_copied) > SHOWN_RANGES:
        print(f"xcopy-dev: and {len(report.not_copied) - SHOWN_RANGES} more ranges", file=sys.stderr)


def _print_incomplete(ranges: RangeResults) -> None:
    more = 0
    for number, result in enumerate(ranges.incomplete):
        if number >= SHOWN_RANGES:
            more += 1
            continue
        reasons = "; ".join(dict.fromkeys(part.reason for part in result.not_copied))
        print(
            f"xcopy-dev: {result.place}: {result.copied} of {result.blocks} blocks copied from source LBA "
            f"{result.source_lba} to destination LBA {result.destination_lba}: {reasons}",
            file=sys.stderr,
        )
    if more:
        print(f"xcopy-dev: and {more} more ranges", file=sys.stderr)


def _what(asked: Asked) -> str:
    source, destination = asked.source, asked.destination
    if not asked.single:
        return f"{len(asked)} ranges, {source.name} -> {destination.name}"
    lba, _, to = asked.named(0)
    return (
        f"{source.name} LBA {_lba(lba, source.base)} -> {destination.name} LBA {_lba(to, destination.base)}"
    )


def _lba(lba: int, base: int) -> str:
    return f"{lba} ({lba + base} on the disk)" if base else str(lba)

"""A copy in words: to standard output what was done, to standard error how far it is and what to mind."""

from __future__ import annotations

import math
import shlex
import sys
from typing import TYPE_CHECKING

from xcopy.job import EARLIER, Method
from xcopy.limits import Limits
from xcopy.results import NOT_TRIED
from xcopy.settings import size_text as size
from xcopy.task import HOST, MAP, OFFLOAD, ZERO, ZEROS
from xcopy.verification import VERIFY

if TYPE_CHECKING:
    from typing import NoReturn

    from tqdm import tqdm

    from cdb.command import Command
    from xcopy.api.copy import Copy, Report
    from xcopy.api.journal import Journal
    from xcopy.api.verify_only import Verification
    from xcopy.asked import Asked
    from xcopy.cli.exit_codes import ExitCode
    from xcopy.comparison import Rates
    from xcopy.conversation import Side
    from xcopy.paths import PathChange
    from xcopy.progress import Progress
    from xcopy.results import RangeResults
    from xcopy.unit import LogicalUnit
    from xcopy.verification import Verified

BOUNDS = {
    "segment_blocks": "blocks in a segment",
    "segments_per_command": "segments in a command",
    "command_blocks": "blocks in a command",
    "granularity_blocks": "granularity in blocks",
    "in_flight": "commands in flight",
}
SHOWN_RANGES = 20
FIRST, REDRAW = 1.0, 0.2  # seconds from the start to the bar, and between two looks of it
EVERY = 10.0  # seconds between two progress lines where there is no terminal
BAR = "{desc} |{bar}|"
EXTENTS = "extents"
MEANS = {
    EXTENTS: "EXTENDED COPY of the file's extents",
    OFFLOAD: "EXTENDED COPY",
    HOST: "host read and write",
    EARLIER: "an earlier run",
    ZERO: "zeroed (no data was sent)",
    MAP: "asking the source what is unmapped",
    VERIFY: "verifying",
    "clone": "sharing blocks (FICLONERANGE)",
    "copy_file_range": "copy_file_range",
    "hole": "holes",
    ZEROS: "zeros for holes and what was never written",
}


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


def describe_progress(progress: Progress) -> str:
    """How far, how fast, how long still, and by what means."""
    share = progress.reached / progress.total if progress.total else 1.0
    parts = [
        f"{math.floor(share * 1000) / 10:.1f} %",
        f"{size(progress.reached)} of {size(progress.total)}",
        f"{size(progress.rate)}/s",
    ]
    if progress.inside:
        parts.insert(2, f"{size(progress.inside)} of it under way")
    if progress.left is not None:
        parts.append(f"{duration(progress.left)} left")
    if progress.means:
        parts.append(f"{MEANS[progress.means]} {progress.window}".rstrip())
    return ", ".join(parts)


def describe_rates(found: Rates) -> str:
    """What both means were found to do, and how to have the faster one."""
    text = f"compared: {size(found.offload)}/s by offload, {size(found.host)}/s by the host"
    return f"{text}; --prefer speed takes the host" if found.host_is_faster else text


def describe_stop(progress: Progress, asked: int) -> str:
    """What a stop waits for; when asked again, why it is not obeyed at once."""
    many = progress.in_flight
    if progress.means == VERIFY:
        reads = f"{many} piece{'s' if many != 1 else ''} being read"
        return f"{progress.stopping}: nothing more is read; {reads} waited for, then the report"
    flying = f"{many} command{'s' if many != 1 else ''} in flight"
    if asked == 1:
        return f"{progress.stopping}: nothing more is sent; {flying} waited for, then the report"
    return (
        f"still {flying}: the storage goes on copying whether this program waits or not, so it waits to "
        "report exactly; killed (kill -9), it leaves the blocks of these commands in an unknown state"
    )


def describe_finish(asked: int) -> str:
    """What is left to do when nothing is in flight; when a stop is asked for, why it makes no difference."""
    if not asked:
        return "making the copy durable: the destination writes its cache"
    return (
        "nothing is left to stop: the destination writes its cache to make the copy durable; "
        "waited for, then the report"
    )


def describe_path(change: PathChange) -> str:
    """A path that failed, or that took over."""
    why = f": {change.why}" if change.why else ""
    return f"path {change.path} to {change.unit} {change.event}{why}"


def duration(seconds: float) -> str:
    """Seconds for a person: 42 s, 3 min 20 s, 5 h 01 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


class TextRenderer:
    """Prints one copy."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._terminal = sys.stderr.isatty()
        self._bar: tqdm[NoReturn] | None = None
        self._next = FIRST if self._terminal else EVERY

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
            print("0 blocks: nothing to copy" if copy.zeros is None else "0 blocks: there are zeros alone")
        elif copy.job.coverage.complete:
            print("nothing is left: all of it was copied earlier")
        elif copy.options.method is Method.HOST:
            print("by host read and write, as asked")
        elif not isinstance(copy.offer, Limits):
            print(f"by host read and write: {copy.offer.reason}")
        if earlier := copy.job.report.get(EARLIER):
            print(f"{part_of(earlier, request.bytes)} were copied by an earlier run")
        if self._verbose:
            self._explain(copy)

    def _explain(self, copy: Copy) -> None:
        for side in (copy.source, copy.destination):
            for part in side.parts:
                print(f"  {describe_unit(part.unit)}")
        if isinstance(copy.offer, Limits):
            print_limits(copy.offer)
            usage = "11b, no list identifier" if copy.offer.without_list_id else "10b, identifiers 1 to 255"
            print(f"  list identifier usage: {usage}")

    def dry_run(self, copy: Copy) -> None:
        """The exact bytes of every command."""
        count = 0
        for count, command in enumerate(copy.commands(), 1):
            self._command(count, command, copy.job.to)
        print(f"dry run: {count} EXTENDED COPY commands, {size(copy.host_bytes)} by the host")
        print("nothing was copied: units were only asked what they are")

    def _command(self, number: int, command: Command, to: Side) -> None:
        print(f"command {number}: {command.name} to the {to.value}")
        if self._verbose:
            _print_annotated(command)
            return
        print(f"  CDB            {bytes(command.cdb).hex(' ')}")
        data = bytes(command.data_out)
        for at in range(0, len(data), 16):
            print(f"  {'parameter list' if not at else '':<14} {data[at : at + 16].hex(' ')}")

    def progress(self, progress: Progress) -> None:
        """A bar on a terminal, now and then a line elsewhere, once the copy takes a while."""
        if progress.elapsed < self._next:
            return
        if self._terminal:
            self._next = progress.elapsed + REDRAW
            self._draw(progress)
        else:
            self._next = progress.elapsed + EVERY
            self.tell(progress)

    def tell(self, progress: Progress) -> None:
        """One line that stays."""
        self._clear()
        print(f"xcopy-dev: {describe_progress(progress)}", file=sys.stderr, flush=True)

    def stopping(self, progress: Progress, asked: int) -> None:
        """What a stop waits for, and from the second time it is asked for, why."""
        self._clear()
        print(f"xcopy-dev: {describe_stop(progress, asked)}", file=sys.stderr, flush=True)

    def path_changed(self, change: PathChange) -> None:
        """A path failed, or took over."""
        self._clear()
        print(f"xcopy-dev: {describe_path(change)}", file=sys.stderr, flush=True)

    def finishing(self, progress: Progress, asked: int) -> None:  # noqa: ARG002 - it has no numbers to tell
        """What is waited for at the end, and why a stop does not end that."""
        self._clear()
        print(f"xcopy-dev: {describe_finish(asked)}", file=sys.stderr, flush=True)

    def _draw(self, progress: Progress) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=progress.total, file=sys.stderr, leave=False, bar_format=BAR)
        self._bar.n, self._bar.total = progress.reached, progress.total
        self._bar.set_description_str(describe_progress(progress), refresh=False)
        self._bar.refresh()

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.clear()

    def finished(self, report: Report, code: ExitCode) -> None:  # noqa: ARG002 - the shell shows the code
        """What became of it."""
        if self._bar is not None:
            self._bar.close()
        if not report.total:
            return
        self._copied(report)
        if report.verified is not None:
            from xcopy.cli.render_verification import print_verified

            print_verified(report.verified)

    def _copied(self, report: Report) -> None:
        moved = report.copied - report.bytes.get(EARLIER, 0)
        rate = f", {size(moved / report.elapsed)}/s" if report.elapsed > 0 else ""
        means = ", ".join(
            f"{size(n)} {'' if m == ZERO else 'by '}{MEANS[m]}" for m, n in report.bytes.items() if n
        )
        print(f"copied {part_of(report.copied, report.total)} in {report.elapsed:.2f} s{rate}")
        if means:
            print(f"  {means}")
        for reason, count in report.fallbacks:
            print(f"  {size(count)} not by offload: {reason}")
        if report.not_zeroed:
            print(f"  unmapped blocks were copied: {report.not_zeroed}")
        if not report.ranges.single:
            counts = report.ranges.counts
            parts = f", {counts.partly} in part, {counts.not_copied} not at all" * (
                counts.copied < counts.asked
            )
            print(f"  {counts.copied} of {counts.asked} ranges copied{parts}")
        for change in report.path_changes:
            print(f"  {describe_path(change)}")
        if report.compared is not None:
            print(f"  {describe_rates(report.compared)}")
        if self._verbose and report.commands.get(OFFLOAD):
            print(f"  commands were sent to the {report.commands_to}")

    def comparing(self, check: Verification) -> None:
        """What will be compared, where nothing is copied."""
        request = check.request
        for warning in check.warnings:
            print(f"xcopy-dev: warning: {warning}", file=sys.stderr)
        print(
            f"{size(request.bytes)}: {_what(check.asked)}, {request.blocks} blocks of "
            f"{request.block_size} bytes, compared; nothing is written"
        )
        if self._verbose:
            print(f"  {describe_unit(check.source.unit)}")
            print(f"  {describe_unit(check.destination.unit)}")

    def compared(self, verified: Verified, code: ExitCode) -> None:  # noqa: ARG002 - the shell shows the code
        """What became of that."""
        from xcopy.cli.render_verification import print_verified

        if self._bar is not None:
            self._bar.close()
        print_verified(verified)


def _print_annotated(command: Command) -> None:
    from cdb.recognise import recognise
    from xcopy.cli.render_trace import dump

    cdb = bytes(command.cdb)
    for data in (cdb, bytes(command.data_out)):
        for line in dump(recognise(data, cdb=cdb)[0]):
            print(line)


def print_way_on(journal: Journal) -> None:
    """How to copy the rest."""
    path = shlex.quote(journal.file.path)
    print(f"xcopy-dev: `xcopy-dev resume {path}` goes on with it", file=sys.stderr)


def print_trouble(report: Report) -> None:
    """What went wrong, to standard error, whatever standard output is rendered as."""
    if report.not_durable:
        print(f"xcopy-dev: the copy may not be durable: {report.not_durable}", file=sys.stderr)
    if report.stopped:
        print(f"xcopy-dev: stopped: {report.stopped}", file=sys.stderr)
    if not report.ranges.single:
        _print_incomplete(report.ranges)
        return
    if not report.copied and {part.reason for part in report.not_copied} <= {report.stopped, NOT_TRIED}:
        return  # nothing is copied, and that is all there is to say
    for part in report.not_copied[:SHOWN_RANGES]:
        if len(report.pairs) > 1:
            source, destination = report.pairs[part.pair]
            places = f"LBA {part.source_lba} of {source} to LBA {part.destination_lba} of {destination}"
        else:
            places = f"source LBA {part.source_lba} to destination LBA {part.destination_lba}"
        print(
            f"xcopy-dev: not copied: {part.source_blocks} blocks from {places}: {part.reason}",
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

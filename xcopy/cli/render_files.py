"""A copy between files in words, and as JSON lines: the plan, what will be tried and why, what was done."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from xcopy.cli.render_json import emit
from xcopy.cli.render_text import EXTENTS, MEANS, SHOWN_RANGES, part_of
from xcopy.errnos import Means
from xcopy.settings import size_text as size

if TYPE_CHECKING:
    from xcopy.api.files import FileCopy, FileReport
    from xcopy.cli.exit_codes import ExitCode
    from xcopy.ladder import FileFacts
    from xcopy.results import FailedRange, RangeResult


class FilesRenderer(Protocol):
    """What there is to say of a copy between files, in order."""

    def planned(self, copy: FileCopy) -> None:
        """What will be copied."""
        ...

    def explained(self, copy: FileCopy, extents: str | None = None) -> None:
        """Which means would be tried, where nothing is copied; why not the extents, "" if they would be."""
        ...

    def finished(self, report: FileReport, code: ExitCode) -> None:
        """What became of it."""
        ...

    def trouble(self, report: FileReport) -> None:
        """What went wrong, to standard error."""
        ...


class _Trouble:
    """What went wrong is said in words to standard error, whatever standard output is rendered as."""

    def trouble(self, report: FileReport) -> None:
        """Why not all is copied, and what is not."""
        if report.not_durable:
            print(f"xcopy-dev: the copy may not be durable: {report.not_durable}", file=sys.stderr)
        if report.stopped:
            print(f"xcopy-dev: stopped: {report.stopped}", file=sys.stderr)
        if not report.copied:
            return
        reads, writes = report.units
        for part in report.not_copied[:SHOWN_RANGES]:
            print(
                f"xcopy-dev: not copied: {part.source_blocks} bytes; the rest is "
                f"SRC:{part.source_lba // reads}+{part.source_blocks // reads} "
                f"DST:{part.destination_lba // writes}",
                file=sys.stderr,
            )
        if len(report.not_copied) > SHOWN_RANGES:
            print(f"xcopy-dev: and {len(report.not_copied) - SHOWN_RANGES} more ranges", file=sys.stderr)


class FilesInText(_Trouble):
    """In words."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose

    def planned(self, copy: FileCopy) -> None:
        """What will be copied, and what of the destination stays."""
        request, asked = copy.asked.request, copy.asked
        for warning in copy.warnings:
            print(f"xcopy-dev: warning: {warning}", file=sys.stderr)
        where = f"{len(asked)} ranges, {asked.source.name} -> {asked.destination.name}"
        if asked.single:
            start, _, to = asked.named(0)
            where = f"{asked.source.name} byte {start} -> {asked.destination.name} byte {to}"
        print(f"{size(request.bytes)}: {where}, {request.bytes} bytes")
        if not request.bytes:
            print("0 bytes: nothing to copy")
        elif copy.kept:
            print(f"{asked.destination.name} keeps the {copy.kept} bytes that it has behind them")

    def explained(self, copy: FileCopy, extents: str | None = None) -> None:
        """Which means would be tried, and why not the others; nothing is written."""
        self.planned(copy)
        tried = False
        for means, why in _means(copy, extents):
            what = f"not taken: {why}" if why else "if those cannot" if tried else "tried first"
            tried = tried or not why
            print(f"  {MEANS[means]}: {what}")
        ladder = copy.job.ladder
        print(
            f"  from {ladder.source.system_name} to {ladder.destination.system_name}, "
            f"blocks of {ladder.granule} bytes"
        )
        files = not (ladder.source.device and ladder.destination.device)
        later = ": what the file systems refuse is known when they are asked" if files else ""
        print(f"nothing was copied{later}")

    def finished(self, report: FileReport, code: ExitCode) -> None:  # noqa: ARG002 - the shell shows the code
        """Bytes by means, why no cheaper one was taken, whether blocks are shared, whether it is durable."""
        if not report.total:
            return
        rate = f", {size(report.copied / report.elapsed)}/s" if report.elapsed > 0 else ""
        print(f"copied {part_of(report.copied, report.total)} in {report.elapsed:.2f} s{rate}")
        means = ", ".join(
            f"{size(count)} by {MEANS[each.value]}" for each, count in report.bytes.items() if count
        )
        if means:
            print(f"  {means}")
        for each in (Means.CLONE, Means.KERNEL):
            if report.copied and (why := report.refused.get(each)):
                print(f"  not by {MEANS[each.value]}: {why}")
        if report.copied:
            print(f"  {_shared(report)}; {_durable(report)}")
        if not report.ranges.single:
            counts = report.ranges.counts
            print(f"  {counts.copied} of {counts.asked} ranges copied")
        if self._verbose:
            calls = ", ".join(f"{count} {MEANS[each.value]}" for each, count in report.calls.items())
            print(f"  calls: {calls}; the longest took {report.longest:.3f} s")


class FilesInJson(_Trouble):
    """As JSON lines on standard output."""

    def planned(self, copy: FileCopy) -> None:
        """What will be copied, and what of the destination stays."""
        emit("plan", **_plan(copy))

    def explained(self, copy: FileCopy, extents: str | None = None) -> None:
        """Which means would be tried, and why not the others; nothing is written."""
        emit("plan", **_plan(copy, extents))
        emit("done", exit=0, dry_run=True, total=copy.asked.request.bytes, bytes={})

    def finished(self, report: FileReport, code: ExitCode) -> None:
        """The last record; before it, of a list of ranges, one for each that is not copied whole."""
        if not report.ranges.single:
            for each in report.ranges.incomplete:
                emit("range", **_range(each))
        emit(
            "done",
            exit=int(code),
            total=report.total,
            bytes={means.value: count for means, count in report.bytes.items()},
            calls={means.value: count for means, count in report.calls.items()},
            refused={means.value: why for means, why in report.refused.items()},
            shared=report.shared,
            durable=report.durable,
            not_durable=report.not_durable or None,
            stopped=report.stopped or None,
            ranges=asdict(report.ranges.counts),
            not_copied=[_part(part) for part in report.not_copied] if report.ranges.single else None,
            longest_call_s=round(report.longest, 6),
            elapsed_s=round(report.elapsed, 6),
        )


def _range(result: RangeResult) -> dict[str, Any]:
    """All in bytes, of a device too."""
    return {
        "place": result.place,
        "source_offset": result.source_lba,
        "bytes": result.blocks,
        "destination_offset": result.destination_lba,
        "copied": result.copied,
        "not_copied": [_part(part) for part in result.not_copied],
    }


def _part(part: FailedRange) -> dict[str, Any]:
    return {
        "source_offset": part.source_lba,
        "bytes": part.source_blocks,
        "destination_offset": part.destination_lba,
        "reason": part.reason,
    }


def _means(copy: FileCopy, extents: str | None) -> list[tuple[str, str]]:
    """Every means and why it is not taken, that of the storage first where it was asked for."""
    first = [] if extents is None else [(EXTENTS, extents)]
    return first + [(means.value, why) for means, why in copy.explained]


def _plan(copy: FileCopy, extents: str | None = None) -> dict[str, Any]:
    ladder, asked = copy.job.ladder, copy.asked
    start, _, to = asked.named(0) if asked.single else (None, None, None)
    return {
        "source": {"name": asked.source.name, "file_system": _system(ladder.source)},
        "destination": {"name": asked.destination.name, "file_system": _system(ladder.destination)},
        "ranges": len(asked),
        "source_offset": start,
        "destination_offset": to,
        "bytes": asked.request.bytes,
        "kept": copy.kept,
        "warnings": list(copy.warnings),
        "block": ladder.granule,
        "means": [{"means": means, "refused": why or None} for means, why in _means(copy, extents)],
    }


def _system(side: FileFacts) -> str | None:
    return None if side.device else side.system_name


def _shared(report: FileReport) -> str:
    if not (report.bytes[Means.CLONE] or report.bytes[Means.KERNEL]):
        return "no blocks shared"
    if report.shared is None:
        return "whether blocks are shared is not known (no FIEMAP here, or too many extents)"
    return f"{size(report.shared)} in blocks shared with the source" if report.shared else "no blocks shared"


def _durable(report: FileReport) -> str:
    if report.durable:
        return "durable"
    return "not durable" if report.stopped or report.not_durable else "not yet durable (--sync)"

"""`xcopy-dev --extents FILE DEVICE`: by the storage where it can, else by the host, which is said."""

from __future__ import annotations

import sys
import traceback
from functools import partial
from typing import TYPE_CHECKING

from xcopy.api.endpoint import split
from xcopy.api.extents import prepare
from xcopy.api.freezing import run_frozen, to_freeze_of
from xcopy.api.sides import kind_of
from xcopy.cli import files
from xcopy.cli.consent import agreement, refuse_unsaid
from xcopy.cli.copy import options_of, refuse_said, renderer_for, say, show, signals
from xcopy.cli.exit_codes import INTERRUPTED_BY_USER, ExitCode, code_of_report
from xcopy.cli.render_text import EXTENTS, MEANS, print_trouble
from xcopy.errors import UnsupportedError, UsageError
from xcopy.settings import size_text as size

if TYPE_CHECKING:
    import argparse

    from xcopy.api.extents import ExtentsCopy
    from xcopy.api.files import FileCopy
    from xcopy.cli.copy import Heard

# What these say is about copies between units, or between files.
ELSEWHERE = {
    "ranges": "--ranges",
    "journal": "--journal",
    "journal_interval": "--journal-interval",
    "verify_only": "--verify-only",
    "reflink": "--reflink",
    "sparse": "--sparse",
    "move": "--move",
}


def run_extents(arguments: argparse.Namespace) -> int:
    """Copy a file onto a unit as the command line says; returns the exit code."""
    _refuse(arguments)
    if arguments.explain:
        return _explain(arguments)
    try:
        prepared = prepare(
            arguments.source, arguments.destination, options_of(arguments), agreement(arguments)
        )
    except UnsupportedError as error:
        return _by_host(arguments, _allowed(arguments, error))
    with prepared as copy:
        refuse_unsaid(arguments)
        if arguments.dry_run:
            _say_planned(copy, arguments)
            renderer = renderer_for(arguments)
            say(renderer.planned, copy.copy)
            return ExitCode.COPIED if say(renderer.dry_run, copy.copy) else ExitCode.STOPPED
        current = _Current(copy)
        with signals(current) as heard:
            code, why = _carry_out(copy, arguments, heard)
            if not why:
                return code
            copy.close()
            return _by_host(arguments, why, current, heard)


class _Current:
    """The copy that is stopped by a signal: that by the storage, and then the host's."""

    def __init__(self, copy: ExtentsCopy | FileCopy) -> None:
        self._copy, self._reason = copy, ""

    def stop(self, reason: str) -> None:
        self._reason = reason
        self._copy.stop(reason)

    def follow(self, copy: FileCopy) -> None:
        """From now on it is this one."""
        self._copy = copy
        if self._reason:
            copy.stop(self._reason)


def _refuse(arguments: argparse.Namespace) -> None:
    refuse_said(arguments, ELSEWHERE, "does not go with --extents")
    if arguments.verify:
        raise UsageError("--verify compares units: after --extents, `cmp FILE DEVICE` compares: leave it out")
    if arguments.method == "host":
        raise UsageError("--method host and --extents exclude each other: without --extents the host copies")
    if arguments.rate is not None and not _only_offload(arguments):
        raise UsageError(
            "--rate with --extents needs --require offload: the host keeps no rate where it copies a file"
        )
    path = split(arguments.destination).path
    if (kind := kind_of(path)) in ("file", "none"):
        what = "no such device; `xcopy-dev list` lists the SCSI disks" if kind == "none" else "no device"
        raise UsageError(f"{path}: {what}: --extents is for a file onto a unit")


def _is_block(arguments: argparse.Namespace) -> bool:
    """Whether the destination is named by what the host copies files onto."""
    return kind_of(split(arguments.destination).path) == "block"


def _only_offload(arguments: argparse.Namespace) -> bool:
    return bool(arguments.require) or arguments.method == "offload"


def _allowed(arguments: argparse.Namespace, error: UnsupportedError) -> str:
    """Why the host is to copy, which has to be allowed."""
    if _only_offload(arguments):
        raise error
    return str(error)


def _explain(arguments: argparse.Namespace) -> int:
    why = ""
    try:
        with prepare(arguments.source, arguments.destination, options_of(arguments)) as copy:
            refuse_unsaid(arguments)
            _say_planned(copy, arguments)
    except UnsupportedError as error:
        why = str(error)
    if not why and not _is_block(arguments):
        say(_say_only_means, arguments)
        return ExitCode.COPIED
    _refuse_other_than_block(arguments, why)
    with files.prepared(arguments) as by_host:
        return files.explain(by_host, arguments, why)


def _carry_out(copy: ExtentsCopy, arguments: argparse.Namespace, heard: Heard) -> tuple[int, str]:
    """The exit code; or why the host is to copy instead."""
    renderer = renderer_for(arguments)
    _say_planned(copy, arguments)
    say(renderer.planned, copy.copy)
    try:
        report = copy.run(lambda progress: show(renderer, progress, heard))
    except UnsupportedError as error:
        return ExitCode.UNSUPPORTED, _allowed(arguments, error)
    refused = report.offload_refused if report.stopped != INTERRUPTED_BY_USER else ""
    if refused and not report.complete and not _only_offload(arguments):
        return ExitCode.UNSUPPORTED, refused
    code = code_of_report(report, only_offload=True)
    say(renderer.finished, report, code)
    say(print_trouble, report)
    if copy.copy.fault is not None:
        traceback.print_exception(copy.copy.fault)
    return code, ""


def _by_host(
    arguments: argparse.Namespace, why: str, current: _Current | None = None, heard: Heard | None = None
) -> int:
    """The host copies the file, through its file system; after a copy in vain nobody is asked again."""
    _refuse_other_than_block(arguments, why)
    with files.prepared(arguments, agreed=current is not None) as copy:
        refuse_unsaid(arguments)
        if files.looks(arguments):
            return files.explain(copy, arguments, why)
        say(partial(_say_refused, arguments, why))
        run = copy.run
        if arguments.freeze:
            run = partial(run_frozen, copy, to_freeze_of(copy.source, copy.destination.number))
        if current is not None and heard is not None:
            current.follow(copy)
            return files.carry_out(copy, arguments, heard, run)
        with signals(copy) as heard:
            return files.carry_out(copy, arguments, heard, run)


def _say_only_means(arguments: argparse.Namespace) -> None:
    if arguments.json:
        from xcopy.cli.render_json import emit

        emit("done", exit=0, dry_run=True, bytes={})
        return
    print(f"  {MEANS[EXTENTS]}: the only means, for the host copies files onto block devices alone")
    print("nothing was copied")


def _refuse_other_than_block(arguments: argparse.Namespace, why: str) -> None:
    """`UnsupportedError` for a unit that is named by what the host copies no file onto."""
    if not _is_block(arguments):
        raise UnsupportedError(
            f"{why}; and the host copies files onto block devices alone: name the unit by /dev/sdX"
        )


def _say_planned(copy: ExtentsCopy, arguments: argparse.Namespace) -> None:
    """Where the file lies, and how it is kept still."""
    zeros = 0 if copy.copy.zeros is None else copy.copy.zeros.total
    frozen = [mount.point for mount in copy.to_freeze]
    mount = copy.place.mount
    if arguments.json:
        from xcopy.cli.render_json import emit

        say(
            partial(
                emit,
                EXTENTS,
                file=copy.name,
                file_system=mount.kind,
                device=copy.place.device,
                extents=copy.extents,
                zeros=zeros,
                frozen=frozen,
                refused=None,
            )
        )
        return
    still = f"{', '.join(frozen)} is frozen meanwhile" if frozen else "looked at before and after"
    where = f"{copy.extents} extents on {copy.place.device} ({mount.kind})"
    say(print, f"{copy.name}: {where}, {size(zeros)} of zeros; {still}")


def _say_refused(arguments: argparse.Namespace, why: str) -> None:
    if arguments.json:
        from xcopy.cli.render_json import emit

        emit(EXTENTS, file=arguments.source, refused=why)
    print(f"xcopy-dev: not by the file's extents: {why}; the host copies the file", file=sys.stderr)

"""`xcopy-dev copy` of files, and of devices that are no units, by the host: its options, and what is said."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from xcopy.api.endpoint import split
from xcopy.api.files import FileCopy, FileOptions, prepare
from xcopy.api.request import check_texts
from xcopy.api.sides import of_files
from xcopy.cli.consent import agreement, forced_kinds, refuse_unsaid
from xcopy.cli.copy import refuse_said, renderer_for, say, show, signals
from xcopy.cli.exit_codes import ExitCode, code_of_files
from xcopy.cli.ranges import range_list
from xcopy.errors import UsageError
from xcopy.ladder import Reflink
from xcopy.ranges import Quantity
from xcopy.sparse import Sparse

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from xcopy.api.byte_ranges import FileRange
    from xcopy.api.files import FileReport
    from xcopy.cli.copy import Heard
    from xcopy.cli.render_files import FilesRenderer
    from xcopy.progress import Progress
    from xcopy.ranges import Number

# What these say is about commands to a unit: of files it would be said in vain.
OF_UNITS = {
    "require": "--require",
    "jobs": "--jobs",
    "segment": "--segment",
    "segments_per_command": "--segments-per-command",
    "rate": "--rate",
    "journal": "--journal",
    "journal_interval": "--journal-interval",
    "verify": "--verify",
    "verify_only": "--verify-only",
    "timeout": "--timeout",
    "freeze": "--freeze",
}


# And these about files alone: of a device nothing is looked at.
NOT_OF_DEVICES = {"sparse": "--sparse", "move": "--move"}


def run_file_copy(arguments: argparse.Namespace) -> int:
    """Copy between files as the command line says; returns the exit code."""
    files = of_files(arguments.source, arguments.destination)
    what = "files are" if files else "a device that is none is"
    refuse_said(arguments, OF_UNITS, f"is about units, and {what} copied here")
    if not files:
        refuse_said(arguments, NOT_OF_DEVICES, "is about files, and none is copied here")
    elif arguments.method != "auto":
        raise UsageError(
            f"--method {arguments.method} is about units; between files, --reflink never has the host copy"
        )
    if arguments.prefer != "either" or arguments.transport != "sg":
        raise UsageError(f"--prefer and --transport are about units, and {what} copied here: leave them out")
    with prepared(arguments) as copy:
        refuse_unsaid(arguments)
        if looks(arguments):
            return explain(copy, arguments)
        with signals(copy) as heard:
            return carry_out(copy, arguments, heard, copy.run)


def looks(arguments: argparse.Namespace) -> bool:
    """Whether nothing is to be written."""
    return bool(arguments.explain or arguments.dry_run)


def prepared(arguments: argparse.Namespace, *, agreed: bool = False) -> FileCopy:
    """The copy that a command line asks for, ready to run; what it destroys may be `agreed` to already."""
    source, destination = split(arguments.source), split(arguments.destination)
    many = arguments.ranges is not None
    check_texts(source, destination, many=many)
    options = FileOptions(
        reflink=Reflink(arguments.reflink or "auto"),
        sparse=Sparse(arguments.sparse or "auto"),
        sync=arguments.sync,
        move=arguments.move,
        force=forced_kinds(arguments),
    )
    look = looks(arguments)
    agree = (lambda _: None) if look or agreed else agreement(arguments)
    with range_list(arguments.ranges) as listed:
        zero = Quantity(0, None, "0")
        ranges: Iterable[tuple[int, FileRange]]
        if listed is None:
            ranges = [(0, (source.lba or zero, source.count, destination.lba or zero))]
        else:
            ranges = ((line, (_written(a), _written(n), _written(b))) for line, (a, n, b) in listed.ranges)
        file = None if listed is None else listed.file
        return prepare(source.path, destination.path, ranges, options, file=file, look=look, agree=agree)


def _written(number: Number) -> Quantity:
    """A number of a list, as if it stood on the command line."""
    return number if isinstance(number, Quantity) else Quantity(number, None, str(number))


def _way(arguments: argparse.Namespace) -> FilesRenderer:
    from xcopy.cli.render_files import FilesInJson, FilesInText

    return FilesInJson() if arguments.json else FilesInText(verbose=arguments.verbose)


def explain(copy: FileCopy, arguments: argparse.Namespace, extents: str | None = None) -> int:
    """Say what would be tried; nothing is written. `extents`: why not the file's extents, "" if they are."""
    return ExitCode.COPIED if say(_way(arguments).explained, copy, extents) else ExitCode.STOPPED


def carry_out(
    copy: FileCopy,
    arguments: argparse.Namespace,
    heard: Heard,
    run: Callable[[Callable[[Progress], object]], FileReport],
) -> int:
    """`run` a copy that is ready, and say all there is to say; returns the exit code."""
    renderer, way = renderer_for(arguments), _way(arguments)
    say(way.planned, copy)
    report = run(lambda progress: show(renderer, progress, heard))
    code = code_of_files(report, only_clones=copy.options.reflink is Reflink.ALWAYS)
    say(way.finished, report, code)
    say(way.trouble, report)
    if copy.fault is not None:
        traceback.print_exception(copy.fault)
    return code

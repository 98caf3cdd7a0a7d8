"""`xcopy-dev copy`: options to a copy, signals to a stop, events to a renderer, a report to an exit code."""

from __future__ import annotations

import signal
import sys
import traceback
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from xcopy.api.copy import Copy, Report, prepare
from xcopy.api.options import INTERVAL, Options
from xcopy.api.sides import by_host_alone, of_files
from xcopy.cli.consent import agreement, forced_kinds, refuse_unsaid, unsaid
from xcopy.cli.exit_codes import INTERRUPTED_BY_USER, ExitCode, code_of_report
from xcopy.cli.ranges import range_list
from xcopy.cli.render_text import print_trouble, print_way_on
from xcopy.cli.streams import mute_broken
from xcopy.comparison import Prefer
from xcopy.errors import UsageError
from xcopy.job import Method
from xcopy.sparse import Sparse

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

    from xcopy.api.verify_only import Verification
    from xcopy.paths import PathChange
    from xcopy.progress import Progress
    from xcopy.verification import Verified


# What these say is about files: of units it would be said in vain.
OF_FILES = {
    "reflink": "--reflink",
    "sync": "--sync",
    "move": "--move",
    "explain": "--explain",
}
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stoppable(Protocol):
    """What a signal ends."""

    def stop(self, reason: str) -> None:
        """Begin nothing more; safe in a signal handler."""
        ...


class Renderer(Protocol):
    """What a copy has to say, in order."""

    def planned(self, copy: Copy) -> None:
        """What will be copied, and how."""
        ...

    def dry_run(self, copy: Copy) -> None:
        """The exact bytes of every command."""
        ...

    def progress(self, progress: Progress) -> None:
        """How far it is; called many times a second."""
        ...

    def tell(self, progress: Progress) -> None:
        """How far it is, at once."""
        ...

    def stopping(self, progress: Progress, asked: int) -> None:
        """A stop was asked for the so manieth time, and waits for what is in flight."""
        ...

    def path_changed(self, change: PathChange) -> None:
        """A path to a unit failed, or took over."""
        ...

    def finishing(self, progress: Progress, asked: int) -> None:
        """Nothing is in flight, and what was copied is made durable; a stop was asked for so many times."""
        ...

    def finished(self, report: Report, code: ExitCode) -> None:
        """What became of it."""
        ...

    def comparing(self, check: Verification) -> None:
        """What will be compared, where nothing is copied."""
        ...

    def compared(self, verified: Verified, code: ExitCode) -> None:
        """What became of that."""
        ...


def run_copy(arguments: argparse.Namespace) -> int:
    """Copy as the command line says; returns the exit code. What both sides are decides who copies."""
    if arguments.extents:
        from xcopy.cli.extents import run_extents

        return run_extents(arguments)
    sides = arguments.source, arguments.destination
    if of_files(*sides) or (arguments.method == "host" and by_host_alone(*sides)):
        from xcopy.cli.files import run_file_copy

        return run_file_copy(arguments)
    refuse_said(arguments, OF_FILES, "is about files, and a unit is copied here")
    if arguments.verify_only:
        from xcopy.cli.verify import run_verify_only

        return run_verify_only(arguments)
    options = options_of(arguments)
    renderer = renderer_for(arguments)
    with range_list(arguments.ranges) as ranges:
        prepared = prepare(arguments.source, arguments.destination, options, ranges, agreement(arguments))
    with prepared as copy:
        refuse_unsaid(arguments)
        if not arguments.dry_run:
            return carry_out(copy, renderer)
        said = [say(render, copy) for render in (renderer.planned, renderer.dry_run)]
        return ExitCode.COPIED if all(said) else ExitCode.STOPPED


def carry_out(copy: Copy, renderer: Renderer) -> int:
    """Run a copy that is ready, and say all there is to say; returns the exit code."""
    with signals(copy) as heard:
        say(renderer.planned, copy)
        report = copy.run(lambda progress: show(renderer, progress, heard))
        code = code_of_report(report, only_offload=copy.options.method is Method.OFFLOAD)
        say(renderer.finished, report, code)
        say(print_trouble, report)
        if report.verified is not None:
            from xcopy.cli.render_verification import print_differences

            say(print_differences, report.verified)
        if copy.journal is not None and not report.complete and code is not ExitCode.MISMATCH:
            say(print_way_on, copy.journal)
        if copy.fault is not None:
            traceback.print_exception(copy.fault)
    return code


def refuse_said(arguments: argparse.Namespace, options: Mapping[str, str], why: str) -> None:
    """`UsageError` for one of these options that was given; they are named by what holds their value."""
    for name, option in options.items():
        if getattr(arguments, name):
            raise UsageError(f"{option} {why}: leave it out")


def options_of(arguments: argparse.Namespace) -> Options:
    """How units are to be copied, as the command line says."""
    if arguments.require and arguments.method == "host":
        raise UsageError("--require offload and --method host exclude each other")
    if arguments.journal_interval and arguments.journal is None:
        raise UsageError("--journal-interval is about a journal: give --journal FILE too, or leave it out")
    return Options(
        method=Method.OFFLOAD if arguments.require else Method(arguments.method),
        prefer=Prefer(arguments.prefer),
        jobs=arguments.jobs,
        segment=arguments.segment,
        segments_per_command=arguments.segments_per_command,
        rate=arguments.rate,
        timeout=arguments.timeout,
        force=forced_kinds(arguments),
        freeze=arguments.freeze,
        transport=arguments.transport,
        journal=None if arguments.dry_run or unsaid(arguments) else arguments.journal,
        journal_interval=arguments.journal_interval or INTERVAL,
        verify=arguments.verify or "",
        sparse=Sparse(arguments.sparse or "auto"),
    )


def renderer_for(arguments: argparse.Namespace) -> Renderer:
    """How a copy is spoken of."""
    if arguments.json:
        from xcopy.cli.render_json import JsonRenderer

        return JsonRenderer()
    from xcopy.cli.render_text import TextRenderer

    return TextRenderer(verbose=arguments.verbose)


def say(render: Callable[..., None], *what: object) -> bool:
    """Render; a copy goes on when what is said cannot be written, and its exit code says how it ended."""
    try:
        render(*what)
        sys.stdout.flush()
    except OSError as error:
        mute_broken(error)
        return False
    return True


@dataclass(slots=True)
class Heard:
    """Signals that came in and have not been spoken of: handlers count, what is said is said elsewhere."""

    stops: int = 0
    said: int = 0
    looks: int = 0
    finishing: bool = False
    paths: Counter[str] = field(default_factory=Counter)  # changes of each unit's that were told


def show(renderer: Renderer, progress: Progress, heard: Heard) -> None:
    """Say what is new: progress, an answer to a signal, paths that failed, what is waited for."""
    seen: Counter[str] = Counter()
    for change in progress.path_changes:
        seen[change.unit] += 1
        if seen[change.unit] > heard.paths[change.unit]:
            say(renderer.path_changed, change)
    heard.paths = seen
    if heard.looks:
        heard.looks = 0
        say(renderer.tell, progress)
    if progress.finishing:
        asked = heard.stops - heard.said
        if asked or not heard.finishing:
            heard.finishing, heard.said = True, heard.said + asked
            say(renderer.finishing, progress, asked)
    elif heard.said < heard.stops and progress.stopping:
        heard.said = heard.stops
        say(renderer.stopping, progress, heard.stops)
    elif not progress.stopping:
        say(renderer.progress, progress)


@contextmanager
def signals(copy: Stoppable) -> Iterator[Heard]:
    """Ctrl-C, SIGTERM and a lost terminal stop the copy between commands, never inside one; SIGUSR1 asks.

    A signal that was ignored, as under nohup, stays so; the others are ignored when all is reported: what
    comes later changes neither that nor the exit code. `main` puts them back where it is called in a program.
    """
    heard = Heard()

    def stop(*_: object) -> None:
        heard.stops += 1
        copy.stop(INTERRUPTED_BY_USER)

    def look(*_: object) -> None:
        heard.looks += 1

    handlers = dict.fromkeys(STOP_SIGNALS, stop) | {signal.SIGUSR1: look}
    try:
        mine = {n: h for n, h in handlers.items() if signal.getsignal(n) != signal.SIG_IGN}
        for number, handler in mine.items():
            signal.signal(number, handler)
    except ValueError:  # not the main thread: whoever runs us there has the signals
        yield heard
        return
    try:
        yield heard
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_IGN)

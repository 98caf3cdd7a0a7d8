"""`xcopy-dev copy`: options to a copy, signals to a stop, events to a renderer, a report to an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from xcopy.api.copy import Copy, Options, Report, prepare
from xcopy.cli.exit_codes import INTERRUPTED_BY_USER, ExitCode, code_of_report
from xcopy.cli.ranges import range_list
from xcopy.cli.render_text import print_trouble
from xcopy.errors import UsageError
from xcopy.job import Method

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from xcopy.job import Job


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Renderer(Protocol):
    """What a copy has to say, in order."""

    def planned(self, copy: Copy) -> None:
        """What will be copied, and how."""
        ...

    def dry_run(self, copy: Copy) -> None:
        """The exact bytes of every command."""
        ...

    def progress(self, job: Job) -> None:
        """How far it is."""
        ...

    def finished(self, report: Report, code: ExitCode) -> None:
        """What became of it."""
        ...


def run_copy(arguments: argparse.Namespace) -> int:
    """Copy as the command line says; returns the exit code."""
    options = _options(arguments)
    renderer = _renderer(arguments)
    with range_list(arguments.ranges) as ranges:
        prepared = prepare(arguments.source, arguments.destination, options, ranges)
    with prepared as copy:
        _say(renderer.planned, copy)
        if arguments.dry_run:
            return ExitCode.COPIED if _say(renderer.dry_run, copy) else ExitCode.STOPPED
        with _signals(copy):
            report = copy.run(lambda job: _say(renderer.progress, job))
        code = code_of_report(report, only_offload=options.method is Method.OFFLOAD)
        _say(renderer.finished, report, code)
        _say(print_trouble, report)
        if copy.fault is not None:
            traceback.print_exception(copy.fault)
        return code


def _options(arguments: argparse.Namespace) -> Options:
    if arguments.require and arguments.method == "host":
        raise UsageError("--require offload and --method host exclude each other")
    return Options(
        method=Method.OFFLOAD if arguments.require else Method(arguments.method),
        jobs=arguments.jobs,
        timeout=arguments.timeout,
        force=arguments.force,
        transport=arguments.transport,
    )


def _renderer(arguments: argparse.Namespace) -> Renderer:
    if arguments.json:
        from xcopy.cli.render_json import JsonRenderer

        return JsonRenderer()
    from xcopy.cli.render_text import TextRenderer

    return TextRenderer(verbose=arguments.verbose)


def _say(render: Callable[..., None], *what: object) -> bool:
    """Render; a copy goes on when what is said cannot be written, and its exit code says how it ended."""
    try:
        render(*what)
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return False
    return True


@contextmanager
def _signals(copy: Copy) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a lost terminal stop the copy between commands, never inside one.

    A signal that was ignored, as under nohup, stays so.
    """

    def stop(*_: object) -> None:
        copy.stop(INTERRUPTED_BY_USER)

    try:
        heard = [n for n in STOP_SIGNALS if signal.getsignal(n) != signal.SIG_IGN]
        before = {number: signal.signal(number, stop) for number in heard}
    except ValueError:  # not the main thread: whoever runs us there has the signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

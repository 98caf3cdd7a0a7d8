"""A command line from its words to its exit code: what all commands have in common."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xcopy import __version__
from xcopy.cli.streams import complain, mute_broken, of_output, open_all

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from xcopy.errors import XcopyError

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)  # by one command or the other


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; without `argv` it is all that the process does."""
    if argv is None:
        with _deaf_afterwards():
            return _answered(sys.argv[1:])
    with _put_back():
        return _answered(argv)


@contextmanager
def _deaf_afterwards() -> Iterator[None]:
    """All is said: a signal while Python ends changes neither that nor the exit code.

    Before a copy begins, which has handlers of its own, SIGTERM and SIGHUP are as Ctrl-C, and SIGUSR1 has no
    answer yet. What was ignored stays so.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    if signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL:
        signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        yield
    finally:
        for number in HEARD:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def _put_back() -> Iterator[None]:
    """Whoever calls this from a program of their own has the signals again as they were."""
    before = {number: signal.getsignal(number) for number in HEARD}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) != handler:
                signal.signal(number, handler)


def _answered(argv: Sequence[str]) -> int:
    open_all()
    words = list(argv)
    try:
        if words == ["--version"]:
            print(f"xcopy-dev {__version__}", flush=True)
            return 0
        code = _main(words)
        sys.stdout.flush()
        return code
    except OSError as error:
        if not of_output(error):
            raise
        mute_broken(error)
        from xcopy.cli.exit_codes import ExitCode

        return ExitCode.STOPPED
    except KeyboardInterrupt:
        from xcopy.cli.exit_codes import ExitCode
        from xcopy.errors import Interrupted

        if "--json" in words:
            _say_in_json(Interrupted("interrupted outside a copy: nothing is in flight"))
        complain("interrupted outside a copy: nothing is in flight")
        return ExitCode.INTERRUPTED


def _main(words: list[str]) -> int:
    from xcopy.cli.arguments import read
    from xcopy.cli.exit_codes import ExitCode, code_of_error
    from xcopy.errors import UsageError, XcopyError

    try:
        arguments = read(words)
    except SystemExit as ended:
        if ended.code and "--json" in words:
            _say_in_json(UsageError("the command line cannot be read: standard error says why"))
        return ExitCode.USAGE if ended.code else ExitCode.COPIED
    try:
        return int(_run(arguments))
    except XcopyError as error:
        if getattr(arguments, "json", False):
            _say_in_json(error)
        complain(str(error))
        return code_of_error(error)


def _say_in_json(error: XcopyError) -> None:
    """The exit code says it too where it cannot be written."""
    from xcopy.cli.render_json import print_error

    try:
        print_error(error)
    except OSError as unsaid:
        mute_broken(unsaid)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "copy":
        from xcopy.cli.copy import run_copy

        return run_copy(arguments)
    if arguments.command == "reflink":
        from xcopy.cli.reflink import run_reflink

        return run_reflink(arguments)
    if arguments.command == "resume":
        from xcopy.cli.resume import run_resume

        return run_resume(arguments)
    if arguments.command == "list":
        from xcopy.cli.list import run_list

        return run_list(arguments)
    if arguments.command == "probe":
        from xcopy.cli.probe import run_probe

        return run_probe(arguments)
    if arguments.command == "decode":
        from xcopy.cli.decode import run_decode

        return run_decode(arguments)
    from xcopy.cli.emu import run_emu

    return run_emu(arguments)

"""`xcopy-dev copy --verify-only`: two ranges compared; the rest is as in `xcopy-dev copy`."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from xcopy.api.options import Options
from xcopy.api.verify_only import prepare_verification
from xcopy.cli.copy import renderer_for, say, show, signals
from xcopy.cli.exit_codes import code_of_verified
from xcopy.cli.ranges import range_list
from xcopy.cli.render_verification import print_differences
from xcopy.errors import UsageError

if TYPE_CHECKING:
    import argparse

# What these say is about copying: with `--verify-only` they would be said in vain.
OF_A_COPY = {
    "verify": "--verify",
    "dry_run": "--dry-run",
    "journal": "--journal",
    "journal_interval": "--journal-interval",
    "require": "--require",
    "force": "--force",
    "yes": "--yes",
    "freeze": "--freeze",
    "segment": "--segment",
    "segments_per_command": "--segments-per-command",
    "sparse": "--sparse",
}


def run_verify_only(arguments: argparse.Namespace) -> int:
    """Compare as the command line says; returns the exit code."""
    _refuse_copying(arguments)
    options = Options(
        verify=arguments.verify_only,
        jobs=arguments.jobs,
        rate=arguments.rate,
        timeout=arguments.timeout,
        transport=arguments.transport,
    )
    renderer = renderer_for(arguments)
    with range_list(arguments.ranges) as ranges:
        check = prepare_verification(arguments.source, arguments.destination, options, ranges)
    with signals(check) as heard:
        say(renderer.comparing, check)
        verified = check.run(lambda progress: show(renderer, progress, heard))
        code = code_of_verified(verified)
        say(renderer.compared, verified, code)
        say(print_differences, verified)
        if check.fault is not None:
            traceback.print_exception(check.fault)
    return code


def _refuse_copying(arguments: argparse.Namespace) -> None:
    said = [option for name, option in OF_A_COPY.items() if getattr(arguments, name)]
    said += [f"--method {arguments.method}"] * (arguments.method != "auto")
    said += [f"--prefer {arguments.prefer}"] * (arguments.prefer != "either")
    if said:
        raise UsageError(
            f"--verify-only copies nothing, and {said[0]} is about a copy: leave one of them out"
        )

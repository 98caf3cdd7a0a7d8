"""What a command line agrees to: uses that `--force` overrides, and what may be destroyed on the destination.

The latter is asked on a terminal, and only there. A script cannot answer, and the nightly copy of a file
system always finds the one of the night before: without a terminal a copy goes on, and what it destroys is
among its warnings.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from xcopy.claim import FORCIBLE
from xcopy.errors import UnsafeError, UsageError

if TYPE_CHECKING:
    import argparse


def forced_kinds(arguments: argparse.Namespace) -> frozenset[str]:
    """Every kind of use that is overridden."""
    return frozenset[str]().union(*arguments.force or ())


def unsaid(arguments: argparse.Namespace) -> bool:
    """True where there is a `--force` that does not say what it overrides."""
    return not all(arguments.force or ())


def refuse_unsaid(arguments: argparse.Namespace) -> None:
    """`UsageError` for such a `--force` where nothing was found that could have told what it lacks."""
    if unsaid(arguments):
        raise UsageError(
            "--force has to say what it overrides, such as --force=mounted (kinds of use: "
            f"{', '.join(FORCIBLE)}); nothing is in the way just now, so leave it out"
        )


def agreement(arguments: argparse.Namespace) -> Consent:
    """How this command line agrees: unasked, with `--yes`, where nothing is written or nobody can answer."""
    return Consent(ask=not (arguments.yes or arguments.dry_run) and _terminal())


class Consent:
    """To be called with what would be destroyed; `UnsafeError` when the answer is not yes."""

    def __init__(self, *, ask: bool) -> None:
        self._ask = ask

    def __call__(self, destroyed: tuple[str, ...]) -> None:
        if not self._ask:
            return
        for each in destroyed:
            print(f"xcopy-dev: this will be destroyed: {each}", file=sys.stderr)
        print("xcopy-dev: type yes to go on: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() != "yes":
            raise UnsafeError("not answered with yes: nothing was written (--yes does not ask)")


def _terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stderr, sys.stdin))

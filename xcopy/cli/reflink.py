"""`xcopy-dev reflink SRC NEW`: a new file that shares all blocks of another, or an error and no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.api.reflink import reflink
from xcopy.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    import argparse


def run_reflink(arguments: argparse.Namespace) -> int:
    """Make the file as the command line says; returns the exit code."""
    made = reflink(arguments.source, arguments.destination, sync=arguments.sync)
    if arguments.json:
        from xcopy.cli.render_json import emit

        emit("done", exit=0, bytes=made.size, means=made.means, shared=made.shared, durable=arguments.sync)
    else:
        durable = "durable" if arguments.sync else "not yet durable (--sync)"
        what = f"the {made.size} bytes of {arguments.source}"
        print(f"{arguments.destination} shares {what} ({made.means}); {durable}")
    return ExitCode.COPIED

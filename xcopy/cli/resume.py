"""`xcopy-dev resume`: a journal to a copy that goes on; the rest is as in `xcopy-dev copy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.api.resume import resume
from xcopy.cli.consent import forced_kinds, refuse_unsaid
from xcopy.cli.copy import carry_out, renderer_for

if TYPE_CHECKING:
    import argparse


def run_resume(arguments: argparse.Namespace) -> int:
    """Go on with the copy of a journal; returns the exit code."""
    with resume(arguments.journal, force=forced_kinds(arguments), verify=arguments.verify or "") as copy:
        refuse_unsaid(arguments)
        return carry_out(copy, renderer_for(arguments))

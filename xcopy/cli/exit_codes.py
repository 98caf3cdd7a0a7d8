"""The exit codes, and which outcome or error each stands for: the one place that says so."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from xcopy.errnos import Means
from xcopy.errors import Interrupted, ReservedElsewhere, UnsafeError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from xcopy.api.copy import Report
    from xcopy.api.files import FileReport
    from xcopy.errors import XcopyError
    from xcopy.verification import Verified

INTERRUPTED_BY_USER = "interrupted"


class ExitCode(IntEnum):
    """What `xcopy-dev` ends with."""

    COPIED = 0  # everything asked for is copied, or, where nothing is to be copied, equal
    STOPPED = 1  # stopped or failed; the report says what is copied and what is not
    USAGE = 2  # the command line or a range cannot be meant
    UNSAFE = 3  # refused: data could be lost
    UNSUPPORTED = 4  # the storage cannot do it and no other means is allowed
    MISMATCH = 5  # a verification found a difference
    INTERRUPTED = 130  # stopped by Ctrl-C or SIGTERM


def code_of_error(error: XcopyError) -> ExitCode:
    """The exit code of an error that ended the program before or instead of a copy."""
    if isinstance(error, UsageError):
        return ExitCode.USAGE
    if isinstance(error, UnsafeError | ReservedElsewhere):
        return ExitCode.UNSAFE
    if isinstance(error, UnsupportedError):
        return ExitCode.UNSUPPORTED
    if isinstance(error, Interrupted):
        return ExitCode.INTERRUPTED
    return ExitCode.STOPPED


def code_of_report(report: Report, *, only_offload: bool) -> ExitCode:
    """The exit code of a copy that ran; a difference is what has to be heard, whatever else happened."""
    verified = None if report.verified is None else code_of_verified(report.verified)
    if verified is ExitCode.MISMATCH:
        return verified
    interrupted = report.stopped == INTERRUPTED_BY_USER or verified is ExitCode.INTERRUPTED
    if interrupted and not report.not_durable:
        return ExitCode.INTERRUPTED
    if report.complete:
        return ExitCode.COPIED
    if only_offload and report.offload_refused and not report.copied:
        return ExitCode.UNSUPPORTED
    return ExitCode.STOPPED


def code_of_files(report: FileReport, *, only_clones: bool) -> ExitCode:
    """The exit code of a copy between files that ran."""
    if report.complete:
        return ExitCode.COPIED
    if report.stopped == INTERRUPTED_BY_USER and not report.not_durable:
        return ExitCode.INTERRUPTED
    if only_clones and not report.copied and Means.CLONE in report.refused:
        return ExitCode.UNSUPPORTED
    return ExitCode.STOPPED


def code_of_verified(verified: Verified) -> ExitCode:
    """The exit code of a verification."""
    if verified.differing:
        return ExitCode.MISMATCH
    if verified.stopped == INTERRUPTED_BY_USER:
        return ExitCode.INTERRUPTED
    return ExitCode.COPIED if verified.equal else ExitCode.STOPPED

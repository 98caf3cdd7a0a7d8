"""Standard output and standard error: there when the program begins, and no reason for it to fail.

Belongs here: what becomes of a stream that is closed, full or hung up, and of letters it cannot write. Does
not know what is said.
"""

from __future__ import annotations

import io
import os
import sys

_told = False  # that something could not be written


def open_all() -> None:
    """A closed standard stream would lend its number to the next device opened: /dev/null takes it.

    A path that is no text in the user's encoding is written with escapes.
    """
    global _told
    _told = False
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def mute_broken(error: OSError) -> None:
    """What cannot be written, which is said once, goes nowhere from now on; the other stream stays.

    That nobody reads any more is not worth a word.
    """
    global _told
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
    if not (_told or isinstance(error, BrokenPipeError)):
        _told = True
        complain(f"what is said cannot be written, and is not complete: {error.strerror}")


def of_output(error: OSError) -> bool:
    """Whether it was raised by what says something, and not by a fault of this program."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = trace.tb_frame.f_globals["__name__"] if trace is not None else ""
    return error.filename is None and where.startswith(("xcopy.cli.", "argparse"))


def plain(text: str) -> str:
    """What a terminal may be sent of a name that others chose: what is not to be seen is shown as \\xNN."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def complain(text: str) -> None:
    """One line on standard error; the exit code says it too where nobody reads it."""
    try:
        print(f"xcopy-dev: {text}", file=sys.stderr, flush=True)
    except OSError as error:
        mute_broken(error)

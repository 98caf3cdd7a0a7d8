"""Standard output and standard error: there when the program begins, and no reason for it to fail.

Belongs here: what becomes of a stream that is closed, full or hung up, and of letters it cannot write. Does
not know what is said.
"""

from __future__ import annotations

import io
import os
import sys


def open_all() -> None:
    """A closed standard stream would lend its number to the next device opened: /dev/null takes it.

    A path that is no text in the user's encoding is written with escapes.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def mute_broken() -> None:
    """After an `OSError`: what cannot be written goes nowhere from now on, the other stream stays."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def plain(text: str) -> str:
    """What a terminal may be sent of a name that others chose: what is not to be seen is shown as \\xNN."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def complain(text: str) -> None:
    """One line on standard error; the exit code says it too where nobody reads it."""
    try:
        print(f"xcopy-dev: {text}", file=sys.stderr, flush=True)
    except OSError:
        mute_broken()

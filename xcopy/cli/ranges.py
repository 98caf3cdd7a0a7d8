"""`--ranges FILE`: a file of ranges, or standard input, line by line and never as a whole."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xcopy.api.request import RangeList
from xcopy.errors import UsageError
from xcopy.ranges import parse_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

LONGEST_LINE = 1000  # bytes; what is longer is no list of ranges, and may have no end


@contextmanager
def range_list(path: str | None) -> Iterator[RangeList | None]:
    """The ranges of a file, "-" being standard input, to be read while it is open; None without a path."""
    if path is None:
        yield None
    elif path == "-":
        yield _list(sys.stdin.buffer, "standard input")
    else:
        try:
            file = open(path, "rb")  # noqa: SIM115 - closed below; what its reader raises is not ours
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}: no ranges can be read from it") from error
        with file:
            yield _list(file, path)


def _list(file: BinaryIO, name: str) -> RangeList:
    return RangeList(parse_ranges(_lines(file, name), name), name)


def _lines(file: BinaryIO, name: str) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(LONGEST_LINE + 1)
        except OSError as error:
            raise UsageError(f"{name} line {number}: {error.strerror}") from error
        if not line:
            return
        if len(line) > LONGEST_LINE:
            raise UsageError(
                f"{name} line {number} is longer than {LONGEST_LINE} bytes: this is no list of ranges"
            )
        yield line.decode("utf-8", "replace")

"""Text to ranges: what `PATH[:LBA[+COUNT]]` names, and the lines of a file of ranges.

A path may contain colons, so the whole text is a path wherever it exists as one; only then is a range
looked for behind the last colon. Nothing here knows a device: whether a path exists is asked of the caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from xcopy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SUFFIXES = {
    "": None,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}
EMULATED = "emu:"  # before the directory and number of an emulated unit
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]{1,40}|[0-9]{1,40})([A-Za-z]*)")
_LARGEST = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it was written: logical blocks when `scale` is None, else `number * scale` bytes."""

    number: int
    scale: int | None
    text: str

    def blocks(self, block_size: int) -> int:
        """How many blocks of `block_size` bytes; bytes that are not whole blocks are a `UsageError`."""
        if self.scale is None:
            return self.number
        count, rest = divmod(self.number * self.scale, block_size)
        if rest:
            raise UsageError(
                f"{self.text} is {self.number * self.scale} bytes, not a whole number of {block_size}-byte "
                f"blocks: {count} blocks are {count * block_size} bytes"
            )
        return count


Number: TypeAlias = int | Quantity  # logical blocks, or as it was written
Written: TypeAlias = tuple[
    Number, Number, Number
]  # source LBA, COUNT in the source's blocks, destination LBA


@dataclass(frozen=True, slots=True)
class EndpointText:
    """One side of a copy as it was written."""

    path: str
    lba: Quantity | None = None
    count: Quantity | None = None


def parse_quantity(text: str) -> Quantity:
    """A decimal or 0x number, with a byte suffix or without one (blocks)."""
    found = _NUMBER.fullmatch(text)
    if not found:
        raise UsageError(f"{text!r} is not a number: write blocks (2048, 0x800) or bytes (1GiB, 64MB)")
    digits, suffix = found.groups()
    if suffix not in SUFFIXES:
        known = ", ".join(s for s in SUFFIXES if s)
        raise UsageError(f"{text!r}: the suffix {suffix!r} is not known; bytes take one of {known}")
    number, scale = int(digits, 0 if digits[:2] in ("0x", "0X") else 10), SUFFIXES[suffix]
    if number * (scale or 1) > _LARGEST:
        raise UsageError(f"{text!r} is more than a 64-bit address can say")
    return Quantity(number, scale, text)


def parse_ranges(lines: Iterable[str], file: str) -> Iterator[tuple[int, Written]]:
    """The ranges in the lines of a file, with their line numbers; `file` is what it is called in an error.

    A line is 'SRC_LBA COUNT DST_LBA'; what follows a # is a comment, and a line may be empty.
    """
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 3:
            raise UsageError(
                f"{file} line {number}: {len(words)} words where 'SRC_LBA COUNT DST_LBA' are expected"
            )
        try:
            source, count, destination = map(_number, words)
        except UsageError as error:
            raise UsageError(f"{file} line {number}: {error}") from error
        yield number, (source, count, destination)


def _number(word: str) -> Number:
    """Most numbers of a long list are plain digits: those that any 64 bits hold are read at once."""
    return int(word) if len(word) < 20 and word.isascii() and word.isdigit() else parse_quantity(word)


def parse_endpoint(text: str, exists: Callable[[str], bool]) -> EndpointText:
    """The path and range in `text`; `exists` says whether a candidate path is there."""
    if not text:
        raise UsageError("an empty path names no device: write DEVICE[:LBA[+COUNT]]")
    head, colon, tail = text.rpartition(":")
    if not colon or exists(text) or (text.startswith(EMULATED) and head == EMULATED[:-1]):
        return EndpointText(text)
    if not head:
        raise UsageError(f"{text!r} has a range but no device before the colon: write DEVICE:LBA+COUNT")
    lba, plus, count = tail.partition("+")
    try:
        return EndpointText(head, parse_quantity(lba), parse_quantity(count) if plus else None)
    except UsageError as error:
        if not exists(head):
            return EndpointText(text)  # no part of it is there: the caller says that the path is not
        raise UsageError(f"{text!r}: {error}") from error

"""What was read, in the order of the bytes: every field with where it lies, for whoever shows or names it.

A trace is filled while a record is read, by the same reader that makes the value: what broke off is
missing from its end, and nothing is described a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cdb.record import Record
    from cdb.row import Row


class Heading(NamedTuple):
    """A structure begins at byte `at`; `name` is what to call it ("segment 3"), "" for the outermost."""

    at: int
    depth: int
    name: str
    record: type[Record]
    title: str = ""


class Seen(NamedTuple):
    """One field: `size` bytes at byte `at` (a field of bits: the bytes it touches), and its value."""

    at: int
    size: int
    depth: int
    row: Row
    record: type[Record]
    value: int | bool | bytes
    ordinal: int | None = None  # which number of a list of numbers


class Complaint(NamedTuple):
    """Something that cannot be right at byte `at`, in words."""

    at: int
    depth: int
    text: str


class Undescribed(NamedTuple):
    """Bytes inside a structure's told length that its table does not describe."""

    at: int
    size: int
    depth: int


class Trace:
    """Everything read so far; `base` is added to every offset of a structure read out of another's field."""

    __slots__ = ("base", "entries")

    def __init__(self) -> None:
        self.entries: list[Heading | Seen | Complaint | Undescribed] = []
        self.base = 0

"""The ranges of a copy between files as they were asked for, resolved to bytes of both sides.

Belongs here: what a number without a suffix counts, and where "to the end" is. Does not know who copies.
"""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, TypeAlias

from xcopy.asked import Asked, Extent
from xcopy.errors import UnsupportedError, UsageError
from xcopy.ranges import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xcopy.device.open_file import OpenFile
    from xcopy.ranges import Number, Written

LARGEST = 2**63 - 1  # bytes: what an offset of Linux can say
FileRange: TypeAlias = "tuple[Number, Number | None, Number]"  # source offset, length, destination offset


def asked_of(
    reader: OpenFile, writer: OpenFile, ranges: Iterable[tuple[int, FileRange]], file: str | None
) -> Asked:
    """The ranges with their lengths resolved, all inside the source."""
    size, room = reader.facts.size, writer.facts.size if writer.facts.device else LARGEST
    if not size and not reader.facts.device and reader.has_bytes():
        raise UnsupportedError(
            f"{reader.facts.name} says that it is empty, and is not: where such a file ends, as those of "
            "/proc, nobody can tell; cat copies it"
        )

    def resolved() -> Iterator[tuple[int, Written]]:
        for number, each in ranges:
            try:
                begin, length, to = each
            except (TypeError, ValueError):
                raise UsageError(f"{each!r} is no range: source offset, length, destination offset") from None
            first, place = _in_bytes(begin, reader), _in_bytes(to, writer)
            count = max(0, size - first) if length is None else _in_bytes(length, reader)
            for side, at in ((reader, first), (writer, place)):
                if at % side.step or count % side.step:
                    raise UsageError(
                        f"{side.name}: {count} bytes at byte {at} are not whole blocks of {side.step} bytes, "
                        "and a device has no others: give an offset and a COUNT that are"
                    )
            yield number, (first, count, place)

    source, destination = Extent(reader.name, 0, size, 1), Extent(writer.name, 0, room, 1)
    return Asked(source, destination, resolved(), file=file)


def _in_bytes(number: Number, side: OpenFile) -> int:
    """A plain number is bytes; one as it was written, without a suffix, is blocks of a device."""
    if isinstance(number, Quantity):
        return number.blocks(1) * (side.step if number.scale is None else 1)
    try:
        return index(number)
    except TypeError:
        raise UsageError(f"{number!r} is no number of bytes") from None

"""From what was written to what is asked of two opened units: no length is left to "the end"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xcopy.asked import Asked, Extent
from xcopy.errors import UnsupportedError, UsageError
from xcopy.limits import Refusal
from xcopy.plan import remainders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xcopy.api.endpoint import Endpoint
    from xcopy.limits import Limits
    from xcopy.plan import Request
    from xcopy.ranges import EndpointText, Written


REQUIRED = "offload is required, but "


@dataclass(frozen=True, slots=True)
class RangeList:
    """Ranges with their line numbers, read as they are asked for.

    Without a `file`, a program's list; None for the one range of a command line.
    """

    ranges: Iterable[tuple[int, Written]]
    file: str | None = ""


def check_texts(source: EndpointText, destination: EndpointText, *, many: bool) -> None:
    """A range stands in one place; raises UsageError before anything is opened."""
    if many and (source.lba or destination.lba):
        name = source.path if source.lba else destination.path
        raise UsageError(f"{name} has an LBA, and so has every range of the list: leave the LBA out here")
    if destination.count is not None:
        raise UsageError(
            f"{destination.path} has a COUNT, which belongs to the source: "
            "write SRC:LBA+COUNT DST:LBA, the source first"
        )


def one_range(source: Endpoint, destination: Endpoint) -> Asked:
    """The range that the texts of both sides name; without COUNT to the end of the source."""
    text = source.text
    begin = text.lba.blocks(source.unit.block_size) if text.lba else 0
    count = text.count or max(0, source.blocks - begin)
    return Asked(extent_of(source), extent_of(destination), [(0, (begin, count, destination.text.lba or 0))])


def many_ranges(source: Endpoint, destination: Endpoint, ranges: RangeList) -> Asked:
    """Ranges that count from the starts of what was named."""
    return Asked(extent_of(source), extent_of(destination), ranges.ranges, file=ranges.file)


def insist(offer: Limits | Refusal, request: Request) -> None:
    """Only offload is allowed: refuse now what offload alone cannot finish."""
    if isinstance(offer, Refusal):
        raise UnsupportedError(f"{REQUIRED}{offer.reason}")
    rest = next(remainders(request, offer), None)
    if rest is not None:
        grain = offer.granularity_blocks
        end = sum(request.source(rest))
        of = f"{request.blocks} blocks" if len(request) == 1 else f"the range up to source LBA {end}"
        raise UnsupportedError(
            f"{REQUIRED}the last {rest.blocks} of {of} are less than the {grain.rule} of "
            f"{grain.value} blocks: make COUNT a multiple of {grain.value}"
        )


def extent_of(side: Endpoint) -> Extent:
    return Extent(
        side.name, side.base, side.blocks, side.unit.block_size, side.mapping, units=len(side.parts)
    )

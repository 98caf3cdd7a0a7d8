"""A small journal to test with: two sides, three ranges, pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xcopy.journal import Heading, begin, record
from xcopy.party import Party
from xcopy.plan import Piece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xcopy.journal import Asked, Copied

RANGES: tuple[Asked, ...] = ((1, 0, 40, 100), (3, 60, 30, 0), (4, 900, 30, 50))
BLOCKS = 100
PIECES: tuple[Copied, ...] = (
    (Piece(0, 10), "offload"),
    (Piece(30, 20), "host"),
    (Piece(10, 5), "offload"),
)


def side(number: int = 0, **changes: Any) -> Party:
    values: dict[str, Any] = {
        "path": f"/dev/sd{'ab'[number]}",
        "vendor": "ACME",
        "product": "DISK",
        "serial": f"S{number}",
        "names": (f"3:6001{number:04}",),
        "block_size": 512,
        "blocks": 1000,
        "first": 0,
        "room": 1000,
    }
    return Party(**{**values, **changes})


def heading(**changes: Any) -> Heading:
    values: dict[str, Any] = {
        "mark": "a mark",
        "source": side(0),
        "destination": side(1),
        "blocks": BLOCKS,
        "layout": "a layout",
        "ranges": len(RANGES),
        "file": None,
        "options": {"method": "auto", "jobs": 4},
    }
    return Heading(**{**values, **changes})


def journal(
    *records: Sequence[Copied], ranges: Sequence[Asked] = RANGES, of: Heading | None = None
) -> list[bytes]:
    """Its lines; the heading is of these ranges unless it is given."""
    seals, first = begin(of or heading(ranges=len(ranges), blocks=sum(each[2] for each in ranges)), ranges)
    lines = list(first)
    for each in records:
        lines += record(seals, each).splitlines(keepends=True)
    return lines

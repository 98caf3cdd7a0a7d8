"""The two sides of a copy, so that they are known again later: who a unit said it is, and which part of it.

A path may lead elsewhere tomorrow; what a unit answers about itself does not change. Decides only whether
these are the same sides.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from xcopy.errors import UnsafeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One side of a copy: the path that was typed, and who answered there.

    `names` are the unit's designators, its serial number where it has none. `first` and `room` are the part
    of it in blocks: all of it, or a partition. Of a volume the first unit is told, and `layout` is a
    digest of where all its blocks lie and on which units; it is "" for what is no volume.
    """

    path: str
    vendor: str
    product: str
    serial: str
    names: tuple[str, ...]
    block_size: int
    blocks: int
    first: int
    room: int
    layout: str = ""

    @property
    def who(self) -> tuple[object, ...]:
        """The unit, whichever part of it and by whichever path."""
        return self.vendor, self.product, self.serial, self.names


CALLED = {
    "path": "the path",
    "vendor": "the vendor",
    "product": "the product",
    "serial": "the serial number",
    "names": "the designator",
    "block_size": "the block size",
    "blocks": "the number of blocks",
    "first": "the first block of the part",
    "room": "the number of blocks of the part",
    "layout": "the layout of the volume, a digest of where its blocks lie and on which units,",
}


def party(value: Any) -> Party:
    """A side from plain values; `ValueError`, `TypeError` or `KeyError` when they are not one's."""
    made = Party(**{**value, "names": tuple(value["names"])})
    texts = made.path, made.vendor, made.product, made.serial, made.layout, *made.names
    numbers = made.block_size, made.blocks, made.first, made.room
    if {type(text) for text in texts} != {str} or {type(number) for number in numbers} != {int}:
        raise TypeError("values of other types")
    if made.block_size < 1 or min(numbers) < 0:
        raise ValueError("less than nothing")
    return made


def refuse_others(journal: str, then: tuple[Party, Party], now: tuple[Party, Party]) -> None:
    """`UnsafeError` unless source and destination are the sides that `journal` is of."""
    if now[0].who == then[1].who and now[1].who == then[0].who and then[0].who != then[1].who:
        raise UnsafeError(
            f"source and destination are swapped: {now[0].path} is the destination of {journal} now, and "
            f"{now[1].path} its source; nothing was written. Make the paths lead to the units they led to"
        )
    for role, before, found in zip(("source", "destination"), then, now, strict=True):
        for field in fields(Party):
            was, is_now = getattr(before, field.name), getattr(found, field.name)
            if was != is_now:
                raise UnsafeError(
                    f"{found.path} is not the {role} that {journal} is of: {CALLED[field.name]} was "
                    f"{_said(was)} and is {_said(is_now)}; nothing was written. Make the path lead to that "
                    "unit, or begin a new copy with a new journal"
                )


def _said(value: object) -> str:
    return (" ".join(value) if isinstance(value, tuple) else str(value)) or "none"

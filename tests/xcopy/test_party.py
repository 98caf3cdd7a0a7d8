"""A side of a copy is known again by what the unit says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.xcopy.journals import side
from xcopy.errors import UnsafeError
from xcopy.party import party, refuse_others

THEN = side(0), side(1)


def test_the_same_sides_are_not_refused() -> None:
    refuse_others("file", THEN, (side(0), side(1)))


@pytest.mark.parametrize("changed", [0, 1])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vendor": "OTHER"}, "the vendor was ACME and is OTHER"),
        ({"product": ""}, "the product was DISK and is none"),
        ({"serial": "X"}, "the serial number was S. and is X"),
        ({"names": ("3:6001", "2:5")}, "the designator was 3:6001000. and is 3:6001 2:5"),
        ({"block_size": 4096}, "the block size was 512 and is 4096"),
        ({"blocks": 999}, "the number of blocks was 1000 and is 999"),
        ({"first": 8}, "the first block of the part was 0 and is 8"),
        ({"room": 900}, "the number of blocks of the part was 1000 and is 900"),
    ],
)
def test_another_unit_or_part_is_refused_by_what_differs(
    changed: int, changes: dict[str, Any], said: str
) -> None:
    now = [*THEN]
    now[changed] = side(changed, **changes)
    role = ("source", "destination")[changed]
    with pytest.raises(UnsafeError, match=f"/dev/sd[ab] is not the {role} that file is of: {said}"):
        refuse_others("file", THEN, (now[0], now[1]))


def test_swapped_sides_are_refused_as_what_they_are() -> None:
    now = side(1, path="/dev/sda"), side(0, path="/dev/sdb")
    with pytest.raises(UnsafeError, match="swapped: /dev/sda is the destination of file now"):
        refuse_others("file", THEN, now)


def test_two_parts_of_one_unit_are_not_called_swapped() -> None:
    one, two = side(0, first=0, room=10), side(0, first=10, room=10)
    with pytest.raises(UnsafeError, match="the first block of the part was 0 and is 10"):
        refuse_others("file", (one, two), (two, one))


def test_a_side_of_plain_values_is_the_side() -> None:
    from dataclasses import asdict

    assert party(asdict(side(1))) == side(1)

"""Page 83h with many designators, the useful ones late, and which of them name the unit in a copy.

SPC-4 7.8.6; the E4h descriptor 6.4.5.6. A designator longer than its 20 bytes has no place in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdb.vpd import Designator
from tests.target.bench import (
    BLOCK,
    GOOD,
    Bench,
    No,
    copy_list,
    cscd,
    data_in,
    extended_copy,
    no,
    segment,
)
from xcopy.conversation import Send
from xcopy.probe import discover
from xcopy.target.array import Array
from xcopy.target.backing import MemoryBacking
from xcopy.target.unit import Unit

if TYPE_CHECKING:
    from cdb.command import Reply

BINARY, ASCII, UTF_8 = 1, 2, 3
UNIT, PORT, TARGET = 0, 1, 2
PORT_NAA = bytes.fromhex("5000000000000099")


def awkward(number: int) -> tuple[Designator, ...]:
    """Of the port, of the array, names too long for a descriptor, empty ones; then EUI-64 and NAA 5."""

    def one(code_set: int, association: int, kind: int, value: bytes, piv: bool = False) -> Designator:
        return Designator(
            protocol_identifier=6 * piv,
            piv=piv,
            code_set=code_set,
            association=association,
            designator_type=kind,
            value=value,
        )

    return (
        one(BINARY, PORT, 3, PORT_NAA, piv=True),
        one(BINARY, PORT, 4, b"\0\0\0\1"),
        one(UTF_8, TARGET, 8, b"iqn.2026-01.org.example:array\0\0\0"),
        one(UTF_8, UNIT, 8, b"naa.600000000000000000000000000000%02d\0\0" % number),
        one(BINARY, UNIT, 2, bytes.fromhex("0011223344556677")[:7] + bytes([number])),
        one(BINARY, UNIT, 3, bytes.fromhex("50000000000001") + bytes([number])),
        one(ASCII, UNIT, 0, b"vendor's own %d" % number),
    )


def made() -> Bench:
    units = [
        Unit(
            number=n,
            serial=f"unit-{n}",
            block_size=BLOCK,
            blocks=16,
            backing=MemoryBacking(bytes(16 * BLOCK)),
            designators=awkward(n),
        )
        for n in (0, 1)
    ]
    return Bench(Array(units))


@pytest.fixture
def array() -> Bench:
    return made()


def page(array: Bench, number: int) -> list[tuple[str, bytes]]:
    """The designators of page 83h, each with its first two bytes in hex."""
    data = array.send(number, data_in("120183020000", 512)).data
    assert int.from_bytes(data[2:4], "big") == len(data) - 4
    found, at = [], 4
    while at < len(data):
        found.append((data[at : at + 2].hex(), data[at + 4 : at + 4 + data[at + 3]]))
        at += 4 + data[at + 3]
    return found


def test_a_unit_s_own_16_byte_naa_comes_after_all_others(array: Bench) -> None:
    kinds = [kind for kind, _ in page(array, 0)]
    assert kinds == ["6193", "0114", "0328", "0308", "0102", "0103", "0200", "0201", "0103"]
    assert len(page(array, 0)[-1][1]) == 16


def copy_by(array: Bench, place: int) -> Reply:
    """Copy from unit 0 to unit 1, each named by its designator at that place of the page."""
    cscds = []
    for number in (0, 1):
        kind, value = page(array, number)[place]
        head = bytes.fromhex(kind)
        cscds.append(cscd(value, identity=bytes([head[0] & 0x0F, head[1] & 0x3F, 0])))
    return array.send(1, extended_copy(copy_list(cscds, [segment(0, 0, 4)])))


@pytest.mark.parametrize("place", [4, 5, 6, 8], ids=["EUI-64", "NAA 5", "vendor specific", "NAA 6"])
def test_every_designator_of_the_unit_that_fits_names_it(array: Bench, place: int) -> None:
    assert copy_by(array, place).status == GOOD
    assert array.contents[1] == array.before[0][: 4 * BLOCK] + array.before[1][4 * BLOCK :]


@pytest.mark.parametrize("place", [0, 1], ids=["NAA of the port", "number of the port"])
def test_what_names_the_port_names_no_unit(array: Bench, place: int) -> None:
    assert no(copy_by(array, place)) == No(0xA, 0x0D, 0x02, "800010")
    assert array.contents == array.before


def test_a_unit_is_discovered_by_its_16_byte_naa_wherever_that_is(array: Bench) -> None:
    conversation = discover("unit")
    asked = next(conversation)
    try:
        while True:
            assert isinstance(asked, Send)
            asked = conversation.send(array.send(0, asked.command))
    except StopIteration as end:
        found = end.value
    assert found.copy_designator.value == page(array, 0)[-1][1]
    assert len(found.designators) == 9

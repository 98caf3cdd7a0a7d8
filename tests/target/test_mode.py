"""MODE SENSE and MODE SELECT: what a disk says of its cache, and the format of its sense data.

SPC-4 6.11 to 6.14 and 7.5.8; SBC-4 6.5.6.
"""

from __future__ import annotations

import pytest

from cdb.command import Command, Reply
from tests.target.bench import GOOD, TEST_UNIT_READY, Bench, No, bench, data_in, no, read_16

CACHING = "0812040000000000000000000000000000000000"  # WCE
CONTROL = "0a0a001000000000ffff0000"
BLOCK_DESCRIPTOR = "0000010000000200"
PAST_THE_END = read_16(1 << 20, 1)


def select(pages: str, *, six: bool = True, header: str = "", flags: int = 0x10, extra: int = 0) -> Command:
    """MODE SELECT of some pages."""
    data = bytes.fromhex((header or "00" * (4 if six else 8)) + pages)
    size = len(data) + extra
    cdb = bytes([0x15, flags, 0, 0, size, 0]) if six else bytes([0x55, flags, 0, 0, 0, 0, 0, 0, size, 0])
    return Command(name="MODE SELECT", cdb=cdb, data_out=data)


def d_sense(on: bool) -> str:
    """The control page with D_SENSE."""
    return CONTROL[:4] + ("04" if on else "00") + CONTROL[6:]


@pytest.fixture
def array() -> Bench:
    return bench(1)


@pytest.mark.parametrize(
    ("page", "expected"),
    [("08", CACHING), ("0a", CONTROL), ("3f", CACHING + CONTROL)],
    ids=["caching", "control", "all"],
)
def test_a_page_is_told_behind_a_header_and_a_block_descriptor(
    array: Bench, page: str, expected: str
) -> None:
    size = len(expected) // 2
    six = array.send(0, data_in(f"1a00{page}00fc00", 252)).data.hex()
    assert six == f"{size + 11:02x}001008" + BLOCK_DESCRIPTOR + expected
    ten = array.send(0, data_in(f"5a00{page}00000000010000", 256)).data.hex()
    assert ten == f"{size + 14:04x}001000000008" + BLOCK_DESCRIPTOR + expected


def test_without_block_descriptors_there_are_none(array: Bench) -> None:
    assert array.send(0, data_in("1a080a00fc00", 252)).data.hex() == "0f001000" + CONTROL


def test_a_write_protected_unit_says_so(array: Bench) -> None:
    array.array.change(0, read_only=True)
    assert array.send(0, data_in("1a080a000400", 4)).data.hex() == "0f009000"


def test_only_d_sense_can_be_changed(array: Bench) -> None:
    changeable = "0812" + "00" * 18 + "0a0a04" + "00" * 9
    assert array.send(0, data_in("1a087f00fc00", 252)).data[4:].hex() == changeable


@pytest.mark.parametrize(
    ("cdb", "expected"),
    [
        ("1a00ca00fc00", No(5, 0x39, 0x00)),
        ("1a000101fc00", No(5, 0x24, 0x00, "c00003")),
        ("1a000100fc00", No(5, 0x24, 0x00, "cd0002")),
        ("5a001c00000000010000", No(5, 0x24, 0x00, "cd0002")),
    ],
    ids=["saved values", "a subpage", "page 01h", "page 1Ch"],
)
def test_what_there_is_not_is_refused(array: Bench, cdb: str, expected: No) -> None:
    assert no(array.send(0, data_in(cdb, 256))) == expected


@pytest.mark.parametrize("six", [True, False])
def test_sense_data_are_in_the_format_that_was_selected(array: Bench, six: bool) -> None:
    assert array.send(0, select(d_sense(True), six=six)) == Reply()
    assert array.send(0, PAST_THE_END).sense[:4].hex() == "72052100"
    assert array.send(0, data_in("1a080a00fc00", 252)).data[4:].hex() == d_sense(True)
    assert array.send(0, data_in("1a088a00fc00", 252)).data[4:].hex() == CONTROL, "the default stays"
    array.send(0, select(d_sense(False), six=six))
    assert array.send(0, PAST_THE_END).sense[0] == 0x70


def test_the_format_is_the_unit_s_and_the_other_nexuses_are_told(array: Bench) -> None:
    array.send(0, TEST_UNIT_READY, "other")
    array.send(0, select(d_sense(True)))
    assert array.send(0, TEST_UNIT_READY).status == GOOD
    assert array.send(0, TEST_UNIT_READY, "other").sense.hex() == "72062a0100000000"
    assert array.send(0, PAST_THE_END, "other").sense[0] == 0x72


def test_nobody_is_told_where_nothing_changed(array: Bench) -> None:
    array.send(0, TEST_UNIT_READY, "other")
    assert array.send(0, select(CACHING + CONTROL)) == Reply()
    assert array.send(0, TEST_UNIT_READY, "other").status == GOOD


def test_the_block_descriptor_that_was_told_may_be_sent_back(array: Bench) -> None:
    assert array.send(0, select(BLOCK_DESCRIPTOR + CONTROL, header="00000008")) == Reply()


def test_an_empty_list_is_good(array: Bench) -> None:
    assert array.send(0, Command(name="MODE SELECT", cdb=bytes.fromhex("151000000000"))) == Reply()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(select(CONTROL, flags=0x00), No(5, 0x24, 0, "cc0001"), id="PF off"),
        pytest.param(select(CONTROL, flags=0x11), No(5, 0x24, 0, "c80001"), id="SP"),
        pytest.param(select(d_sense(True), extra=1), No(5, 0x1A, 0), id="list not sent"),
        pytest.param(select(d_sense(True)[:-2]), No(5, 0x1A, 0), id="page cut short"),
        pytest.param(select("", header="0000"), No(5, 0x1A, 0), id="header cut short"),
        pytest.param(select(CONTROL, header="01000000"), No(5, 0x26, 0, "800000"), id="mode data length"),
        pytest.param(select(CONTROL, header="00010000"), No(5, 0x26, 0, "800001"), id="medium type"),
        pytest.param(
            select("0000010000001000" + CONTROL, header="00000008"),
            No(5, 0x26, 0, "800004"),
            id="block length",
        ),
        pytest.param(select("1c0a" + "00" * 10), No(5, 0x26, 0, "800004"), id="an unknown page"),
        pytest.param(select("0a0b04" + "00" * 10), No(5, 0x26, 0, "800005"), id="page length"),
        pytest.param(select(d_sense(True) + "0812" + "00" * 18), No(5, 0x26, 0, "800012"), id="WCE off"),
    ],
)
def test_a_list_that_is_refused_changes_nothing(array: Bench, command: Command, expected: No) -> None:
    assert no(array.send(0, command)) == expected
    assert array.send(0, data_in("1a080a00fc00", 252)).data[4:].hex() == CONTROL

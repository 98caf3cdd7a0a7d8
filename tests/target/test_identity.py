"""INQUIRY: standard data and pages, byte by byte."""

from __future__ import annotations

import pytest

from tests.cdb.independent import laid_out
from tests.target.bench import Bench, No, bench, capable, data_in, no
from xcopy.target.array import memory_array


@pytest.fixture
def array() -> Bench:
    return bench()


def page(array: Bench, code: int, number: int = 0) -> bytes:
    """A VPD page."""
    return array.send(number, data_in(f"1201{code:02x}010000", 256)).data


def standard(array: Bench) -> bytes:
    """Standard INQUIRY data."""
    return array.send(0, data_in("120000010000", 256)).data


def test_standard_data_is_a_disk_of_spc_4_by_this_project(array: Bench) -> None:
    data = standard(array)
    assert data[:8].hex() == "000006021f080002"
    assert data[8:] == b"XCOPYDEV" + b"EMULATED ARRAY  " + b"1   "


def test_3pc_is_clear_where_third_party_copy_is_off(array: Bench) -> None:
    array.array.change(0, third_party_copy=False)
    assert standard(array)[5] == 0x00


def test_page_00_lists_every_page_in_ascending_order(array: Bench) -> None:
    assert page(array, 0x00).hex() == "000000050080838fb0"


def test_page_80_is_the_serial_number(array: Bench) -> None:
    assert page(array, 0x80, 1) == b"\x00\x80\x00\x15" + b"0000000000000001-0001"


def test_page_83_has_a_vendor_designator_and_then_naa_6_of_a_local_oui(array: Bench) -> None:
    vendor = b"\x02\x01\x00\x2d" + b"XCOPYDEVEMULATED ARRAY  0000000000000001-0001"
    naa = bytes.fromhex("01030010 6025843 000000001 0000000000000001".replace(" ", ""))
    assert page(array, 0x83, 1) == b"\x00\x83\x00\x45" + vendor + naa


def test_units_of_one_array_and_of_two_have_different_designators(array: Bench) -> None:
    other = Bench(memory_array(2, array_id=bytes(7) + b"\x02"))
    assert len({a.naa(n) for a in (array, other) for n in (0, 1)}) == 4


@pytest.mark.parametrize(
    ("block_size", "transfer", "write_same"), [(512, 65536, 2 << 20), (4096, 8192, 1 << 18)]
)
def test_page_b0_says_the_most_blocks_one_command_moves_compares_and_writes(
    block_size: int, transfer: int, write_same: int
) -> None:
    array = bench(1, blocks=8, block_size=block_size)
    assert page(array, 0xB0) == laid_out(
        64, {"1": 0xB0, "2-3": 0x3C, "5": 255, "8-11": transfer, "36-43": write_same}
    )


@pytest.mark.parametrize(
    ("cdb", "pointer"),
    [
        ("1201b1010000", "c00002"),
        ("1201b2010000", "c00002"),
        ("120080010000", "c00002"),
        ("120200010000", "c90001"),
    ],
    ids=["B1h", "B2h", "a page without EVPD", "CMDDT"],
)
def test_what_inquiry_does_not_know_is_pointed_at(array: Bench, cdb: str, pointer: str) -> None:
    assert no(array.send(0, data_in(cdb))) == No(0x5, 0x24, 0x00, pointer)


def test_a_page_cut_short_still_says_its_whole_length() -> None:
    reply = bench(advertised=capable()).send(0, data_in("120183000400", 4))
    assert reply.data.hex() == "00830045"

"""The short commands of a disk, and those that compare (SBC-4 5.3, 5.16, 5.17, 5.31, 5.36, 5.40, 5.41)."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from cdb.command import Command, Reply
from tests.target.bench import BLOCK, BLOCKS, GOOD, Bench, No, bench, data_in, no, read_16, residual, write_16
from tests.target.test_thin import thin_bench

MISCOMPARE = 0xE


@pytest.fixture
def array() -> Bench:
    return bench(1)


def ten(opcode: int, lba: int, blocks: int, data: bytes = b"", flags: int = 0) -> Command:
    """A command of ten bytes."""
    cdb = struct.pack(">BBIBHB", opcode, flags, lba, 0, blocks, 0)
    return Command(name="ten", cdb=cdb, data_out=data, data_in=0 if data else blocks * BLOCK)


def twelve(opcode: int, lba: int, blocks: int, data: bytes = b"") -> Command:
    """A command of twelve bytes."""
    cdb = struct.pack(">BBIIBB", opcode, 0, lba, blocks, 0, 0)
    return Command(name="twelve", cdb=cdb, data_out=data, data_in=0 if data else blocks * BLOCK)


def verify(lba: int, blocks: int, data: bytes = b"", *, byte_check: int = 0, long: bool = False) -> Command:
    """VERIFY(10) or VERIFY(16)."""
    short = struct.pack(">BBIBHB", 0x2F, byte_check << 1, lba, 0, blocks, 0)
    cdb = struct.pack(">BBQIBB", 0x8F, byte_check << 1, lba, blocks, 0, 0) if long else short
    return Command(name="VERIFY", cdb=cdb, data_out=data)


def compare_and_write(lba: int, blocks: int, data: bytes) -> Command:
    """COMPARE AND WRITE."""
    cdb = struct.pack(">BBQ3xBBB", 0x89, 0, lba, blocks, 0, 0)
    return Command(name="COMPARE AND WRITE", cdb=cdb, data_out=data)


@pytest.mark.parametrize(("form", "opcode"), [(ten, 0x28), (twelve, 0xA8)], ids=["READ(10)", "READ(12)"])
def test_the_short_reads_read(array: Bench, form: object, opcode: int) -> None:
    assert callable(form)
    assert array.send(0, form(opcode, 7, 2)) == Reply(data=array.before[0][7 * BLOCK : 9 * BLOCK])


@pytest.mark.parametrize(("form", "opcode"), [(ten, 0x2A), (twelve, 0xAA)], ids=["WRITE(10)", "WRITE(12)"])
def test_the_short_writes_write(array: Bench, form: object, opcode: int) -> None:
    assert callable(form)
    assert array.send(0, form(opcode, 7, 2, b"x" * 2 * BLOCK)) == Reply()
    assert array.contents[0] == array.before[0][: 7 * BLOCK] + b"x" * 2 * BLOCK + array.before[0][9 * BLOCK :]


@pytest.mark.parametrize(
    "command",
    [
        ten(0x28, BLOCKS, 1),
        ten(0x2A, BLOCKS - 1, 2, bytes(2 * BLOCK)),
        twelve(0xA8, 0xFFFFFFFF, 1),
        twelve(0xAA, BLOCKS, 1, bytes(BLOCK)),
        ten(0x35, BLOCKS, 1),
        verify(BLOCKS, 1),
        verify(BLOCKS, 1, long=True),
        compare_and_write(BLOCKS, 1, bytes(2 * BLOCK)),
    ],
    ids=lambda c: f"{c.cdb[0]:02X}h",
)
def test_blocks_past_the_end_are_out_of_range(array: Bench, command: Command) -> None:
    assert no(array.send(0, command)) == No(5, 0x21, 0x00)
    assert array.contents == array.before


@pytest.mark.parametrize("opcode", [0x28, 0x2A, 0x2F])
def test_protection_information_is_refused(array: Bench, opcode: int) -> None:
    assert no(array.send(0, ten(opcode, 0, 1, bytes(BLOCK), flags=0x20))) == No(5, 0x24, 0, "cf0001")


@pytest.mark.parametrize("long", [False, True])
def test_blocks_that_can_be_read_are_verified(array: Bench, long: bool) -> None:
    assert array.send(0, verify(0, BLOCKS, long=long)) == Reply()


@pytest.mark.parametrize("long", [False, True])
def test_verify_compares_every_block_or_one_with_each(array: Bench, long: bool) -> None:
    array.send(0, write_16(0, b"a" * 3 * BLOCK))
    assert array.send(0, verify(0, 3, b"a" * 3 * BLOCK, byte_check=1, long=long)) == Reply()
    assert array.send(0, verify(0, 3, b"a" * BLOCK, byte_check=3, long=long)) == Reply()
    assert no(array.send(0, verify(0, 4, b"a" * BLOCK, byte_check=3, long=long)))[:3] == (MISCOMPARE, 0x1D, 0)


def test_a_miscompare_says_where_the_first_byte_differs(array: Bench) -> None:
    data = bytearray(array.before[0][: 2 * BLOCK])
    data[700] ^= 1
    reply = array.send(0, verify(0, 2, bytes(data), byte_check=1))
    assert (no(reply), residual(reply)) == (No(MISCOMPARE, 0x1D, 0x00), 700)


def test_a_byte_check_that_is_reserved_or_has_too_little_data_is_refused(array: Bench) -> None:
    assert no(array.send(0, verify(0, 1, bytes(BLOCK), byte_check=2))) == No(5, 0x24, 0, "ca0001")
    assert no(array.send(0, verify(0, 2, bytes(BLOCK), byte_check=1))) == No(5, 0x24, 0, "c00007")


def test_blocks_without_storage_are_verified_but_not_compared() -> None:
    array = thin_bench()
    array.send(0, write_16(0, bytes(BLOCK)))
    assert array.send(0, verify(0, 2)).status == GOOD
    assert array.send(0, verify(0, 1, bytes(BLOCK), byte_check=1)).status == GOOD
    assert no(array.send(0, verify(0, 2, bytes(2 * BLOCK), byte_check=1))) == No(MISCOMPARE, 0x1D, 0x01)


def test_compare_and_write_writes_where_the_blocks_are_those_expected(array: Bench) -> None:
    old, new = array.before[0][3 * BLOCK : 5 * BLOCK], b"n" * 2 * BLOCK
    assert array.send(0, compare_and_write(3, 2, old + new)) == Reply()
    assert array.send(0, read_16(3, 2)).data == new


def test_compare_and_write_writes_nothing_otherwise_and_says_where_they_differ(array: Bench) -> None:
    old = array.before[0][3 * BLOCK : 5 * BLOCK]
    wrong = old[:600] + bytes([old[600] ^ 0xFF]) + old[601:]
    reply = array.send(0, compare_and_write(3, 2, wrong + b"n" * 2 * BLOCK))
    assert (no(reply), residual(reply)) == (No(MISCOMPARE, 0x1D, 0x00), 600)
    assert array.contents == array.before


def test_compare_and_write_of_nothing_is_good(array: Bench) -> None:
    assert array.send(0, compare_and_write(0, 0, b"")) == Reply()


def test_compare_and_write_with_less_data_than_twice_its_blocks_is_refused(array: Bench) -> None:
    assert no(array.send(0, compare_and_write(0, 2, bytes(3 * BLOCK)))) == No(5, 0x24, 0, "c0000d")


def test_of_many_that_compare_and_write_at_once_one_wins(array: Bench) -> None:
    array.send(0, write_16(0, bytes(BLOCK)))

    def claim(n: int) -> int:
        return array.array.open(0).send(compare_and_write(0, 1, bytes(BLOCK) + bytes([n]) * BLOCK)).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(claim, range(1, 33)))
    assert statuses.count(GOOD) == 1
    assert array.send(0, read_16(0, 1)).data == bytes([statuses.index(GOOD) + 1]) * BLOCK


def test_start_and_stop_are_good_and_change_nothing(array: Bench) -> None:
    for cdb in ("1b0000000100", "1b0000000000", "1b0100000400"):
        assert array.send(0, data_in(cdb, 0)) == Reply()
    assert array.send(0, read_16(0, 1)).status == GOOD


@pytest.mark.parametrize(("cdb", "pointer"), [("1b0000003000", "cf0004"), ("1b0000000200", "c90004")])
def test_power_conditions_and_ejecting_are_refused(array: Bench, cdb: str, pointer: str) -> None:
    assert no(array.send(0, data_in(cdb, 0))) == No(5, 0x24, 0, pointer)

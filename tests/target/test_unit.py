"""One unit: what it answers to the commands of a disk, and what it refuses."""

from __future__ import annotations

import struct

import pytest

from cdb.command import Command, Reply
from tests.target.bench import (
    BLOCKS,
    GOOD,
    TEST_UNIT_READY,
    Bench,
    No,
    bench,
    data_in,
    mixed_bench,
    no,
    read_16,
    write_16,
)
from xcopy.target.array import Array
from xcopy.target.backing import MemoryBacking
from xcopy.target.unit import Unit


class Endless:
    """A backing of any size that holds zeros and takes no others."""

    def __init__(self, size: int) -> None:
        self.size = size

    def read(self, _offset: int, length: int) -> bytes:
        return bytes(length)

    def write(self, _offset: int, _data: object) -> None:
        raise OSError

    def flush(self) -> None:
        raise OSError


class Broken(Endless):
    """A backing that fails at everything."""

    def read(self, _offset: int, _length: int) -> bytes:
        raise OSError


def unit_on(backing: Endless, block_size: int = 512) -> Bench:
    """A bench over one unit that its backing fills, its attention taken."""
    unit = Unit(
        number=0, serial="1", block_size=block_size, blocks=backing.size // block_size, backing=backing
    )
    made = Bench.__new__(Bench)
    made.array, made.nexus = Array([unit]), "initiator"
    made.send(0, TEST_UNIT_READY)
    return made


@pytest.fixture
def array() -> Bench:
    return bench(1)


def test_test_unit_ready_is_good(array: Bench) -> None:
    assert array.send(0, TEST_UNIT_READY) == Reply()


@pytest.mark.parametrize(("block_size", "expected"), [(512, "000000ff00000200"), (4096, "000000ff00001000")])
def test_read_capacity_10_says_last_block_and_block_length(block_size: int, expected: str) -> None:
    array = mixed_bench(block_size, size=256 * block_size)
    assert array.send(0, data_in("25" + "00" * 9, 8)).data.hex() == expected


@pytest.mark.parametrize(
    ("blocks", "last"),
    [((1 << 32) - 1, "fffffffe"), (1 << 32, "ffffffff"), ((1 << 32) + 1, "ffffffff")],
)
def test_read_capacity_10_says_ffffffff_when_the_last_block_does_not_fit(blocks: int, last: str) -> None:
    assert unit_on(Endless(blocks * 512)).send(0, data_in("25" + "00" * 9, 8)).data[:4].hex() == last


def test_read_capacity_16_has_room_for_any_last_block() -> None:
    reply = unit_on(Endless((1 << 32) * 4096), 4096).send(0, data_in("9e10" + "00" * 11 + "200000", 32))
    assert reply == Reply(data=bytes.fromhex("00000000ffffffff00001000") + bytes(20))


def test_data_in_is_cut_to_the_allocation_length_and_the_rest_is_residual(array: Bench) -> None:
    reply = array.send(0, data_in("9e10" + "00" * 11 + "0c0000", 32))
    assert (len(reply.data), reply.residual) == (12, 20)


def test_data_in_is_cut_to_the_room_there_is(array: Bench) -> None:
    assert len(array.send(0, data_in("9e10" + "00" * 11 + "200000", 12)).data) == 12


def test_blocks_written_are_read_and_their_neighbours_are_as_they_were(array: Bench) -> None:
    assert array.send(0, write_16(7, b"x" * 1024)) == Reply()
    assert array.contents[0] == array.before[0][: 7 * 512] + b"x" * 1024 + array.before[0][9 * 512 :]
    reply = array.send(0, read_16(6, 2))
    assert reply == Reply(data=array.before[0][6 * 512 : 7 * 512] + b"x" * 512)


@pytest.mark.parametrize(
    ("lba", "blocks"), [(BLOCKS, 1), (BLOCKS - 1, 2), (1 << 40, 1), ((1 << 64) - 1, 1), (BLOCKS + 1, 0)]
)
@pytest.mark.parametrize("opcode", [0x88, 0x8A, 0x91], ids=["READ", "WRITE", "SYNCHRONIZE CACHE"])
def test_blocks_past_the_end_are_out_of_range(array: Bench, opcode: int, lba: int, blocks: int) -> None:
    cdb = struct.pack(">BBQIBB", opcode, 0, lba, blocks, 0, 0)
    out = bytes(blocks * 512) if opcode == 0x8A else b""
    command = Command(name="past the end", cdb=cdb, data_out=out, data_in=0 if out else blocks * 512)
    assert no(array.send(0, command)) == No(0x5, 0x21, 0x00)
    assert array.contents == array.before


def test_the_last_block_is_in_range(array: Bench) -> None:
    assert array.send(0, read_16(BLOCKS - 1, 1)).status == GOOD


def test_a_transfer_of_0_blocks_moves_nothing(array: Bench) -> None:
    assert array.send(0, write_16(0, b"")) == Reply()
    assert array.contents == array.before


def test_a_write_to_a_read_only_unit_is_write_protected(array: Bench) -> None:
    array.array.change(0, read_only=True)
    assert no(array.send(0, write_16(0, bytes(512)))) == No(0x7, 0x27, 0x00)
    assert array.contents == array.before


def test_a_write_with_less_data_than_its_cdb_says_is_refused(array: Bench) -> None:
    cdb = struct.pack(">BBQIBB", 0x8A, 0, 0, 2, 0, 0)
    reply = array.send(0, Command(name="WRITE(16)", cdb=cdb, data_out=bytes(512)))
    assert no(reply) == No(0x5, 0x24, 0x00, "c0000a")
    assert array.contents == array.before


def test_a_read_over_the_maximum_transfer_length_is_refused() -> None:
    array = unit_on(Endless(1 << 30))
    assert array.send(0, read_16(0, 0x10000)).status == GOOD
    assert no(array.send(0, read_16(0, 0x10001))) == No(0x5, 0x24, 0x00, "c0000a")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(read_16(0, 1), No(0x3, 0x11, 0x00), id="unreadable"),
        pytest.param(write_16(0, bytes(512)), No(0x3, 0x0C, 0x00), id="unwritable"),
        pytest.param(
            Command(name="SYNCHRONIZE CACHE", cdb=b"\x91" + bytes(15)), No(0x3, 0x0C, 0x00), id="flush"
        ),
    ],
)
def test_a_backing_that_fails_is_a_medium_error(command: Command, expected: No) -> None:
    assert no(unit_on(Broken(1 << 20)).send(0, command)) == expected


@pytest.mark.parametrize("cdb", [b"", b"\x04" + bytes(5), b"\xae" + bytes(11), b"\xff" * 16])
def test_an_unknown_operation_code_is_refused(array: Bench, cdb: bytes) -> None:
    assert no(array.send(0, Command(name="unknown", cdb=cdb))) == No(0x5, 0x20, 0x00)


@pytest.mark.parametrize(
    ("cdb", "pointer"),
    [
        pytest.param("000000010000", "c80003", id="reserved byte of TEST UNIT READY"),
        pytest.param("9e11" + "00" * 14, "cc0001", id="another service action of 9Eh"),
        pytest.param("8820" + "00" * 14, "cf0001", id="RDPROTECT without protection"),
        pytest.param("8a20" + "00" * 14, "cf0001", id="WRPROTECT without protection"),
        pytest.param("88" + "00" * 9, "c0000a", id="a CDB cut short"),
    ],
)
def test_a_wrong_cdb_field_is_pointed_at(array: Bench, cdb: str, pointer: str) -> None:
    assert no(array.send(0, data_in(cdb))) == No(0x5, 0x24, 0x00, pointer)


@pytest.mark.parametrize(
    "wrong",
    [{"block_size": 520}, {"blocks": 0}, {"blocks": 3}, {"serial": ""}, {"serial": "ü"}, {"number": -1}],
)
def test_a_unit_that_cannot_be_is_refused_when_made(wrong: dict[str, object]) -> None:
    right = {
        "number": 0,
        "serial": "1",
        "block_size": 512,
        "blocks": 2,
        "backing": MemoryBacking(bytes(1024)),
    }
    with pytest.raises(ValueError, match="unit"):
        Unit(**{**right, **wrong})  # type: ignore[arg-type]

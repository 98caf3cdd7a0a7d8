"""REPORT SUPPORTED OPERATION CODES: what is told is what is answered (SPC-4 6.35)."""

from __future__ import annotations

import struct

import pytest

from tests.target.bench import Bench, No, bench, data_in, no
from tests.target.test_thin import thin_bench

Key = int | tuple[int, int]
Told = dict[Key, int]

COMMANDS: Told = {  # operation codes that have no service action, with their length
    0x00: 6, 0x03: 6, 0x12: 6, 0x15: 6, 0x1A: 6, 0x1B: 6, 0x25: 10, 0x28: 10, 0x2A: 10, 0x2F: 10, 0x35: 10,
    0x41: 10, 0x55: 10, 0x5A: 10, 0x88: 16, 0x89: 16, 0x8A: 16, 0x8F: 16, 0x91: 16, 0x93: 16, 0xA0: 12,
    0xA8: 12, 0xAA: 12,
}  # fmt: skip
RESERVATION_KEYS: list[Key] = [*((0x5E, n) for n in range(4)), *((0x5F, n) for n in range(8))]
COPY_KEYS: list[Key] = [
    *((0x83, n) for n in (0x00, 0x01, 0x10, 0x11, 0x1C)),
    *((0x84, n) for n in (0x00, 0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08)),
]
RESERVATIONS, COPIES = dict.fromkeys(RESERVATION_KEYS, 10), dict.fromkeys(COPY_KEYS, 16)
OTHERS: Told = {(0x9E, 0x10): 16, (0x9E, 0x12): 16, (0xA3, 0x0C): 12}


def told(array: Bench, rctd: bool = False) -> Told:
    """The length of every command that a unit tells of."""
    flag = 0x80 if rctd else 0
    data = array.send(0, data_in(f"a30c{flag:02x}0000000000100000 00".replace(" ", "") + "00", 4096)).data
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    found: Told = {}
    at = 4
    while at < len(data):
        code, action, flags, length = struct.unpack(">BxHxBH", data[at : at + 8])
        found[(code, action) if flags & 1 else code] = length
        at += 8
        if flags & 2:
            assert data[at : at + 12].hex() == "000a0000" + "00" * 8
            at += 12
    return found


def one(array: Bench, options: int, code: int, action: int = 0) -> str:
    """The answer of one_command, in hex."""
    cdb = struct.pack(">BBBBHIBB", 0xA3, 0x0C, options, code, action, 4096, 0, 0)
    reply = array.send(0, data_in(cdb.hex(), 4096))
    assert reply.status == 0, reply
    return reply.data.hex()


@pytest.fixture
def array() -> Bench:
    return bench(1)


def test_every_command_is_told(array: Bench) -> None:
    assert told(array) == COMMANDS | RESERVATIONS | COPIES | OTHERS


def test_a_thin_unit_tells_of_unmap() -> None:
    assert told(thin_bench()) == COMMANDS | {0x42: 10} | RESERVATIONS | COPIES | OTHERS


def test_without_3pc_there_are_no_copy_commands(array: Bench) -> None:
    array.array.change(0, third_party_copy=False)
    assert told(array) == COMMANDS | RESERVATIONS | OTHERS


def test_timeouts_are_there_when_asked_for_and_say_nothing(array: Bench) -> None:
    assert told(array, rctd=True) == told(array)
    assert one(array, 0x81, 0x00) == "00830006" + "000000000000" + "000a0000" + "00" * 8


def test_every_command_that_is_told_is_known_and_any_other_is_not(array: Bench) -> None:
    known = told(array)
    for code in range(256):
        actions = range(32) if any(isinstance(key, tuple) and key[0] == code for key in known) else [None]
        for action in actions:
            key = code if action is None else (code, action)
            cdb = bytes([code, action or 0]) + bytes(14)
            reply = array.send(0, data_in(cdb.hex(), 512))
            refused = reply.status == 2 and no(reply)[:3] == (5, 0x20, 0)
            wrong_action = reply.status == 2 and no(reply) == No(5, 0x24, 0, "cc0001")
            assert (refused or (action is not None and wrong_action)) == (key not in known), key


@pytest.mark.parametrize(
    ("options", "code", "action", "usage"),
    [  # as SPC-4 6.35.3 has it: ones where a bit is looked at
        (1, 0x00, 0, "000000000000"),
        (1, 0x12, 0, "1201ffffff00"),
        (1, 0x88, 0, "88e8ffffffffffffffffffffffff0000"),
        (1, 0x8A, 0, "8ae8ffffffffffffffffffffffff0000"),
        (1, 0x93, 0, "93f9ffffffffffffffffffffffff0000"),
        (2, 0x5E, 2, "5e020000000000ffff00"),
        (2, 0x5F, 6, "5f06ff0000ffffffff00"),
        (2, 0x9E, 0x10, "9e100000000000000000ffffffff0000"),
        (2, 0x83, 0x01, "830100000000000000 00ffffffff0000".replace(" ", "")),
        (2, 0xA3, 0x0C, "a30c87ffffffffffffff0000"),
    ],
)
def test_the_bits_that_are_looked_at_are_told(
    array: Bench, options: int, code: int, action: int, usage: str
) -> None:
    assert one(array, options, code, action) == f"0003{len(usage) // 2:04x}" + usage


@pytest.mark.parametrize(
    ("options", "code", "action"), [(1, 0x04, 0), (1, 0x42, 0), (2, 0x83, 0x02), (2, 0x7F, 9)]
)
def test_a_command_that_is_not_there_is_said_not_to_be(
    array: Bench, options: int, code: int, action: int
) -> None:
    assert one(array, options, code, action)[:4] == "0001"


@pytest.mark.parametrize(
    ("options", "code"),
    [(1, 0x83), (2, 0x00), (3, 0x00), (7, 0x00)],
    ids=["83h", "00h", "option 3", "option 7"],
)
def test_a_question_that_does_not_fit_the_command_is_pointed_at(
    array: Bench, options: int, code: int
) -> None:
    cdb = struct.pack(">BBBBHIBB", 0xA3, 0x0C, options, code, 0, 4096, 0, 0)
    assert no(array.send(0, data_in(cdb.hex(), 4096))) == No(5, 0x24, 0, "ca0002")


def test_a_profile_without_the_command_does_not_know_it() -> None:
    array = bench(1, unknown_commands=frozenset({(0xA3, 0x0C)}))
    assert no(array.send(0, data_in("a30c00000000000010000000", 4096))) == No(5, 0x20, 0)

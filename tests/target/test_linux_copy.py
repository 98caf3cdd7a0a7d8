"""What the table of LIO's answers does not show of the `lio` profile: reads and writes that fail, mapping."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import pytest

from cdb.command import Command, Reply
from tests.target.bench import (
    CHECK_CONDITION,
    GOOD,
    TASK_SET_FULL,
    TEST_UNIT_READY,
    Bench,
    No,
    copy_list,
    data_in,
    extended_copy,
    no,
    segment,
)
from xcopy.target.array import Array, memory_array
from xcopy.target.backing import MemoryBacking
from xcopy.target.faults import Call, Fault, Shorten, check
from xcopy.target.lenient import meaningful
from xcopy.target.profiles import LIO
from xcopy.target.unit import Unit

NOT_REACHABLE = No(0xA, 0x0D, 0x02)
MEDIUM_ERROR = 0x3
CHUNK = 4  # blocks
WRITE_EXCLUSIVE, EXCLUSIVE = 1, 3


def linux_bench(**changes: Any) -> Bench:
    profile = replace(LIO, chunk_size=CHUNK * 512)
    return Bench(memory_array(2, blocks=256, profile=profile, **changes))


def mapped_array() -> Array:
    """Unit 0 for every nexus, unit 1 for `first` alone."""
    units = [
        Unit(
            number=number,
            serial=f"unit-{number}",
            block_size=512,
            blocks=16,
            backing=MemoryBacking(bytes(16 * 512)),
            nexuses=nexuses,
        )
        for number, nexuses in enumerate((None, frozenset({"first"})))
    ]
    return Array(units, LIO)


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_copy_that_fails_in_its_third_chunk_leaves_two_written_and_says_nothing_of_them(kind: Any) -> None:
    bench = linux_bench(faults=[Fault(then=check(MEDIUM_ERROR, 0x11), at=kind, nth=3)])
    reply = bench.copy(segment(0, 0, 16))
    assert (no(reply), reply.sense[3:12]) == (NOT_REACHABLE, bytes.fromhex("000000000a00000000"))
    end = 2 * CHUNK * 512
    assert bench.contents[1] == bench.before[0][:end] + bench.before[1][end:]


@pytest.mark.parametrize("kind", ["read", "write"])
@pytest.mark.parametrize("through", [0, 512, CHUNK * 512 - 1])
def test_a_copy_whose_unit_moves_less_than_it_was_asked_is_not_good(kind: Any, through: int) -> None:
    # which answer the kernel's target gives could not be tried: it has one for all that fails
    bench = linux_bench(faults=[Fault(then=Shorten(through), at=kind, nth=2)])
    assert no(bench.copy(segment(0, 0, 16))) == NOT_REACHABLE
    first, second = CHUNK * 512, 2 * CHUNK * 512
    assert bench.contents[1][:first] == bench.before[0][:first]
    assert bench.contents[1][second:] == bench.before[1][second:]


def test_a_write_protected_destination_is_not_reachable() -> None:
    bench = linux_bench()
    bench.array.change(1, read_only=True)
    assert no(bench.copy(segment(0, 0, 1))) == NOT_REACHABLE
    assert bench.contents == bench.before


def reserve(bench: Bench, number: int, kind: int) -> None:
    """Register a key and reserve a unit by it."""
    for action, keys in ((0x00, (0, 7)), (0x01, (7, 0))):
        cdb = struct.pack(">BBBxxIx", 0x5F, action, kind, 24)
        command = Command(name="PERSISTENT RESERVE OUT", cdb=cdb, data_out=struct.pack(">QQ8x", *keys))
        assert bench.send(number, command).status == GOOD


@pytest.mark.parametrize(("reserved", "kind"), [(1, WRITE_EXCLUSIVE), (1, EXCLUSIVE), (0, EXCLUSIVE)])
def test_a_reservation_stops_a_copy_even_of_its_holder(reserved: int, kind: int) -> None:
    bench = linux_bench()
    reserve(bench, reserved, kind)
    assert no(bench.copy(segment(0, 0, 1))) == NOT_REACHABLE
    assert bench.contents == bench.before


def test_a_reservation_against_writing_does_not_keep_a_copy_from_reading() -> None:
    bench = linux_bench()
    reserve(bench, 0, WRITE_EXCLUSIVE)
    assert bench.copy(segment(0, 0, 1)).status == GOOD


def test_the_first_command_to_a_unit_is_told_that_the_luns_have_changed() -> None:
    session = memory_array(1, profile=LIO).open(0)
    assert no(session.send(TEST_UNIT_READY)) == No(0x6, 0x3F, 0x0E)
    assert session.send(TEST_UNIT_READY).status == GOOD


def test_what_was_copied_is_told_with_its_bytes() -> None:
    bench = linux_bench()
    assert bench.copy(segment(3, 5, 9)).status == GOOD
    (copied,) = bench.array.copied_segments
    assert (copied.source, copied.source_lba, copied.destination, copied.destination_lba) == (0, 3, 1, 5)
    assert copied.length == 9 * 512


def test_two_copies_of_one_list_identifier_may_run_at_once() -> None:
    bench = linux_bench()
    replies: list[Reply] = []

    def second() -> None:
        if not replies:
            replies.append(Reply())
            replies.append(bench.copy(segment(1, 1, 1), list_id=7, usage=0))

    bench.array.faults.add(Fault(then=Call(second), at="read"))
    assert bench.copy(segment(0, 0, 1), list_id=7, usage=0).status == GOOD
    assert [reply.status for reply in replies] == [GOOD, GOOD]


def test_a_unit_is_opened_only_by_a_nexus_that_it_is_mapped_to() -> None:
    array = mapped_array()
    array.open(1, "first")
    array.open(0, "second")
    with pytest.raises(LookupError, match="unit 1 of the array is not mapped to second"):
        array.open(1, "second")


def test_a_copy_between_units_is_for_a_nexus_that_both_are_mapped_to() -> None:
    array = mapped_array()
    bench = Bench(array, "first")
    command = extended_copy(copy_list(bench.cscds(), [segment(0, 0, 1)]))
    bench.send(0, TEST_UNIT_READY, "second")
    assert no(bench.send(0, command, "second")) == NOT_REACHABLE
    assert bench.send(0, command, "first").status == GOOD


def test_sense_of_a_unit_of_more_than_2_32_blocks_is_in_descriptor_format() -> None:
    bench = Bench(memory_array(1, blocks=8, profile=replace(LIO, fixed_sense_blocks=7)))
    reply = bench.send(0, data_in("c0" + "00" * 9, 0))
    assert (reply.status, reply.sense.hex()) == (CHECK_CONDITION, "7205200000000000")


@pytest.mark.parametrize(
    ("cdb", "read_as"),
    [
        ("00ffffffffff", "0000000000c0"),
        ("8800000000000000000700000001ffff", "8800000000000000000700000001ffc0"),
        ("88020000000000000007000000010000", "88000000000000000007000000010000"),
        ("84e307000000000000000000020800ff", "840307000000000000000000020800c0"),
        ("840307ff000000000000000002080000", "84030700000000000000000002080000"),
        ("c0ff" + "ff" * 8, "c0ff" + "ff" * 8),
        ("88ff", "88ff"),
        ("", ""),
    ],
)
def test_bits_of_a_cdb_that_mean_nothing_are_cleared_and_nothing_else(cdb: str, read_as: str) -> None:
    assert meaningful(bytes.fromhex(cdb), LIO.reserved_looked_at).hex() == read_as


@pytest.mark.parametrize("room", [1, 4, 46, 53])
def test_operating_parameters_want_room_for_54_bytes_though_there_are_46(room: int) -> None:
    # measured: the whole table is in the answers of the kernel's target
    reply = linux_bench().send(0, data_in(f"8403{'00' * 8}{room:08x}0000", room))
    assert no(reply) == No(0x5, 0x24, 0x00)


def test_operating_parameters_without_any_room_are_task_set_full() -> None:
    assert linux_bench().send(0, data_in("8403" + "00" * 14, 0)) == Reply(status=TASK_SET_FULL)


def test_operating_parameters_fill_the_room_with_zeros() -> None:
    reply = linux_bench().send(0, data_in(f"8403{'00' * 8}{255:08x}0000", 255))
    assert (reply.data[:4].hex(), reply.data[46:], reply.residual) == ("0000002a", bytes(255 - 46), 0)


def test_a_cdb_that_is_cut_short_is_refused_all_the_same() -> None:
    reply = linux_bench().send(0, Command(name="cut", cdb=bytes.fromhex("88" + "00" * 9), data_in=512))
    assert no(reply) == No(0x5, 0x24, 0x00)

"""The array's door: attentions, sessions, the log, and commands at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cdb.command import Command, NotSent
from tests.target.bench import (
    BLOCK,
    GOOD,
    TEST_UNIT_READY,
    No,
    bench,
    data_in,
    no,
    read_16,
    segment,
    write_16,
)
from xcopy.target.array import Array, memory_array

POWER_ON = No(0x6, 0x29, 0x00)
INQUIRY = data_in("120000002400", 36)


def test_the_first_command_of_a_nexus_to_a_unit_is_a_power_on_attention() -> None:
    session = memory_array().open(0)
    assert no(session.send(TEST_UNIT_READY)) == POWER_ON
    assert session.send(TEST_UNIT_READY).status == GOOD


def test_an_attention_is_per_unit_and_per_nexus() -> None:
    array = memory_array()
    array.open(0, "one").send(TEST_UNIT_READY)
    assert no(array.open(1, "one").send(TEST_UNIT_READY)) == POWER_ON
    assert no(array.open(0, "two").send(TEST_UNIT_READY)) == POWER_ON


def test_a_second_session_of_the_same_nexus_has_no_attention_of_its_own() -> None:
    array = memory_array()
    array.open(0).send(TEST_UNIT_READY)
    assert array.open(0).send(TEST_UNIT_READY).status == GOOD


def test_inquiry_is_answered_while_an_attention_is_pending_and_leaves_it() -> None:
    session = memory_array().open(0)
    assert session.send(INQUIRY).status == GOOD
    assert no(session.send(TEST_UNIT_READY)) == POWER_ON


def test_a_write_that_meets_the_attention_writes_nothing() -> None:
    array = memory_array()
    array.open(0).send(write_16(0, b"x" * BLOCK))
    assert array.units[0].backing.read(0, BLOCK) == bytes(BLOCK)


def test_a_closed_session_sends_nothing() -> None:
    array = memory_array()
    session = array.open(0)
    session.close()
    session.close()
    with pytest.raises(NotSent, match="closed"):
        session.send(TEST_UNIT_READY)
    assert array.log == ()


def test_a_unit_that_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match="no unit 2; it has units 0 to 1"):
        memory_array(2).open(2)


def test_two_units_of_one_number_make_no_array() -> None:
    unit = memory_array(1).units[0]
    with pytest.raises(ValueError, match="same number"):
        Array([unit, unit])


def test_every_command_is_logged_and_counted_by_operation_code() -> None:
    array = memory_array()
    for command in (INQUIRY, TEST_UNIT_READY, TEST_UNIT_READY):
        array.open(1).send(command)
    assert [(e.unit, e.name, e.opcode) for e in array.log[-2:]] == [(1, "TEST UNIT READY", 0x00)] * 2
    assert [array.count(code) for code in (0x12, 0x00, 0x83)] == [1, 2, 0]


def test_a_change_is_seen_by_sessions_already_open() -> None:
    array = bench(1)
    session = array.array.open(0)
    array.array.change(0, read_only=True)
    assert no(session.send(write_16(0, bytes(BLOCK)))) == No(0x7, 0x27, 0x00)


def test_many_threads_at_once_copy_every_block_to_its_place() -> None:
    array = bench(2, blocks=2048, chunk_size=4 * BLOCK)

    def run(part: int) -> tuple[int, ...]:
        copied = array.copy(segment(part * 128, part * 128, 128)).status
        mine = array.array.open(0).send(read_16(part * 128, 1))
        return copied, mine.status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(run, range(16))) == {(GOOD, GOOD)}
    assert array.contents == [array.before[0]] * 2
    assert array.array.count(0x83) == len(array.array.copied_segments) == 16


def test_threads_that_come_first_at_once_see_one_attention() -> None:
    array = memory_array(1)

    def ready(_: int) -> int:
        return array.open(0).send(TEST_UNIT_READY).status

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(ready, range(32))) == [0] * 31 + [2]


def test_data_out_may_be_any_buffer() -> None:
    array = bench(1)
    command = write_16(0, b"x" * BLOCK)
    for buffer in (bytearray(b"y" * BLOCK), memoryview(b"z" * BLOCK)):
        array.send(0, Command(name=command.name, cdb=command.cdb, data_out=buffer))
        assert array.contents[0][:BLOCK] == bytes(buffer)

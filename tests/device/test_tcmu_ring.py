"""The ring, with the kernel's side played by the test over the same memory."""

from __future__ import annotations

import mmap
import os
import random
import struct
import threading
from typing import TYPE_CHECKING

import pytest

from tests.device.fake_ring import DATA_AT, DATA_SIZE, RING_AT, RING_SIZE, Kernel, shared_memory
from xcopy.device.tcmu_ring import Request, Ring, RingDamaged, TaskManagement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD, CHECK_CONDITION, BUSY, TASK_ABORTED = 0x00, 0x02, 0x08, 0x40
TEST_UNIT_READY = bytes(6)
READ_16 = bytes.fromhex("88000000000000000000000000080000")


@pytest.fixture
def shared() -> Iterator[tuple[mmap.mmap, mmap.mmap]]:
    theirs, ours = shared_memory()
    with theirs:
        yield theirs, ours


@pytest.fixture
def kernel(shared: tuple[mmap.mmap, mmap.mmap]) -> Kernel:
    return Kernel(shared[0])


@pytest.fixture
def ring(kernel: Kernel, shared: tuple[mmap.mmap, mmap.mmap]) -> Iterator[Ring]:
    del kernel
    made = Ring(shared[1])
    yield made
    made.close()


def requests(ring: Ring) -> list[Request]:
    taken = ring.take()
    assert all(isinstance(each, Request) for each in taken)
    return [each for each in taken if isinstance(each, Request)]


def only(ring: Ring) -> Request:
    (request,) = requests(ring)
    return request


def test_an_empty_ring_gives_nothing(ring: Ring) -> None:
    assert ring.take() == []


def test_a_command_comes_with_its_id_and_its_cdb(kernel: Kernel, ring: Ring) -> None:
    kernel.command(7, TEST_UNIT_READY)
    request = only(ring)
    assert (request.command_id, request.cdb, request.length) == (7, TEST_UNIT_READY, 0)
    assert ring.take() == []


@pytest.mark.parametrize(
    ("operation_code", "length"), [(0x12, 6), (0x28, 10), (0x5E, 10), (0x83, 16), (0xA8, 12), (0xC1, 10)]
)
def test_a_cdb_is_as_long_as_its_operation_code_says(
    kernel: Kernel, ring: Ring, operation_code: int, length: int
) -> None:
    cdb = bytes([operation_code]) + bytes(range(1, length))
    kernel.command(0, cdb)
    assert only(ring).cdb == cdb


def test_a_variable_length_cdb_says_its_length_itself(kernel: Kernel, ring: Ring) -> None:
    cdb = bytes.fromhex("7f 00 00 00 00 00 00 18 0009") + bytes(range(22))
    kernel.command(0, cdb)
    assert only(ring).cdb == cdb


def test_an_answer_has_the_id_the_status_and_the_sense(kernel: Kernel, ring: Ring) -> None:
    sense = bytes.fromhex("70 00 05 00000000 0a 00000000 24 00 00 c00001")
    kernel.command(0x1234, TEST_UNIT_READY)
    ring.complete(only(ring), CHECK_CONDITION, sense=sense)
    (answer,) = kernel.answers()
    assert (answer.command_id, answer.status, answer.flags) == (0x1234, CHECK_CONDITION, 0)
    assert answer.sense == sense.ljust(96, b"\0")


def test_sense_is_cut_to_what_the_ring_holds(kernel: Kernel, ring: Ring) -> None:
    kernel.command(1, TEST_UNIT_READY)
    ring.complete(only(ring), CHECK_CONDITION, sense=bytes(range(200)))
    assert kernel.answers()[0].sense == bytes(range(96))


def test_data_out_is_gathered_from_all_its_pieces(kernel: Kernel, ring: Ring) -> None:
    kernel.memory[DATA_AT + 8192 : DATA_AT + 8195] = b"abc"
    kernel.memory[DATA_AT : DATA_AT + 2] = b"de"
    kernel.memory[DATA_AT + 4096 : DATA_AT + 4100] = b"fghi"
    pieces = ((DATA_AT + 8192, 3), (DATA_AT, 2), (DATA_AT + 4096, 4))
    kernel.command(1, READ_16, pieces)
    request = only(ring)
    assert (request.length, ring.data_out(request)) == (9, b"abcdefghi")


def test_data_out_is_a_copy_that_outlives_the_command(kernel: Kernel, ring: Ring) -> None:
    kernel.memory[DATA_AT : DATA_AT + 4] = b"once"
    kernel.command(1, READ_16, ((DATA_AT, 4),))
    request = only(ring)
    data = ring.data_out(request)
    ring.complete(request, GOOD)
    kernel.memory[DATA_AT : DATA_AT + 4] = b"next"
    assert data == b"once"


def test_data_in_is_scattered_over_all_its_pieces_and_nowhere_else(kernel: Kernel, ring: Ring) -> None:
    kernel.memory[DATA_AT : DATA_AT + 4 * 4096] = b"." * (4 * 4096)
    kernel.command(1, READ_16, ((DATA_AT + 4096, 5), (DATA_AT + 3, 2), (DATA_AT + 3 * 4096, 4)))
    ring.complete(only(ring), GOOD, data=b"ABCDEFGHIJK")
    (answer,) = kernel.answers()
    assert (answer.status, answer.flags, answer.read_length) == (GOOD, 2, 11)
    assert kernel.memory[DATA_AT + 4096 : DATA_AT + 4102] == b"ABCDE."
    assert kernel.memory[DATA_AT : DATA_AT + 6] == b"...FG."
    assert kernel.memory[DATA_AT + 3 * 4096 : DATA_AT + 3 * 4096 + 5] == b"HIJK."


def test_data_in_that_is_shorter_than_the_buffer_says_its_length(kernel: Kernel, ring: Ring) -> None:
    kernel.memory[DATA_AT : DATA_AT + 64] = b"." * 64
    kernel.command(1, READ_16, ((DATA_AT, 32), (DATA_AT + 32, 32)))
    ring.complete(only(ring), GOOD, data=b"0123456789")
    (answer,) = kernel.answers()
    assert (answer.flags, answer.read_length) == (2, 10)
    assert kernel.memory[DATA_AT : DATA_AT + 12] == b"0123456789.."


def test_data_in_that_is_longer_than_the_buffer_is_cut(kernel: Kernel, ring: Ring) -> None:
    kernel.memory[DATA_AT : DATA_AT + 16] = b"." * 16
    kernel.command(1, READ_16, ((DATA_AT, 8),))
    ring.complete(only(ring), GOOD, data=b"0123456789")
    assert kernel.answers()[0].read_length == 8
    assert kernel.memory[DATA_AT : DATA_AT + 10] == b"01234567.."


@pytest.mark.parametrize("status", [GOOD, BUSY, TASK_ABORTED])
def test_no_data_at_all_never_shows_an_earlier_command_s_bytes(
    kernel: Kernel, ring: Ring, status: int
) -> None:
    kernel.memory[DATA_AT : DATA_AT + 16] = b"someone's secret"
    kernel.command(1, READ_16, ((DATA_AT, 4), (DATA_AT + 4, 8)))
    ring.complete(only(ring), status, data=b"")
    (answer,) = kernel.answers()
    assert (answer.status, answer.flags & 2) == (status, 0)
    assert kernel.memory[DATA_AT : DATA_AT + 16] == bytes(12) + b"cret"


def test_check_condition_may_have_data_too(kernel: Kernel, ring: Ring) -> None:
    kernel.command(1, READ_16, ((DATA_AT, 8),))
    ring.complete(only(ring), CHECK_CONDITION, sense=b"\x70" + bytes(17), data=b"half")
    (answer,) = kernel.answers()
    assert (answer.status, answer.flags, answer.read_length) == (CHECK_CONDITION, 2, 4)
    assert kernel.memory[DATA_AT : DATA_AT + 4] == b"half"


def test_nothing_is_written_to_a_buffer_that_goes_out(kernel: Kernel, ring: Ring) -> None:
    kernel.memory[DATA_AT : DATA_AT + 8] = b"data out"
    kernel.command(1, READ_16, ((DATA_AT, 8),))
    ring.complete(only(ring), BUSY)
    assert kernel.answers()[0].flags == 0
    assert kernel.memory[DATA_AT : DATA_AT + 8] == b"data out"


def test_answers_in_another_order_keep_their_ids_and_the_places_their_lengths(
    kernel: Kernel, ring: Ring
) -> None:
    kernel.command(10, TEST_UNIT_READY)
    kernel.command(11, READ_16, tuple((DATA_AT + 4096 * n, 512) for n in range(6)))
    kernel.command(12, bytes(10))
    first, second, third = requests(ring)
    ring.complete(third, BUSY)
    assert [(a.command_id, a.status) for a in kernel.answers()] == [(12, BUSY)]
    ring.complete(first, GOOD)
    ring.complete(second, TASK_ABORTED, data=b"")
    assert [(a.command_id, a.status) for a in kernel.answers()] == [(10, GOOD), (11, TASK_ABORTED)]
    assert kernel.tail == kernel.head


def test_an_answer_is_no_earlier_than_all_before_it_are_seen(kernel: Kernel, ring: Ring) -> None:
    kernel.command(1, TEST_UNIT_READY)
    (first,) = requests(ring)
    kernel.command(2, TEST_UNIT_READY)
    ring.complete(first, GOOD)
    assert [a.command_id for a in kernel.answers()] == [1]
    assert kernel.tail != kernel.head
    ring.complete(only(ring), GOOD)
    assert [a.command_id for a in kernel.answers()] == [2]


def test_a_task_management_entry_lists_commands_and_wants_no_answer(kernel: Kernel, ring: Ring) -> None:
    kernel.task_management(5, (3, 0xFFFF, 9))
    assert ring.take() == [TaskManagement(5, (3, 0xFFFF, 9))]
    assert kernel.tail == kernel.head


def test_a_task_management_entry_waits_its_turn_behind_unanswered_commands(
    kernel: Kernel, ring: Ring
) -> None:
    kernel.command(3, TEST_UNIT_READY)
    kernel.task_management(1, (3,))
    kernel.command(4, TEST_UNIT_READY)
    request, function, later = ring.take()
    assert isinstance(request, Request)
    assert isinstance(later, Request)
    assert function == TaskManagement(1, (3,))
    assert kernel.tail == 0
    ring.complete(request, TASK_ABORTED)
    ring.complete(later, GOOD)
    assert [(a.command_id, a.status) for a in kernel.answers()] == [(3, TASK_ABORTED), (4, GOOD)]
    assert kernel.tail == kernel.head


def test_the_end_of_the_ring_is_padded_and_passed(kernel: Kernel, ring: Ring) -> None:
    seen = []
    for number in range(200):
        kernel.command(number, bytes([number % 6]) + bytes(5))
        request = only(ring)
        seen.append((request.command_id, request.cdb[0]))
        ring.complete(request, GOOD)
        assert [a.command_id for a in kernel.answers()] == [number]
        assert kernel.tail == kernel.head
    assert seen == [(n, n % 6) for n in range(200)]


def test_a_pad_alone_is_passed_at_once(kernel: Kernel, ring: Ring) -> None:
    while RING_SIZE - kernel.head >= 120:
        kernel.command(1, TEST_UNIT_READY)
        ring.complete(only(ring), GOOD)
    kernel.answers()
    struct.pack_into("<I", kernel.memory, RING_AT + kernel.head, RING_SIZE - kernel.head)
    kernel.memory[12:16] = bytes(4)
    assert ring.take() == []
    assert kernel.tail == 0


def test_thousands_of_commands_in_any_order_and_of_any_size_all_get_their_own_answer(
    kernel: Kernel, ring: Ring
) -> None:
    chance = random.Random(20)
    waiting: list[Request] = []
    sent, answered = 0, []
    while sent < 5000 or waiting:
        pieces = tuple((DATA_AT + 512 * n, 512) for n in range(chance.randrange(12)))
        if sent < 5000 and kernel.room() > 2 * (112 + 16 * len(pieces) + 16):
            if chance.random() < 0.1:
                kernel.task_management(1, (sent % 0x10000,))
            else:
                kernel.command(sent, READ_16[:14] + sent.to_bytes(2, "big"), pieces)
                sent += 1
        waiting += [each for each in ring.take() if isinstance(each, Request)]
        for _ in range(chance.randrange(3)):
            if waiting:
                request = waiting.pop(chance.randrange(len(waiting)))
                assert int.from_bytes(request.cdb[14:], "big") == request.command_id
                ring.complete(request, request.command_id % 251)
        answered += [(a.command_id, a.status) for a in kernel.answers()]
    assert sorted(answered) == [(n, n % 251) for n in range(5000)]
    assert kernel.tail == kernel.head


def test_many_threads_answer_at_once(kernel: Kernel, ring: Ring) -> None:
    for number in range(24):
        kernel.command(number, READ_16, ((DATA_AT + 512 * number, 512),))
    waiting = requests(ring)
    threads = [
        threading.Thread(target=ring.complete, args=(r, GOOD), kwargs={"data": bytes([r.command_id]) * 512})
        for r in waiting
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.command_id for a in kernel.answers()) == list(range(24))
    assert kernel.memory[DATA_AT : DATA_AT + 24 * 512] == b"".join(bytes([n]) * 512 for n in range(24))


def test_a_second_answer_to_a_command_is_refused_and_changes_nothing(kernel: Kernel, ring: Ring) -> None:
    kernel.command(1, TEST_UNIT_READY)
    kernel.command(2, TEST_UNIT_READY)
    first, _ = requests(ring)
    ring.complete(first, GOOD)
    with pytest.raises(ValueError, match="command 1 is not there"):
        ring.complete(first, GOOD)
    assert [a.command_id for a in kernel.answers()] == [1]


def test_an_id_may_come_again_once_it_is_answered(kernel: Kernel, ring: Ring) -> None:
    for _ in range(3):
        kernel.command(5, TEST_UNIT_READY)
        ring.complete(only(ring), GOOD)
    assert [a.command_id for a in kernel.answers()] == [5, 5, 5]


def test_the_data_area_is_touched_nowhere_but_in_a_command_s_pieces(kernel: Kernel, ring: Ring) -> None:
    """Bytes there that belong to no live command can be gone from memory, and touching them is SIGBUS."""
    before = os.urandom(DATA_SIZE)
    kernel.memory[DATA_AT:] = before
    kernel.command(1, READ_16, ((DATA_AT + 512, 512),))
    ring.complete(only(ring), GOOD, data=bytes(512))
    assert kernel.memory[DATA_AT:] == before[:512] + bytes(512) + before[1024:]


def test_a_closed_ring_takes_no_answer_and_gives_no_command(kernel: Kernel, ring: Ring) -> None:
    kernel.command(1, TEST_UNIT_READY)
    request = only(ring)
    kernel.command(2, TEST_UNIT_READY)
    ring.close()
    ring.complete(request, GOOD)
    ring.close()
    assert ring.take() == []
    assert kernel.answers() == []


# What a kernel never does. An entry that can be told from its neighbours is answered with an error of
# the caller's choice; of a ring that cannot be followed any further nothing more is taken.


def garble(kernel: Kernel, change: Callable[[bytearray], None], length: int = 120) -> None:
    entry = bytearray(length)
    struct.pack_into("<IHBB", entry, 0, length | 1, 77, 0, 0)
    struct.pack_into("<IIIIQ", entry, 8, 0, 0, 0, 0, RING_AT + kernel.head + 112)
    change(entry)
    kernel.put(bytes(entry))


@pytest.mark.parametrize(
    ("name", "at", "layout", "value"),
    [
        ("more pieces than there is room for", 8, "<I", 6),
        ("very many pieces", 8, "<I", 0xFFFFFFFF),
        ("very many second pieces", 12, "<I", 0xFFFFFFFF),
        ("a CDB before its entry", 24, "<Q", 8),
        ("a CDB after its entry", 24, "<Q", RING_AT + 120),
        ("a CDB outside the memory", 24, "<Q", 1 << 60),
    ],
)
def test_a_command_that_cannot_be_read_is_answered_all_the_same(
    kernel: Kernel, ring: Ring, name: str, at: int, layout: str, value: int
) -> None:
    garble(kernel, lambda entry: struct.pack_into(layout, entry, at, value))
    kernel.command(78, TEST_UNIT_READY)
    bad, good = requests(ring)
    assert bad.unreadable, name
    assert not good.unreadable
    ring.complete(bad, CHECK_CONDITION, data=b"")
    ring.complete(good, GOOD)
    assert [(a.command_id, a.status) for a in kernel.answers()] == [(77, CHECK_CONDITION), (78, GOOD)]


@pytest.mark.parametrize(
    "piece",
    [
        (0, 512),
        (RING_AT, 512),
        (DATA_AT - 8, 16),
        (DATA_AT + DATA_SIZE - 8, 16),
        (DATA_AT, 1 << 40),
        (1 << 63, 8),
        ((1 << 64) - 8, 16),
    ],
)
def test_a_piece_outside_the_data_area_is_never_followed(
    kernel: Kernel, ring: Ring, piece: tuple[int, int]
) -> None:
    kernel.command(77, READ_16, ((DATA_AT, 512), piece))
    request = only(ring)
    assert request.unreadable
    assert (request.pieces, request.length, ring.data_out(request)) == ((), 0, b"")
    mailbox, area = kernel.memory[:64], kernel.memory[DATA_AT:]
    ring.complete(request, BUSY, data=b"x" * 4096)
    assert (kernel.memory[:64], kernel.memory[DATA_AT:]) == (mailbox, area)


@pytest.mark.parametrize("kind", [3, 4, 5, 6, 7])
def test_an_entry_of_a_kind_nobody_knows_is_answered_as_such(kernel: Kernel, ring: Ring, kind: int) -> None:
    garble(kernel, lambda entry: struct.pack_into("<I", entry, 0, 120 | kind))
    request = only(ring)
    ring.complete(request, GOOD)
    (answer,) = kernel.answers()
    assert (answer.command_id, answer.flags) == (77, 1)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        (0 | 1, "0 bytes"),
        (128 | 1, "where 120 were put in"),
        (0xFFFFFFF8 | 1, "where 120 were put in"),
        (104 | 1, "too short for a command"),
        (24 | 2, "task management entry of 24"),
        (104 | 5, "too short"),
    ],
)
def test_a_ring_whose_entries_do_not_follow_each_other_is_given_up(
    kernel: Kernel, ring: Ring, word: int, says: str
) -> None:
    garble(kernel, lambda entry: struct.pack_into("<I", entry, 0, word))
    with pytest.raises(RingDamaged, match=says):
        ring.take()


def test_more_ids_than_a_task_management_entry_holds_are_not_read(kernel: Kernel, ring: Ring) -> None:
    entry = struct.pack("<IHBBB3xI", 40 | 2, 0, 0, 0, 1, 0xFFFFFFFF).ljust(40, b"\0")
    kernel.put(entry)
    with pytest.raises(RingDamaged, match="4294967295 command ids"):
        ring.take()


@pytest.mark.parametrize("head", [RING_SIZE, 0xFFFFFFF8, 4, 121])
def test_a_place_of_the_kernel_that_is_none_is_not_followed(kernel: Kernel, ring: Ring, head: int) -> None:
    kernel.memory[12:16] = head.to_bytes(4, "little")
    with pytest.raises(RingDamaged, match="place"):
        ring.take()


def test_an_id_that_is_there_twice_ends_the_ring(kernel: Kernel, ring: Ring) -> None:
    kernel.command(5, TEST_UNIT_READY)
    kernel.command(5, TEST_UNIT_READY)
    with pytest.raises(RingDamaged, match="id 5 is there twice"):
        ring.take()


@pytest.mark.parametrize(
    "mailbox",
    [
        (1, 0xF, RING_AT, RING_SIZE),
        (2, 0x2, RING_AT, RING_SIZE),
        (2, 0x1, RING_AT, RING_SIZE),
        (2, 0xF, 64, RING_SIZE),
        (2, 0xF, RING_AT, 64),
        (2, 0xF, RING_AT, DATA_AT + DATA_SIZE),
        (2, 0xF, 0xFFFFFFF8, RING_SIZE),
        (2, 0xF, RING_AT, RING_SIZE - 4),
    ],
)
def test_a_memory_that_is_no_such_ring_is_refused(
    kernel: Kernel, shared: tuple[mmap.mmap, mmap.mmap], mailbox: tuple[int, int, int, int]
) -> None:
    struct.pack_into("<HHII", kernel.memory, 0, *mailbox)
    with pytest.raises(RingDamaged):
        Ring(shared[1])


def test_random_bytes_in_the_ring_end_in_damage_or_in_entries_that_can_be_answered() -> None:
    answered = damaged = 0
    for seed in range(1000):
        chance = random.Random(seed)
        memory = mmap.mmap(-1, DATA_AT + DATA_SIZE)
        Kernel(memory)
        memory[RING_AT:DATA_AT] = chance.randbytes(RING_SIZE)
        struct.pack_into("<I", memory, RING_AT, chance.choice((112, 120, 160)) | chance.randrange(8))
        memory[12:16] = chance.choice((112, 120, 160, 8 * chance.randrange(RING_SIZE // 8))).to_bytes(
            4, "little"
        )
        ring = Ring(memory)
        try:
            for entry in ring.take():
                if isinstance(entry, Request):
                    ring.data_out(entry)
                    ring.complete(entry, BUSY, data=b"data")
                    answered += 1
        except RingDamaged:
            damaged += 1
        finally:
            ring.close()
    assert answered > 100
    assert damaged > 100

"""Faults on a script: the step they hit, and what is done by then."""

from __future__ import annotations

import pytest

from cdb.command import NotSent, Reply, Silence
from tests.target.bench import (
    BLOCK,
    GOOD,
    TEST_UNIT_READY,
    Bench,
    No,
    bench,
    embedded,
    no,
    read_16,
    segment,
    write_16,
)
from xcopy.target.faults import (
    BUSY,
    RESERVATION_CONFLICT,
    TASK_SET_FULL,
    Call,
    Corrupt,
    Delay,
    Fault,
    Shorten,
    check,
)

COPY = segment(0, 64, 8)
WRITE = write_16(0, b"x" * BLOCK)


def with_faults(*faults: Fault, chunk_size: int = 2 * BLOCK) -> Bench:
    """A bench whose rules count from its first command after power on."""
    array = bench(chunk_size=chunk_size)
    for fault in faults:
        array.array.faults.add(fault)
    return array


@pytest.mark.parametrize("answer", [BUSY, TASK_SET_FULL, RESERVATION_CONFLICT, check(0x6, 0x3F, 0x0E)])
def test_the_kth_command_gets_the_answer_and_is_not_performed(answer: Reply) -> None:
    array = with_faults(Fault(nth=2, opcode=0x8A, then=answer))
    array.send(0, TEST_UNIT_READY)
    replies = [array.send(0, write_16(lba, b"x" * BLOCK)) for lba in range(3)]
    assert replies == [Reply(), answer, Reply()]
    assert array.contents[0][BLOCK : 2 * BLOCK] == array.before[0][BLOCK : 2 * BLOCK]


def test_a_rule_may_act_several_times_and_for_ever() -> None:
    array = with_faults(
        Fault(times=2, unit=0, then=BUSY), Fault(nth=2, times=None, unit=1, then=TASK_SET_FULL)
    )
    assert [array.send(0, TEST_UNIT_READY).status for _ in range(4)] == [0x08, 0x08, GOOD, GOOD]
    assert [array.send(1, TEST_UNIT_READY).status for _ in range(4)] == [GOOD, 0x28, 0x28, 0x28]


def test_a_rule_may_look_at_the_step() -> None:
    array = with_faults(Fault(at="write", when=lambda step: step.lba == 68, then=check(3, 0x0C)))
    reply = array.copy(COPY)
    assert embedded(reply) == ("destination", 0x02, (3, 0x0C, 0))
    assert array.contents[1][64 * BLOCK : 68 * BLOCK] == array.before[0][: 4 * BLOCK]
    assert array.contents[1][68 * BLOCK :] == array.before[1][68 * BLOCK :]


@pytest.mark.parametrize("error", [Silence("gone"), NotSent("no way")])
def test_an_exception_before_a_command_leaves_it_undone(error: Exception) -> None:
    array = with_faults(Fault(opcode=0x8A, then=error))  # type: ignore[arg-type]
    with pytest.raises(type(error), match=str(error)):
        array.send(0, WRITE)
    assert array.contents == array.before


def test_silence_after_a_command_leaves_it_done() -> None:
    array = with_faults(Fault(opcode=0x83, after=True, then=Silence("gone")))
    with pytest.raises(Silence):
        array.copy(COPY)
    assert array.contents[1][64 * BLOCK : 72 * BLOCK] == array.before[0][: 8 * BLOCK]


def test_silence_in_the_middle_of_a_copy_leaves_what_was_written() -> None:
    array = with_faults(Fault(at="read", nth=2, then=Silence("gone")))
    with pytest.raises(Silence):
        array.copy(COPY)
    assert array.contents[1][64 * BLOCK : 66 * BLOCK] == array.before[0][: 2 * BLOCK]
    assert array.contents[1][66 * BLOCK :] == array.before[1][66 * BLOCK :]


def test_a_copy_that_ended_in_silence_no_longer_holds_its_list_identifier() -> None:
    array = with_faults(Fault(at="read", then=Silence("gone")))
    with pytest.raises(Silence):
        array.copy(COPY, usage=0b10, list_id=7)
    assert array.copy(COPY, usage=0b10, list_id=7).status == GOOD


def test_a_write_that_fails_once_performed_has_written() -> None:
    array = with_faults(Fault(at="write", after=True, then=check(4, 0x44)))
    assert no(array.copy(COPY)) == No(0xA, 0x0D, 0x01, "800030")
    assert array.contents[1][64 * BLOCK : 66 * BLOCK] == array.before[0][: 2 * BLOCK]


@pytest.mark.parametrize("at", ["read", "write"])
def test_corrupt_changes_the_bytes_of_one_chunk(at: str) -> None:
    array = with_faults(Fault(at=at, nth=2, then=Corrupt(lambda data: bytes(len(data)))))  # type: ignore[arg-type]
    assert array.copy(COPY).status == GOOD
    expected = bytearray(array.before[0][: 8 * BLOCK])
    expected[2 * BLOCK : 4 * BLOCK] = bytes(2 * BLOCK)
    assert array.contents[1][64 * BLOCK : 72 * BLOCK] == expected


def test_corrupt_changes_the_data_a_command_returns() -> None:
    array = with_faults(Fault(opcode=0x88, then=Corrupt(lambda data: data[:5])))
    assert array.send(0, read_16(0, 1)).data == array.before[0][:5]


def test_call_is_made_and_the_step_goes_on() -> None:
    array = with_faults()
    protect = Call(lambda: array.array.change(1, read_only=True))
    array.array.faults.add(Fault(opcode=0x83, then=protect))
    reply = array.copy(COPY)
    assert embedded(reply) == ("destination", 0x02, (0x7, 0x27, 0x00))


def test_call_after_a_command_sees_it_done_and_its_answer_stands() -> None:
    seen: list[bytes] = []
    array = with_faults()
    look = Call(lambda: seen.append(array.contents[0][:BLOCK]))
    array.array.faults.add(Fault(opcode=0x8A, after=True, then=look))
    assert array.send(0, WRITE) == Reply()
    assert seen == [b"x" * BLOCK]


def test_a_fault_on_the_first_command_leaves_the_attention_pending() -> None:
    array = with_faults(Fault(then=BUSY))
    statuses = [array.send(0, TEST_UNIT_READY, "newcomer") for _ in range(3)]
    assert [s.status for s in statuses] == [0x08, 0x02, GOOD]


def waiting(*faults: Fault) -> tuple[Bench, list[float]]:
    """A bench with faults, and the seconds that were waited for."""
    waited: list[float] = []
    array = bench(chunk_size=2 * BLOCK, pause=waited.append)
    for fault in faults:
        array.array.faults.add(fault)
    return array, waited


def test_a_rule_may_act_at_one_step_in_so_many() -> None:
    array = with_faults(Fault(nth=2, every=3, times=2, unit=0, then=BUSY))
    said = [array.send(0, TEST_UNIT_READY).status for _ in range(9)]
    assert said == [GOOD, 0x08, GOOD, GOOD, 0x08, GOOD, GOOD, GOOD, GOOD]


@pytest.mark.parametrize(("at", "times"), [("command", 1), ("segment", 1), ("read", 4), ("write", 4)])
def test_a_delay_is_waited_for_and_changes_nothing_else(at: str, times: int) -> None:
    fault = Fault(at=at, then=Delay(5.0), times=None, opcode=0x83 if at == "command" else None)  # type: ignore[arg-type]
    array, waited = waiting(fault)
    assert array.copy(COPY) == Reply()
    assert waited == [5.0] * times
    assert array.contents[1][64 * BLOCK : 72 * BLOCK] == array.before[0][: 8 * BLOCK]


def test_a_command_delayed_beyond_its_timeout_is_performed_and_its_answer_never_heard() -> None:
    array, waited = waiting(Fault(opcode=0x8A, then=Delay(90.0)))
    with pytest.raises(Silence, match="no answer in 60 s"):
        array.send(0, WRITE)
    assert waited == [60.0]
    assert array.contents[0][:BLOCK] == b"x" * BLOCK


def test_data_shortened_on_their_way_are_a_residual() -> None:
    array = with_faults(Fault(opcode=0x88, then=Shorten(BLOCK)))
    reply = array.send(0, read_16(0, 4))
    assert (reply.status, reply.residual) == (GOOD, 3 * BLOCK)
    assert reply.data == array.before[0][:BLOCK]


@pytest.mark.parametrize("at", ["read", "write"])
def test_a_unit_that_moves_less_than_it_was_asked_ends_the_copy_with_an_underrun(at: str) -> None:
    array = with_faults(Fault(at=at, nth=2, then=Shorten(BLOCK)))  # type: ignore[arg-type]
    # COPY TARGET DEVICE DATA UNDERRUN
    assert no(array.copy(COPY))[:3] == (0xA, 0x0D, 0x04)
    assert array.contents[1][64 * BLOCK : 66 * BLOCK] == array.before[0][: 2 * BLOCK]
    assert array.contents[1][67 * BLOCK :] == array.before[1][67 * BLOCK :]

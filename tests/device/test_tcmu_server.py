"""Commands from a ring are answered: by whom, in which order, and what becomes of those that are aborted.

The kernel is played by the test: the ring in shared memory, its uio node a socket.
"""

from __future__ import annotations

import queue
import select
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from cdb.command import Command, Reply, Silence
from tests.device.fake_ring import DATA_AT, Kernel, shared_memory
from xcopy.device import tcmu_server
from xcopy.device.tcmu_ring import Ring
from xcopy.device.tcmu_server import Device, Server

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Iterator

    from tests.device.fake_ring import Answer

DEADLINE = 10.0
GOOD, CHECK_CONDITION, TASK_ABORTED = 0x00, 0x02, 0x40
ABORT_TASK, LOGICAL_UNIT_RESET = 1, 5
TEST_UNIT_READY = bytes(6)
READ = bytes.fromhex("88000000000000000000000000010000")
WRITE = bytes.fromhex("8a000000000000000000000000010000")
COPY, COPY_ABORT, COPY_STATUS = b"\x83" + bytes(15), b"\x83\x1c" + bytes(14), b"\x84\x05" + bytes(14)
FLUSH = b"\x91" + bytes(15)


@dataclass
class Unit:
    """A transport that does as it is told for each operation code, GOOD without data else."""

    does: dict[int, Callable[[Command], Reply]] = field(default_factory=dict)
    seen: list[Command] = field(default_factory=list)

    def send(self, command: Command) -> Reply:
        self.seen.append(command)
        return self.does.get(command.cdb[0], lambda _: Reply())(command)

    def close(self) -> None:
        pass


class Bench:
    """A served ring, from the kernel's side."""

    def __init__(self, memory: mmap.mmap, node: socket.socket) -> None:
        self.kernel = Kernel(memory)
        self._node = node

    def send(self, command_id: int, cdb: bytes, pieces: tuple[tuple[int, int], ...] = ()) -> None:
        self.kernel.command(command_id, cdb, pieces)
        self.interrupt()

    def manage(self, function: int, *ids: int) -> None:
        self.kernel.task_management(function, ids)
        self.interrupt()

    def interrupt(self) -> None:
        self._node.send(bytes(4))

    def answers(self, count: int) -> list[Answer]:
        """The next answers, each after a ring of the bell."""
        found = self.kernel.answers()
        while len(found) < count:
            assert select.select([self._node], [], [], DEADLINE)[0], "the bell was not rung"
            self._node.recv(4096)
            found += self.kernel.answers()
        assert len(found) == count
        return found

    def answer(self) -> Answer:
        return self.answers(1)[0]


@dataclass
class Served:
    bench: Bench
    unit: Unit
    device: Device
    server: Server
    resets: queue.SimpleQueue[None]


@pytest.fixture
def served() -> Iterator[Served]:
    theirs, ours = shared_memory()
    here, there = socket.socketpair()
    there.setblocking(False)
    node = there.detach()
    with theirs, here:
        bench = Bench(theirs, here)
        unit = Unit()
        resets: queue.SimpleQueue[None] = queue.SimpleQueue()
        device = Device("unit 0", node, Ring(ours), unit, lambda: resets.put(None))
        server = Server([device])
        server.start()
        yield Served(bench, unit, device, server, resets)
        device.end_silence()
        server.stop()
        device.close()


@pytest.fixture
def bench(served: Served) -> Bench:
    return served.bench


@pytest.fixture
def unit(served: Served) -> Unit:
    return served.unit


@pytest.fixture
def gate(unit: Unit) -> Iterator[threading.Event]:
    """EXTENDED COPY runs until this is set."""
    opened = threading.Event()
    begun = threading.Semaphore(0)

    def copy(_: Command) -> Reply:
        begun.release()
        assert opened.wait(DEADLINE)
        return Reply()

    unit.does[0x83] = lambda c: copy(c) if c.cdb[1] == 0 else Reply()
    opened.begun = begun  # type: ignore[attr-defined]
    yield opened
    opened.set()


@pytest.fixture
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """For copies; the next fixtures make the server."""
    monkeypatch.setattr(tcmu_server, "COPY_THREADS", 1)


@pytest.fixture
def _eight_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcmu_server, "COPY_THREADS", 8)


def begun(gate: threading.Event) -> None:
    """Wait until one more copy runs."""
    assert gate.begun.acquire(timeout=DEADLINE)  # type: ignore[attr-defined]


def test_data_in_reaches_the_initiator_s_buffer(bench: Bench, unit: Unit) -> None:
    unit.does[0x88] = lambda c: Reply(data=b"r" * c.data_in)
    bench.send(1, READ, ((DATA_AT, 256), (DATA_AT + 4096, 256)))
    answer = bench.answer()
    assert (answer.status, answer.read_length) == (GOOD, 512)
    assert bench.kernel.memory[DATA_AT + 4096 : DATA_AT + 4096 + 256] == b"r" * 256
    assert unit.seen[0].data_in == 512


def test_data_out_reaches_the_unit(bench: Bench, unit: Unit) -> None:
    bench.kernel.memory[DATA_AT : DATA_AT + 512] = b"w" * 512
    bench.send(1, WRITE, ((DATA_AT, 512),))
    assert bench.answer().status == GOOD
    assert (unit.seen[0].data_out, unit.seen[0].data_in) == (b"w" * 512, 0)


def test_a_refusal_comes_with_its_sense(bench: Bench, unit: Unit) -> None:
    sense = bytes.fromhex("70 00 05 00000000 0a 00000000 20 00 00 000000")
    unit.does[0x88] = lambda _: Reply(status=CHECK_CONDITION, sense=sense)
    bench.send(1, READ, ((DATA_AT, 512),))
    answer = bench.answer()
    assert (answer.status, answer.sense[:18], answer.flags) == (CHECK_CONDITION, sense, 0)


def test_other_commands_are_answered_while_a_copy_runs(bench: Bench, gate: threading.Event) -> None:
    bench.send(1, COPY)
    begun(gate)
    bench.send(2, TEST_UNIT_READY)
    assert bench.answer().command_id == 2
    gate.set()
    assert bench.answer().command_id == 1


@pytest.mark.usefixtures("_eight_threads")
@pytest.mark.parametrize("question", [COPY_STATUS, COPY_ABORT, TEST_UNIT_READY, FLUSH])
def test_questions_are_answered_while_every_copy_thread_is_busy(
    bench: Bench, gate: threading.Event, question: bytes
) -> None:
    for number in range(8):
        bench.send(number, COPY)
        begun(gate)
    bench.send(99, question)
    assert bench.answer().command_id == 99


@pytest.mark.usefixtures("_one_thread")
def test_more_copies_than_threads_are_done_one_after_another(
    bench: Bench, unit: Unit, gate: threading.Event
) -> None:
    for number in range(6):
        bench.send(number, COPY)
    begun(gate)
    gate.set()
    assert sorted(a.command_id for a in bench.answers(6)) == list(range(6))
    assert len(unit.seen) == 6


@pytest.mark.usefixtures("_one_thread")
@pytest.mark.parametrize("function", [ABORT_TASK, LOGICAL_UNIT_RESET])
def test_a_copy_that_has_not_begun_is_aborted_and_never_begins(
    bench: Bench, unit: Unit, gate: threading.Event, function: int
) -> None:
    bench.send(1, COPY)
    begun(gate)
    bench.send(2, COPY)
    bench.manage(function, 2)
    answer = bench.answer()
    assert (answer.command_id, answer.status) == (2, TASK_ABORTED)
    gate.set()
    assert (bench.answer().command_id, len(unit.seen)) == (1, 1)


def test_a_copy_that_runs_is_waited_for(bench: Bench, gate: threading.Event) -> None:
    bench.send(1, COPY)
    begun(gate)
    bench.manage(ABORT_TASK, 1)
    bench.send(2, TEST_UNIT_READY)
    assert bench.answer().command_id == 2
    gate.set()
    answer = bench.answer()
    assert (answer.command_id, answer.status) == (1, GOOD)


def test_a_reset_reaches_the_unit_and_an_abort_does_not(served: Served, bench: Bench) -> None:
    bench.manage(ABORT_TASK, 1)
    bench.manage(LOGICAL_UNIT_RESET)
    served.resets.get(timeout=DEADLINE)
    bench.send(2, TEST_UNIT_READY)
    assert bench.answer().command_id == 2
    assert served.resets.empty()


def test_a_command_that_is_never_answered_is_ended_by_an_abort(bench: Bench, unit: Unit) -> None:
    unit.does[0x88] = silent
    bench.send(1, READ, ((DATA_AT, 512),))
    bench.send(2, TEST_UNIT_READY)
    assert bench.answer().command_id == 2
    bench.manage(ABORT_TASK, 1)
    answer = bench.answer()
    assert (answer.command_id, answer.status) == (1, TASK_ABORTED)


def test_a_copy_that_is_aborted_and_then_never_answered_is_ended(
    bench: Bench, unit: Unit, gate: threading.Event
) -> None:
    runs = unit.does[0x83]
    unit.does[0x83] = lambda c: silent(c) if runs(c) else Reply()
    bench.send(1, COPY)
    begun(gate)
    bench.manage(ABORT_TASK, 1)
    bench.send(2, TEST_UNIT_READY)
    assert bench.answer().command_id == 2
    gate.set()
    answer = bench.answer()
    assert (answer.command_id, answer.status) == (1, TASK_ABORTED)


def silent(_: Command) -> Reply:
    raise Silence("no answer")


def test_a_command_that_is_never_answered_is_ended_when_serving_ends(
    served: Served, bench: Bench, unit: Unit
) -> None:
    unit.does[0x88] = silent
    bench.send(1, READ, ((DATA_AT, 512),))
    bench.send(2, TEST_UNIT_READY)
    assert bench.answer().command_id == 2
    served.device.end_silence()
    assert (bench.answer().command_id, bench.kernel.tail) == (1, bench.kernel.head)
    bench.send(3, READ, ((DATA_AT, 512),))
    assert bench.answer().status == TASK_ABORTED


def test_an_abort_of_what_is_answered_already_does_nothing(bench: Bench) -> None:
    bench.send(1, TEST_UNIT_READY)
    assert bench.answer().status == GOOD
    bench.manage(ABORT_TASK, 1, 55)
    bench.send(2, TEST_UNIT_READY)
    assert bench.answer().command_id == 2


def test_a_fault_of_ours_is_a_hardware_error_and_the_next_command_is_served(
    bench: Bench, unit: Unit, capfd: pytest.CaptureFixture[str]
) -> None:
    def breaks(_: Command) -> Reply:
        raise ZeroDivisionError("ours")

    unit.does[0x88] = breaks
    bench.send(1, READ, ((DATA_AT, 512),))
    answer = bench.answer()
    assert (answer.status, answer.sense[2], answer.sense[12]) == (CHECK_CONDITION, 0x04, 0x44)
    bench.send(2, TEST_UNIT_READY)
    assert bench.answer().status == GOOD
    assert "ZeroDivisionError: ours" in capfd.readouterr().err


def test_an_entry_that_cannot_be_read_is_a_hardware_error(bench: Bench, unit: Unit) -> None:
    bench.send(1, READ, ((8, 512),))
    answer = bench.answer()
    assert (answer.status, answer.sense[2], answer.sense[12]) == (CHECK_CONDITION, 0x04, 0x44)
    assert unit.seen == []


def test_a_damaged_ring_is_given_up_and_said(served: Served, bench: Bench) -> None:
    bench.kernel.put(bytes(120))
    bench.interrupt()
    for _ in range(1000):
        if served.server.trouble:
            break
        threading.Event().wait(0.01)
    (said,) = served.server.trouble
    assert said.startswith("unit 0 is not served any more: an entry of 0 bytes")


def test_a_server_that_refuses_ends_what_runs_and_all_that_comes(
    served: Served, bench: Bench, unit: Unit, gate: threading.Event
) -> None:
    bench.send(1, COPY)
    begun(gate)
    bench.send(2, READ, ((DATA_AT, 512),))
    assert bench.answer().command_id == 2

    def reset(name: str) -> None:
        assert name == "unit 0"
        bench.kernel.memory[12:16] = bench.kernel.memory[64:68] = bytes(4)
        bench.kernel.cleaned = 0

    served.server.refuse_all(reset)
    bench.send(1, READ, ((DATA_AT, 512),))  # an id that was in use
    answer = bench.answer()
    assert (answer.command_id, answer.status, answer.sense[2]) == (1, CHECK_CONDITION, 0x04)
    gate.set()
    bench.send(3, COPY)
    answer = bench.answer()
    assert (answer.command_id, answer.status) == (3, CHECK_CONDITION)
    assert (len(unit.seen), bench.kernel.tail) == (2, bench.kernel.head)

"""A copy of 20 segments with one fault at every step of it, of every kind, once and for good.

Whatever goes wrong, the copy is whole or the report is exact: every block that is said to be copied has the
source's bytes, no block outside the range is touched, and what is not copied is said, with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest

from cdb.command import Command, NotSent, Reply, Silence, Status, TransportError
from tests.xcopy import test_runner as bench
from xcopy.coverage import State
from xcopy.job import Method
from xcopy.target.array import Array, memory_array
from xcopy.target.faults import Fault, check
from xcopy.target.profile import CAPABLE

BLOCK = 512
TUR = Command(name="TEST UNIT READY", cdb=bytes(6))
SEGMENT = 4  # blocks
SEGMENTS = 20
BLOCKS = SEGMENT * SEGMENTS
SOURCE, DESTINATION = 3, 7  # LBAs
UNIT = BLOCKS + 16
CHUNK = 2  # blocks in one internal read or write
STATUSES = (
    Status.BUSY,
    Status.TASK_SET_FULL,
    Status.RESERVATION_CONFLICT,
    Status.ACA_ACTIVE,
    Status.TASK_ABORTED,
)
SENSES = (
    (0x1, 0x17, 0x01), (0x2, 0x04, 0x00), (0x2, 0x08, 0x00), (0x3, 0x11, 0x00), (0x3, 0x0C, 0x00),
    (0x4, 0x44, 0x00), (0x5, 0x00, 0x16), (0x5, 0x1A, 0x00), (0x5, 0x20, 0x00), (0x5, 0x21, 0x00),
    (0x5, 0x24, 0x00), (0x5, 0x26, 0x00), (0x5, 0x26, 0x08), (0x5, 0x26, 0x0D), (0x5, 0x55, 0x03),
    (0x6, 0x28, 0x00), (0x6, 0x29, 0x00), (0x6, 0x29, 0x03), (0x6, 0x2A, 0x09), (0x6, 0x3F, 0x03),
    (0x6, 0x3F, 0x0E), (0x7, 0x27, 0x00), (0xA, 0x08, 0x04), (0xA, 0x0D, 0x01), (0xA, 0x0D, 0x02),
    (0xA, 0x26, 0x0D), (0xB, 0x00, 0x00), (0xF, 0x00, 0x20),
)  # fmt: skip
ANSWERS: dict[str, Reply | TransportError] = {
    **{status.name.lower(): Reply(status=status) for status in STATUSES},
    **{f"{key:X}-{asc:02X}-{ascq:02X}": check(key, asc, ascq) for key, asc, ascq in SENSES},
    "garbled sense": Reply(status=Status.CHECK_CONDITION, sense=b"\x70\x00"),
    "no sense": Reply(status=Status.CHECK_CONDITION),
    "not sent": NotSent("the node is gone"),
    "silence": Silence("no answer in 60 s"),
}
SAYS_DONE = "1-17-01"  # RECOVERED ERROR: a unit that did nothing and says so would lie
INSIDE = ("busy", "reservation_conflict", "3-11-00", "3-0C-00", "4-44-00", "7-27-00", "B-00-00")


@dataclass(frozen=True)
class Kind:
    """What goes wrong: at which kind of step, how, and whether the step was performed all the same."""

    at: str
    answer: str
    after: bool
    lasting: bool
    method: Method


@cache
def content(number: int) -> bytes:
    return b"".join(f"{number}/{lba:08}".encode().ljust(BLOCK, b".") for lba in range(UNIT))


def faulty(fault: Fault | None) -> Array:
    array = memory_array(
        2,
        blocks=UNIT,
        advertised=CAPABLE.but(maximum_segment_length=SEGMENT * BLOCK, maximum_segment_count=3),
        chunk_size=CHUNK * BLOCK,
    )
    for number in (0, 1):
        array.units[number].backing.write(0, content(number))
    for number in (0, 1):  # the first command of a nexus hears of power on; that is no fault
        array.open(number).send(TUR)
    if fault:
        array.faults.add(fault)
    return array


def steps(at: str) -> int:
    """How many steps of a kind a copy without faults takes; a command is an EXTENDED COPY."""
    return {"command": -(-SEGMENTS // 3) + 2, "read": BLOCKS // CHUNK, "write": BLOCKS // CHUNK}[at]


KINDS = [
    Kind(at, answer, after, lasting, method)
    for at in ("command", "read", "write")
    for answer in (ANSWERS if at == "command" else INSIDE)
    for after in (False, True)
    for lasting in (False, True)
    for method in (Method.AUTO, Method.OFFLOAD)
    if after or answer != SAYS_DONE
]


@pytest.mark.parametrize(
    "kind", KINDS, ids=lambda k: f"{k.at}-{k.answer}-{'after' if k.after else 'instead'}-"
    f"{'for-good' if k.lasting else 'once'}-{k.method.value}"
)  # fmt: skip
def test_one_fault_at_any_step_leaves_a_whole_copy_or_an_exact_report(kind: Kind) -> None:
    for nth in range(1, steps(kind.at) + 1):
        fault = Fault(
            at=kind.at,  # type: ignore[arg-type]
            then=ANSWERS[kind.answer],
            nth=nth,
            times=None if kind.lasting else 1,
            opcode=0x83 if kind.at == "command" else None,
            after=kind.after,
        )
        array = faulty(fault)
        job = bench.copy(array, BLOCKS, SOURCE, DESTINATION, kind.method, jobs=2)
        found = array.units[1].backing.read(0, UNIT * BLOCK)
        assert found[: DESTINATION * BLOCK] == content(1)[: DESTINATION * BLOCK]
        end = (DESTINATION + BLOCKS) * BLOCK
        assert found[end:] == content(1)[end:]
        assert array.units[0].backing.read(0, UNIT * BLOCK) == content(0)
        copied = 0
        for part, entry in job.coverage.runs(*State):
            for index in range(part.start, part.end):
                mine = found[(DESTINATION + index) * BLOCK : (DESTINATION + index + 1) * BLOCK]
                new = content(0)[(SOURCE + index) * BLOCK : (SOURCE + index + 1) * BLOCK]
                old = content(1)[(DESTINATION + index) * BLOCK : (DESTINATION + index + 1) * BLOCK]
                assert mine == new if entry.state is State.COPIED else mine in (new, old)
            copied += part.blocks if entry.state is State.COPIED else 0
        assert job.coverage.count(State.IN_FLIGHT) == 0
        assert copied == job.coverage.count(State.COPIED)
        assert job.coverage.complete or job.stopped

"""A copy of 20 segments with one fault at every step of it, of every kind, once and for good.

Whatever goes wrong, the copy is whole or the report is exact: every block that is said to be copied has the
source's bytes, no block outside the range is touched, and what is not copied is said, with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from cdb.command import Command, NotSent, Reply, Silence, Status, TransportError
from tests.xcopy import test_runner as bench
from xcopy.coverage import State
from xcopy.job import Method
from xcopy.target.array import Array, memory_array
from xcopy.target.faults import Call, Corrupt, Delay, Fault, Shorten, check
from xcopy.target.profile import CAPABLE

if TYPE_CHECKING:
    from xcopy.plan import Piece
    from xcopy.unit import LogicalUnit

pytestmark = pytest.mark.no_cover  # ten thousand copies of one kind: measured, they take three times as long

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
INSIDE = (
    "busy", "reservation_conflict", "3-11-00", "3-0C-00", "4-44-00", "7-27-00", "B-00-00", "silence",
)  # fmt: skip
NEVER = 1e6  # seconds: longer than any command is waited for
RESIZED = {  # unit and blocks: the range ends at block 83 of the source and 87 of the destination
    "source ends in the range": (0, SOURCE + BLOCKS // 2),
    "destination ends in the range": (1, DESTINATION + BLOCKS // 2),
    "source ends behind the range": (0, SOURCE + BLOCKS),
    "destination ends behind the range": (1, DESTINATION + BLOCKS),
}
SHORT = {"nothing": Shorten(0), "one block": Shorten(BLOCK)}
LATE = {"slow": Delay(1.0), "never heard": Delay(NEVER)}


@dataclass(frozen=True)
class Kind:
    """What goes wrong: at which kind of step, how, and whether the step was performed all the same."""

    at: str
    answer: str
    method: Method
    after: bool = False
    lasting: bool = False

    def then(self, array: Array) -> Any:
        """What a rule of that kind does."""
        if self.answer in RESIZED:
            return Call(lambda: array.resize(*RESIZED[self.answer]))
        return {**ANSWERS, **SHORT, **LATE}[self.answer]

    def __str__(self) -> str:
        how = ("after" if self.after else "instead", "for-good" if self.lasting else "once")
        return "-".join((self.at, self.answer, *how, self.method.value))


@cache
def content(number: int) -> bytes:
    return b"".join(f"{number}/{lba:08}".encode().ljust(BLOCK, b".") for lba in range(UNIT))


def made() -> Array:
    """Two units with the range and some blocks around it; no unit attention is pending."""
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
    return array


@cache
def probed() -> tuple[LogicalUnit, LogicalUnit]:
    """What the units of any such array say of themselves."""
    array = made()
    return bench.probe(array, 0), bench.probe(array, 1)


def steps(at: str) -> int:
    """How many steps of a kind a copy without faults takes; a command is an EXTENDED COPY."""
    chunks = BLOCKS // CHUNK
    return {"command": -(-SEGMENTS // 3) + 2, "segment": SEGMENTS, "read": chunks, "write": chunks}[at]


METHODS = (Method.AUTO, Method.OFFLOAD)
STEPS = ("command", "segment", "read", "write")
KINDS = [
    *(
        Kind(at, answer, method, after)
        for at in STEPS
        for answer in (ANSWERS if at == "command" else INSIDE)
        for method in METHODS
        for after in (False, True)
        if after or answer != SAYS_DONE
    ),
    *(
        Kind(at, answer, Method.AUTO, lasting=True)
        for at in STEPS
        for answer in (ANSWERS if at == "command" else INSIDE)
        if answer != SAYS_DONE
    ),
    *(Kind(at, resized, method) for at in STEPS for resized in RESIZED for method in METHODS),
    *(Kind(at, short, method) for at in ("read", "write") for short in SHORT for method in METHODS),
    *(Kind(at, "slow", Method.AUTO, lasting=True) for at in STEPS),
    *(Kind("command", "never heard", method) for method in METHODS),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_one_fault_at_any_step_leaves_a_whole_copy_or_an_exact_report(kind: Kind) -> None:
    for nth in range(1, steps(kind.at) + 1):
        array = made()
        fault = Fault(
            at=kind.at,  # type: ignore[arg-type]
            then=kind.then(array),
            nth=nth,
            times=None if kind.lasting else 1,
            opcode=0x83 if kind.at == "command" else None,
            after=kind.after,
        )
        array.faults.add(fault)
        job = bench.copy(array, BLOCKS, SOURCE, DESTINATION, kind.method, jobs=2, probed=probed())
        found = array.units[1].backing.read(0, UNIT * BLOCK)
        assert found[: DESTINATION * BLOCK] == content(1)[: DESTINATION * BLOCK]
        end = (DESTINATION + BLOCKS) * BLOCK
        assert found[end:] == content(1)[end:]
        assert array.units[0].backing.read(0, UNIT * BLOCK) == content(0)
        copied = 0
        for part, entry in job.coverage.runs(*State):
            mine, old, new = (
                of(found, DESTINATION, part),
                of(content(1), DESTINATION, part),
                of(content(0), SOURCE, part),
            )
            if entry.state is State.COPIED:
                assert mine == new
                copied += part.blocks
            else:
                assert all(block in before for block, *before in zip(mine, old, new, strict=True))
        assert job.coverage.count(State.IN_FLIGHT) == 0
        assert copied == job.coverage.count(State.COPIED)
        assert job.coverage.complete or job.stopped


def of(unit: bytes, lba: int, part: Piece) -> list[bytes]:
    """The blocks of a part of the range that begins at `lba`."""
    return [unit[at * BLOCK : (at + 1) * BLOCK] for at in range(lba + part.start, lba + part.end)]


@pytest.mark.parametrize("at", ["read", "write"])
def test_blocks_spoilt_on_their_way_are_the_only_ones_that_are_wrong(at: str) -> None:
    for nth in range(1, steps(at) + 1):
        array = made()
        array.faults.add(Fault(at=at, nth=nth, then=Corrupt(lambda data: bytes(len(data)))))  # type: ignore[arg-type]
        job = bench.copy(array, BLOCKS, SOURCE, DESTINATION, Method.OFFLOAD, probed=probed())
        assert job.coverage.complete, "nobody can see it without reading it again"
        found = array.units[1].backing.read(0, UNIT * BLOCK)
        expected = content(1)[: DESTINATION * BLOCK] + content(0)[SOURCE * BLOCK :][: BLOCKS * BLOCK]
        expected += content(1)[len(expected) :]
        wrong = [n for n in range(UNIT) if found[n * BLOCK :][:BLOCK] != expected[n * BLOCK :][:BLOCK]]
        assert len(wrong) == CHUNK
        assert all(found[n * BLOCK :][:BLOCK] == bytes(BLOCK) for n in wrong)

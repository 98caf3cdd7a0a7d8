"""The life of copy operations under any order of commands and events, against a model of a few lines.

The model is the state machine of SPC-4 5.17.4 to 5.17.5 and 6.24: in progress, completed, terminated, gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cdb.command import Reply
from tests.target.bench import BLOCK, GOOD, TEST_UNIT_READY, No, no, segment
from tests.target.results_bench import (
    Clock,
    abort,
    copy_lid4,
    lid1_status,
    lid4_status,
    status_lid1,
    status_lid4,
    with_policy,
)

UNKNOWN = No(0x5, 0x24, 0x00, "c00002")
IN_PROGRESS = No(0x5, 0x00, 0x16)
RETENTION = 60.0
GOOD_SEGMENT = segment(0, 64, 2, source=1, destination=2)
BAD_SEGMENT = segment(0, 256, 1, source=1, destination=2)

nexuses = st.sampled_from(["initiator", "other"])
identifiers = st.integers(1, 2)


@dataclass
class Copy:
    """What the model knows of one."""

    segments: list[bytes]
    done: int = 0
    begun: int = 0
    status: int = 0x12
    finished_at: float = 0.0
    told_to_lid1: bool = False


class Operations(RuleBasedStateMachine):
    """Two nexuses, two list identifiers each, copies in the background only."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.array = with_policy(clock=self.clock)
        self.array.send(1, TEST_UNIT_READY, "other")
        self.copies: dict[tuple[str, int], Copy] = {}
        self.turns: list[tuple[str, int]] = []  # those that run, the next one first

    def known(self, nexus: str, list_id: int) -> Copy | None:
        """The copy, unless it was forgotten in the meantime."""
        copy = self.copies.get((nexus, list_id))
        if copy and copy.status != 0x12 and copy.finished_at + RETENTION <= self.clock.seconds:
            del self.copies[nexus, list_id]
            return None
        return copy

    def ended(self, key: tuple[str, int], status: int) -> None:
        """A copy that ran is over."""
        self.copies[key].status, self.copies[key].finished_at = status, self.clock.seconds
        self.turns.remove(key)

    @rule(nexus=nexuses, list_id=identifiers, segments=st.lists(st.booleans(), min_size=1, max_size=3))
    def start(self, nexus: str, list_id: int, segments: list[bool]) -> None:
        made = [GOOD_SEGMENT if good else BAD_SEGMENT for good in segments]
        reply = copy_lid4(self.array, *made, list_id=list_id, immed=True, nexus=nexus)
        if (nexus, list_id) in self.turns:
            assert no(reply) == IN_PROGRESS
            return
        assert reply == Reply()
        self.copies[nexus, list_id] = Copy(made)
        self.turns.append((nexus, list_id))

    @rule()
    def work(self) -> None:
        if self.turns:
            key = self.turns[0]
            copy = self.copies[key]
            copy.begun += 1
            if copy.segments[copy.done] is BAD_SEGMENT:
                self.ended(key, 0x02)
            else:
                copy.done += 1
                if copy.done == len(copy.segments):
                    self.ended(key, 0x01)
                else:
                    self.turns.append(self.turns.pop(0))
        assert self.array.array.work() == bool(self.turns)

    @rule(nexus=nexuses, list_id=identifiers)
    def abort(self, nexus: str, list_id: int) -> None:
        reply = self.array.send(1, abort(list_id), nexus)
        if (nexus, list_id) in self.turns:
            assert reply == Reply()
            self.ended((nexus, list_id), 0x60)
        else:
            assert no(reply) == UNKNOWN

    @rule(nexus=nexuses, list_id=identifiers)
    def ask_lid1(self, nexus: str, list_id: int) -> None:
        copy = self.known(nexus, list_id)
        if copy is None or copy.told_to_lid1:
            assert no(self.array.send(1, status_lid1(list_id), nexus)) == UNKNOWN
            return
        told = lid1_status(self.array, list_id, nexus)
        assert told.status == {0x12: 0x00, 0x01: 0x01}.get(copy.status, 0x02)
        assert (told.segments, told.count) == (copy.begun, copy.done * 2 * BLOCK)
        copy.told_to_lid1 = copy.status != 0x12

    @rule(seconds=st.sampled_from([1.0, 30.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.seconds += seconds

    @rule(nexus=nexuses)
    def lose(self, nexus: str) -> None:
        self.array.array.lose(nexus)
        assert no(self.array.send(1, TEST_UNIT_READY, nexus)) == No(0x6, 0x29, 0x07)
        self.copies = {k: c for k, c in self.copies.items() if k[0] != nexus or k in self.turns}

    @rule(number=st.sampled_from([0, 1]))
    def reset(self, number: int) -> None:
        self.array.array.reset(number)
        for nexus in ("initiator", "other"):
            self.array.send(number, TEST_UNIT_READY, nexus)
        if number == 1:  # the unit that all copies were sent to
            self.copies, self.turns = {}, []

    @invariant()
    def every_status_is_the_model_s(self) -> None:
        for nexus in ("initiator", "other"):
            for list_id in (1, 2):
                self.check(nexus, list_id, self.known(nexus, list_id))

    def check(self, nexus: str, list_id: int, copy: Copy | None) -> None:
        """What RECEIVE COPY STATUS(LID4) says of one."""
        if copy is None:
            assert no(self.array.send(1, status_lid4(list_id), nexus)) == UNKNOWN
            return
        told = lid4_status(self.array, list_id, nexus)
        assert (told.status, told.segments, told.count) == (copy.status, copy.begun, copy.done * 2 * BLOCK)
        assert told.completion == {0x12: GOOD, 0x01: GOOD, 0x02: 0x02, 0x60: 0x40}[copy.status]


TestOperations: Any = Operations.TestCase
TestOperations.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)

"""How far a long command has come: who is asked and when, what is believed of the answer, and how little."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdb.command import NotSent, Reply, Silence, Status
from tests.cdb.independent import laid_out
from tests.xcopy.test_runner import Steady, Ticking, array, assert_copied, copy
from tests.xcopy.units import unit
from xcopy import runner
from xcopy.conversation import Side
from xcopy.coverage import State
from xcopy.errors import AccessError
from xcopy.limits import Limits, agree
from xcopy.list_ids import WITHOUT
from xcopy.offload import Pair
from xcopy.plan import Batch, Piece, Range, Request
from xcopy.polling import LONG, TIMEOUT, Aside, Flying, Polling, ask
from xcopy.target.attention import POWER_ON
from xcopy.target.faults import BUSY, TASK_SET_FULL, Call, Fault, Step, check
from xcopy.task import OFFLOAD, HostTask, OffloadTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.command import Command
    from xcopy.job import Job
    from xcopy.runner import Runner

STATUS_LID1, STATUS_LID4 = (0x84, 0x00), (0x84, 0x05)
BLOCK, SIZE = 512, 3 * 64 * 512  # of the one task that is asked about
OFFER = agree(unit(0), unit(1))
REQUEST = Request(
    source_lba=0, destination_lba=0, blocks=1000, source_block_size=BLOCK, destination_block_size=BLOCK
)


def pair(*commands: tuple[int, int]) -> Pair:
    return Pair(unit(0), unit(1, copy_commands=frozenset(commands)), False)


def flying(list_id: int = 7, sent: float = 0.0, to: Side = Side.DESTINATION) -> Flying:
    assert isinstance(OFFER, Limits)
    batch = Batch(tuple(Piece(64 * n, 64) for n in range(3)))
    return Flying(OffloadTask(batch, list_id, True, OFFER, to), sent, sent)


def running(count: int, units: int = 0, status: int = 0) -> Reply:
    return Reply(data=laid_out(12, {"0-3": 8, "4.6-0": status, "5-6": 1, "7": units, "8-11": count}))


def running_lid4(count: int, units: int = 0, status: int = 0x11) -> Reply:
    places: dict[str, int | bytes] = {"0-3": 28, "5.6-0": status, "8-11": 500, "15": units, "16-23": count}
    return Reply(data=laid_out(32, places))


def told(*replies: Reply | None, lid4: bool = False) -> tuple[int, bool]:
    """How far the task has come after these answers, and whether the unit is asked again."""
    poll, task = Polling([pair(STATUS_LID4 if lid4 else STATUS_LID1)], REQUEST, 0.0), flying()
    for number, reply in enumerate(replies, 1):
        (question,) = poll.questions([task], LONG * number)
        poll.heard(question, reply)
    return task.reached, bool(poll.questions([task], 1e6))


# Who is asked, and when


def test_a_command_is_asked_about_when_it_takes_long_and_again_after_as_long() -> None:
    poll, task = Polling([pair(STATUS_LID1)], REQUEST, 0.0), flying()
    asked = [now for now in range(40) if poll.questions([task], float(now))]
    assert asked == list(range(int(LONG), 40, int(LONG)))


def test_what_has_just_been_sent_is_not_asked_about() -> None:
    poll = Polling([pair(STATUS_LID1)], REQUEST, 0.0)
    (question,) = poll.questions([late := flying(1, 0.5), flying(2, 0.6)], LONG + 0.5)
    assert question.about is late


def test_a_command_that_is_sent_again_begins_from_the_start() -> None:
    poll, task = Polling([pair(STATUS_LID1)], REQUEST, 0.0), flying()
    poll.heard(poll.questions([task], LONG)[0], running(512))
    task.sent_again(9.0)  # it waits until then
    assert task.reached == 0
    assert not poll.questions([task], 13.0)
    assert poll.questions([task], 18.0)


def test_tasks_of_the_host_and_commands_without_an_identifier_cannot_be_asked_about() -> None:
    poll = Polling([pair(STATUS_LID1)], REQUEST, 0.0)
    host = Flying(HostTask(Piece(0, 64)), 0.0, 0.0)
    assert not poll.questions([host, flying(WITHOUT)], 100.0)


@pytest.mark.parametrize(
    ("listed", "cdb"),
    [
        ({STATUS_LID1, STATUS_LID4}, "84 00 07" + "00" * 7 + "00000200" + "0000"),
        ({STATUS_LID4}, "84 05 00000007" + "00" * 4 + "00000200" + "0000"),
        ({(0x84, 0x03)}, "84 00 07" + "00" * 7 + "00000200" + "0000"),
        (set(), "84 00 07" + "00" * 7 + "00000200" + "0000"),
    ],
    ids=["both", "LID4", "neither", "no list"],
)
def test_a_unit_is_asked_with_what_it_lists_or_tried_where_it_lists_neither(
    listed: set[tuple[int, int]], cdb: str
) -> None:
    (question,) = Polling([pair(*listed)], REQUEST, 0.0).questions([flying()], LONG)
    assert question.command.cdb == bytes.fromhex(cdb)
    assert question.to is Side.DESTINATION


@pytest.mark.parametrize(("given_", "used"), [(None, TIMEOUT), (900.0, 900.0)])
def test_a_question_may_wait_as_long_as_a_copy_takes(given_: float | None, used: float) -> None:
    (question,) = Polling([pair(STATUS_LID1)], REQUEST, 0.0, given_).questions([flying()], LONG)
    assert question.command.timeout == used


def test_a_unit_that_refuses_is_not_asked_about_its_other_commands_but_the_other_unit_is() -> None:
    poll = Polling([pair(STATUS_LID1)], REQUEST, 0.0)
    poll.heard(poll.questions([flying()], LONG)[0], check(5, 0x20))
    (question,) = poll.questions([flying(8), flying(9, to=Side.SOURCE)], 2 * LONG)
    assert question.to is Side.SOURCE


# What is believed


@pytest.mark.parametrize(
    ("reply", "reached"),
    [
        (running(0), 0),
        (running(1000), 1000),
        (running(3, units=1), 3 << 10),
        (running(3, units=0xF1), 3 * BLOCK),
        (running(SIZE), SIZE),
        (running(SIZE + 1), SIZE),
        (running(0xFFFFFFFF, units=6), SIZE),
        (running(1000, status=1), 0),  # over: its own answer says what became of it
        (running(1000, status=2), 0),
    ],
)
def test_what_is_copied_inside_is_what_the_unit_says_and_never_more_than_was_asked(
    reply: Reply, reached: int
) -> None:
    assert told(reply) == (reached, True)


@pytest.mark.parametrize("status", [0x10, 0x11, 0x12])
def test_lid4_tells_of_a_running_copy_in_three_ways(status: int) -> None:
    assert told(running_lid4(5, 0xF1, status), lid4=True) == (5 * BLOCK, True)


@pytest.mark.parametrize("status", [0x01, 0x02, 0x03, 0x04, 0x60])
def test_a_copy_that_is_over_by_lid4_changes_nothing(status: int) -> None:
    assert told(running_lid4(1 << 60, 0, status), lid4=True) == (0, True)


def test_a_count_that_shrinks_is_not_followed() -> None:
    assert told(running(4096), running(512)) == (4096, True)


@pytest.mark.parametrize(
    "later", [BUSY, TASK_SET_FULL, Reply(status=Status.ACA_ACTIVE), check(6, 0x3F, 0x0E)]
)
def test_a_unit_that_cannot_say_now_is_asked_later(later: Reply) -> None:
    assert told(running(512), later) == (512, True)


@pytest.mark.parametrize(
    "never",
    [
        None,  # silence
        check(5, 0x20),
        check(2, 0x3A),
        Reply(status=Status.RESERVATION_CONFLICT),
        Reply(status=2),
        running(512, units=7),
        running(512, status=3),
        Reply(),
        Reply(data=running(512).data[:11]),
        Reply(data=bytes.fromhex("0000002a01000000" + "00" * 38)),  # tcmu-runner: operating parameters
    ],
)
def test_a_unit_that_refuses_is_silent_or_talks_nonsense_is_never_asked_again(never: Reply | None) -> None:
    assert told(running(512), never) == (512, False)


UNKNOWN = check(5, 0x24)


def test_a_copy_that_is_not_known_may_have_just_ended_and_only_three_in_a_row_say_that_none_is_known() -> (
    None
):
    assert told(running(512), UNKNOWN, UNKNOWN) == (512, True)
    assert told(UNKNOWN, UNKNOWN, running(512), UNKNOWN, UNKNOWN) == (512, True)
    assert told(running(512), UNKNOWN, UNKNOWN, UNKNOWN) == (512, False)


@given(data=st.binary(max_size=64), lid4=st.booleans())
@example(data=b"\xff" * 64, lid4=True)
def test_whatever_comes_a_task_is_copied_to_a_part_of_it(data: bytes, lid4: bool) -> None:
    reached, _ = told(Reply(data=data), lid4=lid4)
    assert 0 <= reached <= SIZE


# Who asks


class Way:
    def __init__(self, *answers: Reply | Exception) -> None:
        self.answers = list(answers)

    def send(self, command: Command) -> Reply:
        assert command.name == "RECEIVE COPY STATUS(LID1)"
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        raise AssertionError("it is not theirs")


@pytest.mark.parametrize("no", [BUSY, Silence("lost"), NotSent("gone"), AccessError("no such node")])
def test_after_an_answer_without_data_nothing_more_is_asked_this_time(no: Reply | Exception) -> None:
    questions = Polling([pair(STATUS_LID1)], REQUEST, 0.0).questions([flying(n) for n in (1, 2, 3)], LONG)
    way, heard = Way(running(1), no), list[Aside]()
    ask(questions, lambda *_: way, heard.append)
    assert [aside.question for aside in heard] == questions[:2]
    assert heard[1].reply == (no if isinstance(no, Reply) else None)


def test_of_two_pairs_each_is_asked_by_its_own_units_and_one_that_refuses_silences_only_itself() -> None:
    ranges = [Range(0, 64, 0, 0), Range(500, 64, 64, 1)]
    request = Request.over(ranges, source_block_size=BLOCK, destination_block_size=BLOCK)
    poll = Polling([pair(STATUS_LID1), pair(STATUS_LID4)], request, 0.0)
    assert isinstance(OFFER, Limits)
    tasks = [
        Flying(OffloadTask(Batch((Piece(64 * n, 64),)), n + 1, True, OFFER, Side.DESTINATION), 0.0, 0.0)
        for n in range(2)
    ]
    asked = poll.questions(tasks, LONG)
    assert [(each.pair, each.command.cdb[:2].hex()) for each in asked] == [(0, "8400"), (1, "8405")]
    ways: list[tuple[Side, int]] = []

    def way_to(side: Side, number: int) -> Way:
        ways.append((side, number))
        return Way(running(1))

    ask(asked[:1], way_to, lambda _: None)
    assert ways == [(Side.DESTINATION, 0)]
    poll.heard(asked[0], None)
    assert [each.pair for each in poll.questions(tasks, 3 * LONG)] == [1]


# While a copy runs


def is_status(step: Step) -> bool:
    return step.cdb[:2] == b"\x84\0"


class Watched:
    """A copy of 1000 blocks whose first command stands still in its third segment until `enough` is true.

    Time goes a second on at each look of the clock, once it stands.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *faults: Fault, enough: Callable[[Watched], bool]
    ) -> None:
        monkeypatch.setattr(runner, "TICK", 0.001)
        self.stands, self.go_on, self.enough = threading.Event(), threading.Event(), enough
        self.clock = Ticking()
        self.inside: list[int] = []  # while that command stands still
        self.looks_since = 0  # an answer was heard
        self.runners: list[Runner] = []
        self.array = array(*faults, Fault(at="write", nth=3, then=Call(self.stand)))

    def stand(self) -> None:
        self.stands.set()
        assert self.go_on.wait(20), "nothing was seen"

    def now(self) -> float:
        return self.clock.now() if self.stands.is_set() else 0.0

    def observe(self, job: Job) -> None:
        inside = self.runners[0].inside
        assert inside <= job.coverage.count(State.IN_FLIGHT) * BLOCK
        if self.go_on.is_set():
            return
        self.inside.append(inside)
        if inside:
            assert job.coverage.count(State.COPIED) == 0  # shown, and not booked
        self.looks_since += bool(self.asked and not self.runners[0]._asides)
        if self.enough(self):
            self.go_on.set()

    def run(self, drive: Steady | None = None) -> Job:
        return copy(
            self.array,
            1000,
            5,
            9,
            jobs=2,
            runner=self.runners,
            observe=self.observe,
            now=self.now,
            drive=drive,
        )

    @property
    def asked(self) -> int:
        return self.array.count(0x84) - 2  # operating parameters


def test_what_the_array_has_copied_inside_a_long_command_is_shown_before_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = Watched(monkeypatch, enough=lambda seen: seen.inside[-1] > 0)
    job = seen.run()
    assert_copied(seen.array, 1000, 5, 9)
    assert max(seen.inside) == 2 * 64 * BLOCK  # two segments of three
    assert seen.runners[0].inside == 0
    assert job.coverage.count(State.COPIED, OFFLOAD) == 1000
    assert not job.fallbacks


def test_an_array_that_is_busy_is_asked_later(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Fault(when=is_status, then=BUSY, times=3)
    seen = Watched(monkeypatch, busy, enough=lambda seen: seen.inside[-1] > 0)
    assert seen.run().coverage.complete
    assert seen.asked >= 4


@pytest.mark.parametrize(
    ("no", "times"), [(check(5, 0x20), 1), (UNKNOWN, 3), (Silence("lost"), 1), (Reply(data=b"\0" * 12), 1)]
)
def test_an_array_that_refuses_is_not_asked_again_in_the_whole_copy(
    monkeypatch: pytest.MonkeyPatch, no: Reply | Silence, times: int
) -> None:
    refuses = Fault(when=is_status, then=no, times=None)
    seen = Watched(monkeypatch, refuses, enough=lambda seen: seen.looks_since > 50)
    job = seen.run()
    assert_copied(seen.array, 1000, 5, 9)
    assert seen.asked == times
    assert max(seen.inside) == 0
    assert not job.fallbacks


def test_a_question_that_is_never_answered_is_the_only_one_and_the_copy_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "MOMENT", 0.01)
    for_ever = threading.Event()
    hangs = Fault(when=is_status, then=Call(for_ever.wait), times=None)
    seen = Watched(monkeypatch, hangs, enough=lambda seen: seen.asked > 0 and len(seen.inside) > 50)
    assert seen.run().coverage.complete
    assert seen.asked == 1
    for_ever.set()


@pytest.mark.parametrize("lie", [running(0xFFFFFFFF), running(SIZE, status=1)], ids=["running", "over"])
def test_a_command_that_fails_has_copied_nothing_whatever_was_said_of_it(
    monkeypatch: pytest.MonkeyPatch, lie: Reply
) -> None:
    said = Fault(when=is_status, then=lie, times=None)
    fails = Fault(opcode=0x83, then=check(3, 0x11), after=True)
    seen = Watched(monkeypatch, said, fails, enough=lambda seen: seen.looks_since > 0)
    job = seen.run()
    assert job.coverage.count(State.COPIED, OFFLOAD) == 1000 - 3 * 64
    assert max(seen.inside) == (SIZE if lie.data[4] == 0 else 0)


@pytest.mark.parametrize(
    "attention", [check(6, 0x29), check(6, 0x2A, 0x09)], ids=["power on or reset", "resized"]
)
def test_a_unit_that_says_to_who_asks_that_it_was_reset_stops_the_copy(
    monkeypatch: pytest.MonkeyPatch, attention: Reply
) -> None:
    tells = Fault(when=is_status, then=attention)
    seen = Watched(monkeypatch, tells, enough=lambda seen: seen.looks_since > 0)
    job = seen.run()
    assert job.in_doubt
    assert "the " in job.stopped
    assert not job.coverage.complete
    assert seen.array.count(0x83) == 1


def test_what_is_answered_when_all_commands_are_done_is_heard_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "MOMENT", 20.0)
    asked, done = threading.Event(), threading.Event()

    def power_is_lost_at_the_end() -> None:
        asked.set()
        assert done.wait(20)
        seen.array.attend(POWER_ON)

    class Counting(Steady):
        left = 1000 * BLOCK

        def completed(self, size: int, latency: float, now: float) -> None:  # noqa: ARG002 - the drive's seam
            self.left -= size
            if not self.left:
                done.set()

    lost = Fault(when=is_status, then=Call(power_is_lost_at_the_end))
    seen = Watched(monkeypatch, lost, enough=lambda _: asked.is_set())
    job = seen.run(Counting(2))
    assert job.coverage.complete
    assert job.in_doubt
    assert "reset" in job.stopped


def test_while_it_is_asked_a_stop_still_calls_the_commands_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "MOMENT", 0.01)
    for_ever = threading.Event()
    aborted = threading.Event()

    def hang() -> None:
        seen.runners[0].stop("interrupted")
        for_ever.wait()

    hangs = Fault(when=is_status, then=Call(hang))
    aborts = Fault(when=lambda step: step.cdb[:2] == b"\x83\x1c", then=Call(aborted.set))
    seen = Watched(monkeypatch, hangs, aborts, enough=lambda _: aborted.is_set())
    assert seen.run().stopped == "interrupted"
    for_ever.set()

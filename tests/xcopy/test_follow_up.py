"""A command whose answer was never heard: asked after, never copied over while it may be at work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cdb.command import Command, NotSent, Reply, Silence, Status
from tests.cdb.independent import extended_copy_cdb, fixed_sense, laid_out, lid1_list, segment_02
from tests.xcopy.by_hand import BLOCK, ByHand, content, filled, probed
from tests.xcopy.script import play
from tests.xcopy.units import parameters, unit
from xcopy.conversation import Pushback, Send, Side, Wait, converse
from xcopy.coverage import State
from xcopy.follow_up import question, what_became
from xcopy.job import MOST_SILENCES
from xcopy.limits import Limits, agree
from xcopy.offload import ID_WAITS, LEAST_TIMEOUT, Pair, abort_for, copy_batch
from xcopy.target.faults import Call, Delay, Fault, Step
from xcopy.target.profile import CAPABLE
from xcopy.target.profiles import ARRAY_SMALL, CTL, LIO, SCST, STRICT, TCMU
from xcopy.task import HOST, OFFLOAD, OffloadTask
from xcopy.verdict import Action, Verdict

if TYPE_CHECKING:
    from xcopy.target.array import Array
    from xcopy.target.profile import Profile

STATUS_LID1, STATUS_LID4, ABORT = (0x84, 0x00), (0x84, 0x05), (0x83, 0x1C)
ASK1 = "84 00 07" + "00" * 7 + "00000200" + "0000"
ASK4 = "84 05 00000007" + "00" * 4 + "00000200" + "0000"
UNHEARD = Verdict(Action.STOP, "no answer came")
LOST = Reply(status=2, sense=fixed_sense(5, 0x24, 0x00, sks=b"\xc0\0\x02"))
BUSY = Reply(status=Status.BUSY)
ATTENTION = Reply(status=2, sense=fixed_sense(6, 0x29, 0x00))
NEXUS_LOSS = Reply(status=2, sense=fixed_sense(6, 0x29, 0x07))
RESIZED = Reply(status=2, sense=fixed_sense(6, 0x2A, 0x09))


def lid1(status: int) -> Reply:
    return Reply(data=laid_out(12, {"0-3": 8, "4.6-0": status, "5-6": 3, "7": 0, "8-11": 4096}))


def lid4(status: int) -> Reply:
    places: dict[str, int | bytes] = {"0-3": 28, "5.6-0": status, "8-11": 0xFFFFFFFE}
    return Reply(data=laid_out(32, places))


def asked(commands: set[tuple[int, int]]) -> Command:
    found = question(7, commands)
    assert found is not None
    return found


def follow(
    lines: list[tuple[str, Reply | Exception | bool | None]], *, ask: str = ASK1, proven: bool = False
) -> Verdict:
    commands = {STATUS_LID1} if ask == ASK1 else {STATUS_LID4}
    script = [line for answer in lines for line in (("wait", None), answer)]
    verdict: Verdict = play(
        what_became(UNHEARD, asked(commands), Side.DESTINATION, 60, proven=proven), script
    )
    return verdict


def test_a_unit_is_asked_with_what_it_lists() -> None:
    assert asked({STATUS_LID1, STATUS_LID4}).cdb == bytes.fromhex(ASK1)
    assert asked({STATUS_LID4}).cdb == bytes.fromhex(ASK4)
    assert question(7, {(0x84, 0x03), (0x83, 0x00)}) is None


@pytest.mark.parametrize("over", [lid1(1), lid1(2), LOST])
def test_a_copy_that_is_over_is_sent_again_under_another_identifier(over: Reply) -> None:
    verdict = follow([(ASK1, lid1(0)), (ASK1, BUSY), (ASK1, ATTENTION), (ASK1, over), (ASK1, LOST)])
    assert verdict.action is Action.ANOTHER_ID
    assert verdict.pushback is Pushback.SILENT
    assert verdict.copied == 0


@pytest.mark.parametrize(("told", "proven"), [(ATTENTION, True), (RESIZED, True), (RESIZED, False)])
def test_a_unit_that_was_reset_or_resized_says_so_to_who_asks_and_to_nobody_else(
    told: Reply, proven: bool
) -> None:
    verdict = follow([(ASK1, lid1(0)), (ASK1, told)], proven=proven)
    assert verdict.action is Action.STOP
    assert "asked what became of it: the " in verdict.reason


def test_a_path_that_is_away_is_asked_until_it_is_back() -> None:
    away = Silence("DID_TRANSPORT_FAILFAST", host=0x0F)
    lines = [(ASK1, lid1(1)), (ASK1, away), (ASK1, away), (ASK1, lid1(0)), (ASK1, LOST), (ASK1, LOST)]
    verdict = follow(list(lines))
    assert verdict.action is Action.ANOTHER_ID


def test_by_a_path_that_was_away_a_copy_that_is_not_known_may_be_at_work_all_the_same() -> None:
    away = Silence("DID_TRANSPORT_FAILFAST", host=0x0F)
    verdict = follow([(ASK1, away), (ASK1, LOST)])
    assert verdict.action is Action.STOP
    assert "the path was lost meanwhile" in verdict.reason


@pytest.mark.parametrize(
    ("host", "action"), [(0x0E, Action.STOP), (0x01, Action.STOP), (0x03, Action.ANOTHER_ID)]
)
def test_that_is_so_too_where_the_command_itself_was_lost_with_the_path(host: int, action: Action) -> None:
    answers = [Silence("lost", host=host), True, LOST, True, LOST]

    def perform(_: object) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    copied = Command(name="EXTENDED COPY(LID1)", cdb=extended_copy_cdb(0))
    verdict = converse(copy_batch(copied, proven=True, asked=asked({STATUS_LID1})), perform)
    assert verdict.action is action


@pytest.mark.parametrize("proven", [True, False])
def test_a_path_that_was_lost_has_lost_what_was_known_of_the_copy(proven: bool) -> None:
    verdict = follow([(ASK1, lid1(0)), (ASK1, NEXUS_LOSS)], proven=proven)
    assert verdict.action is Action.STOP
    assert "the path was lost meanwhile" in verdict.reason


def test_it_is_asked_by_the_path_that_the_command_went_by() -> None:
    steps: list[Send] = []

    def perform(step: object) -> object:
        if isinstance(step, Send):
            steps.append(step)
            return LOST
        return True

    converse(what_became(UNHEARD, asked({STATUS_LID1}), Side.SOURCE, 60, proven=True), perform)
    assert [(step.to, step.same_way) for step in steps] == [(Side.SOURCE, True)] * 2


@pytest.mark.parametrize("status", [0x01, 0x02, 0x03, 0x04, 0x60])
def test_the_states_of_lid4_that_mean_over(status: int) -> None:
    assert follow([(ASK4, lid4(status)), (ASK4, lid4(status))], ask=ASK4).action is Action.ANOTHER_ID


@pytest.mark.parametrize("status", [0x10, 0x11, 0x12])
def test_the_states_of_lid4_that_mean_in_progress(status: int) -> None:
    lines = [(ASK4, lid4(1)), (ASK4, lid4(status)), (ASK4, lid4(1)), (ASK4, lid4(1))]
    assert follow(list(lines), ask=ASK4).action is Action.ANOTHER_ID


@pytest.mark.parametrize(
    "answer",
    [
        Silence("lost too"),
        NotSent("gone"),
        lid1(3),
        lid1(0x7F),
        Reply(data=b"\0\0\0\x08\x01"),
        Reply(data=b""),
        # tcmu-runner answers operating parameters: where the state is, SNLID says "completed"
        Reply(data=bytes.fromhex("0000002a01000000" + "00" * 38)),
        Reply(status=2, sense=fixed_sense(5, 0x20, 0x00)),
        Reply(status=Status.RESERVATION_CONFLICT),
        Reply(status=2),
    ],
)
def test_what_is_not_known_stops_the_copy(answer: Reply | Exception) -> None:
    verdict = follow([(ASK1, lid1(0)), (ASK1, answer)])
    assert verdict.action is Action.STOP
    assert "asked what became of it" in verdict.reason


@pytest.mark.parametrize("status", [0x00, 0x05, 0x20, 0x7F])
def test_a_state_of_lid4_that_is_reserved_stops_the_copy(status: int) -> None:
    assert follow([(ASK4, lid4(status))], ask=ASK4).action is Action.STOP


@pytest.mark.parametrize("answer", [lid1(0), BUSY])
def test_a_copy_in_progress_to_the_end_of_patience_stops_the_copy(answer: Reply) -> None:
    waited: list[float] = []

    def perform(step: object) -> object:
        if isinstance(step, Wait):
            assert step.pushback is Pushback.SILENT
            waited.append(step.seconds)
            return True
        return answer

    verdict = converse(what_became(UNHEARD, asked({STATUS_LID1}), Side.SOURCE, 90, proven=True), perform)
    assert verdict.action is Action.STOP
    assert 90 <= sum(waited) <= 95
    assert "asked for 90 seconds" in verdict.reason


def test_a_stop_while_asking_leaves_the_blocks_unknown() -> None:
    script: list[tuple[str, Reply | Exception | bool | None]] = [
        ("wait", None),
        (ASK1, lid1(0)),
        ("wait", False),
    ]
    verdict = play(what_became(UNHEARD, asked({STATUS_LID1}), Side.DESTINATION, 60, proven=True), script)
    assert verdict.action is Action.STOP


def silent_once(*, after: bool = True, nth: int = 2) -> Fault:
    return Fault(opcode=0x83, nth=nth, then=Silence("no answer in 60 s"), after=after)


def array(*faults: Fault, profile: Profile = STRICT) -> Array:
    advertised = CAPABLE.but(maximum_segment_length=8 * BLOCK, maximum_segment_count=2)
    return filled(128, profile=profile, advertised=advertised, faults=faults)


@pytest.mark.parametrize("after", [False, True], ids=["lost on its way", "its answer lost"])
@pytest.mark.parametrize("profile", [STRICT, CTL], ids=lambda p: p.name)
def test_a_lost_command_or_answer_ends_in_a_whole_copy_by_the_storage(profile: Profile, after: bool) -> None:
    hand = ByHand(array(silent_once(after=after), profile=profile), 100, 3, 5)
    job = hand.all()
    assert job.coverage.count(State.COPIED, OFFLOAD) == 100
    assert hand.found(128)[5 * BLOCK : 105 * BLOCK] == content(0, 128)[3 * BLOCK : 103 * BLOCK]
    assert {wait.pushback for wait in hand.waited} == {Pushback.SILENT}


def test_results_of_an_earlier_copy_under_the_identifier_are_not_taken_for_this_ones() -> None:
    a = array()
    earlier = ByHand(a, 16, 64, 64)  # leaves "completed" under the first identifier
    earlier.all()
    a.faults.add(silent_once(after=False, nth=1))
    hand = ByHand(a, 16, 3, 5)
    assert hand.all().coverage.complete
    assert hand.found(128)[5 * BLOCK : 21 * BLOCK] == content(0, 128)[3 * BLOCK : 19 * BLOCK]


def test_while_the_lost_copy_is_in_progress_nothing_is_sent() -> None:
    a = array(silent_once(after=False))
    polls: list[int] = []

    def is_poll(step: Step) -> bool:
        return step.cdb[1] == 0

    a.faults.add(Fault(opcode=0x84, when=is_poll, nth=5, then=Call(lambda: polls.append(a.count(0x83)))))
    a.faults.add(Fault(opcode=0x84, when=is_poll, times=4, then=lid1(0)))
    assert ByHand(a, 100, 3, 5).all().coverage.complete
    assert polls == [2]  # the lost one was the second, and nothing has followed it


def test_storage_that_is_silent_to_every_command_is_left_to_the_host() -> None:
    hand = ByHand(array(Fault(opcode=0x83, then=Silence("no answer"), times=None)), 100, 3, 5)
    job = hand.all()
    assert job.coverage.count(State.COPIED, HOST) == 100
    assert job.commands[OFFLOAD] == MOST_SILENCES + 2  # and one that the source got
    assert any("no answer" in reason.reason for reason in job.fallbacks.values())


@pytest.mark.parametrize("profile", [LIO, TCMU, SCST, ARRAY_SMALL], ids=lambda p: p.name)
def test_storage_that_cannot_be_asked_stops_the_copy_at_a_lost_command(profile: Profile) -> None:
    a = filled(4096, profile=profile, faults=(silent_once(nth=1),))
    same = (probed(a, 1), probed(a, 1)) if profile is TCMU else None
    job = ByHand(a, 2048, 0, 2048, units=same).all()
    assert job.stopped
    assert not job.coverage.count(State.COPIED)
    assert job.coverage.count(State.FAILED) == 2048


def test_an_array_that_answers_late_is_asked_after() -> None:
    a = array(Fault(opcode=0x83, nth=3, then=Delay(1e6)))
    assert ByHand(a, 100, 3, 5).all().coverage.complete


def test_identifiers_are_used_where_a_copy_can_be_asked_after_and_not_elsewhere() -> None:
    able = unit(1, copy_commands=frozenset({STATUS_LID1}))
    for destination, without in ((able, False), (unit(1), True)):
        offer = agree(unit(0), destination)
        assert isinstance(offer, Limits)
        assert offer.without_list_id is without
    none = unit(1, parameters=parameters(snlid=False))
    offer = agree(unit(0), none)
    assert isinstance(offer, Limits)
    assert not offer.without_list_id


def copy_command(usage: int = 0b10) -> Command:
    body = lid1_list(7 if usage != 0b11 else 0, usage, 1, [], [segment_02(0, 0, 1, 0, 9)])
    return Command(name="EXTENDED COPY(LID1)", cdb=extended_copy_cdb(len(body)), data_out=body)


IN_USE = Reply(status=2, sense=fixed_sense(5, 0x00, 0x16))
IN_USE_CTL = Reply(status=2, sense=fixed_sense(5, 0x26, 0x00, sks=b"\x80\0\0"))


@pytest.mark.parametrize("in_use", [IN_USE, IN_USE_CTL], ids=["SCST", "CTL"])
def test_an_identifier_that_stays_in_use_is_left_to_who_uses_it(in_use: Reply) -> None:
    command = copy_command()
    cdb = command.cdb.hex()
    lines: list[tuple[str, Reply | Exception | bool | None]] = [(cdb, in_use), ("wait", None)] * ID_WAITS
    verdict = play(copy_batch(command, proven=True), [*lines, (cdb, in_use)])
    assert verdict.action is Action.ANOTHER_ID


def test_an_identifier_in_use_after_the_copy_may_have_been_begun_is_waited_for_and_then_stops() -> None:
    command = copy_command()
    answers = iter([Reply(status=Status.TASK_ABORTED)])

    def perform(step: object) -> object:
        return True if isinstance(step, Wait) else next(answers, IN_USE)

    assert converse(copy_batch(command, proven=True), perform).action is Action.STOP


def test_without_an_identifier_none_is_set_aside() -> None:
    def perform(step: object) -> object:
        return True if isinstance(step, Wait) else IN_USE

    assert converse(copy_batch(copy_command(0b11), proven=True), perform).action is Action.STOP


def task(list_id: int, to: Side = Side.DESTINATION) -> OffloadTask:
    hand = ByHand(array(), 16)
    made = hand.job.next()
    assert isinstance(made, OffloadTask)
    return replace(made, list_id=list_id, to=to)


def test_a_copy_is_aborted_where_the_unit_lists_it_and_the_copy_has_an_identifier() -> None:
    able = unit(1, copy_commands=frozenset({ABORT}))
    pair = Pair(unit(0), able, False)
    command = abort_for(task(7), pair)
    assert command is not None
    assert command.cdb.hex() == "831c00000007" + "00" * 10
    assert command.timeout == LEAST_TIMEOUT
    assert abort_for(task(0), pair) is None
    assert abort_for(task(7, Side.SOURCE), pair) is None
    assert abort_for(task(7), Pair(able, unit(0), False)) is None


@pytest.mark.parametrize(("profile", "kept"), [(STRICT, 8), (CTL, 0)], ids=["strict", "ctl"])
def test_an_aborted_copy_says_what_is_copied_where_its_answer_can(profile: Profile, kept: int) -> None:
    a = array(profile=profile)
    hand = ByHand(a, 16, 3, 5, hook=lambda _: False)
    made = hand.job.next()
    assert isinstance(made, OffloadTask)
    stop = abort_for(made, hand.pair)
    assert stop is not None
    way = a.open(1)
    a.faults.add(Fault(at="read", nth=2, then=Call(lambda: way.send(stop))))  # in the second segment
    outcome = hand.perform(made)
    hand.job.stop("interrupted")
    hand.job.finish(made, outcome)
    assert hand.job.coverage.count(State.COPIED) == kept
    assert hand.job.coverage.count(State.FAILED) == 16 - kept
    assert hand.found(128)[5 * BLOCK :][: kept * BLOCK] == content(0, 128)[3 * BLOCK :][: kept * BLOCK]

"""Storage that is busy for long, forgets, lies or is always a little wrong: a complete copy at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.command import Reply, Status
from tests.xcopy.by_hand import BLOCK, ByHand, content, filled
from xcopy.conversation import Pushback, Wait
from xcopy.coverage import State
from xcopy.job import MOST_IN_VAIN, Method
from xcopy.list_ids import MOST
from xcopy.offload import WAITS
from xcopy.plan import Shape
from xcopy.target.faults import BUSY, TASK_SET_FULL, Fault, check
from xcopy.target.profile import CAPABLE
from xcopy.target.profiles import ARRAY_SMALL, CTL, FLAKY, LIAR, SCST, STRICT
from xcopy.task import HOST, OFFLOAD
from xcopy.verdict import Action, Verdict

if TYPE_CHECKING:
    from xcopy.job import Job
    from xcopy.target.array import Array
    from xcopy.target.profile import Profile

EXTENDED_COPY = 0x83
UNIT, BLOCKS = 8192, 6000
SOURCE, DESTINATION = 3, 7


def array(*faults: Fault, profile: Profile = STRICT, **changes: Any) -> Array:
    return filled(UNIT, profile=profile, faults=faults, **changes)


def small(*faults: Fault, profile: Profile = STRICT, **changes: int) -> Array:
    advertised = CAPABLE.but(maximum_segment_length=64 * BLOCK, maximum_segment_count=4, **changes)
    return array(*faults, profile=profile, advertised=advertised)


def assert_whole(hand: ByHand, job: Job) -> None:
    assert job.coverage.complete
    assert not job.stopped
    found, mine, old = hand.found(UNIT), content(0, UNIT), content(1, UNIT)
    end = DESTINATION + BLOCKS
    assert found[DESTINATION * BLOCK : end * BLOCK] == mine[SOURCE * BLOCK : (SOURCE + BLOCKS) * BLOCK]
    assert (found[: DESTINATION * BLOCK], found[end * BLOCK :]) == (
        old[: DESTINATION * BLOCK],
        old[end * BLOCK :],
    )


def copied(a: Array, method: Method = Method.AUTO) -> tuple[ByHand, Job]:
    hand = ByHand(a, BLOCKS, SOURCE, DESTINATION, method=method)
    job = hand.all()
    assert_whole(hand, job)
    return hand, job


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (BUSY, Pushback.BUSY),
        (TASK_SET_FULL, Pushback.QUEUE_FULL),
        (Reply(status=Status.TASK_ABORTED), Pushback.ABORTED),
        (check(5, 0x55, 0x03), Pushback.RESOURCES),
        (check(2, 0x04, 0x01), Pushback.BUSY),
    ],
    ids=["busy", "full", "aborted", "resources", "becoming ready"],
)
def test_a_storm_that_every_command_meets_leaves_all_to_the_storage(answer: Reply, why: Pushback) -> None:
    """Of twelve commands that arrive one is taken."""
    storm = [
        Fault(opcode=EXTENDED_COPY, nth=nth, every=len(WAITS) + 1, times=None, then=answer)
        for nth in range(1, len(WAITS) + 1)
    ]
    hand, job = copied(small(*storm), Method.OFFLOAD)
    assert job.coverage.count(State.COPIED, OFFLOAD) == BLOCKS
    assert {wait.pushback for wait in hand.waited} == {why}
    assert len(hand.waited) == job.commands[OFFLOAD] * len(WAITS)


def test_a_storm_without_end_leaves_all_to_the_host_and_says_why() -> None:
    _, job = copied(small(Fault(opcode=EXTENDED_COPY, then=BUSY, times=None)))
    assert job.coverage.count(State.COPIED, HOST) == BLOCKS
    assert all("still so after many tries" in f.reason for f in job.fallbacks.values())


@pytest.mark.parametrize(
    ("always", "before"),
    [
        (Fault(opcode=EXTENDED_COPY, then=BUSY, times=None), 0),
        (Fault(opcode=EXTENDED_COPY, nth=4, then=BUSY, times=None), 3),
        (Fault(at="write", nth=4, then=TASK_SET_FULL, times=None), 1),
        (Fault(opcode=EXTENDED_COPY, then=check(0xA, 0x0D, 0x01), times=None), 0),
    ],
    ids=["from the first command", "after three", "inside", "no copy ever works"],
)
def test_storage_that_copies_nothing_for_ever_is_not_asked_for_every_piece(
    always: Fault, before: int
) -> None:
    _, job = copied(small(always))
    in_vain = MOST_IN_VAIN * (1 if before else 2)  # each unit is asked where nothing was copied
    assert job.commands[OFFLOAD] == in_vain + before
    assert job.refused


def test_what_is_copied_before_a_unit_gets_busy_is_booked_at_once_and_the_rest_goes_on() -> None:
    hand = ByHand(small(Fault(at="write", nth=4, then=TASK_SET_FULL)), BLOCKS, SOURCE, DESTINATION)
    hand.one()
    assert hand.job.coverage.runs(State.COPIED)[0][0].blocks == 3 * 64
    assert hand.waited == [Wait(WAITS[0], Pushback.QUEUE_FULL)]
    job = hand.all()
    assert_whole(hand, job)
    assert job.coverage.count(State.COPIED, OFFLOAD) == BLOCKS
    assert len(hand.waited) == 1


def test_a_stop_while_a_unit_is_busy_keeps_what_was_copied_before_and_says_why_the_rest_is_not() -> None:
    full = Fault(at="write", nth=4, then=TASK_SET_FULL)
    hand = ByHand(small(full), BLOCKS, SOURCE, DESTINATION, hook=lambda _: False)
    task = hand.job.next()
    assert task is not None
    outcome = hand.perform(task)
    hand.job.stop("interrupted")
    hand.job.finish(task, outcome)
    (copied, _), (failed, why) = hand.job.coverage.runs(State.COPIED, State.FAILED)
    assert (copied.blocks, failed.blocks) == (3 * 64, 64)
    assert why.detail.startswith("stopped while waiting: ")


def test_commands_that_are_in_vain_together_count_as_one() -> None:
    """Storage that is away for a minute: what is in flight fails, what is sent later is copied."""
    hand = ByHand(small(total_concurrent_copies=32), BLOCKS, SOURCE, DESTINATION)
    job, shape = hand.job, Shape(16, 1)
    first = job.next(shape)
    assert first is not None
    job.finish(first, Verdict(Action.DONE, ""))
    flying = [task for _ in range(3 * MOST_IN_VAIN) if (task := job.next(shape)) is not None]
    for task in flying:
        job.finish(task, Verdict(Action.OTHER_MEANS, "still busy", pushback=Pushback.BUSY))
    assert job.limits is not None
    assert sum(f.blocks for f in job.fallbacks.values()) == 16 * len(flying) == 48 * MOST_IN_VAIN


@pytest.mark.parametrize("inside", [BUSY, TASK_SET_FULL, check(6, 0x3F, 0x0E), check(2, 0x04, 0x01)])
def test_a_unit_that_is_busy_inside_a_copy_is_waited_for(inside: Reply) -> None:
    busy = Fault(at="write", nth=3, every=7, times=None, then=inside)
    _, job = copied(small(busy), Method.OFFLOAD)
    assert job.coverage.count(State.COPIED, OFFLOAD) == BLOCKS


@pytest.mark.parametrize("profile", [STRICT, CTL, SCST, ARRAY_SMALL], ids=lambda p: p.name)
def test_results_that_are_forgotten_at_once_are_not_missed(profile: Profile) -> None:
    _, job = copied(array(profile=profile, retention=0.0))
    assert job.coverage.count(State.COPIED, OFFLOAD) > BLOCKS * 0.6


def test_an_array_that_never_lets_an_identifier_go_is_sent_others_and_then_left_alone() -> None:
    a = small(snlid=False)
    way = ByHand(a, BLOCKS, SOURCE, DESTINATION)
    taken = Fault(opcode=EXTENDED_COPY, times=None, then=check(5, 0x00, 0x16))
    a.faults.add(taken)
    job = way.all()
    assert_whole(way, job)
    assert job.coverage.count(State.COPIED, HOST) == BLOCKS
    assert job.commands[OFFLOAD] == 2 * MOST  # every identifier of either unit, once


@pytest.mark.parametrize("busy", [(0x00, 0x16), (0x26, 0x00)], ids=["SCST", "CTL"])
def test_identifiers_that_others_use_are_gone_round(busy: tuple[int, int]) -> None:
    """Another program on this host copies under three identifiers all the time."""
    profile = CTL if busy == (0x26, 0x00) else STRICT
    a = small(profile=profile, snlid=False)
    hand = ByHand(a, BLOCKS, SOURCE, DESTINATION)
    others = (2, 5, 6)
    sense = check(5, *busy).sense
    if busy == (0x26, 0x00):
        sense = sense[:15] + b"\x80\0\0" + sense[18:]
    for list_id in others:
        a.faults.add(
            Fault(
                opcode=EXTENDED_COPY,
                times=None,
                when=lambda _, i=list_id: hand.sent_id == i,  # type: ignore[misc]
                then=Reply(status=2, sense=sense),
            )
        )
    job = hand.all()
    assert_whole(hand, job)
    assert job.coverage.count(State.COPIED, OFFLOAD) == BLOCKS


@pytest.mark.parametrize("profile", [LIAR, FLAKY], ids=lambda p: p.name)
@pytest.mark.parametrize("blocks", [6000, 6016, 127, 1])
def test_an_array_that_lies_or_is_flaky_copies_what_it_can(profile: Profile, blocks: int) -> None:
    a = filled(UNIT, profile=profile)
    hand = ByHand(a, blocks, SOURCE, DESTINATION)
    job = hand.all()
    assert job.coverage.complete
    granule = 128 if profile is LIAR else 1
    assert job.coverage.count(State.COPIED, OFFLOAD) == blocks // granule * granule
    assert job.coverage.count(State.COPIED, HOST) == blocks % granule


def test_where_only_the_storage_may_copy_an_odd_end_is_all_that_is_left() -> None:
    a = filled(UNIT, profile=LIAR)
    job = ByHand(a, 6000, SOURCE, DESTINATION, method=Method.OFFLOAD).all()
    assert job.coverage.count(State.COPIED, OFFLOAD) == 6000 // 128 * 128
    assert job.coverage.count(State.FAILED) == 6000 % 128
    assert "granularity" in job.stopped


@given(
    granularity=st.integers(9, 15),
    longest=st.integers(1, 64),
    most=st.integers(1, 4),
    blocks=st.integers(1, 3000),
)
@settings(max_examples=60, deadline=None)
def test_one_that_refuses_what_it_advertises_is_found_out(
    granularity: int, longest: int, most: int, blocks: int
) -> None:
    advertised = CAPABLE.but(maximum_segment_length=64 * BLOCK, maximum_segment_count=9)
    enforces = advertised.but(
        maximum_segment_length=max(longest * BLOCK, 1 << granularity),
        maximum_segment_count=most,
        data_segment_granularity=granularity,
    )
    hand = ByHand(filled(4096, advertised=advertised, enforces=enforces), blocks, SOURCE, DESTINATION)
    assert hand.all().coverage.complete
    found = hand.found(4096)
    assert (
        found[DESTINATION * BLOCK :][: blocks * BLOCK] == content(0, 4096)[SOURCE * BLOCK :][: blocks * BLOCK]
    )
    assert found[(DESTINATION + blocks) * BLOCK :] == content(1, 4096)[(DESTINATION + blocks) * BLOCK :]

"""The job by hand: which task comes next, and what an outcome changes."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from xcopy.backlog import MOST_PUT_OFF
from xcopy.coverage import PENDING, State
from xcopy.host import HostOutcome
from xcopy.job import EARLIER, Job, Method
from xcopy.limits import Bound, Limits, Refusal
from xcopy.plan import Piece, Range, Request
from xcopy.task import HOST, OFFLOAD, OffloadTask, Task, means_of
from xcopy.verdict import Action, Verdict

DONE = Verdict(Action.DONE, "")


def limits(segment: int = 10, count: int = 8, grain: int = 1) -> Limits:
    return Limits(
        segment_blocks=Bound(segment, ""),
        segments_per_command=Bound(count, ""),
        command_blocks=Bound(1 << 40, ""),
        granularity_blocks=Bound(grain, ""),
        in_flight=Bound(4, ""),
        without_list_id=True,
    )


def job(blocks: int, offer: Limits | Refusal, method: Method = Method.AUTO) -> Job:
    request = Request(
        source_lba=0, destination_lba=0, blocks=blocks, source_block_size=512, destination_block_size=512
    )
    return Job(request, offer, method)


def taken(of: Job) -> Task:
    task = of.next()
    assert task is not None
    return task


def test_until_something_is_copied_one_command_is_in_flight() -> None:
    copy = job(1000, limits())
    first = taken(copy)
    assert copy.next() is None
    copy.finish(first, DONE)
    assert copy.next() is not None
    assert copy.next() is not None


def test_commands_in_flight_that_all_hear_too_many_shrink_once() -> None:
    copy = job(1000, limits(count=8))
    copy.finish(taken(copy), DONE)
    for task in [taken(copy) for _ in range(4)]:
        copy.finish(task, Verdict(Action.FEWER, "too many"))
    assert copy.limits is not None
    assert copy.limits.segments_per_command.value == 4
    assert not copy.fallbacks


def test_list_identifiers_in_flight_are_all_different() -> None:
    copy = job(10**9, replace(limits(), without_list_id=False))
    copy.finish(taken(copy), DONE)
    out = [task for _ in range(300) if isinstance(task := copy.next(), OffloadTask)]
    assert len(out) == len({task.list_id for task in out}) == 255
    assert {task.list_id for task in out} == set(range(1, 256))


def test_a_refusal_up_front_is_booked_as_the_reason_of_every_block() -> None:
    copy = job(100, Refusal("no 3PC"))
    while (task := copy.next()) is not None:
        copy.finish(task, HostOutcome(task.piece.blocks))
    assert {reason: f.blocks for reason, f in copy.fallbacks.items()} == {"no 3PC": 100}


def test_a_refusal_up_front_leaves_nothing_to_the_host_where_only_the_storage_may_copy() -> None:
    copy = job(100, Refusal("no 3PC"), Method.OFFLOAD)
    assert copy.next() is None
    assert copy.stopped == "no 3PC"


def test_what_the_host_could_not_copy_in_its_trial_is_not_booked_as_its_own() -> None:
    copy = job(1000, limits())
    copy.finish(taken(copy), DONE)
    copy.detour = "a trial"
    copy.finish(taken(copy), HostOutcome(20, "cannot be read"))
    assert not copy.detour
    assert {reason: f.blocks for reason, f in copy.fallbacks.items()} == {"a trial": 20}
    copy.detour = "another trial"
    copy.finish(taken(copy), HostOutcome(0, "cannot be read"))
    assert "another trial" not in copy.fallbacks


def test_what_the_storage_could_not_copy_does_not_go_back_to_it_from_a_trial() -> None:
    copy = job(1000, limits())
    copy.finish(taken(copy), DONE)
    copy.finish(taken(copy), Verdict(Action.OTHER_MEANS, "a bad block"))
    copy.detour = "a trial"
    copy.finish(taken(copy), HostOutcome(0, "cannot be read"))
    assert copy.stopped == "cannot be read"
    assert {reason: f.blocks for reason, f in copy.fallbacks.items()} == {"a bad block": 80}


def test_limits_that_shrank_below_what_was_copied_before_do_not_make_every_segment_an_odd_end() -> None:
    copy = job(10_000, limits(16, 1))
    copy.finish(taken(copy), DONE)
    while isinstance(task := taken(copy), OffloadTask):
        copy.finish(task, Verdict(Action.SMALLER, "not as the storage likes it"))
    assert copy.limits is None
    assert copy.commands[OFFLOAD] < 10


def test_a_reset_matters_from_the_first_block_that_the_host_wrote() -> None:
    copy = job(10**6, limits())
    first = taken(copy)
    assert isinstance(first, OffloadTask)
    assert not first.proven
    copy.finish(first, Verdict(Action.OTHER_MEANS, "a bad block"))
    copy.detour = "copied by the host to compare"
    hosted = taken(copy)
    copy.finish(hosted, HostOutcome(hosted.piece.blocks))
    copy.detour = ""
    second = taken(copy)
    assert isinstance(second, OffloadTask)
    assert second.proven


def test_one_piece_that_the_storage_refused_does_not_keep_it_from_the_others() -> None:
    copy = job(1000, limits(10, 1))
    copy.finish(taken(copy), DONE)
    refused = taken(copy)
    copy.finish(refused, Verdict(Action.OTHER_MEANS, "a bad block"))
    while copy.means == OFFLOAD:
        copy.finish(taken(copy), DONE)
    assert copy.coverage.runs(State.PENDING) == [(refused.piece, PENDING)]
    copy.finish(taken(copy), HostOutcome(10))
    assert copy.coverage.complete
    assert [(f.reason, f.blocks) for f in copy.fallbacks.values()] == [("a bad block", 10)]


def test_odd_ends_of_ranges_do_not_keep_the_storage_from_the_other_ranges() -> None:
    request = Request.over(
        [Range(100 * n, 11, 100 * n) for n in range(5)], source_block_size=512, destination_block_size=512
    )
    copy = Job(request, limits(10, 1, grain=5), Method.AUTO)
    seen = []
    while (task := copy.next()) is not None:
        seen.append(means_of(task))
        copy.finish(task, DONE if isinstance(task, OffloadTask) else HostOutcome(task.piece.blocks))
    assert seen == [OFFLOAD] * 5 + [HOST] * 5
    assert copy.coverage.complete
    assert [f.blocks for f in copy.fallbacks.values()] == [5]


def test_what_is_put_off_for_the_host_has_a_bound() -> None:
    copy = job(10 * 2 * MOST_PUT_OFF, limits(10, 1))
    copy.finish(taken(copy), DONE)
    for _ in range(MOST_PUT_OFF):
        copy.finish(taken(copy), Verdict(Action.OTHER_MEANS, "a bad block"))
    for _ in range(MOST_PUT_OFF):
        task = taken(copy)
        assert means_of(task) == HOST
        copy.finish(task, HostOutcome(task.piece.blocks))
    assert copy.means == OFFLOAD
    assert len(copy.coverage.runs()) == 3  # by the storage, by the host, and what is to come


def test_the_host_that_was_asked_for_is_no_fallback() -> None:
    copy = job(100, Refusal("no 3PC"), Method.HOST)
    copy.finish(taken(copy), HostOutcome(100))
    assert not copy.fallbacks
    assert copy.coverage.complete


def test_a_piece_that_fails_after_a_stop_keeps_its_reason() -> None:
    copy = job(1000, limits())
    copy.finish(taken(copy), DONE)
    task = taken(copy)
    copy.stop("interrupted")
    copy.finish(task, Verdict(Action.OTHER_MEANS, "medium error"))
    assert copy.next() is None
    assert [e.detail for _, e in copy.coverage.runs(State.FAILED)] == ["medium error"]


VERDICTS = st.sampled_from(
    [DONE, DONE, DONE, *(Verdict(action, action.value) for action in Action if action is not Action.DONE)]
)


def test_the_same_answer_at_other_fields_is_one_reason() -> None:
    copy = job(30, limits(10, 1))
    for segment in range(3):
        task = taken(copy)
        while not isinstance(task, OffloadTask):
            copy.finish(task, HostOutcome(task.piece.blocks, ""))
            task = taken(copy)
        copy.finish(task, Verdict(Action.OTHER_MEANS, f"a bad block, segment {segment}", kind="a bad block"))
    assert [(f.reason, f.blocks) for f in copy.fallbacks.values()] == [("a bad block, segment 0", 30)]


@given(
    blocks=st.integers(0, 400),
    segment=st.integers(1, 40),
    count=st.integers(1, 5),
    grain=st.integers(1, 8),
    method=st.sampled_from(Method),
    data=st.data(),
)
@settings(max_examples=200, deadline=None)
def test_whatever_is_answered_the_ledger_adds_up_and_the_job_ends(
    blocks: int, segment: int, count: int, grain: int, method: Method, data: st.DataObject
) -> None:
    copy = job(blocks, limits(max(grain, segment // grain * grain), count, grain), method)
    out: list[Task] = []
    hosted = offloaded = 0
    for _ in range(20_000):
        task = copy.next() if len(out) < 3 else None
        if task is not None:
            out.append(task)
            continue
        if not out:
            break
        task = out.pop(data.draw(st.integers(0, len(out) - 1)))
        if isinstance(task, OffloadTask):
            verdict = data.draw(VERDICTS)
            offloaded += task.piece.blocks if verdict is DONE else 0
            copy.finish(task, verdict)
        else:
            done = data.draw(st.sampled_from([task.piece.blocks, task.piece.blocks, 0]))
            hosted += done
            copy.finish(task, HostOutcome(done, "read error"))
        assert sum(copy.coverage.count(state) for state in State) == blocks
    assert not out
    assert copy.next() is None
    assert copy.coverage.count(State.IN_FLIGHT) == 0
    assert copy.coverage.count(State.COPIED, OFFLOAD) == offloaded
    assert copy.coverage.count(State.COPIED, HOST) == hosted
    assert copy.stopped or copy.coverage.complete
    if method is Method.AUTO:
        assert sum(f.blocks for f in copy.fallbacks.values()) >= hosted
    if method is Method.HOST:
        assert not offloaded


@given(
    blocks=st.integers(1, 300),
    earlier=st.lists(st.tuples(st.integers(0, 299), st.integers(1, 40)), max_size=8),
    grain=st.integers(1, 8),
    offered=st.booleans(),
    seed=st.integers(0, 999),
)
def test_what_an_earlier_run_copied_is_not_copied_again_and_all_else_is(
    blocks: int, earlier: list[tuple[int, int]], grain: int, offered: bool, seed: int
) -> None:
    offer = limits(max(grain, 20 // grain * grain), 3, grain) if offered else Refusal("no 3PC")
    copy, done = job(blocks, offer), set[int]()
    for start, length in earlier:
        piece = Piece(start, min(length, blocks - start))
        if piece.blocks > 0 and not done & set(range(piece.start, piece.end)):
            copy.already([piece])
            done |= set(range(piece.start, piece.end))
    told, chance = list[int](), Random(seed)
    copy.coverage.on_copied = lambda piece, _: told.extend(range(piece.start, piece.end))
    out: list[Task] = []
    while out or copy.means:
        task = copy.next() if chance.random() < 0.5 or not out else None
        if task is not None:
            out.append(task)
            continue
        task = out.pop(chance.randrange(len(out)))
        if chance.random() < 0.2:
            copy.untake(task)
        else:
            copy.finish(task, DONE if isinstance(task, OffloadTask) else HostOutcome(task.piece.blocks))
    assert copy.coverage.complete
    assert sorted(told) == sorted(set(range(blocks)) - done)
    assert sum(copy.report.values()) == blocks * 512
    assert copy.report.get(EARLIER, 0) == len(done) * 512

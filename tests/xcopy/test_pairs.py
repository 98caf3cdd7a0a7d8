"""A copy between several pairs of units: what one pair is refused says nothing of the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.xcopy.units import unit
from xcopy.conversation import Pushback
from xcopy.host import HostOutcome
from xcopy.job import Job, Method
from xcopy.limits import Bound, Limits, Refusal, agree, agree_all
from xcopy.pairs import MOST_IN_VAIN, Pairs
from xcopy.plan import Piece, Range, Request, Shape, batches
from xcopy.task import HOST, OFFLOAD, HostTask, OffloadTask
from xcopy.verdict import Action, Verdict

if TYPE_CHECKING:
    from xcopy.task import Task

LIMITS = agree(unit(0), unit(1))
DONE = Verdict(Action.DONE, "")
NO = Verdict(Action.NO_OFFLOAD, "cannot be reached", kind="unreachable")
BAD = Verdict(Action.OTHER_MEANS, "a bad block", kind="bad")
CHUNK = 8


def striped(count: int, pairs: int = 2) -> Request:
    """Chunks of 8 blocks that come from one pair after the other."""
    ranges = (Range(n * CHUNK, CHUNK, 1000 + n * CHUNK, n % pairs) for n in range(count))
    return Request.over(ranges, source_block_size=512, destination_block_size=512)


def finished(job: Job, verdict_of: dict[int, Verdict]) -> list[Task]:
    """Every task until nothing is left, each answered by what its pair is answered; the host can do all."""
    done = []
    while (task := job.next()) is not None:
        if isinstance(task, OffloadTask):
            job.finish(task, verdict_of[job.request.pair(task.piece.start)])
        else:
            job.finish(task, HostOutcome(task.piece.blocks))
        done.append(task)
    return done


class TestRequest:
    def test_ranges_of_two_pairs_are_never_neighbours(self) -> None:
        request = Request.over(
            (Range(0, 8, 0, 0), Range(8, 8, 8, 1), Range(16, 8, 16, 1)),
            source_block_size=512,
            destination_block_size=512,
        )

        assert list(request.ranges) == [(0, 8, 0, 0), (8, 16, 8, 1)]
        assert request.pairs == {0, 1}
        assert [request.pair(at) for at in (0, 7, 8, 23)] == [0, 0, 1, 1]

    def test_a_command_ends_where_another_pair_begins(self) -> None:
        request = Request.over(
            [Range(0, 8, 100, 3), Range(50, 8, 200, 3), Range(58, 8, 300, 1), Range(90, 8, 400, 3)],
            source_block_size=512,
            destination_block_size=512,
        )
        assert isinstance(LIMITS, Limits)
        several = replace(LIMITS, segments_per_command=Bound(16, "plenty"))

        made = [batch.whole for batch in batches(request, several)]

        assert made == [Piece(0, 16), Piece(16, 8), Piece(24, 8)]

    @pytest.mark.parametrize(("shape", "blocks"), [(Shape(100, 1), 8), (Shape(5, 1), 5)])
    def test_what_the_host_copies_at_once_is_of_one_pair(self, shape: Shape, blocks: int) -> None:
        job = Job(striped(4), Refusal("no"), Method.HOST)

        task = job.next(shape)

        assert isinstance(task, HostTask)
        assert task.piece == Piece(0, blocks)


class TestJob:
    def test_all_pairs_are_copied_between(self) -> None:
        job = Job(striped(6), LIMITS, Method.AUTO, pairs=Pairs(2))

        tasks = finished(job, {0: DONE, 1: DONE})

        assert job.report == {OFFLOAD: 6 * CHUNK * 512, HOST: 0}
        assert [task.piece for task in tasks] == [Piece(n * CHUNK, CHUNK) for n in range(6)]

    @pytest.mark.parametrize("no", [0, 1])
    def test_a_pair_that_is_refused_goes_by_host_and_the_others_do_not(self, no: int) -> None:
        job = Job(striped(6), LIMITS, Method.AUTO, pairs=Pairs(2))

        tasks = finished(job, {no: NO, 1 - no: DONE})

        assert job.report == {OFFLOAD: 3 * CHUNK * 512, HOST: 3 * CHUNK * 512}
        assert {job.request.pair(t.piece.start) for t in tasks if isinstance(t, HostTask)} == {no}
        assert [(f.reason, f.blocks) for f in job.fallbacks.values()] == [("cannot be reached", 3 * CHUNK)]
        assert sum(isinstance(t, OffloadTask) for t in tasks) == 4, "it is tried once"

    def test_a_second_no_for_a_pair_that_was_under_way_says_nothing_of_the_others(self) -> None:
        job = Job(striped(8), LIMITS, Method.AUTO, pairs=Pairs(2))
        job.finish(job.next(), DONE)  # type: ignore[arg-type]
        flying = [job.next() for _ in range(3)]
        for task in flying:
            assert isinstance(task, OffloadTask)
            job.finish(task, NO if job.request.pair(task.piece.start) == 1 else DONE)

        finished(job, {0: DONE})

        assert job.report == {OFFLOAD: 4 * CHUNK * 512, HOST: 4 * CHUNK * 512}
        assert not job.refused

    def test_where_all_are_refused_offload_is(self) -> None:
        job = Job(striped(6), LIMITS, Method.AUTO, pairs=Pairs(2))

        finished(job, {0: NO, 1: NO})

        assert job.report[HOST] == 6 * CHUNK * 512
        assert job.refused == "cannot be reached"

    def test_those_that_cannot_be_tried_are_not(self) -> None:
        job = Job(striped(6), LIMITS, Method.AUTO, pairs=Pairs(2, {1: "no 3PC"}))

        tasks = finished(job, {0: DONE})

        assert job.commands == {OFFLOAD: 3, HOST: 3}
        assert [(f.reason, f.blocks) for f in job.fallbacks.values()] == [("no 3PC", 3 * CHUNK)]
        assert sum(task.piece.blocks for task in tasks) == 6 * CHUNK

    def test_each_pair_has_its_own_tries_before_anything_was_copied(self) -> None:
        job = Job(striped(60), LIMITS, Method.AUTO, pairs=Pairs(2))

        finished(job, {0: BAD, 1: BAD})

        assert job.commands[OFFLOAD] == 2 * MOST_IN_VAIN
        assert job.report == {OFFLOAD: 0, HOST: 60 * CHUNK * 512}

    def test_a_pair_that_only_ever_fails_is_left_alone_in_the_end(self) -> None:
        job = Job(striped(60), LIMITS, Method.AUTO, pairs=Pairs(2))

        tasks = finished(job, {0: DONE, 1: BAD})

        tried = [t for t in tasks if isinstance(t, OffloadTask) and job.request.pair(t.piece.start) == 1]
        assert len(tried) == MOST_IN_VAIN
        assert job.report == {OFFLOAD: 30 * CHUNK * 512, HOST: 30 * CHUNK * 512}

    def test_one_that_copied_something_is_tried_again_each_time(self) -> None:
        job = Job(striped(60), LIMITS, Method.AUTO, pairs=Pairs(2))
        first = [job.next(), None]
        job.finish(first[0], DONE)  # type: ignore[arg-type]
        first[1] = job.next()
        job.finish(first[1], DONE)  # type: ignore[arg-type]

        finished(job, {0: DONE, 1: BAD})

        assert job.commands[OFFLOAD] == 60

    def test_where_only_offload_is_allowed_the_first_no_stops_it(self) -> None:
        job = Job(striped(6), LIMITS, Method.OFFLOAD, pairs=Pairs(2))

        tasks = finished(job, {0: DONE, 1: NO})

        assert job.stopped == "cannot be reached"
        assert len(tasks) == 2

    def test_where_only_offload_is_allowed_a_pair_that_cannot_be_tried_stops_it(self) -> None:
        job = Job(striped(6), LIMITS, Method.OFFLOAD, pairs=Pairs(2, {1: "no 3PC"}))

        tasks = finished(job, {0: DONE})

        assert job.stopped == "no 3PC"
        assert len(tasks) == 1

    def test_a_busy_unit_that_ended_in_vain_counts_for_its_pair_alone(self) -> None:
        busy = Verdict(Action.OTHER_MEANS, "busy", kind="busy", pushback=Pushback.BUSY)
        job = Job(striped(60), LIMITS, Method.AUTO, pairs=Pairs(2))

        finished(job, {0: DONE, 1: busy})

        assert job.report == {OFFLOAD: 30 * CHUNK * 512, HOST: 30 * CHUNK * 512}


class TestAgreeAll:
    def limits(self, **changes: int) -> Limits:
        numbers = {
            "segment_blocks": 1000,
            "segments_per_command": 4,
            "command_blocks": 4000,
            "granularity_blocks": 1,
            "in_flight": 64,
        }
        bounds = {name: Bound(n, f"{name} {n}") for name, n in (numbers | changes).items()}
        return Limits(**bounds, without_list_id=True)

    def test_the_tightest_of_each(self) -> None:
        found = agree_all(
            [self.limits(segment_blocks=100), self.limits(in_flight=2), Refusal("no"), self.limits()]
        )

        assert isinstance(found, Limits)
        assert {name: b.value for name, b in found.bounds.items()} == {
            "segment_blocks": 100,
            "segments_per_command": 4,
            "command_blocks": 4000,
            "granularity_blocks": 1,
            "in_flight": 2,
        }
        assert found.in_flight.rule == "in_flight 2"

    def test_granules_are_whole_for_all(self) -> None:
        found = agree_all([self.limits(granularity_blocks=6), self.limits(granularity_blocks=8)])

        assert isinstance(found, Limits)
        assert (found.granularity_blocks.value, found.segment_blocks.value) == (24, 984)

    def test_a_granule_that_no_segment_holds(self) -> None:
        found = agree_all([self.limits(granularity_blocks=512), self.limits(segment_blocks=500)])

        assert isinstance(found, Refusal)
        assert "no segment fits: at most 500 blocks" in found.reason

    def test_a_list_identifier_goes_with_all_where_one_needs_it(self) -> None:
        one = self.limits()
        other = Limits(**one.bounds, without_list_id=False)

        assert agree_all([one, other]) == other
        assert agree_all([one, one]) == one

    def test_where_none_may_be_tried_the_first_reason_stands(self) -> None:
        assert agree_all([Refusal("a"), Refusal("b")]) == Refusal("a")

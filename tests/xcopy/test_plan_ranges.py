"""The plan's law over many ranges: whatever the shapes and answers, every block goes to its place once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xcopy.asked import Asked, Extent
from xcopy.conversation import Read, Write, converse
from xcopy.host import HostOutcome, copy_piece
from xcopy.job import Job, Method
from xcopy.limits import Bound, Limits
from xcopy.plan import Piece, Range, Request, Shape, batch_in, batches, clip, fragment, packed, remainders
from xcopy.task import HostTask, OffloadTask, Task
from xcopy.verdict import Action, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xcopy.conversation import Step

Triple = tuple[int, int, int]
SIZES = st.sampled_from([(512, 512), (4096, 4096), (512, 4096), (4096, 512)])
SHAPES = st.none() | st.builds(Shape, st.integers(1, 40), st.integers(1, 6))


@st.composite
def written(draw: st.DrawFn, sizes: tuple[int, int]) -> list[Triple]:
    """Ranges as one may write them, in any order: some empty, some neighbours, no destination shared."""
    scales = max(sizes) // sizes[0], max(sizes) // sizes[1]
    made: list[Triple] = []
    source = destination = 0
    for _ in range(draw(st.integers(0, 8))):
        blocks = draw(st.integers(0, 30))
        if draw(st.booleans()):
            source = draw(st.integers(0, 200))
        destination += draw(st.just(0) | st.integers(0, 20))
        made.append((source, blocks * scales[0], destination))
        source += blocks * scales[0]
        destination += blocks * scales[1]
    return draw(st.permutations(made))


def model(ranges: list[Triple], sizes: tuple[int, int]) -> dict[int, int]:
    """Which 512 bytes of the source every 512 bytes of the destination are to be, worked out cell by cell."""
    cells: dict[int, int] = {}
    for source_lba, blocks, destination_lba in ranges:
        for cell in range(blocks * sizes[0] // 512):
            cells[destination_lba * sizes[1] // 512 + cell] = source_lba * sizes[0] // 512 + cell
    return cells


def moved(request: Request, piece: Piece) -> Iterator[tuple[int, int]]:
    """The cells that a segment for `piece` moves, from LBAs and counts alone."""
    source_lba, source_blocks = request.source(piece)
    lba, blocks = request.destination(piece)
    sizes = request.source_block_size, request.destination_block_size
    assert source_blocks * sizes[0] == blocks * sizes[1]
    for cell in range(blocks * sizes[1] // 512):
        yield lba * sizes[1] // 512 + cell, source_lba * sizes[0] // 512 + cell


def by_host(request: Request, piece: Piece) -> list[tuple[int, int]]:
    """The cells that the host's conversation for `piece` moves, from its reads and writes alone."""
    sizes = request.source_block_size, request.destination_block_size
    read = range(0)
    cells: list[tuple[int, int]] = []

    def step(step: Step) -> memoryview | None:
        nonlocal read
        if isinstance(step, Read):
            read = range(step.lba * sizes[0] // 512, (step.lba + step.blocks) * sizes[0] // 512)
            return memoryview(bytes(len(read) * 512))
        assert isinstance(step, Write)
        first = step.lba * sizes[1] // 512
        assert len(step.data) == len(read) * 512
        cells.extend(zip(range(first, first + len(read)), read, strict=True))
        return None

    assert converse(copy_piece(HostTask(piece), request), step) == HostOutcome(piece.blocks)
    return cells


def limits(segment: int, count: int, granule: int) -> Limits:
    return Limits(
        segment_blocks=Bound(max(granule, segment // granule * granule), ""),
        segments_per_command=Bound(count, ""),
        command_blocks=Bound(1 << 40, ""),
        granularity_blocks=Bound(granule, "granularity"),
        in_flight=Bound(4, ""),
        without_list_id=False,
    )


def asked(ranges: list[Triple], sizes: tuple[int, int]) -> Asked:
    sides = (Extent("source", 0, 10**6, sizes[0]), Extent("destination", 0, 10**6, sizes[1]))
    return Asked(*sides, enumerate(ranges), file="")


any_ranges_and_limits = given(
    data=st.data(),
    sizes=SIZES,
    segment=st.integers(1, 40),
    count=st.integers(1, 5),
    granule=st.integers(1, 7),
)


@any_ranges_and_limits
@settings(max_examples=150, deadline=None)
def test_with_a_shape_that_changes_from_batch_to_batch_every_block_goes_to_its_place_once(
    data: st.DataObject, sizes: tuple[int, int], segment: int, count: int, granule: int
) -> None:
    ranges = data.draw(written(sizes))
    request, most = asked(ranges, sizes).request, limits(segment, count, granule)
    cells: list[tuple[int, int]] = []
    at = 0
    while at < request.blocks:
        room = Piece(at, request.blocks - at)
        rest = fragment(room, request, granule)
        if rest is None:
            wanted = data.draw(SHAPES)
            shape = clip(wanted, most)
            batch = batch_in(room, shape, request, granule, packed(most))
            assert len(batch.pieces) <= count
            assert batch.whole.blocks <= shape.segment_blocks * shape.segments
            for piece in batch.pieces:
                longest = min(
                    most.segment_blocks.value, wanted.segment_blocks if wanted else segment + granule
                )
                assert piece.blocks <= max(granule, longest)
                assert piece.blocks % granule == 0
                cells += moved(request, piece)
            assert batch.whole == Piece(at, sum(piece.blocks for piece in batch.pieces))
            rest = batch.whole
        else:
            assert rest.blocks < granule
            cells += moved(request, rest)
        at = rest.end
    assert at == request.blocks
    assert len(cells) == len(dict(cells))
    assert dict(cells) == model(ranges, sizes)


@any_ranges_and_limits
@settings(max_examples=75, deadline=None)
def test_the_commands_of_a_dry_run_and_what_is_left_beside_them_are_every_block_once(
    data: st.DataObject, sizes: tuple[int, int], segment: int, count: int, granule: int
) -> None:
    ranges = data.draw(written(sizes))
    request, most = asked(ranges, sizes).request, limits(segment, count, granule)
    pieces = [piece for batch in batches(request, most) for piece in batch.pieces]
    cells = [cell for piece in [*pieces, *remainders(request, most)] for cell in moved(request, piece)]
    assert len(cells) == len(dict(cells))
    assert dict(cells) == model(ranges, sizes)


ANSWERS = st.sampled_from(
    [
        Action.DONE,
        Action.DONE,
        Action.DONE,
        Action.FEWER,
        Action.SMALLER,
        Action.OTHER_MEANS,
        Action.NO_OFFLOAD,
    ]
)


@any_ranges_and_limits
@settings(max_examples=150, deadline=None)
def test_whatever_is_answered_the_job_copies_every_block_to_its_place_once(
    data: st.DataObject, sizes: tuple[int, int], segment: int, count: int, granule: int
) -> None:
    ranges = data.draw(written(sizes))
    request = asked(ranges, sizes).request
    job = Job(request, limits(segment, count, granule), Method.AUTO)
    out: list[Task] = []
    cells: list[tuple[int, int]] = []
    while True:
        task = job.next(data.draw(SHAPES)) if len(out) < 3 else None
        if task is not None:
            out.append(task)
            continue
        if not out:
            break
        task = out.pop(data.draw(st.integers(0, len(out) - 1)))
        if isinstance(task, OffloadTask):
            answer = data.draw(ANSWERS)
            if answer is Action.DONE:
                cells += [cell for piece in task.batch.pieces for cell in moved(request, piece)]
            job.finish(task, Verdict(answer, answer.value))
        else:
            cells += by_host(request, task.piece)
            job.finish(task, HostOutcome(task.piece.blocks))
    assert job.coverage.complete
    assert len(cells) == len(dict(cells))
    assert dict(cells) == model(ranges, sizes)


@given(data=st.data(), segment=st.integers(1, 40), count=st.integers(2, 5), granule=st.integers(1, 7))
@settings(max_examples=100, deadline=None)
def test_what_a_failed_command_copied_never_leaves_less_than_a_granule_to_offload(
    data: st.DataObject, segment: int, count: int, granule: int
) -> None:
    sizes = (512, 512)
    ranges = [
        (lba * granule, blocks * granule, to * granule) for lba, blocks, to in data.draw(written(sizes))
    ]
    request = asked(ranges, sizes).request
    job = Job(request, limits(segment, count, granule), Method.OFFLOAD)
    cells: dict[int, int] = {}
    failures = 1
    while (task := job.next(data.draw(SHAPES))) is not None:
        assert isinstance(task, OffloadTask)
        moves = [cell for piece in task.batch.pieces for cell in moved(request, piece)]
        copied = (
            data.draw(st.integers(0, len(moves))) if failures and data.draw(st.booleans()) else len(moves)
        )
        cells.update(moves[:copied])
        if copied == len(moves):
            job.finish(task, Verdict(Action.DONE, ""))
        else:
            failures -= 1
            job.finish(task, Verdict(Action.FEWER, "too many", copied=copied))
    assert not job.stopped
    assert job.coverage.complete
    assert cells == model(ranges, sizes)


def test_where_only_offload_is_allowed_less_than_a_granule_stops_the_job_and_is_not_copied_by_the_host() -> (
    None
):
    request = asked([(0, 10, 0)], (512, 512)).request
    job = Job(request, limits(8, 8, 4), Method.OFFLOAD)
    task = job.next()
    assert isinstance(task, OffloadTask)
    assert task.piece == Piece(0, 8)
    job.finish(task, Verdict(Action.DONE, ""))
    assert job.next() is None
    assert "granularity" in job.stopped


def request_of(*ranges: tuple[int, int, int]) -> Request:
    return Request.over((Range(*r) for r in ranges), source_block_size=512, destination_block_size=512)


def test_neighbours_on_both_sides_are_one_range_and_on_one_side_are_two() -> None:
    assert list(request_of((0, 5, 100), (5, 5, 105), (10, 0, 110), (10, 5, 120)).ranges) == [
        (0, 10, 100, 0),
        (10, 5, 120, 0),
    ]
    assert len(request_of((0, 5, 100), (6, 5, 105))) == 2


def test_one_batch_has_segments_of_several_ranges_and_none_of_two() -> None:
    request = request_of((0, 3, 100), (50, 5, 200), (90, 9, 300))
    batch = batch_in(Piece(1, 16), Shape(4, 4), request)
    assert batch.pieces == (Piece(1, 2), Piece(3, 4), Piece(7, 1), Piece(8, 4))
    assert [request.source(piece) for piece in batch.pieces] == [(1, 2), (50, 4), (54, 1), (90, 4)]


def test_short_ranges_are_packed_into_one_command_as_far_as_it_may_have_segments_and_blocks() -> None:
    request = request_of(*((lba * 10, 2, lba * 10) for lba in range(200)))
    assert len(batch_in(Piece(0, 400), Shape(100, 1), request, 1, 30).pieces) == 30
    assert batch_in(Piece(0, 400), Shape(5, 1), request, 1, 30).pieces == (
        Piece(0, 2),
        Piece(2, 2),
        Piece(4, 1),
    )
    assert packed(limits(100, 8, 1)) == 8
    assert packed(limits(100, 1000, 1)) == 64  # 64 times 28 bytes, and two CSCD descriptors: less than 4096


def test_long_ranges_are_not_packed() -> None:
    request = request_of((0, 400, 0))
    assert batch_in(Piece(0, 400), Shape(100, 2), request, 1, 30).pieces == (Piece(0, 100), Piece(100, 100))


def test_a_piece_across_the_end_of_a_range_has_no_lba() -> None:
    request = request_of((0, 3, 100), (50, 5, 200))
    assert list(request.parts(Piece(2, 4))) == [Piece(2, 1), Piece(3, 3)]
    for side in (request.source, request.destination):
        with pytest.raises(ValueError, match="beyond the end of its range"):
            side(Piece(2, 2))
        with pytest.raises(ValueError, match="not inside a request"):
            side(Piece(8, 1))


def test_a_unit_of_8_eib_is_planned_command_by_command() -> None:
    size = 2**54
    request = request_of((0, size, 0))
    most = limits(65535, 8, 1)
    first = next(batches(request, most))
    assert request.destination(first.pieces[-1]) == (7 * 65535, 65535)
    job = Job(request, most, Method.AUTO)
    task = job.next(Shape(2048, 1))
    assert isinstance(task, OffloadTask)
    assert task.piece == Piece(0, 2048)
    job.finish(task, Verdict(Action.DONE, ""))
    assert job.coverage.count(job.coverage.runs()[1][1].state) == size - 2048
    assert request.source(Piece(size - 1, 1)) == (size - 1, 1)

"""What a thin source has no storage for is zeroed, all else is copied, and nothing old is left anywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.command import Reply
from tests.cdb.independent import fixed_sense
from tests.xcopy.thin_copy import NO_OFFLOAD, SMALL, copy_of, holds_its_word, whole, zeroed
from tests.xcopy.thin_model import (
    ANCHORED,
    BLOCK,
    BLOCKS,
    DEALLOCATED,
    HOSTILE,
    MAPPED,
    RESET,
    Thin,
    junk,
    thin,
)
from xcopy.checkpoint import Checkpoints
from xcopy.conversation import Side
from xcopy.coverage import State
from xcopy.holes import Holes
from xcopy.job import Job, Method
from xcopy.offload import Pair
from xcopy.plan import Piece, Range, Request
from xcopy.task import HOST, MAP, OFFLOAD, ZERO, LookTask, OffloadTask, ZeroTask

if TYPE_CHECKING:
    from xcopy.journal import Copied


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_the_units_are_like_and_whenever_it_stops_what_is_told_is_what_is_there(
    data: st.DataObject,
) -> None:
    draw = data.draw
    runs = st.lists(st.tuples(st.integers(0, BLOCKS - 1), st.integers(1, 60)), max_size=6)

    def mapped() -> set[int]:
        return {b for at, n in draw(runs) for b in range(at, min(at + n, BLOCKS))}

    answers = st.sampled_from([bytes, bytes, bytes, *HOSTILE.values()])
    sources = [
        thin(number, BLOCKS, mapped(), extents=draw(st.integers(1, 4)), wrong=draw(answers))
        for number in range(draw(st.integers(1, 2)))
    ]
    for source in sources:
        for lba in mapped():  # zeros that are written, where anything is
            source.data[lba * BLOCK : (lba + 1) * BLOCK] = bytes(BLOCK)
    tried = draw(st.booleans())
    destinations = [
        junk(
            number,
            BLOCKS,
            tried=tried,
            granule=draw(st.sampled_from([1, 2, 8, 24])),
            aligned_to=draw(st.integers(0, 7)),
            really=0 if tried else draw(st.sampled_from([0, 24, 1000])),
            knows_unmap=draw(st.booleans()),
            knows_same=draw(st.booleans()),
            most=draw(st.sampled_from([1 << 20, 40, 5])),
            told_most=draw(st.sampled_from([0, 5, 40])),
        )
        for number in range(draw(st.integers(1, 2)))
    ]
    ranges: list[Range] = []
    places = [0] * len(destinations)
    for _ in range(draw(st.integers(1, 5))):
        read, write = draw(st.integers(0, len(sources) - 1)), draw(st.integers(0, len(destinations) - 1))
        at = places[write] + draw(st.integers(0, 9))
        blocks = draw(st.integers(1, 120))
        first = draw(st.integers(0, BLOCKS - 1))
        blocks = min(blocks, BLOCKS - at, BLOCKS - first)
        if blocks > 0:
            places[write] = at + blocks
            ranges.append(Range(first, blocks, at, read * len(destinations) + write))
    method = draw(st.sampled_from([Method.AUTO, Method.OFFLOAD, Method.HOST]))
    copy = copy_of(
        sources,
        destinations,
        ranges,
        offload=method is Method.OFFLOAD or draw(st.booleans()),
        granule=1 if method is Method.OFFLOAD else draw(st.sampled_from([1, 4])),
        method=method,
        always=draw(st.booleans()),
    )
    stop_at = draw(st.one_of(st.none(), st.integers(0, 30)))
    copy.silent_after = draw(st.one_of(st.just(1 << 30), st.integers(0, 6)))
    before = [bytes(each.data) for each in destinations]
    for number in range(10_000):
        if number == stop_at:
            copy.job.stop("told to")
        while len(copy.flying) < 5 and copy.begin():
            pass
        if not copy.flying:
            break
        copy.end(draw(st.integers(0, len(copy.flying) - 1)))
    else:
        raise AssertionError("it does not come to an end")
    holds_its_word(copy, before)
    if not copy.job.stopped:
        assert copy.job.coverage.complete


STATES = (MAPPED, DEALLOCATED, DEALLOCATED, ANCHORED, 7)


@given(
    runs=st.lists(st.tuples(st.sampled_from(STATES), st.integers(1, 90)), min_size=1),
    extents=st.integers(1, 4),
    first=st.integers(0, BLOCKS - 1),
    to=st.integers(0, BLOCKS - 1),
    blocks=st.integers(1, BLOCKS),
    granule=st.sampled_from([1, 3, 8]),
    tried=st.booleans(),
    offload=st.booleans(),
    always=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_of_any_map_and_any_range_the_destination_is_the_source_and_all_outside_is_as_it_was(
    runs: list[tuple[int, int]],
    extents: int,
    first: int,
    to: int,
    blocks: int,
    granule: int,
    tried: bool,
    offload: bool,
    always: bool,
) -> None:
    states = [state for state, length in runs for _ in range(length)]
    states = (states * BLOCKS)[:BLOCKS]
    written = {lba for lba, state in enumerate(states) if state != DEALLOCATED}
    source = thin(0, BLOCKS, written, extents=extents, states=dict(enumerate(states)))
    destination = junk(1, BLOCKS, tried=tried, granule=granule, really=0 if tried else 1000)
    blocks = min(blocks, BLOCKS - first, BLOCKS - to)
    copy = copy_of([source], [destination], [Range(first, blocks, to)], offload=offload, always=always)
    expected = destination.data[:]
    expected[to * BLOCK : (to + blocks) * BLOCK] = source.read(first, blocks)
    copy.all()
    assert destination.data == expected
    assert copy.job.coverage.complete
    assert all(source.read(first + block, 1) == bytes(BLOCK) for block in zeroed(copy))
    if always:
        assert zeroed(copy) == {n for n in range(blocks) if states[first + n] == DEALLOCATED}


def test_always_stops_rather_than_copy_what_is_unmapped() -> None:
    source = thin(0, BLOCKS, set(range(32)), wrong=HOSTILE["no extent"])
    copy = whole(source, junk(1, BLOCKS), always=True)
    copy.all()
    assert copy.job.stopped.startswith("--sparse always: the source's map ended")
    assert copy.job.coverage.count(State.COPIED) == 0


def test_always_zeroes_every_single_block() -> None:
    source = thin(0, BLOCKS, set(range(0, BLOCKS, 2)))
    copy = whole(source, junk(1, BLOCKS), always=True)
    copy.all()
    assert zeroed(copy) == set(range(1, BLOCKS, 2))


def test_a_map_in_crumbs_is_not_asked_for_everywhere() -> None:
    source = thin(0, 4096, set(range(0, 4096, 2)))
    copy = whole(source, junk(1, 4096), measures=replace(SMALL, portion=1 << 30, not_asked=512 * BLOCK))
    copy.all()
    assert source.questions <= 5 * (4096 // 512 + 1)
    assert copy.job.coverage.complete


def test_of_eight_exbibytes_a_look_is_at_a_portion() -> None:
    huge = thin(0, 1, set())
    told = replace(huge.told, blocks=2**54)
    request = Request(
        source_lba=0, destination_lba=0, blocks=2**54, source_block_size=BLOCK, destination_block_size=BLOCK
    )
    job = Job(request, NO_OFFLOAD, Method.AUTO, holes=Holes(request, [Pair(told, told, True)]))
    task = job.next()
    assert isinstance(task, LookTask)
    assert task.piece == Piece(0, (256 << 30) // BLOCK)


def test_copying_goes_on_while_the_map_is_asked_for_and_blocks_are_zeroed() -> None:
    source, destination = thin(0, BLOCKS, set(range(64))), junk(1, BLOCKS)
    copy = whole(source, destination, measures=replace(SMALL, portion=1 << 30, ahead=256 * BLOCK))
    for expected in (LookTask, OffloadTask):
        assert copy.begin()
        assert isinstance(copy.end(), expected)
    while copy.begin():
        pass
    assert {type(task) for task in copy.flying} >= {ZeroTask, OffloadTask}


def test_nothing_is_zeroed_before_it_is_known_whether_the_storage_copies() -> None:
    copy = whole(thin(0, BLOCKS, set(range(64, 128))), junk(1, BLOCKS))
    copy.begin()
    copy.end()
    assert copy.begin()
    assert isinstance(copy.flying[0], OffloadTask)
    assert not copy.flying[0].proven
    assert not copy.begin()
    copy.end()
    assert copy.begin()
    assert isinstance(copy.flying[0], ZeroTask)


def test_what_an_earlier_run_copied_is_neither_asked_about_nor_zeroed() -> None:
    source, destination = thin(0, BLOCKS, set()), junk(1, BLOCKS)
    copy = whole(source, destination)
    copy.job.already([Piece(0, 100), Piece(120, 20)])
    copy.all()
    assert zeroed(copy) == {*range(100, 120), *range(140, BLOCKS)}
    assert destination.read(0, 100) == b"j" * 100 * BLOCK
    assert destination.read(120, 20) == b"j" * 20 * BLOCK


def test_between_holes_there_are_whole_granules_of_the_copy_manager() -> None:
    source, destination = thin(0, BLOCKS, {*range(3), *range(100, 131)}), junk(1, BLOCKS)
    copy = whole(source, destination, granule=16, method=Method.OFFLOAD)
    copy.all()
    assert copy.job.coverage.complete
    assert copy.job.report[HOST] == 0
    assert zeroed(copy) == {*range(16, 96), *range(144, BLOCKS)}


def test_a_look_that_could_not_be_begun_comes_again() -> None:
    copy = whole(thin(0, BLOCKS, set()), junk(1, BLOCKS))
    task = copy.job.next()
    assert isinstance(task, LookTask)
    copy.job.untake(task)
    assert copy.job.next() == task
    assert copy.job.commands[MAP] == 1


def test_zeroing_that_could_not_be_begun_comes_again() -> None:
    copy = whole(thin(0, BLOCKS, set()), junk(1, BLOCKS), offload=False)
    copy.begin()
    copy.end()
    task = copy.job.next()
    assert isinstance(task, ZeroTask)
    copy.job.untake(task)
    again = copy.job.next()
    assert again == task
    assert copy.job.coverage.count(State.IN_FLIGHT) == task.piece.blocks


UNREACHABLE = Reply(status=2, sense=fixed_sense(0xA, 0x0D, 0x02))  # LIO's only no
BEGINS = pytest.mark.parametrize(
    "mapped",
    [set(range(BLOCKS)), set(range(40, BLOCKS)), set(range(200, BLOCKS))],
    ids=["data", "hole", "holes"],
)


@BEGINS
def test_the_source_is_tried_where_the_destination_refuses_whatever_the_copy_begins_with(
    mapped: set[int],
) -> None:
    copy = whole(thin(0, BLOCKS, mapped), junk(1, BLOCKS), method=Method.OFFLOAD, by_source=True)
    copy.copy_manager = lambda task: UNREACHABLE if task.to is Side.DESTINATION else Reply()
    copy.all()
    assert not copy.job.stopped
    assert copy.job.report[OFFLOAD] == len(mapped) * BLOCK
    assert copy.destinations[0].data == copy.sources[0].data


@BEGINS
def test_nothing_is_zeroed_where_only_the_storage_may_copy_and_does_not(mapped: set[int]) -> None:
    copy = whole(thin(0, BLOCKS, mapped), junk(1, BLOCKS), method=Method.OFFLOAD)
    copy.copy_manager = lambda _: UNREACHABLE
    copy.all()
    assert copy.job.stopped
    assert copy.job.coverage.count(State.COPIED) == 0
    assert copy.destinations[0].data == b"j" * BLOCKS * BLOCK


@BEGINS
def test_one_command_finds_out_that_the_storage_does_not_copy_whatever_the_copy_begins_with(
    mapped: set[int],
) -> None:
    copy = whole(thin(0, BLOCKS, mapped), junk(1, BLOCKS))
    copy.copy_manager = lambda _: UNREACHABLE
    copy.all()
    assert copy.job.commands[OFFLOAD] == 1
    assert copy.job.report == {OFFLOAD: 0, HOST: len(mapped) * BLOCK} | (
        {ZERO: (BLOCKS - len(mapped)) * BLOCK} if len(mapped) < BLOCKS else {}
    )


def test_a_source_without_any_data_is_zeroed_and_the_storage_is_asked_for_no_copy() -> None:
    copy = whole(thin(0, BLOCKS, set()), junk(1, BLOCKS), method=Method.OFFLOAD)
    copy.all()
    assert copy.job.report == {OFFLOAD: 0, HOST: 0, ZERO: BLOCKS * BLOCK}
    assert copy.job.commands[OFFLOAD] == 0
    assert copy.destinations[0].data == bytes(BLOCKS * BLOCK)


def test_what_is_recorded_as_zeroed_is_zeros_by_then() -> None:
    source, destination = thin(0, BLOCKS, set(range(32, 40))), junk(1, BLOCKS, tried=False, really=1000)
    copy = whole(source, destination)
    recorded: list[Copied] = []
    kept = Checkpoints(
        copy.job,
        0.0,
        make_durable=lambda: True,
        record=recorded.extend,
        start=lambda work, _: work(),
    )
    now, seen = 0.0, 0
    while copy.begin():
        copy.end()
        for _ in range(3):
            kept.look(now := now + 1)
        for piece, _ in recorded[seen:]:
            assert destination.read(piece.start, piece.blocks) == source.read(piece.start, piece.blocks)
        seen = len(recorded)
    kept.last()
    assert sum(piece.blocks for piece, means in recorded if means == ZERO) == BLOCKS - 8


def test_a_look_at_the_map_of_a_unit_that_is_copied_within_is_waited_for_as_well() -> None:
    """It may be what hears that the unit was reset, and lost what it had not yet made durable."""
    mapped = set(range(BLOCKS))
    unit = Thin(0, thin(0, BLOCKS, mapped).data + bytearray(b"j" * BLOCKS * BLOCK), set(range(2 * BLOCKS)))
    measures = replace(SMALL, portion=64 * BLOCK, ahead=64 * BLOCK)
    copy = copy_of([unit], [unit], [Range(0, BLOCKS, BLOCKS)], measures=measures)
    recorded: list[Copied] = []
    kept = Checkpoints(
        copy.job, 0.0, make_durable=lambda: True, record=recorded.extend, start=lambda work, _: work()
    )
    while not copy.job.proven:
        assert copy.begin()
        copy.end()
    while not (copy.flying and isinstance(copy.flying[-1], LookTask)):
        assert copy.begin()
    copy.flying = [task] = copy.flying[-1:]
    unit.send = lambda _: RESET  # type: ignore[method-assign]
    outcome = copy.performed(task)
    for now in range(1, 7):
        kept.look(now)
    assert recorded == []
    copy.job.finish(task, outcome)
    kept.look(7)
    assert recorded == []
    assert "reset" in copy.job.stopped

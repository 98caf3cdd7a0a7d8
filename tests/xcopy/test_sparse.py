"""What a thin source has no storage for is zeroed, all else is copied, and nothing old is left anywhere."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.command import Reply
from tests.xcopy.thin_model import BLOCK, READ, RESET, Thin, ThinCopy, junk, thin
from tests.xcopy.units import parameters
from xcopy.coverage import State
from xcopy.job import Job, Method
from xcopy.limits import Bound, Limits, Refusal, agree
from xcopy.offload import Pair
from xcopy.plan import Piece, Range, Request
from xcopy.sparse import Holes, Measures
from xcopy.task import HOST, MAP, OFFLOAD, ZERO, HostTask, LookTask, OffloadTask, ZeroTask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BLOCKS = 256
SMALL = Measures(
    portion=96 * BLOCK, ahead=64 * BLOCK, calls=5, least_run=3 * BLOCK, pays=2 * BLOCK, not_asked=16 * BLOCK
)
NO_OFFLOAD = Refusal("the test says so")


def copy_of(
    sources: list[Thin],
    destinations: list[Thin],
    ranges: Sequence[Range],
    *,
    offload: bool = True,
    granule: int = 1,
    method: Method = Method.AUTO,
    always: bool = False,
    measures: Measures = SMALL,
) -> ThinCopy:
    request = Request.over(ranges, source_block_size=BLOCK, destination_block_size=BLOCK)
    pairs = [Pair(s.told, d.told, True) for s in sources for d in destinations]
    told = replace(sources[0].told, parameters=parameters())
    offer = agree(told, replace(destinations[0].told, parameters=parameters()))
    assert isinstance(offer, Limits)
    offer = replace(offer, granularity_blocks=Bound(granule, "granule"), segment_blocks=Bound(32, "segment"))
    holes = Holes(
        request,
        pairs,
        granule=granule,
        always=always,
        host_may=method is not Method.OFFLOAD,
        measures=measures,
    )
    return ThinCopy(
        Job(request, offer if offload else NO_OFFLOAD, method, holes=holes), sources, destinations
    )


def whole(source: Thin, destination: Thin, **how: Any) -> ThinCopy:
    return copy_of([source], [destination], [Range(0, source.blocks, 0)], **how)


def zeroed(copy: ThinCopy) -> set[int]:
    """The blocks of the request that are zeros and were not copied."""
    return {
        block
        for piece, entry in copy.job.coverage.runs(State.COPIED)
        if entry.detail == ZERO
        for block in range(piece.start, piece.end)
    }


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
    destinations = [
        junk(
            number,
            BLOCKS,
            granule=draw(st.sampled_from([1, 2, 8, 24])),
            aligned_to=draw(st.integers(0, 7)),
            really=draw(st.sampled_from([0, 0, 24, 1000])),
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


def holds_its_word(copy: ThinCopy, before: list[bytes]) -> None:
    """Copied blocks are the source's, blocks not tried or not asked for are as they were."""
    request, coverage = copy.job.request, copy.job.coverage
    expected: list[list[bytes | None]] = [
        [each[at : at + BLOCK] for at in range(0, len(each), BLOCK)] for each in before
    ]
    for run, entry in coverage.runs():
        for piece in request.parts(run):
            pair = request.pair(piece.start)
            source, _ = copy.units(pair)
            from_lba, to_lba = request.source(piece)[0], request.destination(piece)[0]
            row = expected[pair % len(before)]
            for n in range(piece.blocks):
                if entry.state is State.COPIED:
                    row[to_lba + n] = bytes(source.read(from_lba + n, 1))
                elif entry.state is State.FAILED:
                    row[to_lba + n] = None  # anything
    for destination, row in zip(copy.destinations, expected, strict=True):
        for lba, block in enumerate(row):
            assert block is None or destination.read(lba, 1) == block, lba


def extent(lba: int, blocks: int, status: int = 1) -> bytes:
    return struct.pack(">QIBB2x", lba, blocks, status, 0)


def answer(*extents: bytes) -> bytes:
    body = b"".join(extents)
    return struct.pack(">I4x", 4 + len(body)) + body


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "nothing at all": lambda _: b"",
    "no extent": lambda _: answer(),
    "an extent cut off": lambda whole: whole[:20],
    "an extent of no blocks": lambda whole: answer(whole[8:16] + bytes(4) + b"\1\0\0\0"),
    "an extent behind the block asked about": lambda _: answer(extent(BLOCKS // 2, 8)),
    "an extent before it": lambda _: answer(extent(0, BLOCKS - 1), extent(0, BLOCKS)),
    "an extent beyond the end": lambda whole: answer(whole[8:16] + b"\xff\xff\xff\xff" + b"\1\0\0\0"),
    "extents that overlap": lambda _: answer(extent(0, 8), extent(4, 8)),
    "a length of more than there is": lambda whole: b"\xff\xff\xff\xff" + whole[4:24],
}


@pytest.mark.parametrize("lie", [name for name in HOSTILE if name != "a length of more than there is"])
def test_a_map_that_cannot_be_is_believed_in_nothing_and_asked_for_once(lie: str) -> None:
    source, destination = thin(0, BLOCKS, set(range(BLOCKS // 2)), wrong=HOSTILE[lie]), junk(1, BLOCKS)
    first = replace_first_answer(source, lie)
    copy = whole(source, destination)
    copy.all()
    assert copy.job.report == {OFFLOAD: BLOCKS * BLOCK, HOST: 0}
    assert source.questions == first
    assert destination.data == source.data
    assert copy.job.holes is not None
    assert "the source's map ended: unit0: GET LBA STATUS at LBA" in copy.job.holes.why_not


def replace_first_answer(source: Thin, lie: str) -> int:
    """An extent before it is a lie only of a later block: the first answer is then of one block."""
    if lie != "an extent before it":
        return 1
    answers = [answer(extent(0, 1, 0)), answer(extent(0, BLOCKS))]
    source.wrong = lambda _: answers[min(source.questions, 2) - 1]
    return 2


def test_an_answer_is_read_as_far_as_there_is_one() -> None:
    source = thin(0, BLOCKS, {0}, wrong=HOSTILE["a length of more than there is"])
    copy = whole(source, junk(1, BLOCKS))
    copy.all()
    assert copy.job.report[ZERO] == (BLOCKS - 1) * BLOCK


def test_nine_tenths_that_are_unmapped_are_zeroed_with_unmap_and_the_rest_is_copied() -> None:
    source, destination = thin(0, BLOCKS, set(range(100, 124))), junk(1, BLOCKS, granule=8)
    copy = whole(source, destination)
    copy.all()
    assert copy.job.report == {OFFLOAD: 24 * BLOCK, HOST: 0, ZERO: (BLOCKS - 24) * BLOCK}
    assert destination.data == source.data
    assert all(unmap == (lba % 8 == 0 and n % 8 == 0) for lba, n, unmap in destination.sent)
    assert destination.mapped == set(range(96, 128)), "granules that are unmapped whole have no storage"


def test_what_is_beside_whole_granules_is_written() -> None:
    source, destination = thin(0, BLOCKS, {*range(13), *range(40, BLOCKS)}), junk(1, BLOCKS, granule=16)
    copy = whole(source, destination)
    copy.all()
    assert zeroed(copy) == set(range(13, 40))
    assert destination.sent == [(13, 3, False), (16, 16, True), (32, 8, False)]
    assert destination.data == source.data


def test_granules_begin_where_the_unit_says() -> None:
    source = thin(0, BLOCKS, {*range(10), *range(40, BLOCKS)})
    destination = junk(1, BLOCKS, granule=16, aligned_to=5)
    whole(source, destination).all()
    assert destination.sent == [(10, 11, False), (21, 16, True), (37, 3, False)]
    assert destination.data == source.data


@pytest.mark.parametrize("really", [32, 1000])
def test_a_unit_whose_granules_are_larger_than_it_says_gets_zeros_written(really: int) -> None:
    source, destination = thin(0, BLOCKS, set(range(41))), junk(1, BLOCKS, granule=8, really=really)
    copy = whole(source, destination)
    copy.all(at_once=1)
    assert zeroed(copy) == set(range(41, BLOCKS))
    assert destination.data == source.data


def test_a_unit_that_is_found_to_leave_old_data_only_later_stops_the_copy() -> None:
    source, destination = thin(0, BLOCKS, {*range(32, 40)}), junk(1, BLOCKS, granule=8)
    copy = whole(source, destination)
    while copy.job.coverage.count(State.COPIED, ZERO) == 0:
        assert copy.begin()
        copy.end()
    destination.really = 1000
    copy.all(at_once=1)
    assert "has old data, not the zeros it promises" in copy.job.stopped
    assert "--sparse never" in copy.job.stopped
    assert copy.job.in_doubt


def test_a_destination_that_was_reset_before_it_is_checked_stops_the_copy() -> None:
    source, destination = thin(0, BLOCKS, {*range(32, 40)}), junk(1, BLOCKS, granule=8)
    copy = whole(source, destination)
    while copy.job.coverage.count(State.COPIED, ZERO) == 0:
        assert copy.begin()
        copy.end()
    sent, send = destination.sent, destination.send
    many = len(sent)
    destination.send = (  # type: ignore[method-assign]
        lambda command: RESET if len(sent) > many and command.cdb[0] == READ else send(command)
    )
    copy.all(at_once=1)
    assert "reset" in copy.job.stopped
    assert copy.job.in_doubt


def test_where_unmap_is_refused_the_blocks_are_written_the_same() -> None:
    source, destination = thin(0, BLOCKS, set(range(32))), junk(1, BLOCKS, knows_unmap=False)
    copy = whole(source, destination)
    copy.all(at_once=1)
    assert zeroed(copy) == set(range(32, BLOCKS))
    assert [unmap for _, _, unmap in destination.sent].count(True) == 1
    assert copy.job.holes is not None
    assert not copy.job.holes.why_not


def test_where_write_same_is_refused_they_are_copied_and_the_reason_is_told() -> None:
    source = thin(0, BLOCKS, set(range(32)))
    destination = junk(1, BLOCKS, knows_unmap=False, knows_same=False)
    copy = whole(source, destination)
    copy.all(at_once=1)
    assert copy.job.report == {OFFLOAD: BLOCKS * BLOCK, HOST: 0}
    assert len(destination.sent) == 2
    assert copy.job.holes is not None
    assert "has no WRITE SAME(16)" in copy.job.holes.why_not


def test_always_has_the_host_write_zeros_where_write_same_is_refused() -> None:
    source = thin(0, BLOCKS, set(range(32)))
    destination = junk(1, BLOCKS, knows_unmap=False, knows_same=False)
    copy = whole(source, destination, always=True)
    copy.all()
    assert copy.job.report == {OFFLOAD: 32 * BLOCK, HOST: 0, ZERO: (BLOCKS - 32) * BLOCK}
    assert destination.data == source.data


def test_always_stops_rather_than_copy_what_is_unmapped() -> None:
    source = thin(0, BLOCKS, set(range(32)), wrong=HOSTILE["no extent"])
    copy = whole(source, junk(1, BLOCKS), always=True)
    copy.all()
    assert copy.job.stopped.startswith("--sparse always: the source's map ended")
    assert copy.job.coverage.count(State.COPIED) == 0


def test_where_only_the_storage_may_copy_the_host_writes_no_zeros() -> None:
    source = thin(0, BLOCKS, set(range(32)))
    destination = junk(1, BLOCKS, knows_unmap=False, knows_same=False)
    copy = whole(source, destination, always=True, method=Method.OFFLOAD)
    copy.all()
    assert "has no WRITE SAME(16)" in copy.job.stopped
    assert bytes(destination.data).strip(b"j") in (b"", bytes(source.data[: 32 * BLOCK]))


def test_a_write_same_that_is_not_answered_stops_the_copy_and_its_blocks_are_unknown() -> None:
    source, destination = thin(0, BLOCKS, set(range(32))), junk(1, BLOCKS)
    copy = whole(source, destination)
    copy.silent_after = 0
    copy.all(at_once=1)
    assert copy.job.in_doubt
    assert "no answer came" in copy.job.stopped
    assert [entry.state for _, entry in copy.job.coverage.runs(State.FAILED)] == [State.FAILED]
    assert not zeroed(copy)


def test_a_source_that_was_reset_stops_a_copy_that_may_have_lost_something() -> None:
    source, destination = thin(0, BLOCKS, set(range(0, BLOCKS, 2))), junk(1, BLOCKS)
    copy = whole(source, destination, measures=replace(SMALL, ahead=2 * BLOCK, pays=0))
    for _ in range(3):
        assert copy.begin()
        copy.end()
    source.send = lambda _: RESET  # type: ignore[method-assign]
    copy.all(at_once=1)
    assert "reset" in copy.job.stopped
    assert copy.job.in_doubt


@pytest.mark.parametrize("lba", [100, 149, 125])
def test_what_is_said_to_be_unmapped_and_is_not_zeros_where_it_is_looked_at_is_copied(lba: int) -> None:
    source = thin(0, BLOCKS, set(range(BLOCKS)) - set(range(20, 30)) - set(range(100, 150)))
    source.data[lba * BLOCK] = 1
    copy = whole(source, junk(1, BLOCKS), measures=replace(SMALL, portion=1 << 30, ahead=1 << 30))
    copy.all()
    assert zeroed(copy) == set(range(20, 30))
    assert copy.destinations[0].data == source.data


def test_runs_too_short_to_pay_are_copied_with_their_neighbours() -> None:
    source = thin(0, BLOCKS, set(range(BLOCKS)) - {10, 11, 50, 51, 52})
    copy = whole(source, junk(1, BLOCKS), measures=replace(SMALL, calls=64))
    copy.all()
    assert zeroed(copy) == {50, 51, 52}


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
    assert copy.flying[0].written


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
    copy = whole(thin(0, BLOCKS, set()), junk(1, BLOCKS))
    copy.begin()
    copy.end()
    task = copy.job.next()
    assert isinstance(task, ZeroTask)
    copy.job.untake(task)
    again = copy.job.next()
    assert again == task
    assert copy.job.coverage.count(State.IN_FLIGHT) == task.piece.blocks


def test_a_destination_that_is_busy_for_ever_gets_its_blocks_copied() -> None:
    source, destination = thin(0, BLOCKS, set()), junk(1, BLOCKS)
    destination.send = lambda _: Reply(status=8)  # type: ignore[method-assign]
    copy = whole(source, destination, offload=False)
    tasks = []
    while copy.begin():
        tasks.append(copy.end())
    assert any(isinstance(task, HostTask) for task in tasks)
    assert destination.data == source.data

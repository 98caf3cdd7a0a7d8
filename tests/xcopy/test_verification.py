"""What is compared, and what is found: every differing byte of what is read, and never anything else."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xcopy.coverage import Coverage
from xcopy.errors import IoFailed, UsageError
from xcopy.plan import Piece, Range, Request
from xcopy.verification import (
    LISTED,
    SAMPLE_BYTES,
    Compared,
    Findings,
    Scope,
    Selection,
    compare,
    copied_runs,
    differing_blocks,
    first_difference,
    scope_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xcopy.verification import Reader

SAMPLE = SAMPLE_BYTES // 512  # blocks


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Ranges of some blocks, of units with the same block size or not."""
    source_size, destination_size = draw(st.sampled_from([(512, 512), (4096, 512), (512, 4096)]))
    size = max(source_size, destination_size)
    source, destination, ranges = 3, 5, []
    for _ in range(draw(st.integers(1, 4))):
        blocks = draw(st.integers(1, 20))
        ranges.append(Range(source * size // source_size, blocks, destination * size // destination_size))
        source += blocks + draw(st.integers(0, 2))
        destination += blocks + draw(st.integers(0, 2))
    return Request.over(ranges, source_block_size=source_size, destination_block_size=destination_size)


def two_sides(request: Request) -> tuple[bytearray, bytearray]:
    """All bytes of both units, what is asked for being equal and random, all else not."""
    rng = random.Random(1)
    sides = bytearray(rng.randbytes(150 * 4096)), bytearray(rng.randbytes(150 * 4096))
    for each in request.ranges:
        length = each.blocks * request.block_size
        at, to = (
            each.source_lba * request.source_block_size,
            each.destination_lba * request.destination_block_size,
        )
        sides[1][to : to + length] = sides[0][at : at + length]
    return sides


def reader(content: bytearray, block_size: int) -> Reader:
    def read(lba: int, blocks: int, pair: int) -> memoryview:
        assert pair == 0
        return memoryview(bytes(content[lba * block_size : (lba + blocks) * block_size]))

    return read


def whole(request: Request, source: bytearray, destination: bytearray, most: int) -> Findings:
    found = Findings()
    runs = [Piece(0, request.blocks)]
    for piece in Selection(runs, Scope(), request.block_size).pieces(most):
        readers = (
            reader(source, request.source_block_size),
            reader(destination, request.destination_block_size),
        )
        found.add(compare(piece, request, *readers))
    return found


@given(request=requests(), most=st.integers(1, 30), data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_single_byte_that_differs_is_found_and_named(
    request: Request, most: int, data: st.DataObject
) -> None:
    source, destination = two_sides(request)
    assert whole(request, source, destination, most).differing == 0
    one = data.draw(st.sampled_from(list(request.ranges)))
    offset = data.draw(st.integers(0, one.blocks * request.block_size - 1))
    at = one.source_lba * request.source_block_size + offset
    to = one.destination_lba * request.destination_block_size + offset
    destination[to] ^= data.draw(st.integers(1, 255))
    found = whole(request, source, destination, most)
    assert (found.compared, found.differing, len(found.first)) == (request.blocks, 1, 1)
    (named,) = found.first
    assert (named.source_lba, named.source_byte) == divmod(at, request.source_block_size)
    assert (named.destination_lba, named.destination_byte) == divmod(to, request.destination_block_size)
    assert (named.source[0], named.destination[0]) == (source[at], destination[to])
    assert named.source == bytes(source[at : at + len(named.source)])
    assert named.destination == bytes(destination[to : to + len(named.destination)])


@given(request=requests(), most=st.integers(1, 30), data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_differing_block_is_counted_and_the_first_ten_are_named_in_order(
    request: Request, most: int, data: st.DataObject
) -> None:
    source, destination = two_sides(request)
    bad = data.draw(st.sets(st.integers(0, request.blocks - 1)))
    for block in bad:
        lba, _ = request.destination(Piece(block, 1))
        destination[lba * request.destination_block_size + 9] ^= 1
    found = whole(request, source, destination, most)
    assert found.differing == len(bad)
    assert [each.block for each in found.first] == sorted(bad)[:LISTED]


def test_the_first_differences_are_told_whatever_order_they_are_found_in() -> None:
    request = Request(
        source_lba=0, destination_lba=0, blocks=40, source_block_size=512, destination_block_size=512
    )
    ours, theirs = reader(bytearray(40 * 512), 512), reader(bytearray(b"\1" * 40 * 512), 512)
    found = Findings()
    for start in (20, 0, 30, 10):
        found.add(compare(Piece(start, 10), request, ours, theirs))
    assert [each.block for each in found.first] == list(range(LISTED))
    assert found.differing == 40


@given(size=st.sampled_from([512, 4096]), blocks=st.integers(1, 300), data=st.data())
@settings(max_examples=100, deadline=None)
def test_blocks_that_differ_are_those_that_a_comparison_byte_by_byte_finds(
    size: int, blocks: int, data: st.DataObject
) -> None:
    ours = bytearray(random.Random(2).randbytes(size * blocks))
    theirs = bytearray(ours)
    changed = data.draw(st.sets(st.integers(0, len(ours) - 1), max_size=5))
    for at in changed:
        theirs[at] ^= 0x80
    found = list(differing_blocks(memoryview(ours), memoryview(theirs), size))
    assert found == sorted({at // size for at in changed})
    if changed:
        assert first_difference(memoryview(ours), memoryview(theirs)) == min(changed)


@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize("missing", [1, 512, 512 * 8])
def test_bytes_that_do_not_come_are_never_taken_as_equal(side: str, missing: int) -> None:
    request = Request(
        source_lba=7, destination_lba=9, blocks=8, source_block_size=512, destination_block_size=512
    )
    all_of_it = reader(bytearray(100 * 512), 512)

    def short(lba: int, blocks: int, pair: int) -> memoryview:
        return all_of_it(lba, blocks, pair)[:-missing]

    sides = (short, all_of_it) if side == "source" else (all_of_it, short)
    with pytest.raises(IoFailed, match=f"{side}: {4096 - missing} of 4096 bytes came of 8 blocks from LBA"):
        compare(Piece(0, 8), request, *sides)


def blocks_of(pieces: Iterator[Piece]) -> list[int]:
    return [block for piece in pieces for block in range(piece.start, piece.end)]


runs = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 900)), min_size=1, max_size=6).map(
    lambda pairs: [
        Piece(sum(gap + length for gap, length in pairs[:n]) + gap, length)
        for n, (gap, length) in enumerate(pairs)
    ]
)


@given(runs=runs, most=st.integers(1, 500))
@settings(max_examples=150, deadline=None)
def test_all_of_the_runs_is_every_block_of_them_once_in_pieces_no_longer_than_asked(
    runs: list[Piece], most: int
) -> None:
    chosen = Selection(runs, Scope(), 512)
    pieces = list(chosen.pieces(most))
    assert blocks_of(iter(pieces)) == blocks_of(iter(runs))
    assert chosen.blocks == sum(run.blocks for run in runs)
    assert max(piece.blocks for piece in pieces) <= most


@given(runs=runs, most=st.integers(1, 500), count=st.integers(2, 40), seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_a_sample_has_both_ends_and_pieces_in_equal_parts_of_what_there_is(
    runs: list[Piece], most: int, count: int, seed: int
) -> None:
    there = blocks_of(iter(runs))
    chosen = Selection(runs, Scope(count, seed), 512)
    found = blocks_of(chosen.pieces(most))
    assert len(found) == chosen.blocks == min(len(there), count * SAMPLE)
    assert found == sorted(set(found))
    assert set(found) <= set(there)
    ends = min(SAMPLE, len(there))
    assert found[:ends] == there[:ends]
    assert found[-ends:] == there[-ends:]
    if chosen.blocks < len(there):
        place = {block: number for number, block in enumerate(there)}
        for part in range(count):
            low, high = len(there) * part // count, len(there) * (part + 1) // count
            assert sum(low <= place[block] < high for block in found) == SAMPLE
    else:
        assert chosen.scope == Scope()


def test_a_seed_chooses_the_same_blocks_again_and_another_seed_others() -> None:
    runs = [Piece(0, 10**9)]

    def chosen(seed: int) -> list[Piece]:
        return list(Selection(runs, Scope(100, seed), 512).pieces(SAMPLE))

    assert chosen(7) == chosen(7)
    assert len(set(chosen(7)) & set(chosen(8))) < 10


def test_nothing_to_compare_is_no_piece() -> None:
    for scope in (Scope(), Scope(2, 1)):
        assert list(Selection([], scope, 512).pieces(8)) == []


def test_what_was_copied_is_one_run_whatever_it_was_copied_by() -> None:
    ledger = Coverage(100)
    for start, means in ((0, "offload"), (10, "host"), (30, "earlier run"), (40, "host")):
        ledger.begin(Piece(start, 10))
        ledger.copied(Piece(start, 10), means)
    ledger.begin(Piece(50, 10))
    ledger.failed(Piece(50, 10), "medium error")
    assert list(copied_runs(ledger)) == [Piece(0, 20), Piece(30, 20)]
    assert list(copied_runs(Coverage(5))) == []


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("whole", Scope()),
        ("sample", Scope(1000)),
        ("sample:2", Scope(2)),
        ("sample:64:0", Scope(64, 0)),
        ("sample:64:4294967295", Scope(64, 2**32 - 1)),
    ],
)
def test_a_scope_as_it_is_written(text: str, scope: Scope) -> None:
    assert scope_of(text) == scope
    assert scope_of(str(scope)) == scope


@pytest.mark.parametrize(
    "text",
    [
        "",
        "all",
        "whole:3",
        "sample:",
        "sample:1",
        "sample:0",
        "sample:x",
        "sample:-3",
        "sample:٣",
        "sample:3:4:5",
    ],
)
def test_what_is_no_scope_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(UsageError, match="sample"):
        scope_of(text)


def test_a_scope_keeps_the_seed_it_has() -> None:
    assert Scope(5).seeded(7) == Scope(5, 7)
    assert Scope(5, 1).seeded(7) == Scope(5, 1)
    assert Scope().seeded(7) == Scope()


def test_a_piece_that_is_equal_has_nothing_to_tell() -> None:
    request = Request(
        source_lba=0, destination_lba=0, blocks=4, source_block_size=512, destination_block_size=512
    )
    zeros = reader(bytearray(4 * 512), 512)
    assert compare(Piece(0, 4), request, zeros, zeros) == Compared(Piece(0, 4), 0, ())

"""Ranges that overlap within one disk: what becomes of them depends on the array's order, and on it alone.

SPC-4 has no word on overlaps (5.17.7.2: the commands that are sent are vendor specific), so nobody may rely
on any of these results.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.target.bench import BLOCK, GOOD, Bench, No, capable, embedded, mixed_bench, no, residual, segment
from tests.target.results_bench import abort, lid4_state, status_lid4, with_policy
from xcopy.target.array import Array
from xcopy.target.faults import Call, Fault, check

ORDERS = ("ascending", "descending", "read first")
CHUNK = 2


def ordered(order: str) -> Bench:
    """An array of that order with chunks of two blocks."""
    profile = mixed_bench(512, chunk_size=CHUNK * BLOCK).array.profile
    return with_policy(1, profile=profile, order=order)


def shifted(before: bytes, source: int, destination: int, blocks: int, pieces: list[int]) -> bytes:
    """Chunk after chunk, each read and then written; the whole of it is one piece of `blocks`."""
    after = bytearray(before)
    for done in pieces:
        n = min(CHUNK if len(pieces) > 1 else blocks, blocks - done)
        moved = bytes(after[(source + done) * BLOCK : (source + done + n) * BLOCK])
        after[(destination + done) * BLOCK : (destination + done + n) * BLOCK] = moved
    return bytes(after)


@pytest.mark.parametrize(("source", "destination"), [(10, 11), (11, 10), (10, 13), (13, 10), (10, 10)])
@pytest.mark.parametrize("order", ORDERS)
def test_ranges_that_overlap_are_copied_in_the_order_of_the_array(
    order: str, source: int, destination: int
) -> None:
    array = ordered(order)
    assert array.copy(segment(source, destination, 7, destination=0), to=0).status == GOOD
    pieces = {"ascending": [0, 2, 4, 6], "descending": [6, 4, 2, 0], "read first": [0]}[order]
    assert array.contents[0] == shifted(array.before[0], source, destination, 7, pieces)


def test_a_range_is_moved_right_both_ways_only_where_all_of_it_is_read_first() -> None:
    right: dict[str, list[bool]] = {}
    for order in ORDERS:
        for source, destination in ((10, 11), (11, 10)):
            array = ordered(order)
            array.copy(segment(source, destination, 7, destination=0), to=0)
            whole = shifted(array.before[0], source, destination, 7, [0])
            right.setdefault(order, []).append(array.contents[0] == whole)
    assert right == {"ascending": [False, True], "descending": [True, False], "read first": [True, True]}


@pytest.mark.parametrize("order", ORDERS)
def test_ranges_that_do_not_overlap_are_copied_alike_in_any_order(order: str) -> None:
    array = ordered(order)
    assert array.copy(segment(10, 100, 7, destination=0), to=0, usage=0b00, list_id=7).status == GOOD
    assert array.contents[0] == shifted(array.before[0], 10, 100, 7, [0])
    (copied,) = array.array.copied_segments
    assert (copied.source_lba, copied.destination_lba, copied.length) == (10, 100, 7 * BLOCK)


@pytest.mark.parametrize(
    ("order", "left", "written"),
    [("ascending", 3, (0, 4)), ("descending", 7, (4, 7)), ("read first", 3, (0, 4))],
)
def test_what_is_written_behind_a_gap_counts_as_missing(
    order: str, left: int, written: tuple[int, int]
) -> None:
    # SPC-4 5.17.7.4 c): contiguous from relative byte zero of the segment
    array = ordered(order)
    array.array.faults.add(Fault(at="write", nth=3, then=check(3, 0x0C, 0x00)))
    reply = array.copy(segment(10, 100, 7, destination=0), to=0)
    assert no(reply)[:3] == (0xA, 0x0D, 0x01)
    assert residual(reply) == left
    first, end = written
    before = array.before[0]
    expected = bytearray(before)
    expected[(100 + first) * BLOCK : (100 + end) * BLOCK] = before[(10 + first) * BLOCK : (10 + end) * BLOCK]
    assert array.contents[0] == expected


@pytest.mark.parametrize("order", ["descending", "read first"])
def test_what_stops_before_anything_is_written_has_no_residual(order: str) -> None:
    array = ordered(order)
    array.array.faults.add(Fault(at="write", nth=1, then=check(3, 0x0C, 0x00)))
    assert residual(array.copy(segment(10, 100, 7, destination=0), to=0)) is None
    assert array.contents == array.before


@pytest.mark.parametrize("order", ["descending", "read first"])
@pytest.mark.parametrize(
    ("asked", "limits", "answer"),
    [
        (segment(0, 250, 7, destination=0), {}, No(0xA, 0x0D, 0x01, "a00014")),
        (segment(250, 0, 7, destination=0), {}, No(0xA, 0x0D, 0x01, "a0000c")),
        (segment(0, 9, 7, destination=0), {"data_segment_granularity": 11}, No(0xA, 0x26, 0x0D, "a0000a")),
        (segment(0, 9, 7, destination=0), {"maximum_segment_length": 2048}, No(0xA, 0x26, 0x00, "a0000a")),
    ],
    ids=["destination beyond the end", "source beyond the end", "granularity", "too long"],
)
def test_in_any_order_a_segment_that_cannot_be_moves_nothing(
    order: str, asked: bytes, limits: dict[str, Any], answer: No
) -> None:
    profile = replace(ordered(order).array.profile, advertised=capable(**limits), beyond_end=None)
    array = with_policy(1, profile=profile, order=order)
    assert no(array.copy(asked, to=0)) == answer
    assert array.contents == array.before


@pytest.mark.parametrize("order", ["descending", "read first"])
def test_an_abort_stops_it_between_two_chunks_in_any_order(order: str) -> None:
    array = ordered(order)
    array.array.faults.add(Fault(at="write", nth=2, then=Call(lambda: array.send(0, abort(7)))))
    reply = array.copy(segment(10, 100, 7, destination=0), to=0, usage=0b00, list_id=7)
    assert no(reply)[:3] == (0xA, 0x2F, 0x02)
    assert residual(reply) == (7 if order == "descending" else 3)


@pytest.mark.parametrize("order", ORDERS)
def test_nothing_is_read_for_a_destination_that_cannot_be_written(order: str) -> None:
    array = ordered(order)
    array.array.change(0, read_only=True)
    array.array.faults.add(Fault(at="read", then=check(3, 0x11, 0x00)))
    reply = array.copy(segment(10, 100, 7, destination=0), to=0)
    assert embedded(reply) == ("destination", 0x02, (0x7, 0x27, 0x00))


def test_a_disk_of_other_blocks_is_copied_in_ascending_order_all_the_same() -> None:
    mixed = mixed_bench(512, 4096).array
    policy = replace(mixed.profile.copies, order="descending")
    other = Bench(Array(mixed.units.values(), replace(mixed.profile, copies=policy)))
    assert other.copy(segment(0, 0, 48)).status == GOOD
    assert other.contents[1][: 48 * 512] == other.before[0][: 48 * 512]


def test_a_count_grows_in_order_only() -> None:
    # SPC-4 6.24: bytes written in strict order
    array = ordered("descending")
    array.array.faults.add(Fault(at="write", nth=3, then=check(3, 0x0C, 0x00)))
    copy = segment(10, 100, 7, destination=0)
    array.copy(copy, to=0, usage=0b00, list_id=7)
    assert lid4_state(array.send(0, status_lid4(7))).count == 0
    array.copy(copy, to=0, usage=0b00, list_id=7)
    assert lid4_state(array.send(0, status_lid4(7))).count == 7 * BLOCK

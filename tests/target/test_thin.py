"""Thin units: which blocks have storage, how they get and lose it, and what they say of it.

SBC-4 4.7 (provisioning), 5.6 (GET LBA STATUS(16)), 5.35 (UNMAP), 5.52 and 5.53 (WRITE SAME), 6.6.4, 6.6.7.
"""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.command import Command, Reply
from tests.cdb.independent import laid_out
from tests.target.bench import (
    BLOCK,
    GOOD,
    Bench,
    No,
    bench,
    copy_list,
    data_in,
    extended_copy,
    no,
    read_16,
    segment,
    write_16,
)
from xcopy.target.array import Array
from xcopy.target.backing import MemoryBacking
from xcopy.target.extents import Extents
from xcopy.target.unit import Unit

MAPPED, DEALLOCATED, SURELY_MAPPED = 0, 1, 3
BLOCKS = 64


def thin_bench(granularity: int = 1, blocks: int = BLOCKS, units: int = 1, block_size: int = BLOCK) -> Bench:
    """Thin units without any storage yet."""
    made = [
        Unit(
            number=n,
            serial=f"thin-{n}",
            block_size=block_size,
            blocks=blocks,
            backing=MemoryBacking(bytes(blocks * block_size)),
            granularity=granularity,
        )
        for n in range(units)
    ]
    return Bench(Array(made), fill=False)


def get_lba_status(lba: int = 0, report_type: int = 0, room: int = 4096) -> Command:
    """GET LBA STATUS(16)."""
    cdb = struct.pack(">BBQIBB", 0x9E, 0x12, lba, room, report_type, 0)
    return Command(name="GET LBA STATUS(16)", cdb=cdb, data_in=room)


def status(array: Bench, number: int, lba: int = 0, report_type: int = 0) -> list[tuple[int, int, int]]:
    """The extents a unit reports: LBA, blocks, status."""
    data = array.send(number, get_lba_status(lba, report_type)).data
    assert struct.unpack(">I", data[:4]) == (len(data) - 4,)
    return [
        (first, blocks, provisioning & 0x0F)
        for first, blocks, provisioning in (
            struct.unpack(">QIB3x", data[n : n + 16]) for n in range(8, len(data), 16)
        )
    ]


def unmap(*extents: tuple[int, int], anchor: int = 0, length: int | None = None) -> Command:
    """UNMAP of those LBAs and numbers of blocks."""
    body = b"".join(struct.pack(">QI4x", *extent) for extent in extents)
    data = struct.pack(">HH4x", len(body) + 6, len(body)) + body
    cdb = struct.pack(">BB5xHB", 0x42, anchor, len(data) if length is None else length, 0)
    return Command(name="UNMAP", cdb=cdb, data_out=data)


def write_same(lba: int, blocks: int, block: bytes = b"", *, flags: int = 0) -> Command:
    """WRITE SAME(16); without a block, with NDOB."""
    cdb = struct.pack(">BBQIBB", 0x93, flags | (not block), lba, blocks, 0, 0)
    return Command(name="WRITE SAME(16)", cdb=cdb, data_out=block)


UNMAP, ANCHOR = 0x08, 0x10
ZEROS, ONES = bytes(BLOCK), b"\xff" * BLOCK


def test_a_new_thin_unit_has_no_storage_and_reads_as_zeros() -> None:
    array = thin_bench()
    assert status(array, 0) == [(0, BLOCKS, DEALLOCATED)]
    assert array.send(0, read_16(0, BLOCKS)).data == bytes(BLOCKS * BLOCK)


def test_blocks_that_are_written_get_storage_even_if_they_are_zeros() -> None:
    array = thin_bench()
    array.send(0, write_16(3, ZEROS * 2))
    assert status(array, 0) == [(0, 3, DEALLOCATED), (3, 2, MAPPED), (5, BLOCKS - 5, DEALLOCATED)]


def test_a_status_begins_at_the_block_that_was_asked_for() -> None:
    array = thin_bench()
    array.send(0, write_16(3, ZEROS * 4))
    assert status(array, 0, lba=5) == [(5, 2, MAPPED), (7, BLOCKS - 7, DEALLOCATED)]


def test_storage_comes_in_granules() -> None:
    array = thin_bench(granularity=8)
    array.send(0, write_16(9, ZEROS * 8))
    assert status(array, 0) == [(0, 8, DEALLOCATED), (8, 16, MAPPED), (24, BLOCKS - 24, DEALLOCATED)]


def test_unmapped_blocks_lose_their_storage_and_read_as_zeros() -> None:
    array = thin_bench()
    array.send(0, write_16(0, ONES * 8))
    assert array.send(0, unmap((2, 3), (6, 1))) == Reply()
    assert [s for s in status(array, 0) if s[2] == MAPPED] == [(0, 2, 0), (5, 1, 0), (7, 1, 0)]
    assert array.send(0, read_16(0, 8)).data == ONES * 2 + ZEROS * 3 + ONES + ZEROS + ONES


def test_unmapping_a_part_of_a_granule_changes_nothing() -> None:
    array = thin_bench(granularity=8)
    array.send(0, write_16(0, ONES * 24))
    assert array.send(0, unmap((1, 22))) == Reply()
    assert status(array, 0)[:2] == [(0, 8, MAPPED), (8, 8, DEALLOCATED)]
    assert array.send(0, read_16(0, 24)).data == ONES * 8 + ZEROS * 8 + ONES * 8


def test_a_last_granule_that_is_cut_short_is_a_whole_one() -> None:
    array = thin_bench(granularity=8, blocks=20)
    array.send(0, write_16(16, ONES * 4))
    array.send(0, unmap((16, 4)))
    assert status(array, 0) == [(0, 20, DEALLOCATED)]


@pytest.mark.parametrize(
    ("report_type", "expected"),
    [
        (0x00, [(0, 2, MAPPED), (2, BLOCKS - 2, DEALLOCATED)]),
        (0x01, [(0, 2, SURELY_MAPPED), (2, BLOCKS - 2, DEALLOCATED)]),
        (0x02, [(0, 2, SURELY_MAPPED)]),
        (0x03, [(2, BLOCKS - 2, DEALLOCATED)]),
        (0x04, []),
        (0x10, []),
    ],
)
def test_a_report_type_chooses_the_blocks_that_are_told(
    report_type: int, expected: list[tuple[int, int, int]]
) -> None:
    array = thin_bench()
    array.send(0, write_16(0, ZEROS * 2))
    assert status(array, 0, report_type=report_type) == expected


def test_a_status_that_has_no_room_says_that_there_is_more() -> None:
    array = thin_bench()
    array.send(0, write_16(2, ZEROS))
    assert array.send(0, get_lba_status(room=39)).data[4:8].hex() == "00000003"  # allocation length met
    assert array.send(0, get_lba_status(room=56)).data[4:8].hex() == "00000007"  # end of the unit


def test_at_least_one_extent_is_there_to_be_told_however_little_room_there_is() -> None:
    data = thin_bench().send(0, get_lba_status(room=8)).data
    assert data.hex() == "0000001400000007"


def test_a_unit_that_is_not_thin_has_storage_everywhere() -> None:
    array = bench(1)
    assert status(array, 0) == [(0, 256, MAPPED)]
    assert status(array, 0, report_type=3) == []


def test_a_status_past_the_end_is_out_of_range() -> None:
    assert no(thin_bench().send(0, get_lba_status(BLOCKS))) == No(0x5, 0x21, 0x00)


def test_a_report_type_that_is_reserved_is_pointed_at() -> None:
    assert no(thin_bench().send(0, get_lba_status(0, 0x05))) == No(0x5, 0x24, 0x00, "c0000e")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(unmap((0, BLOCKS + 1)), No(0x5, 0x21, 0x00), id="past the end"),
        pytest.param(unmap((0, 1), (BLOCKS, 1)), No(0x5, 0x21, 0x00), id="one of two past the end"),
        pytest.param(unmap((0, 1), anchor=1), No(0x5, 0x24, 0x00, "c80001"), id="anchor"),
        pytest.param(unmap((0, 1), length=7), No(0x5, 0x1A, 0x00), id="shorter than its header"),
        pytest.param(unmap((0, 1), length=25), No(0x5, 0x1A, 0x00), id="longer than what was sent"),
        pytest.param(
            unmap(*[(0, 0)] * 257), No(0x5, 0x26, 0x00, "800002"), id="more descriptors than page B0h says"
        ),
        pytest.param(
            unmap((0, 1 << 23), (0, 1)), No(0x5, 0x26, 0x00, "800010"), id="more blocks than page B0h says"
        ),
    ],
)
def test_an_unmap_that_is_refused_unmaps_nothing(command: Command, expected: No) -> None:
    array = thin_bench()
    array.send(0, write_16(0, ONES))
    assert no(array.send(0, command)) == expected
    assert status(array, 0)[0] == (0, 1, MAPPED)


def test_an_unmap_of_nothing_is_good() -> None:
    array = thin_bench()
    assert array.send(0, unmap()) == Reply()
    assert array.send(0, unmap((5, 0))) == Reply()
    assert array.send(0, unmap((5, 1), length=0)) == Reply(residual=24)


def test_an_unmap_descriptor_that_is_cut_off_is_ignored() -> None:
    array = thin_bench()
    array.send(0, write_16(0, ONES * 2))
    array.send(0, unmap((0, 1), (1, 1), length=39))
    assert array.send(0, read_16(0, 2)).data == ZEROS + ONES


def test_a_unit_that_is_not_thin_knows_no_unmap() -> None:
    assert no(bench(1).send(0, unmap((0, 1)))) == No(0x5, 0x20, 0x00)


def test_a_write_protected_unit_is_not_unmapped() -> None:
    array = thin_bench()
    array.send(0, write_16(0, ONES))
    array.array.change(0, read_only=True)
    assert no(array.send(0, unmap((0, 1)))) == No(0x7, 0x27, 0x00)
    assert array.send(0, read_16(0, 1)).data == ONES


@pytest.mark.parametrize("block", [ZEROS, b""], ids=["a block of zeros", "NDOB"])
def test_write_same_of_zeros_with_unmap_takes_storage_away(block: bytes) -> None:
    array = thin_bench()
    array.send(0, write_16(0, ONES * 8))
    assert array.send(0, write_same(2, 4, block, flags=UNMAP)) == Reply()
    assert status(array, 0)[:2] == [(0, 2, MAPPED), (2, 4, DEALLOCATED)]
    assert array.send(0, read_16(0, 8)).data == ONES * 2 + ZEROS * 4 + ONES * 2


def test_write_same_of_anything_else_with_unmap_writes() -> None:
    array = thin_bench()
    array.send(0, write_same(2, 4, ONES, flags=UNMAP))
    assert status(array, 0)[1] == (2, 4, MAPPED)
    assert array.send(0, read_16(2, 4)).data == ONES * 4


def test_write_same_with_unmap_writes_zeros_where_it_covers_a_part_of_a_granule() -> None:
    array = thin_bench(granularity=8)
    array.send(0, write_16(0, ONES * 24))
    array.send(0, write_same(6, 12, flags=UNMAP))
    assert status(array, 0)[:3] == [(0, 8, MAPPED), (8, 8, DEALLOCATED), (16, 8, MAPPED)]
    assert array.send(0, read_16(0, 24)).data == ONES * 6 + ZEROS * 12 + ONES * 6


def test_write_same_without_unmap_gives_storage_to_zeros() -> None:
    array = thin_bench()
    array.send(0, write_same(2, 4))
    assert status(array, 0)[1] == (2, 4, MAPPED)


def test_write_same_of_no_blocks_goes_to_the_end() -> None:
    array = bench(1)
    array.send(0, write_same(250, 0, ONES))
    assert array.contents[0] == array.before[0][: 250 * BLOCK] + ONES * 6


def test_write_same_10_does_the_same() -> None:
    array = thin_bench()
    cdb = struct.pack(">BBIBHB", 0x41, UNMAP, 2, 0, 4, 0)
    array.send(0, write_16(0, ONES * 8))
    assert array.send(0, Command(name="WRITE SAME(10)", cdb=cdb, data_out=ZEROS)) == Reply()
    assert status(array, 0)[1] == (2, 4, DEALLOCATED)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(write_same(0, 1, ZEROS, flags=UNMAP), No(0x5, 0x24, 0x00, "cb0001"), id="UNMAP"),
        pytest.param(write_same(0, 1, ZEROS, flags=ANCHOR), No(0x5, 0x24, 0x00, "cc0001"), id="ANCHOR"),
        pytest.param(write_same(256, 1, ZEROS), No(0x5, 0x21, 0x00), id="past the end"),
        pytest.param(write_same(0, 257, ZEROS), No(0x5, 0x21, 0x00), id="over the end"),
        pytest.param(write_same(0, 1, ZEROS[:-1]), No(0x5, 0x24, 0x00, "c0000a"), id="less than a block"),
    ],
)
def test_a_write_same_that_a_full_unit_refuses_writes_nothing(command: Command, expected: No) -> None:
    array = bench(1)
    assert no(array.send(0, command)) == expected
    assert array.contents == array.before


def test_read_capacity_16_says_thin_and_zeros() -> None:
    capacity = data_in("9e10" + "00" * 11 + "200000", 32)
    assert thin_bench().send(0, capacity).data[14] == 0xC0  # LBPME and LBPRZ
    assert bench(1).send(0, capacity).data[14] == 0x00


def test_page_b2_says_by_which_commands_blocks_are_unmapped() -> None:
    page = thin_bench().send(0, data_in("1201b2010000", 256)).data
    assert page == laid_out(8, {"1": 0xB2, "2-3": 4, "5.7": 1, "5.6": 1, "5.5": 1, "5.4-2": 1, "6.2-0": 2})


def test_page_00_of_a_thin_unit_lists_page_b2() -> None:
    assert thin_bench().send(0, data_in("120100010000", 256)).data[4:].hex() == "0080838fb0b2"


def test_page_b0_says_how_much_is_unmapped_at_once_and_in_what_granules() -> None:
    page = thin_bench(granularity=8).send(0, data_in("1201b0010000", 256)).data
    assert page[20:36] == laid_out(16, {"0-3": 1 << 23, "4-7": 256, "8-11": 8, "12.7": 1})


def test_a_copy_gives_storage_to_what_it_writes() -> None:
    array = thin_bench(units=2)
    array.send(0, write_16(0, ONES * 4))
    list_of_one = copy_list(array.cscds(), [segment(0, 8, 6)])
    assert array.send(1, extended_copy(list_of_one)).status == GOOD
    assert status(array, 1) == [(0, 8, DEALLOCATED), (8, 6, MAPPED), (14, BLOCKS - 14, DEALLOCATED)]


def test_a_thin_unit_needs_a_backing_that_can_let_go() -> None:
    class Plain:
        size = BLOCK

        def read(self, _offset: int, length: int) -> bytes:
            return bytes(length)

        def write(self, _offset: int, _data: object) -> None: ...

        def flush(self) -> None: ...

    with pytest.raises(ValueError, match="thin unit"):
        Unit(number=0, serial="1", block_size=BLOCK, blocks=1, backing=Plain(), granularity=1)


Step = tuple[str, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["write", "unmap", "same", "same and unmap"]),
        st.integers(0, BLOCKS - 1),
        st.integers(1, BLOCKS),
    ),
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(steps, st.sampled_from([1, 3, 8]))
def test_whatever_is_written_and_unmapped_the_map_and_the_bytes_are_those_of_a_plain_model(
    made: list[Step], granularity: int
) -> None:
    array = thin_bench(granularity)
    mapped, data = [False] * BLOCKS, [0] * BLOCKS  # a block is one value all over
    for n, (what, lba, wanted) in enumerate(made, 1):
        blocks = min(wanted, BLOCKS - lba)
        touched = range(lba, lba + blocks)
        granules = {b // granularity for b in touched}
        whole = {
            g
            for g in granules
            if set(range(g * granularity, min((g + 1) * granularity, BLOCKS))) <= set(touched)
        }
        if what == "write":
            array.send(0, write_16(lba, bytes([n]) * BLOCK * blocks))
        elif what == "same":
            array.send(0, write_same(lba, blocks, bytes([n]) * BLOCK))
        elif what == "unmap":
            array.send(0, unmap((lba, blocks)))
        else:
            array.send(0, write_same(lba, blocks, flags=UNMAP))
        for block in range(BLOCKS):
            granule = block // granularity
            if what in ("write", "same"):
                mapped[block] |= granule in granules
                data[block] = n if block in touched else data[block]
                continue
            if granule in whole:
                mapped[block], data[block] = False, 0
            elif what == "same and unmap" and granule in granules:
                mapped[block] = True
                data[block] = 0 if block in touched else data[block]
    told = {b: state for first, count, state in status(array, 0) for b in range(first, first + count)}
    assert [told[b] == MAPPED for b in range(BLOCKS)] == mapped
    assert array.send(0, read_16(0, BLOCKS)).data == b"".join(bytes([value]) * BLOCK for value in data)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(0, 12))))
def test_extents_are_the_runs_of_a_set_of_numbers(made: list[tuple[bool, int, int]]) -> None:
    found, model = Extents(), set[int]()
    for put, first, count in made:
        (found.add if put else found.remove)(first, first + count)
        (model.update if put else model.difference_update)(range(first, first + count))
    runs = list(found)
    assert {n for first, end in runs for n in range(first, end)} == model
    assert all(end < after for (_, end), (after, _) in itertools.pairwise(runs))
    assert {n for first, end in found.within(10, 20) for n in range(first, end)} == model & set(range(10, 20))

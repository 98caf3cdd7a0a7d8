"""Ranges that were asked for: what is refused and in which words, and that nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcopy.asked import Asked, Extent
from xcopy.errors import UnsafeError, UnsupportedError, UsageError
from xcopy.mapping import Ground, Mapping, Stripes
from xcopy.plan import Piece
from xcopy.ranges import parse_quantity, parse_ranges

DISK = Extent("disk", 0, 1000, 512)
PARTITION = Extent("partition", 2048, 1000, 512)
COARSE = Extent("coarse", 0, 100, 4096)


def of(*ranges: tuple[int, int, int], source: Extent = DISK, destination: Extent = DISK) -> Asked:
    return Asked(source, destination, enumerate(ranges, 1), file="list")


FEW = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6), st.integers(0, 30)), max_size=7)


def cells(start: int, blocks: int) -> set[int]:
    return set(range(start, start + blocks))


@given(FEW)
def test_a_block_that_two_ranges_write_is_refused_and_nothing_else(
    ranges: list[tuple[int, int, int]],
) -> None:
    pairs = [
        (one + 1, other + 1)
        for one, (_, blocks, lba) in enumerate(ranges)
        for other, (_, more, to) in enumerate(ranges)
        if one < other and cells(lba, blocks) & cells(to, more)
    ]
    if not pairs:
        of(*ranges)
        return
    with pytest.raises(UnsafeError) as refused:
        of(*ranges)
    assert any(
        f"list line {one} and list line {other} both write LBA" in str(refused.value) for one, other in pairs
    )


@given(FEW)
def test_a_block_that_is_read_and_written_is_found_with_both_ranges_and_nothing_else(
    ranges: list[tuple[int, int, int]],
) -> None:
    try:
        asked = of(*ranges)
    except UnsafeError:
        return
    pairs = [
        (reader, writer)
        for reader, (lba, blocks, _) in enumerate(ranges)
        for writer, (_, more, to) in enumerate(ranges)
        if cells(lba, blocks) & cells(to, more)
    ]
    clash = asked.clash()
    assert (clash in pairs) if pairs else clash is None


def test_a_clash_is_by_the_lba_of_the_unit_not_of_the_partition() -> None:
    assert of((2048, 8, 8), source=Extent("disk", 0, 4096, 512), destination=PARTITION).clash() is None
    assert of((2048, 8, 7), source=Extent("disk", 0, 4096, 512), destination=PARTITION).clash() == (0, 0)


def test_a_partitions_start_is_added_and_taken_off_again() -> None:
    asked = of((3, 5, 7), source=PARTITION)
    assert list(asked.request.ranges) == [(2051, 5, 7, 0)]
    assert asked.named(0) == (3, 5, 7)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ((1001, 0, 0), "disk: LBA 1001 is past its end: it has 1000 blocks of 512 bytes"),
        ((990, 11, 0), "disk: 11 blocks from LBA 990 end past its last block"),
        ((0, 11, 990), "disk: 11 blocks from LBA 990 end past its last block"),
        ((0, 0, 1001), "disk: LBA 1001 is past its end"),
        ((-1, 2, 0), "not negative"),
        ((0, -1, 0), "not negative"),
        ((0, 1, -1), "not negative"),
        ((0, 2**64, 0), "end past its last block"),
        ((2**70, 0, 0), "past its end"),
        ((0, 1.5, 0), "1.5 is no number of blocks"),
        ((0, "8", 0), "'8' is no number of blocks"),
        ((0, 1), "2 numbers where three are expected"),
        ((parse_quantity("1MiB"), 1, 0), "disk: LBA 2048 is past its end"),
        ((parse_quantity("1kB"), 1, 0), "not a whole number of 512-byte blocks"),
    ],
)
def test_a_range_that_cannot_be_is_refused_with_its_place(written: tuple[int, int, int], says: str) -> None:
    with pytest.raises(UsageError) as refused:
        Asked(DISK, DISK, [(4, (0, 1, 0)), (9, written)], file="my ranges")
    assert str(refused.value).startswith("my ranges line 9: ")
    assert says in str(refused.value)


def test_a_range_of_a_program_is_named_by_its_index() -> None:
    with pytest.raises(UsageError, match=r"^ranges\[1\]: disk: LBA 2000 is past its end"):
        Asked(DISK, DISK, enumerate([(0, 1, 0), (2000, 1, 0)]), file="")


def test_the_ends_of_both_sides_can_be_copied_and_an_empty_range_may_lie_behind_the_last_block() -> None:
    asked = of((999, 1, 0), (0, 1, 999), (1000, 0, 1000))
    assert asked.request.blocks == 2


def test_between_two_block_sizes_a_count_that_is_no_whole_block_is_refused() -> None:
    with pytest.raises(UsageError, match="list line 1: 7 blocks of 512 bytes are not whole blocks of coarse"):
        of((0, 7, 0), destination=COARSE)
    asked = of((3, 16, 5), destination=COARSE)
    assert (asked.request.blocks, asked.named(0)) == (2, (3, 16, 5))
    assert of((5, 2, 3), source=COARSE).request.blocks == 2
    with pytest.raises(UsageError, match="disk: 24 blocks from LBA 980 end past"):
        of((0, 3, 980), source=COARSE)


def test_neighbours_in_any_order_are_one_range_and_each_knows_its_part_of_it() -> None:
    asked = of((20, 10, 120), (0, 0, 5), (0, 10, 100), (10, 10, 110), (50, 1, 0))
    assert list(asked.request.ranges) == [(50, 1, 0, 0), (0, 30, 100, 0)]
    assert [asked.piece(i) for i in (0, 2, 3, 4)] == [Piece(21, 10), Piece(1, 10), Piece(11, 10), Piece(0, 1)]
    assert asked.piece(1).blocks == 0


TEXT = """\
# source count destination
0 8 16

0x10 4KiB 1MiB  # bytes are whole blocks
\t 7\t1   9#no space
"""


def test_a_file_of_ranges_has_the_numbers_of_the_command_line_comments_and_empty_lines() -> None:
    asked = Asked(DISK, Extent("large", 0, 10**6, 512), parse_ranges(TEXT.splitlines(), "f"), file="f")
    assert [asked.named(i) for i in range(3)] == [(0, 8, 16), (16, 8, 2048), (7, 1, 9)]
    assert [asked.place(i) for i in range(3)] == ["f line 2", "f line 4", "f line 5"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1 2", "2 words where 'SRC_LBA COUNT DST_LBA' are expected"),
        ("1 2 3 4", "4 words"),
        ("[1, 2, 3]", "'[1,' is not a number"),
        ("1 -2 3", "'-2' is not a number"),
        ("1 2 3x", "suffix"),
        ("1 2 ٣", "is not a number"),
        ("1 2 1_000", "is not a number"),
        ("1 2 18446744073709551616", "more than a 64-bit address"),
        ("1 2 99999999999999999999", "more than a 64-bit address"),
        ("1 2 3\N{REPLACEMENT CHARACTER}", "is not a number"),
    ],
)
def test_a_line_that_is_no_range_is_refused_with_its_file_and_number(line: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        list(parse_ranges(["# first", "0 1 0", line], "some file"))
    assert str(refused.value).startswith("some file line 3: ")
    assert says in str(refused.value)


@pytest.mark.parametrize("empty", [0, 1, 2])
def test_an_empty_range_overlaps_nothing_wherever_it_lies(empty: int) -> None:
    ranges = [(0, 8, 0), (20, 8, 8)]
    ranges.insert(empty, (0, 0, 4))
    asked = of(*ranges)
    assert list(asked.request.ranges) == [(0, 8, 0, 0), (20, 8, 8, 0)]


# Volumes


def striped(name: str, chunk: int, *firsts: int, rows: int = 4) -> Extent:
    """A volume of 512-byte sectors in blocks of 1024 bytes, with a column on each of as many units."""
    columns = tuple((Ground(unit, 0, 10**6), first) for unit, first in enumerate(firsts))
    length = chunk * len(firsts) * rows
    mapping = Mapping((Stripes(0, length, chunk, columns),))
    return Extent(name, 0, length // 2, 1024, mapping, units=len(firsts))


def place(chunk: int, firsts: tuple[int, ...], block: int) -> tuple[int, int]:
    """Unit and LBA of a block of a striped volume, by counting."""
    row, column = divmod(2 * block // chunk, len(firsts))
    return column, (firsts[column] + row * chunk + 2 * block % chunk) // 2


@given(
    chunks=st.tuples(st.sampled_from([2, 4, 6, 10]), st.sampled_from([2, 4, 6, 10])),
    sources=st.lists(st.integers(0, 50).map(lambda n: 2 * n), min_size=1, max_size=3),
    destinations=st.lists(st.integers(0, 50).map(lambda n: 2 * n), min_size=1, max_size=3),
    data=st.data(),
)
def test_every_block_of_a_volume_is_read_and_written_where_it_lies(
    chunks: tuple[int, int], sources: list[int], destinations: list[int], data: st.DataObject
) -> None:
    source, destination = striped("v", chunks[0], *sources), striped("w", chunks[1], *destinations)
    blocks = data.draw(st.integers(0, min(source.blocks, destination.blocks)))
    lba = data.draw(st.integers(0, source.blocks - blocks))
    to = data.draw(st.integers(0, destination.blocks - blocks))
    cut = data.draw(st.integers(0, blocks))
    asked = Asked(
        source, destination, [(1, (lba + cut, blocks - cut, to + cut)), (2, (lba, cut, to))], file=""
    )
    assert asked.request.blocks == blocks
    assert asked.piece(1).end == asked.piece(0).start or not cut or cut == blocks
    at = 0
    for each in asked.request.ranges:
        for block in range(each.blocks):
            read, write = divmod(each.pair, len(destinations))
            assert (read, each.source_lba + block) == place(chunks[0], tuple(sources), lba + at)
            assert (write, each.destination_lba + block) == place(chunks[1], tuple(destinations), to + at)
            at += 1
    assert at == blocks


@pytest.mark.parametrize(
    ("pieces", "ranges", "fits"),
    [
        ((16, 8), [(0, 24, 0)], True),
        ((16, 8), [(3, 8, 5)], True),  # inside one piece
        ((16, 8), [(3, 16, 0)], False),
        ((4, 20), [(0, 24, 0)], False),
        ((4, 20), [(4, 16, 0)], True),
        ((12, 12), [(4, 8, 0), (12, 8, 1)], True),
        ((12, 12), [(0, 8, 0), (8, 8, 1)], False),
    ],
)
@pytest.mark.parametrize("onto", [False, True])
def test_a_block_of_the_larger_size_is_in_one_piece_of_a_volume_or_refused(
    pieces: tuple[int, ...], ranges: list[tuple[int, int, int]], fits: bool, onto: bool
) -> None:
    starts = [sum(pieces[:n]) for n in range(len(pieces))]
    lines = tuple(
        Stripes(start, length, length, ((Ground(unit, 0, 10**6), 1000 * unit),))
        for unit, (start, length) in enumerate(zip(starts, pieces, strict=True))
    )
    volume = Extent("vg-lv", 0, sum(pieces), 512, Mapping(lines), units=len(pieces))
    asked = [(to, blocks // 8, lba) for lba, blocks, to in ranges] if onto else ranges
    sides = (COARSE, volume) if onto else (volume, COARSE)
    if fits:
        assert (
            Asked(*sides, enumerate(asked, 1), file="list").request.blocks == sum(r[1] for r in ranges) // 8
        )
        return
    with pytest.raises(
        UnsupportedError, match=rf"^list line {len(ranges)}: vg-lv .* ends inside a block of coarse, .* 4096"
    ):
        Asked(*sides, enumerate(asked, 1), file="list")


def test_a_volume_of_too_many_pieces_is_copied_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xcopy.asked.MOST_PIECES", 10)
    volume = striped("vg-lv", 2, 0, 0, rows=6)
    plain = Extent("disk", 0, 1000, 1024)
    with pytest.raises(UsageError, match="more than 10 pieces by the stripes of vg-lv: copy it in parts"):
        Asked(volume, plain, [(0, (0, 11, 0))])
    assert len(Asked(volume, plain, [(0, (1, 10, 0))]).request) == 10
    assert len(Asked(plain, plain, ((n, (2 * n, 1, 500 + n)) for n in range(11))).request) == 11


@given(
    sources=st.lists(st.integers(0, 12).map(lambda n: 2 * n), min_size=2, max_size=2),
    destinations=st.lists(st.integers(0, 12).map(lambda n: 2 * n), min_size=2, max_size=2),
    shared=st.booleans(),
    data=st.data(),
)
def test_volumes_clash_where_a_block_of_one_unit_is_read_and_written(
    sources: list[int], destinations: list[int], shared: bool, data: st.DataObject
) -> None:
    source, destination = striped("v", 4, *sources), striped("w", 6, *destinations)
    lba, to = data.draw(st.integers(0, 8)), data.draw(st.integers(0, 8))
    blocks = data.draw(st.integers(1, 8))
    asked = Asked(source, destination, [(0, (lba, blocks, to))])
    # the second unit of the source is the first of the destination, or none of them is
    reads = {place(4, tuple(sources), lba + n) for n in range(blocks)}
    writes = {place(6, tuple(destinations), to + n) for n in range(blocks)}
    common = {at for unit, at in reads if unit == 1} & {at for unit, at in writes if unit == 0}
    clash = asked.clash((7, 0 if shared else 8), (0, 1))
    assert clash == ((0, 0) if shared and common else None)


def test_a_volume_that_goes_down_its_unit_clashes_as_one_that_goes_up() -> None:
    disk = Ground(0, 0, 1000)
    down = tuple(Stripes(10 * n, 10, 10, ((disk, 500 - 100 * n),)) for n in range(5))
    volume, plain = Extent("v", 0, 50, 512, Mapping(down)), Extent("d", 0, 1000, 512)
    clashes = [
        lba
        for lba in range(90, 515)
        if Asked(plain, volume, [(0, (lba, 10, 40)), (1, (600, 10, 0))]).clash() is not None
    ]
    assert clashes == [*range(91, 110), *range(491, 510)]

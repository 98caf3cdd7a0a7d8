"""Which blocks of a device are those of a file, from what FIEMAP says: tiled, refused, and compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcopy.errors import UnsupportedError
from xcopy.extents import FileExtent
from xcopy.file_map import (
    FileMap,
    Look,
    Piece,
    file_map,
    moved_on,
    refuse_attributes,
    refuse_elsewhere,
)

KIB = 1024
LAST, UNKNOWN, DELALLOC, ENCODED, UNWRITTEN, MERGED, SHARED = 0x1, 0x2, 0x4, 0x8, 0x800, 0x1000, 0x2000
HARMLESS = (0, LAST, MERGED, SHARED, UNWRITTEN, LAST | UNWRITTEN, SHARED | MERGED)


@st.composite
def extents(draw: st.DrawFn, block: int = 4096) -> list[FileExtent]:
    """In order, with gaps or without; places anywhere, now and then the next to the last one's."""
    found: list[FileExtent] = []
    at = place = 0
    for _ in range(draw(st.integers(0, 8))):
        at += draw(st.integers(0, 3)) * block
        length = draw(st.integers(1, 5)) * block
        place = place if draw(st.booleans()) else draw(st.integers(1, 1000)) * 64 * block
        found.append(FileExtent(at, place, length, draw(st.sampled_from(HARMLESS))))
        at, place = at + length, place + length
    return found


def naive(found: list[FileExtent], byte: int) -> int | None:
    """Where a byte of the file lies; None for one that reads as zero."""
    for each in found:
        if each.start <= byte < each.start + each.length:
            return None if each.flags & UNWRITTEN else each.place + byte - each.start
    return None


@given(extents(), st.integers(0, 40), st.integers(0, 60), st.sampled_from([512, 1024]))
def test_pieces_and_zeros_tile_the_range_and_every_sector_is_where_the_extents_have_it(
    found: list[FileExtent], start: int, length: int, sector: int
) -> None:
    start, length = start * sector, length * sector
    map = file_map("f", found, start, length)
    seen: dict[int, int | None] = {}
    for first, place, size in map.pieces:
        for step in range(0, size, sector):
            assert first + step not in seen
            seen[first + step] = place + step
    for first, size in map.zeros:
        for step in range(0, size, sector):
            assert first + step not in seen
            seen[first + step] = None
    assert seen == {at: naive(found, at) for at in range(start, start + length, sector)}
    assert map.data + sum(size for _, size in map.zeros) == length


@given(
    extents(),
    st.integers(0, 10),
    st.integers(0, 20),
    st.sampled_from([(512, 512), (512, 4096), (4096, 4096)]),
)
def test_in_blocks_pieces_and_zeros_tile_the_destination(
    found: list[FileExtent], start: int, length: int, sizes: tuple[int, int]
) -> None:
    reads, writes = sizes
    map = file_map("f", found, start * 4096, length * 4096)
    to, seen = 77, []
    for _, (lba, blocks, at) in map.in_blocks(reads, writes, to):
        assert isinstance(lba, int)
        assert isinstance(blocks, int)
        assert isinstance(at, int)
        assert naive(found, map.start + (at - to) * writes) == lba * reads
        seen += range(at, at + blocks * reads // writes)
    for at, blocks in map.zeros_in_blocks(writes, to):
        assert naive(found, map.start + (at - to) * writes) is None
        seen += range(at, at + blocks)
    assert sorted(seen) == list(range(to, to + map.length // writes))


def test_extents_that_go_on_where_the_last_ends_are_one_piece() -> None:
    found = [FileExtent(0, 8192, 4096, 0), FileExtent(4096, 12288, 4096, LAST)]
    assert file_map("f", found, 0, 8192).pieces == (Piece(0, 8192, 8192),)


def test_what_is_allocated_behind_the_end_of_the_file_is_left_out() -> None:
    found = [FileExtent(0, 8192, 64 * KIB, LAST)]
    assert file_map("f", found, 0, 512) == FileMap(0, 512, (Piece(0, 8192, 512),))


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (UNKNOWN | DELALLOC, "UNKNOWN, its place is not known; DELALLOC"),
        (ENCODED, "ENCODED"),
        (0x80, "ENCRYPTED"),
        (0x100, "NOT_ALIGNED"),
        (0x200 | LAST, "INLINE"),
        (0x400, "TAIL"),
        (UNWRITTEN | DELALLOC, "DELALLOC"),
        (0x10000, "flagged 10000h"),
    ],
)
def test_an_extent_that_is_not_plainly_at_its_place_is_refused_by_name(flags: int, named: str) -> None:
    with pytest.raises(UnsupportedError, match=f"a.img: its extent at byte 4096 is {named}"):
        file_map("a.img", [FileExtent(0, 0, 4096, 0), FileExtent(4096, 0, 4096, flags)], 0, 8192)


def test_extents_that_overlap_are_refused() -> None:
    for flags in (0, UNWRITTEN):
        with pytest.raises(UnsupportedError, match="two of its extents have byte 4096"):
            file_map("f", [FileExtent(0, 0, 8192, flags), FileExtent(4096, 99 * KIB, 4096, 0)], 0, 8192)


@pytest.mark.parametrize(
    ("piece", "sizes"),
    [
        (Piece(0, 512, 4096), (4096, 512)),
        (Piece(0, 4096, 1024), (4096, 512)),
        (Piece(0, 4096, 1024), (512, 4096)),
        (Piece(1024, 4096, 4096), (512, 4096)),
    ],
)
def test_a_piece_that_is_no_whole_blocks_of_either_side_is_refused(
    piece: Piece, sizes: tuple[int, int]
) -> None:
    with pytest.raises(UnsupportedError, match="not whole blocks of 4096 bytes"):
        list(FileMap(0, 8192, (piece,)).in_blocks(*sizes, 0))


@pytest.mark.parametrize("kind", ["btrfs", "zfs", "overlay", "nfs4", "tmpfs", "fuse.sshfs", "ext3", ""])
def test_on_another_file_system_extents_are_no_places_on_the_device(kind: str) -> None:
    with pytest.raises(UnsupportedError, match=f"a.img is on {kind}: .*ext4, ocfs2, xfs"):
        refuse_elsewhere("a.img", kind)


def test_the_three_file_systems_are_taken() -> None:
    for kind in ("ext4", "ocfs2", "xfs"):
        refuse_elsewhere("a.img", kind)


@pytest.mark.parametrize(
    ("attributes", "journaled", "real_time", "why"),
    [
        (0x800, False, False, "is encrypted"),
        (0x4, False, False, "is compressed"),
        (0, False, True, "real-time device"),
    ],
)
def test_a_file_whose_blocks_are_not_its_bytes_is_refused_even_where_it_is_frozen(
    attributes: int, journaled: bool, real_time: bool, why: str
) -> None:
    with pytest.raises(UnsupportedError, match=why):
        refuse_attributes("f", attributes, journaled=journaled, real_time=real_time, frozen=True)


def test_data_that_goes_to_the_journal_first_has_to_be_frozen() -> None:
    for attributes, journaled in ((0x4000, False), (0, True)):
        with pytest.raises(UnsupportedError, match=r"data=journal.*--freeze"):
            refuse_attributes("f", attributes, journaled=journaled, real_time=False, frozen=False)
        refuse_attributes("f", attributes, journaled=journaled, real_time=False, frozen=True)


def test_an_ordinary_file_is_taken() -> None:
    refuse_attributes("f", 0x80000 | 0x40, journaled=False, real_time=False, frozen=False)


MAP = FileMap(0, 4096, (Piece(0, 8192, 4096),))
BEFORE = Look(4096, 10, 20, MAP)


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (Look(5000, 10, 20, MAP), "it had 4096 bytes and has 5000"),
        (Look(4096, 11, 21, MAP), "it was written to, or changed in other ways"),
        (Look(4096, 10, 21, MAP), "it was written to, or changed in other ways"),
        (Look(4096, 10, 20, FileMap(0, 4096, (Piece(0, 4096, 4096),))), "its blocks are in other places"),
        (Look(4096, 10, 20, FileMap(0, 4096, ())), "its blocks are in other places"),
        (BEFORE, ""),
    ],
)
def test_a_file_that_did_not_stand_still_is_known_by_whatever_differs(after: Look, told: str) -> None:
    assert moved_on(BEFORE, after) == told

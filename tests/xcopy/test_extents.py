"""Which bytes of two files lie in the same place, from what FIEMAP said of both."""

from __future__ import annotations

from xcopy.extents import SHARED, FileExtent, shared

DELAYED, INLINE = 0x6, 0x200


def test_a_clone_at_another_offset_is_found_whole() -> None:
    source = [FileExtent(0, 1000, 100, SHARED)]
    assert shared(source, [FileExtent(50, 1000, 100, SHARED)], ahead=50, start=50, end=150) == 100


def test_extents_that_are_cut_in_other_places_are_compared_byte_by_byte() -> None:
    source = [FileExtent(0, 1000, 30, SHARED), FileExtent(30, 1030, 70, SHARED)]
    destination = [FileExtent(0, 1000, 60, SHARED), FileExtent(60, 5000, 40, SHARED)]
    assert shared(source, destination, ahead=0, start=0, end=100) == 60


def test_only_the_bytes_of_the_range_count() -> None:
    source = [FileExtent(0, 1000, 100, SHARED)]
    assert shared(source, [FileExtent(0, 1000, 100, SHARED)], ahead=0, start=20, end=50) == 30


def test_an_extent_that_is_shared_with_some_other_file_is_not_shared_with_this_one() -> None:
    source = [FileExtent(0, 1000, 100, SHARED)]
    assert shared(source, [FileExtent(0, 7000, 100, SHARED)], ahead=0, start=0, end=100) == 0


def test_places_that_are_not_known_are_never_the_same() -> None:
    for flags in (SHARED | DELAYED, SHARED | INLINE):
        both = [FileExtent(0, 0, 100, flags)]
        assert shared(both, both, ahead=0, start=0, end=100) == 0


def test_nothing_is_shared_of_a_file_that_shares_nothing() -> None:
    assert shared([FileExtent(0, 0, 9, 0)], [FileExtent(0, 0, 9, 0)], ahead=0, start=0, end=9) == 0
    assert shared([], [FileExtent(0, 0, 9, SHARED)], ahead=0, start=0, end=9) == 0

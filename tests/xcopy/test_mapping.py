"""Where a volume's sectors lie, beside a model that deals them out one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xcopy.mapping import Ground, Mapping, Run, Stripes, any_meet

if TYPE_CHECKING:
    from collections.abc import Iterable

Sectors: TypeAlias = "list[tuple[int, int]]"  # unit and sector, for each sector of what is modelled


def dealt(columns: list[Sectors], chunk: int, length: int) -> Sectors:
    """Chunk after chunk, from one column after the other, as dm-stripe says it does."""
    hands = [list(column) for column in columns]
    found: Sectors = []
    turn = 0
    while len(found) < length:
        found += hands[turn][:chunk]
        hands[turn] = hands[turn][chunk:]
        turn = (turn + 1) % len(hands)
    return found


@st.composite
def grounds(draw: st.DrawFn) -> tuple[Ground, Sectors]:
    unit, start, length = draw(st.integers(0, 2)), draw(st.integers(0, 1000)), draw(st.integers(64, 256))
    return Ground(unit, start, length), [(unit, start + sector) for sector in range(length)]


@st.composite
def mappings(draw: st.DrawFn, depth: int = 2) -> tuple[Mapping, Sectors]:
    pieces: list[Stripes] = []
    model: Sectors = []
    for _ in range(draw(st.integers(1, 3))):
        of = grounds() if depth == 0 else st.one_of(grounds(), mappings(depth - 1))
        below = draw(st.lists(of, min_size=1, max_size=3))
        room = min(len(sectors) for _, sectors in below)
        chunk = draw(st.integers(1, min(16, room)))
        rows = draw(st.integers(1, room // chunk))
        if len(below) == 1:
            chunk, rows = chunk * rows, 1
        firsts = [draw(st.integers(0, len(sectors) - chunk * rows)) for _, sectors in below]
        length = chunk * rows * len(below)
        columns = tuple((each, first) for (each, _), first in zip(below, firsts, strict=True))
        pieces.append(Stripes(len(model), length, chunk, columns))
        hands = [sectors[first:] for (_, sectors), first in zip(below, firsts, strict=True)]
        model += dealt(hands, chunk, length)
    return Mapping(tuple(pieces)), model


def one_by_one(runs: Iterable[Run]) -> Sectors:
    return [(run.unit, run.start + sector) for run in runs for sector in range(run.length)]


@given(made=mappings(), data=st.data())
@settings(max_examples=60)
def test_every_part_of_a_volume_lies_where_its_sectors_are_dealt(
    made: tuple[Mapping, Sectors], data: st.DataObject
) -> None:
    mapping, model = made
    start = data.draw(st.integers(0, len(model)))
    length = data.draw(st.integers(0, len(model) - start))

    assert mapping.length == len(model)
    assert one_by_one(mapping.runs(start, length)) == model[start : start + length]


@given(made=mappings(), data=st.data())
@settings(max_examples=60)
def test_regions_have_every_sector_and_are_few(made: tuple[Mapping, Sectors], data: st.DataObject) -> None:
    mapping, model = made
    start = data.draw(st.integers(0, len(model)))
    length = data.draw(st.integers(0, len(model) - start))

    regions = list(mapping.regions(start, length))

    assert set(model[start : start + length]) <= set(one_by_one(regions))
    assert len(regions) <= 3**3 * 3**3


@given(made=mappings())
@settings(max_examples=60)
def test_every_run_is_a_whole_number_of_grains(made: tuple[Mapping, Sectors]) -> None:
    mapping, _ = made

    numbers = {n for run in mapping.runs(0, mapping.length) for n in (run.start, run.length)}

    assert mapping.grain > 0
    assert {number % mapping.grain for number in numbers} == {0}


@given(made=mappings())
@settings(max_examples=60)
def test_a_sector_that_is_there_twice_is_found(made: tuple[Mapping, Sectors]) -> None:
    mapping, model = made

    assert mapping.twice is not None or len(set(model)) == len(model)


@given(one=mappings(), other=mappings())
@settings(max_examples=60)
def test_volumes_that_share_a_sector_meet(
    one: tuple[Mapping, Sectors], other: tuple[Mapping, Sectors]
) -> None:
    share = set(one[1]) & set(other[1])

    assert any_meet(one[0].whole, other[0].whole) or not share


def test_neighbours_do_not_meet() -> None:
    assert not any_meet([Run(0, 0, 8), Run(1, 8, 8)], [Run(0, 8, 8), Run(1, 0, 8), Run(1, 16, 1)])
    assert any_meet([Run(0, 0, 8)], [Run(0, 7, 1)])


def test_one_volume_without_a_sector_twice_says_so() -> None:
    disk = Ground(0, 0, 100)
    two = (Stripes(0, 50, 50, ((disk, 50),)), Stripes(50, 50, 50, ((disk, 0),)))

    assert Mapping(two).twice is None


def test_a_piece_of_a_stripe_row_lies_in_all_columns_it_touches() -> None:
    volume = Mapping((Stripes(0, 32, 4, ((Ground(0, 0, 16), 0), (Ground(1, 0, 16), 0))),))

    assert list(volume.runs(6, 8)) == [Run(1, 2, 2), Run(0, 4, 4), Run(1, 4, 2)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Stripes(0, 8, 8, ((Ground(0, 0, 8), 1),)),
        lambda: Stripes(0, 8, 8, ((Ground(0, 0, 7), 0),)),
        lambda: Stripes(0, 8, 8, ((Ground(0, 0, 8), -1),)),
        lambda: Stripes(0, 8, 0, ((Ground(0, 0, 8), 0),)),
        lambda: Stripes(0, 10, 4, ((Ground(0, 0, 8), 0), (Ground(1, 0, 8), 0))),
        lambda: Mapping((Stripes(1, 8, 8, ((Ground(0, 0, 8), 0),)),)),
        lambda: Mapping(
            (Stripes(0, 8, 8, ((Ground(0, 0, 8), 0),)), Stripes(7, 8, 8, ((Ground(0, 0, 8), 0),)))
        ),
    ],
    ids=["from past", "too short", "before", "no chunk", "half a row", "a gap", "an overlap"],
)
def test_what_is_no_volume_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"sector"):
        make()  # type: ignore[operator]


def test_words_tell_two_layouts_apart() -> None:
    disk, other = Ground(0, 0, 100), Ground(1, 0, 100)
    made = [
        Mapping((Stripes(0, 8, 8, ((disk, 0),)),)),
        Mapping((Stripes(0, 8, 8, ((disk, 1),)),)),
        Mapping((Stripes(0, 8, 8, ((other, 0),)),)),
        Mapping((Stripes(0, 8, 4, ((disk, 0), (other, 0))),)),
        Mapping((Stripes(0, 8, 2, ((disk, 0), (other, 0))),)),
        Mapping((Stripes(0, 8, 4, ((other, 0), (disk, 0))),)),
    ]

    assert len({mapping.said() for mapping in made}) == len(made)

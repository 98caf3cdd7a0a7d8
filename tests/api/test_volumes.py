"""Volumes that lie on several units, copied as one job: every byte at its place, and no other touched.

The units are an emulated array's; where a volume's blocks lie is said here, and dealt out here by hand.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.xcopy.units import parameters
from xcopy.api.copy import Report, ready
from xcopy.api.endpoint import Endpoint, open_endpoint, split
from xcopy.api.journal import side
from xcopy.api.options import Options
from xcopy.api.request import RangeList, many_ranges, one_range
from xcopy.api.verify_only import Verification
from xcopy.cli.render_verification import print_differences
from xcopy.device.array_dir import create, unit_file
from xcopy.errors import UnsafeError, UnsupportedError, UsageError
from xcopy.job import Method
from xcopy.mapping import Ground, Mapping, Stripes
from xcopy.party import refuse_others
from xcopy.verification import scope_of

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 4 * 2**20
SECTORS = SIZE // 512


@pytest.fixture
def arrays(tmp_path: Path) -> list[str]:
    """Units 0 to 3 of one array, and unit 0 of another, all of random bytes; as they are named."""
    create(tmp_path / "one", units=4, size=SIZE)
    create(tmp_path / "two", units=1, size=SIZE)
    names = [f"{tmp_path}/one/{n}" for n in range(4)] + [f"{tmp_path}/two/0"]
    for name in names:
        file_of(name).write_bytes(os.urandom(SIZE))
    return names


def file_of(name: str) -> Path:
    directory, _, number = name.rpartition("/")
    return unit_file(directory, int(number))


def linear(*pieces: tuple[int, int, int]) -> Mapping:
    """Pieces of (unit, first sector, sectors)."""
    made, at = [], 0
    for unit, first, length in pieces:
        made.append(Stripes(at, length, length, ((Ground(unit, 0, SECTORS), first),)))
        at += length
    return Mapping(tuple(made))


def striped(chunk: int, length: int, *columns: tuple[int, int]) -> Mapping:
    """Columns of (unit, first sector)."""
    return Mapping(
        (Stripes(0, length, chunk, tuple((Ground(u, 0, SECTORS), first) for u, first in columns)),)
    )


def volume(mapping: Mapping, *names: str) -> Endpoint:
    """What opening a volume on these units makes."""
    opened = [open_endpoint(split(f"emu:{name}")) for name in names]
    return replace(
        opened[0],
        text=split("vol"),
        parts=tuple(part for each in opened for part in each.parts),
        blocks=mapping.length,
        mapping=mapping,
    )


def disk(name: str) -> Endpoint:
    return open_endpoint(split(f"emu:{name}"))


def copied(
    source: Endpoint, destination: Endpoint, ranges: list[tuple[int, int, int]] | None = None, **options: Any
) -> Report:
    asked = (
        one_range(source, destination)
        if ranges is None
        else many_ranges(source, destination, RangeList(enumerate(ranges)))
    )
    with ExitStack() as stack, ready(source, destination, asked, Options(**options), stack) as copy:
        report = copy.run()
        assert copy.fault is None
        return report


def contents(names: list[str]) -> dict[str, bytearray]:
    return {name: bytearray(file_of(name).read_bytes()) for name in names}


def move(
    before: dict[str, bytearray], source: tuple[str, int], destination: tuple[str, int], sectors: int
) -> None:
    """What a copy of these sectors makes of the units' contents."""
    data = before[source[0]][source[1] * 512 : (source[1] + sectors) * 512]
    before[destination[0]][destination[1] * 512 : (destination[1] + sectors) * 512] = data


@pytest.mark.parametrize("method", [Method.OFFLOAD, Method.HOST])
def test_a_volume_over_two_units_onto_one_and_back(arrays: list[str], method: Method) -> None:
    a, b, c, *_ = arrays
    made = linear((1, 100, 1000), (0, 3000, 2001), (1, 1100, 8))
    expected = contents(arrays)
    move(expected, (b, 100), (c, 77), 1000)
    move(expected, (a, 3000), (c, 1077), 2001)
    move(expected, (b, 1100), (c, 3078), 8)
    report = copied(volume(made, a, b), replace(disk(c), text=split("emu:c:77")), method=method)
    assert (report.complete, report.bytes[method.value]) == (True, 3009 * 512)
    assert contents(arrays) == expected

    file_of(b).write_bytes(os.urandom(SIZE))
    expected = contents(arrays)
    move(expected, (c, 10), (b, 100), 1000)
    move(expected, (c, 1010), (a, 3000), 2001)
    move(expected, (c, 3011), (b, 1100), 8)
    report = copied(disk(c), volume(made, a, b), [(10, 3009, 0)], method=method)
    assert (report.complete, report.bytes[method.value]) == (True, 3009 * 512)
    assert contents(arrays) == expected


@pytest.mark.parametrize("method", [Method.OFFLOAD, Method.HOST])
def test_stripes_over_two_units_onto_stripes_of_another_width_over_two_others(
    arrays: list[str], method: Method
) -> None:
    a, b, c, d, _ = arrays
    source = volume(striped(16, 1024, (0, 8), (1, 500)), a, b)
    destination = volume(striped(24, 1224, (1, 1), (0, 2), (1, 4000)), c, d)
    expected = contents(arrays)
    for sector in range(30, 1000):
        row, column = divmod(sector // 16, 2)
        read = (a, b)[column], (8, 500)[column] + row * 16 + sector % 16
        to = sector + 101
        row, column = divmod(to // 24, 3)
        write = (d, c, d)[column], (1, 2, 4000)[column] + row * 24 + to % 24
        move(expected, read, write, 1)
    report = copied(source, destination, [(30, 970, 131)], method=method)
    assert report.bytes[method.value] == 970 * 512
    assert contents(arrays) == expected


def test_many_commands_at_once_go_each_to_its_own_units(arrays: list[str]) -> None:
    a, b, c, d, _ = arrays
    source, destination = striped(8, 8000, (0, 0), (1, 0)), striped(8, 8000, (1, 0), (0, 0))
    expected = contents(arrays)
    move(expected, (a, 0), (d, 0), 4000)
    move(expected, (b, 0), (c, 0), 4000)
    report = copied(volume(source, a, b), volume(destination, c, d), jobs=16, method=Method.OFFLOAD)
    assert report.complete
    assert report.commands["offload"] == 1000
    assert contents(arrays) == expected


def test_units_that_the_storage_cannot_copy_between_are_copied_by_the_host_and_the_others_are_not(
    arrays: list[str],
) -> None:
    a, _, c, _, other = arrays
    expected = contents(arrays)
    move(expected, (other, 0), (c, 0), 3000)
    move(expected, (a, 0), (c, 3000), 4000)
    report = copied(volume(linear((1, 0, 3000), (0, 0, 4000)), a, other), disk(c))
    assert report.bytes == {"host": 3000 * 512, "offload": 4000 * 512}
    ((reason, amount),) = report.fallbacks
    assert amount == 3000 * 512
    assert reason
    assert contents(arrays) == expected


def test_where_offload_is_required_such_units_stop_the_copy(arrays: list[str]) -> None:
    a, _, c, _, other = arrays
    report = copied(volume(linear((1, 0, 3000), (0, 0, 4000)), a, other), disk(c), method=Method.OFFLOAD)
    assert report.copied == 0
    assert report.stopped


def test_a_unit_that_offers_no_copies_is_no_reason_for_the_others_and_is_refused_where_all_is_required(
    arrays: list[str],
) -> None:
    a, b, c, *_ = arrays
    source = volume(linear((0, 0, 100), (1, 0, 200)), a, b)
    mute = replace(source.parts[1].unit, parameters=None, no_parameters="it says so")
    source = replace(source, parts=(source.parts[0], replace(source.parts[1], unit=mute)))

    assert copied(source, disk(c)).bytes == {"offload": 100 * 512, "host": 200 * 512}
    with pytest.raises(UnsupportedError, match=r"offload is required, but .* does not offer EXTENDED COPY"):
        copied(source, disk(c), method=Method.OFFLOAD)
    report = copied(source, disk(c), [(0, 100, 0)], method=Method.OFFLOAD)
    assert report.complete, "of that unit nothing is copied"


def test_a_verification_reads_each_block_where_it_lies_and_names_the_units(
    arrays: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b, c, d, _ = arrays
    source = volume(striped(16, 1024, (0, 8), (1, 500)), a, b)
    destination = volume(linear((1, 30, 500), (0, 40, 524)), c, d)
    assert copied(source, destination, verify="whole").verified is not None
    data = bytearray(file_of(c).read_bytes())
    data[(40 + 20) * 512 + 7] ^= 0x55
    file_of(c).write_bytes(data)
    asked = one_range(source, destination)
    found = Verification(source, destination, asked, Options(), scope_of("whole"), ()).run()
    # destination block 520 of the volume: chunk 32 of the source, of its first column, sector 8 of it
    assert (found.differing, found.compared, found.stopped) == (1, 1024 * 512, "")
    (first,) = found.first
    assert (first.block, first.source_lba, first.destination_lba, first.source_byte) == (520, 272, 60, 7)
    print_differences(found)
    assert f"source LBA 272 of emu:{a} byte 7:" in (said := capsys.readouterr().err)
    assert f"destination LBA 60 of emu:{c} byte 7:" in said


def test_commands_go_to_the_sources_where_the_destination_takes_none(arrays: list[str]) -> None:
    a, b, c, *_ = arrays
    source, to = volume(linear((0, 0, 100), (1, 0, 200)), a, b), disk(c)
    deaf = replace(to.unit, parameters=parameters(implemented_types=(0xE4,)))
    to = replace(to, parts=(replace(to.parts[0], unit=deaf),))
    expected = contents(arrays)
    move(expected, (a, 0), (c, 0), 100)
    move(expected, (b, 0), (c, 100), 200)
    report = copied(source, to)
    assert (report.commands_to, report.bytes["offload"]) == ("source", 300 * 512)
    assert contents(arrays) == expected


def test_a_dry_run_has_the_commands_of_each_pair_of_units_and_no_others(arrays: list[str]) -> None:
    a, b, c, *_ = arrays
    source = volume(linear((0, 0, 100), (1, 0, 200), (0, 100, 50)), a, b)
    mute = replace(source.parts[1].unit, parameters=None, no_parameters="it says so")
    source = replace(source, parts=(source.parts[0], replace(source.parts[1], unit=mute)))
    to = disk(c)
    with ExitStack() as stack, ready(source, to, one_range(source, to), Options(), stack) as copy:
        sent = [bytes(command.data_out) for command in copy.commands()]
        assert copy.host_bytes == 200 * 512
    named = [unit.copy_designator for unit in (source.parts[0].unit, to.unit)]
    assert len(sent) == 2
    for data in sent:
        assert all(each is not None and each.value in data for each in named)


class TestOverlap:
    """By identity and LBA, whatever the volume is called."""

    def test_a_volume_and_a_unit_below_it(self, arrays: list[str]) -> None:
        a, b, *_ = arrays
        source = volume(linear((0, 100, 50), (1, 200, 50)), a, b)
        with pytest.raises(UnsafeError, match=r"have blocks of one unit.*range"):
            copied(source, disk(b), [(0, 10, 4000), (50, 50, 249)])
        assert copied(source, disk(b), [(0, 100, 250)]).complete
        assert copied(disk(b), source, [(150, 50, 50), (250, 50, 0)]).complete

    def test_two_volumes_that_share_a_unit_in_another_order(self, arrays: list[str]) -> None:
        a, b, c, *_ = arrays
        source = volume(linear((0, 0, 50), (1, 0, 50)), a, b)
        destination = volume(linear((0, 0, 50), (1, 40, 50)), c, a)
        with pytest.raises(UnsafeError, match="overlap"):
            copied(source, destination)
        assert copied(source, destination, [(0, 40, 50), (60, 40, 0)]).complete


def test_a_range_past_the_end_of_a_volume_is_refused(arrays: list[str]) -> None:
    source = volume(linear((0, 0, 50), (1, 0, 50)), *arrays[:2])
    with pytest.raises(UsageError, match=r"vol: 51 blocks from LBA 50 end past its last block: it has 100"):
        copied(source, disk(arrays[2]), [(50, 51, 0)])


def test_what_is_not_copied_is_told_by_range_with_the_places_on_the_units(arrays: list[str]) -> None:
    source = volume(linear((0, 10, 50), (1, 20, 50)), *arrays[:2])
    asked = many_ranges(source, disk(arrays[2]), RangeList([(0, (0, 100, 500))]))
    with ExitStack() as stack, ready(source, disk(arrays[2]), asked, Options(), stack) as copy:
        copy.stop("enough")
        report = copy.run()
    (only,) = report.ranges
    assert [(part.source_lba, part.source_blocks, part.destination_lba) for part in only.not_copied] == [
        (10, 50, 500),
        (20, 50, 550),
    ]
    assert [(part.source_lba, part.destination_lba, part.pair) for part in report.not_copied] == [
        (10, 500, 0),
        (20, 550, 1),
    ]
    assert report.pairs == tuple((f"emu:{name}", f"emu:{arrays[2]}") for name in arrays[:2])


def test_a_journal_is_of_the_layout_too(arrays: list[str]) -> None:
    a, b, c, *_ = arrays
    then = volume(linear((0, 0, 50), (1, 0, 50)), a, b)
    to = side(disk(c))
    refuse_others("j", (side(then), to), (side(volume(linear((0, 0, 50), (1, 0, 50)), a, b)), to))
    for moved in (
        volume(linear((0, 0, 50), (1, 8, 50)), a, b),
        volume(linear((0, 0, 50), (1, 0, 50)), a, c),
        volume(striped(50, 100, (0, 0), (1, 0)), a, b),
    ):
        with pytest.raises(UnsafeError, match=r"vol is not the source .*: the layout of the volume"):
            refuse_others("j", (side(then), to), (side(moved), to))

"""`xcopy-dev SRC DST --ranges FILE`: every range to its place, nothing else, and what is said of each."""

from __future__ import annotations

import io
import random
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import BLOCKS, Directory
from xcopy.device.array_dir import create, open_array, unit_file
from xcopy.target.faults import Fault, check
from xcopy.target.profile import CAPABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Ran

Triple = tuple[int, int, int]


def written(path: Path, ranges: list[Triple]) -> str:
    path.write_text("".join(f"{source} {blocks} {to}\n" for source, blocks, to in ranges))
    return str(path)


def expected(old: bytes, source: bytes, ranges: list[Triple], sizes: tuple[int, int] = (512, 512)) -> bytes:
    new = bytearray(old)
    for lba, blocks, to in ranges:
        count = blocks * sizes[0]
        new[to * sizes[1] : to * sizes[1] + count] = source[lba * sizes[0] : lba * sizes[0] + count]
    return bytes(new)


def scattered(seed: int, scale: int = 1, blocks: int = BLOCKS) -> list[Triple]:
    """Ranges all over both units in any order, some of them empty, some neighbours; `scale` in the source."""
    chance = random.Random(seed)
    made: list[Triple] = []
    to = 0
    while to < blocks - 80:
        to += chance.choice([0, 0, 1, 40])
        count = chance.choice([0, 1, 2, 7, 33, 64])
        follows = made and chance.random() < 0.3 and sum(made[-1][:2]) // scale + count <= blocks
        lba = sum(made[-1][:2]) if follows else chance.randrange(blocks - count) * scale
        made.append((lba, count * scale, to))
        to += count
    chance.shuffle(made)
    return made


@pytest.mark.parametrize("method", ["auto", "host"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_scattered_ranges_go_to_their_places_and_nothing_else_changes(
    run: Callable[..., Ran], tmp_path: Path, method: str, seed: int
) -> None:
    small = CAPABLE.but(maximum_segment_length=16 * 512, maximum_segment_count=5)
    create(tmp_path / "small", units=2, size=BLOCKS * 512, parameters=small)
    files = [unit_file(tmp_path / "small", number) for number in (0, 1)]
    for file in files:
        file.write_bytes(random.Random(f"{seed} {file}").randbytes(BLOCKS * 512))
    before = [file.read_bytes() for file in files]
    ranges = scattered(seed)
    units = [f"emu:{tmp_path}/small/{number}" for number in (0, 1)]
    ran = run(*units, "--ranges", written(tmp_path / "list", ranges), "--method", method, "--json")
    assert ran.code == 0
    assert files[0].read_bytes() == before[0]
    assert files[1].read_bytes() == expected(before[1], before[0], ranges)
    done = ran.records[-1]
    total = sum(blocks for _, blocks, _ in ranges) * 512
    assert done["bytes"] == {"offload": 0, "host": 0, {"auto": "offload"}.get(method, method): total}
    assert done["ranges"] == {"asked": len(ranges), "copied": len(ranges), "partly": 0, "not_copied": 0}
    assert [r for r in ran.records if r["record"] == "range"] == []


@pytest.mark.parametrize("sizes", [(512, 4096), (4096, 512)])
def test_between_two_block_sizes_each_side_counts_in_its_own_blocks(
    run: Callable[..., Ran], tmp_path: Path, sizes: tuple[int, int]
) -> None:
    create(tmp_path / "mixed", units=2, size=2**21, block_size=list(sizes))
    files = [unit_file(tmp_path / "mixed", number) for number in (0, 1)]
    for file in files:
        file.write_bytes(random.Random(str(file)).randbytes(2**21))
    before = [file.read_bytes() for file in files]
    ranges = [(8, 16, 3), (512 * 512 // sizes[0], 8, 300), (0, 0, 7), (24, 8, 3 + 16 * sizes[0] // sizes[1])]
    units = [f"emu:{tmp_path}/mixed/{number}" for number in (0, 1)]
    ran = run(*units, "--ranges", written(tmp_path / "list", ranges))
    assert ran.code == 0
    assert files[0].read_bytes() == before[0]
    assert files[1].read_bytes() == expected(before[1], before[0], ranges, sizes)


def test_ranges_come_from_standard_input_too(
    run: Callable[..., Ran], array: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = array.bytes(0), array.bytes(1)
    text = b"# from a program\n0 4KiB 0x10 # eight\n\n  9 1 0"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    ran = run(array.unit(0), array.unit(1), "--ranges", "-")
    assert ran.code == 0
    assert array.bytes(1) == expected(before[1], before[0], [(0, 8, 16), (9, 1, 0)])
    assert f"2 ranges, {array.unit(0)} -> {array.unit(1)}, 9 blocks of 512 bytes" in ran.out
    assert "2 of 2 ranges copied\n" in ran.out


def test_within_one_unit_ranges_are_copied_where_none_writes_what_is_read(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    before = array.bytes(0)
    ranges = [(0, 100, 1000), (50, 100, 2000), (0, 10, 100), (200, 0, 0)]
    ran = run(array.unit(0), array.unit(0), "--ranges", written(tmp_path / "list", ranges))
    assert (ran.code, ran.err.count("reads blocks that")) == (3, 1)
    assert "list line 2 reads blocks that" in ran.err
    assert "list line 3 writes" in ran.err
    assert array.bytes(0) == before
    ranges[2] = (0, 10, 150)
    assert run(array.unit(0), array.unit(0), "--ranges", written(tmp_path / "list", ranges)).code == 0
    assert array.bytes(0) == expected(before, before, ranges)


LONG = b"#" + b"x" * 2000


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (b"0 8 0\n8 8 7\n", 3, "{list} line 1 and {list} line 2 both write LBA 7 of {unit}"),
        (b"0 8 0\n0 8 4090\n", 2, "{list} line 2: {unit}: 8 blocks from LBA 4090 end past its last block"),
        (b"0 8 0\n\n5000 8 0\n", 2, "{list} line 3: "),
        (b"0 8\n", 2, "{list} line 1: 2 words where"),
        (b"0 8 0\n1 1 1000B\n", 2, "{list} line 2: '1000B'"),
        (b"0 8 0\n\xff\xfe\x00\n", 2, "{list} line 2: "),
        (b"0 8 0\n" + LONG, 2, "{list} line 2 is longer than 1000 bytes"),
    ],
    ids=["written twice", "past the destination", "past the source", "two words", "suffix", "binary", "long"],
)
def test_a_list_that_cannot_be_meant_is_refused_with_its_line_before_anything_is_written(
    run: Callable[..., Ran], array: Directory, tmp_path: Path, text: bytes, code: int, says: str
) -> None:
    before = array.bytes(0), array.bytes(1)
    (tmp_path / "list").write_bytes(text)
    ran = run(array.unit(0), array.unit(1), "--ranges", str(tmp_path / "list"))
    assert ran.code == code
    assert ran.err.startswith("xcopy-dev: ")
    assert ran.err.count("\n") == 1
    assert says.format(list=tmp_path / "list", unit=array.unit(1)) in ran.err
    assert (array.bytes(0), array.bytes(1)) == before


@pytest.mark.parametrize(
    ("source", "destination", "ranges", "says"),
    [
        ("{0}:5", "{1}", "{list}", "has an LBA, and so has every range"),
        ("{0}", "{1}:0", "{list}", "has an LBA, and so has every range"),
        ("{0}", "{1}", "{list}/nowhere", "no ranges can be read from it"),
        ("{0}", "{1}", "/", "Is a directory"),
    ],
)
def test_a_range_beside_the_list_or_no_list_is_a_usage_error(
    run: Callable[..., Ran],
    array: Directory,
    tmp_path: Path,
    source: str,
    destination: str,
    ranges: str,
    says: str,
) -> None:
    names = (array.unit(0), array.unit(1))
    place = written(tmp_path / "list", [(0, 1, 0)])
    ran = run(source.format(*names), destination.format(*names), "--ranges", ranges.format(list=place))
    assert ran.code == 2
    assert says in ran.err


@pytest.mark.parametrize("text", ["", "# nothing\n", "5 0 5\n0 0 0\n"])
def test_a_list_without_a_block_copies_nothing_and_says_so(
    run: Callable[..., Ran], array: Directory, tmp_path: Path, text: str
) -> None:
    before = array.bytes(1)
    (tmp_path / "list").write_text(text)
    ran = run(array.unit(0), array.unit(1), "--ranges", str(tmp_path / "list"))
    assert ran.code == 0
    assert "0 blocks: nothing to copy" in ran.out
    assert array.bytes(1) == before


@pytest.fixture
def breaking(tmp_path: Path) -> Iterator[Directory]:
    """Two units between which the third command of one segment of 16 blocks ends in a hardware error."""
    small = CAPABLE.but(maximum_segment_length=16 * 512, maximum_segment_count=1)
    create(tmp_path / "breaking", units=2, size=BLOCKS * 512, parameters=small)
    made = Directory(tmp_path / "breaking")
    for number in (0, 1):
        made.fill(number)
    fault = Fault(opcode=0x83, nth=3, then=check(0x4, 0x44, 0x00))
    array = open_array(made.path)  # one and the same for everybody while it is held
    array.faults.add(fault)
    yield made
    assert array


PARTLY = [(0, 16, 0), (100, 40, 200), (300, 8, 400), (500, 0, 0)]


def test_what_is_not_copied_is_said_range_by_range(
    run: Callable[..., Ran], breaking: Directory, tmp_path: Path
) -> None:
    before = breaking.bytes(0), breaking.bytes(1)
    place = written(tmp_path / "list", PARTLY)
    words = (breaking.unit(0), breaking.unit(1), "--ranges", place, "--method", "offload", "--jobs", "1")
    ran = run(*words, "--json")
    assert ran.code == 1
    partly, nothing = (record for record in ran.records if record["record"] == "range")
    assert (partly["place"], partly["blocks"], partly["copied"]) == (f"{place} line 2", 40, 16)
    first = partly["not_copied"][0]
    assert (first["source_lba"], first["source_blocks"], first["destination_lba"]) == (
        116,
        16,
        216,
    )
    assert "HARDWARE ERROR" in first["reason"]
    assert partly["not_copied"][-1]["reason"] == "not tried"
    assert (nothing["place"], nothing["copied"]) == (f"{place} line 3", 0)
    assert ran.records[-1]["ranges"] == {"asked": 4, "copied": 2, "partly": 1, "not_copied": 1}
    assert breaking.bytes(1) == expected(before[1], before[0], [(0, 16, 0), (100, 16, 200)])


def test_only_the_ranges_that_are_not_whole_have_a_line_each(
    run: Callable[..., Ran], breaking: Directory, tmp_path: Path
) -> None:
    place = written(tmp_path / "list", PARTLY)
    words = (breaking.unit(0), breaking.unit(1), "--ranges", place, "--method", "offload", "--jobs", "1")
    ran = run(*words)
    lines = [line for line in ran.err.splitlines() if " blocks copied from " in line]
    assert [line.split(": ")[1:3] for line in lines] == [
        [f"{place} line 2", "16 of 40 blocks copied from source LBA 100 to destination LBA 200"],
        [f"{place} line 3", "0 of 8 blocks copied from source LBA 300 to destination LBA 400"],
    ]
    assert "  2 of 4 ranges copied, 1 in part, 1 not at all" in ran.out.splitlines()


def test_a_dry_run_of_ranges_shows_segments_of_several_in_one_command(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    before = array.bytes(1)
    place = written(tmp_path / "list", [(3, 5, 7), (1000, 2, 2000)])
    ran = run(array.unit(0), array.unit(1), "--ranges", place, "--dry-run")
    said = "".join(ran.out.split()).replace("parameterlist", "")
    # two segments 02h, laid out by SPC-4's table 151: 5 blocks from LBA 3 to 7, 2 from 1000 to 2000
    first = "02000018 0000 0001 0000 0005 0000000000000003 0000000000000007"
    second = "02000018 0000 0001 0000 0002 00000000000003e8 00000000000007d0"
    assert (first + second).replace(" ", "") in said
    assert "dry run: 1 EXTENDED COPY command" in ran.out
    assert array.bytes(1) == before

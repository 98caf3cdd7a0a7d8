"""A thin unit copied from the command line: what it has no storage for is zeroed, counted and said."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import Directory
from xcopy.device.array_dir import create, open_array, unit_file
from xcopy.target.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

SIZE, DATA = 32 << 20, 3 << 20
NO_ZEROS = {"lio"}  # its page B2h does not promise that unmapped blocks read as zeros
STARTS = (0, (10 << 20) + 4096 * 3, 25 << 20)  # of 1 MiB each that are written


@pytest.fixture
def thin(tmp_path: Path) -> Directory:
    """A thin source of which 3 MiB are written, and a thin destination full of junk."""
    create(tmp_path / "array", units=2, size=SIZE, granularity=8)
    made = Directory(tmp_path / "array")
    with unit_file(made.path, 0).open("r+b") as source:
        for start in STARTS:
            source.seek(start)
            source.write(os.urandom(1 << 20))
    unit_file(made.path, 1).write_bytes(b"junk" * (SIZE // 4))
    return made


@pytest.fixture
def thick(tmp_path: Path) -> Directory:
    create(tmp_path / "thick", units=2, size=4 << 20)
    made = Directory(tmp_path / "thick")
    for number in (0, 1):
        made.fill(number)
    return made


@pytest.mark.parametrize("means", ["offload", "host"])
def test_nine_tenths_that_are_unmapped_are_zeroed_and_the_rest_is_copied(
    thin: Directory, run: Callable[..., Ran], means: str
) -> None:
    ran = run(thin.unit(0), thin.unit(1), "--json", "--method", means, "--verify")
    assert ran.code == 0, ran.err
    other = {"offload": "host", "host": "offload"}[means]
    assert ran.records[-1]["bytes"] == {means: DATA, other: 0, "zeroed": SIZE - DATA}
    assert thin.bytes(1) == thin.bytes(0)
    assert unit_file(thin.path, 1).stat().st_blocks * 512 < 2 * DATA, "the destination is thin again"


@pytest.mark.parametrize("profile", PROFILES)
def test_thin_units_of_every_kind_of_array_are_copied_whole_and_right(
    profile: str, run: Callable[..., Ran], tmp_path: Path
) -> None:
    create(tmp_path / "array", units=2, size=12 << 20, granularity=8, profile=profile)
    array = Directory(tmp_path / "array")
    unit_file(array.path, 1).write_bytes(b"junk" * (3 << 20))
    with unit_file(array.path, 0).open("r+b") as source:
        for start in (0, 5 << 20):
            source.seek(start)
            source.write(os.urandom(300_000))
    ran = run(f"{array.unit(0)}:3+20000", f"{array.unit(1)}:1026", "--json")
    assert ran.code == 0, ran.err
    assert ran.records[-1]["bytes"].get("zeroed", 0) >= (0 if profile in NO_ZEROS else 7_000_000)
    expected = bytearray(b"junk" * (3 << 20))
    expected[1026 * 512 : 21026 * 512] = array.bytes(0)[3 * 512 : 20003 * 512]
    assert array.bytes(1) == expected


def test_what_was_zeroed_is_said(thin: Directory, run: Callable[..., Ran]) -> None:
    ran = run(thin.unit(0), thin.unit(1))
    assert "3.0 MiB by EXTENDED COPY, 29.0 MiB zeroed (no data was sent)" in ran.out


def test_a_range_is_zeroed_and_nothing_outside_it(thin: Directory, run: Callable[..., Ran]) -> None:
    before = thin.bytes(1)
    ran = run(f"{thin.unit(0)}:8195+31537", f"{thin.unit(1)}:30001", "--json")
    assert ran.code == 0, ran.err
    assert ran.records[-1]["bytes"]["zeroed"] > 0
    begin, end = 30001 * 512, (30001 + 31537) * 512
    expected = before[:begin] + thin.bytes(0)[8195 * 512 : (8195 + 31537) * 512] + before[end:]
    assert thin.bytes(1) == expected


@pytest.mark.parametrize("sizes", [(512, 4096), (4096, 512)])
def test_between_blocks_of_different_sizes_the_holes_are_whole_blocks_of_both(
    sizes: tuple[int, int], run: Callable[..., Ran], tmp_path: Path
) -> None:
    create(tmp_path / "array", units=2, size=8 << 20, block_size=sizes, granularity=(1, 3))
    array = Directory(tmp_path / "array")
    unit_file(array.path, 1).write_bytes(b"junk" * (2 << 20))
    with unit_file(array.path, 0).open("r+b") as source:
        for start in (4096 * 30 + 512, 4 << 20):
            source.seek(start // sizes[0] * sizes[0])
            source.write(os.urandom(sizes[0] * 5))
    first, to, count = 4096 * 7, 4096 * 11, 7 << 20
    ran = run(
        f"{array.unit(0)}:{first // sizes[0]}+{count // sizes[0]}",
        f"{array.unit(1)}:{to // sizes[1]}",
        *("--json", "--sparse", "always"),
    )
    assert ran.code == 0, ran.err
    assert ran.records[-1]["bytes"]["zeroed"] > 7_000_000
    expected = bytearray(b"junk" * (2 << 20))
    expected[to : to + count] = array.bytes(0)[first : first + count]
    assert array.bytes(1) == expected


def test_never_copies_everything(thin: Directory, run: Callable[..., Ran]) -> None:
    ran = run(thin.unit(0), thin.unit(1), "--json", "--sparse", "never")
    assert ran.records[-1]["bytes"] == {"offload": SIZE, "host": 0}
    assert thin.bytes(1) == thin.bytes(0)


def test_always_is_refused_of_a_source_that_is_not_thin(thick: Directory, run: Callable[..., Ran]) -> None:
    before = thick.bytes(1)
    ran = run(thick.unit(0), thick.unit(1), "--sparse", "always")
    assert ran.code == 4
    assert "--sparse always, but" in ran.err
    assert "LBPME is 0" in ran.err
    assert "with --method host zeros are found" in ran.err
    assert thick.bytes(1) == before


def test_by_the_host_zeros_that_a_source_has_storage_for_are_not_sent(
    thick: Directory, run: Callable[..., Ran]
) -> None:
    with unit_file(thick.path, 0).open("r+b") as source:
        source.seek(1 << 20)
        source.write(bytes(1 << 20))
    ran = run(thick.unit(0), thick.unit(1), "--sparse", "always", "--method", "host", "--json", "--verify")
    assert ran.code == 0, ran.err
    assert ran.records[-1]["bytes"] == {"offload": 0, "host": 3 << 20, "zeroed": 1 << 20}
    assert ran.records[-1]["not_zeroed"] is None
    assert thick.bytes(1) == thick.bytes(0)


def test_a_source_that_is_not_thin_is_copied_as_ever(thick: Directory, run: Callable[..., Ran]) -> None:
    ran = run(thick.unit(0), thick.unit(1), "--json")
    assert ran.records[-1]["bytes"] == {"offload": 4 << 20, "host": 0}
    assert ran.records[-1]["not_zeroed"] is None


def test_a_copy_that_was_zeroing_goes_on_from_its_journal(
    thin: Directory, run: Callable[..., Ran], tmp_path: Path
) -> None:
    journal = str(tmp_path / "journal")
    ran = run(thin.unit(0), thin.unit(1), "--json", "--journal", journal, "--sparse", "always")
    assert ran.code == 0, ran.err
    assert '"zeroed"' in (tmp_path / "journal").read_text()
    again = run("resume", journal, "--json", "--verify")
    assert again.code == 0, again.err
    assert again.records[-1]["bytes"]["earlier run"] == SIZE
    assert again.records[-1]["bytes"].get("zeroed", 0) == 0


def test_the_unmapped_blocks_of_the_destination_are_known_to_be_so(
    thin: Directory, run: Callable[..., Ran]
) -> None:
    run(thin.unit(0), thin.unit(1))
    ends = [list(open_array(str(thin.path)).units[number].mapped(0)) for number in (0, 1)]
    assert ends[0] == ends[1]

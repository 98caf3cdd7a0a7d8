"""`xcopy-dev emu create` and `xcopy-dev probe`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xcopy.device.array_dir import open_array

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Directory, Ran


def test_an_array_is_created_and_its_units_are_named(run: Callable[..., Ran], tmp_path: Path) -> None:
    ran = run("emu", "create", f"{tmp_path}/a", "--units", "3", "--size", "1MiB", "--block-size", "4096")
    assert ran.code == 0
    assert f"emu:{tmp_path}/a/2" in ran.out
    assert (tmp_path / "a" / "unit-2.img").stat().st_size == 2**20
    shown = run("probe", f"emu:{tmp_path}/a/1")
    assert "256 blocks of 4096 bytes" in shown.out


def test_a_thin_unit_gets_storage_where_it_is_written_and_nowhere_else(
    run: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = run("emu", "create", f"{tmp_path}/a", "--size", "4MiB", "--thin", "128")
    assert "512-byte blocks, thin in 128 blocks, profile strict" in ran.out
    assert run(f"emu:{tmp_path}/a/0:1000+1", f"emu:{tmp_path}/a/1:1000").code == 0
    units = open_array(tmp_path / "a").units
    assert list(units[0].mapped(0)) == []
    assert list(units[1].mapped(0)) == [(896, 1024)]


@pytest.mark.parametrize(
    "words",
    [
        ("--thin", "0"),
        ("--thin", "-8"),
        ("--thin", "65537"),
        ("--size", "1000"),
        ("--size", "0"),
        ("--size", "big"),
        ("--units", "0"),
        ("--units", "-1"),
        ("--block-size", "513"),
        ("--profile", "grand"),
    ],
)
def test_an_array_nobody_can_mean_is_not_created(
    run: Callable[..., Ran], tmp_path: Path, words: tuple[str, ...]
) -> None:
    ran = run("emu", "create", f"{tmp_path}/a", *words)
    assert ran.code == 2
    assert ran.err.startswith("xcopy-dev: ")
    assert not (tmp_path / "a").exists()


def test_the_profiles_are_listed_with_a_line_each_and_can_all_be_made(
    run: Callable[..., Ran], tmp_path: Path
) -> None:
    lines = run("emu", "profiles").out.splitlines()
    assert len(lines) >= 10
    assert max(map(len, lines)) <= 110
    for line in lines:
        name, description = line.split(maxsplit=1)
        assert description
        ran = run("emu", "create", f"{tmp_path}/{name}", "--profile", name, "--size", "1MiB")
        assert (ran.code, ran.out.rpartition(", ")[2]) == (0, f"profile {name}\n")
    records = run("emu", "profiles", "--json").records
    assert [r["name"] for r in records] == [line.split()[0] for line in lines]


def test_a_probed_unit_says_what_its_profile_advertises(run: Callable[..., Ran], tmp_path: Path) -> None:
    run("emu", "create", f"{tmp_path}/a", "--profile", "array-small", "--size", "1MiB")
    (record,) = run("probe", f"emu:{tmp_path}/a/1", "--json").records
    # the array in the manual page of sg_copy_results
    said = record["parameters"]
    assert (said["snlid"], said["total_concurrent_copies"]) == (False, 0)
    assert (said["maximum_cscd_count"], said["maximum_segment_count"]) == (2, 1)
    assert (said["maximum_list_length"], said["maximum_segment_length"]) == (92, 33553920)


def test_a_directory_with_something_in_it_is_left_alone(run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    assert run("emu", "create", str(tmp_path)).code == 2
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]


def test_a_device_that_cannot_be_probed_does_not_hide_the_others(
    run: Callable[..., Ran], array: Directory
) -> None:
    ran = run("probe", "/dev/null", array.unit(0), array.unit(1))
    assert ran.code == 2
    assert ran.out.count("EXTENDED COPY: yes") == 2
    assert ran.err.startswith("xcopy-dev: /dev/null")


def test_more_than_two_units_are_shown_one_by_one(run: Callable[..., Ran], array: Directory) -> None:
    records = run("probe", array.unit(0), array.unit(1), array.unit(0), "--json").records
    assert [r["record"] for r in records] == ["unit", "unit", "unit"]
    assert {"02h", "E4h"} <= set(records[0]["parameters"]["implemented_types"])

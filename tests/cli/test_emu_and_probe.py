"""`xcopy-dev emu create` and `xcopy-dev probe`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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


@pytest.mark.parametrize(
    "words",
    [
        ("--size", "1000"),
        ("--size", "0"),
        ("--size", "big"),
        ("--units", "0"),
        ("--units", "-1"),
        ("--block-size", "513"),
    ],
)
def test_an_array_nobody_can_mean_is_not_created(
    run: Callable[..., Ran], tmp_path: Path, words: tuple[str, ...]
) -> None:
    ran = run("emu", "create", f"{tmp_path}/a", *words)
    assert ran.code == 2
    assert ran.err.startswith("xcopy-dev: ")
    assert not (tmp_path / "a").exists()


def test_a_directory_with_something_in_it_is_left_alone(run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    assert run("emu", "create", str(tmp_path)).code == 2
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]


def test_two_units_are_probed_as_a_pair(run: Callable[..., Ran], array: Directory) -> None:
    ran = run("probe", array.unit(0), array.unit(1))
    assert ran.code == 0
    assert "both sides say that EXTENDED COPY can be tried" in ran.out


def test_a_device_that_cannot_be_probed_does_not_hide_the_others(
    run: Callable[..., Ran], array: Directory
) -> None:
    ran = run("probe", "/dev/null", array.unit(0))
    assert ran.code == 2
    assert "EXTENDED COPY: yes" in ran.out
    assert "/dev/null" in ran.err


def test_a_probe_in_json_has_a_line_a_unit_and_one_for_the_pair(
    run: Callable[..., Ran], array: Directory
) -> None:
    records = run("probe", array.unit(0), array.unit(1), "--json").records
    assert [r["record"] for r in records] == ["unit", "unit", "pair"]
    assert records[2]["offload"] is True
    assert {"02h", "E4h"} <= set(records[0]["parameters"]["implemented_types"])
